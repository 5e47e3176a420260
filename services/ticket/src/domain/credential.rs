//! What a ticket's code says, and who has signed it.
//!
//! A credential names a ticket of an event and the version in which it was given out; nothing of
//! a person. It is signed with Ed25519, so that a door without a connection tells a true one from
//! a forged one by a public key alone. Its text is upper-case Base32 without punctuation: in a QR
//! code that is the dense alphanumeric mode, and a scanner that types passes it through any
//! keyboard layout unharmed.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use urr_contract::{EventId, TicketId, tokens::MIN_SECRET_BYTES};
use utoipa::ToSchema;
use uuid::Uuid;

/// How every credential of this form begins.
const PREFIX: &str = "URR1";
/// Keeps the signature of a credential from passing for one of anything else.
const CONTEXT: &[u8] = b"urr ticket 1\0";
/// Key, event, ticket and rotation.
const BODY_BYTES: usize = 4 + 16 + 16 + 4;
const SIGNATURE_BYTES: usize = 64;
const PUBLIC_KEY_BYTES: usize = 32;
/// Characters of every credential: a QR code of version 7 at error level M has room for 178.
pub const CREDENTIAL_CHARS: usize = 171;

/// What a credential says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The event it opens.
    pub event: EventId,
    /// The ticket.
    pub ticket: TicketId,
    /// The version in which the ticket was given out.
    pub rotation: u32,
}

/// Why a text is no credential of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Another code: an address, somebody else's ticket.
    #[error("is no ticket of this platform")]
    Foreign,
    /// It looks like one, but none of our keys has signed it.
    #[error("is not signed by this platform")]
    Forged,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// A secret that can be guessed.
    #[error("has {0} bytes, at least {MIN_SECRET_BYTES} are needed")]
    Short(usize),
    /// No public key.
    #[error("must be a public key of 64 hexadecimal digits")]
    NotPublic,
    /// The library refused.
    #[error("no key can be made of it")]
    Unusable,
}

/// First bytes of the SHA-256 of a public key: which key has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = TicketKeyId, value_type = String)]
pub struct KeyId([u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A key by which doors verify credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = TicketPublicKey, value_type = String)]
pub struct PublicKey([u8; PUBLIC_KEY_BYTES]);

impl PublicKey {
    /// What credentials call it.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0);
        let mut id = [0; 4];
        id.copy_from_slice(&digest[..4]);
        KeyId(id)
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = HEXLOWER
            .decode(text.trim().to_ascii_lowercase().as_bytes())
            .map_err(|_| KeyError::NotPublic)?;
        bytes.try_into().map(Self).map_err(|_| KeyError::NotPublic)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The key that signs credentials.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

impl SigningKey {
    /// The key of a secret text, by HKDF with a label of its own.
    pub fn derive(secret: &SecretString) -> Result<Self, KeyError> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::Short(secret.len()));
        }
        let mut seed = [0; 32];
        hkdf::Hkdf::<Sha256>::new(None, secret)
            .expand(b"ticket credential", &mut seed)
            .map_err(|_| KeyError::Unusable)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Unusable)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| KeyError::Unusable)?;
        Ok(Self {
            pair: Arc::new(pair),
            public: PublicKey(public),
        })
    }
}

/// The key that signs, and all keys whose credentials are believed.
#[derive(Clone, Debug)]
pub struct Keyring {
    signing: SigningKey,
    former: Vec<PublicKey>,
}

/// A public key, as doors are told of it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TicketKey)]
pub struct PublishedKey {
    /// What credentials call it: eight hexadecimal digits.
    pub id: KeyId,
    /// `Ed25519`.
    pub algorithm: &'static str,
    /// The key itself: 64 hexadecimal digits.
    pub public_key: PublicKey,
    /// Whether new credentials are signed with it.
    pub current: bool,
}

impl Keyring {
    /// Signs with `signing`, and believes `former` keys as well.
    pub fn new(signing: SigningKey, former: Vec<PublicKey>) -> Self {
        Self { signing, former }
    }

    fn all(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.signing.public).chain(&self.former)
    }

    /// The keys, as doors are told of them, the current one first.
    pub fn published(&self) -> Vec<PublishedKey> {
        self.all()
            .enumerate()
            .map(|(place, key)| PublishedKey {
                id: key.id(),
                algorithm: "Ed25519",
                public_key: *key,
                current: place == 0,
            })
            .collect()
    }

    /// The text of a credential.
    pub fn sign(&self, credential: &Credential) -> String {
        let mut bytes = body(self.signing.public.id(), credential).to_vec();
        let signature = self.signing.pair.sign(&message(&bytes));
        bytes.extend_from_slice(signature.as_ref());
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes))
    }

    /// What a text says, if one of our keys has signed it. White space around it and the case of
    /// its letters do not matter.
    pub fn verify(&self, text: &str) -> Result<Credential, CredentialError> {
        let text = text.trim().to_ascii_uppercase();
        let bytes = text
            .strip_prefix(PREFIX)
            .and_then(|text| BASE32_NOPAD.decode(text.as_bytes()).ok())
            .filter(|bytes| bytes.len() == BODY_BYTES + SIGNATURE_BYTES)
            .ok_or(CredentialError::Foreign)?;
        let (body, signature) = bytes.split_at(BODY_BYTES);
        let (key, credential) = parse(body).ok_or(CredentialError::Foreign)?;
        let message = message(body);
        let is_signed = self
            .all()
            .filter(|candidate| candidate.id() == key)
            .any(|candidate| candidate.verifies(&message, signature));
        is_signed
            .then_some(credential)
            .ok_or(CredentialError::Forged)
    }
}

