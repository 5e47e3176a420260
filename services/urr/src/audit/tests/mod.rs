//! Each check against real databases: a world in which all is well, and every fault planted
//! into it.

mod faults;
mod world;

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use urr_testkit::database;

use self::world::World;
use super::{
    CHECKS, Config,
    report::{Finding, Report},
    run, settle,
    sources::Sources,
};
use crate::{databases::Name, process::Outcome};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

#[tokio::test]
async fn a_world_in_which_all_is_well_passes() {
    let report = World::new().await.audit().await;
    assert_eq!(report.outcome(), Outcome::Done, "{}", report.table());
    assert_eq!(report.findings().len(), CHECKS.len());
}

#[tokio::test]
async fn what_settles_is_looked_at_until_it_holds() {
    let mut looks = 0;
    let finding = |violations: usize| {
        let texts = vec!["on its way".to_owned(); violations];
        Finding::new(0, &CHECKS[0], texts)
    };
    let settled = settle(Duration::from_mins(1), async || {
        looks += 1;
        Ok(vec![finding(3 - looks)])
    })
    .await
    .expect("the looks succeed");
    assert!(settled.iter().all(Finding::holds));
    assert_eq!(looks, 3);
}

#[tokio::test]
async fn what_does_not_settle_in_time_is_a_violation() {
    let stuck = Finding::new(0, &CHECKS[0], vec!["stuck".to_owned()]);
    let settled = settle(Duration::ZERO, async || Ok(vec![stuck.clone()]))
        .await
        .expect("the look succeeds");
    assert_eq!(
        settled.first().map(Finding::violations),
        Some(stuck.violations())
    );
}

#[tokio::test]
async fn a_check_whose_database_is_not_named_is_not_audited() {
    let world = World::new().await;
    let mut sources = Sources::none("Asia/Seoul");
    for name in [Name::Ticket, Name::Payment, Name::Queue] {
        sources.insert(name, world.pool(name).clone());
    }
    let report = super::audit(&sources, Duration::ZERO)
        .await
        .expect("audits");
    assert_eq!(report.outcome(), Outcome::NotTried);
    assert!(
        report
            .table()
            .contains("not audited, STATS_DB_URL is not set")
    );
}

#[tokio::test]
async fn without_databases_nothing_is_audited() {
    let nothing = tempfile::NamedTempFile::new().expect("a file");
    let outcome = run(config(nothing.path().to_owned())).await;
    assert_eq!(outcome.expect("no failure"), Outcome::NotTried);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_not_audited() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.env");
    std::fs::write(&file, "TICKET_DB_URL=postgres://urr@127.0.0.1:1/nowhere\n").expect("written");
    let outcome = run(config(file)).await;
    assert_eq!(outcome.expect("no failure"), Outcome::NotTried);
}

#[tokio::test]
async fn an_env_file_names_the_databases() {
    let ticket = database(&world::TICKET, "ticket").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.env");
    std::fs::write(&file, format!("TICKET_DB_URL='{}'\n", ticket.url)).expect("written");
    let config = config(file);
    let sources = Sources::new(config.env_file.as_deref(), &config.options.databases, "UTC")
        .expect("the file is read");
    sources.answer().await.expect("the database answers");
    assert_eq!(sources.missing(&[Name::Ticket]), None);
}

fn config(env_file: PathBuf) -> Config {
    // An empty URL is none, whatever the environment of the test says.
    let no_url = Name::ALL.map(|name| {
        let option = name.variable().to_lowercase().replace('_', "-");
        format!("--{option}=")
    });
    let fixed = ["audit", "--wait=0"].map(str::to_owned);
    let mut config = Cli::parse_from(fixed.into_iter().chain(no_url)).config;
    config.env_file = Some(env_file);
    config
}

/// Asserts that `report` finds `check` violated, with `mention` in a violation.
#[track_caller]
fn assert_found(report: &Report, check: &str, mention: &str) {
    assert_eq!(report.outcome(), Outcome::Failed, "{}", report.table());
    let finding = report
        .findings()
        .iter()
        .find(|finding| finding.name() == check)
        .expect("a check of that name");
    assert!(
        finding
            .violations()
            .iter()
            .any(|text| text.contains(mention)),
        "{check} does not mention {mention}:\n{}",
        report.table()
    );
}
