//! A mail as it travels: headers and both forms of its text.

use std::time::SystemTime;

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::Outgoing;
use crate::domain::mail::schedule::Failure;

/// Nobody answers a machine (RFC 3834).
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
const CONTENT_LANGUAGE: HeaderName = HeaderName::new_from_ascii_str("Content-Language");

/// Builds the message. An address that is none never will be one.
pub(super) fn build(from: &Mailbox, mail: &Outgoing<'_>) -> Result<Message, Failure> {
    let address: Address = mail
        .address
        .parse()
        .map_err(|error| Failure::Final(format!("the address cannot be written to: {error}")))?;
    let value = |name: HeaderName, value: &str| HeaderValue::new(name, value.to_owned());
    let both = MultiPart::alternative()
        .singlepart(SinglePart::plain(mail.letter.text.clone()))
        .singlepart(SinglePart::html(mail.letter.html.clone()));
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(display_name(mail.name), address))
        .subject(&mail.letter.subject)
        .date(SystemTime::from(mail.at))
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .raw_header(value(AUTO_SUBMITTED, "auto-generated"))
        .raw_header(value(CONTENT_LANGUAGE, mail.language.as_str()))
        .multipart(both)
        .map_err(|error| Failure::Final(format!("the mail cannot be written: {error}")))
}

/// A name as a header can hold it, whatever people call themselves.
fn display_name(name: &str) -> Option<String> {
    let name: String = name
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use urr_contract::{Language, MailId};
    use uuid::Uuid;

    use super::*;
    use crate::domain::mail::letter::Letter;

    fn formatted(address: &str, name: &str, subject: &str) -> Result<String, Failure> {
        let letter = Letter {
            subject: subject.to_owned(),
            text: "본문".to_owned(),
            html: "<p>본문</p>".to_owned(),
        };
        let from = "URR <tickets@urr.example>".parse().expect("a mailbox");
        let mail = Outgoing {
            id: MailId(Uuid::from_u128(7)),
            address,
            name,
            language: Language::Ko,
            letter: &letter,
            at: Timestamp::UNIX_EPOCH,
        };
        build(&from, &mail)
            .map(|message| String::from_utf8(message.formatted()).expect("mails are ASCII"))
    }

    /// The headers, unfolded.
    fn headers(mail: &str) -> Vec<String> {
        let (head, _) = mail.split_once("\r\n\r\n").expect("a body");
        head.replace("\r\n ", " ")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_mail_says_what_it_is_and_keeps_its_id() {
        let mail = formatted("ana@example.com", "아나", "제목").expect("a mail");
        let headers = headers(&mail);
        for header in [
            "Message-ID: <00000000-0000-0000-0000-000000000007@urr.example>",
            "From: URR <tickets@urr.example>",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "Content-Language: ko",
            "MIME-Version: 1.0",
        ] {
            assert!(
                headers.contains(&header.to_owned()),
                "{header} in {headers:#?}"
            );
        }
        assert!(
            mail.contains("Content-Type: text/plain; charset=utf-8"),
            "{mail}"
        );
        assert!(
            mail.contains("Content-Type: text/html; charset=utf-8"),
            "{mail}"
        );
    }

    #[test]
    fn neither_a_name_nor_a_subject_can_add_a_header() {
        let evil = "Ana\r\nBcc: all@example.com\r\n\r\nHello";
        let mail = formatted("ana@example.com", evil, evil).expect("a mail");
        for header in headers(&mail) {
            assert!(!header.to_lowercase().starts_with("bcc:"), "{mail}");
        }
        let name = "Ana\" <all@example.com>, \"Bo";
        let mail = formatted("ana@example.com", name, "s").expect("a mail");
        let to = headers(&mail)
            .into_iter()
            .find(|header| header.starts_with("To:"));
        let to = to.expect("a reader");
        assert!(to.ends_with("<ana@example.com>"), "{to}");
        let parsed: lettre::message::Mailboxes = to["To:".len()..].trim().parse().expect("readers");
        assert_eq!(parsed.iter().count(), 1, "{to}");
    }

    #[test]
    fn an_address_that_is_none_fails_for_good() {
        for address in [
            "",
            "ana",
            "ana@",
            "a b@example.com",
            "ana@example.com\r\nBcc: b@example.com",
        ] {
            assert!(
                matches!(formatted(address, "Ana", "s"), Err(Failure::Final(_))),
                "{address:?}"
            );
        }
    }
}
