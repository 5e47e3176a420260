//! What survives the process.

use std::{fs::OpenOptions, io::Write, path::Path};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{Simulator, refused};

fn at(path: &Path) -> Simulator {
    let runtime = urr_testkit::runtime("toss-simulator");
    Simulator::with(runtime, &["--state", path.to_str().expect("text")])
}

#[tokio::test]
async fn payments_and_answers_survive_and_a_cut_off_line_is_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let first = at(&path);
    let key = first.pay("ORD_1", 1_000, "approve").await;
    let other = first.pay("ORD_2", 2_000, "approve").await;
    let merchant = first.merchant().with_header("idempotency-key", "k");
    let paid = first
        .confirm_with(&merchant, &key, "ORD_1", 1_000)
        .await
        .expect(200);
    drop(first);

    // As after a crash in the middle of a write.
    let mut file = OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("the journal");
    file.write_all(br#"{"payment":{"payment_key":"#)
        .expect("written");
    drop(file);

    let second = at(&path);
    assert_eq!(second.of_order("ORD_1").await, paid.body);
    let merchant = second.merchant().with_header("idempotency-key", "k");
    let again = second
        .confirm_with(&merchant, &key, "ORD_1", 1_000)
        .await
        .expect(200);
    assert_eq!(again.bytes, paid.bytes);
    second.confirm(&other, "ORD_2", 2_000).await.expect(200);
    second.cancel(&key).await.expect(200);
    drop(second);

    let third = at(&path);
    assert_eq!(third.of_order("ORD_1").await["status"], "CANCELED");
    assert_eq!(third.of_order("ORD_2").await["status"], "DONE");
    refused(&third.cancel(&key).await, 400, "ALREADY_CANCELED_PAYMENT");
}

#[tokio::test]
async fn a_journal_does_not_grow_with_what_is_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let text = path.to_str().expect("text");
    let start = Timestamp::UNIX_EPOCH;
    let at = |days: i64| {
        let now = start + SignedDuration::from_hours(days * 24);
        Simulator::with(
            urr_testkit::runtime_at("toss-simulator", now),
            &["--state", text],
        )
    };
    let size = || std::fs::metadata(&path).expect("a journal").len();
    let first = at(0);
    let key = first.pay("ORD_1", 1_000, "approve").await;
    let merchant = first.merchant().with_header("idempotency-key", "k");
    first
        .confirm_with(&merchant, &key, "ORD_1", 1_000)
        .await
        .expect(200);
    drop(first);
    let written = size();
    let second = at(14);
    let merchant = second.merchant().with_header("idempotency-key", "k");
    let again = second.confirm_with(&merchant, &key, "ORD_1", 1_000).await;
    again.expect(200);
    drop(second);
    let kept = size();
    assert!(kept < written, "{kept} of {written}");
    let third = at(16);
    assert!(size() < kept, "{} of {kept}", size());
    assert_eq!(third.of_order("ORD_1").await["status"], "DONE");
}

#[tokio::test]
async fn a_journal_that_is_none_is_refused_at_the_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    std::fs::write(&path, "not a journal\n").expect("written");
    let result = std::panic::catch_unwind(|| at(&path));
    assert!(result.is_err());
}

#[tokio::test]
async fn many_at_once_are_all_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let toss = at(&path);
    let orders: Vec<String> = (0..50).map(|n| format!("ORD_{n}")).collect();
    let mut paying = tokio::task::JoinSet::new();
    for order in &orders {
        let (client, order) = (toss.client.clone(), order.clone());
        paying.spawn(async move {
            let path = format!("/checkout/{order}?amount=10");
            client
                .post(&path, json!({"action": "approve"}))
                .await
                .expect(200);
        });
    }
    paying.join_all().await;
    drop(toss);
    let again = at(&path);
    for order in &orders {
        assert_eq!(
            again.of_order(order).await["status"],
            "IN_PROGRESS",
            "{order}"
        );
    }
}
