//! Whole sales, from arrival to the last ticket.

use crate::{
    crowd,
    stand_in::{EVENT, Faults, StandIn},
};

#[tokio::test]
async fn a_crowd_buys_what_there_is_and_the_rest_finds_it_sold_out() {
    let stand_in = StandIn::start(25, 10, Faults::default()).await;
    let report = crowd(&stand_in.url, &["--fans", "40"]).await;
    assert_eq!((report.arrived, report.joined), (40, 40));
    assert_eq!((report.paid, report.sold), (25, 25));
    assert_eq!(report.endings, [("bought", 25), ("sold_out", 15)].into());
    assert_eq!(stand_in.seats_that_are("reserved"), 25);
    assert!(report.holds(), "{:?}", report.violations);
    assert!(stand_in.platform.lock().unexpected.is_empty());
}

#[tokio::test]
async fn fans_for_one_seat_conflict_and_one_has_it() {
    let stand_in = StandIn::start(1, 30, Faults::default()).await;
    let event = EVENT.to_string();
    let report = crowd(&stand_in.url, &["--fans", "30", "--event", &event]).await;
    assert_eq!(report.paid, 1);
    assert_eq!(report.endings.get("sold_out"), Some(&29));
    assert_eq!(report.held, 1);
}

#[tokio::test]
async fn several_seats_are_held_together() {
    let stand_in = StandIn::start(12, 4, Faults::default()).await;
    let report = crowd(&stand_in.url, &["--fans", "4", "--seats", "3"]).await;
    assert_eq!((report.paid, report.held, report.sold), (4, 12, 12));
}

#[tokio::test]
async fn shares_of_the_crowd_register_and_give_back() {
    let stand_in = StandIn::start(20, 20, Faults::default()).await;
    let options = [
        "--fans",
        "8",
        "--register",
        "1",
        "--cancel",
        "1",
        "--decline",
        "1",
    ];
    let report = crowd(&stand_in.url, &options).await;
    assert_eq!((report.registered, report.signed_in), (8, 0));
    assert_eq!((report.declined, report.paid), (8, 8));
    assert_eq!((report.cancelled, report.refunded, report.sold), (8, 8, 0));
    assert_eq!(stand_in.seats_that_are("available"), 20);
}

#[tokio::test]
async fn who_abandons_keeps_a_seat_from_others() {
    let stand_in = StandIn::start(9, 9, Faults::default()).await;
    let report = crowd(&stand_in.url, &["--fans", "6", "--abandon", "1"]).await;
    assert_eq!(report.endings, [("abandoned", 6)].into());
    assert_eq!((report.held, report.paid), (6, 0));
    assert_eq!(stand_in.seats_that_are("locked"), 6);
}

#[tokio::test]
async fn the_report_is_written_as_json() {
    let stand_in = StandIn::start(3, 3, Faults::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.json");
    let path = file.to_str().expect("UTF-8");
    let report = crowd(&stand_in.url, &["--fans", "3", "--report", path]).await;
    let written = std::fs::read(&file).expect("written");
    let json: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(json["paid"], report.paid);
    assert_eq!(json["conditions"]["seed"], 7);
    let reserve = report
        .endpoints
        .iter()
        .find(|endpoint| endpoint.name == "POST seats/reserve")
        .expect("listed");
    assert!(reserve.requests() >= 3 && reserve.latency.max_ms > 0.0);
}
