//! Mails: to the right people, once, in their language, and as soon as those who know are back.

use std::sync::atomic::Ordering;

use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use urr_community::{jobs, store};
use urr_contract::{Fact, FactId, UserId, facts::PaymentType};
use uuid::Uuid;

use crate::{
    app::{App, text},
    told::Sale,
};

/// A fact of a sale.
type Happened = fn(&Sale) -> Fact;
/// Kinds and readers of the mails about it.
type Told = fn(&Sale) -> Vec<(&'static str, UserId)>;

/// The mails that went out, as files.
fn files(app: &App) -> Vec<String> {
    let entries = std::fs::read_dir(app.outbox.path()).expect("a directory");
    let mut files: Vec<String> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            assert_eq!(path.extension(), Some("eml".as_ref()), "{}", path.display());
            std::fs::read_to_string(path).expect("a mail")
        })
        .collect();
    files.sort_unstable();
    files
}

async fn list(app: &App, query: &str) -> Vec<Value> {
    let answer = app.admin().get(&format!("/api/admin/mails?{query}")).await;
    let answer = answer.expect(200);
    answer.body["mails"].as_array().expect("mails").clone()
}

/// Kind and reader of every mail about that fact.
async fn written(app: &App, fact: &Fact) -> Vec<(String, String)> {
    app.hear(FactId::random(), fact).await;
    app.tell().await;
    let mut written: Vec<_> = list(app, "status=sent")
        .await
        .iter()
        .map(|mail| {
            (
                text(&mail["kind"]).to_owned(),
                text(&mail["userId"]).to_owned(),
            )
        })
        .collect();
    written.sort_unstable();
    written
}

#[tokio::test]
async fn each_fact_is_told_to_those_it_concerns() {
    let id = |user: UserId| user.to_string();
    let cases: [(Happened, Told); 8] = [
        (Sale::confirmed, |sale| vec![("confirmed", sale.fan)]),
        (
            |sale| sale.cancelled("User requested cancellation"),
            |sale| vec![("cancelled", sale.fan)],
        ),
        (
            |sale| sale.cancelled("Event was cancelled"),
            |sale| vec![("cancelled", sale.fan)],
        ),
        (Sale::rejected, |sale| vec![("rejected", sale.buyer)]),
        (
            |sale| sale.refunded(PaymentType::Reservation),
            |sale| vec![("refunded", sale.fan)],
        ),
        (
            |sale| sale.refunded(PaymentType::Transfer),
            |sale| vec![("refunded", sale.fan)],
        ),
        (
            |sale| sale.refunded(PaymentType::Membership),
            |sale| vec![("refunded", sale.fan)],
        ),
        (Sale::transferred, |sale| {
            vec![("bought", sale.buyer), ("sold", sale.fan)]
        }),
    ];
    for (fact, told) in cases {
        let app = App::start().await;
        let sale = Sale::new(&app);
        let expected: Vec<_> = told(&sale)
            .into_iter()
            .map(|(kind, user)| (kind.to_owned(), id(user)))
            .collect();
        assert_eq!(written(&app, &fact(&sale)).await, expected);
    }
}

#[tokio::test]
async fn a_fact_that_comes_again_sends_nothing_again() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    let fact = FactId::random();
    for _ in 0..3 {
        app.hear(fact, &sale.confirmed()).await;
        app.tell().await;
    }
    // Also where the record of the fact is lost.
    sqlx::query!("delete from applied_facts")
        .execute(&app.pool)
        .await
        .expect("deleted");
    app.hear(fact, &sale.confirmed()).await;
    join_all((0..4).map(|_| app.tell())).await;
    assert_eq!(files(&app).len(), 1);
    assert_eq!(list(&app, "").await[0]["attempts"], 1);
}

