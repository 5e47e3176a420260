//! What a person asks for: seats, or places of standing types. Checked and put in an order
//! in which any two requests lock the same things alike.

use std::collections::BTreeMap;

use urr_contract::{SeatId, TicketTypeId};

/// Most seats one hold may take.
pub const MAX_SEATS: usize = 8;
/// Most places of one type that one reservation may take.
pub const MAX_QUANTITY: i64 = 10;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// Nothing asked for.
    Empty,
    /// More seats than allowed.
    TooManySeats {
        /// How many are allowed.
        most: usize,
    },
    /// One seat twice.
    DuplicateSeat,
    /// Less than one place.
    QuantityTooSmall,
    /// More places of one type than allowed.
    QuantityTooLarge,
}

/// Seats of one hold: 1 to 8, each once, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatSelection(Vec<SeatId>);

impl SeatSelection {
    /// The selection, with at most `most` seats (never more than 8).
    pub fn new(mut seats: Vec<SeatId>, most: usize) -> Result<Self, OrderError> {
        let most = most.min(MAX_SEATS);
        if seats.is_empty() {
            return Err(OrderError::Empty);
        }
        // Counted before sorting, so that a huge request costs nothing.
        if seats.len() > most {
            return Err(OrderError::TooManySeats { most });
        }
        seats.sort_unstable();
        if seats.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(OrderError::DuplicateSeat);
        }
        Ok(Self(seats))
    }

    /// The seats, sorted.
    pub fn ids(&self) -> &[SeatId] {
        &self.0
    }

    /// How many.
    pub fn count(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }
}

/// Places of standing types: each type once, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingOrder(Vec<(TicketTypeId, i32)>);

impl StandingOrder {
    /// The order. Lines of one type are added up before the limit is checked.
    pub fn new(lines: impl IntoIterator<Item = (TicketTypeId, i64)>) -> Result<Self, OrderError> {
        let mut sums: BTreeMap<TicketTypeId, i64> = BTreeMap::new();
        for (ticket_type, quantity) in lines {
            if quantity < 1 {
                return Err(OrderError::QuantityTooSmall);
            }
            let sum = sums.entry(ticket_type).or_default();
            *sum = sum.saturating_add(quantity);
        }
        if sums.is_empty() {
            return Err(OrderError::Empty);
        }
        sums.into_iter()
            .map(|(ticket_type, sum)| match i32::try_from(sum) {
                Ok(quantity) if sum <= MAX_QUANTITY => Ok((ticket_type, quantity)),
                _ => Err(OrderError::QuantityTooLarge),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Types and quantities, sorted by type.
    pub fn lines(&self) -> &[(TicketTypeId, i32)] {
        &self.0
    }

    /// Places in all.
    pub fn count(&self) -> i64 {
        self.0
            .iter()
            .map(|(_, quantity)| i64::from(*quantity))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn seat(n: u128) -> SeatId {
        SeatId(Uuid::from_u128(n))
    }

    fn kind(n: u128) -> TicketTypeId {
        TicketTypeId(Uuid::from_u128(n))
    }

    #[test]
    fn seats_are_sorted_and_counted() {
        let chosen = SeatSelection::new(vec![seat(3), seat(1), seat(2)], 8).unwrap();
        assert_eq!(chosen.ids(), [seat(1), seat(2), seat(3)]);
        assert_eq!(SeatSelection::new(vec![], 8), Err(OrderError::Empty));
        assert_eq!(
            SeatSelection::new(vec![seat(1), seat(1)], 8),
            Err(OrderError::DuplicateSeat)
        );
        assert_eq!(
            SeatSelection::new(vec![seat(1), seat(2)], 1),
            Err(OrderError::TooManySeats { most: 1 })
        );
        assert_eq!(
            SeatSelection::new((0..10_000).map(seat).collect(), 10_000),
            Err(OrderError::TooManySeats { most: MAX_SEATS })
        );
    }

    #[test]
    fn lines_of_one_type_are_added_up_before_the_limit() {
        let order = StandingOrder::new([(kind(2), 3), (kind(1), 1), (kind(2), 4)]).unwrap();
        assert_eq!(order.lines(), [(kind(1), 1), (kind(2), 7)]);
        assert_eq!(order.count(), 8);
        assert_eq!(
            StandingOrder::new([(kind(1), 6), (kind(1), 5)]),
            Err(OrderError::QuantityTooLarge)
        );
    }

    #[test]
    fn odd_quantities_are_refused() {
        for quantity in [0, -1, i64::MIN] {
            assert_eq!(
                StandingOrder::new([(kind(1), quantity)]),
                Err(OrderError::QuantityTooSmall)
            );
        }
        for quantity in [11, 1 << 31, i64::MAX] {
            assert_eq!(
                StandingOrder::new([(kind(1), quantity)]),
                Err(OrderError::QuantityTooLarge)
            );
        }
        assert_eq!(StandingOrder::new([]), Err(OrderError::Empty));
    }
}
