//! Who asks, and what they show: an account or a visitor, a receipt, an entry token.

use http::{HeaderMap, header::AUTHORIZATION};
use urr_contract::{
    AdmissionId, EventId, UserId,
    headers::{
        COOKIE_ENTRY, COOKIE_RECEIPT_PREFIX, COOKIE_VISITOR, QUEUE_ENTRY_TOKEN, QUEUE_RECEIPT,
    },
    tokens::{EntryClaims, ReceiptClaims, VisitorClaims},
};
use urr_kit::{ApiError, ApiResult, identity::User, serve::cookie};
use uuid::Uuid;

use crate::{State, domain::person::Person};

/// One who asks about a line.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The account or visitor.
    pub(super) person: Person,
    /// A visitor who has shown no sign of being one before; has no cookie yet.
    pub(super) is_new_visitor: bool,
    /// The person's own receipt for this event.
    pub(super) receipt: Option<ReceiptClaims>,
    /// The visitor that the account was before, with the receipt for this event if any.
    pub(super) was: Option<(Uuid, Option<ReceiptClaims>)>,
    /// Admission of the person's entry token for this event, and when it was issued, in ms.
    pub(super) entry: Option<(AdmissionId, i64)>,
    /// Whether a receipt cookie was sent, of use or not.
    pub(super) has_receipt_cookie: bool,
    /// Whether a visitor cookie was sent.
    pub(super) has_visitor_cookie: bool,
}

impl Caller {
    /// Reads the request. 401 where an account was signed in and is no more, or where
    /// visitors may not wait.
    pub(super) fn of(
        state: &State,
        event: EventId,
        user: Option<&User>,
        headers: &HeaderMap,
    ) -> ApiResult<Self> {
        let shown = Shown::of(state, event, headers);
        let caller = match user {
            Some(user) => shown.by_account(state, event, user.id, headers),
            None => shown.by_visitor(state, headers)?,
        };
        Ok(Self {
            has_receipt_cookie: cookie(headers, &receipt_cookie(event)).is_some(),
            has_visitor_cookie: cookie(headers, COOKIE_VISITOR).is_some(),
            ..caller
        })
    }
}

/// Name of the cookie with the receipt for that event.
pub(super) fn receipt_cookie(event: EventId) -> String {
    format!("{COOKIE_RECEIPT_PREFIX}{event}")
}

/// What the request shows of places in the line, whoever it comes from.
struct Shown {
    receipt: Option<ReceiptClaims>,
    expired: bool,
    visitor: Option<Uuid>,
}

impl Shown {
    fn of(state: &State, event: EventId, headers: &HeaderMap) -> Self {
        let now = state.clock.now();
        let receipt = headers
            .get(QUEUE_RECEIPT)
            .and_then(|value| value.to_str().ok())
            .or_else(|| cookie(headers, &receipt_cookie(event)))
            .and_then(|token| {
                state
                    .tokens
                    .receipt
                    .verify_signature::<ReceiptClaims>(token)
                    .ok()
            })
            .filter(|receipt| receipt.sub == event);
        let visitor = cookie(headers, COOKIE_VISITOR)
            .and_then(|token| {
                state
                    .tokens
                    .visitor
                    .verify::<VisitorClaims>(token, now)
                    .ok()
            })
            .map(|claims| claims.sub);
        Self {
            expired: receipt
                .as_ref()
                .is_some_and(|receipt| receipt.exp <= now.as_second()),
            receipt,
            visitor,
        }
    }

    fn by_account(
        self,
        state: &State,
        event: EventId,
        user: UserId,
        headers: &HeaderMap,
    ) -> Caller {
        let valid = self.receipt.filter(|_| !self.expired);
        let (own, foreign) = match valid {
            Some(receipt) if receipt.acc && receipt.who == user.0 => (Some(receipt), None),
            other => (None, other),
        };
        let was = match foreign {
            Some(receipt) if !receipt.acc => Some((receipt.who, Some(receipt))),
            _ => self.visitor.map(|visitor| (visitor, None)),
        };
        Caller {
            person: Person::account(user),
            is_new_visitor: false,
            was,
            entry: entry_token(state, event, user, headers),
            receipt: own,
            has_receipt_cookie: false,
            has_visitor_cookie: false,
        }
    }

    fn by_visitor(self, state: &State, headers: &HeaderMap) -> ApiResult<Caller> {
        let names_account = self.receipt.as_ref().is_some_and(|receipt| receipt.acc);
        if headers.contains_key(AUTHORIZATION) || names_account || !state.settings.visitors {
            return Err(ApiError::unauthorized());
        }
        let receipt = self.receipt.filter(|_| !self.expired);
        let known = self
            .visitor
            .or_else(|| receipt.as_ref().map(|receipt| receipt.who));
        let visitor = known.unwrap_or_else(Uuid::new_v4);
        Ok(Caller {
            person: Person::visitor(visitor),
            is_new_visitor: known.is_none(),
            receipt: receipt.filter(|receipt| receipt.who == visitor),
            was: None,
            entry: None,
            has_receipt_cookie: false,
            has_visitor_cookie: false,
        })
    }
}

/// The person's valid entry token for that event.
fn entry_token(
    state: &State,
    event: EventId,
    user: UserId,
    headers: &HeaderMap,
) -> Option<(AdmissionId, i64)> {
    let token = headers
        .get(QUEUE_ENTRY_TOKEN)
        .and_then(|value| value.to_str().ok())
        .filter(|token| !token.is_empty())
        .or_else(|| cookie(headers, COOKIE_ENTRY))?;
    let claims: EntryClaims = state.tokens.entry.verify(token, state.clock.now()).ok()?;
    (claims.sub == event && claims.uid == user).then(|| (claims.jti, claims.iat * 1000))
}
