//! Who scans at the door: a device with a token of its own, or an administrator.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use urr_contract::{EventId, headers};
use urr_kit::{ApiError, ApiResult, identity::Admin};

use crate::{
    State,
    door::devices::hash,
    refusal,
    store::{devices, scans::Scanner},
};

/// Gate of administrators who name none.
const OFFICE: &str = "admin";

/// A device, or an administrator where no device shows a token. 401 where the token is not or no
/// longer valid, or nobody is signed in; 403 where somebody else than an administrator is.
#[derive(Clone, Debug)]
pub struct Doorkeeper {
    /// Who scans.
    pub scanner: Scanner,
    gate: String,
    event: Option<EventId>,
}

impl Doorkeeper {
    /// The event at whose door the scanner stands: a device's own, or the one that an
    /// administrator names.
    pub fn event(&self, named: Option<EventId>) -> ApiResult<EventId> {
        match (self.event, named) {
            (Some(own), Some(named)) if own != named => Err(refusal::other_door()),
            (Some(event), _) | (None, Some(event)) => Ok(event),
            (None, None) => Err(refusal::event_required()),
        }
    }

    /// The gate that a scan names, else the scanner's.
    pub fn gate(&self, named: Option<String>) -> String {
        named.unwrap_or_else(|| self.gate.clone())
    }
}

impl FromRequestParts<Arc<State>> for Doorkeeper {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> ApiResult<Self> {
        let Some(token) = parts.headers.get(headers::CHECK_IN_TOKEN) else {
            let Admin(admin) = Admin::from_request_parts(parts, state).await?;
            return Ok(Self {
                scanner: Scanner::Admin(admin.id),
                gate: OFFICE.to_owned(),
                event: None,
            });
        };
        let token = token.to_str().map_err(|_| refusal::check_in_token())?;
        let device = devices::by_token(&state.pool, &hash(token))
            .await?
            .ok_or_else(refusal::check_in_token)?;
        Ok(Self {
            scanner: Scanner::Device(device.id),
            gate: device.gate,
            event: Some(device.event),
        })
    }
}
