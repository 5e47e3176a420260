//! Tokens of devices at the door: shown once, kept as a hash.

use data_encoding::BASE64URL_NOPAD;
use rand::Rng;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

/// How every token begins, so that one that leaks is recognised.
const PREFIX: &str = "urr-door-";
const TOKEN_BYTES: usize = 32;

/// A new token.
pub fn new_token(random: &mut impl Rng) -> SecretString {
    let mut bytes = [0; TOKEN_BYTES];
    random.fill_bytes(&mut bytes);
    format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes)).into()
}

/// What is kept of a token. It has 256 bits of chance, so a plain hash cannot be undone.
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
