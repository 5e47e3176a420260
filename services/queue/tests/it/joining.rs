//! Joining: one decision, one number, never beyond the cap.

use std::collections::HashSet;

use futures::future::join_all;

use crate::hall::{Fan, Hall, entry_claims, number_of, position_of, rules, status_of};

/// Defect 16: a thousand parallel checks let in exactly as many as there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_joins_never_pass_the_threshold() {
    for threshold in [5, 100] {
        let hall = Hall::new(rules(threshold, 1000)).await;
        let (one, other) = (hall.replica().await, hall.replica().await);
        let joins = (0..1000).map(async |i| {
            let replica = if i % 2 == 0 { &one } else { &other };
            Fan::new(&hall).check(replica).await
        });
        let answers = join_all(joins).await;
        let inside = answers
            .iter()
            .filter(|answer| status_of(answer) == "active")
            .count();
        assert_eq!(inside, threshold as usize);
        let numbers: HashSet<u64> = answers.iter().map(number_of).collect();
        assert_eq!(
            numbers,
            (1..=1000).collect(),
            "everybody has a number of their own"
        );
        let last_in = answers
            .iter()
            .filter(|answer| status_of(answer) == "active")
            .map(number_of)
            .max();
        assert_eq!(
            last_in,
            Some(u64::from(threshold)),
            "the first numbers are the ones inside"
        );
        let active: u64 = hall.command(&["ZCARD", &hall.key("active")]).await;
        assert_eq!(active, u64::from(threshold));
    }
}

#[tokio::test]
async fn the_rate_bounds_joins_as_well() {
    let hall = Hall::new(rules(100, 3)).await;
    let replica = hall.replica().await;
    let answers = join_all((0..50).map(async |_| Fan::new(&hall).check(&replica).await)).await;
    let inside = answers
        .iter()
        .filter(|answer| status_of(answer) == "active")
        .count();
    assert_eq!(
        inside, 3,
        "one second's worth, and then somebody is waiting"
    );
}

#[tokio::test]
async fn an_answer_has_what_the_contract_lists() {
    let hall = Hall::new(rules(1, 100)).await;
    let replica = hall.replica().await;
    let active = Fan::new(&hall).check(&replica).await.expect(200);
    for (field, value) in [
        ("queued", false.into()),
        ("status", "active".into()),
        ("currentUsers", 1.into()),
        ("threshold", 1.into()),
        ("nextPoll", 3.into()),
        (
            "eventInfo",
            serde_json::json!({"title": "Opening night", "artist": "The Numbers"}),
        ),
    ] {
        assert_eq!(active.body[field], value, "{field}");
    }
    assert!(active.body["entryToken"].is_string());
    let mut second = Fan::new(&hall);
    second.check(&replica).await;
    let queued = Fan::new(&hall).check(&replica).await.expect(200);
    for (field, value) in [
        ("queued", true.into()),
        ("status", "queued".into()),
        ("position", 2.into()),
        ("peopleAhead", 1.into()),
        ("peopleBehind", 0.into()),
        ("estimatedWait", serde_json::Value::Null),
        ("nextPoll", 1.into()),
        ("threshold", 1.into()),
        ("currentUsers", 1.into()),
    ] {
        assert_eq!(queued.body[field], value, "{field}: {}", queued.body);
    }
    replica.renew().await;
    let status = second.status(&replica).await.expect(200);
    assert_eq!(
        (position_of(&status), &status.body["queueSize"]),
        (1, &2.into())
    );
    assert_eq!(status.body["peopleBehind"], 1);
}

