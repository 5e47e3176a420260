//! Artists without a picture get one from Spotify's catalogue, and their genres as a
//! description. A run is short and ends wherever it is when its time is over; the next one
//! begins with those who were looked up longest ago. No transaction is open meanwhile.

use std::time::Duration;

use tokio::time::Instant;
use urr_kit::{ApiResult, telemetry::chain};

use crate::{
    State,
    spotify::{Catalogue, Portrait},
    store::{artists, artists::Unknown},
};

/// Most artists of one run.
const MOST: i64 = 100;
/// How long a run may take: less than the gateway waits, with the last answer.
const TIME: Duration = Duration::from_secs(6);

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrichment {
    /// There is no account at Spotify.
    NotConfigured,
    /// Spotify did not let us in.
    Refused(String),
    /// Artists were looked up.
    Done {
        /// How many got something.
        enriched: u64,
        /// How many were looked up.
        total: u64,
        /// Why it went no further, where Spotify is to blame.
        stopped: Option<String>,
    },
}

/// Looks up artists who lack a picture.
pub async fn run(state: &State) -> ApiResult<Enrichment> {
    if !state.spotify.is_configured() {
        return Ok(Enrichment::NotConfigured);
    }
    let end = Instant::now() + TIME;
    let catalogue = match state.spotify.open().await {
        Ok(catalogue) => catalogue,
        Err(error) => return Ok(Enrichment::Refused(chain(&*error))),
    };
    let (mut enriched, mut total, mut stopped) = (0, 0, None);
    for artist in artists::without_picture(&state.pool, MOST).await? {
        if Instant::now() >= end {
            break;
        }
        match look_up(state, &catalogue, &artist).await? {
            Ok(found) => {
                total += 1;
                enriched += u64::from(found);
            }
            Err(reason) => {
                stopped = Some(reason);
                break;
            }
        }
    }
    Ok(Enrichment::Done {
        enriched,
        total,
        stopped,
    })
}

/// Whether something was found of one artist; inside, why Spotify could not say. Noted either
/// way, so that no artist keeps the runs to come from all the others.
async fn look_up(
    state: &State,
    catalogue: &Catalogue,
    artist: &Unknown,
) -> ApiResult<Result<bool, String>> {
    let found = catalogue.portrait(&artist.name).await;
    let Portrait { image_url, genres } = found.as_ref().cloned().unwrap_or_default();
    let genres = (!genres.is_empty()).then(|| genres.join(", "));
    artists::note_portrait(
        &state.pool,
        artist.id,
        image_url.as_deref(),
        genres.as_deref(),
    )
    .await?;
    Ok(found
        .map(|_| image_url.is_some() || genres.is_some())
        .map_err(|error| chain(&*error)))
}
