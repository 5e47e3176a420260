//! Times as rows carry them on the wire: UTC, milliseconds, `+00:00`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A time of a row.
#[derive(Clone, Copy, Debug, ToSchema, sqlx::Type)]
#[sqlx(transparent)]
#[schema(value_type = Timestamp)]
pub struct Stamp(jiff_sqlx::Timestamp);

impl Stamp {
    /// The time itself.
    pub fn time(self) -> Timestamp {
        self.0.to_jiff()
    }
}

impl From<Timestamp> for Stamp {
    fn from(time: Timestamp) -> Self {
        Self(time.to_sqlx())
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.time().strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").fmt(f)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_always_written() {
        let written = |text: &str| Stamp::from(text.parse::<Timestamp>().unwrap()).to_string();
        assert_eq!(
            written("2026-02-14T08:10:53.123456Z"),
            "2026-02-14T08:10:53.123+00:00"
        );
        assert_eq!(
            written("2026-02-14T08:10:53Z"),
            "2026-02-14T08:10:53.000+00:00"
        );
    }
}
