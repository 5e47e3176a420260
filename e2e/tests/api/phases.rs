//! The status follows the timetable.

use anyhow::ensure;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use urr_e2e::{eventually, in_seconds, now};

use crate::stage::{Setting, on_stage, text};

/// How late a phase may be in the status.
const LATEST: SignedDuration = SignedDuration::from_secs(1);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn each_phase_is_told_when_it_begins() -> anyhow::Result<()> {
    on_stage("phases", Setting::default(), |stage| {
        let event = stage.sell("aurora", &json!({}))?;
        stage.ready("aurora")?;
        let opens_at = in_seconds(20);
        let at = |seconds: i64| opens_at + SignedDuration::from_secs(seconds);
        let soon = json!({
            "sale": {"opensAt": opens_at, "closesAt": at(3), "lobbySeconds": 3},
            "capacity": {
                "prescaleSeconds": 3, "cooldownSeconds": 3,
                "floors": [{"service": "gateway", "replicas": 2}],
            },
        });
        stage.apply("aurora", &event, &soon)?;
        let expected = [
            ("Warming", at(-6)),
            ("Lobby", at(-3)),
            ("Open", at(0)),
            ("Closed", at(3)),
            ("Cooling", at(6)),
        ];
        let mut before = "Planned".to_owned();
        for (phase, begins_at) in expected {
            let (seen, seen_at) = eventually(&format!("the phase after {before}"), || {
                let seen = text(&stage.sale("aurora")?["status"]["phase"]);
                Ok((seen != before).then(|| (seen, now())))
            })?;
            ensure!(seen == phase, "{seen} came after {before}");
            on_time(phase, begins_at, seen_at)?;
            before = seen;
        }
        let next = stage.sale("aurora")?["status"]["nextTransition"].clone();
        ensure!(next["phase"] == "Ended", "{next}");
        let told = stage.event("aurora", "Open")?;
        ensure!(told == "the sale went from Lobby to Open", "{told}");
        Ok(())
    })
}

fn on_time(phase: &str, begins_at: Timestamp, seen_at: Timestamp) -> anyhow::Result<()> {
    let late = seen_at.duration_since(begins_at);
    eprintln!(
        "{phase} was told {} ms after its beginning",
        late.as_millis()
    );
    ensure!(!late.is_negative(), "{phase} was told too early");
    ensure!(late <= LATEST, "{phase} was told {late:#} late");
    Ok(())
}
