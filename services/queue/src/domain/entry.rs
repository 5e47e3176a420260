//! The two tokens that the queue hands out: the receipt of a place, the entry token.

use jiff::Timestamp;
use urr_contract::{
    AdmissionId, EventId, UserId,
    tokens::{EntryClaims, ReceiptClaims},
};

use super::person::Person;

/// Claims of the entry token of one admission. Every re-issue has the same `jti`, and none
/// outlives the longest stay.
pub fn entry_claims(
    event: EventId,
    user: UserId,
    admission: AdmissionId,
    now: Timestamp,
    ttl_seconds: u64,
    stay_left_seconds: u64,
) -> EntryClaims {
    let iat = now.as_second();
    let life = ttl_seconds.min(stay_left_seconds);
    EntryClaims {
        sub: event,
        uid: user,
        user_id: user,
        jti: admission,
        iat,
        exp: iat.saturating_add_unsigned(life),
    }
}

/// Claims of the receipt for `number`. It lives twice as long as somebody may be away, and
/// is renewed on the way, so that it always outlasts the grace.
pub fn receipt_claims(
    event: EventId,
    person: Person,
    number: u64,
    epoch: u32,
    now: Timestamp,
    absent_seconds: u64,
) -> ReceiptClaims {
    let iat = now.as_second();
    ReceiptClaims {
        sub: event,
        num: number,
        epoch,
        who: person.id,
        acc: person.account,
        iat,
        exp: iat.saturating_add_unsigned(absent_seconds.saturating_mul(2)),
    }
}

/// Whether a receipt should be renewed: a quarter of its life is over.
pub fn is_worn(receipt: &ReceiptClaims, now: Timestamp) -> bool {
    now.as_second() - receipt.iat >= (receipt.exp - receipt.iat) / 4
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn no_entry_token_outlives_the_longest_stay() {
        let claims = |left| {
            let (event, user) = (EventId(Uuid::nil()), UserId(Uuid::nil()));
            entry_claims(event, user, AdmissionId(Uuid::nil()), at(100), 600, left)
        };
        assert_eq!(claims(1000).exp, 700);
        assert_eq!(claims(50).exp, 150);
    }

    #[test]
    fn a_receipt_is_renewed_long_before_the_grace_could_outlast_it() {
        let person = Person::visitor(Uuid::nil());
        let receipt = receipt_claims(EventId(Uuid::nil()), person, 7, 1, at(0), 600);
        assert_eq!(receipt.exp, 1200);
        assert!(!is_worn(&receipt, at(299)));
        assert!(is_worn(&receipt, at(300)));
    }
}
