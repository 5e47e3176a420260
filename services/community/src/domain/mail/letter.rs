//! The text of a mail: words by language, the facts as a table, one link, once as plain text and
//! once as HTML.

use askama::Template;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use urr_contract::{
    Language, Won,
    internal::{ItemDetails, ReservationDetails},
};

use super::{Content, Kind, english, korean};

/// Zone in which shows take place.
const ZONE: &str = "Asia/Seoul";

/// A mail as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its subject, one line.
    pub subject: String,
    /// For readers that show no HTML.
    pub text: String,
    /// For all others.
    pub html: String,
}

/// What a language says about one kind of mail.
pub(super) struct Words {
    /// The subject, without the title of the event.
    pub(super) subject: &'static str,
    pub(super) paragraphs: Vec<&'static str>,
    /// What the amount is.
    pub(super) amount: &'static str,
    /// What the link leads to.
    pub(super) link: &'static str,
}

/// Names of the rows of the table.
pub(super) struct Labels {
    pub(super) number: &'static str,
    pub(super) event: &'static str,
    pub(super) date: &'static str,
    pub(super) venue: &'static str,
    pub(super) seats: &'static str,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct Text<'a>(&'a Page<'a>);

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a>(&'a Page<'a>);

/// What both forms show.
struct Page<'a> {
    language: &'static str,
    subject: &'a str,
    greeting: String,
    paragraphs: &'a [&'static str],
    rows: Vec<(&'static str, String)>,
    link: &'static str,
    url: String,
    footer: &'static str,
}

/// Writes a mail for a reader of that name. Links lead below `public_url`.
pub fn letter(
    kind: Kind,
    content: &Content,
    language: Language,
    name: &str,
    public_url: &str,
) -> Letter {
    let words = match language {
        Language::Ko => korean::words(kind, content.called_off),
        Language::En => english::words(kind, content.called_off),
    };
    let subject = subject(&words, content);
    let page = Page {
        language: language.as_str(),
        subject: &subject,
        greeting: match language {
            Language::Ko => korean::greeting(name),
            Language::En => english::greeting(name),
        },
        paragraphs: &words.paragraphs,
        rows: rows(&words, content, language),
        link: words.link,
        url: url(kind, content, public_url),
        footer: match language {
            Language::Ko => korean::FOOTER,
            Language::En => english::FOOTER,
        },
    };
    Letter {
        text: Text(&page).render().expect("texts render"),
        html: Html(&page).render().expect("texts render"),
        subject,
    }
}

fn subject(words: &Words, content: &Content) -> String {
    let event = content
        .reservation
        .as_ref()
        .and_then(|it| it.event.as_ref());
    let subject = match event {
        Some(event) => format!("[URR] {}: {}", words.subject, event.title),
        None => format!("[URR] {}", words.subject),
    };
    one_line(&subject)
}

