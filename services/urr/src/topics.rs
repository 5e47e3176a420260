//! `urr topics ensure`: the topics of the bus in Kafka, as large as they should be.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use urr_contract::topics::{PARTITIONS, Topic};
use urr_kit::{
    bus::{BusArgs, topics},
    telemetry::chain,
};

/// How long Kafka may take to answer at all.
const WITHIN: Duration = Duration::from_mins(1);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);

/// What can be done to topics.
#[derive(clap::Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Makes topics that are missing and widens those that are too small. Never narrows one.
    Ensure(Args),
}

/// Settings of `urr topics ensure`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    bus: BusArgs,
    /// Least partitions of every topic.
    #[arg(long, env = "KAFKA_TOPIC_PARTITIONS", default_value_t = PARTITIONS, hide_env_values = true,
          value_parser = clap::value_parser!(i32).range(1..=1000))]
    partitions: i32,
    /// Least partitions of one topic, and least hours that its messages stay, as
    /// `reservation-events=12/336`. The hours may be left out.
    #[arg(long, value_name = "NAME=PARTITIONS/HOURS")]
    topic: Vec<Larger>,
}

/// A topic that needs more than the others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Larger {
    name: String,
    partitions: i32,
    hours: Option<u32>,
}

impl FromStr for Larger {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, size) = text.split_once('=').context("is not NAME=PARTITIONS")?;
        anyhow::ensure!(
            all_names().any(|known| known == name),
            "there is no topic {name}"
        );
        let (partitions, hours) = match size.split_once('/') {
            Some((partitions, hours)) => (partitions, Some(hours)),
            None => (size, None),
        };
        let partitions = partitions.parse().context("the partitions are no number")?;
        anyhow::ensure!((1..=1000).contains(&partitions), "partitions are 1 to 1000");
        let hours = hours
            .map(str::parse)
            .transpose()
            .context("the hours are no number")?;
        Ok(Self {
            name: name.to_owned(),
            partitions,
            hours,
        })
    }
}

/// The topics and their dead letters.
fn all_names() -> impl Iterator<Item = &'static str> {
    Topic::ALL
        .into_iter()
        .flat_map(|topic| [topic.name(), topic.dead_letter()])
}

impl Args {
    /// What each topic needs: the most of what was said of all and of this one.
    fn needs(&self, retention: Duration) -> Vec<topics::Needs> {
        let needs = all_names().map(|name| {
            let mut needs = topics::Needs {
                name: name.to_owned(),
                partitions: self.partitions,
                retention,
            };
            for larger in self.topic.iter().filter(|larger| larger.name == name) {
                needs.partitions = needs.partitions.max(larger.partitions);
                let hours = Duration::from_hours(larger.hours.unwrap_or(0).into());
                needs.retention = needs.retention.max(hours);
            }
            needs
        });
        needs.collect()
    }
}

/// Carries out the command; `say` is told what was done.
pub(crate) async fn run(Command::Ensure(args): &Command, say: impl Fn(&str)) -> anyhow::Result<()> {
    let Some(options) = args.bus.kafka()? else {
        say("the embedded bus needs no topics made");
        return Ok(());
    };
    let needs = args.needs(options.retention);
    let begun = std::time::Instant::now();
    let done = loop {
        match topics::ensure(&options, &needs).await {
            Ok(done) => break done,
            Err(error) if begun.elapsed() < WITHIN => {
                tracing::info!(error = %chain(&error), "kafka does not do it yet");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error).context("the topics are not as they should be"),
        }
    };
    if done.is_empty() {
        say("all topics are as they should be");
    }
    for sentence in done {
        say(&sentence);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn needs(arguments: &[&str]) -> Vec<(String, i32, u64)> {
        let line = ["ensure"].iter().chain(arguments);
        let args = Line::try_parse_from(line).expect("arguments").args;
        let needs = args.needs(Duration::from_hours(168));
        let rows = needs.into_iter().map(|needs| {
            (
                needs.name,
                needs.partitions,
                needs.retention.as_secs() / 3600,
            )
        });
        rows.collect()
    }

    #[test]
    fn a_topic_gets_the_most_that_was_said_of_it() {
        assert!(
            needs(&[])
                .iter()
                .all(|(_, partitions, hours)| (*partitions, *hours) == (3, 168))
        );
        assert_eq!(needs(&[]).len(), 8);
        let rows = needs(&[
            "--partitions=4",
            "--topic=reservation-events=12/336",
            "--topic=payment-events=2",
        ]);
        let row = |name: &str| {
            rows.iter()
                .find(|row| row.0 == name)
                .map(|row| (row.1, row.2))
        };
        assert_eq!(row("reservation-events"), Some((12, 336)));
        assert_eq!(row("payment-events"), Some((4, 168)));
        assert_eq!(row("reservation-events.dead-letter"), Some((4, 168)));
    }

    #[test]
    fn what_is_no_topic_or_no_number_is_refused() {
        for text in [
            "orders=3",
            "payment-events",
            "payment-events=many",
            "payment-events=0",
            "payment-events=3/long",
        ] {
            assert!(text.parse::<Larger>().is_err(), "{text}");
        }
    }
}
