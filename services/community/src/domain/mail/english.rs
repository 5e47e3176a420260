//! What mails say in English.

use jiff::Zoned;

use super::{
    Kind,
    letter::{Labels, Words},
};

/// At the end of every mail.
pub(super) const FOOTER: &str =
    "This message is about a booking or a payment of yours. Please do not reply to it.";

pub(super) const LABELS: Labels = Labels {
    number: "Booking number",
    event: "Event",
    date: "Date",
    venue: "Venue",
    seats: "Seats",
};

pub(super) fn greeting(name: &str) -> String {
    match name.trim() {
        "" => "Hello,".to_owned(),
        name => format!("Hello {name},"),
    }
}

pub(super) fn words(kind: Kind, called_off: bool) -> Words {
    match kind {
        Kind::Confirmed => Words {
            subject: "Your booking is confirmed",
            paragraphs: vec!["Your payment has arrived and your booking is confirmed."],
            amount: "Paid",
            link: "See your tickets",
        },
        Kind::Cancelled if called_off => Words {
            subject: "The event was cancelled",
            paragraphs: vec![
                "The organiser has called the event off, and your booking has ended with it.",
                "What you paid goes back to you without your doing anything. We write again when it has.",
            ],
            amount: "To be refunded",
            link: "See your bookings",
        },
        Kind::Cancelled => Words {
            subject: "Your booking was cancelled",
            paragraphs: vec![
                "The booking below was cancelled.",
                "What you paid goes back to you without your doing anything. We write again when it has.",
            ],
            amount: "To be refunded",
            link: "See your bookings",
        },
        Kind::Rejected => Words {
            subject: "We could not complete your booking",
            paragraphs: vec![
                "Your payment went through, but we could not give you the ticket. We are sorry.",
                "All of your money goes back to you without your doing anything. We write again when it has.",
            ],
            amount: "To be refunded",
            link: "See your bookings",
        },
        Kind::Refunded => Words {
            subject: "Your money was refunded",
            paragraphs: vec![
                "We have refunded you the way you paid. It may take some days until your bank shows it.",
            ],
            amount: "Refunded",
            link: "See the details",
        },
        Kind::Sold => Words {
            subject: "Your ticket was sold",
            paragraphs: vec![
                "Somebody has bought the ticket that you offered. You cannot use it any more.",
            ],
            amount: "You receive",
            link: "See your offers",
        },
        Kind::Bought => Words {
            subject: "The ticket is yours",
            paragraphs: vec!["The transfer is complete, and the ticket belongs to you now."],
            amount: "Paid",
            link: "See your tickets",
        },
    }
}

/// A day and time, with the zone.
pub(super) fn date(time: &Zoned) -> String {
    format!("{} KST (UTC+9)", time.strftime("%A, %-d %B %Y, %H:%M"))
}
