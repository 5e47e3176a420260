//! Rates and averages, rounded as they are shown.

/// `value` with two decimals.
pub fn rounded(value: f64) -> f64 {
    let rounded = (value * 100.0).round() / 100.0;
    // A figure is never "-0.0".
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// `part` of `whole` in percent with two decimals, 0 of nothing.
pub fn percent(part: i64, whole: i64) -> f64 {
    average(part * 100, whole)
}

/// `sum` over `count` with two decimals, 0 of nothing.
pub fn average(sum: i64, count: i64) -> f64 {
    if count == 0 {
        0.0
    } else {
        rounded(sum as f64 / count as f64)
    }
}

/// Two decimals as a text, as some fields have them.
pub fn two_decimals(value: f64) -> String {
    format!("{:.2}", rounded(value))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "rounded figures are exact")]
mod tests {
    use super::*;

    #[test]
    fn figures_have_two_decimals() {
        assert_eq!(average(310_000, 6), 51_666.67);
        assert_eq!(percent(1, 3), 33.33);
        assert_eq!(percent(2, 2), 100.0);
        assert_eq!(two_decimals(1.005_1), "1.01");
        assert_eq!(two_decimals(-0.001), "0.00");
    }

    #[test]
    fn nothing_divided_is_nothing() {
        assert_eq!(percent(5, 0), 0.0);
        assert_eq!(average(0, 0), 0.0);
    }
}
