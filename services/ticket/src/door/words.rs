//! What a door is told, for programs and for people, in Korean and English.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{check_in::Refusal, doors::DoorRules},
    store::tickets::DoorEvent,
};

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DoorText)]
pub struct Text {
    /// Korean.
    pub ko: String,
    /// English.
    pub en: String,
}

impl Text {
    fn new(ko: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            ko: ko.into(),
            en: en.into(),
        }
    }
}

/// Code of a scan that lets its holder in.
pub const ACCEPTED: &str = "ACCEPTED";

/// Code and text of a verdict. `event` is this door's, `other` the one that the credential is
/// for where that is another.
pub fn verdict(
    verdict: &Result<(), Refusal>,
    rules: &DoorRules,
    opens: Timestamp,
    event: &DoorEvent,
    other: Option<&DoorEvent>,
) -> (&'static str, Text) {
    let Err(refusal) = verdict else {
        return (ACCEPTED, Text::new("입장하세요", "Welcome"));
    };
    let text = |ko: &str, en: &str| Text::new(ko, en);
    match refusal {
        Refusal::NotATicket => (
            "NOT_A_TICKET",
            text(
                "이 플랫폼의 티켓이 아닙니다",
                "This code is not a ticket of this platform",
            ),
        ),
        Refusal::Forged => (
            "FORGED_TICKET",
            text("위조된 티켓입니다", "This ticket is forged"),
        ),
        Refusal::Unknown => (
            "UNKNOWN_TICKET",
            text(
                "존재하지 않는 티켓입니다",
                "There is no such ticket any more",
            ),
        ),
        Refusal::Transferred => (
            "TICKET_TRANSFERRED",
            text(
                "양도된 티켓의 이전 코드입니다",
                "This code is a former holder's: the ticket has changed hands",
            ),
        ),
        Refusal::Cancelled => (
            "TICKET_CANCELLED",
            text("취소된 티켓입니다", "This ticket was cancelled"),
        ),
        Refusal::Refunded => (
            "TICKET_REFUNDED",
            text("환불된 티켓입니다", "This ticket was refunded"),
        ),
        Refusal::ForSale => (
            "TICKET_FOR_SALE",
            text(
                "양도 등록된 티켓입니다. 등록을 취소한 뒤 입장할 수 있습니다",
                "This ticket is for sale: its holder must withdraw the listing first",
            ),
        ),
        Refusal::TurnedAway => (
            "TURNED_AWAY",
            text(
                "기기에서 입장을 거절했습니다",
                "The device turned the holder away",
            ),
        ),
        Refusal::NotYet => ("DOORS_CLOSED", doors_closed(&rules.spell(opens))),
        Refusal::OtherDay => ("WRONG_DAY", wrong_day(&rules.spell(event.event_at))),
        Refusal::OtherEvent(_) => ("WRONG_EVENT", wrong_event(rules, other)),
        Refusal::Used(used) => {
            let at = rules.spell(used.moment.at);
            ("ALREADY_USED", already_used(&at, &used.gate))
        }
    }
}

fn doors_closed(opens: &str) -> Text {
    Text::new(
        format!("입장은 {opens}부터입니다"),
        format!("Doors open at {opens}"),
    )
}

fn wrong_day(date: &str) -> Text {
    Text::new(
        format!("공연일이 아닙니다. 공연은 {date}입니다"),
        format!("The event is on another day: {date}"),
    )
}

fn wrong_event(rules: &DoorRules, other: Option<&DoorEvent>) -> Text {
    match other {
        Some(DoorEvent {
            title, event_at, ..
        }) => {
            let date = rules.spell(*event_at);
            Text::new(
                format!("다른 공연의 티켓입니다: {title}, {date}"),
                format!("This ticket is for another event: {title}, {date}"),
            )
        }
        None => Text::new("다른 공연의 티켓입니다", "This ticket is for another event"),
    }
}

fn already_used(at: &str, gate: &str) -> Text {
    Text::new(
        format!("이미 사용된 티켓입니다: {at}, {gate}"),
        format!("This ticket has been used: {at}, {gate}"),
    )
}

/// Text of a scan whose name was used for another credential.
pub fn scan_id_reused() -> Text {
    Text::new(
        "같은 스캔 번호가 다른 티켓에 사용되었습니다",
        "The scan's id was used for another credential",
    )
}
