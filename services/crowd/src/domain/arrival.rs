//! When fans arrive: the shape of a crowd over time.

use std::time::Duration;

/// Shape of the arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Arrival {
    /// Four of five within the first tenth, the rest spread over what is left.
    Spike,
    /// Ever more a second, as when word spreads.
    #[default]
    Ramp,
    /// As many in each second.
    Even,
}

/// Share of a spike that comes in its first part.
const SPIKE_CROWD: f64 = 0.8;
/// That first part, as a share of the whole time.
const SPIKE_TIME: f64 = 0.1;

impl Arrival {
    /// Returns when fan `number` of `fans` arrives, if all arrive within `over`.
    pub fn offset(self, number: u32, fans: u32, over: Duration) -> Duration {
        let part = f64::from(number) / f64::from(fans.max(1));
        over.mul_f64(self.moment(part).clamp(0.0, 1.0))
    }

    /// The moment, as a share of the whole time, by which `part` of the crowd is there.
    fn moment(self, part: f64) -> f64 {
        match self {
            Self::Spike if part < SPIKE_CROWD => part / SPIKE_CROWD * SPIKE_TIME,
            Self::Spike => {
                SPIKE_TIME + (part - SPIKE_CROWD) / (1.0 - SPIKE_CROWD) * (1.0 - SPIKE_TIME)
            }
            Self::Ramp => part.sqrt(),
            Self::Even => part,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OVER: Duration = Duration::from_secs(100);

    fn seconds(shape: Arrival, number: u32) -> f64 {
        shape.offset(number, 1000, OVER).as_secs_f64()
    }

    #[test]
    fn each_shape_bunches_its_crowd_as_named() {
        for (shape, number, expected) in [
            (Arrival::Even, 0, 0.0),
            (Arrival::Even, 500, 50.0),
            (Arrival::Ramp, 250, 50.0),
            (Arrival::Ramp, 810, 90.0),
            (Arrival::Spike, 400, 5.0),
            (Arrival::Spike, 800, 10.0),
            (Arrival::Spike, 900, 55.0),
        ] {
            let got = seconds(shape, number);
            assert!((got - expected).abs() < 1e-6, "{shape:?} {number}: {got}");
        }
    }

    #[test]
    fn without_time_everybody_is_there_at_once() {
        assert_eq!(
            Arrival::Ramp.offset(999, 1000, Duration::ZERO),
            Duration::ZERO
        );
    }

    proptest! {
        #[test]
        fn later_fans_never_come_earlier(fans in 1_u32..5000, number in 0_u32..4999) {
            for shape in [Arrival::Spike, Arrival::Ramp, Arrival::Even] {
                let here = shape.offset(number.min(fans - 1), fans, OVER);
                let next = shape.offset((number + 1).min(fans), fans, OVER);
                prop_assert!(here <= next && next <= OVER);
            }
        }
    }
}
