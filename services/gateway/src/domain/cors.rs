//! Which pages of other origins may call us, and what a browser is told about it.

use std::str::FromStr;

use http::{
    HeaderMap, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
    },
};

use urr_contract::headers::CHECK_IN_TOKEN;

const METHODS: &str = "GET,POST,PUT,DELETE,PATCH,OPTIONS";
const REQUEST_HEADERS: [&str; 4] = [
    "authorization",
    "content-type",
    "x-queue-entry-token",
    CHECK_IN_TOKEN,
];
const MAX_AGE_SECONDS: &str = "3600";
const VARIES_BY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// An origin that may call: `https://shop.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// Why an origin cannot be allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an origin such as https://shop.example, without path; * cannot go with cookies")]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://").ok_or(OriginError)?;
        let plausible = matches!(scheme, "http" | "https")
            && !authority.is_empty()
            && !authority.contains(['/', '*', ' ', '?', '#', '@']);
        plausible.then_some(Self(text)).ok_or(OriginError)
    }
}

/// What the origin of a request means for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Not a call from another origin; nothing to say about it.
    SameOrigin,
    /// An allowed origin: the answer says so.
    Allowed(HeaderValue),
    /// A preflight to be answered with these headers at once.
    Preflight(HeaderMap),
    /// An origin, method or header that is not allowed.
    Refused,
}

/// Who may call from elsewhere.
#[derive(Clone, Debug)]
pub struct Policy(Vec<Origin>);

impl Policy {
    /// Allows these origins.
    pub fn new(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    /// Decides about one request.
    pub fn decide(&self, method: &Method, headers: &HeaderMap) -> Decision {
        let Some(origin) = headers.get(ORIGIN) else {
            return Decision::SameOrigin;
        };
        if is_own_origin(origin, headers) {
            return Decision::SameOrigin;
        }
        if !self.allows(origin) {
            return Decision::Refused;
        }
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
        match wanted.filter(|_| *method == Method::OPTIONS) {
            None => Decision::Allowed(origin.clone()),
            Some(wanted) => {
                preflight(origin, wanted, headers).map_or(Decision::Refused, Decision::Preflight)
            }
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.0
            .iter()
            .any(|allowed| allowed.0.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
    }
}

/// Adds to an answer what it says about the origin of its request. Caches are always told
/// that the answer depends on it.
pub fn mark(decision: &Decision, headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static(VARIES_BY));
    if let Decision::Allowed(origin) = decision {
        allow(origin, headers);
    }
}

fn allow(origin: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
}

/// The page came from this very host. The scheme is left out because TLS may end before us.
fn is_own_origin(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, authority)| authority);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

fn preflight(origin: &HeaderValue, method: &HeaderValue, headers: &HeaderMap) -> Option<HeaderMap> {
    let method = method.to_str().ok()?;
    if !METHODS.split(',').any(|allowed| allowed == method) {
        return None;
    }
    let mut answer = HeaderMap::new();
    allow(origin, &mut answer);
    answer.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(METHODS),
    );
    answer.insert(
        ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static(MAX_AGE_SECONDS),
    );
    if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        let granted = granted_headers(wanted.to_str().ok()?)?;
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, granted);
    }
    Some(answer)
}

/// Those of the wanted headers that are allowed; `None` if some are wanted and none is.
fn granted_headers(wanted: &str) -> Option<HeaderValue> {
    let granted: Vec<&str> = wanted
        .split(',')
        .map(str::trim)
        .filter(|name| {
            REQUEST_HEADERS
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name))
        })
        .collect();
    if granted.is_empty() && !wanted.trim().is_empty() {
        return None;
    }
    HeaderValue::from_str(&granted.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy::new(vec!["http://localhost:3000".parse().expect("an origin")])
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn an_origin_is_allowed_refused_or_our_own() {
        for (pairs, expected) in [
            (vec![], Decision::SameOrigin),
            (
                vec![("origin", "http://gate:3001"), ("host", "gate:3001")],
                Decision::SameOrigin,
            ),
            (
                vec![("origin", "http://localhost:3000"), ("host", "gate:3001")],
                Decision::Allowed(HeaderValue::from_static("http://localhost:3000")),
            ),
            (vec![("origin", "http://localhost:3001")], Decision::Refused),
            (vec![("origin", "http://evil.example")], Decision::Refused),
            (vec![("origin", "null")], Decision::Refused),
            (
                vec![("origin", "http://localhost:3000.evil.example")],
                Decision::Refused,
            ),
        ] {
            assert_eq!(
                policy().decide(&Method::GET, &headers(&pairs)),
                expected,
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn a_preflight_is_granted_what_is_allowed() {
        let request = headers(&[
            ("origin", "http://localhost:3000"),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization, x-other"),
        ]);
        let Decision::Preflight(answer) = policy().decide(&Method::OPTIONS, &request) else {
            panic!("not a preflight");
        };
        assert_eq!(
            answer["access-control-allow-origin"],
            "http://localhost:3000"
        );
        assert_eq!(answer["access-control-allow-methods"], METHODS);
        assert_eq!(answer["access-control-allow-headers"], "authorization");
        assert_eq!(answer["access-control-allow-credentials"], "true");
        assert_eq!(answer["access-control-max-age"], "3600");
    }

    #[test]
    fn a_preflight_for_what_is_not_allowed_is_refused() {
        for (method, wanted) in [("TRACE", "authorization"), ("GET", "x-other")] {
            let request = headers(&[
                ("origin", "http://localhost:3000"),
                ("access-control-request-method", method),
                ("access-control-request-headers", wanted),
            ]);
            assert_eq!(
                policy().decide(&Method::OPTIONS, &request),
                Decision::Refused
            );
        }
    }

    #[test]
    fn origins_are_checked_when_configured() {
        for text in [
            "*",
            "localhost:3000",
            "http://a/b",
            "ftp://a",
            "http://",
            "",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(OriginError), "{text}");
        }
        assert_eq!(
            "HTTPS://Shop.Example/".parse(),
            Ok(Origin("https://shop.example".to_owned()))
        );
    }
}
