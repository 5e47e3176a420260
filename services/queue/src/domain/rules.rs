//! The rules of one line as the scripts enforce them: the sale policy, what is known of the
//! sale itself, and nothing else. They live in Redis as a hash of plain fields.

use std::collections::HashMap;

use jiff::Timestamp;
use urr_contract::{SalePolicy, sale_policy::Throttle};

/// What ticket says about the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sale {
    /// Going on, or still to come.
    Open,
    /// Over.
    Ended,
    /// Called off.
    Cancelled,
    /// Nothing is free, but what is held may come back: nobody enters, everybody may wait.
    Held,
    /// Nothing is left.
    SoldOut,
}

impl Sale {
    /// From the status of an event. Words this version does not know stop nobody.
    pub fn from_status(status: &str) -> Self {
        match status {
            "ended" | "completed" => Self::Ended,
            "cancelled" => Self::Cancelled,
            "held" => Self::Held,
            "sold_out" => Self::SoldOut,
            _ => Self::Open,
        }
    }

    /// The word in Redis and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
            Self::Held => "held",
            Self::SoldOut => "sold_out",
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "open" => Self::Open,
            other => Self::from_status(other),
        }
    }

    /// What those who wait are told while nobody enters.
    pub fn message(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Ended => Some("Sale has ended"),
            Self::Cancelled => Some("Event is cancelled"),
            Self::Held => Some("All tickets are held right now. Some may come back."),
            Self::SoldOut => Some("Sold out"),
        }
    }

    /// The same, once time has ended what did not end by itself.
    #[must_use]
    pub fn once_past(self) -> Self {
        match self {
            Self::Open | Self::Held => Self::Ended,
            over => over,
        }
    }
}

/// The rules in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Most people inside.
    pub max_active: u64,
    /// People who enter in a second.
    pub per_second: u64,
    /// A lower rate for a while.
    pub throttle: Option<(u64, i64)>,
    /// Stay inside since the last sign of life, in seconds.
    pub active_seconds: u64,
    /// Time to appear after being called, in seconds.
    pub claim_seconds: u64,
    /// Longest stay, in seconds.
    pub max_stay_seconds: u64,
    /// Without a poll for so long, somebody is gone; in seconds.
    pub absent_seconds: u64,
    /// Nobody lines up before; milliseconds, 0 where there is no start.
    pub lobby_at: i64,
    /// Nobody enters before; milliseconds, 0 where there is no start.
    pub opens_at: i64,
    /// Nobody enters from then on; milliseconds, 0 where there is no end.
    pub closes_at: i64,
    /// Nobody enters for now.
    pub suspended: bool,
    /// What those who wait are told.
    pub message: Option<String>,
    /// State of the sale.
    pub sale: Sale,
    /// Life of entry tokens, in seconds.
    pub token_ttl_seconds: u64,
}

