//! Whether an artist exists. Ticket knows; while it cannot say, everybody does.

use http::StatusCode;
use serde::de::IgnoredAny;
use tracing::debug;
use urr_contract::ArtistId;
use urr_kit::client::InternalClient;

/// Ticket's words for an artist that does not exist. An answer 404 alone does not say so:
/// a ticket service without artists answers that to the path.
const UNKNOWN_ARTIST: &str = "Artist not found";

/// Looks up artists.
#[derive(Clone, Debug)]
pub struct Artists {
    ticket: InternalClient,
}

impl Artists {
    /// Artists as ticket knows them.
    pub fn new(ticket: InternalClient) -> Self {
        Self { ticket }
    }

    /// Whether ticket says that there is no such artist.
    pub async fn is_unknown(&self, artist: ArtistId) -> bool {
        let path = format!("/api/artists/{artist}");
        match self.ticket.get::<IgnoredAny>(&path).await {
            Ok(_) => false,
            Err(error) => {
                let is_unknown =
                    error.status == Some(StatusCode::NOT_FOUND) && error.detail == UNKNOWN_ARTIST;
                if !is_unknown {
                    debug!(%error, "an artist could not be looked up");
                }
                is_unknown
            }
        }
    }
}
