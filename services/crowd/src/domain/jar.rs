//! A cookie jar for one fan and one host: as much of RFC 6265 as the platform uses.
//!
//! Small on purpose, because there is one per fan. Domains are left out: a jar is only
//! ever shown the gateway.

use jiff::{SignedDuration, Timestamp};

/// A cookie that a server set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: Box<str>,
    value: Box<str>,
    path: Box<str>,
    ends_at: Option<Timestamp>,
}

/// One fan's cookies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar(Vec<Cookie>);

/// What a `Set-Cookie` header says.
struct SetCookie<'header> {
    name: &'header str,
    value: &'header str,
    path: Option<&'header str>,
    max_age: Option<i64>,
    secure: bool,
}

impl Jar {
    /// Takes in one `Set-Cookie` header of the answer to `request_path`. A `Secure` cookie is
    /// refused, because fans come over plain HTTP; one without life left is taken out.
    pub fn store(&mut self, header: &str, request_path: &str, now: Timestamp) {
        let Some(set) = parse(header) else { return };
        let path = set.path.unwrap_or_else(|| default_path(request_path));
        self.0
            .retain(|cookie| &*cookie.name != set.name || &*cookie.path != path);
        if set.secure || set.max_age.is_some_and(|seconds| seconds <= 0) {
            return;
        }
        self.0.push(Cookie {
            name: set.name.into(),
            value: set.value.into(),
            path: path.into(),
            ends_at: set
                .max_age
                .and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok()),
        });
    }

    /// Returns the `Cookie` header for a request to `path`, if any cookie belongs there.
    /// Longer paths come first.
    pub fn header(&self, path: &str, now: Timestamp) -> Option<String> {
        let mut cookies: Vec<&Cookie> = self
            .0
            .iter()
            .filter(|cookie| cookie.ends_at.is_none_or(|end| now < end))
            .filter(|cookie| path_matches(path, &cookie.path))
            .collect();
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

fn parse(header: &str) -> Option<SetCookie<'_>> {
    let mut parts = header.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let mut set = SetCookie {
        name: name.trim(),
        value: value.trim(),
        path: None,
        max_age: None,
        secure: false,
    };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => set.path = Some(value.trim()).filter(|path| path.starts_with('/')),
            "max-age" => set.max_age = value.trim().parse().ok(),
            "secure" => set.secure = true,
            _ => {}
        }
    }
    (!set.name.is_empty()).then_some(set)
}

/// Path of a cookie that names none: the request's, up to its last slash.
fn default_path(request_path: &str) -> &str {
    match request_path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => request_path.get(..end).unwrap_or("/"),
    }
}

fn path_matches(request: &str, cookie: &str) -> bool {
    let request = request.split('?').next().unwrap_or(request);
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn jar(headers: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for header in headers {
            jar.store(header, "/api/v1/auth/login", at(0));
        }
        jar
    }

    #[test]
    fn a_cookie_goes_where_its_path_says() {
        let jar = jar(&["a=1; Path=/; HttpOnly; SameSite=Lax", "r=2; Path=/api/auth"]);
        for (path, expected) in [
            ("/", Some("a=1")),
            ("/api/auth", Some("r=2; a=1")),
            ("/api/auth/refresh?x=1", Some("r=2; a=1")),
            ("/api/authors", Some("a=1")),
            ("/api/v1/auth/refresh", Some("a=1")),
        ] {
            assert_eq!(jar.header(path, at(1)).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_cookie_without_a_path_belongs_beside_its_request() {
        let jar = jar(&["a=1"]);
        assert!(jar.header("/api/v1/auth/me", at(1)).is_some());
        assert_eq!(jar.header("/api/v1/events", at(1)), None);
    }

    #[test]
    fn a_new_value_takes_the_place_of_the_old() {
        let jar = jar(&["a=1; Path=/", "a=2; Path=/"]);
        assert_eq!(jar.header("/", at(1)).as_deref(), Some("a=2"));
    }

    #[test]
    fn max_age_ends_a_cookie_and_zero_removes_it() {
        let short = jar(&["a=1; Path=/; Max-Age=10"]);
        assert!(short.header("/", at(9)).is_some());
        assert_eq!(short.header("/", at(10)), None);
        let removed = jar(&["a=1; Path=/", "a=; Path=/; Max-Age=0"]);
        assert_eq!(removed, Jar::default());
    }

    #[test]
    fn a_secure_cookie_is_refused_over_plain_http() {
        assert_eq!(jar(&["a=1; Path=/; Secure"]), Jar::default());
    }

    #[test]
    fn what_is_no_cookie_is_ignored() {
        assert_eq!(jar(&["", "nonsense", "=1; Path=/"]), Jar::default());
    }
}
