//! What one waiting person costs in Redis.

use crate::{
    admission::join_many,
    hall::{Fan, Hall, rules},
};

/// Target: at most 160 bytes over all parts, 64 to reach. A replica adds about one bit.
const REACH_BYTES: u64 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_waiting_people_cost_little_memory_each() {
    const PEOPLE: usize = 100_000;
    let settings = urr_queue::Settings {
        number_block: 200_000,
        ..rules(1, 1000)
    };
    let hall = Hall::new(settings).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    Fan::new(&hall).check(&replica).await;
    let used = async || -> u64 {
        let info: String = hall.command(&["INFO", "memory"]).await;
        let line = info
            .lines()
            .find(|line| line.starts_with("used_memory:"))
            .expect("a figure");
        line.trim_start_matches("used_memory:")
            .trim()
            .parse()
            .expect("a number")
    };
    let before = used().await;
    join_many(&replica, PEOPLE).await;
    let each = (used().await - before) / PEOPLE as u64;
    assert!(each <= REACH_BYTES, "{each} bytes a person");
    let snapshot = replica.keys().snapshot().await.unwrap().expect("laid out");
    let (_, bits) = snapshot.waiting.bytes();
    assert!(
        bits.len() <= PEOPLE / 8 + 2,
        "{} bytes in each replica",
        bits.len()
    );
}
