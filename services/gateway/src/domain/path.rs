//! One form for every path. A path is decoded and normalised once; what comes out is what
//! all filters look at *and* what is forwarded, so no spelling of a path can be seen
//! differently by the gateway and by the service behind it.

use std::borrow::Cow;

/// Bytes that a normal form may have. Escaping may triple a path, and what is forwarded must
/// still be a URI that a service reads.
pub const MAX_PATH_BYTES: usize = 8 * 1024;

/// Why a path has no normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// `%` without two hexadecimal digits.
    #[error("a percent sign is not followed by two hexadecimal digits")]
    BrokenEscape,
    /// The escapes do not spell UTF-8; overlong forms are among these.
    #[error("the escapes do not spell UTF-8")]
    NotUtf8,
    /// Contains what two readers could take for different things: a backslash, a
    /// semicolon, a control character, or an escaped slash, dot segment above the root or
    /// percent sign.
    #[error("the path is ambiguous")]
    Ambiguous,
    /// Longer than [`MAX_PATH_BYTES`].
    #[error("the path is too long")]
    TooLong,
}

/// The normal form: one leading slash, single slashes between segments, no dot segments, no
/// trailing slash, and escapes only where a character cannot stand for itself.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, PathError> {
    let normal = normal_form(path)?;
    if normal.len() > MAX_PATH_BYTES {
        return Err(PathError::TooLong);
    }
    Ok(normal)
}

fn normal_form(path: &str) -> Result<Cow<'_, str>, PathError> {
    if is_normal(path) {
        return Ok(Cow::Borrowed(path));
    }
    let relative = path.strip_prefix('/').ok_or(PathError::Ambiguous)?;
    let mut segments: Vec<String> = Vec::new();
    for raw in relative.split('/') {
        let segment = decode(raw)?;
        match segment.as_str() {
            "" | "." => {}
            ".." => {
                segments.pop().ok_or(PathError::Ambiguous)?;
            }
            _ => segments.push(segment),
        }
    }
    Ok(Cow::Owned(join(&segments)))
}

/// The path without the version: `/api/v1/x` is `/api/x`.
pub fn without_version(path: Cow<'_, str>) -> Cow<'_, str> {
    match path.strip_prefix("/api/v1/") {
        Some(rest) => Cow::Owned(["/api/", rest].concat()),
        None => path,
    }
}

/// Whether normalising would change nothing. Decides for nearly every request, so it only
/// looks at bytes.
fn is_normal(path: &str) -> bool {
    let mut previous = 0_u8;
    for (index, byte) in path.bytes().enumerate() {
        let starts_segment = previous == b'/' || index == 0;
        let fits = match byte {
            b'/' => previous != b'/',
            b'.' => !starts_segment,
            _ => stands_for_itself(byte),
        };
        if !fits || (index == 0 && byte != b'/') {
            return false;
        }
        previous = byte;
    }
    !path.is_empty() && (previous != b'/' || path.len() == 1)
}

/// Unreserved characters and delimiters without a meaning of their own inside a segment.
fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

fn decode(segment: &str) -> Result<String, PathError> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(hexadecimal);
                let high = digit().ok_or(PathError::BrokenEscape)?;
                let low = digit().ok_or(PathError::BrokenEscape)?;
                high << 4 | low
            }
            byte => byte,
        };
        bytes.push(decoded);
    }
    let text = String::from_utf8(bytes).map_err(|_| PathError::NotUtf8)?;
    let ambiguous = |c: char| c.is_control() || matches!(c, '/' | '\\' | '%' | ';');
    if text.contains(ambiguous) {
        return Err(PathError::Ambiguous);
    }
    Ok(text)
}

