//! Groups that people and prices are sorted into.

use urr_contract::Won;

/// By how often somebody reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserType {
    /// Once.
    New,
    /// Two to four times.
    Returning,
    /// Five times and more.
    Loyal,
}

impl UserType {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::New, Self::Returning, Self::Loyal];

    /// The type of somebody with so many reservations.
    pub const fn of(reservations: i64) -> Self {
        match reservations {
            ..=1 => Self::New,
            2..=4 => Self::Returning,
            5.. => Self::Loyal,
        }
    }

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Returning => "returning",
            Self::Loyal => "loyal",
        }
    }
}

/// By an amount of money: what a seat costs, or what somebody spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Below 50,000.
    Budget,
    /// Below 100,000.
    Standard,
    /// Below 150,000.
    Premium,
    /// Everything above.
    Vip,
}

impl Tier {
    /// All, from the cheapest on.
    pub const ALL: [Self; 4] = [Self::Budget, Self::Standard, Self::Premium, Self::Vip];

    /// The tier of that amount.
    pub const fn of(amount: Won) -> Self {
        match amount.0 {
            ..50_000 => Self::Budget,
            50_000..100_000 => Self::Standard,
            100_000..150_000 => Self::Premium,
            150_000.. => Self::Vip,
        }
    }

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Standard => "standard",
            Self::Premium => "premium",
            Self::Vip => "vip",
        }
    }

    /// Its bounds in won, to be read by people.
    pub const fn range(self) -> &'static str {
        match self {
            Self::Budget => "< 50,000",
            Self::Standard => "50,000 – 99,999",
            Self::Premium => "100,000 – 149,999",
            Self::Vip => "≥ 150,000",
        }
    }
}

/// The middle of `values`: the mean of the middle two where they are even in number.
pub fn median(values: &mut [i64]) -> f64 {
    values.sort_unstable();
    let middle = values.len() / 2;
    match values {
        [] => 0.0,
        _ if values.len() % 2 == 1 => values[middle] as f64,
        _ => f64::midpoint(values[middle - 1] as f64, values[middle] as f64),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "rounded figures are exact")]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_tier_above() {
        let name = |amount| Tier::of(Won(amount)).name();
        assert_eq!(
            [0, 49_999, 50_000, 99_999, 100_000, 149_999, 150_000].map(name),
            [
                "budget", "budget", "standard", "standard", "premium", "premium", "vip"
            ]
        );
    }

    #[test]
    fn the_loyal_came_five_times() {
        let name = |count| UserType::of(count).name();
        assert_eq!(
            [1, 2, 4, 5, 50].map(name),
            ["new", "returning", "returning", "loyal", "loyal"]
        );
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3]), 3.0);
        assert_eq!(median(&mut [9, 1]), 5.0);
        assert_eq!(median(&mut [4, 1, 2]), 2.0);
    }
}
