//! The seat map of an event as bytes, read from the database at most once a second however
//! many look at it.

use std::{collections::HashSet, io::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use moka::future::Cache;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::OnceCell;
use urr_contract::{EventId, SeatId};
use urr_kit::{ApiError, ApiResult};
use utoipa::ToSchema;

use crate::{
    refusal,
    store::{layouts, seats, seats::MapSeat},
};

/// How old a map may be.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Most maps kept; the largest seed layout is about 1 MB.
const MAX_MAPS: u64 = 256;

/// Maps of events.
#[derive(Clone, Debug)]
pub struct SeatMaps {
    pool: PgPool,
    maps: Cache<EventId, Arc<SeatMap>>,
}

/// One map.
#[derive(Debug)]
pub struct SeatMap {
    /// The body of the answer.
    pub body: Bytes,
    /// Its entity tag.
    pub tag: String,
    seats: Vec<MapSeat>,
    available: HashSet<SeatId>,
    gzip: OnceCell<Bytes>,
}

/// All seats of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMap)]
pub(crate) struct MapAnswer<'a> {
    /// The event.
    event: EventHead<'a>,
    /// How they lie; null where they were made without a layout.
    layout: Option<Value>,
    /// The seats.
    seats: &'a [MapSeat],
}

/// The event of a map.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMapEvent)]
struct EventHead<'a> {
    /// The event.
    id: EventId,
    /// The title.
    title: &'a str,
}

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
enum MapError {
    #[error("no such event")]
    NoEvent,
    #[error("the seats could not be read")]
    Sql(#[from] sqlx::Error),
    #[error("the seats could not be written")]
    Json(#[from] serde_json::Error),
}

impl SeatMaps {
    /// Maps of the events in `pool`.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            maps: Cache::builder()
                .max_capacity(MAX_MAPS)
                .time_to_live(MAX_AGE)
                .build(),
        }
    }

    /// The map of an event; `None` where there is no such event. Whoever asks while it is
    /// being read waits for that reading.
    pub async fn get(&self, event: EventId) -> ApiResult<Option<Arc<SeatMap>>> {
        let read = SeatMap::read(&self.pool, event);
        match self.maps.try_get_with(event, read).await {
            Ok(map) => Ok(Some(map)),
            Err(error) => match &*error {
                MapError::NoEvent => Ok(None),
                MapError::Sql(_) => Err(refusal::unavailable(error)),
                MapError::Json(_) => Err(ApiError::internal(error)),
            },
        }
    }
}

impl SeatMap {
    async fn read(pool: &PgPool, event: EventId) -> Result<Arc<Self>, MapError> {
        let (title, layout) = layouts::of_event(pool, event)
            .await?
            .ok_or(MapError::NoEvent)?;
        let rows = seats::map(pool, event).await?;
        let body = serde_json::to_vec(&MapAnswer {
            event: EventHead {
                id: event,
                title: &title,
            },
            layout,
            seats: &rows,
        })?;
        let digest = Sha256::digest(&body);
        Ok(Arc::new(Self {
            tag: format!("W/\"{}\"", hex::encode(&digest[..12])),
            available: rows
                .iter()
                .filter(|seat| seat.status == "available")
                .map(|seat| seat.id)
                .collect(),
            seats: rows,
            body: body.into(),
            gzip: OnceCell::new(),
        }))
    }

    /// All seats, by section, row and number, as they were when the map was read.
    pub fn seats(&self) -> &[MapSeat] {
        &self.seats
    }

    /// Whether the seat was available when the map was read.
    pub fn is_available(&self, seat: SeatId) -> bool {
        self.available.contains(&seat)
    }

    /// The body, compressed once for everybody.
    pub async fn gzip(&self) -> ApiResult<Bytes> {
        self.gzip
            .get_or_try_init(|| async {
                let body = self.body.clone();
                tokio::task::spawn_blocking(move || compress(&body))
                    .await
                    .map_err(ApiError::internal)?
                    .map_err(ApiError::internal)
            })
            .await
            .cloned()
    }
}

fn compress(body: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish().map(Bytes::from)
}
