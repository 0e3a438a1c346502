//! Holding the read models against the log that they were folded from.
//!
//! Entry points: [`check_marks`] compares where each read model stands with the record there;
//! [`check_rows`] folds the log anew elsewhere and compares row by row. Both look at one moment of
//! the database and write nothing to it, so a node may go on folding meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::checkpoint::{self, Checkpoint};
use super::slot::Slot;
use super::{Projection, RunnerError, Table, Views, ViewsError, all, fingerprint};
use crate::events::mark::Disagreement;
use crate::events::{EventStore, StoreError};
use crate::values::Position;

/// Events folded in one transaction.
const PAGE_EVENTS: usize = 1_024;

/// What was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Where the read models stand; the lowest, while one of them is rebuilt.
    pub position: Position,
    /// How many of them were checked.
    pub models: usize,
    /// Rows that were compared; 0 where only the places were.
    pub rows: u64,
    /// Those that another version of the program made: the next start folds them anew.
    pub outdated: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ViewsVerifyError {
    #[error(
        "read model {projection} {disagreement}. If the log is the right one, delete views.db and \
         start again: it is rebuilt from the log"
    )]
    OtherLog {
        projection: String,
        disagreement: Disagreement,
    },
    /// `kept` and `folded`: the first row that the other side does not have.
    #[error(
        "table {table} of read model {projection} is not what the log comes to at position \
         {position}: {}. If the log holds, stop the node, delete views.db and start again: it is \
         rebuilt from the log",
        difference(kept.as_deref(), folded.as_deref())
    )]
    OtherRow {
        projection: String,
        table: &'static str,
        position: Position,
        kept: Option<String>,
        folded: Option<String>,
    },
    #[error("the read models could not be checked: {0}")]
    Views(#[from] ViewsError),
    #[error("the read models could not be checked: {0}")]
    Store(#[from] StoreError),
    #[error("the log could not be folded into read models: {0}")]
    Fold(#[from] RunnerError),
}

impl From<sqlx::Error> for ViewsVerifyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Views(error.into())
    }
}

impl ViewsVerifyError {
    /// They were looked at and are not what they should be; otherwise nothing is known.
    pub fn is_difference(&self) -> bool {
        match self {
            Self::OtherLog { .. } | Self::OtherRow { .. } => true,
            Self::Views(error) => matches!(error, ViewsError::OtherLog { .. }),
            Self::Store(_) | Self::Fold(_) => false,
        }
    }
}

fn difference(kept: Option<&str>, folded: Option<&str>) -> String {
    match (kept, folded) {
        (Some(kept), Some(folded)) => format!("it has ({kept}), the log gives ({folded})"),
        (Some(kept), None) => format!("it has ({kept}), which the log does not give"),
        (None, Some(folded)) => format!("it lacks ({folded}), which the log gives"),
        (None, None) => "its rows differ".to_owned(),
    }
}

/// Holds the place of every read model against the log.
pub async fn check_marks(
    views: &Views,
    store: &dyn EventStore,
) -> Result<Checked, ViewsVerifyError> {
    let mut db = views.readers().acquire().await?;
    let checkpoints = checkpoint::all(&mut db).await?;
    marks_hold(&checkpoints, store).await?;
    Ok(Checked {
        position: lowest(&checkpoints),
        models: checkpoints.len(),
        rows: 0,
        outdated: outdated(&checkpoints, &all()),
    })
}

/// The same; then folds the log anew into `scratch`, a database that is not there yet, up to where
/// each read model stands, and compares their rows. `progress` is told how far that is, and its
/// end.
pub async fn check_rows(
    views: &Views,
    store: &dyn EventStore,
    scratch: &Path,
    mut progress: impl FnMut(Position, Position),
) -> Result<Checked, ViewsVerifyError> {
    let mut snapshot = views.readers().begin().await?;
    let checkpoints = checkpoint::all(&mut snapshot).await?;
    marks_hold(&checkpoints, store).await?;
    let anew = Views::open(scratch, views.log_id()).await?;
    let mut fold = Fold::start(&anew, store, &checkpoints).await?;
    let mut rows = 0;
    let end = checkpoints.iter().map(|one| one.position).max();
    let end = end.unwrap_or_default();
    while let Some((position, standing)) = fold.next_stop() {
        fold.fold_to(position, |reached| progress(reached, end))
            .await?;
        for (projection, tables) in standing {
            for table in tables {
                let compared = same_rows(&mut snapshot, &mut fold.db, table).await?;
                rows += compared.map_err(|(kept, folded)| ViewsVerifyError::OtherRow {
                    projection: projection.clone(),
                    table: table.name,
                    position,
                    kept,
                    folded,
                })?;
            }
        }
    }
    fold.db.close().await?;
    anew.close().await;
    snapshot.rollback().await?;
    let outdated = outdated(&checkpoints, &all());
    Ok(Checked {
        position: lowest(&checkpoints),
        models: checkpoints.len() - outdated.len(),
        rows,
        outdated,
    })
}

