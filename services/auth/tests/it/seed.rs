//! Accounts that a demonstration begins with.

use urr_auth::seed;

use crate::app::{App, PASSWORD};

#[tokio::test]
async fn the_admin_is_made_once_and_nobody_is_promoted() {
    let app = App::start().await;
    assert!(
        seed::admin(&app.pool, "Admin@urr.com", PASSWORD)
            .await
            .expect("seeded")
    );
    assert!(
        !seed::admin(&app.pool, "admin@urr.com", "another password")
            .await
            .expect("seeded")
    );
    let answer = app.log_in("admin@urr.com", PASSWORD).await.expect(200);
    assert_eq!(answer.body["user"]["role"], "admin");
    assert_eq!(answer.body["user"]["name"], "관리자");

    let fan = app.fan().await;
    assert!(!seed::admin(&app.pool, fan, PASSWORD).await.expect("seeded"));
    assert_eq!(
        app.log_in(fan, PASSWORD).await.expect(200).body["user"]["role"],
        "user"
    );
}

#[tokio::test]
async fn fans_are_made_once_and_can_sign_in() {
    let app = App::start().await;
    assert_eq!(
        seed::demo_fans(&app.pool, 10, PASSWORD)
            .await
            .expect("seeded"),
        10
    );
    assert_eq!(
        seed::demo_fans(&app.pool, 25, "another password")
            .await
            .expect("seeded"),
        15
    );
    assert_eq!(
        seed::demo_fans(&app.pool, 25, PASSWORD)
            .await
            .expect("seeded"),
        0
    );
    app.log_in("fan000010@demo.urr.invalid", PASSWORD)
        .await
        .expect(200);
    app.log_in("fan000025@demo.urr.invalid", "another password")
        .await
        .expect(200);
}

#[tokio::test]
async fn twenty_thousand_fans_are_one_statement() {
    let app = App::start().await;
    assert_eq!(
        seed::demo_fans(&app.pool, 20_000, PASSWORD)
            .await
            .expect("seeded"),
        20_000
    );
    app.log_in("fan020000@demo.urr.invalid", PASSWORD)
        .await
        .expect(200);
}

#[tokio::test]
async fn unusable_passwords_and_addresses_are_refused() {
    let app = App::start().await;
    assert!(seed::admin(&app.pool, "nobody", PASSWORD).await.is_err());
    assert!(
        seed::admin(&app.pool, "admin@urr.com", "short")
            .await
            .is_err()
    );
    assert!(
        seed::demo_fans(&app.pool, 1, &"x".repeat(73))
            .await
            .is_err()
    );
}
