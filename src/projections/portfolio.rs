//! One account at one moment: its figures, its newest equity, and what it holds.
//!
//! No table but a query, over the read models of accounts, equity, positions and the audit log, in
//! one read transaction. Each batch of events is written to all of them in one transaction, so the
//! rows are of one position, and cash and market values add up to the equity. While one of them is
//! being rebuilt they are not of one position; then there is no answer.

use sqlx::sqlite::SqliteConnection;

use super::checkpoint;
use super::equity::{self, EquityPoint};
use super::positions::{self, PositionRow};
use super::standings::{self, Standing};
use super::{PAGE_ROWS_MAX, Views, ViewsError, rows};
use crate::values::{AccountId, Position, Timestamp};

/// The read models that a portfolio is made of.
const MADE_OF: [&str; 4] = ["accounts", "audit", "equity", "positions"];

/// One account as of `position`. Money is in the account's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    /// Every event up to this one is in the figures, and none after it.
    pub position: Position,
    /// Business time of that event.
    pub time: Timestamp,
    pub standing: Standing,
    /// The newest point of the equity curve; its equity is that of `standing`.
    pub point: Option<EquityPoint>,
    /// The last point of an earlier day (UTC) than `point`'s.
    pub day_base: Option<EquityPoint>,
    /// Open positions by symbol, at most [`PAGE_ROWS_MAX`].
    pub positions: Vec<PositionRow>,
    /// How many are open.
    pub positions_total: u64,
}

/// The account as it stands; `None` when there is no such account.
pub async fn find(views: &Views, account: &AccountId) -> Result<Option<Portfolio>, ViewsError> {
    let mut snapshot = views.readers().begin().await?;
    let position = one_position(&mut snapshot).await?;
    let Some(standing) = standings::find_in(&mut snapshot, account).await? else {
        return Ok(None);
    };
    let point = equity::latest_in(&mut snapshot, account).await?;
    let day_base = match &point {
        Some(point) => {
            let midnight = point.time.midnight();
            equity::before_in(&mut snapshot, account, midnight).await?
        }
        None => None,
    };
    let found = Portfolio {
        position,
        time: time_of(&mut snapshot, position).await?,
        standing,
        point,
        day_base,
        positions: positions::page_in(&mut snapshot, account, None, PAGE_ROWS_MAX).await?,
        positions_total: positions::count_in(&mut snapshot, account).await?,
    };
    // Nothing was written; only now may the database forget what was read from.
    snapshot.rollback().await?;
    Ok(Some(found))
}

/// Where all read models of a portfolio stand.
async fn one_position(db: &mut SqliteConnection) -> Result<Position, ViewsError> {
    let checkpoints = checkpoint::all(db).await?;
    let positions = checkpoints
        .iter()
        .filter(|checkpoint| MADE_OF.contains(&checkpoint.projection.as_str()))
        .map(|checkpoint| checkpoint.position);
    let (lowest, highest) = (positions.clone().min(), positions.max());
    match (lowest, highest) {
        (Some(lowest), Some(highest)) if lowest == highest => Ok(lowest),
        (lowest, highest) => Err(ViewsError::Apart {
            lowest: lowest.unwrap_or_default(),
            highest: highest.unwrap_or_default(),
        }),
    }
}

async fn time_of(db: &mut SqliteConnection, position: Position) -> Result<Timestamp, sqlx::Error> {
    let row = sqlx::query("SELECT occurred_at_micros FROM audit WHERE position = ?")
        .bind(rows::stored(position.get()))
        .fetch_one(db)
        .await?;
    rows::time(&row, "occurred_at_micros")
}
