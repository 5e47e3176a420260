//! Waiting until an engine or a service can do its work.

use std::{future::Future, time::Duration};

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::databases::Name;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);
/// SQLSTATE of a refused password.
const WRONG_PASSWORD: &str = "28P01";
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(2);

/// A session in the database at `url`, once Postgres accepts it. Errs when it never will.
pub(crate) async fn postgres(url: &str) -> anyhow::Result<PgConnection> {
    until(async || match PgConnection::connect(url).await {
        Ok(connection) => Some(Ok(connection)),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(WRONG_PASSWORD) => {
            Some(Err(anyhow::anyhow!(
                "the data was made with another POSTGRES_PASSWORD than secrets.env has now: put \
                 the old file back, or choose another --dir to begin anew"
            )))
        }
        // Not listening yet, or still recovering.
        Err(_) => None,
    })
    .await
}

/// Returns once the Redis at `port` has read its file and answers.
pub(crate) async fn redis(port: u16) {
    until(async || redis_answers(port).await.ok().filter(|answers| *answers)).await;
}

async fn redis_answers(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    Ok(&answer == b"+PONG")
}

/// Returns once somebody listens at `port`.
pub(crate) async fn accepts(port: u16) {
    until(async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
}

/// Returns once the service at `port` says that it is ready.
pub(crate) async fn service(client: &reqwest::Client, port: u16) {
    let url = format!("http://127.0.0.1:{port}/readyz");
    until(async || {
        let response = client.get(&url).send().await.ok()?;
        response.status().is_success().then_some(())
    })
    .await;
}

async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    loop {
        if let Ok(Some(found)) = tokio::time::timeout(LOOK, look()).await {
            return found;
        }
        sleep(PAUSE).await;
    }
}

/// Makes those of the seven databases that are not there.
#[expect(
    clippy::disallowed_methods,
    reason = "statements about databases cannot be checked against one"
)]
pub(crate) async fn create_databases(connection: &mut PgConnection) -> anyhow::Result<()> {
    let present: Vec<String> = sqlx::query_scalar("select datname::text from pg_database")
        .fetch_all(&mut *connection)
        .await
        .context("cannot list the databases")?;
    for name in Name::ALL.map(Name::database) {
        if !present.iter().any(|there| there == name) {
            sqlx::query(AssertSqlSafe(format!("create database {name}")))
                .execute(&mut *connection)
                .await
                .with_context(|| format!("cannot create the database {name}"))?;
        }
    }
    Ok(())
}
