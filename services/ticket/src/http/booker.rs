//! Who may book: a signed-in person with an entry pass of their own. Whether the pass opens
//! the event is known once the body is read.

use axum::extract::FromRequestParts;
use http::request::Parts;
use urr_contract::{EventId, UserId};
use urr_kit::{
    ApiError, ApiResult,
    identity::{Entry, User},
};

use crate::refusal;

/// A person with an entry pass. 401 where nobody is signed in, 403 without a pass or with
/// somebody else's.
#[derive(Clone, Copy, Debug)]
pub struct Booker {
    /// The person.
    pub user: UserId,
    event: EventId,
}

impl Booker {
    /// 403 unless the pass is one for this event.
    pub fn may_book(self, event: EventId) -> ApiResult<()> {
        if self.event == event {
            Ok(())
        } else {
            Err(refusal::entry_required())
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Booker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let user = User::from_request_parts(parts, state).await?;
        let Ok(Entry(pass)) = Entry::from_request_parts(parts, state).await;
        match pass {
            Some(pass) if pass.user == user.id => Ok(Self {
                user: user.id,
                event: pass.event,
            }),
            _ => Err(refusal::entry_required()),
        }
    }
}
