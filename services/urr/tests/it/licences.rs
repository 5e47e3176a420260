//! Holds what is really linked against `deny.toml`, so that no further tool is needed.

use std::{collections::BTreeSet, process::Command};

use spdx::{Expression, ParseMode};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A crate that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Foreign {
    name: String,
    /// Version, and where it comes from unless that is the registry.
    version: String,
    licence: String,
}

/// Everything that is compiled for this machine, without our own crates. Asked of `cargo
/// tree`, because `cargo metadata` also lists what no feature switches on.
fn foreign() -> BTreeSet<Foreign> {
    let output = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["tree", "--workspace", "--locked", "--prefix", "none"])
        .args(["--edges", "normal,build,dev", "--format", "{p}\t{l}"])
        .output()
        .expect("cargo can be executed");
    let text = String::from_utf8(output.stdout).expect("cargo writes text");
    let all: BTreeSet<_> = text.lines().filter_map(read_line).collect();
    assert!(all.len() > 100, "cargo tree says: {all:?}");
    all
}

/// A line such as `syn v3.0.10\tMIT OR Apache-2.0`.
fn read_line(line: &str) -> Option<Foreign> {
    let (package, licence) = line.split_once('\t')?;
    let (name, version) = package.split_once(' ')?;
    let ours = name.starts_with("urr-") && version.contains("(/");
    (!ours).then(|| Foreign {
        name: name.to_owned(),
        version: version.replace(" (proc-macro)", ""),
        licence: licence.trim_end_matches(" (*)").to_owned(),
    })
}

fn rules() -> toml::Table {
    std::fs::read_to_string(format!("{ROOT}/deny.toml"))
        .expect("deny.toml")
        .parse()
        .expect("deny.toml is TOML")
}

fn allowed_licences() -> Vec<String> {
    rules()["licenses"]["allow"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|licence| licence.as_str().expect("a name").to_owned())
        .collect()
}

/// Whether `expression` can be fulfilled with the allowed licences alone.
fn is_licence_allowed(expression: &str, allowed: &[String]) -> bool {
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|requirement| allowed.contains(&requirement.to_string()))
    })
}

#[test]
fn every_licence_is_allowed() {
    let allowed = allowed_licences();
    let wrong: Vec<_> = foreign()
        .into_iter()
        .filter(|package| !is_licence_allowed(&package.licence, &allowed))
        .collect();
    assert!(wrong.is_empty(), "not in deny.toml: {wrong:#?}");
}

#[test]
fn no_licence_is_allowed_by_accident() {
    let allowed = ["MIT".to_owned()];
    assert!(is_licence_allowed("MIT/Apache-2.0", &allowed));
    assert!(!is_licence_allowed("MIT AND GPL-3.0-only", &allowed));
    assert!(!is_licence_allowed("GPL-3.0-only", &allowed));
    let exception = "MIT WITH Classpath-exception-2.0";
    assert!(!is_licence_allowed(exception, &allowed));
    assert!(is_licence_allowed(exception, &[exception.to_owned()]));
    assert!(!is_licence_allowed("", &allowed));
}

#[test]
fn banned_crates_are_linked_by_nobody_but_their_wrappers() {
    let rules = rules();
    let linked: BTreeSet<_> = foreign().into_iter().map(|package| package.name).collect();
    for ban in rules["bans"]["deny"].as_array().expect("a list") {
        let name = ban["crate"].as_str().expect("a name");
        let wrappers = ban.get("wrappers").and_then(toml::Value::as_array);
        let is_wrapper = |user: &String| {
            let mut wrappers = wrappers.into_iter().flatten();
            wrappers.any(|wrapper| wrapper.as_str() == Some(user))
        };
        if linked.contains(name) {
            let users = users_of(name);
            assert!(users.iter().all(is_wrapper), "{ban}: {users:?}");
        }
    }
}

/// The crates that depend on that one directly.
fn users_of(name: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["tree", "--workspace", "--locked", "--prefix", "none"])
        .args(["--invert", name, "--depth", "1", "--format", "{p}"])
        .output()
        .expect("cargo can be executed");
    let text = String::from_utf8(output.stdout).expect("cargo writes text");
    assert!(text.starts_with(name), "{name} is linked: {text}");
    let users = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next());
    users.map(str::to_owned).collect()
}

#[test]
fn everything_comes_from_the_registry() {
    for package in foreign() {
        // Anything after the version is a path, a repository or another registry.
        let elsewhere = package.version.contains(' ');
        assert!(!elsewhere, "{} {}", package.name, package.version);
    }
}
