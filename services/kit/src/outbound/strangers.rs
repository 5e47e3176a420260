//! Calls to addresses that somebody else names, such as an organiser's webhook. Whoever names an
//! address must not reach through us what only we can reach: our own services, the machine, the
//! metadata of a cloud. So the name is resolved here, and only a public address is connected to:
//! the one that was checked is the one that is called.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::TokioExecutor,
};
use tower::Service;

use super::{CONNECT_TIMEOUT, IDLE_TIMEOUT, OutboundError, over_tls};

/// As much of an answer as is read, in bytes.
pub const MAX_EXCERPT_BYTES: usize = 4 * 1024;

/// Where calls may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Over TLS to public addresses.
    Public,
    /// Anywhere and over plain HTTP too: for demonstrations and tests on one machine.
    Anywhere,
}

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Not over TLS.
    #[error("must begin with https://")]
    Scheme,
    /// It has no host.
    #[error("must name a host")]
    NoHost,
    /// The machine, our network, or nowhere.
    #[error("must not lead to a private address")]
    Private,
}

impl Reach {
    /// Refuses addresses that cannot be called whatever their names resolve to.
    pub fn check(self, uri: &Uri) -> Result<(), Unreachable> {
        let is_allowed = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => self == Self::Anywhere,
            _ => false,
        };
        if !is_allowed {
            return Err(Unreachable::Scheme);
        }
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or(Unreachable::NoHost)?;
        if self == Self::Public && is_private_host(host) {
            return Err(Unreachable::Private);
        }
        Ok(())
    }
}

/// An address in figures is connected to without asking the resolver.
fn is_private_host(host: &str) -> bool {
    let figures = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = figures.parse::<IpAddr>() {
        return !is_public(address);
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is one of the public internet, by the registries of special addresses of
/// IANA.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224.., ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [100, 64..=127, ..]
            | [198, 18 | 19, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64 leads to the IPv4 address at its end.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocols with addresses of their own (Teredo among them), documentation, and 6to4,
        // which leads to any IPv4 address.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that is global unicast. IPv4 in IPv6, local and link-local addresses, multicast
        // and what is reserved lie outside.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// The resolver of a client, which finds public addresses only.
#[derive(Clone, Debug)]
struct Resolver {
    system: GaiResolver,
    reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.system.call(name);
        let reach = self.reach;
        Box::pin(async move { allowed(found.await?, reach) })
    }
}

fn allowed(
    found: impl Iterator<Item = SocketAddr>,
    reach: Reach,
) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let allowed: Vec<_> = found
        .filter(|address| reach == Reach::Anywhere || is_public(address.ip()))
        .collect();
    if allowed.is_empty() {
        return Err(io::Error::other("the name has no public address"));
    }
    Ok(allowed.into_iter())
}

/// The answer of a stranger: no more of it than is worth looking at.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status. Redirects are not followed.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub excerpt: Bytes,
}

/// A client for addresses that others name.
#[derive(Clone, Debug)]
pub struct Strangers {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    reach: Reach,
}

impl Strangers {
    /// A client that goes so far. The system's certificates must be there.
    pub fn new(reach: Reach) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new_with_resolver(Resolver {
            system: GaiResolver::new(),
            reach,
        });
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(2)
            .build(over_tls(connector, reach == Reach::Anywhere)?);
        Ok(Self { client, reach })
    }

    /// Where this client goes.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The beginning of the answer to a request, within `timeout`. It is sent once.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Answer, OutboundError> {
        self.reach
            .check(request.uri())
            .map_err(|error| OutboundError::Transport(error.into()))?;
        tokio::time::timeout(timeout, self.exchange(request))
            .await
            .map_err(|_| OutboundError::Late)?
            .map_err(OutboundError::Transport)
    }

    async fn exchange(&self, request: Request<Bytes>) -> anyhow::Result<Answer> {
        let answer = self.client.request(request.map(Full::new)).await?;
        let (parts, body) = answer.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            excerpt: beginning(body).await?,
        })
    }
}

/// Reads as much as is wanted and lets the rest go with the connection.
async fn beginning(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = MAX_EXCERPT_BYTES - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if read.len() == MAX_EXCERPT_BYTES {
            break;
        }
    }
    Ok(read.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(
                !is_public(special.parse().expect("an address")),
                "{special}"
            );
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn only_tls_to_public_hosts_is_checked_well() {
        let check = |text: &str, reach: Reach| reach.check(&text.parse().expect("a URL"));
        for text in [
            "https://hooks.example.com/x",
            "https://8.8.8.8/",
            "https://[2606:4700::1]:8443/",
        ] {
            assert_eq!(check(text, Reach::Public), Ok(()), "{text}");
        }
        for text in [
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost:3001/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            assert_eq!(
                check(text, Reach::Public),
                Err(Unreachable::Private),
                "{text}"
            );
            assert_eq!(check(text, Reach::Anywhere), Ok(()), "{text}");
        }
        assert_eq!(
            check("http://example.com/", Reach::Public),
            Err(Unreachable::Scheme)
        );
        assert_eq!(
            check("/only/a/path", Reach::Anywhere),
            Err(Unreachable::Scheme)
        );
    }

    #[test]
    fn of_a_name_only_public_addresses_are_connected_to() {
        let found = ["10.0.0.1:443", "8.8.8.8:443", "[::1]:443"]
            .map(|text| text.parse().expect("an address"));
        let kept: Vec<SocketAddr> = allowed(found.into_iter(), Reach::Public)
            .expect("one is left")
            .collect();
        assert_eq!(kept, [found[1]]);
        assert!(allowed([found[0]].into_iter(), Reach::Public).is_err());
        assert_eq!(
            allowed(found.into_iter(), Reach::Anywhere)
                .expect("all")
                .count(),
            3
        );
    }
}
