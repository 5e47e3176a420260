//! What existing clients were once answered, asked again of the running platform.
//!
//! `exchanges/` holds recorded exchanges with the system that ours takes the place of, one a
//! file, in the order in which they were made. They are replayed in that order through the
//! gateway, or straight to the service that an exchange names. What an earlier answer gave out
//! (ids, tokens, order ids) is put in place of what the recorded one gave out, times keep their
//! distance to now, and each answer must have the recorded status and [`shape`]. Where ours is
//! meant to differ, [`differences`] says how and why.

mod bindings;
mod differences;
mod exchange;
mod shape;
mod stage;

use self::{bindings::Bindings, differences::DIFFERENCES, exchange::Sender, stage::Stage};
use crate::platform::{Platform, directory};

/// The reference's own limit, which the last exchange runs into; and neither a machine that is busy
/// with other tests nor waiting is a reason to be refused.
const VARIABLES: [(&str, &str); 3] = [
    ("RATE_LIMIT_AUTH_RPM", "60"),
    ("RATE_LIMIT_QUEUE_RPM", "100000"),
    ("REDIS_TIMEOUT_MS", "10000"),
];

#[tokio::test]
async fn the_platform_answers_as_recorded_but_for_the_listed_differences() {
    let directory = directory();
    let platform = Platform::start(directory.path(), &VARIABLES).await;
    let sender = Sender::new(platform.addresses());
    let mut bindings = Bindings::new(stage::given(&platform));
    let mut faults = Vec::new();
    let mut differing = 0;
    let exchanges = exchange::all();
    for exchange in &exchanges {
        Stage::new(&sender, &mut bindings).set(exchange).await;
        let (expected, reason) = differences::expected(exchange);
        let answer = sender.send(&bindings.in_place(&exchange.request)).await;
        bindings.learn(&exchange.response.body, &answer.body);
        let found = shape::faults(&bindings.in_place(&expected), &answer);
        if !found.is_empty() {
            faults.push(format!("{}: {found:#?}\n{}", exchange.name, answer.body));
        }
        let Some(reason) = reason else { continue };
        differing += 1;
        if shape::faults(&bindings.in_place(&exchange.response), &answer).is_empty() {
            faults.push(format!(
                "{}: as recorded, for all that: {reason}",
                exchange.name
            ));
        }
    }
    println!(
        "{} exchanges, {differing} of them differ as listed",
        exchanges.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert_eq!(exchanges.len(), 154);
    for difference in DIFFERENCES {
        let exists = exchanges.iter().any(|it| difference.concerns(it));
        assert!(exists, "no such exchange: {}", difference.exchanges);
    }
}