fn message(body: &[u8]) -> Vec<u8> {
    [CONTEXT, body].concat()
}

fn body(key: KeyId, credential: &Credential) -> [u8; BODY_BYTES] {
    let mut bytes = [0; BODY_BYTES];
    bytes[..4].copy_from_slice(&key.0);
    bytes[4..20].copy_from_slice(credential.event.0.as_bytes());
    bytes[20..36].copy_from_slice(credential.ticket.0.as_bytes());
    bytes[36..].copy_from_slice(&credential.rotation.to_be_bytes());
    bytes
}

fn parse(body: &[u8]) -> Option<(KeyId, Credential)> {
    let (key, rest) = body.split_first_chunk::<4>()?;
    let (event, rest) = rest.split_first_chunk::<16>()?;
    let (ticket, rest) = rest.split_first_chunk::<16>()?;
    let (rotation, _) = rest.split_first_chunk::<4>()?;
    let credential = Credential {
        event: EventId(Uuid::from_bytes(*event)),
        ticket: TicketId(Uuid::from_bytes(*ticket)),
        rotation: u32::from_be_bytes(*rotation),
    };
    Some((KeyId(*key), credential))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(secret: &str) -> SigningKey {
        SigningKey::derive(&secret.to_owned().into()).expect("long enough")
    }

    fn keyring() -> Keyring {
        Keyring::new(key("one secret of at least thirty-two bytes"), vec![])
    }

    fn credential() -> Credential {
        Credential {
            event: EventId(Uuid::from_u128(1)),
            ticket: TicketId(Uuid::from_u128(2)),
            rotation: 3,
        }
    }

    #[test]
    fn the_form_is_the_one_that_doors_know() {
        let text = keyring().sign(&credential());
        assert_eq!(text.len(), CREDENTIAL_CHARS);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_typed_credential_is_still_one() {
        let keyring = keyring();
        let text = format!("  {}\r\n", keyring.sign(&credential()).to_lowercase());
        assert_eq!(keyring.verify(&text), Ok(credential()));
    }

    #[test]
    fn a_former_key_is_believed_until_it_is_taken_away() {
        let old = keyring();
        let text = old.sign(&credential());
        let public = old.published()[0].public_key;
        let secret = "another secret of at least thirty-two bytes";
        let new = Keyring::new(key(secret), vec![public.to_string().parse().unwrap()]);
        assert_eq!(new.verify(&text), Ok(credential()));
        assert!(!new.published()[1].current);
        let without = Keyring::new(key(secret), vec![]);
        assert_eq!(without.verify(&text), Err(CredentialError::Forged));
    }

    #[test]
    fn other_codes_are_foreign() {
        for text in ["", "URR1", "https://example.com", "URR2AAAA", "URR1ÄÖÜ"] {
            assert_eq!(
                keyring().verify(text),
                Err(CredentialError::Foreign),
                "{text}"
            );
        }
    }

    #[test]
    fn keys_are_checked() {
        let short = SigningKey::derive(&"short".to_owned().into());
        assert_eq!(short.unwrap_err(), KeyError::Short(5));
        for text in ["", "00", "zz".repeat(32).as_str()] {
            assert_eq!(text.parse::<PublicKey>(), Err(KeyError::NotPublic));
        }
    }

    proptest! {
        #[test]
        fn any_credential_survives_its_text(event: u128, ticket: u128, rotation: u32) {
            let credential = Credential {
                event: EventId(Uuid::from_u128(event)),
                ticket: TicketId(Uuid::from_u128(ticket)),
                rotation,
            };
            let keyring = keyring();
            prop_assert_eq!(keyring.verify(&keyring.sign(&credential)), Ok(credential));
        }

        #[test]
        fn a_changed_character_is_found(place in 4..CREDENTIAL_CHARS - 1, shift in 1_u8..32) {
            const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
            let keyring = keyring();
            let mut text = keyring.sign(&credential()).into_bytes();
            let was = ALPHABET.iter().position(|byte| *byte == text[place]).unwrap();
            text[place] = ALPHABET[(was + usize::from(shift)) % 32];
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(keyring.verify(&text), Err(CredentialError::Forged));
        }

        #[test]
        fn nothing_makes_it_fall_over(text: String) {
            prop_assert!(keyring().verify(&text).is_err());
        }
    }
}
