//! Memberships of artists: tiers by points, what each tier may, and how points are earned.

use jiff::Timestamp;
use serde::Serialize;
use urr_contract::Won;
use utoipa::ToSchema;

/// Points for joining or renewing.
pub const JOIN_POINTS: i32 = 200;
/// Points for a ticket of the artist.
pub const PURCHASE_POINTS: i32 = 100;
/// Most points that one membership earns in the community on one day.
pub const DAILY_COMMUNITY_POINTS: i32 = 200;
/// Most points of one award.
pub const MAX_AWARD: i32 = 1_000;

/// How close a person is to an artist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(as = MembershipTier, rename_all = "UPPERCASE")]
pub enum Tier {
    /// No active membership.
    Bronze,
    /// A member.
    Silver,
    /// From 500 points.
    Gold,
    /// From 1,500 points.
    Diamond,
}

impl Tier {
    /// The tier of an active member with so many points.
    pub const fn of_points(points: i32) -> Self {
        match points {
            1_500.. => Self::Diamond,
            500.. => Self::Gold,
            _ => Self::Silver,
        }
    }

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bronze => "BRONZE",
            Self::Silver => "SILVER",
            Self::Gold => "GOLD",
            Self::Diamond => "DIAMOND",
        }
    }

    /// What it may.
    pub const fn benefits(self) -> Benefits {
        let (phase, label, surcharge, fee, next) = match self {
            Self::Diamond => (Some(1), "선예매 1", 1_000, Some(5), None),
            Self::Gold => (Some(2), "선예매 2", 2_000, Some(5), Some(1_500)),
            Self::Silver => (Some(3), "선예매 3", 3_000, Some(10), Some(500)),
            Self::Bronze => (None, "일반예매", 0, None, None),
        };
        Benefits {
            pre_sale_phase: phase,
            pre_sale_label: label,
            booking_fee_surcharge: Won(surcharge),
            transfer_access: fee.is_some(),
            transfer_fee_percent: fee,
            next_tier_threshold: next,
        }
    }
}

impl Serialize for Tier {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a tier may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MembershipBenefits)]
pub struct Benefits {
    /// Which group of the presale it belongs to.
    pub pre_sale_phase: Option<i32>,
    /// That group's name.
    pub pre_sale_label: &'static str,
    /// Surcharge that is shown.
    pub booking_fee_surcharge: Won,
    /// Whether it may sell and buy tickets.
    pub transfer_access: bool,
    /// Fee of a resale, in percent.
    pub transfer_fee_percent: Option<i64>,
    /// Points of the next tier.
    pub next_tier_threshold: Option<i32>,
}

/// Where a membership stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Asked for, unpaid.
    Pending,
    /// Paid, and its year is not over.
    Active,
    /// Over.
    Expired,
}

impl Standing {
    /// The standing at `now`, whatever the job has got to write.
    pub fn at(status: &str, expires_at: Timestamp, now: Timestamp) -> Self {
        match status {
            "pending" => Self::Pending,
            "active" if now < expires_at => Self::Active,
            _ => Self::Expired,
        }
    }

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }

    /// The tier that counts, given the points.
    pub const fn tier(self, points: i32) -> Tier {
        match self {
            Self::Active => Tier::of_points(points),
            Self::Pending | Self::Expired => Tier::Bronze,
        }
    }
}

/// What of a community award counts, after so many community points on the same day.
pub fn capped_award(points: i32, today: i32) -> i32 {
    points.min(DAILY_COMMUNITY_POINTS - today).max(0)
}

/// Whether points of that kind are earned in the community and so capped by the day.
pub fn is_community(action_type: &str) -> bool {
    matches!(
        action_type,
        "COMMUNITY_POST" | "COMMUNITY_COMMENT" | "NEWS_CREATION"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn tiers_begin_at_their_points() {
        let cases = [
            (0, Tier::Silver),
            (499, Tier::Silver),
            (500, Tier::Gold),
            (1_499, Tier::Gold),
            (1_500, Tier::Diamond),
        ];
        for (points, tier) in cases {
            assert_eq!(Tier::of_points(points), tier);
            assert_eq!(Standing::Active.tier(points), tier);
            assert_eq!(Standing::Expired.tier(points), Tier::Bronze);
        }
    }

    #[test]
    fn a_year_ends_whether_or_not_the_job_has_run() {
        assert_eq!(Standing::at("active", at(10), at(9)), Standing::Active);
        assert_eq!(Standing::at("active", at(10), at(10)), Standing::Expired);
        assert_eq!(Standing::at("expired", at(10), at(9)), Standing::Expired);
        assert_eq!(Standing::at("pending", at(1), at(9)), Standing::Pending);
    }

    #[test]
    fn a_day_of_posting_earns_no_more_than_its_cap() {
        assert_eq!(capped_award(30, 0), 30);
        assert_eq!(capped_award(30, 190), 10);
        assert_eq!(capped_award(30, 200), 0);
        assert_eq!(capped_award(30, 400), 0);
    }

    #[test]
    fn benefits_are_those_of_the_table() {
        let json = serde_json::to_value(Tier::Bronze.benefits()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "preSalePhase": null, "preSaleLabel": "일반예매", "bookingFeeSurcharge": 0,
                "transferAccess": false, "transferFeePercent": null, "nextTierThreshold": null,
            })
        );
        assert_eq!(Tier::Gold.benefits().transfer_fee_percent, Some(5));
        assert_eq!(Tier::Silver.benefits().next_tier_threshold, Some(500));
    }
}
