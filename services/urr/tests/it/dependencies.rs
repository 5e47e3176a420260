//! Who may depend on whom: contract <- kit <- each service <- urr, and no service on another.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Lower may be used by higher, never by its equals.
const RANKS: [(&str, u8); 17] = [
    ("urr-contract", 0),
    ("urr-kit", 1),
    ("urr-testkit", 2),
    ("urr-auth", 3),
    ("urr-community", 3),
    ("urr-crowd", 3),
    ("urr-e2e", 3),
    ("urr-gateway", 3),
    ("urr-operator", 3),
    ("urr-operator-api", 1),
    ("urr-operator-plan", 2),
    ("urr-payment", 3),
    ("urr-queue", 3),
    ("urr-stats", 3),
    ("urr-ticket", 3),
    ("urr-toss-simulator", 3),
    ("urr-urr", 4),
];
/// Tests may use a real peer that is no service of the platform.
const PEERS_IN_TESTS: [(&str, &str); 1] = [("urr-payment", "urr-toss-simulator")];

fn members() -> Vec<Package> {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo can read the workspace")
        .packages
}

/// Whether `user` may depend on `used`.
fn is_allowed(user: &str, dependency: &str, kind: DependencyKind) -> bool {
    let ranks = BTreeMap::from(RANKS);
    if kind == DependencyKind::Development {
        let below = ranks[dependency] < ranks[user] || dependency == "urr-testkit";
        return below || PEERS_IN_TESTS.contains(&(user, dependency));
    }
    dependency != "urr-testkit" && ranks[dependency] < ranks[user]
}

#[test]
fn dependencies_point_one_way() {
    let ours = BTreeMap::from(RANKS);
    let mut wrong = Vec::new();
    for member in members() {
        let user = member.name.as_str();
        assert!(ours.contains_key(user), "{user} has no place in the order");
        for dependency in &member.dependencies {
            let (name, kind) = (dependency.name.as_str(), dependency.kind);
            if ours.contains_key(name) && !is_allowed(user, name, kind) {
                wrong.push(format!("{user} -> {name} ({kind:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "not allowed: {wrong:#?}");
}

#[test]
fn the_order_forbids_what_it_should() {
    use DependencyKind::{Development, Normal};
    assert!(!is_allowed("urr-ticket", "urr-auth", Normal));
    assert!(!is_allowed("urr-ticket", "urr-auth", Development));
    assert!(!is_allowed("urr-kit", "urr-ticket", Normal));
    assert!(!is_allowed("urr-ticket", "urr-testkit", Normal));
    assert!(!is_allowed("urr-payment", "urr-toss-simulator", Normal));
    assert!(is_allowed("urr-ticket", "urr-testkit", Development));
    assert!(is_allowed("urr-urr", "urr-ticket", Normal));
}

#[test]
fn versions_and_features_are_in_the_one_table() {
    for member in members() {
        let text = std::fs::read_to_string(&member.manifest_path).expect("its manifest");
        let manifest: toml::Table = text.parse().expect("cargo could read it");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, entry) in table {
                let inherited = entry.get("workspace").and_then(toml::Value::as_bool);
                // Features of our own crates cost nobody a second build of a library.
                let adds = entry.get("features").is_some() && !name.starts_with("urr-");
                assert!(
                    inherited == Some(true) && !adds,
                    "{}: {name} is not taken as it is from [workspace.dependencies]",
                    member.name
                );
            }
        }
    }
}
