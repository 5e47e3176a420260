//! An upgrade while people wait.

use anyhow::Context;
use jiff::SignedDuration;
use reqwest::{
    blocking::Client,
    header::{COOKIE, HeaderMap, SET_COOKIE},
};
use serde_json::{Value, json};
use urr_e2e::{
    Namespace, PortForward, apply, declared_sale, eventually, get, labelled, now, opens,
};

use crate::platform::{ready, upgrade, with_platform};

/// So many wait in the lobby.
const FANS: usize = 20;

/// A sale whose lobby is open, and which opens when this test is long over.
fn sale() -> String {
    let mut spec = json!({"sale": opens(now() + SignedDuration::from_hours(12))});
    spec["sale"]["lobbySeconds"] = json!(86_400);
    declared_sale("lobby", &spec).to_string()
}

/// Somebody who waits, with the cookies that a browser would keep.
struct Fan {
    cookies: String,
    number: u64,
}

/// The answer of the queue, or nothing while the way there is interrupted.
fn ask(
    client: &Client,
    method: &str,
    url: &str,
    cookies: &str,
) -> anyhow::Result<(HeaderMap, Value)> {
    let request = match method {
        "POST" => client.post(url),
        _ => client.get(url),
    };
    let answer = request.header(COOKIE, cookies).send()?.error_for_status()?;
    let headers = answer.headers().clone();
    Ok((headers, answer.json()?))
}

fn number(body: &Value) -> anyhow::Result<u64> {
    body["number"]
        .as_u64()
        .with_context(|| format!("no number in {body}"))
}

/// The part of each cookie that is sent back.
fn cookies(headers: &HeaderMap) -> String {
    let pairs = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok());
    pairs
        .filter_map(|cookie| cookie.split(';').next())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Asks the gateway until it answers: pods come and go, and the way to one goes with it.
fn through<T>(
    namespace: &Namespace,
    what: &str,
    mut ask: impl FnMut(&str) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    eventually(what, || {
        let gateway = PortForward::to(namespace.name(), "service/urr-gateway", 3001)?;
        ask(gateway.url()).map(Some)
    })
}

/// The pods of the chart's own stores, which lose what they know when they end.
fn stores(namespace: &Namespace) -> anyhow::Result<Vec<Value>> {
    let mut ids = Vec::new();
    for store in ["redis", "kafka"] {
        let pods = labelled(
            namespace.name(),
            "pods",
            &format!("urr.internal/store={store}"),
        )?;
        anyhow::ensure!(pods.len() == 1, "{store} is one pod");
        ids.extend(pods.into_iter().map(|pod| pod["metadata"]["uid"].clone()));
    }
    Ok(ids)
}

#[test]
#[ignore = "needs a node: make e2e"]
fn an_upgrade_in_the_lobby_loses_no_place() -> anyhow::Result<()> {
    with_platform("upgrade", &[], |namespace, _| {
        apply(namespace.name(), &sale())?;
        let event = eventually("the sale has its policy", || {
            let sale = get(namespace.name(), "ticketingevent/lobby")?.context("it is applied")?;
            let applied = sale["status"]["policy"]["appliedGeneration"].is_u64();
            let event = sale["status"]["eventId"].as_str().map(str::to_owned);
            Ok(event.filter(|_| applied))
        })?;
        let client = Client::new();
        let mut fans = Vec::new();
        for _ in 0..FANS {
            fans.push(through(namespace, "somebody joins", |gateway| {
                let url = format!("{gateway}/api/v1/queue/check/{event}");
                let (headers, body) = ask(&client, "POST", &url, "")?;
                anyhow::ensure!(body["queued"] == true, "nobody enters a lobby: {body}");
                Ok(Fan {
                    cookies: cookies(&headers),
                    number: number(&body)?,
                })
            })?);
        }
        // Every pod of every service is replaced, and none of a store.
        let before = stores(namespace)?;
        upgrade(namespace, &["defaults.podAnnotations.upgrade=second"])?;
        ready(namespace)?;
        assert_eq!(stores(namespace)?, before);
        for fan in fans {
            let after = through(namespace, "the queue answers", |gateway| {
                let url = format!("{gateway}/api/v1/queue/status/{event}");
                number(&ask(&client, "GET", &url, &fan.cookies)?.1)
            })?;
            assert_eq!(after, fan.number);
        }
        Ok(())
    })
}