fn hexadecimal(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

fn join(segments: &[String]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if segments.is_empty() {
        return "/".to_owned();
    }
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        for byte in segment.bytes() {
            if stands_for_itself(byte) {
                path.push(char::from(byte));
            } else {
                path.push('%');
                path.push(char::from(DIGITS[usize::from(byte >> 4)]));
                path.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{limits::Category, routes::needs_entry};

    const RESERVE: &str = "/api/seats/reserve";

    #[test]
    fn every_spelling_has_one_form() {
        for (path, normal) in [
            ("/", "/"),
            ("//", "/"),
            ("/api/seats/reserve", RESERVE),
            ("/api/%73eats/reserve", RESERVE),
            ("/%61%70%69/seats/reserve", RESERVE),
            ("/api//seats/reserve", RESERVE),
            ("//api///seats//reserve", RESERVE),
            ("/api/seats/reserve/", RESERVE),
            ("/api/./seats/./reserve", RESERVE),
            ("/api/seats/%2e/reserve", RESERVE),
            ("/api/events/../seats/reserve", RESERVE),
            ("/api/events/%2e%2E/seats/reserve", RESERVE),
            ("/api/seats/x/../reserve", RESERVE),
            ("/api/seats/.hidden", "/api/seats/.hidden"),
            ("/api/artists/a%20b", "/api/artists/a%20b"),
            ("/api/artists/%ec%9d%b4", "/api/artists/%EC%9D%B4"),
            ("/api/artists/이", "/api/artists/%EC%9D%B4"),
            ("/api/artists/%3F%23", "/api/artists/%3F%23"),
            ("/api/artists/a|b", "/api/artists/a%7Cb"),
        ] {
            assert_eq!(normalise(path).as_deref(), Ok(normal), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_have_none() {
        for (path, error) in [
            ("", PathError::Ambiguous),
            ("*", PathError::Ambiguous),
            ("api/seats", PathError::Ambiguous),
            ("/api/seats;x/reserve", PathError::Ambiguous),
            ("/api/seats/reserve;", PathError::Ambiguous),
            ("/api/seats%3bx/reserve", PathError::Ambiguous),
            ("/api/seats%2freserve", PathError::Ambiguous),
            ("/api/seats%2Freserve", PathError::Ambiguous),
            ("/api\\seats\\reserve", PathError::Ambiguous),
            ("/api/seats%5creserve", PathError::Ambiguous),
            ("/api/seats/reserve%00", PathError::Ambiguous),
            ("/api/seats/reserve%0d%0a", PathError::Ambiguous),
            ("/api/seats/reserve%7f", PathError::Ambiguous),
            ("/api/%2573eats/reserve", PathError::Ambiguous),
            ("/api/seats%252freserve", PathError::Ambiguous),
            ("/..", PathError::Ambiguous),
            ("/api/../../etc", PathError::Ambiguous),
            ("/api/%", PathError::BrokenEscape),
            ("/api/%7", PathError::BrokenEscape),
            ("/api/%zz", PathError::BrokenEscape),
            ("/api/%+1", PathError::BrokenEscape),
            ("/api/seats%c0%afreserve", PathError::NotUtf8),
            ("/api/%c1%b3eats/reserve", PathError::NotUtf8),
            ("/api/%e0%80%af", PathError::NotUtf8),
            ("/api/%ff", PathError::NotUtf8),
        ] {
            assert_eq!(normalise(path), Err(error), "{path}");
        }
    }

    #[test]
    fn a_normal_form_is_bounded_however_it_was_spelled() {
        let longest = "a".repeat(MAX_PATH_BYTES - 1);
        for (path, length) in [
            (format!("/{longest}"), Some(MAX_PATH_BYTES)),
            (format!("/./{longest}/"), Some(MAX_PATH_BYTES)),
            (format!("/{longest}b"), None),
            (format!("/{}", "|".repeat(MAX_PATH_BYTES / 3)), Some(8_191)),
            (format!("/{}", "|".repeat(MAX_PATH_BYTES / 3 + 1)), None),
        ] {
            let normal = normalise(&path).map(|normal| normal.len());
            assert_eq!(normal, length.ok_or(PathError::TooLong));
        }
    }

    #[test]
    fn the_version_is_removed_once_and_only_whole() {
        for (path, short) in [
            ("/api/v1/events", "/api/events"),
            ("/api/v1/v1/events", "/api/v1/events"),
            ("/api/v1", "/api/v1"),
            ("/api/v11/events", "/api/v11/events"),
            ("/api/events", "/api/events"),
        ] {
            assert_eq!(without_version(Cow::Borrowed(path)), short);
        }
    }

    /// One character of a path as somebody might disguise it.
    fn disguised(character: char) -> impl Strategy<Value = String> {
        let plain = character.to_string();
        let escape = format!("%{:02x}", u32::from(character));
        let upper = escape.to_uppercase();
        let twice = format!("%25{:02x}", u32::from(character));
        let padded = match character {
            '/' => vec!["//", "/./", "/x/../", ";x/", "/%2e/", "\\"],
            _ => vec!["", "%00"],
        };
        let padded = padded
            .into_iter()
            .map(|form| {
                if character == '/' {
                    form.to_owned()
                } else {
                    format!("{character}{form}")
                }
            })
            .collect::<Vec<_>>();
        prop_oneof![
            6 => Just(plain),
            2 => Just(escape),
            1 => Just(upper),
            1 => Just(twice),
            2 => proptest::sample::select(padded),
        ]
    }

    fn disguised_path(path: &'static str) -> impl Strategy<Value = String> {
        path.chars()
            .map(disguised)
            .collect::<Vec<_>>()
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        /// Either a disguise is refused, or it is seen as the path that it stands for.
        #[test]
        fn a_booking_path_cannot_be_disguised(
            path in prop_oneof![
                disguised_path("/api/seats/reserve"),
                disguised_path("/api/reservations"),
                disguised_path("/api/v1/seats/reserve"),
            ]
        ) {
            if let Ok(normal) = normalise(&path) {
                let short = without_version(normal);
                prop_assert!(short == RESERVE || short == "/api/reservations", "{short}");
                prop_assert_eq!(Category::of(&short), Category::Booking);
                prop_assert!(needs_entry(&http::Method::POST, &short));
            }
        }

        /// A second pass changes nothing, whatever comes in.
        #[test]
        fn a_normal_form_is_its_own(path in "/[ -~가-힣]{0,40}") {
            if let Ok(normal) = normalise(&path) {
                let again = normalise(&normal).map(Cow::into_owned);
                prop_assert_eq!(again, Ok(normal.clone().into_owned()));
            }
        }

        /// The path of a request after one more decoding, as a service would do it, has no
        /// slash, backslash or dot segment that the gateway did not see.
        #[test]
        fn decoding_it_again_adds_no_structure(path in "/([a-z./;%\\\\]|%2[ef5]|%5c|/){0,24}") {
            if let Ok(normal) = normalise(&path) {
                for segment in normal.split('/').skip(1) {
                    let decoded = decode(segment).expect("a normal form decodes");
                    prop_assert!(!decoded.contains(['/', '\\', ';']));
                    prop_assert!(decoded != "." && decoded != "..");
                }
            }
        }
    }
}
