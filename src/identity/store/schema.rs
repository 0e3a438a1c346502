//! The tables of `secrets.db`. Times are microseconds since 1970 in UTC.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::begin;

/// Layout of the tables below; stands in the file as `user_version`.
pub(super) const FORMAT: i64 = 2;

const TABLES: &str = "
CREATE TABLE store (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    salt     BLOB NOT NULL
) STRICT;

-- roles: names, separated by spaces.
CREATE TABLE users (
    name          TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    roles         TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER
) STRICT, WITHOUT ROWID;

-- token_hash: SHA-256 of the token that opens the session; session_id only names it.
CREATE TABLE sessions (
    token_hash   BLOB NOT NULL PRIMARY KEY,
    session_id   TEXT NOT NULL UNIQUE,
    user         TEXT NOT NULL REFERENCES users (name),
    peer         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user, created_at);

-- secret_hash: SHA-256 of the secret; scopes: permissions, separated by spaces.
CREATE TABLE api_keys (
    key_id       TEXT NOT NULL PRIMARY KEY,
    secret_hash  BLOB NOT NULL,
    user         TEXT NOT NULL REFERENCES users (name),
    scopes       TEXT NOT NULL,
    label        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_of_user ON api_keys (user, created_at);

-- With what each needs of its user.
CREATE VIEW sessions_with_user AS
    SELECT sessions.*, users.roles, users.disabled_at IS NOT NULL AS user_disabled
    FROM sessions JOIN users ON users.name = sessions.user;
CREATE VIEW api_keys_with_user AS
    SELECT api_keys.*, users.roles, users.disabled_at IS NOT NULL AS user_disabled
    FROM api_keys JOIN users ON users.name = api_keys.user;

-- Where a user came in before.
CREATE TABLE known_peers (
    user    TEXT NOT NULL REFERENCES users (name),
    peer    TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user, peer)
) STRICT, WITHOUT ROWID;

CREATE TABLE failed_logins (
    counter  TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_logins_by_age ON failed_logins (last_at);

-- Facts on their way into the event log, in order. A sequence is never given twice. merge_key:
-- further facts of that kind may be counted in this row; refused: why the log will not take it.
CREATE TABLE outbox (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    command_id  TEXT NOT NULL UNIQUE,
    stream      TEXT NOT NULL,
    type        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    payload     TEXT NOT NULL,
    who         TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    merge_key   TEXT,
    refused     TEXT
) STRICT;
CREATE INDEX outbox_to_merge ON outbox (merge_key) WHERE merge_key IS NOT NULL;
";

/// What layout 2 has beyond layout 1, of which some have the first of them.
const SINCE_LAYOUT_1: &str = "
-- The record in the event log at which the last fact from here stands.
CREATE TABLE IF NOT EXISTS log_mark (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    position  INTEGER NOT NULL,
    leaf_hash BLOB NOT NULL
) STRICT;

-- key: what is personal about the subject is sealed under it; NULL once they are forgotten.
CREATE TABLE IF NOT EXISTS subject_keys (
    subject      TEXT NOT NULL PRIMARY KEY,
    key          BLOB,
    forgotten_at INTEGER,
    CHECK ((key IS NULL) = (forgotten_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
";

/// Makes the tables where there are none, brings layout 1 to that of today, and gives the layout
/// found or made.
pub(super) async fn prepare(
    writer: &mut SqliteConnection,
    salt: &[u8],
) -> Result<i64, sqlx::Error> {
    let found = layout(writer).await?;
    if ![0, 1].contains(&found) {
        return Ok(found);
    }
    let mut transaction = begin(writer).await?;
    // Another process may have been faster.
    let found = layout(&mut transaction).await?;
    if ![0, 1].contains(&found) {
        return Ok(found);
    }
    if found == 0 {
        sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO store (only_row, salt) VALUES (1, ?)")
            .bind(salt)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::raw_sql(SINCE_LAYOUT_1)
        .execute(&mut *transaction)
        .await?;
    let mark = format!("PRAGMA user_version = {FORMAT}");
    sqlx::raw_sql(AssertSqlSafe(mark))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    // Another process that reads meanwhile puts it off; it costs nothing but room.
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(writer)
        .await?;
    Ok(FORMAT)
}

async fn layout(db: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(db)
        .await
}

pub(super) async fn salt(db: &mut SqliteConnection) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query_scalar("SELECT salt FROM store")
        .fetch_one(db)
        .await
}
