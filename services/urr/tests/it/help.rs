//! `--help` is the reference of all settings, so a changed setting is a changed snapshot.

use std::collections::BTreeSet;

use crate::command::{run, urr};

/// Every way to start the program.
const COMMANDS: [&[&str]; 20] = [
    &[],
    &["gateway"],
    &["auth"],
    &["ticket"],
    &["payment"],
    &["queue"],
    &["queue-admission"],
    &["stats"],
    &["community"],
    &["toss-simulator"],
    &["check-config"],
    &["migrate"],
    &["seed"],
    &["topics"],
    &["topics", "ensure"],
    &["up"],
    &["crowd"],
    &["audit"],
    &["openapi"],
    &["check-config", "gateway"],
];

fn help(command: &[&str], variables: &[(String, &str)]) -> String {
    let mut program = urr(command);
    program
        .arg("--help")
        .env("COLUMNS", "100")
        .envs(variables.iter().map(|(name, value)| (name, value)));
    let ended = run(&mut program);
    assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.errors);
    ended.output
}

#[test]
fn the_settings_of_every_command() {
    for command in COMMANDS {
        let name = match command {
            [] => "urr".to_owned(),
            // Every service again.
            ["check-config", _] => continue,
            words => words.join("-"),
        };
        insta::assert_snapshot!(name, help(command, &[]));
    }
}

#[test]
fn help_shows_no_value_of_the_environment() {
    for command in COMMANDS {
        let variables: Vec<_> = variables_in(&help(command, &[]))
            .into_iter()
            .map(|name| (name, "leaked-from-the-environment"))
            .collect();
        let text = help(command, &variables);
        assert!(!text.contains("leaked"), "{command:?} shows a value");
    }
}

fn variables_in(help: &str) -> BTreeSet<String> {
    help.split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split([']', '=']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_setting_that_is_missing_or_wrong_is_named_and_ends_with_2() {
    let missing = run(&mut urr(&["auth"]));
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.errors.contains("--jwt-secret"),
        "{}",
        missing.errors
    );
    let wrong = run(urr(&["auth"]).env("PORT", "many"));
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.errors.contains("--port"), "{}", wrong.errors);
}

#[test]
fn settings_can_be_checked_without_a_start() {
    let mut check = urr(&["check-config", "toss-simulator"]);
    assert_eq!(run(&mut check).code, Some(2));
    assert_eq!(run(check.env("TOSS_SECRET_KEY", "secret")).code, Some(0));
}