/// A header cannot hold line breaks, whatever an organiser called the show.
fn one_line(text: &str) -> String {
    text.split(char::is_control)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn rows(words: &Words, content: &Content, language: Language) -> Vec<(&'static str, String)> {
    let labels = match language {
        Language::Ko => korean::LABELS,
        Language::En => english::LABELS,
    };
    let mut rows = Vec::new();
    if let Some(reservation) = &content.reservation {
        rows.push((labels.number, reservation.reservation_number.clone()));
        if let Some(event) = &reservation.event {
            rows.push((labels.event, one_line(&event.title)));
            rows.push((labels.date, date(event.event_date, language)));
            rows.push((labels.venue, one_line(&event.venue)));
        }
        rows.extend(seats(reservation).map(|seats| (labels.seats, seats)));
    }
    rows.extend(content.amount.map(|amount| (words.amount, won(amount))));
    rows
}

fn seats(reservation: &ReservationDetails) -> Option<String> {
    let lines: Vec<String> = reservation.items.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn line(item: &ItemDetails) -> Option<String> {
    if let Some(seat) = &item.seat {
        return Some(one_line(seat));
    }
    let ticket_type = item.ticket_type.as_ref()?;
    Some(format!("{} × {}", one_line(ticket_type), item.quantity))
}

/// Where the reader sees more. Whoever has no ticket (any more) sees their payments' list.
fn url(kind: Kind, content: &Content, public_url: &str) -> String {
    let base = public_url.trim_end_matches('/');
    match (kind, &content.reservation) {
        (Kind::Confirmed | Kind::Bought, Some(reservation)) => {
            format!("{base}/reservations/{}", reservation.id)
        }
        (Kind::Sold, _) => format!("{base}/transfers/my"),
        (Kind::Refunded, None) => format!("{base}/my-memberships"),
        _ => format!("{base}/my-reservations"),
    }
}

/// Won with a thousands separator.
pub(super) fn won(amount: Won) -> String {
    let digits = amount.0.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 4);
    if amount.0 < 0 {
        text.push('-');
    }
    text.push('₩');
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn date(time: Timestamp, language: Language) -> String {
    let zone = TimeZone::get(ZONE).expect("the time zones are in this program");
    let local: Zoned = time.to_zoned(zone);
    match language {
        Language::Ko => korean::date(&local),
        Language::En => english::date(&local),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use urr_contract::{EventId, ReservationId, internal::EventDetails};
    use uuid::Uuid;

    use super::*;

    fn content() -> Content {
        let seat = |label: &str| ItemDetails {
            seat: Some(label.to_owned()),
            ticket_type: None,
            quantity: 1,
            unit_price: Won(69_000),
        };
        Content {
            reservation: Some(ReservationDetails {
                id: ReservationId(Uuid::from_u128(1)),
                reservation_number: "R1771056653123-A1B2".to_owned(),
                event: Some(EventDetails {
                    id: EventId(Uuid::from_u128(2)),
                    title: "겨울 <밤> & 별".to_owned(),
                    venue: "한빛 체육관".to_owned(),
                    event_date: "2026-12-24T10:00:00Z".parse().expect("a time"),
                }),
                total_amount: Won(138_000),
                items: vec![seat("VIP구역 1열 1번"), seat("VIP구역 1열 2번")],
            }),
            amount: Some(Won(138_000)),
            called_off: false,
        }
    }

    fn write(kind: Kind, content: &Content, language: Language) -> Letter {
        letter(kind, content, language, "아나", "https://urr.example/")
    }

    #[test]
    fn every_mail_reads_well_in_both_languages() {
        let mut all = String::new();
        for language in [Language::Ko, Language::En] {
            for kind in Kind::ALL {
                let letter = write(kind, &content(), language);
                let _infallible = writeln!(all, "=== {}\n{}\n", letter.subject, letter.text);
            }
            let called_off = Content {
                called_off: true,
                amount: None,
                ..content()
            };
            let letter = write(Kind::Cancelled, &called_off, language);
            let _infallible = writeln!(all, "=== {}\n{}\n", letter.subject, letter.text);
            let membership = Content {
                reservation: None,
                amount: Some(Won(30_000)),
                called_off: false,
            };
            let letter = write(Kind::Refunded, &membership, language);
            let _infallible = writeln!(all, "=== {}\n{}\n", letter.subject, letter.text);
        }
        insta::assert_snapshot!("letters", all);
    }

    #[test]
    fn what_others_wrote_cannot_become_markup() {
        let html = letter(
            Kind::Confirmed,
            &content(),
            Language::Ko,
            "<b>아나</b>",
            "https://urr.example",
        )
        .html;
        assert!(!html.contains("<밤>") && !html.contains("<b>"), "{html}");
        assert!(html.contains("겨울 &#60;밤&#62; &#38; 별"), "{html}");
        insta::assert_snapshot!("confirmed_html", html);
    }

    #[test]
    fn a_title_cannot_add_headers() {
        let mut content = content();
        let event = content
            .reservation
            .as_mut()
            .and_then(|it| it.event.as_mut());
        event.expect("an event").title = "a\r\nBcc: all@example.com\r\n\r\nb".to_owned();
        let letter = write(Kind::Confirmed, &content, Language::En);
        assert!(!letter.subject.contains(char::is_control));
        assert!(letter.subject.ends_with("a Bcc: all@example.com b"));
    }

    #[test]
    fn places_are_counted_by_type() {
        let mut content = content();
        let reservation = content.reservation.as_mut().expect("a reservation");
        reservation.items = vec![ItemDetails {
            seat: None,
            ticket_type: Some("스탠딩 A".to_owned()),
            quantity: 3,
            unit_price: Won(1),
        }];
        let letter = write(Kind::Confirmed, &content, Language::Ko);
        assert!(letter.text.contains("스탠딩 A × 3"), "{}", letter.text);
    }

    #[test]
    fn won_are_grouped_by_thousands() {
        let texts = [0, 7, 999, 1_000, 138_000, 1_234_567, -5_000].map(|amount| won(Won(amount)));
        assert_eq!(
            texts,
            [
                "₩0",
                "₩7",
                "₩999",
                "₩1,000",
                "₩138,000",
                "₩1,234,567",
                "-₩5,000"
            ]
        );
        assert_eq!(won(Won(i64::MIN)), "-₩9,223,372,036,854,775,808");
    }

    #[test]
    fn times_are_those_of_seoul_and_say_so() {
        let time = "2026-12-24T15:30:00Z".parse().expect("a time");
        assert_eq!(date(time, Language::Ko), "2026년 12월 25일 (금) 00:30 KST");
        assert_eq!(
            date(time, Language::En),
            "Friday, 25 December 2026, 00:30 KST (UTC+9)"
        );
    }
}
