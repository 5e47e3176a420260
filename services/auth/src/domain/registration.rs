//! What somebody must give to get an account, with the words of each refusal.

use urr_contract::Language;

use super::{
    email::Email,
    password::{Password, PasswordError},
};

/// Longest name, in characters.
pub const MAX_NAME_CHARACTERS: usize = 100;
/// Longest phone number, in characters.
pub const MAX_PHONE_CHARACTERS: usize = 20;

/// What is wrong with a field. The text is for people; the contract fixes some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A required field is missing or blank.
    #[error("must not be blank")]
    Blank,
    /// Not of the form of an e-mail address.
    #[error("must be a well-formed email address")]
    Email,
    /// Password too short.
    #[error("Password must be at least 8 characters")]
    PasswordTooShort,
    /// Password too long for bcrypt.
    #[error("Password must be at most 72 bytes")]
    PasswordTooLong,
    /// Name too long.
    #[error("Name must be at most 100 characters")]
    NameTooLong,
    /// Name with characters that no name has.
    #[error("Name must not contain control characters")]
    NameUnprintable,
    /// Phone number too long.
    #[error("Phone must be at most 20 characters")]
    PhoneTooLong,
    /// Phone number with characters that no number has.
    #[error("Phone must not contain control characters")]
    PhoneUnprintable,
    /// Not a language that is spoken here.
    #[error("Language must be ko or en")]
    Language,
}

impl From<PasswordError> for Violation {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooShort => Self::PasswordTooShort,
            PasswordError::TooLong => Self::PasswordTooLong,
        }
    }
}

/// A valid wish for an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Under which e-mail.
    pub email: Email,
    /// With which password.
    pub password: Password,
    /// The person's name, trimmed.
    pub name: String,
    /// The person's phone number, if given.
    pub phone: Option<String>,
}

/// An e-mail and a password that shall be compared.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose account.
    pub email: Email,
    /// The password to compare.
    pub password: Password,
}

impl Registration {
    /// Checks the fields in the order in which the form has them.
    pub fn new(
        email: Option<String>,
        password: Option<String>,
        name: Option<String>,
        phone: Option<String>,
    ) -> Result<Self, Violation> {
        let email = parse_email(email)?;
        let password = Password::new(present(password)?)?;
        Ok(Self {
            email,
            password,
            name: parse_name(name)?,
            phone: parse_phone(phone)?,
        })
    }
}

/// What a person wishes to change about themselves; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The name, trimmed.
    pub name: Option<String>,
    /// In which language to write to them.
    pub language: Option<Language>,
}

impl ProfileChange {
    /// Checks the fields that are given.
    pub fn new(name: Option<String>, language: Option<&str>) -> Result<Self, Violation> {
        Ok(Self {
            name: name.map(|name| parse_name(Some(name))).transpose()?,
            language: language
                .map(str::parse)
                .transpose()
                .map_err(|_| Violation::Language)?,
        })
    }
}

impl Credentials {
    /// Checks the form only; whether they are right is for the account to say.
    pub fn new(email: Option<String>, password: Option<String>) -> Result<Self, Violation> {
        Ok(Self {
            email: parse_email(email)?,
            password: Password::to_compare(present(password)?)?,
        })
    }
}

/// A name that was not typed by the person but by somebody else's system: cut, not refused.
pub fn tidy_name(name: &str) -> Option<String> {
    let tidy: String = name
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_NAME_CHARACTERS)
        .collect();
    let tidy = tidy.trim();
    (!tidy.is_empty()).then(|| tidy.to_owned())
}

fn present(field: Option<String>) -> Result<String, Violation> {
    field
        .filter(|text| !text.trim().is_empty())
        .ok_or(Violation::Blank)
}

fn parse_name(field: Option<String>) -> Result<String, Violation> {
    let name = present(field)?.trim().to_owned();
    if name.chars().count() > MAX_NAME_CHARACTERS {
        return Err(Violation::NameTooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(Violation::NameUnprintable);
    }
    Ok(name)
}

fn parse_email(field: Option<String>) -> Result<Email, Violation> {
    Email::parse(&present(field)?).ok_or(Violation::Email)
}

fn parse_phone(field: Option<String>) -> Result<Option<String>, Violation> {
    let Ok(phone) = present(field) else {
        return Ok(None);
    };
    let phone = phone.trim();
    if phone.chars().count() > MAX_PHONE_CHARACTERS {
        return Err(Violation::PhoneTooLong);
    }
    if phone.chars().any(char::is_control) {
        return Err(Violation::PhoneUnprintable);
    }
    Ok(Some(phone.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(
        email: &str,
        password: &str,
        name: &str,
        phone: &str,
    ) -> Result<Registration, Violation> {
        let field = |text: &str| Some(text.to_owned());
        Registration::new(field(email), field(password), field(name), field(phone))
    }

    #[test]
    fn the_first_wrong_field_is_named() {
        let violation = |email: &str, password: &str, name: &str, phone: &str| {
            register(email, password, name, phone).map(|_| ()).err()
        };
        assert_eq!(violation("a@b.kr", "12345678", "홍길동", ""), None);
        assert_eq!(violation(" ", "short", "", ""), Some(Violation::Blank));
        assert_eq!(violation("a", "short", "", ""), Some(Violation::Email));
        assert_eq!(
            violation("a@b.kr", "short", "", ""),
            Some(Violation::PasswordTooShort)
        );
        assert_eq!(
            violation("a@b.kr", &"가".repeat(30), "", ""),
            Some(Violation::PasswordTooLong)
        );
        assert_eq!(
            violation("a@b.kr", "12345678", "\u{2003}", ""),
            Some(Violation::Blank)
        );
        assert_eq!(
            violation("a@b.kr", "12345678", &"ᄒ".repeat(300), ""),
            Some(Violation::NameTooLong)
        );
        assert_eq!(
            violation("a@b.kr", "12345678", "a\0b", ""),
            Some(Violation::NameUnprintable)
        );
        assert_eq!(
            violation("a@b.kr", "12345678", "a", &"1".repeat(21)),
            Some(Violation::PhoneTooLong)
        );
        assert_eq!(
            violation("a@b.kr", "12345678", "a", "1\u{7}"),
            Some(Violation::PhoneUnprintable)
        );
    }

    #[test]
    fn names_are_kept_as_people_write_them() {
        for name in [
            "홍길동",
            "👩‍🚀 Ana",
            "שלום",
            "<script>",
            "=cmd",
            &"가".repeat(100),
        ] {
            let registration =
                register("a@b.kr", "12345678", &format!(" {name} "), " ").expect("valid");
            assert_eq!(registration.name, name);
            assert_eq!(registration.phone, None);
        }
    }

    #[test]
    fn a_foreign_name_is_cut_to_fit() {
        assert_eq!(tidy_name(" An\u{0}a\n").as_deref(), Some("Ana"));
        assert_eq!(tidy_name("\n \t"), None);
        assert_eq!(
            tidy_name(&"가".repeat(300)).map(|name| name.chars().count()),
            Some(100)
        );
    }
}