#[tokio::test]
async fn many_notices_at_once_are_each_told_once_by_several_processes() {
    let app = App::start().await;
    for _ in 0..50 {
        let sale = Sale::new(&app);
        app.hear(FactId::random(), &sale.confirmed()).await;
    }
    join_all((0..4).map(|_| app.tell())).await;
    let mails = list(&app, "limit=200").await;
    assert_eq!(mails.len(), 50);
    assert!(
        mails
            .iter()
            .all(|mail| mail["attempts"] == 1 && mail["status"] == "sent")
    );
    assert_eq!(files(&app).len(), 50);
}

#[tokio::test]
async fn a_mail_is_in_the_language_of_its_reader_and_says_what_was_bought() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    let english = json!({
        "id": sale.buyer, "email": "bo@example.com", "name": "Bo", "role": "user", "language": "en",
    });
    app.auth
        .accounts
        .lock()
        .insert(sale.buyer.to_string(), english);
    app.hear(FactId::random(), &sale.transferred()).await;
    app.tell().await;
    let mails = list(&app, &format!("reservationId={}", sale.reservation)).await;
    let languages: Vec<_> = mails
        .iter()
        .map(|mail| {
            (
                text(&mail["kind"]),
                text(&mail["language"]),
                text(&mail["address"]),
            )
        })
        .collect();
    assert!(
        languages.contains(&("bought", "en", "bo@example.com")),
        "{languages:?}"
    );
    assert!(
        languages.contains(&("sold", "ko", "ana@example.com")),
        "{languages:?}"
    );
    let files = files(&app);
    let to_buyer = files
        .iter()
        .find(|file| file.contains("To: Bo <bo@example.com>"));
    // Lines that the encoding has broken are joined again.
    let to_buyer = to_buyer.expect("a mail to the buyer").replace("=\r\n", "");
    assert!(to_buyer.contains("Content-Language: en"), "{to_buyer}");
    assert!(to_buyer.contains("The ticket is yours"), "{to_buyer}");
    assert!(to_buyer.contains(&format!(
        "https://urr.example/reservations/{}",
        sale.reservation
    )));
}

#[tokio::test]
async fn while_ticket_or_auth_is_away_mails_wait_and_none_is_lost() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    app.ticket.details.lock().0 = StatusCode::SERVICE_UNAVAILABLE;
    app.auth.is_up.store(false, Ordering::SeqCst);
    app.hear(FactId::random(), &sale.confirmed()).await;
    app.tell().await;
    assert_eq!(list(&app, "").await.len(), 0, "nobody knows what it says");

    app.ticket.details.lock().0 = StatusCode::OK;
    app.tell().await;
    assert_eq!(list(&app, "").await.len(), 0, "the pause is kept");
    app.advance(2);
    app.tell().await;
    let mails = list(&app, "status=pending").await;
    assert_eq!(mails.len(), 1, "nobody knows whom it is to");
    assert!(text(&mails[0]["error"]).contains("auth"), "{}", mails[0]);

    app.auth.is_up.store(true, Ordering::SeqCst);
    app.advance(11);
    app.tell().await;
    assert_eq!(list(&app, "status=sent").await.len(), 1);
    assert_eq!(files(&app).len(), 1);
}

#[tokio::test]
async fn what_ticket_never_knows_is_given_up_when_it_is_no_news_any_more() {
    let app = App::start().await;
    let known = Sale::new(&app);
    *app.ticket.details.lock() = (StatusCode::OK, json!({"reservations": [], "transfers": []}));
    let unknown = Sale::new(&app);
    app.hear(FactId::random(), &known.confirmed()).await;
    app.hear(FactId::random(), &unknown.confirmed()).await;
    app.tell().await;
    assert_eq!(files(&app).len(), 1, "one does not hold the other up");
    app.advance(72 * 3_600 + 1);
    app.tell().await;
    let row =
        sqlx::query!("select attempts, error, given_up_at from notices where composed_at is null")
            .fetch_one(&app.pool)
            .await
            .expect("one notice");
    assert!(row.given_up_at.is_some());
    assert_eq!(
        row.error.as_deref(),
        Some("ticket does not know what it is about")
    );
}

