//! Accounts, what they hold and what they are worth.

use serde::Serialize;
use utoipa::ToSchema;

use super::average;
use crate::projections::equity;
use crate::projections::portfolio;
use crate::projections::positions::PositionRow;
use crate::projections::standings::Standing;
use crate::values::{self, AccountId, Money, Price, Quantity, Ratio, Symbol, Timestamp};

/// A trading account. Money is in `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    #[schema(value_type = String, example = "demo")]
    pub account: AccountId,
    #[schema(example = "demo")]
    pub name: String,
    /// ISO 4217 code.
    #[schema(example = "USD")]
    pub currency: String,
    #[schema(value_type = String, example = "99624.73")]
    pub cash: Money,
    /// Held back by open buy orders.
    #[schema(value_type = String, example = "0")]
    pub reserved_cash: Money,
    #[schema(value_type = String, example = "99624.73")]
    pub available_cash: Money,
    /// Of all holdings at their last prices.
    #[schema(value_type = String, example = "375")]
    pub market_value: Money,
    /// Cash plus market value.
    #[schema(value_type = String, example = "99999.73")]
    pub equity: Money,
    #[schema(value_type = String, example = "0.1")]
    pub unrealised_pnl: Money,
    /// Before commission.
    #[schema(value_type = String, example = "0")]
    pub realised_pnl: Money,
    /// All commissions paid.
    #[schema(value_type = String, example = "0.37")]
    pub commission: Money,
    #[schema(value_type = String, example = "2005-05-06T23:59:59.999999Z")]
    pub opened_at: Timestamp,
    #[schema(value_type = u64, example = 140)]
    pub position: values::Position,
}

impl From<Standing> for Account {
    fn from(standing: Standing) -> Self {
        let row = standing.account;
        Self {
            account: row.account,
            name: row.name,
            currency: row.currency,
            cash: row.cash,
            reserved_cash: row.reserved_cash,
            available_cash: standing.available_cash,
            market_value: standing.market_value,
            equity: standing.equity,
            unrealised_pnl: standing.unrealised_pnl,
            realised_pnl: row.realised_pnl,
            commission: row.commission,
            opened_at: row.opened_at,
            position: row.position,
        }
    }
}

/// What one account holds of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Position {
    #[schema(value_type = String, example = "demo")]
    pub account: AccountId,
    #[schema(value_type = String, example = "AAPL")]
    pub symbol: Symbol,
    /// Negative for a short position.
    #[schema(value_type = String, example = "10")]
    pub quantity: Quantity,
    /// What the quantity held was bought for.
    #[schema(value_type = String, example = "374.9")]
    pub total_cost: Money,
    /// Total cost over quantity, rounded half to even to 8 decimals.
    #[schema(value_type = Option<String>, example = "37.49")]
    pub average_price: Option<Price>,
    #[schema(value_type = String, example = "37.5")]
    pub last_price: Price,
    #[schema(value_type = String, example = "375")]
    pub market_value: Money,
    #[schema(value_type = String, example = "0.1")]
    pub unrealised_pnl: Money,
    /// The last event that changed it.
    #[schema(value_type = u64, example = 140)]
    pub position: values::Position,
}

impl From<PositionRow> for Position {
    fn from(row: PositionRow) -> Self {
        Self {
            average_price: average(row.total_cost, row.quantity),
            account: row.account,
            symbol: row.symbol,
            quantity: row.quantity,
            total_cost: row.total_cost,
            last_price: row.last_price,
            market_value: row.market_value,
            unrealised_pnl: row.unrealised_pnl,
            position: row.position,
        }
    }
}

/// What an account was worth after one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EquityPoint {
    #[schema(value_type = String, example = "2005-05-09T23:59:59.999999Z")]
    pub time: Timestamp,
    /// The event.
    #[schema(value_type = u64, example = 140)]
    pub position: values::Position,
    #[schema(value_type = String, example = "99624.73")]
    pub cash: Money,
    #[schema(value_type = String, example = "375")]
    pub market_value: Money,
    #[schema(value_type = String, example = "99999.73")]
    pub equity: Money,
    /// Share below the highest equity so far, 0 to 1, six decimals.
    #[schema(value_type = String, example = "0.000003")]
    pub drawdown: Ratio,
}

impl From<equity::EquityPoint> for EquityPoint {
    fn from(point: equity::EquityPoint) -> Self {
        Self {
            time: point.time,
            position: point.position,
            cash: point.cash,
            market_value: point.market_value,
            equity: point.equity,
            drawdown: point.drawdown,
        }
    }
}

/// An account at one moment: every figure is as of `position`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Portfolio {
    /// Every event up to this one is in the figures, and none after it.
    #[schema(value_type = u64, example = 140)]
    pub position: values::Position,
    /// Business time of that event.
    #[schema(value_type = String, example = "2005-05-09T23:59:59.999999Z")]
    pub time: Timestamp,
    /// Its equity is its cash plus the market value of all positions.
    pub account: Account,
    /// What it was worth at the newest event that changed that; absent before the first.
    pub point: Option<EquityPoint>,
    /// The last point of an earlier day (UTC) than that of `point`: what its day began with.
    pub day_base: Option<EquityPoint>,
    /// Open positions by symbol, at most 1,000.
    pub positions: Vec<Position>,
    /// How many are open.
    #[schema(example = 1)]
    pub positions_total: u64,
}

impl From<portfolio::Portfolio> for Portfolio {
    fn from(found: portfolio::Portfolio) -> Self {
        Self {
            position: found.position,
            time: found.time,
            account: found.standing.into(),
            point: found.point.map(EquityPoint::from),
            day_base: found.day_base.map(EquityPoint::from),
            positions: found.positions.into_iter().map(Position::from).collect(),
            positions_total: found.positions_total,
        }
    }
}
