//! Tables of an event store in a database, who may use them, and the check that a database holds
//! one.
//!
//! Entry points: [`inspect`] before anything is written, [`create`], [`grant`].
//! Invariant: `inspect` changes nothing, so the tables of another program or of a newer format stay
//! exactly as they were found. Tables and columns are described in `docs/event-store.md`.

use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::errors::Failure;
use super::server::answer;
use crate::events::store::StoreError;

/// Log format this program reads and writes.
pub const FORMAT: i64 = 1;

/// Names are compared byte by byte (`COLLATE "C"`): an index by the machine's own rules breaks
/// when these change with its libraries. The triggers also fire while replication is pretended
/// (`ENABLE ALWAYS`); whoever drops them is found by the Merkle tree.
const CREATE: &str = r#"
DO $$ BEGIN
    -- Even IF NOT EXISTS asks for the right to create one.
    IF to_regnamespace('blotter') IS NULL THEN CREATE SCHEMA blotter; END IF;
END $$;
CREATE TABLE blotter.log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    log_id BYTEA NOT NULL CHECK (octet_length(log_id) = 16),
    format BIGINT NOT NULL
);
CREATE TABLE blotter.head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    position BIGINT NOT NULL,
    frontier BYTEA NOT NULL,
    lease_epoch BIGINT NOT NULL,
    lease_holder TEXT NOT NULL,
    transactions BIGINT NOT NULL
);
CREATE TABLE blotter.commits (
    first_position BIGINT PRIMARY KEY CHECK (first_position > 0),
    events BIGINT NOT NULL CHECK (events > 0),
    stream TEXT COLLATE "C" NOT NULL,
    first_version BIGINT NOT NULL CHECK (first_version > 0),
    commit_id BYTEA NOT NULL UNIQUE CHECK (octet_length(commit_id) = 16),
    fingerprint BYTEA NOT NULL CHECK (octet_length(fingerprint) = 32),
    records TEXT NOT NULL,
    leaves BYTEA NOT NULL CHECK (octet_length(leaves) = 32 * events),
    UNIQUE (stream, first_version)
);
CREATE FUNCTION blotter.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;
CREATE TRIGGER commits_no_update BEFORE UPDATE ON blotter.commits FOR EACH STATEMENT
    EXECUTE FUNCTION blotter.refuse('facts are never edited: record a correction as a new fact');
CREATE TRIGGER commits_no_delete BEFORE DELETE OR TRUNCATE ON blotter.commits FOR EACH STATEMENT
    EXECUTE FUNCTION blotter.refuse('facts are never deleted');
CREATE TRIGGER head_no_delete BEFORE DELETE OR TRUNCATE ON blotter.head FOR EACH STATEMENT
    EXECUTE FUNCTION blotter.refuse('the head of the log is never deleted');
CREATE TRIGGER head_no_return BEFORE UPDATE ON blotter.head FOR EACH ROW
    WHEN (NEW.position < OLD.position OR NEW.lease_epoch < OLD.lease_epoch
        OR NEW.transactions < OLD.transactions)
    EXECUTE FUNCTION blotter.refuse('the head of the log never goes back');
CREATE TRIGGER log_no_update BEFORE UPDATE ON blotter.log FOR EACH STATEMENT
    EXECUTE FUNCTION blotter.refuse('the identity of the log never changes');
CREATE TRIGGER log_no_delete BEFORE DELETE OR TRUNCATE ON blotter.log FOR EACH STATEMENT
    EXECUTE FUNCTION blotter.refuse('the identity of the log is never deleted');
ALTER TABLE blotter.commits ENABLE ALWAYS TRIGGER commits_no_update;
ALTER TABLE blotter.commits ENABLE ALWAYS TRIGGER commits_no_delete;
ALTER TABLE blotter.head ENABLE ALWAYS TRIGGER head_no_delete;
ALTER TABLE blotter.head ENABLE ALWAYS TRIGGER head_no_return;
ALTER TABLE blotter.log ENABLE ALWAYS TRIGGER log_no_update;
ALTER TABLE blotter.log ENABLE ALWAYS TRIGGER log_no_delete;
INSERT INTO blotter.head VALUES (1, 0, '', 0, '', 0);
"#;

/// One at a time makes the tables; any number will do, so that all use the same.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1651272564)";
const RELATIONS: &str = "SELECT count(*) AS found,
        count(*) FILTER (WHERE relname = 'log' AND relkind = 'r') AS ours
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'blotter'";

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    Nothing,
    Log(Uuid),
}

/// Finds out what is in the database without changing it.
pub(super) async fn inspect(connection: &mut PgConnection) -> Result<Contents, Failure> {
    let counts = answer(sqlx::query(RELATIONS).fetch_one(&mut *connection)).await?;
    match (count(&counts, "found")?, count(&counts, "ours")?) {
        (0, _) => Ok(Contents::Nothing),
        (_, 0) => Err(refused(
            "its schema `blotter` is of another program; give another database",
        )),
        _ => identity(connection).await.map(Contents::Log),
    }
}

async fn identity(connection: &mut PgConnection) -> Result<Uuid, Failure> {
    // The format first: a newer one may keep its identity elsewhere.
    let format = sqlx::query("SELECT format FROM blotter.log").fetch_optional(&mut *connection);
    let Some(row) = answer(format).await? else {
        return Err(refused("the identity of the log is missing"));
    };
    let format = count(&row, "format")?;
    if format != FORMAT {
        return Err(Failure::Refused(StoreError::Format {
            found: format,
            supported: FORMAT,
        }));
    }
    let row = sqlx::query("SELECT log_id FROM blotter.log").fetch_one(connection);
    let row = answer(row).await?;
    let id: &[u8] = row.try_get("log_id").map_err(damaged)?;
    Uuid::from_slice(id).map_err(damaged)
}

fn count(row: &sqlx::postgres::PgRow, column: &str) -> Result<i64, Failure> {
    row.try_get(column).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> Failure {
    refused(format!("the identity of the log is damaged: {error}"))
}

fn refused(reason: impl Into<String>) -> Failure {
    Failure::Refused(StoreError::Fatal(reason.into()))
}

/// Makes the tables, all or none, unless another process has just done so.
pub(super) async fn create(connection: &mut PgConnection, log_id: Uuid) -> Result<Uuid, Failure> {
    run(connection, "BEGIN").await?;
    run(connection, LOCK).await?;
    if let Contents::Log(existing) = inspect(connection).await? {
        run(connection, "ROLLBACK").await?;
        return Ok(existing);
    }
    let id = hex::encode(log_id.as_bytes());
    let identity = format!("INSERT INTO blotter.log VALUES (1, '\\x{id}', {FORMAT})");
    run(connection, CREATE).await?;
    run(connection, &identity).await?;
    run(connection, "COMMIT").await?;
    Ok(log_id)
}

/// Lets `role` append to the log and read it, and nothing else.
pub(super) async fn grant(connection: &mut PgConnection, role: &str) -> Result<(), Failure> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let sql = format!(
        "GRANT USAGE ON SCHEMA blotter TO {role};
         GRANT SELECT ON blotter.log TO {role};
         GRANT SELECT, UPDATE ON blotter.head TO {role};
         GRANT SELECT, INSERT ON blotter.commits TO {role};"
    );
    run(connection, &sql).await
}

/// Statements of our own without parameters.
async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), Failure> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    answer(sql.execute(connection)).await.map(|_| ())
}
