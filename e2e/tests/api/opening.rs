//! A sale opens by the waiting room's own clock.

use anyhow::ensure;
use jiff::SignedDuration;
use serde_json::json;
use urr_e2e::{Service, eventually, in_seconds, now};

use crate::stage::{Setting, on_stage, opens};

/// Time to hand the policy over and to end the operator, in seconds. A slow machine needs some.
const LEAD: i64 = 30;
/// How late the first fan may be let in.
const LATEST: SignedDuration = SignedDuration::from_secs(1);
/// So many wait.
const FANS: usize = 5;

/// Opens a sale whose operator is dead; how long after the opening the first fan was let in.
fn open() -> anyhow::Result<SignedDuration> {
    let mut late = SignedDuration::ZERO;
    on_stage("opening", Setting::default(), |stage| {
        let event = stage.sell("aurora", &json!({}))?;
        stage.ready("aurora")?;
        let opens_at = in_seconds(LEAD);
        let mut soon = json!({"sale": opens(opens_at)});
        soon["sale"]["lobbySeconds"] = json!(3600);
        stage.apply("aurora", &event, &soon)?;
        for service in [Service::Queue, Service::Ticket] {
            stage.policy(service, &event, "the new opening", |policy| {
                policy["opensAt"] == opens_at.to_string()
            })?;
        }
        stage.operator.kill()?;
        let mut fans: Vec<_> = (0..FANS).map(|_| stage.services.fan()).collect();
        for fan in &mut fans {
            let place = fan.join(&event)?;
            ensure!(place["queued"] == true, "nobody enters a lobby: {place}");
        }
        ensure!(
            now() < opens_at,
            "this machine is too slow for a lead of {LEAD} s"
        );
        let entered_at = eventually("the first fan is let in", || {
            let place = fans[0].place(&event)?;
            Ok((place["status"] == "active").then(now))
        })?;
        late = entered_at.duration_since(opens_at);
        ensure!(!late.is_negative(), "let in {late:#} too early");
        for fan in &mut fans {
            eventually("everybody is let in", || {
                Ok((fan.place(&event)?["status"] == "active").then_some(()))
            })?;
        }
        Ok(())
    })?;
    eprintln!("let in {} ms after the opening", late.as_millis());
    Ok(late)
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_sale_opens_though_the_operator_is_dead() -> anyhow::Result<()> {
    open().map(drop)
}

#[test]
#[ignore = "a figure: make e2e LEVEL=figures"]
fn figure_a_sale_opens_within_a_second() -> anyhow::Result<()> {
    let late = open()?;
    ensure!(late <= LATEST, "{late:#} late");
    Ok(())
}
