//! Views in a directory of their own, and everything that is in them as text.

use std::path::PathBuf;

use blotter::events::Feed;
use blotter::projections::{Projection, Runner, RunnerError, Views, all};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use tempfile::TempDir;

use crate::log::{LOG, runtime};

pub struct Bench {
    directory: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("views.db")
    }

    pub async fn views(&self) -> Views {
        Views::open(&self.path(), LOG).await.expect("views")
    }

    pub async fn try_runner(&self, feed: Feed) -> Result<Runner, RunnerError> {
        self.runner_of(feed, all()).await
    }

    pub async fn runner_of(
        &self,
        feed: Feed,
        projections: Vec<Box<dyn Projection>>,
    ) -> Result<Runner, RunnerError> {
        Runner::open(&self.views().await, feed, &runtime(), projections).await
    }

    pub async fn runner(&self, feed: Feed) -> Runner {
        self.try_runner(feed).await.expect("a runner")
    }

    /// Folds the whole log and opens the result for queries.
    pub async fn folded(&self, feed: Feed) -> Views {
        let mut runner = self.runner(feed).await;
        runner.catch_up().await.expect("folded");
        runner.close().await.expect("closed");
        self.views().await
    }

    pub async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        options.connect().await.expect("a connection")
    }

    /// Every row of every table, checkpoints included, one line each.
    pub async fn dump(&self) -> String {
        let mut db = self.connect().await;
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
                .fetch_all(&mut db)
                .await
                .expect("tables");
        let mut dump = String::new();
        for table in tables {
            for line in lines(&mut db, &table).await {
                dump.push_str(&format!("{table}|{line}\n"));
            }
        }
        dump
    }
}

async fn lines(db: &mut SqliteConnection, table: &str) -> Vec<String> {
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
        .bind(table)
        .fetch_all(&mut *db)
        .await
        .expect("columns");
    let quoted: Vec<_> = columns
        .iter()
        .map(|column| format!("quote({column})"))
        .collect();
    let select = format!(
        "SELECT {} AS line FROM {table} ORDER BY line",
        quoted.join("||'|'||")
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .fetch_all(db)
        .await
        .expect("rows");
    rows.iter().map(|row| row.get("line")).collect()
}