#[tokio::test]
async fn a_place_belongs_to_the_account() {
    let hall = Hall::new(rules(1, 100)).await;
    let (one, other) = (hall.replica().await, hall.replica().await);
    Fan::new(&hall).check(&one).await;
    let mut fan = Fan::new(&hall);
    let first = fan.check(&one).await;
    let number = number_of(&first);
    let refreshed = fan.check(&one).await;
    let elsewhere = fan.elsewhere().check(&other).await;
    let only_looked = fan.elsewhere().status(&one).await;
    for answer in [refreshed, elsewhere, only_looked] {
        assert_eq!((status_of(&answer), number_of(&answer)), ("queued", number));
    }
    // Ten minutes offline are the edge of the grace: nobody swept the line yet.
    hall.everybody_falls_silent().await;
    assert_eq!(number_of(&fan.status(&one).await), number);
    assert_eq!(number_of(&fan.elsewhere().check(&other).await), number);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_uses_the_numbers_up_reserves_more_once() {
    let settings = urr_queue::Settings {
        number_block: 50,
        ..rules(1, 100)
    };
    let hall = Hall::new(settings).await;
    let replica = hall.replica().await;
    let counted = "create table reserved_again (line uuid);
        create function count_it() returns trigger language plpgsql
            as $$ begin insert into reserved_again values (new.event_id); return new; end $$;
        create trigger count_it after update on lines for each row execute function count_it();";
    sqlx::raw_sql(counted)
        .execute(&hall.database.pool)
        .await
        .unwrap();
    let answers = join_all((0..90).map(async |_| Fan::new(&hall).check(&replica).await)).await;
    let numbers: HashSet<u64> = answers.iter().map(number_of).collect();
    assert_eq!(numbers, (1..=90).collect());
    let times = sqlx::raw_sql("select from reserved_again")
        .fetch_all(&hall.database.pool)
        .await
        .unwrap();
    assert_eq!(times.len(), 1);
}

#[tokio::test]
async fn one_account_that_joins_many_times_at_once_has_one_place() {
    let hall = Hall::new(rules(1, 100)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let fan = Fan::new(&hall);
    let answers = join_all((0..50).map(async |_| fan.elsewhere().check(&replica).await)).await;
    let numbers: HashSet<u64> = answers.iter().map(number_of).collect();
    assert_eq!(numbers, HashSet::from([2]));
}

#[tokio::test]
async fn somebody_inside_keeps_the_slot_and_the_admission_everywhere() {
    let hall = Hall::new(rules(2, 100)).await;
    let (one, other) = (hall.replica().await, hall.replica().await);
    let mut fan = Fan::new(&hall);
    let first = entry_claims(&fan.check(&one).await);
    let again = entry_claims(&fan.check(&one).await);
    let elsewhere = entry_claims(&fan.elsewhere().check(&other).await);
    let status = entry_claims(&fan.status(&other).await);
    for claims in [again, elsewhere, status] {
        assert_eq!(claims.jti, first.jti);
    }
    assert_eq!(
        (first.uid, first.user_id, first.sub),
        (fan.user.unwrap(), fan.user.unwrap(), hall.event)
    );
    assert_eq!(first.exp - first.iat, 600);
    let active: u64 = hall.command(&["ZCARD", &hall.key("active")]).await;
    assert_eq!(active, 1);
}

#[tokio::test]
async fn cookies_are_those_of_the_contract() {
    let hall = Hall::new(rules(1, 100)).await;
    let replica = hall.replica().await;
    let answer = Fan::new(&hall).check(&replica).await;
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .into_iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    let find = |name: &str| {
        *cookies
            .iter()
            .find(|cookie| cookie.starts_with(name))
            .expect(name)
    };
    let entry = find("tiketi-entry-token=");
    assert!(
        entry.ends_with("; Max-Age=600; Path=/; SameSite=Strict"),
        "{entry}"
    );
    let receipt = find(&format!("urr-receipt-{}=", hall.event));
    assert!(
        receipt.ends_with("; Path=/api; HttpOnly; SameSite=Lax"),
        "{receipt}"
    );
    assert!(answer.body["receipt"].is_string(), "for apps without a jar");
}

#[tokio::test]
async fn more_joins_at_once_than_the_service_takes_are_told_to_come_back() {
    let settings = urr_queue::Settings {
        joins_at_once: 0,
        ..rules(1, 100)
    };
    let hall = Hall::new(settings).await;
    let replica = hall.replica().await;
    let answer = Fan::new(&hall).check(&replica).await.expect(503);
    assert_eq!(answer.headers["retry-after"], "1");
}
