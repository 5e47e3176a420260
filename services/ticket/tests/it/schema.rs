//! What the schema refuses and finds by itself, whatever code comes to write into it.

use sqlx::error::DatabaseError;
use urr_contract::{EventId, ReservationId, SeatId, TicketTypeId};

use crate::app::with_app;

/// Name of the constraint that refused a statement.
fn refused_by(result: sqlx::Result<sqlx::postgres::PgQueryResult>) -> String {
    let error = result.expect_err("the schema refuses it");
    let constraint = error
        .as_database_error()
        .and_then(DatabaseError::constraint);
    constraint.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_seat_has_one_live_line_and_a_word_the_schema_knows() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let first = app.fan(event).hold(seats[0]).await;
        app.overdue(first.id).await;
        let second = sqlx::query!(
            "insert into reservation_items (reservation_id, seat_id, quantity, unit_price, subtotal)
             values ($1, $2, 1, 1, 1)",
            first.id as ReservationId,
            seats[0] as SeatId,
        );
        assert_eq!(
            refused_by(second.execute(&app.pool).await),
            "reservation_items_one_live_per_seat"
        );
        let word = sqlx::query!(
            "update seats set status = 'sold' where id = $1",
            seats[0] as SeatId
        );
        assert_eq!(
            refused_by(word.execute(&app.pool).await),
            "seats_status_known"
        );
        let state = sqlx::query!(
            "update reservations set payment_status = 'completed' where id = $1",
            first.id as ReservationId
        );
        assert_eq!(
            refused_by(state.execute(&app.pool).await),
            "reservations_state_known"
        );
    })
    .await;
}

#[tokio::test]
async fn stock_is_never_below_zero_and_money_needs_more_than_an_int() {
    with_app(async |app| {
        let event = app.event().await;
        let kind = app.ticket_type(event, "A", 1000, 1).await;
        let taken = sqlx::query!(
            "update ticket_stock set available = available - 2 where ticket_type_id = $1",
            kind as TicketTypeId
        );
        assert_eq!(
            refused_by(taken.execute(&app.pool).await),
            "ticket_stock_never_below_zero"
        );
        let word = sqlx::query!("update events set status = 'sold_out' where id = $1", event as EventId);
        assert_eq!(refused_by(word.execute(&app.pool).await), "events_status_known");
        let money = sqlx::query_scalar!(
            r#"select table_name || '.' || column_name as "column!" from information_schema.columns
               where table_schema = 'public' and data_type in ('integer', 'smallint', 'numeric', 'real')
                 and (column_name like '%price%' or column_name like '%amount%'
                      or column_name in ('subtotal', 'transfer_fee'))"#
        )
        .fetch_all(&app.pool)
        .await
        .unwrap();
        assert!(money.is_empty(), "money that is no bigint: {money:?}");
    })
    .await;
}

#[tokio::test]
async fn the_expiry_of_holds_and_the_search_have_their_indexes() {
    with_app(async |app| {
        let plan = async |rows: sqlx::Result<Vec<Option<String>>>| -> String {
            rows.unwrap()
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n")
        };
        // What a large table makes the planner do.
        let mut connection = app.pool.acquire().await.unwrap();
        sqlx::query!("set enable_seqscan = off")
            .execute(&mut *connection)
            .await
            .unwrap();
        let due = sqlx::query_scalar!(
            r#"explain select id from reservations
               where status = 'pending' and expires_at < now() order by expires_at limit 100"#
        );
        let due = plan(due.fetch_all(&mut *connection).await).await;
        assert!(due.contains("reservations_due"), "{due}");
        let search = sqlx::query_scalar!(
            r#"explain select id from events where search_text like '%concert%'"#
        );
        let search = plan(search.fetch_all(&mut *connection).await).await;
        assert!(search.contains("events_search"), "{search}");
    })
    .await;
}
