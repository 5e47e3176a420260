//! Who has an event, and what happens to people when that changes.

use anyhow::ensure;
use serde_json::json;
use urr_e2e::{Service, eventually, in_seconds};

use crate::stage::{Setting, on_stage, opens};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn the_older_of_two_sales_has_the_event() -> anyhow::Result<()> {
    on_stage("claims", Setting::default(), |stage| {
        let event = stage.sell("first", &json!({}))?;
        let first = stage.ready("first")?;
        let more = json!({"admission": {"maxActive": 5000}});
        stage.apply("second", &event, &more)?;
        let sentence = stage.says("second", "Accepted", "False", "EventClaimed")?;
        ensure!(
            sentence.contains("first is for the same event and older"),
            "{sentence}"
        );
        let told = stage.event("second", "EventClaimed")?;
        ensure!(told.contains("delete one of the two"), "{told}");
        stage.policy(Service::Queue, &event, "the first one's policy", |policy| {
            policy["fence"]["owner"] == first["metadata"]["uid"] && policy["maxActive"] == 1000
        })?;
        stage.delete("first")?;
        stage.gone("first")?;
        let second = stage.ready("second")?;
        stage.policy(
            Service::Queue,
            &event,
            "the second one's policy",
            |policy| {
                policy["fence"]["owner"] == second["metadata"]["uid"] && policy["maxActive"] == 5000
            },
        )?;
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_sale_that_is_made_anew_or_renamed_moves_nobody() -> anyhow::Result<()> {
    on_stage("renamed", Setting::default(), |stage| {
        let one_at_a_time = json!({
            "sale": opens(in_seconds(0)),
            "admission": {"maxActive": 1, "admitPerSecond": 1},
        });
        let event = stage.sell("aurora", &one_at_a_time)?;
        stage.ready("aurora")?;
        let mut inside = stage.services.fan();
        inside.join(&event)?;
        eventually("the first is let in", || {
            Ok((inside.place(&event)?["status"] == "active").then_some(()))
        })?;
        let mut waiting: Vec<_> = (0..3).map(|_| stage.services.fan()).collect();
        let mut numbers = Vec::new();
        for fan in &mut waiting {
            let place = fan.join(&event)?;
            ensure!(place["queued"] == true, "one at a time: {place}");
            numbers.push(place["number"].clone());
        }
        for (before, after) in [("aurora", "aurora"), ("aurora", "borealis")] {
            stage.delete(before)?;
            stage.gone(before)?;
            stage.apply(after, &event, &one_at_a_time)?;
            stage.ready(after)?;
            let place = inside.place(&event)?;
            ensure!(
                place["status"] == "active",
                "whoever is inside stays: {place}"
            );
            for (fan, number) in waiting.iter_mut().zip(&numbers) {
                let place = fan.place(&event)?;
                ensure!(place["number"] == *number, "{number} became {place}");
                ensure!(place["queued"] == true, "nobody is let in by this: {place}");
            }
        }
        Ok(())
    })
}
