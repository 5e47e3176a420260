//! The status follows the timetable.

use anyhow::ensure;
use jiff::SignedDuration;
use serde_json::json;
use urr_e2e::{eventually, in_seconds, now};

use crate::stage::{Setting, on_stage, text};

/// How late a phase may be in the status.
const LATEST: SignedDuration = SignedDuration::from_secs(1);

/// How long each phase lasts, in seconds.
const STEP: i64 = 5;

/// Goes through all phases; how long after its beginning the latest one was told.
fn latest() -> anyhow::Result<SignedDuration> {
    let mut latest = SignedDuration::ZERO;
    on_stage("phases", Setting::default(), |stage| {
        let event = stage.sell("aurora", &json!({}))?;
        stage.ready("aurora")?;
        let opens_at = in_seconds(25);
        let at = |seconds: i64| opens_at + SignedDuration::from_secs(seconds);
        let soon = json!({
            "sale": {"opensAt": opens_at, "closesAt": at(STEP), "lobbySeconds": STEP},
            "capacity": {
                "prescaleSeconds": STEP, "cooldownSeconds": STEP,
                "floors": [{"service": "gateway", "replicas": 2}],
            },
        });
        stage.apply("aurora", &event, &soon)?;
        let expected = [
            ("Warming", at(-2 * STEP)),
            ("Lobby", at(-STEP)),
            ("Open", at(0)),
            ("Closed", at(STEP)),
            ("Cooling", at(2 * STEP)),
        ];
        let mut before = "Planned".to_owned();
        for (phase, begins_at) in expected {
            let (seen, seen_at) = eventually(&format!("the phase after {before}"), || {
                let seen = text(&stage.sale("aurora")?["status"]["phase"]);
                Ok((seen != before).then(|| (seen, now())))
            })?;
            ensure!(seen == phase, "{seen} came after {before}");
            let late = seen_at.duration_since(begins_at);
            eprintln!(
                "{phase} was told {} ms after its beginning",
                late.as_millis()
            );
            ensure!(!late.is_negative(), "{phase} was told too early");
            latest = latest.max(late);
            before = seen;
        }
        let next = stage.sale("aurora")?["status"]["nextTransition"].clone();
        ensure!(next["phase"] == "Ended", "{next}");
        let told = stage.event("aurora", "Open")?;
        ensure!(told == "the sale went from Lobby to Open", "{told}");
        Ok(())
    })?;
    Ok(latest)
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn each_phase_is_told_after_the_other() -> anyhow::Result<()> {
    latest().map(drop)
}

#[test]
#[ignore = "a figure: make e2e LEVEL=figures"]
fn figure_each_phase_is_told_within_a_second() -> anyhow::Result<()> {
    let late = latest()?;
    ensure!(late <= LATEST, "{late:#} late");
    Ok(())
}
