//! Which places are liked: `/seat-preferences`. Ticket knows them all, sold or not.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, internal::AlikePlaces};
use urr_kit::{ApiError, extract::AppQuery, identity::Admin};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Envelope, answer};
use crate::{
    State,
    domain::{
        figures::{average, percent},
        groups::Tier,
    },
};

/// Most rows that are shown.
const TOP_ROWS: usize = 10;
/// When to ask again while ticket is away, in seconds.
const RETRY_AFTER: u64 = 5;

/// `?eventId=`
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct SeatsQuery {
    /// Only places of this event; else those of all events.
    event_id: Option<EventId>,
}

/// Which places are liked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SeatPreferences)]
pub(super) struct Preferences {
    /// By name. Of standing events, a section is a ticket type.
    by_section: Vec<SectionRow>,
    /// The cheapest first. Tiers without places are left out.
    by_price_tier: Vec<TierRow>,
    /// The ten rows that sell best, over all sections. Standing places have none.
    top_rows: Vec<RowRow>,
}

/// Places of one section.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatsOfSection)]
struct SectionRow {
    /// Its section; null for standing places.
    section: String,
    #[serde(flatten)]
    sold: Sold,
}

/// Places of one price tier.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatsOfPriceTier)]
struct TierRow {
    /// The range of prices, for people.
    price_tier: &'static str,
    /// The same as `price_tier`.
    tier: &'static str,
    #[serde(flatten)]
    sold: Sold,
    /// Won that a place costs on average, sold or not.
    avg_price: f64,
}

/// Places of the rows of one number.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatsOfRow)]
struct RowRow {
    /// Its row; null for standing places.
    row_number: i32,
    #[serde(flatten)]
    sold: Sold,
}

/// How many places there are, and how many of them are sold.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = SoldPlaces)]
struct Sold {
    /// All seats and standing places.
    total_seats: i64,
    /// Those that are held or sold.
    reserved_seats: i64,
    /// Percent.
    reservation_rate: f64,
}

impl Sold {
    fn of<'a>(places: impl IntoIterator<Item = &'a AlikePlaces>) -> Self {
        let (total, sold) = places.into_iter().fold((0, 0), |(total, sold), places| {
            (total + places.total, sold + places.sold)
        });
        Self {
            total_seats: total,
            reserved_seats: sold,
            reservation_rate: percent(sold, total),
        }
    }
}

/// Which places are liked, by section, price and row.
#[utoipa::path(
    get,
    path = "/api/stats/seat-preferences",
    operation_id = "getSeatPreferences",
    tag = "Statistics",
    params(SeatsQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Preferences>),
        (status = 503, description = "`CATALOGUE_UNAVAILABLE`: ticket, which knows the places, cannot be asked."),
    )
)]
pub(super) async fn preferences(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<SeatsQuery>,
) -> Answer<Preferences> {
    let places = state.catalogue.places(query.event_id).await;
    let places = places.ok_or_else(catalogue_unavailable)?;
    Ok(answer(Preferences {
        by_section: by_section(&places),
        by_price_tier: Tier::ALL
            .into_iter()
            .filter_map(|tier| tier_row(tier, &places))
            .collect(),
        top_rows: top_rows(&places),
    }))
}

fn catalogue_unavailable() -> ApiError {
    ApiError::unavailable(
        "CATALOGUE_UNAVAILABLE",
        "Seat statistics are temporarily unavailable. Please retry.",
        RETRY_AFTER,
    )
}

fn by_section(places: &[AlikePlaces]) -> Vec<SectionRow> {
    group(places, |places| Some(places.section.as_str()))
        .into_iter()
        .map(|(section, places)| SectionRow {
            section: section.to_owned(),
            sold: Sold::of(places),
        })
        .collect()
}

/// The places whose price is of one tier; none where there are none.
fn tier_row(tier: Tier, places: &[AlikePlaces]) -> Option<TierRow> {
    let of_tier = || {
        places
            .iter()
            .filter(|places| Tier::of(places.price) == tier)
    };
    let sold = Sold::of(of_tier());
    let prices = of_tier().map(|places| places.price.0 * places.total).sum();
    (sold.total_seats > 0).then(|| TierRow {
        price_tier: tier.name(),
        tier: tier.name(),
        sold,
        avg_price: average(prices, sold.total_seats),
    })
}

/// The rows of the highest rates; of two alike the one of which more are sold, then the one
/// nearer to the stage.
fn top_rows(places: &[AlikePlaces]) -> Vec<RowRow> {
    let mut rows: Vec<RowRow> = group(places, |places| places.row)
        .into_iter()
        .map(|(row_number, places)| RowRow {
            row_number,
            sold: Sold::of(places),
        })
        .collect();
    rows.sort_by(|a, b| {
        let by_rate = b.sold.reservation_rate.total_cmp(&a.sold.reservation_rate);
        by_rate.then_with(|| {
            let key = |row: &RowRow| (Reverse(row.sold.reserved_seats), row.row_number);
            key(a).cmp(&key(b))
        })
    });
    rows.truncate(TOP_ROWS);
    rows
}

/// The places by what they have in common, without those that have nothing of the kind.
fn group<'a, K: Ord>(
    places: &'a [AlikePlaces],
    key: impl Fn(&'a AlikePlaces) -> Option<K>,
) -> BTreeMap<K, Vec<&'a AlikePlaces>> {
    let mut groups: BTreeMap<K, Vec<&AlikePlaces>> = BTreeMap::new();
    for places in places {
        if let Some(key) = key(places) {
            groups.entry(key).or_default().push(places);
        }
    }
    groups
}
