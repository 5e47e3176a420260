//! What a seat is, and which seats are the best that are left.

use serde::Serialize;
use urr_contract::{SeatId, Won};
use utoipa::ToSchema;

/// For whom a seat is.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    sqlx::Type,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum SeatKind {
    /// For anybody.
    #[default]
    Standard,
    /// Room for a wheelchair.
    Wheelchair,
    /// Beside a wheelchair.
    Companion,
}

impl SeatKind {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Wheelchair => "wheelchair",
            Self::Companion => "companion",
        }
    }

    /// Whether it is for anybody.
    pub fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

/// A seat, as far as choosing needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The seat.
    pub id: SeatId,
    /// Its section.
    pub section: &'a str,
    /// Its row.
    pub row: i32,
    /// Its number in the row.
    pub number: i32,
    /// Its price.
    pub price: Won,
    /// For whom it is.
    pub kind: SeatKind,
    /// Whether it can be had.
    pub is_free: bool,
}

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How many seats.
    pub quantity: usize,
    /// Only in that section.
    pub section: Option<String>,
    /// Only at that price.
    pub price: Option<Won>,
    /// Only side by side.
    pub adjacent: bool,
    /// One of them for a wheelchair.
    pub accessible: bool,
}

/// Seats that were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The seats.
    pub seats: Vec<SeatId>,
    /// Whether they are side by side.
    pub adjacent: bool,
}

/// How good seats are; less is better: the dearest class, then the front, then the middle.
type Rank<'a> = (i64, i32, i64, &'a str, i32);

/// The best seats that fulfil the wish, of `places` sorted by section, row and number. Side by
/// side where that is possible.
pub fn best_available(places: &[Place<'_>], wish: &Wish) -> Option<Choice> {
    let wanted = |place: &Place<'_>| {
        wish.section
            .as_ref()
            .is_none_or(|name| name == place.section)
            && wish.price.is_none_or(|price| price == place.price)
    };
    let rows = || {
        places
            .chunk_by(|one, other| (one.section, one.row) == (other.section, other.row))
            .filter(|row| wanted(&row[0]))
    };
    let block = rows()
        .flat_map(|row| blocks(row, wish).map(move |block| (rank(row, block), block)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, block)| Choice {
            seats: block.iter().map(|place| place.id).collect(),
            adjacent: true,
        });
    if block.is_some() || wish.adjacent {
        return block;
    }
    let mut singles: Vec<(Rank<'_>, &Place<'_>)> = rows()
        .flat_map(|row| row.chunks(1).map(move |single| (rank(row, single), single)))
        .filter(|(_, single)| single[0].is_free)
        .map(|(rank, single)| (rank, &single[0]))
        .collect();
    singles.sort_unstable_by_key(|(rank, _)| *rank);
    scattered(&singles, wish)
}

/// Runs of free seats side by side that are as many as wanted, for those who are wanted.
fn blocks<'p, 'a>(
    row: &'p [Place<'a>],
    wish: &Wish,
) -> impl Iterator<Item = &'p [Place<'a>]> + use<'p, 'a> {
    let accessible = wish.accessible;
    row.windows(wish.quantity.max(1)).filter(move |block| {
        block.iter().all(|place| place.is_free)
            && block
                .windows(2)
                .all(|pair| pair[0].number + 1 == pair[1].number && pair[0].price == pair[1].price)
            && suits(block, accessible)
    })
}

