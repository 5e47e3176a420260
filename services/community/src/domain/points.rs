//! What writing earns, until when it is tried to hand that over, and how often.

use http::StatusCode;
use jiff::{Timestamp, civil::Date, tz::offset};
use urr_contract::{ArtistId, CommentId, NewsId, PostId, UserId, internal::AwardPoints};
use urr_kit::client::{CallError, Fault};
use uuid::Uuid;

use super::pause;

/// Deliveries that are tried, over more than a day.
const MAX_ATTEMPTS: i32 = 160;

/// Something that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A post on an artist's board.
    Post(PostId, ArtistId),
    /// A comment on such a post.
    Comment(CommentId, ArtistId),
    /// A news article. Counts for all memberships of its author.
    News(NewsId),
}

impl Deed {
    /// What ticket is told: `author` has earned this.
    pub fn award(self, author: UserId) -> AwardPoints {
        let (action_type, points, description, reference, artist): (_, _, _, Uuid, _) = match self {
            Self::Post(id, artist) => (
                "COMMUNITY_POST",
                30,
                "커뮤니티 글 작성",
                id.0,
                Some(artist.0),
            ),
            Self::Comment(id, artist) => (
                "COMMUNITY_COMMENT",
                10,
                "커뮤니티 댓글 작성",
                id.0,
                Some(artist.0),
            ),
            Self::News(id) => ("NEWS_CREATION", 30, "뉴스 작성", id.0, None),
        };
        AwardPoints {
            user_id: author,
            action_type: action_type.to_owned(),
            points,
            description: description.to_owned(),
            reference_id: Some(reference),
            artist_id: artist,
        }
    }
}

/// The day to whose limit points count: the people's, not the server's.
pub fn day_of(now: Timestamp) -> Date {
    offset(9).to_datetime(now).date()
}

/// What becomes of an award after one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Ticket has it.
    Delivered,
    /// Once more at this time.
    Retry(Timestamp, String),
    /// Ticket will not take it, or has failed for too long.
    GiveUp(String),
}

/// What becomes of an award whose delivery number `attempts` ended so.
pub fn outcome(attempts: i32, failure: Option<Failure>, now: Timestamp) -> Outcome {
    match failure {
        None => Outcome::Delivered,
        Some(Failure { text, is_final }) if is_final || attempts >= MAX_ATTEMPTS => {
            Outcome::GiveUp(text)
        }
        Some(Failure { text, .. }) => Outcome::Retry(now + pause::after(attempts), text),
    }
}

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people.
    pub text: String,
    /// Whether the same delivery will fail again.
    pub is_final: bool,
}

impl From<CallError> for Failure {
    /// A refusal is final, unless it is about the caller and not about the award.
    fn from(error: CallError) -> Self {
        let is_final = error.fault == Fault::Caller
            && !matches!(
                error.status,
                Some(
                    StatusCode::UNAUTHORIZED
                        | StatusCode::FORBIDDEN
                        | StatusCode::REQUEST_TIMEOUT
                        | StatusCode::TOO_MANY_REQUESTS
                )
            );
        Self {
            text: error.to_string(),
            is_final,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn refusal(status: u16) -> Failure {
        let status = StatusCode::from_u16(status).expect("a status");
        CallError {
            peer: "ticket",
            status: Some(status),
            detail: "no".to_owned(),
            code: None,
            retry: status.is_server_error(),
            fault: if status.is_server_error() {
                Fault::Peer
            } else {
                Fault::Caller
            },
        }
        .into()
    }

    #[test]
    fn the_day_begins_at_midnight_in_seoul() {
        assert_eq!(day_of(at("2026-02-28T14:59:59Z")).to_string(), "2026-02-28");
        assert_eq!(day_of(at("2026-02-28T15:00:00Z")).to_string(), "2026-03-01");
    }

    #[test]
    fn refusals_of_the_award_are_final_and_all_else_is_tried_again() {
        for (status, is_final) in [
            (400, true),
            (404, true),
            (409, true),
            (422, true),
            (401, false),
            (403, false),
            (408, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            assert_eq!(refusal(status).is_final, is_final, "{status}");
        }
    }

    #[test]
    fn pauses_double_up_to_ten_minutes_and_end() {
        let now = at("2026-01-01T00:00:00Z");
        let retry_after = |attempts| match outcome(attempts, Some(refusal(503)), now) {
            Outcome::Retry(then, _) => Some((then - now).get_seconds()),
            _ => None,
        };
        assert_eq!(retry_after(1), Some(1));
        assert_eq!(retry_after(2), Some(2));
        assert_eq!(retry_after(10), Some(512));
        assert_eq!(retry_after(11), Some(600));
        assert_eq!(retry_after(MAX_ATTEMPTS - 1), Some(600));
        assert_eq!(retry_after(MAX_ATTEMPTS), None);
        assert!(matches!(
            outcome(1, Some(refusal(404)), now),
            Outcome::GiveUp(_)
        ));
        assert_eq!(outcome(1, None, now), Outcome::Delivered);
    }

    #[test]
    fn an_article_counts_for_all_memberships() {
        let user = UserId::random();
        let news = Deed::News(NewsId::random()).award(user);
        assert_eq!((news.points, news.artist_id), (30, None));
        let artist = ArtistId::random();
        let comment = Deed::Comment(CommentId::random(), artist).award(user);
        assert_eq!((comment.points, comment.artist_id), (10, Some(artist.0)));
    }
}
