//! Who is counted: the signed-in person, else the address the request came from.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use http::HeaderMap;
use urr_contract::UserId;

/// Name of the header by which proxies say whom they speak for.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// One client as rate limits see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientId {
    /// A person, wherever they are.
    User(UserId),
    /// Whoever is at this address.
    Address(IpAddr),
}

impl ClientId {
    /// The person if there is one, else the address. A site that hands out IPv6 gives one
    /// client a whole /64, so that counts as one address.
    pub fn new(user: Option<UserId>, address: IpAddr) -> Self {
        match (user, address) {
            (Some(user), _) => Self::User(user),
            (None, IpAddr::V6(address)) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self::Address(Ipv6Addr::from_bits(network).into())
            }
            (None, address) => Self::Address(address),
        }
    }

    /// Bits that spread clients evenly; the same on every gateway.
    pub fn spread(self) -> u64 {
        let bits = match self {
            Self::User(user) => user.0.as_u128(),
            Self::Address(IpAddr::V4(address)) => u128::from(address.to_bits()),
            Self::Address(IpAddr::V6(address)) => address.to_bits() >> 64,
        };
        let folded = (bits ^ (bits >> 64)) & u128::from(u64::MAX);
        let folded = u64::try_from(folded).unwrap_or(u64::MAX);
        // Fibonacci hashing: neighbouring addresses end far apart.
        folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
    }
}

/// As in Redis keys: `user:<id>` or `ip:<address>`.
impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{user}"),
            Self::Address(address) => write!(f, "ip:{address}"),
        }
    }
}

/// A range of addresses, as `10.0.0.0/8` or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: u128,
    mask: u128,
}

/// Why a network cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an address or a network such as 10.0.0.0/8")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = match length {
            Some(length) => length.parse().map_err(|_| NetworkError)?,
            None => width,
        };
        if length > width {
            return Err(NetworkError);
        }
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        let base = bits(address) & mask;
        Ok(Self { base, mask })
    }
}

impl Network {
    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.base
    }
}

/// IPv4 as its mapped IPv6 form, so that both live in one space.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Proxies whose word about the client is taken. None, unless configured.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Trusts these.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Address of the client: the peer of the connection or, behind a trusted proxy, the last
    /// address in `X-Forwarded-For` that is not a trusted proxy itself. What stands left of
    /// that was written by the client and means nothing.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if self.0.is_empty() || !self.trusts(client) {
            return client;
        }
        let named: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for text in named.into_iter().rev() {
            let Ok(address) = text.trim().parse::<IpAddr>() else {
                break;
            };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn forwarded(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        headers
    }

    fn trusting(networks: &[&str]) -> TrustedProxies {
        TrustedProxies::new(
            networks
                .iter()
                .map(|text| text.parse().expect("a network"))
                .collect(),
        )
    }

    #[test]
    fn nobody_is_trusted_unless_configured() {
        let headers = forwarded(&["9.9.9.9"]);
        let peer = address("10.0.0.1");
        assert_eq!(trusting(&[]).client_address(peer, &headers), peer);
        assert_eq!(trusting(&["10.0.0.2"]).client_address(peer, &headers), peer);
    }

    #[test]
    fn the_nearest_untrusted_address_is_the_client() {
        let proxies = trusting(&["10.0.0.0/8", "fd00::/8"]);
        for (values, client) in [
            (vec![], "10.0.0.1"),
            (vec!["1.2.3.4"], "1.2.3.4"),
            (vec!["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (vec!["6.6.6.6", "1.2.3.4, 10.9.9.9"], "1.2.3.4"),
            (vec!["10.1.1.1, fd00::7"], "10.1.1.1"),
            (vec!["1.2.3.4, nonsense"], "10.0.0.1"),
            (vec!["1.2.3.4, nonsense, 10.2.2.2"], "10.2.2.2"),
            (vec!["::ffff:1.2.3.4"], "1.2.3.4"),
        ] {
            assert_eq!(
                proxies.client_address(address("::ffff:10.0.0.1"), &forwarded(&values)),
                address(client),
                "{values:?}"
            );
        }
    }

    #[test]
    fn networks_are_read() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.8"),
            ("fd00::/8", "fd12::1", "fe80::1"),
        ] {
            let network: Network = network.parse().expect("a network");
            assert!(network.contains(address(inside)));
            assert!(!network.contains(address(outside)));
        }
        let everything: Network = "::/0".parse().expect("a network");
        assert!(everything.contains(address("1.1.1.1")));
        for broken in ["", "10.0.0.0/33", "10.0.0", "::/129", "10.0.0.0/-1", "host"] {
            assert_eq!(broken.parse::<Network>(), Err(NetworkError), "{broken}");
        }
    }

    #[test]
    fn a_client_is_the_person_or_the_address() {
        let user = UserId(uuid::Uuid::from_u128(7));
        let home = address("2001:db8:1:2:aaaa::1");
        assert_eq!(ClientId::new(Some(user), home), ClientId::User(user));
        assert_eq!(ClientId::new(None, home).to_string(), "ip:2001:db8:1:2::");
        assert_eq!(
            ClientId::new(None, address("1.2.3.4")).to_string(),
            "ip:1.2.3.4"
        );
        assert_eq!(
            ClientId::new(Some(user), home).to_string(),
            "user:00000000-0000-0000-0000-000000000007"
        );
    }
}
