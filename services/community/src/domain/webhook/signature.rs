//! Signatures as the Standard Webhooks specification has them, so that organisers verify them
//! with a library they have already: HMAC-SHA256 over `id.timestamp.body`, `v1,` and base64,
//! one signature per valid secret, parted by spaces.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// What a secret begins with where people see it.
const PREFIX: &str = "whsec_";
/// Bytes of a secret: what the specification recommends.
const LENGTH: usize = 24;

/// The key that one endpoint and we share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new one from these random bytes.
    pub fn new(random: [u8; LENGTH]) -> Self {
        Self(random.to_vec())
    }

    /// The one that was kept as these bytes.
    pub fn kept(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to be kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The form that people copy.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    fn sign(&self, message: &str, time: i64, body: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(message.as_bytes());
        mac.update(b".");
        mac.update(time.to_string().as_bytes());
        mac.update(b".");
        mac.update(body.as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-signature` of a try at `time`: a signature by each secret.
pub fn signature<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    message: &str,
    time: Timestamp,
    body: &str,
) -> String {
    let signatures: Vec<String> = secrets
        .into_iter()
        .map(|secret| secret.sign(message, time.as_second(), body))
        .collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let key = BASE64_STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");
        let secret = Secret::kept(key);
        assert_eq!(secret.text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let time = Timestamp::from_second(1_614_265_330).expect("in range");
        let signed = signature(
            [&secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            time,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_valid_secrets_sign_both() {
        let (new, old) = (Secret::new([1; 24]), Secret::new([2; 24]));
        let both = signature([&new, &old], "msg_1", Timestamp::UNIX_EPOCH, "{}");
        let alone = |secret| signature([secret], "msg_1", Timestamp::UNIX_EPOCH, "{}");
        assert_eq!(both, format!("{} {}", alone(&new), alone(&old)));
        assert_ne!(alone(&new), alone(&old));
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new([7; 24])), "Secret(…)");
    }
}
