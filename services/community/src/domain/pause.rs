//! Pauses between calls to our own services: short at first, since they restart in seconds.

use jiff::SignedDuration;

/// The first pause; doubles with each attempt.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest pause.
const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// The pause after attempt number `attempts`.
pub fn after(attempts: i32) -> SignedDuration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    (FIRST * 2_i32.pow(doublings)).min(LONGEST)
}
