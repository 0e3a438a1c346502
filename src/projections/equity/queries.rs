//! What can be asked of equity.

use sqlx::sqlite::SqliteConnection;

use super::table::EquityPoint;
use crate::projections::{PAGE_ROWS_MAX, Views, ViewsError, rows};
use crate::values::{AccountId, Position, Timestamp};

/// Most points that a whole history is spread over.
pub const SPREAD_POINTS_MAX: u32 = 2_000;

/// Points of an account in order, those after `after`.
pub async fn page(
    views: &Views,
    account: &AccountId,
    after: Position,
    limit: u32,
) -> Result<Vec<EquityPoint>, ViewsError> {
    let page = sqlx::query_as(
        "SELECT * FROM equity_points WHERE account = ? AND position > ? ORDER BY position LIMIT ?",
    )
    .bind(account.as_str())
    .bind(rows::stored(after.get()))
    .bind(limit.min(PAGE_ROWS_MAX))
    .fetch_all(views.readers())
    .await?;
    Ok(page)
}

/// The account's newest point.
pub async fn latest(views: &Views, account: &AccountId) -> Result<Option<EquityPoint>, ViewsError> {
    let mut db = views.readers().acquire().await?;
    Ok(latest_in(&mut db, account).await?)
}

pub(in crate::projections) async fn latest_in(
    db: &mut SqliteConnection,
    account: &AccountId,
) -> Result<Option<EquityPoint>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM equity_points WHERE account = ? ORDER BY position DESC LIMIT 1")
        .bind(account.as_str())
        .fetch_optional(db)
        .await
}

/// The account's newest point of before `time`.
pub(in crate::projections) async fn before_in(
    db: &mut SqliteConnection,
    account: &AccountId,
    time: Timestamp,
) -> Result<Option<EquityPoint>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM equity_points WHERE account = ? AND time_micros < ?
         ORDER BY position DESC LIMIT 1",
    )
    .bind(account.as_str())
    .bind(time.micros())
    .fetch_optional(db)
    .await
}

/// At most `points` points in order that stand for the account's whole history, the newest among
/// them. The points before it are cut into runs of equal length, and each run shows its deepest
/// drawdown, so that no fall is lost, however coarse the picture. `points` is raised to 2 and
/// lowered to [`SPREAD_POINTS_MAX`].
pub async fn spread(
    views: &Views,
    account: &AccountId,
    points: u32,
) -> Result<Vec<EquityPoint>, ViewsError> {
    let points = points.clamp(2, SPREAD_POINTS_MAX);
    // With a lone max() SQLite takes the other column from the row that has it:
    // https://sqlite.org/lang_select.html#bareagg
    let spread = sqlx::query_as(
        "WITH history AS (
             SELECT position, drawdown_millionths AS depth,
                 row_number() OVER (ORDER BY position) - 1 AS number
             FROM equity_points WHERE account = ?1),
         size AS (SELECT count(*) - 1 AS last FROM equity_points WHERE account = ?1),
         shown AS (
             SELECT position, max(depth) FROM history, size
             GROUP BY CASE number WHEN last THEN ?2 ELSE number * ?2 / last END)
         SELECT * FROM equity_points
         WHERE account = ?1 AND position IN (SELECT position FROM shown) ORDER BY position",
    )
    .bind(account.as_str())
    .bind(points - 1)
    .fetch_all(views.readers())
    .await?;
    Ok(spread)
}
