//! Which headers travel: nothing that concerns one connection only, and nothing from outside
//! that services take for the gateway's word.

use http::{
    HeaderMap, HeaderName,
    header::{
        CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
        UPGRADE,
    },
};
use urr_contract::headers::{CLIENT_ADDRESS, CLOUDFRONT_VERIFIED, GATEWAY_TOKEN, INTERNAL_TOKEN};

use crate::domain::client::FORWARDED_FOR;

/// Removes from a request what must not reach a service.
pub fn clean_request(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    remove_all(headers, |name| is_gateways_word(name.as_str()));
}

/// Removes from an answer what concerns the connection to the service only.
pub fn clean_response(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        remove_named_by_connection(headers);
    }
    remove_all(headers, is_hop_by_hop);
}

/// Headers that only the gateway may set, and claims about the client's address.
fn is_gateways_word(name: &str) -> bool {
    name.starts_with("x-user-")
        || name.starts_with("x-entry-")
        || matches!(
            name,
            GATEWAY_TOKEN
                | CLIENT_ADDRESS
                | CLOUDFRONT_VERIFIED
                | INTERNAL_TOKEN
                | FORWARDED_FOR
                | "forwarded"
                | "x-real-ip"
        )
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    const BY_TYPE: [HeaderName; 7] = [
        CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    BY_TYPE.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// A `Connection` header names others that belong to the connection as well.
fn remove_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// One look at each header; nearly always nothing is found and nothing is changed.
fn remove_all(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    while let Some(name) = headers.keys().find(|name| unwanted(name)).cloned() {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(names: &[&str]) -> HeaderMap {
        names
            .iter()
            .map(|name| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                (name, HeaderValue::from_static("x"))
            })
            .collect()
    }

    #[test]
    fn the_gateways_word_is_removed_in_any_case() {
        let mut request = headers(&[
            "X-User-Id",
            "x-USER-role",
            "X-User-Anything",
            "X-Entry-Event",
            "X-ENTRY-ADMISSION",
            "X-Gateway-Token",
            "X-Client-Address",
            "X-Forwarded-For",
            "X-CloudFront-Verified",
            "X-Internal-Token",
            "X-Other",
        ]);
        clean_request(&mut request);
        assert_eq!(request, headers(&["x-other"]));
    }

    #[test]
    fn what_belongs_to_the_connection_stays_behind() {
        let mut request = headers(&["te", "upgrade", "keep-alive", "x-hop", "x-stays"]);
        request.insert(CONNECTION, HeaderValue::from_static("close, X-Hop"));
        clean_request(&mut request);
        assert_eq!(request, headers(&["x-stays"]));
    }
}
