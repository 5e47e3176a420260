//! What people were told of their position, for as long as a loss of Redis could make it
//! grow: while those ahead come back, more are counted than were before.
//!
//! Four bytes for each number that is told a position; none as long as nothing was lost.

use std::{collections::HashMap, sync::Arc};

use super::snapshot::Snapshot;

/// Numbers whose positions are kept together.
const CHUNK: usize = 1024;
const NEVER: u32 = u32::MAX;

/// The lowest figure each number was told.
#[derive(Debug, Default)]
pub struct Told {
    /// The line as it was before it was lost: everybody in it was told at least this.
    before_loss: Option<Arc<Snapshot>>,
    ahead: HashMap<usize, Box<[u32; CHUNK]>>,
}

impl Told {
    /// The line was lost, and was last seen like this.
    pub fn lose(&mut self, last: &Arc<Snapshot>) {
        // After a second loss, what was told since the first is here.
        self.before_loss.get_or_insert_with(|| Arc::clone(last));
    }

    /// People ahead of `number` as it may be told: `ahead`, or less if it was told less.
    pub fn at_most(&mut self, number: u64, ahead: u64) -> u64 {
        let (chunk, at) = place(number);
        let chunk = self.ahead.entry(chunk);
        let lowest = &mut chunk.or_insert_with(|| Box::new([NEVER; CHUNK]))[at];
        if *lowest == NEVER {
            let known = self.before_loss.as_ref().map(|line| &line.waiting);
            let known = known.filter(|waiting| waiting.contains(number));
            *lowest = known.map_or(NEVER, |waiting| within(waiting.before(number)));
        }
        *lowest = within(ahead).min(*lowest);
        u64::from(*lowest)
    }

    /// Nobody below that number waits any more.
    pub fn forget_below(&mut self, first: u64) {
        let (first, _) = place(first);
        self.ahead.retain(|chunk, _| *chunk >= first);
    }
}

/// Chunk of a number, and place in it.
fn place(number: u64) -> (usize, usize) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    (number / CHUNK, number % CHUNK)
}

fn within(ahead: u64) -> u32 {
    u32::try_from(ahead).unwrap_or(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::waiting::Waiting;

    #[test]
    fn nobody_is_told_more_than_before() {
        let mut told = Told::default();
        assert_eq!(told.at_most(7, 5), 5);
        assert_eq!(told.at_most(7, 9), 5);
        assert_eq!(told.at_most(7, 3), 3);
        assert_eq!(told.at_most(7, 4), 3);
        assert_eq!(
            told.at_most(1031, 9),
            9,
            "of another number nothing is known"
        );
    }

    #[test]
    fn what_was_told_before_the_loss_counts_as_well() {
        let mut told = Told::default();
        told.lose(&Arc::new(Snapshot {
            taken_ms: 0,
            epoch: 1,
            is_of_older_run: false,
            last_number: 15,
            reserved_to: 20,
            serving: 0,
            admitted: 0,
            resumes_ms: 0,
            backlog_since_ms: 0,
            waiting: Waiting::new(0, vec![0b0000_0110, 0b0000_1000]),
            slots: HashMap::new(),
            pace: Vec::new(),
            rules: None,
        }));
        assert_eq!(told.at_most(12, 4), 2);
        assert_eq!(told.at_most(12, 1), 1);
        assert_eq!(told.at_most(13, 4), 4, "13 was not waiting");
    }

    #[test]
    fn those_who_wait_no_more_are_forgotten() {
        let mut told = Told::default();
        told.at_most(7, 5);
        told.at_most(2048, 6);
        told.forget_below(2050);
        assert_eq!(told.ahead.len(), 1);
        assert_eq!(told.at_most(2048, 9), 6);
    }
}
