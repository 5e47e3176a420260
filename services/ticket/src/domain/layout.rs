//! Seat layouts: sections of equal rows, from which an event's seats are generated.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use urr_contract::Won;

use super::seat::SeatKind;

/// Most seats one layout may describe.
const MAX_SEATS: i64 = 200_000;

/// A layout that seats can be generated from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Its sections, blank ones left out.
    pub sections: Vec<Section>,
}

/// One block of seats at one price.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// Name, first part of every seat's label.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Rows.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rows: i32,
    /// Seats in each row.
    #[serde(default, deserialize_with = "null_as_default")]
    pub seats_per_row: i32,
    /// Price of a seat.
    pub price: Won,
    /// Number of the first row.
    #[serde(default = "first_row")]
    pub start_row: i32,
    /// Seats with room for a wheelchair.
    #[serde(default, deserialize_with = "null_as_default")]
    pub wheelchair: Vec<Places>,
    /// Seats beside those.
    #[serde(default, deserialize_with = "null_as_default")]
    pub companion: Vec<Places>,
}

/// Some seats of one row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Places {
    /// The row, by its number.
    pub row: i32,
    /// The seats, by theirs.
    pub seats: Vec<i32>,
}

/// A seat that is not for anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialSeat<'a> {
    /// Its section.
    pub section: &'a str,
    /// Its row.
    pub row: i32,
    /// Its number in the row.
    pub number: i32,
    /// For whom it is.
    pub kind: SeatKind,
}

impl Section {
    fn special_seats(&self) -> impl Iterator<Item = SpecialSeat<'_>> {
        let of_kind = |places: &'_ [Places], kind| {
            places
                .iter()
                .flat_map(|places| places.seats.iter().map(|number| (places.row, *number)))
                .map(|(row, number)| (row, number, kind))
                .collect::<Vec<_>>()
        };
        of_kind(&self.wheelchair, SeatKind::Wheelchair)
            .into_iter()
            .chain(of_kind(&self.companion, SeatKind::Companion))
            .map(|(row, number, kind)| SpecialSeat {
                section: &self.name,
                row,
                number,
                kind,
            })
    }

    fn has(&self, seat: &SpecialSeat<'_>) -> bool {
        (self.start_row..self.start_row + self.rows).contains(&seat.row)
            && (1..=self.seats_per_row).contains(&seat.number)
    }
}

fn first_row() -> i32 {
    1
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Why a layout is refused.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// Not of the form `{"sections":[…]}`.
    #[error("layout is not of the expected form")]
    Form(#[from] serde_json::Error),
    /// Numbers that no hall has.
    #[error("layout describes impossible seats")]
    Impossible,
}

impl Layout {
    /// Reads `layout_config`. Sections without name, rows or seats are skipped.
    pub fn parse(config: &Value) -> Result<Self, LayoutError> {
        #[derive(Deserialize)]
        struct Config {
            sections: Vec<Section>,
        }
        let Config { mut sections } = Config::deserialize(config)?;
        sections.retain(|section| {
            !section.name.trim().is_empty() && section.rows > 0 && section.seats_per_row > 0
        });
        let layout = Self { sections };
        let impossible = layout.sections.iter().any(|section| {
            section.price < Won::ZERO
                || section.name.chars().count() > 50
                || section.start_row.checked_add(section.rows).is_none()
        });
        if impossible || layout.seats() > MAX_SEATS || !layout.special_seats_exist() {
            return Err(LayoutError::Impossible);
        }
        Ok(layout)
    }

    /// Whether every special seat is one of its section, and named once.
    fn special_seats_exist(&self) -> bool {
        let mut named = HashSet::new();
        self.sections.iter().all(|section| {
            section.special_seats().all(|seat| {
                section.has(&seat) && named.insert((seat.section, seat.row, seat.number))
            })
        })
    }

    /// Seats that are not for anybody.
    pub fn special_seats(&self) -> impl Iterator<Item = SpecialSeat<'_>> {
        self.sections.iter().flat_map(Section::special_seats)
    }

    /// Number of seats it describes.
    pub fn seats(&self) -> i64 {
        self.sections
            .iter()
            .map(|section| i64::from(section.rows) * i64::from(section.seats_per_row))
            .fold(0, i64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn empty_sections_are_skipped_and_rows_start_at_one() {
        let layout = Layout::parse(&json!({"sections": [
            {"name": "VIP", "rows": 3, "seatsPerRow": 10, "price": 150_000},
            {"name": " ", "rows": 3, "seatsPerRow": 10, "price": 1},
            {"name": "R", "rows": 0, "seatsPerRow": 10, "price": 1, "startRow": 4},
            {"name": null, "rows": 2, "seatsPerRow": 10, "price": 1},
        ]}))
        .unwrap();
        assert_eq!(layout.seats(), 30);
        assert_eq!(layout.sections.len(), 1);
        assert_eq!(layout.sections[0].start_row, 1);
    }

    #[test]
    fn special_seats_are_seats_of_their_section_and_one_thing_each() {
        let layout = |wheelchair: Value, companion: Value| {
            Layout::parse(&json!({"sections": [
                {"name": "R", "rows": 2, "seatsPerRow": 4, "price": 1, "startRow": 4,
                 "wheelchair": wheelchair, "companion": companion}
            ]}))
        };
        let row = |row: i32, seats: &[i32]| json!([{"row": row, "seats": seats}]);
        let parsed = layout(row(4, &[1]), row(4, &[2])).unwrap();
        let seats: Vec<_> = parsed
            .special_seats()
            .map(|seat| (seat.row, seat.number, seat.kind))
            .collect();
        assert_eq!(
            seats,
            [(4, 1, SeatKind::Wheelchair), (4, 2, SeatKind::Companion)]
        );
        assert!(layout(json!(null), json!([])).is_ok());
        assert!(layout(row(3, &[1]), json!([])).is_err());
        assert!(layout(row(6, &[1]), json!([])).is_err());
        assert!(layout(row(4, &[5]), json!([])).is_err());
        assert!(layout(row(4, &[1]), row(4, &[1])).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        let section = |rows: i64, price: i64, start: i64| json!({"sections": [{"name": "A", "rows": rows, "seatsPerRow": 1, "price": price, "startRow": start}]});
        for config in [
            json!(null),
            json!({}),
            json!({"sections": [{"name": "A", "rows": "many", "seatsPerRow": 1, "price": 1}]}),
            section(1, -1, 1),
            section(i64::from(i32::MAX), 1, 1),
            section(10, 1, i64::from(i32::MAX)),
        ] {
            assert!(Layout::parse(&config).is_err(), "{config}");
        }
    }
}
