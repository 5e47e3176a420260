//! Resale between people: at face value plus a fee, to one buyer, whose claim is checked again
//! when the money has moved.

use jiff::Timestamp;
use urr_contract::{ArtistId, ReservationId, TransferId, UserId, Won};

/// Fee where no membership says otherwise, in percent.
pub const DEFAULT_FEE_PERCENT: i64 = 10;

/// What a buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// What the ticket cost when it was first sold, whoever has had it since.
    pub original: Won,
    /// The platform's share.
    pub fee: Won,
    /// Both.
    pub total: Won,
}

impl Price {
    /// The price of a ticket of that face value; `None` beyond what can be counted. Nobody
    /// asks for more than the face value, because nobody but this rule sets a price.
    pub fn of(original: Won, fee_percent: i64) -> Option<Self> {
        let fee = Won(original.checked_mul(fee_percent)?.0 / 100);
        Some(Self {
            original,
            fee,
            total: original.checked_add(fee)?,
        })
    }
}

/// Where a listing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingStatus {
    /// For sale.
    Listed,
    /// Sold.
    Completed,
    /// Withdrawn, or its ticket ended.
    Cancelled,
}

impl ListingStatus {
    /// The status of that word; `None` for words that are not ours.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "listed" => Some(Self::Listed),
            "completed" => Some(Self::Completed),
            "cancelled" => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// A listing, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The listing.
    pub id: TransferId,
    /// What is for sale.
    pub reservation: ReservationId,
    /// Who sells.
    pub seller: UserId,
    /// Whose membership a buyer needs.
    pub artist: Option<ArtistId>,
    /// What a buyer pays.
    pub price: Price,
    /// Where it stands.
    pub status: ListingStatus,
    /// Who bought it.
    pub buyer: Option<UserId>,
    /// The order it was sold to.
    pub order: Option<String>,
    /// Whose order it is kept for.
    pub reserved_by: Option<UserId>,
    /// That order.
    pub reserved_order: Option<String>,
    /// Until when it is kept.
    pub reserved_until: Option<Timestamp>,
}

/// Why a person cannot buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuyRefusal {
    /// Sold or withdrawn.
    NotAvailable,
    /// One's own.
    Own,
    /// Kept for somebody who is paying.
    Reserved,
}

/// What a paid order means for a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complete {
    /// It was sold to this order before.
    Before,
    /// Hand the ticket over, if it still is what was listed.
    HandOver,
    /// The money must go back.
    Refuse(BuyRefusal),
}

impl Listing {
    /// Whether somebody is paying for it at `now`.
    pub fn is_reserved(&self, now: Timestamp) -> bool {
        self.reserved_until.is_some_and(|until| now < until)
    }

    /// Whether that person may buy it at `now`.
    pub fn check_buyer(&self, buyer: UserId, now: Timestamp) -> Result<(), BuyRefusal> {
        if self.status != ListingStatus::Listed {
            return Err(BuyRefusal::NotAvailable);
        }
        if self.seller == buyer {
            return Err(BuyRefusal::Own);
        }
        if self.is_reserved(now) && self.reserved_by != Some(buyer) {
            return Err(BuyRefusal::Reserved);
        }
        Ok(())
    }

    /// What a paid order of that person means at `now`.
    pub fn complete(&self, buyer: UserId, order: &str, now: Timestamp) -> Complete {
        if self.buyer == Some(buyer) && self.order.as_deref() == Some(order) {
            return Complete::Before;
        }
        match self.check_buyer(buyer, now) {
            Ok(()) => Complete::HandOver,
            Err(refusal) => Complete::Refuse(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const SELLER: UserId = UserId(Uuid::from_u128(1));
    const BUYER: UserId = UserId(Uuid::from_u128(2));
    const OTHER: UserId = UserId(Uuid::from_u128(3));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn listing() -> Listing {
        Listing {
            id: TransferId(Uuid::from_u128(4)),
            reservation: ReservationId(Uuid::from_u128(5)),
            seller: SELLER,
            artist: None,
            price: Price::of(Won(100_000), 10).unwrap(),
            status: ListingStatus::Listed,
            buyer: None,
            order: None,
            reserved_by: None,
            reserved_order: None,
            reserved_until: None,
        }
    }

    #[test]
    fn one_buyer_at_a_time_and_not_for_ever() {
        let kept = Listing {
            reserved_by: Some(BUYER),
            reserved_order: Some("a".to_owned()),
            reserved_until: Some(at(600)),
            ..listing()
        };
        assert_eq!(kept.check_buyer(BUYER, at(0)), Ok(()));
        assert_eq!(kept.check_buyer(OTHER, at(599)), Err(BuyRefusal::Reserved));
        assert_eq!(kept.check_buyer(OTHER, at(600)), Ok(()));
        assert_eq!(kept.check_buyer(SELLER, at(0)), Err(BuyRefusal::Own));
    }

    #[test]
    fn it_is_sold_once_and_repeats_are_known() {
        let sold = Listing {
            status: ListingStatus::Completed,
            buyer: Some(BUYER),
            order: Some("a".to_owned()),
            ..listing()
        };
        let refused = Complete::Refuse(BuyRefusal::NotAvailable);
        assert_eq!(sold.complete(BUYER, "a", at(0)), Complete::Before);
        assert_eq!(sold.complete(BUYER, "b", at(0)), refused);
        assert_eq!(sold.complete(OTHER, "a", at(0)), refused);
        assert_eq!(listing().complete(BUYER, "a", at(0)), Complete::HandOver);
    }

    proptest! {
        #[test]
        fn the_fee_is_rounded_down_and_the_face_value_kept(won in 0_i64..1_000_000_000_000, percent in 0_i64..100) {
            let price = Price::of(Won(won), percent).unwrap();
            prop_assert_eq!(price.original, Won(won));
            prop_assert!(price.fee.0 * 100 <= won * percent && (price.fee.0 + 1) * 100 > won * percent);
            prop_assert_eq!(price.total.0, won + price.fee.0);
        }
    }
}
