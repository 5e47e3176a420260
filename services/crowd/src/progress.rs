//! What a person sees while a crowd is at it: a live line in a terminal, a plain line every
//! few seconds elsewhere. Goes to standard error; standard output is the report's.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::domain::{milestone::Place, tally::Tally};

/// Time between two looks in a terminal.
const LIVE: Duration = Duration::from_millis(250);
/// Time between two plain lines.
const PLAIN: Duration = Duration::from_secs(5);

/// Where progress is shown.
pub enum Progress {
    /// In a terminal.
    Live(ProgressBar),
    /// In a log.
    Plain,
}

impl Progress {
    /// Progress of `fans` fans, in the form that standard error can show.
    pub fn new(fans: u32) -> Self {
        if !stderr().is_terminal() {
            return Self::Plain;
        }
        let bar = ProgressBar::new(u64::from(fans));
        let style = "{elapsed_precise} [{bar:30}] {pos}/{len} done\n{msg}";
        bar.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self::Live(bar)
    }

    /// Time until the next look.
    pub fn period(&self) -> Duration {
        match self {
            Self::Live(_) => LIVE,
            Self::Plain => PLAIN,
        }
    }

    /// Shows how far the crowd is.
    pub fn show(&self, tally: &Tally) {
        match self {
            Self::Live(bar) => {
                bar.set_position(tally.counts.ended);
                bar.set_message(line(tally));
            }
            Self::Plain => say(&line(tally)),
        }
    }

    /// Takes the live line away.
    pub fn finish(&self) {
        if let Self::Live(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Writes a line for a person to standard error; nobody being there to read is no fault.
pub fn say(line: &str) {
    let _unread = writeln!(stderr(), "{line}");
}

fn line(tally: &Tally) -> String {
    let counts = tally.counts;
    format!(
        "arrived {}  waiting {}  inside {}  paying {}  held {}  paid {}  sold {}  conflicts {}  errors {}  done {}",
        counts.arrived,
        tally.now_in(Place::Waiting),
        tally.now_in(Place::Inside),
        tally.now_in(Place::Paying),
        counts.held,
        counts.paid,
        counts.sold,
        counts.conflicts,
        tally.errors(),
        counts.ended,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::milestone::Milestone;

    #[test]
    fn the_line_shows_where_the_fans_are() {
        let mut tally = Tally::default();
        for place in [Place::Waiting, Place::Waiting, Place::Inside] {
            tally.count(Place::Away, &Milestone::Moved(place));
        }
        assert!(line(&tally).starts_with("arrived 3  waiting 2  inside 1  paying 0  held 0"));
    }
}
