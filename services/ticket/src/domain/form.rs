//! What an administrator fills in: events and ticket types. Checked before anything is
//! written; what cannot be stored is refused by the name of its field.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use urr_contract::{SeatLayoutId, Won, internal::SourcedTicketType};
use utoipa::ToSchema;

/// Longest title, venue or artist's name.
const MAX_NAME_CHARS: usize = 255;
/// Longest name of a ticket type.
const MAX_TYPE_NAME_CHARS: usize = 100;
/// Longest description, address or link.
const MAX_TEXT_CHARS: usize = 20_000;
/// Dearest ticket: what payment takes at most.
const MAX_PRICE: i64 = i32::MAX as i64;
/// Most places of one type.
const MAX_PLACES: i64 = 1_000_000;
/// Most seats that one hold may be allowed, as [`super::order::MAX_SEATS`].
const MAX_SEATS_PER_HOLD: i64 = 8;
/// Most tickets that one person may be allowed.
const MAX_PER_PERSON: i64 = 1_000;

/// A field that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FormError {
    /// The field, as the client names it.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// An event, new or changed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventForm {
    /// Its title.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// Its description.
    #[schema(max_length = 20_000)]
    pub description: Option<String>,
    /// Where it is.
    #[schema(min_length = 1, max_length = 255)]
    pub venue: String,
    /// The address of that place.
    #[schema(max_length = 20_000)]
    pub address: Option<String>,
    /// When it is.
    pub event_date: Timestamp,
    /// Start of the sale; now for a new event, unchanged otherwise, where absent.
    pub sale_start_date: Option<Timestamp>,
    /// End of the sale; the show for a new event, unchanged otherwise, where absent.
    pub sale_end_date: Option<Timestamp>,
    /// Its poster.
    #[schema(max_length = 20_000)]
    pub poster_image_url: Option<String>,
    /// Who plays.
    #[schema(max_length = 255)]
    pub artist_name: Option<String>,
    /// The layout of its seats.
    pub seat_layout_id: Option<SeatLayoutId>,
    /// Its ticket types; only of a new event.
    pub ticket_types: Option<Vec<TicketTypeForm>>,
    /// Most tickets one person may have.
    #[schema(minimum = 1, maximum = 1000)]
    pub max_per_person: Option<i64>,
    /// Most seats in one hold.
    #[schema(minimum = 1, maximum = 8)]
    pub max_seats_per_hold: Option<i64>,
    /// Whether members of the artist buy first; no for a new event, unchanged otherwise,
    /// where absent: a form that does not know of presales sells to everybody at once.
    pub presale: Option<bool>,
    /// Computed from the dates, whatever is sent.
    pub status: Option<Value>,
}

/// A ticket type, new or changed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketTypeForm {
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Its price.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub price: i64,
    /// Places that exist.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub total_quantity: i64,
    /// Its description.
    pub description: Option<String>,
}

impl EventForm {
    /// Refuses what cannot be stored.
    pub fn check(&self) -> Result<(), FormError> {
        required("title", &self.title, MAX_NAME_CHARS)?;
        required("venue", &self.venue, MAX_NAME_CHARS)?;
        optional("description", self.description.as_deref(), MAX_TEXT_CHARS)?;
        optional("address", self.address.as_deref(), MAX_TEXT_CHARS)?;
        let poster = self.poster_image_url.as_deref();
        optional("posterImageUrl", poster, MAX_TEXT_CHARS)?;
        optional("artistName", self.artist_name.as_deref(), MAX_NAME_CHARS)?;
        let per_person = self.max_per_person.unwrap_or(1);
        within("maxPerPerson", per_person, 1, MAX_PER_PERSON)?;
        let per_hold = self.max_seats_per_hold.unwrap_or(1);
        within("maxSeatsPerHold", per_hold, 1, MAX_SEATS_PER_HOLD)?;
        self.ticket_types
            .iter()
            .flatten()
            .try_for_each(TicketTypeForm::check)
    }