async fn marks_hold(
    checkpoints: &[Checkpoint],
    store: &dyn EventStore,
) -> Result<(), ViewsVerifyError> {
    for checkpoint in checkpoints {
        let Some(mark) = checkpoint.mark() else {
            continue;
        };
        if let Some(disagreement) = mark.check(store).await? {
            return Err(ViewsVerifyError::OtherLog {
                projection: checkpoint.projection.clone(),
                disagreement,
            });
        }
    }
    Ok(())
}

fn lowest(checkpoints: &[Checkpoint]) -> Position {
    let positions = checkpoints.iter().map(|checkpoint| checkpoint.position);
    positions.min().unwrap_or_default()
}

/// What this program would not go on from: shapes it does not make, or makes otherwise.
fn outdated(checkpoints: &[Checkpoint], known: &[Box<dyn Projection>]) -> Vec<String> {
    let is_known = |checkpoint: &&Checkpoint| {
        known.iter().any(|projection| {
            projection.name() == checkpoint.projection
                && fingerprint(projection.as_ref()) == checkpoint.fingerprint
        })
    };
    let others = checkpoints.iter().filter(|one| !is_known(one));
    others.map(|one| one.projection.clone()).collect()
}

/// Read models that are to be compared at one position: names and tables.
type Standing = Vec<(String, &'static [Table])>;

/// The log being folded anew.
struct Fold<'s> {
    db: SqliteConnection,
    store: &'s dyn EventStore,
    slots: Vec<Slot>,
    reached: Position,
    stops: BTreeMap<Position, Standing>,
}

impl<'s> Fold<'s> {
    async fn start(
        anew: &Views,
        store: &'s dyn EventStore,
        checkpoints: &[Checkpoint],
    ) -> Result<Self, ViewsVerifyError> {
        let mut db = anew.writer().await?;
        let outdated = outdated(checkpoints, &all());
        let mut slots = Vec::new();
        let mut stops: BTreeMap<Position, Standing> = BTreeMap::new();
        for projection in all() {
            let name = projection.name();
            let kept = checkpoints.iter().find(|one| one.projection == name);
            let Some(kept) = kept.filter(|one| !outdated.contains(&one.projection)) else {
                continue;
            };
            let standing = stops.entry(kept.position).or_default();
            standing.push((name.to_owned(), projection.tables()));
            slots.push(Slot::take_up(&mut db, anew, projection, None).await?);
        }
        Ok(Self {
            db,
            store,
            slots,
            reached: Position::ZERO,
            stops,
        })
    }

    fn next_stop(&mut self) -> Option<(Position, Standing)> {
        self.stops.pop_first()
    }

    async fn fold_to(
        &mut self,
        end: Position,
        mut progress: impl FnMut(Position),
    ) -> Result<(), ViewsVerifyError> {
        while self.reached < end {
            let left = usize::try_from(end.get() - self.reached.get()).unwrap_or(usize::MAX);
            let page = self.store.read(self.reached, PAGE_EVENTS.min(left)).await?;
            let batch: Vec<_> = page.into_iter().map(Arc::new).collect();
            let Some(last) = batch.last().map(|recorded| recorded.position()) else {
                let found = end;
                let cursor = self.reached;
                return Err(RunnerError::Gap { cursor, found }.into());
            };
            let mut transaction = self.db.begin().await?;
            for slot in &mut self.slots {
                let unseen = slot.unseen(&batch)?;
                slot.write(&mut transaction, unseen).await?;
            }
            transaction.commit().await?;
            for slot in &mut self.slots {
                slot.committed(last);
            }
            self.reached = last;
            progress(last);
        }
        Ok(())
    }
}

/// The first row that only one side has, of what is kept and of what was folded.
type Difference = (Option<String>, Option<String>);

/// How many rows both sides have, if they have the same.
async fn same_rows(
    kept: &mut SqliteConnection,
    folded: &mut SqliteConnection,
    table: &Table,
) -> Result<Result<u64, Difference>, sqlx::Error> {
    let select = select_sorted(folded, table).await?;
    let mut kept = sqlx::query_scalar::<_, String>(AssertSqlSafe(select.clone())).fetch(kept);
    let mut folded = sqlx::query_scalar::<_, String>(AssertSqlSafe(select)).fetch(folded);
    let mut rows = 0;
    loop {
        match (kept.try_next().await?, folded.try_next().await?) {
            (None, None) => return Ok(Ok(rows)),
            (Some(one), Some(other)) if one == other => rows += 1,
            different => return Ok(Err(different)),
        }
    }
}

/// Every row of a table as text, in an order that depends on the rows alone.
async fn select_sorted(db: &mut SqliteConnection, table: &Table) -> Result<String, sqlx::Error> {
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
        .bind(table.name)
        .fetch_all(db)
        .await?;
    let quoted: Vec<_> = columns
        .iter()
        .map(|name| format!("quote(\"{name}\")"))
        .collect();
    let row = quoted.join(" || ', ' || ");
    // Names of a table and its columns cannot be parameters; these are our own.
    Ok(format!(
        "SELECT {row} AS line FROM \"{}\" ORDER BY line",
        table.name
    ))
}