#[tokio::test]
async fn whoever_has_no_account_any_more_gets_no_mail() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    let fan = sale.fan.to_string();
    app.auth.accounts.lock().insert(fan, Value::Null);
    app.hear(FactId::random(), &sale.confirmed()).await;
    app.tell().await;
    let mails = list(&app, "status=dropped").await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["error"], "the account is gone");
    assert_eq!(files(&app).len(), 0);
}

#[tokio::test]
async fn an_address_that_is_none_fails_for_good_and_the_reason_is_shown() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    let account =
        json!({"id": sale.fan, "email": "a b@c\r\nBcc: x@y.z", "name": "A", "role": "user"});
    app.auth
        .accounts
        .lock()
        .insert(sale.fan.to_string(), account);
    app.hear(FactId::random(), &sale.confirmed()).await;
    app.tell().await;
    let mails = list(&app, "status=failed").await;
    assert_eq!(mails.len(), 1);
    assert!(text(&mails[0]["error"]).starts_with("the address cannot be written to"));
}

#[tokio::test]
async fn a_process_that_dies_while_sending_sends_again_under_the_same_message_id() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    app.hear(FactId::random(), &sale.confirmed()).await;
    app.tell().await;
    let first = files(&app);
    // As if the row had not been written any more.
    sqlx::query!("update mails set status = 'pending', ended_at = null, next_attempt_at = now() - interval '1 year'")
        .execute(&app.pool)
        .await
        .expect("undone");
    app.tell().await;
    let second = files(&app);
    assert_eq!(second.len(), 1, "the same mail replaces its file");
    let id = |file: &str| {
        let line = file.lines().find(|line| line.starts_with("Message-ID:"));
        line.expect("an id").to_owned()
    };
    assert_eq!(id(&first[0]), id(&second[0]));
}

#[tokio::test]
async fn what_was_leased_by_somebody_who_died_is_sent_when_the_lease_ends() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    app.hear(FactId::random(), &sale.confirmed()).await;
    jobs::compose_notices::run(&app.state)
        .await
        .expect("composed");
    let now = app.runtime.clock.now();
    let lease = jiff::SignedDuration::from_mins(5);
    let leased = store::mails::lease(&app.pool, now, lease, 10)
        .await
        .expect("leased");
    assert_eq!(leased.len(), 1);
    app.tell().await;
    assert_eq!(files(&app).len(), 0);
    app.advance(5 * 60);
    app.tell().await;
    assert_eq!(files(&app).len(), 1);
}

#[tokio::test]
async fn administrators_send_a_mail_again_to_the_address_of_today() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    app.hear(FactId::random(), &sale.confirmed()).await;
    app.tell().await;
    let mail = list(&app, &format!("userId={}", sale.fan)).await.remove(0);
    let account =
        json!({"id": sale.fan, "email": "new@example.com", "name": "아나", "role": "user"});
    app.auth
        .accounts
        .lock()
        .insert(sale.fan.to_string(), account);
    let path = format!("/api/admin/mails/{}/resend", text(&mail["id"]));
    let answer = app.admin().post(&path, Value::Null).await.expect(202);
    assert_eq!(answer.body["mail"]["status"], "pending");
    app.tell().await;
    let mail = list(&app, "").await.remove(0);
    assert_eq!(mail["address"], "new@example.com");
    assert_eq!(mail["attempts"], 2);
    let acts = sqlx::query!("select action, detail from notice_log")
        .fetch_all(&app.pool)
        .await
        .expect("acts");
    assert_eq!(acts.len(), 1);
    assert_eq!(
        (&*acts[0].action, &*acts[0].detail),
        ("RESEND_MAIL", "confirmed")
    );
}

