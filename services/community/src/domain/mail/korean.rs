//! What mails say in Korean.

use jiff::{Zoned, civil::Weekday};

use super::{
    Kind,
    letter::{Labels, Words},
};

/// At the end of every mail.
pub(super) const FOOTER: &str = "이 메일은 예매와 결제에 관한 안내로, 발신 전용입니다.";

pub(super) const LABELS: Labels = Labels {
    number: "예매 번호",
    event: "공연",
    date: "일시",
    venue: "장소",
    seats: "좌석",
};

pub(super) fn greeting(name: &str) -> String {
    match name.trim() {
        "" => "안녕하세요.".to_owned(),
        name => format!("{name}님, 안녕하세요."),
    }
}

pub(super) fn words(kind: Kind, called_off: bool) -> Words {
    match kind {
        Kind::Confirmed => Words {
            subject: "예매가 완료되었습니다",
            paragraphs: vec!["결제와 예매가 완료되었습니다. 아래 내용을 확인해 주세요."],
            amount: "결제 금액",
            link: "내 티켓 보기",
        },
        Kind::Cancelled if called_off => Words {
            subject: "공연이 취소되었습니다",
            paragraphs: vec![
                "주최 측 사정으로 공연이 취소되어 예매도 취소되었습니다.",
                "결제하신 금액은 자동으로 환불되며, 환불이 끝나면 다시 알려 드립니다.",
            ],
            amount: "환불 금액",
            link: "예매 내역 보기",
        },
        Kind::Cancelled => Words {
            subject: "예매가 취소되었습니다",
            paragraphs: vec![
                "아래 예매가 취소되었습니다.",
                "결제하신 금액은 자동으로 환불되며, 환불이 끝나면 다시 알려 드립니다.",
            ],
            amount: "환불 금액",
            link: "예매 내역 보기",
        },
        Kind::Rejected => Words {
            subject: "예매를 완료하지 못했습니다",
            paragraphs: vec![
                "결제는 되었지만 티켓을 드리지 못했습니다. 죄송합니다.",
                "결제하신 금액은 전액 자동으로 환불되므로 따로 하실 일은 없습니다. 환불이 끝나면 다시 알려 드립니다.",
            ],
            amount: "환불 금액",
            link: "예매 내역 보기",
        },
        Kind::Refunded => Words {
            subject: "환불이 완료되었습니다",
            paragraphs: vec![
                "결제하신 수단으로 환불했습니다. 카드사에 따라 내역에 보이기까지 며칠 걸릴 수 있습니다.",
            ],
            amount: "환불 금액",
            link: "내역 보기",
        },
        Kind::Sold => Words {
            subject: "티켓이 양도되었습니다",
            paragraphs: vec![
                "등록하신 티켓을 다른 분이 구매했습니다. 이제 이 티켓은 사용할 수 없습니다.",
            ],
            amount: "정산 금액",
            link: "내 양도 보기",
        },
        Kind::Bought => Words {
            subject: "티켓을 양도받았습니다",
            paragraphs: vec!["양도가 완료되어 티켓이 회원님의 것이 되었습니다."],
            amount: "결제 금액",
            link: "내 티켓 보기",
        },
    }
}

/// A day and time, with the zone.
pub(super) fn date(time: &Zoned) -> String {
    let weekday = match time.weekday() {
        Weekday::Monday => "월",
        Weekday::Tuesday => "화",
        Weekday::Wednesday => "수",
        Weekday::Thursday => "목",
        Weekday::Friday => "금",
        Weekday::Saturday => "토",
        Weekday::Sunday => "일",
    };
    let (year, month, day) = (time.year(), time.month(), time.day());
    format!(
        "{year}년 {month}월 {day}일 ({weekday}) {} KST",
        time.strftime("%H:%M")
    )
}