impl Rules {
    /// The rules that `policy` makes for a sale in that state.
    pub fn new(policy: &SalePolicy, sale: Sale, token_ttl_seconds: u64) -> Self {
        let millis = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_millisecond);
        let throttle = policy.throttle.as_ref().map(
            |Throttle {
                 admit_per_second,
                 until,
             }| (u64::from(*admit_per_second), until.as_millisecond()),
        );
        Self {
            max_active: policy.max_active.into(),
            per_second: policy.admit_per_second.into(),
            throttle,
            active_seconds: policy.active_seconds.into(),
            claim_seconds: policy.claim_seconds.into(),
            max_stay_seconds: policy.max_stay_seconds.into(),
            absent_seconds: policy.absent_seconds.into(),
            lobby_at: millis(policy.lobby_opens_at()),
            opens_at: millis(policy.opens_at),
            closes_at: millis(policy.closes_at),
            suspended: policy.suspended,
            message: policy.message.clone(),
            sale,
            token_ttl_seconds,
        }
    }

    /// Whether people may enter at `now_ms`.
    pub fn is_open(&self, now_ms: i64) -> bool {
        !self.suspended
            && self.sale == Sale::Open
            && (self.opens_at == 0 || self.opens_at <= now_ms)
            && (self.closes_at == 0 || now_ms < self.closes_at)
    }

    /// The fields and values of the hash in Redis.
    pub fn to_fields(&self) -> Vec<(&'static str, String)> {
        let (throttle_rate, throttle_until) = self.throttle.unwrap_or_default();
        let millis = |seconds: u64| (seconds * 1000).to_string();
        let mut fields = vec![
            ("max_active", self.max_active.to_string()),
            ("rate", self.per_second.to_string()),
            ("throttle_rate", throttle_rate.to_string()),
            ("throttle_until", throttle_until.to_string()),
            ("active_ms", millis(self.active_seconds)),
            ("claim_ms", millis(self.claim_seconds)),
            ("max_stay_ms", millis(self.max_stay_seconds)),
            ("absent_ms", millis(self.absent_seconds)),
            ("lobby_at", self.lobby_at.to_string()),
            ("opens_at", self.opens_at.to_string()),
            ("closes_at", self.closes_at.to_string()),
            ("suspended", u8::from(self.suspended).to_string()),
            ("sale", self.sale.as_str().to_owned()),
            ("token_ttl_s", self.token_ttl_seconds.to_string()),
        ];
        if let Some(message) = &self.message {
            fields.push(("message", message.clone()));
        }
        fields
    }

    /// The rules of such a hash; `None` where it is not one.
    pub fn from_fields(fields: &HashMap<String, String>) -> Option<Self> {
        let text = |name: &str| fields.get(name).map(String::as_str);
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let millis = |name: &str| text(name)?.parse::<i64>().ok();
        let throttle_until = millis("throttle_until")?;
        Some(Self {
            max_active: number("max_active")?,
            per_second: number("rate")?,
            throttle: (throttle_until > 0).then_some((number("throttle_rate")?, throttle_until)),
            active_seconds: number("active_ms")? / 1000,
            claim_seconds: number("claim_ms")? / 1000,
            max_stay_seconds: number("max_stay_ms")? / 1000,
            absent_seconds: number("absent_ms")? / 1000,
            // Absent where an older version wrote the rules.
            lobby_at: millis("lobby_at").unwrap_or(0),
            opens_at: millis("opens_at")?,
            closes_at: millis("closes_at")?,
            suspended: text("suspended")? == "1",
            message: text("message").map(str::to_owned),
            sale: Sale::parse(text("sale")?),
            token_ttl_seconds: number("token_ttl_s")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            max_active: 1000,
            per_second: 100,
            throttle: Some((10, 5_000)),
            active_seconds: 600,
            claim_seconds: 60,
            max_stay_seconds: 1800,
            absent_seconds: 600,
            lobby_at: 500,
            opens_at: 1_000,
            closes_at: 9_000,
            suspended: false,
            message: Some("soon".to_owned()),
            sale: Sale::Open,
            token_ttl_seconds: 600,
        }
    }

    #[test]
    fn fields_are_read_back_as_written() {
        let fields = |rules: &Rules| {
            rules
                .to_fields()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        };
        assert_eq!(Rules::from_fields(&fields(&rules())), Some(rules()));
        for sale in [Sale::Ended, Sale::Cancelled, Sale::Held, Sale::SoldOut] {
            let closed = Rules {
                sale,
                throttle: None,
                message: None,
                ..rules()
            };
            assert_eq!(Rules::from_fields(&fields(&closed)), Some(closed));
        }
        assert_eq!(Rules::from_fields(&HashMap::new()), None);
    }

    #[test]
    fn a_line_is_open_within_its_window_and_only_while_nothing_stops_it() {
        assert!(!rules().is_open(999));
        assert!(rules().is_open(1_000));
        assert!(!rules().is_open(9_000));
        assert!(
            !Rules {
                suspended: true,
                ..rules()
            }
            .is_open(1_000)
        );
        for sale in [Sale::Held, Sale::SoldOut] {
            assert!(!Rules { sale, ..rules() }.is_open(1_000));
        }
    }
}
