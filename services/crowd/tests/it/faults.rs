//! Crowds at a platform that is limited, failing, restarted, or wrong.

use urr_kit::Runtime;

use crate::{
    config, crowd,
    stand_in::{Faults, StandIn, wait_for},
};

async fn all_buy_despite(faults: Faults) -> urr_crowd::Report {
    let stand_in = StandIn::start(12, 6, faults).await;
    let report = crowd(&stand_in.url, &["--fans", "12"]).await;
    assert_eq!(
        report.endings,
        [("bought", 12)].into(),
        "{:?}",
        report.failed
    );
    assert_eq!(stand_in.seats_that_are("reserved"), 12);
    let holds = stand_in.platform.lock().holds_by_key.len();
    assert_eq!(holds, 12, "a repeated hold is the same hold");
    assert!(report.holds(), "{:?}", report.violations);
    report
}

#[tokio::test]
async fn a_rate_limit_is_waited_out() {
    let report = all_buy_despite(Faults {
        every: Some((7, 429)),
        ..Faults::default()
    })
    .await;
    assert!(report.rate_limited > 0);
    assert_eq!(report.rate_limited, report.repeated);
}

#[tokio::test]
async fn server_errors_are_repeated() {
    let report = all_buy_despite(Faults {
        every: Some((5, 503)),
        ..Faults::default()
    })
    .await;
    assert!(report.repeated > 0 && report.rate_limited == 0);
}

#[tokio::test]
async fn a_payment_in_doubt_is_followed_up() {
    let report = all_buy_despite(Faults {
        doubt: true,
        ..Faults::default()
    })
    .await;
    assert_eq!((report.in_doubt, report.paid), (12, 12));
}

#[tokio::test]
async fn a_session_that_ends_is_renewed() {
    let stand_in = StandIn::start(
        6,
        6,
        Faults {
            session_requests: Some(1),
            ..Faults::default()
        },
    )
    .await;
    let report = crowd(&stand_in.url, &["--fans", "6"]).await;
    assert_eq!(report.paid, 6);
    assert_eq!(report.sessions_renewed, stand_in.platform.lock().refreshed);
    assert!(report.sessions_renewed >= 6);
}

#[tokio::test]
async fn a_restart_in_the_middle_is_lived_through() {
    let mut stand_in = StandIn::start(30, 5, Faults::default()).await;
    let url = stand_in.url.clone();
    let platform = std::sync::Arc::clone(&stand_in.platform);
    let (report, ()) = tokio::join!(crowd(&url, &["--fans", "30"]), async {
        wait_for(&platform, |platform| platform.requests > 60).await;
        stand_in.restart().await;
    });
    assert_eq!(
        report.endings,
        [("bought", 30)].into(),
        "{:?}",
        report.failed
    );
    assert!(report.holds());
}

#[tokio::test]
async fn a_platform_that_forgets_tickets_is_found_out() {
    let stand_in = StandIn::start(
        2,
        2,
        Faults {
            forgets_tickets: true,
            ..Faults::default()
        },
    )
    .await;
    let report = crowd(&stand_in.url, &["--fans", "2"]).await;
    assert!(!report.holds());
    assert_eq!(report.violations.len(), 2);
    assert_eq!(report.failed.get("paid but not confirmed"), Some(&2));
}

#[tokio::test]
async fn a_platform_that_lets_too_many_in_is_found_out() {
    let faults = Faults {
        crowded: 5,
        ..Faults::default()
    };
    let stand_in = StandIn::start(3, 2, faults).await;
    // Whoever is in stays in.
    let options = ["--fans", "4", "--idle-polls", "--patience", "3"];
    let report = crowd(&stand_in.url, &options).await;
    assert!(!report.holds());
    let text = report.violations.join("\n");
    assert!(
        text.contains("4 fans were inside at once where 2 may be"),
        "{text}"
    );
}

#[tokio::test]
async fn a_shutdown_ends_the_crowd_with_a_report() {
    let stand_in = StandIn::start(
        3,
        3,
        Faults {
            closed: true,
            ..Faults::default()
        },
    )
    .await;
    let runtime = Runtime::new("crowd");
    let run = urr_crowd::run(config(&stand_in.url, &["--fans", "5"]), runtime.clone());
    let (report, ()) = tokio::join!(run, async {
        // Five fans, each with list, event, login and check behind it.
        wait_for(&stand_in.platform, |platform| platform.requests >= 21).await;
        runtime.tasks.cancel();
    });
    let report = report.expect("a report");
    assert!(report.interrupted);
    assert_eq!((report.arrived, report.unfinished), (5, 5));
    assert!(report.table().contains("ended early"));
}

#[tokio::test]
async fn without_a_gateway_there_is_no_crowd() {
    let runtime = Runtime::new("crowd");
    let nobody = "http://127.0.0.1:1";
    let error = urr_crowd::run(config(nobody, &[]), runtime)
        .await
        .expect_err("nobody is there");
    assert!(error.to_string().contains("no gateway answers"), "{error}");
}
