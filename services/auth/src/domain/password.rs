//! Passwords and their stored hashes.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

/// Fewest characters of a new password.
pub const MIN_CHARACTERS: usize = 8;
/// Most bytes: bcrypt reads no further, so a longer one would be silently cut.
pub const MAX_BYTES: usize = 72;
/// Cost of new hashes.
pub const COST: u32 = 12;
/// Stored instead of a hash where only Google signs in.
pub const NO_PASSWORD: &str = "OAUTH_USER_NO_PASSWORD";

/// Compared against where an account has no hash, so that its absence takes as long as a
/// wrong password. Its salt and digest are all zero: no password is known to give that.
const DUMMY_HASH: &str = "$2b$12$.....................................................";

/// A password as somebody typed it, of a length that can be hashed.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// Why a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Fewer than [`MIN_CHARACTERS`].
    TooShort,
    /// More than [`MAX_BYTES`].
    TooLong,
}

impl Password {
    /// A password for a new hash.
    pub fn new(text: String) -> Result<Self, PasswordError> {
        if text.chars().count() < MIN_CHARACTERS {
            return Err(PasswordError::TooShort);
        }
        Self::to_compare(text)
    }

    /// A password that shall be compared; a short one is just wrong.
    pub fn to_compare(text: String) -> Result<Self, PasswordError> {
        if text.len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(text.into()))
    }

    /// Its text, to be hashed.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A stored value that a password is compared with.
#[derive(Clone, Debug)]
pub struct StoredHash {
    hash: String,
    cost: u32,
    is_dummy: bool,
}

impl StoredHash {
    /// What is stored for an account, if there is one. Where it is no bcrypt hash, the dummy.
    pub fn new(stored: Option<String>) -> Self {
        match stored.and_then(|hash| Some((cost_of(&hash)?, hash))) {
            Some((cost, hash)) => Self {
                hash,
                cost,
                is_dummy: false,
            },
            None => Self {
                hash: DUMMY_HASH.to_owned(),
                cost: COST,
                is_dummy: true,
            },
        }
    }

    /// Cost of the hash, which says how long comparing takes.
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether it was made of a password at all, which may be compared with it.
    pub fn is_of_a_password(&self) -> bool {
        !self.is_dummy
    }

    /// Whether `password` is the one. Blocks for as long as the cost says.
    pub fn matches(&self, password: &Password) -> bool {
        let equal = bcrypt::verify(password.expose(), &self.hash).unwrap_or(false);
        equal && !self.is_dummy
    }
}

fn cost_of(hash: &str) -> Option<u32> {
    bcrypt::HashParts::from_str(hash)
        .ok()
        .map(|parts| parts.get_cost())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned()).expect("usable")
    }

    #[test]
    fn characters_count_below_and_bytes_above() {
        let error = |text: String| Password::new(text).map(|_| ()).err();
        assert_eq!(error("1234567".to_owned()), Some(PasswordError::TooShort));
        assert_eq!(error("비밀번호여덟글자".to_owned()), None);
        assert_eq!(error("x".repeat(72)), None);
        assert_eq!(error("x".repeat(73)), Some(PasswordError::TooLong));
        assert_eq!(error("가".repeat(25)), Some(PasswordError::TooLong));
    }

    #[test]
    fn hashes_of_any_cost_and_version_are_compared() {
        for version in [
            bcrypt::Version::TwoA,
            bcrypt::Version::TwoB,
            bcrypt::Version::TwoY,
        ] {
            let hash = bcrypt::hash_with_result("Passw0rd!x", 4)
                .expect("hashed")
                .format_for_version(version);
            let stored = StoredHash::new(Some(hash));
            assert_eq!(stored.cost(), 4);
            assert!(stored.matches(&password("Passw0rd!x")));
            assert!(!stored.matches(&password("Passw0rd!y")));
        }
    }

    #[test]
    fn all_72_bytes_count() {
        let stored = StoredHash::new(Some(bcrypt::hash("x".repeat(72), 4).expect("hashed")));
        assert!(stored.matches(&password(&"x".repeat(72))));
        assert!(!stored.matches(&password(&"x".repeat(71))));
    }

    #[test]
    fn what_is_no_hash_takes_as_long_as_one_and_matches_nothing() {
        for stored in [
            None,
            Some(String::new()),
            Some(NO_PASSWORD.to_owned()),
            Some("$2b$99$x".to_owned()),
        ] {
            let stored = StoredHash::new(stored);
            assert_eq!(stored.cost(), COST);
            assert!(!stored.matches(&password(NO_PASSWORD)));
        }
        assert!(
            bcrypt::verify("anything", DUMMY_HASH).is_ok_and(|equal| !equal),
            "the dummy must be computed, not refused for its form"
        );
    }
}
