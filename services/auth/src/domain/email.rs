//! E-mail addresses in the one form in which they are stored and compared.

/// Longest address, in characters.
const MAX_LENGTH: usize = 255;
/// Longest part before the `@`.
const MAX_LOCAL_LENGTH: usize = 64;

/// An address that is trimmed, in lower case and of a plausible form.
///
/// ASCII only: a second way of writing one address would be a second account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The address in `text`; `None` where it has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        let is_valid = local.len() <= MAX_LOCAL_LENGTH
            && local.split('.').all(is_atom)
            && domain.split('.').all(is_label);
        is_valid.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_atom(atom: &str) -> bool {
    !atom.is_empty()
        && atom
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_lowered() {
        let email = Email::parse("  Ana.Kim+Tickets@Example.COM ").expect("is an address");
        assert_eq!(email.as_str(), "ana.kim+tickets@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let very_long = format!("a@{}.com", "b".repeat(300));
        for text in [
            "",
            " ",
            "@",
            "ana",
            "ana@",
            "@example.com",
            "ana@@example.com",
            "ana kim@example.com",
            "ana@exa mple.com",
            "ana@-example.com",
            "ana@example..com",
            ".ana@example.com",
            "ana\0@example.com",
            "ana@example.com\r\nbcc: x@y.z",
            "아나@example.com",
            "ana@예.한국",
            "ａna@example.com",
            &long,
            &very_long,
        ] {
            assert_eq!(Email::parse(text), None, "{text:?}");
        }
    }
}