#[tokio::test]
async fn only_administrators_see_mails() {
    let app = App::start().await;
    let id = Uuid::nil();
    let resend = format!("/api/admin/mails/{id}/resend");
    let fan = app.client.as_user(UserId::random());
    fan.get("/api/admin/mails").await.expect(403);
    fan.post(&resend, Value::Null).await.expect(403);
    app.client.get("/api/admin/mails").await.expect(401);
    app.admin().post(&resend, Value::Null).await.expect(404);
    app.admin()
        .get("/api/admin/mails?status=lost")
        .await
        .expect(400);
    app.admin()
        .get("/api/admin/mails?userId=ana")
        .await
        .expect(400);
}

#[tokio::test]
async fn an_erased_account_leaves_no_address_and_gets_no_mail() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    app.hear(FactId::random(), &sale.confirmed()).await;
    app.tell().await;
    app.auth.is_up.store(false, Ordering::SeqCst);
    let refunded = sale.refunded(PaymentType::Reservation);
    app.hear(FactId::random(), &refunded).await;
    app.tell().await;
    let now = app.runtime.clock.now();
    let erased = store::mails::erase_user(&app.pool, sale.fan, now).await;
    assert_eq!(erased.expect("erased"), 2);
    let erased = store::mails::erase_user(&app.pool, sale.fan, now).await;
    assert_eq!(erased.expect("nothing left"), 0);
    app.auth.is_up.store(true, Ordering::SeqCst);
    app.advance(3_600);
    app.tell().await;
    let mails = list(&app, "").await;
    assert!(
        mails.iter().all(|mail| mail["address"].is_null()),
        "{mails:?}"
    );
    assert_eq!(list(&app, "status=dropped").await.len(), 1);
    assert_eq!(files(&app).len(), 1);
}

#[tokio::test]
async fn what_was_told_is_forgotten_after_a_month() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    app.hear(FactId::random(), &sale.confirmed()).await;
    app.tell().await;
    let counts = async || {
        jobs::purge::run(&app.state).await.expect("purged");
        let row = sqlx::query!(
            r#"select (select count(*) from mails) as "mails!", (select count(*) from notices) as "notices!""#
        )
        .fetch_one(&app.pool)
        .await
        .expect("counted");
        (row.mails, row.notices)
    };
    app.advance(30 * 86_400);
    assert_eq!(counts().await, (1, 1));
    app.advance(1);
    assert_eq!(counts().await, (0, 0));
}

#[tokio::test]
async fn facts_that_could_not_be_applied_are_forgotten_after_three_months() {
    let app = App::start().await;
    for age in ["89 days", "91 days"] {
        sqlx::query!(
            "insert into dead_letters (consumer, fact_id, topic, key, payload, error, failed_at)
             values ('community-service-group', gen_random_uuid(), 'reservation-events', 'k', '{}',
                     $1, now() - $1::text::interval)",
            age
        )
        .execute(&app.pool)
        .await
        .expect("noted");
    }
    jobs::purge::run(&app.state).await.expect("purged");
    let kept = sqlx::query_scalar!("select error from dead_letters")
        .fetch_all(&app.pool)
        .await
        .expect("read");
    assert_eq!(kept, ["89 days"]);
}

#[tokio::test]
async fn what_waits_is_measured() {
    let app = App::start().await;
    let sale = Sale::new(&app);
    app.auth.is_up.store(false, Ordering::SeqCst);
    app.hear(FactId::random(), &sale.confirmed()).await;
    jobs::measure_backlog::run(&app.state)
        .await
        .expect("measured");
    let metrics = app.runtime.metrics.render().expect("text");
    assert!(metrics.contains("urr_notices_waiting 1"), "{metrics}");
    app.tell().await;
    jobs::measure_backlog::run(&app.state)
        .await
        .expect("measured");
    let metrics = app.runtime.metrics.render().expect("text");
    assert!(metrics.contains("urr_notices_waiting 0"), "{metrics}");
    assert!(metrics.contains("urr_mails_waiting 1"), "{metrics}");
}
