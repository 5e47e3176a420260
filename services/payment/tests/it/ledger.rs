//! The database itself keeps the book.

use urr_kit::constraint;

use crate::App;

async fn a_payment(app: &App) -> i64 {
    app.paid(app.fan()).await;
    sqlx::query_scalar!("select id from ledger_transactions")
        .fetch_one(&app.database.pool)
        .await
        .expect("one movement")
}

#[tokio::test]
async fn lines_that_do_not_sum_to_zero_are_refused() {
    let app = App::new().await;
    let movement = a_payment(&app).await;
    let error = sqlx::query!(
        "insert into ledger_entries (transaction_id, account, amount) values ($1, 'refunds', 1)",
        movement
    )
    .execute(&app.database.pool)
    .await
    .expect_err("refused");
    assert_eq!(constraint(&error), Some("ledger_sums_to_zero"));
}

#[tokio::test]
async fn a_movement_without_lines_is_refused() {
    let app = App::new().await;
    a_payment(&app).await;
    let error = sqlx::query!(
        "insert into ledger_transactions (payment_id, kind) select id, 'refund' from payments"
    )
    .execute(&app.database.pool)
    .await
    .expect_err("refused");
    assert_eq!(constraint(&error), Some("ledger_sums_to_zero"));
}

#[tokio::test]
async fn what_is_written_stays_written() {
    let app = App::new().await;
    a_payment(&app).await;
    let pool = &app.database.pool;
    let changed = sqlx::query!("update ledger_entries set amount = -amount")
        .execute(pool)
        .await;
    let removed = sqlx::query!("delete from ledger_transactions")
        .execute(pool)
        .await;
    let emptied = sqlx::query!("truncate ledger_entries").execute(pool).await;
    for result in [changed, removed, emptied] {
        let error = result.expect_err("refused");
        assert_eq!(constraint(&error), Some("ledger_is_only_added_to"));
    }
}
