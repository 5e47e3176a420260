//! The examples, as somebody tries them first.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, ensure};
use serde_json::json;
use urr_e2e::{eventually, kubectl, now};

use crate::stage::{Setting, declared, on_stage, text};

/// The year in which the examples are.
const YEAR: &str = "2027-";

/// The files of `crds/examples`, in order of their names.
fn files() -> anyhow::Result<Vec<PathBuf>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples");
    let files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files: Vec<_> = files.collect::<anyhow::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// An example, moved by whole years to where it is still to come.
fn example(file: &PathBuf) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)?;
    ensure!(text.contains(YEAR), "{} has no dates", file.display());
    let next = now().to_zoned(jiff::tz::TimeZone::UTC).year() + 1;
    Ok(text.replace(YEAR, &format!("{next}-")))
}

/// The one row of a table that kubectl has printed, by the heads of its columns.
fn row(table: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let [head, row] = table.lines().collect::<Vec<_>>()[..] else {
        anyhow::bail!("not a head and one row: {table}");
    };
    let mut columns: Vec<_> = head
        .split_whitespace()
        .filter_map(|name| Some((name, head.find(name)?)))
        .collect();
    columns.push(("", row.len()));
    let cells = columns.windows(2).map(|pair| {
        let [(name, from), (_, to)] = pair else {
            unreachable!("pairs")
        };
        let cell = row.get(*from..*to).context("the row is as wide")?;
        Ok(((*name).to_owned(), cell.trim().to_owned()))
    });
    cells.collect()
}

/// Whether a row has these cells under these heads.
fn says(row: &BTreeMap<String, String>, expected: &[(&str, &str)]) -> anyhow::Result<()> {
    for (head, cell) in expected {
        let said = &row[*head];
        ensure!(said == cell, "{head} is {said}, not {cell}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn every_example_becomes_ready_and_says_what_is_next() -> anyhow::Result<()> {
    on_stage("examples", Setting::default(), |stage| {
        let files = files()?;
        ensure!(!files.is_empty(), "there are examples");
        let mut names = Vec::new();
        for file in &files {
            let arguments = ["--validate=strict", "--output=name", "--filename=-"];
            let arguments = [&["apply", "--namespace", stage.namespace], &arguments[..]].concat();
            let applied = kubectl(&arguments, &example(file)?)?;
            let applied = applied.ok(&file.display().to_string())?;
            let name = applied.trim().rsplit('/').next().context("kind/name")?;
            names.push(name.to_owned());
        }
        for name in &names {
            let sale = stage.ready(name)?;
            let (spec, status) = (&sale["spec"], &sale["status"]);
            ensure!(status["phase"] == "Planned", "{status:#}");
            let next = &status["nextTransition"];
            ensure!(
                ["Warming", "Lobby", "Open"].contains(&&*text(&next["phase"])),
                "{next}"
            );
            // Whoever says how many come, or how many pods it takes, sees what that comes to.
            let capacity = &spec["capacity"];
            let asks = capacity["expectedUsers"].is_number() || capacity["floors"][0].is_object();
            let told = status["capacity"]["services"].as_array();
            let told = told.map_or(&[][..], Vec::as_slice);
            ensure!(asks != told.is_empty(), "{status:#}");
            for service in told {
                ensure!(service["floor"].as_u64() > Some(0), "{service}");
                ensure!(service["from"].is_string(), "{service}");
            }
        }
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn kubectl_get_tells_a_sale_in_one_row() -> anyhow::Result<()> {
    on_stage("columns", Setting::default(), |stage| {
        let floors = json!({"floors": [{"service": "ticket", "replicas": 3}]});
        let declares = json!({"eventId": null, "event": declared("Aurora"), "capacity": floors});
        stage.apply("aurora", "", &declares)?;
        let sale = stage.ready("aurora")?;
        let get = |wide: &[&str]| {
            let arguments = [&["get", "tev", "--namespace", stage.namespace], wide].concat();
            row(&kubectl(&arguments, "")?.ok("kubectl get tev")?)
        };
        let heads = "ACTIVE AGE CAPACITY NAME NEXT OPENS PHASE READY WAITING";
        let next = text(&sale["status"]["nextTransition"]["summary"]);
        let expected = [
            ("NAME", "aurora"),
            ("PHASE", "Planned"),
            ("OPENS", "2037-03-20T03:00:00Z"),
            ("NEXT", &next),
            ("CAPACITY", "1/1"),
            ("WAITING", "0"),
            ("ACTIVE", "0"),
            ("READY", "True"),
        ];
        // A sale that needs no floor yet is ready although a pod is still to come.
        eventually("a row of these cells", || {
            let narrow = get(&[])?;
            let told = narrow.keys().cloned().collect::<Vec<_>>().join(" ");
            ensure!(told == heads, "{told}");
            says(&narrow, &expected).map(Some)
        })?;
        let expected = [
            ("CLOSES", "2037-04-02T12:00:00Z"),
            ("SOLD", "0"),
            ("ADMIT/S", "100"),
            ("POLICY", "Retain"),
        ];
        says(&get(&["--output=wide"])?, &expected)
    })
}
