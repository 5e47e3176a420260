//! Mails to fans: who gets which about what, and when one is tried again.

mod english;
mod korean;
pub mod letter;
pub mod schedule;

use serde::{Deserialize, Serialize};
use urr_contract::{
    UserId, Won,
    internal::{ReservationDetails, TransferDetails},
};

use super::{details::About, notice::Notice};

/// Reason in the fact of a reservation whose event was called off, in ticket's words.
const CALLED_OFF: &str = "Event was cancelled";

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The reservation is paid.
    Confirmed,
    /// The reservation ended.
    Cancelled,
    /// Paid in vain; the money goes back.
    Rejected,
    /// The money went back.
    Refunded,
    /// The ticket was sold to somebody else.
    Sold,
    /// A ticket was bought from somebody else.
    Bought,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Confirmed,
        Self::Cancelled,
        Self::Rejected,
        Self::Refunded,
        Self::Sold,
        Self::Bought,
    ];

    /// The word in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Refunded => "refunded",
            Self::Sold => "sold",
            Self::Bought => "bought",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a mail says, without whom it is to: names and addresses are asked for when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The reservation, where it is about one.
    pub reservation: Option<ReservationDetails>,
    /// Won that were or will be moved.
    pub amount: Option<Won>,
    /// Whether it ended because the event was called off.
    #[serde(default)]
    pub called_off: bool,
}

/// A mail to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMail {
    /// To whom.
    pub user: UserId,
    /// What about.
    pub kind: Kind,
    /// What it says.
    pub content: Content,
}

/// The mails of a notice.
pub fn mails(notice: &Notice, about: About<'_>) -> Vec<NewMail> {
    match notice {
        Notice::Confirmed { owner, amount, .. } => {
            vec![mail(*owner, Kind::Confirmed, about, Some(*amount))]
        }
        Notice::Cancelled { owner, reason, .. } => {
            let mut mail = mail(*owner, Kind::Cancelled, about, None);
            mail.content.called_off = reason.as_deref() == Some(CALLED_OFF);
            vec![mail]
        }
        Notice::Rejected { payer, .. } => vec![mail(*payer, Kind::Rejected, about, None)],
        Notice::Refunded { payer, amount, .. } => {
            vec![mail(*payer, Kind::Refunded, about, Some(*amount))]
        }
        Notice::Transferred { seller, buyer, .. } => {
            let paid = |part: fn(&TransferDetails) -> Won| match about {
                About::Transfer(_, transfer) => Some(part(transfer)),
                _ => None,
            };
            let to_seller = seller
                .map(|seller| mail(seller, Kind::Sold, about, paid(|sale| sale.original_price)));
            let to_buyer = mail(*buyer, Kind::Bought, about, paid(|sale| sale.total_price));
            to_seller.into_iter().chain([to_buyer]).collect()
        }
    }
}

fn mail(user: UserId, kind: Kind, about: About<'_>, amount: Option<Won>) -> NewMail {
    NewMail {
        user,
        kind,
        content: Content {
            reservation: about.reservation().cloned(),
            amount,
            called_off: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use urr_contract::{ReservationId, TransferId};

    use super::*;

    #[test]
    fn a_kind_has_one_word_everywhere() {
        for kind in Kind::ALL {
            assert_eq!(
                serde_json::to_value(kind).expect("serialises"),
                kind.as_str()
            );
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("sent"), None);
    }

    #[test]
    fn a_transfer_tells_the_seller_the_face_value_and_the_buyer_the_price() {
        let reservation = ReservationDetails {
            id: ReservationId::random(),
            reservation_number: "R-1".to_owned(),
            event: None,
            total_amount: Won(50_000),
            items: Vec::new(),
        };
        let transfer = TransferDetails {
            id: TransferId::random(),
            reservation_id: reservation.id,
            original_price: Won(50_000),
            transfer_fee: Won(5_000),
            total_price: Won(55_000),
        };
        let (seller, buyer) = (UserId::random(), UserId::random());
        let notice = Notice::Transferred {
            transfer: transfer.id,
            seller: Some(seller),
            buyer,
        };
        let told: Vec<_> = mails(&notice, About::Transfer(&reservation, &transfer))
            .into_iter()
            .map(|mail| (mail.user, mail.kind, mail.content.amount))
            .collect();
        assert_eq!(
            told,
            [
                (seller, Kind::Sold, Some(Won(50_000))),
                (buyer, Kind::Bought, Some(Won(55_000))),
            ]
        );
    }
}