/// Room for one wheelchair where that is wanted; otherwise seats for anybody.
fn suits(block: &[Place<'_>], accessible: bool) -> bool {
    let count = |kind| block.iter().filter(|place| place.kind == kind).count();
    if accessible {
        count(SeatKind::Wheelchair) == 1
    } else {
        count(SeatKind::Standard) == block.len()
    }
}

fn rank<'a>(row: &[Place<'a>], block: &[Place<'a>]) -> Rank<'a> {
    let ends = |seats: &[Place<'_>]| {
        let first = seats.first().map_or(0, |place| i64::from(place.number));
        let last = seats.last().map_or(0, |place| i64::from(place.number));
        first + last
    };
    let first = &block[0];
    let off_centre = (ends(row) - ends(block)).abs();
    (
        -first.price.0,
        first.row,
        off_centre,
        first.section,
        first.number,
    )
}

/// The best seats one by one: room for the wheelchair first, then whoever comes along.
fn scattered(singles: &[(Rank<'_>, &Place<'_>)], wish: &Wish) -> Option<Choice> {
    let of_kind = |kind| {
        singles
            .iter()
            .map(|(_, place)| *place)
            .filter(move |place| place.kind == kind)
    };
    let standard = of_kind(SeatKind::Standard);
    let seats: Vec<SeatId> = if wish.accessible {
        of_kind(SeatKind::Wheelchair)
            .take(1)
            .chain(of_kind(SeatKind::Companion))
            .chain(standard)
            .map(|place| place.id)
            .take(wish.quantity)
            .collect()
    } else {
        standard.map(|place| place.id).take(wish.quantity).collect()
    };
    let has_room = !wish.accessible || of_kind(SeatKind::Wheelchair).next().is_some();
    (seats.len() == wish.quantity && has_room).then_some(Choice {
        seats,
        adjacent: false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn place(section: &'static str, row: i32, number: i32, price: i64) -> Place<'static> {
        let key = u128::from(section.as_bytes()[0]) * 1_000_000
            + u128::from(row.unsigned_abs()) * 1_000
            + u128::from(number.unsigned_abs());
        Place {
            id: SeatId(Uuid::from_u128(key)),
            section,
            row,
            number,
            price: Won(price),
            kind: SeatKind::Standard,
            is_free: true,
        }
    }

    /// Section A: 2 rows of 7 at 100; section V: 1 row of 4 at 200.
    fn hall() -> Vec<Place<'static>> {
        let stalls =
            (1..=2).flat_map(|row| (1..=7).map(move |number| place("A", row, number, 100)));
        stalls
            .chain((1..=4).map(|number| place("V", 1, number, 200)))
            .collect()
    }

    fn wish(quantity: usize) -> Wish {
        Wish {
            quantity,
            section: None,
            price: None,
            adjacent: true,
            accessible: false,
        }
    }

    fn named(places: &[Place<'_>], choice: &Choice) -> Vec<String> {
        choice
            .seats
            .iter()
            .map(|id| {
                let place = places.iter().find(|place| place.id == *id).unwrap();
                format!("{}-{}-{}", place.section, place.row, place.number)
            })
            .collect()
    }

    fn best(places: &[Place<'_>], wish: &Wish) -> Vec<String> {
        best_available(places, wish).map_or_else(Vec::new, |choice| named(places, &choice))
    }

    #[test]
    fn the_dearest_class_the_front_and_the_middle_come_first() {
        let mut places = hall();
        assert_eq!(best(&places, &wish(2)), ["V-1-2", "V-1-3"]);
        let stalls = Wish {
            section: Some("A".to_owned()),
            ..wish(3)
        };
        assert_eq!(best(&places, &stalls), ["A-1-3", "A-1-4", "A-1-5"]);
        places[3].is_free = false;
        assert_eq!(best(&places, &stalls), ["A-1-1", "A-1-2", "A-1-3"]);
        places[1].is_free = false;
        places[5].is_free = false;
        assert_eq!(best(&places, &stalls), ["A-2-3", "A-2-4", "A-2-5"]);
        let cheap = Wish {
            price: Some(Won(100)),
            ..wish(1)
        };
        assert_eq!(best(&places, &cheap), ["A-1-3"]);
        let nowhere = Wish {
            price: Some(Won(1)),
            ..wish(1)
        };
        assert_eq!(best_available(&places, &nowhere), None);
    }

    #[test]
    fn side_by_side_is_tried_first_and_given_up_only_where_that_is_fine() {
        let mut places = hall();
        places.retain(|place| place.number % 2 == 1);
        assert_eq!(best_available(&places, &wish(2)), None);
        let apart = Wish {
            adjacent: false,
            ..wish(3)
        };
        let choice = best_available(&places, &apart).unwrap();
        assert!(!choice.adjacent);
        assert_eq!(named(&places, &choice), ["V-1-1", "V-1-3", "A-1-3"]);
        let all = Wish {
            adjacent: false,
            ..wish(11)
        };
        assert_eq!(best_available(&places, &all), None);
    }

    #[test]
    fn room_for_a_wheelchair_is_for_those_who_need_it() {
        let mut places = hall();
        for (place, kind) in [(14, SeatKind::Wheelchair), (15, SeatKind::Companion)] {
            places[place].kind = kind;
        }
        assert_eq!(best(&places, &wish(2)), ["V-1-3", "V-1-4"]);
        let accessible = Wish {
            accessible: true,
            ..wish(2)
        };
        assert_eq!(best(&places, &accessible), ["V-1-1", "V-1-2"]);
        let apart = Wish {
            adjacent: false,
            ..accessible.clone()
        };
        places[15].is_free = false;
        assert_eq!(best_available(&places, &accessible), None);
        assert_eq!(best(&places, &apart), ["V-1-1", "V-1-3"]);
        places[14].is_free = false;
        assert_eq!(best_available(&places, &apart), None);
    }

    proptest! {
        #[test]
        fn what_is_chosen_is_free_and_fulfils_the_wish(
            taken in prop::collection::vec(any::<bool>(), 18),
            quantity in 1_usize..=8,
            adjacent in any::<bool>(),
        ) {
            let mut places = hall();
            for (place, taken) in places.iter_mut().zip(&taken) {
                place.is_free = !taken;
            }
            let free = places.iter().filter(|place| place.is_free).count();
            let wish = Wish { adjacent, ..wish(quantity) };
            let Some(choice) = best_available(&places, &wish) else {
                prop_assert!(adjacent || free < quantity);
                return Ok(());
            };
            let chosen: Vec<&Place<'_>> = choice
                .seats
                .iter()
                .map(|id| places.iter().find(|place| place.id == *id).unwrap())
                .collect();
            prop_assert_eq!(chosen.len(), quantity);
            prop_assert!(chosen.iter().all(|place| place.is_free));
            if choice.adjacent {
                let together = chosen.windows(2).all(|pair| {
                    (pair[0].section, pair[0].row, pair[0].number + 1)
                        == (pair[1].section, pair[1].row, pair[1].number)
                });
                prop_assert!(together);
            } else {
                prop_assert!(!adjacent);
                let unique: std::collections::HashSet<_> = choice.seats.iter().collect();
                prop_assert_eq!(unique.len(), quantity);
            }
        }
    }
}
