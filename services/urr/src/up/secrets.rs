//! The secrets of one local platform: made once, kept in a file that its owner alone reads.

use std::path::Path;

use rand::{Rng, RngExt, distr::Alphanumeric};
use urr_kit::env_file::{self, Variables};

/// Secrets between programs.
const KEYS: [&str; 7] = [
    "JWT_SECRET",
    "QUEUE_ENTRY_TOKEN_SECRET",
    "INTERNAL_API_TOKEN",
    "GATEWAY_TOKEN",
    "TICKET_SIGNING_KEY",
    "TOSS_SECRET_KEY",
    "POSTGRES_PASSWORD",
];
/// Secrets that people type.
const PASSWORDS: [&str; 2] = ["ADMIN_PASSWORD", "DEMO_FAN_PASSWORD"];

const HEADING: &str = "Secrets of this local platform, made by `urr up`.\n\
                       Without this file its data cannot be opened any more.";

/// The secrets in `path`; those that are missing are made and written there.
pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<Variables> {
    let mut secrets = env_file::read_if_there(path)?;
    if complete(&mut secrets, &mut rand::rng()) {
        env_file::write(path, HEADING, &secrets)?;
    }
    Ok(secrets)
}

/// Adds what is missing; returns whether anything was.
fn complete(secrets: &mut Variables, random: &mut impl Rng) -> bool {
    let before = secrets.len();
    let lengths = KEYS.map(|name| (name, 48)).into_iter();
    for (name, length) in lengths.chain(PASSWORDS.map(|name| (name, 16))) {
        secrets.entry(name.to_owned()).or_insert_with(|| {
            (0..length)
                .map(|_| char::from(random.sample(Alphanumeric)))
                .collect()
        });
    }
    secrets.len() > before
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.env");
        let secrets = load_or_make(&path).unwrap();
        assert_eq!(load_or_make(&path).unwrap(), secrets);
        let different: BTreeSet<_> = secrets.values().collect();
        assert_eq!(different.len(), KEYS.len() + PASSWORDS.len());
    }

    #[test]
    fn a_secret_that_is_there_stays() {
        let mut secrets = Variables::from([("JWT_SECRET".to_owned(), "mine".to_owned())]);
        assert!(complete(&mut secrets, &mut rand::rng()));
        assert_eq!(secrets["JWT_SECRET"], "mine");
        assert!(!complete(&mut secrets, &mut rand::rng()));
    }
}