    /// The artist's name without blanks around it, where there is one.
    pub fn artist(&self) -> Option<&str> {
        let name = self.artist_name.as_deref()?.trim();
        (!name.is_empty()).then_some(name)
    }
}

impl From<SourcedTicketType> for TicketTypeForm {
    fn from(wanted: SourcedTicketType) -> Self {
        Self {
            name: wanted.name,
            price: wanted.price,
            total_quantity: wanted.total_quantity,
            description: wanted.description,
        }
    }
}

impl TicketTypeForm {
    /// Refuses what cannot be stored.
    pub fn check(&self) -> Result<(), FormError> {
        required("name", &self.name, MAX_TYPE_NAME_CHARS)?;
        optional("description", self.description.as_deref(), MAX_TEXT_CHARS)?;
        within("price", self.price, 0, MAX_PRICE)?;
        within("totalQuantity", self.total_quantity, 1, MAX_PLACES)
    }

    /// Its price.
    pub const fn price(&self) -> Won {
        Won(self.price)
    }

    /// Places that shall exist. Checked to fit.
    pub fn total(&self) -> i32 {
        i32::try_from(self.total_quantity).unwrap_or(i32::MAX)
    }
}

fn required(field: &'static str, text: &str, most: usize) -> Result<(), FormError> {
    if text.trim().is_empty() {
        let problem = "must not be blank".to_owned();
        return Err(FormError { field, problem });
    }
    optional(field, Some(text), most)
}

fn optional(field: &'static str, text: Option<&str>, most: usize) -> Result<(), FormError> {
    let Some(text) = text else { return Ok(()) };
    let problem = if text.contains('\0') {
        "must not contain a null character".to_owned()
    } else if text.chars().count() > most {
        format!("size must be between 0 and {most}")
    } else {
        return Ok(());
    };
    Err(FormError { field, problem })
}

fn within(field: &'static str, value: i64, least: i64, most: i64) -> Result<(), FormError> {
    let problem = if value < least {
        format!("must be greater than or equal to {least}")
    } else if value > most {
        format!("must be less than or equal to {most}")
    } else {
        return Ok(());
    };
    Err(FormError { field, problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(change: Value) -> Result<(), FormError> {
        let mut form = json!({
            "title": "Night", "venue": "Hall", "eventDate": "2026-12-22T22:45:22+09:00",
            "ticketTypes": [{"name": "A", "price": 0, "totalQuantity": 1}],
        });
        let Value::Object(change) = change else {
            unreachable!("a change is an object")
        };
        form.as_object_mut().unwrap().extend(change);
        serde_json::from_value::<EventForm>(form).unwrap().check()
    }

    #[test]
    fn a_field_that_cannot_be_stored_is_named() {
        assert_eq!(event(json!({})), Ok(()));
        for (change, field) in [
            (json!({"title": "  "}), "title"),
            (json!({"venue": "가".repeat(256)}), "venue"),
            (json!({"description": "a\0b"}), "description"),
            (json!({"maxPerPerson": 0}), "maxPerPerson"),
            (json!({"maxSeatsPerHold": 9}), "maxSeatsPerHold"),
            (
                json!({"ticketTypes": [{"name": "", "price": 1, "totalQuantity": 1}]}),
                "name",
            ),
            (
                json!({"ticketTypes": [{"name": "A", "price": -1, "totalQuantity": 1}]}),
                "price",
            ),
            (
                json!({"ticketTypes": [{"name": "A", "price": 1, "totalQuantity": 0}]}),
                "totalQuantity",
            ),
            (
                json!({"ticketTypes": [{"name": "A", "price": 1, "totalQuantity": 1_i64 << 31}]}),
                "totalQuantity",
            ),
        ] {
            assert_eq!(event(change).unwrap_err().field, field);
        }
    }
}
