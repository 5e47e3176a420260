//! Durations counted in buckets that widen with the value: a fixed small table instead of
//! a list of millions, and percentiles within about three per cent.

use std::time::Duration;

/// Linear buckets within each power of two.
const PER_OCTAVE: u64 = 32;
/// log2 of [`PER_OCTAVE`].
const OCTAVE_BITS: u32 = PER_OCTAVE.trailing_zeros();

/// Durations, counted in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket_of(micros);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(counter) = self.buckets.get_mut(bucket) {
            *counter += 1;
        }
        self.count += 1;
        self.max = self.max.max(micros);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest duration.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max)
    }

    /// The duration that `share` (0…1) of all do not exceed, or zero when there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = self.rank(share);
        let mut seen = 0;
        for (bucket, counter) in self.buckets.iter().enumerate() {
            seen += counter;
            if seen >= rank && *counter > 0 {
                return Duration::from_micros(upper_bound(bucket).min(self.max));
            }
        }
        Duration::ZERO
    }

    /// Position, counted from 1, of the wanted value in the sorted list.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count times a share of it, rounded up, is a whole number in range"
    )]
    fn rank(&self, share: f64) -> u64 {
        ((self.count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1)
    }
}

/// Index of the bucket that holds `value`.
fn bucket_of(value: u64) -> usize {
    let index = if value < PER_OCTAVE {
        value
    } else {
        let shift = value.ilog2() - OCTAVE_BITS;
        (u64::from(shift) + 1) * PER_OCTAVE + (value >> shift) - PER_OCTAVE
    };
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The largest value that falls into `bucket`.
fn upper_bound(bucket: usize) -> u64 {
    let index = bucket as u64;
    if index < PER_OCTAVE {
        return index;
    }
    let shift = index / PER_OCTAVE - 1;
    let within = index % PER_OCTAVE + PER_OCTAVE;
    (u128::from(within + 1) << shift)
        .saturating_sub(1)
        .try_into()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_histogram_has_no_durations() {
        assert_eq!(Histogram::default().quantile(0.99), Duration::ZERO);
    }

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::default();
        for micros in 1..=20 {
            histogram.record(Duration::from_micros(micros));
        }
        assert_eq!(histogram.quantile(0.5), Duration::from_micros(10));
        assert_eq!(histogram.quantile(1.0), Duration::from_micros(20));
        assert_eq!(histogram.max(), Duration::from_micros(20));
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket_and_the_bucket_is_narrow(value in 0_u64..u64::MAX / 2) {
            let bucket = bucket_of(value);
            let top = upper_bound(bucket);
            prop_assert!(value <= top);
            prop_assert!(bucket == 0 || upper_bound(bucket - 1) < value);
            prop_assert!(top - value <= value / PER_OCTAVE + 1);
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_list(
            mut values in proptest::collection::vec(0_u64..10_000_000, 1..200),
            share in 0.0_f64..=1.0,
        ) {
            let mut histogram = Histogram::default();
            for value in &values {
                histogram.record(Duration::from_micros(*value));
            }
            values.sort_unstable();
            let rank = usize::try_from(histogram.rank(share)).unwrap();
            let exact = values[rank - 1];
            let got = u64::try_from(histogram.quantile(share).as_micros()).unwrap();
            prop_assert!(got >= exact && got <= exact + exact / PER_OCTAVE + 1, "{got} for {exact}");
        }
    }
}
