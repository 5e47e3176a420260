//! Stock of standing types, spread over shards so that one type sells in parallel.
//!
//! A shard is chosen in a CTE of its own, which is carried out once. The planner may carry out a
//! subquery with `limit` and `for update` again for each row that it is joined to, and it chooses
//! another row each time.

use sqlx::PgConnection;
use urr_contract::TicketTypeId;

/// Shards of a type that has enough places for all of them.
pub const MAX_SHARDS: i32 = 16;

/// Takes places of a type; false, and nothing taken, where fewer are left.
pub async fn take(
    connection: &mut PgConnection,
    ticket_type: TicketTypeId,
    quantity: i32,
) -> sqlx::Result<bool> {
    Ok(
        take_from_free_shard(connection, ticket_type, quantity).await?
            || take_from_all_shards(connection, ticket_type, quantity).await?,
    )
}

/// From one shard that nobody else is taking from and that has enough. Starts at a random
/// shard, so that sellers spread out.
async fn take_from_free_shard(
    connection: &mut PgConnection,
    ticket_type: TicketTypeId,
    quantity: i32,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"with free as materialized (
              select shard from ticket_stock where ticket_type_id = $1 and available >= $2
              order by (shard + $3::int) % $4::int limit 1 for update skip locked
          )
          update ticket_stock s set available = s.available - $2
          from free where s.ticket_type_id = $1 and s.shard = free.shard",
        ticket_type as TicketTypeId,
        quantity,
        rand::random_range(0..MAX_SHARDS),
        MAX_SHARDS,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// From as many shards as it needs, waiting for each in the order of their numbers. The
/// last word before "sold out".
async fn take_from_all_shards(
    connection: &mut PgConnection,
    ticket_type: TicketTypeId,
    quantity: i32,
) -> sqlx::Result<bool> {
    let shards = sqlx::query!(
        "select shard, available from ticket_stock where ticket_type_id = $1 order by shard for update",
        ticket_type as TicketTypeId,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut missing = quantity;
    let mut numbers = Vec::new();
    let mut amounts = Vec::new();
    for row in shards {
        let amount = row.available.min(missing);
        if amount > 0 {
            missing -= amount;
            numbers.push(row.shard);
            amounts.push(amount);
        }
    }
    if missing > 0 {
        return Ok(false);
    }
    sqlx::query!(
        r"update ticket_stock s set available = s.available - t.amount
          from unnest($2::smallint[], $3::int[]) as t(shard, amount)
          where s.ticket_type_id = $1 and s.shard = t.shard",
        ticket_type as TicketTypeId,
        &numbers,
        &amounts,
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// Gives places of a type back.
pub async fn give_back(
    connection: &mut PgConnection,
    ticket_type: TicketTypeId,
    quantity: i32,
) -> sqlx::Result<()> {
    let done = sqlx::query!(
        r"with free as materialized (
              select shard from ticket_stock where ticket_type_id = $1
              order by available, shard limit 1 for update skip locked
          )
          update ticket_stock s set available = s.available + $2
          from free where s.ticket_type_id = $1 and s.shard = free.shard",
        ticket_type as TicketTypeId,
        quantity,
    )
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        sqlx::query!(
            "update ticket_stock set available = available + $2 where ticket_type_id = $1 and shard = 0",
            ticket_type as TicketTypeId,
            quantity,
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Makes the stock of a new type: its places spread evenly over the shards.
pub async fn create(
    connection: &mut PgConnection,
    ticket_type: TicketTypeId,
    total: i32,
) -> sqlx::Result<()> {
    let shards = total.clamp(1, MAX_SHARDS);
    sqlx::query!(
        r"insert into ticket_stock (ticket_type_id, shard, available)
          select $1, n, $2::int / $3::int + case when n < $2::int % $3::int then 1 else 0 end
          from generate_series(0, $3::int - 1) as n",
        ticket_type as TicketTypeId,
        total,
        shards,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds places to a type, or takes some away; false, and nothing changed, where fewer are
/// left than are to be taken away.
pub async fn resize(
    connection: &mut PgConnection,
    ticket_type: TicketTypeId,
    change: i32,
) -> sqlx::Result<bool> {
    if change < 0 {
        return take_from_all_shards(connection, ticket_type, -change).await;
    }
    let shards = sqlx::query_scalar!(
        "select shard from ticket_stock where ticket_type_id = $1 order by shard for update",
        ticket_type as TicketTypeId,
    )
    .fetch_all(&mut *connection)
    .await?;
    let count = i32::try_from(shards.len()).unwrap_or(MAX_SHARDS).max(1);
    sqlx::query!(
        r"update ticket_stock s
          set available = available + $2::int / $3::int + case when shard < $2::int % $3::int then 1 else 0 end
          where ticket_type_id = $1",
        ticket_type as TicketTypeId,
        change,
        count,
    )
    .execute(connection)
    .await?;
    Ok(true)
}
