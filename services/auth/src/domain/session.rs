//! Sessions: the pair of tokens a login gives, and what a presented refresh token is worth.
//!
//! A login founds a *family* of refresh tokens of which exactly one is live. Using it
//! rotates it: a successor becomes the live one. Whoever presents a rotated token later
//! has an old copy, so the whole family ends. Within [`GRACE`] it is taken for a second
//! tab of the same browser that asked at the same moment, or for an answer that got lost:
//! it is given the live token of the family once more, so no second branch ever exists.

use jiff::{SignedDuration, Timestamp};
use urr_contract::{
    FamilyId, UserId,
    tokens::{AccessClaims, RefreshClaims, SessionTokenType},
};
use uuid::Uuid;

use super::account::Account;

/// For so long after its rotation a refresh token still gets its family's live one.
pub const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// How long tokens live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Of an access token.
    pub access: SignedDuration,
    /// Of a refresh token.
    pub refresh: SignedDuration,
}

/// A refresh token as it is stored: its claims, from which it can be signed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its `jti`.
    pub id: Uuid,
    /// The login it descends from.
    pub family: FamilyId,
    /// Issued, on a whole second.
    pub issued_at: Timestamp,
    /// Its end, on a whole second.
    pub expires_at: Timestamp,
}

impl RefreshToken {
    /// The first token of a new family.
    pub fn first(now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::issued(FamilyId::random(), now, lifetimes)
    }

    /// The token that takes this one's place.
    #[must_use]
    pub fn successor(&self, now: Timestamp, lifetimes: Lifetimes) -> Self {
        Self::issued(self.family, now, lifetimes)
    }

    fn issued(family: FamilyId, now: Timestamp, lifetimes: Lifetimes) -> Self {
        let issued_at = whole_second(now);
        Self {
            id: Uuid::new_v4(),
            family,
            issued_at,
            expires_at: issued_at + lifetimes.refresh,
        }
    }

    /// Its claims.
    pub fn claims(&self, user: UserId) -> RefreshClaims {
        RefreshClaims {
            sub: user,
            user_id: user,
            token_type: SessionTokenType::Refresh,
            family_id: self.family,
            jti: self.id,
            iat: self.issued_at.as_second(),
            exp: self.expires_at.as_second(),
        }
    }
}

/// Claims of an access token for `account` in the session of `family`.
pub fn access_claims(
    account: &Account,
    family: FamilyId,
    now: Timestamp,
    lifetimes: Lifetimes,
) -> AccessClaims {
    AccessClaims {
        sub: account.id,
        user_id: account.id,
        email: account.email.clone(),
        role: account.role.as_str().to_owned(),
        token_type: SessionTokenType::Access,
        family_id: Some(family),
        iat: now.as_second(),
        exp: (now + lifetimes.access).as_second(),
    }
}

/// What a presented refresh token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The live one: rotate it.
    Live,
    /// Rotated a moment ago: give the family's live one again.
    JustRotated,
    /// Rotated before, or its family has ended: somebody has an old copy.
    Reused,
    /// Past its end.
    Expired,
}

/// What a stored token is worth at `now`, given when it was rotated and its family ended.
pub fn presented(
    token: &RefreshToken,
    rotated_at: Option<Timestamp>,
    family_ended_at: Option<Timestamp>,
    now: Timestamp,
) -> Presented {
    match rotated_at {
        _ if token.expires_at <= now => Presented::Expired,
        _ if family_ended_at.is_some() => Presented::Reused,
        None => Presented::Live,
        Some(rotated_at) if now.duration_since(rotated_at) < GRACE => Presented::JustRotated,
        Some(_) => Presented::Reused,
    }
}

/// Tokens carry whole seconds, and one must be signed the same way twice.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        access: SignedDuration::from_secs(1800),
        refresh: SignedDuration::from_secs(604_800),
    };

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("in range")
    }

    #[test]
    fn a_token_is_live_until_rotated_and_worth_its_successor_for_a_moment() {
        let token = RefreshToken::first(at(0), LIFETIMES);
        let worth =
            |rotated_at: Option<i64>, now| presented(&token, rotated_at.map(at), None, at(now));
        assert_eq!(worth(None, 604_799_999), Presented::Live);
        assert_eq!(worth(None, 604_800_000), Presented::Expired);
        assert_eq!(worth(Some(1_000), 1_000), Presented::JustRotated);
        assert_eq!(worth(Some(1_000), 10_999), Presented::JustRotated);
        assert_eq!(worth(Some(1_000), 11_000), Presented::Reused);
        assert_eq!(worth(Some(1_000), 604_800_000), Presented::Expired);
    }

    #[test]
    fn an_ended_family_has_no_live_token() {
        let token = RefreshToken::first(at(0), LIFETIMES);
        let worth = |rotated_at| presented(&token, rotated_at, Some(at(5)), at(6));
        assert_eq!(worth(None), Presented::Reused);
        assert_eq!(worth(Some(at(4))), Presented::Reused);
    }

    #[test]
    fn a_successor_stays_in_the_family_and_claims_repeat_exactly() {
        let first = RefreshToken::first(at(1_999), LIFETIMES);
        let second = first.successor(at(2_500), LIFETIMES);
        assert_eq!(first.family, second.family);
        assert_ne!(first.id, second.id);
        let claims = first.claims(UserId::random());
        assert_eq!((claims.iat, claims.exp), (1, 604_801));
    }
}
