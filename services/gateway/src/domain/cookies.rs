//! Keeping a cookie from a service that has no use for it.

use http::{HeaderMap, HeaderValue, header::COOKIE};

/// Removes every cookie of that name.
pub fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    let mentions = |value: &HeaderValue| {
        value
            .as_bytes()
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    if !headers.get_all(COOKIE).iter().any(mentions) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| without(line, name))
        .collect();
    headers.remove(COOKIE);
    for line in kept {
        headers.append(COOKIE, line);
    }
}

fn without(line: &HeaderValue, name: &str) -> Option<HeaderValue> {
    let kept: Vec<&[u8]> = line
        .as_bytes()
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| {
            let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
            !pair.is_empty() && key.trim_ascii() != name.as_bytes()
        })
        .collect();
    if kept.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn a_cookie_is_removed_wherever_it_stands() {
        let mut cookies = headers(&["a=1; refresh=x;b=2", "refresh=y", "refreshed=z"]);
        remove_cookie(&mut cookies, "refresh");
        let left: Vec<_> = cookies.get_all(COOKIE).iter().collect();
        assert_eq!(left, ["a=1; b=2", "refreshed=z"]);
    }
}
