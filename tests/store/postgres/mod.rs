//! A log in a PostgreSQL database: `opening` (what is refused, who may do what), `writers` (several
//! at one log, sessions that end in the middle of an append), `outages` (servers that go away),
//! `reading` (pages of a log that was changed).
//! `server` starts a private one for each test, `proxy` cuts the way to it, `place` is a log on it.

mod opening;
mod outages;
mod place;
pub mod proxy;
mod reading;
pub mod server;
mod writers;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

/// A connection of somebody else, who sees the log's tables.
pub async fn stranger(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("an address");
    let options = options.options([("search_path", "blotter,public")]);
    options.connect().await.expect("connects")
}

/// Runs statements; gives the rows that the last one changed.
pub async fn run(connection: &mut PgConnection, sql: &str) -> Result<u64, sqlx::Error> {
    let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    Ok(statements.execute(connection).await?.rows_affected())
}

/// Asks until the answer is yes.
pub async fn until(connection: &mut PgConnection, sql: &str) {
    let asking = async {
        while !yes(connection, sql).await {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(30), asking).await;
    waited.unwrap_or_else(|_| panic!("waited in vain: {sql}"));
}

pub async fn yes(connection: &mut PgConnection, sql: &str) -> bool {
    let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    asked.fetch_one(connection).await.expect("an answer")
}

/// Makes an empty database of one that held a log.
pub async fn clear(url: &str) {
    let mut stranger = stranger(url).await;
    let sql = "DROP SCHEMA IF EXISTS blotter CASCADE; DROP SCHEMA public CASCADE; \
        CREATE SCHEMA public";
    run(&mut stranger, sql).await.expect("clears");
}
