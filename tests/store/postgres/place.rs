//! A log on a server of its own, and ways to hold an append in its middle.

use blotter::events::plan::Appended;
use blotter::events::postgres::PostgresStore;
use blotter::events::verify::verify_log;
use blotter::events::{Commit, EventStore, Lease, StoreError};
use sqlx::PgConnection;

use super::server::Server;
use super::{run, stranger, yes};
use crate::support::*;

/// A server, a log on it with three events, its writer, and somebody else with all rights.
pub struct Place {
    pub store: PostgresStore,
    pub lease: Lease,
    pub stranger: PgConnection,
    pub server: Server,
}

impl Place {
    pub async fn new() -> Self {
        let server = Server::start();
        let store = open_postgres(&server.owner_url()).await;
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        fill(&store, &lease, 2).await;
        let stranger = stranger(&server.owner_url()).await;
        Self {
            store,
            lease,
            stranger,
            server,
        }
    }

    /// Another program at the same log.
    pub async fn other(&self) -> PostgresStore {
        open_postgres(&self.server.owner_url()).await
    }

    pub async fn append(&self, commits: &[Commit]) -> Result<usize, StoreError> {
        append(&self.store, &self.lease, commits).await
    }

    pub async fn positions(&self) -> Vec<u64> {
        let events = read_all(&self.store).await;
        events.iter().map(|event| event.position().get()).collect()
    }

    /// The log is whole, and holds this commit as often as it should: once, or not at all.
    pub async fn assert_holds(&self, commit: &Commit, is_recorded: bool) {
        let found = self.store.lookup(commit.id).await.expect("looks up");
        assert_eq!(found.is_some(), is_recorded);
        verify_log(&self.store, |_, _| ()).await.expect("holds");
    }
}

/// How many of `commits` were recorded just now.
pub async fn append(
    store: &PostgresStore,
    lease: &Lease,
    commits: &[Commit],
) -> Result<usize, StoreError> {
    let answers = store.append(lease, &stamp(), commits.into()).await?;
    let fresh = |answer: &Result<_, _>| {
        let appended: &Appended = answer.as_ref().expect("recorded");
        !appended.is_repeat()
    };
    Ok(answers.iter().filter(|answer| fresh(answer)).count())
}

pub fn new_commit() -> Commit {
    commit("new", "order-9", 0, 2)
}

/// From here on an append waits in its middle, head and lease taken, until [`release`].
pub async fn hold(stranger: &mut PgConnection) {
    let sql = "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_lock_shared(42); RETURN NEW; END $$;
        CREATE TRIGGER hold BEFORE INSERT ON commits FOR EACH ROW EXECUTE FUNCTION hold();
        SELECT pg_advisory_lock(42)";
    run(stranger, sql).await.expect("holds");
}

pub const IS_HELD: &str =
    "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";

pub async fn release(stranger: &mut PgConnection) {
    run(stranger, "SELECT pg_advisory_unlock(42)")
        .await
        .expect("releases");
}

/// Ends the sessions that wait for what `event` names in `pg_stat_activity`.
pub async fn terminate(stranger: &mut PgConnection, event: &str) {
    let sql = format!(
        "SELECT count(pg_terminate_backend(pid)) = 1 FROM pg_stat_activity WHERE wait_event = '{event}'"
    );
    assert!(yes(stranger, &sql).await, "one session waits for {event}");
}
