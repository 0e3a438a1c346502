//! An execution as it was booked.

use serde::Serialize;
use utoipa::ToSchema;

use crate::projections::executions::ExecutionRow;
use crate::values::{
    AccountId, ExecutionId, Money, OrderId, Position, Price, Quantity, Side, StrategyId, Symbol,
    Timestamp,
};

/// One fill of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Execution {
    /// FIX ExecID.
    #[schema(value_type = String)]
    pub execution_id: ExecutionId,
    #[schema(value_type = String)]
    pub order_id: OrderId,
    #[schema(value_type = String, example = "demo")]
    pub account: AccountId,
    #[schema(value_type = Option<String>)]
    pub strategy: Option<StrategyId>,
    #[schema(value_type = String, example = "AAPL")]
    pub symbol: Symbol,
    #[schema(value_type = super::words::SideWord)]
    pub side: Side,
    /// FIX LastQty.
    #[schema(value_type = String, example = "10")]
    pub quantity: Quantity,
    /// FIX LastPx.
    #[schema(value_type = String, example = "37.49")]
    pub price: Price,
    #[schema(value_type = String, example = "0.37")]
    pub commission: Money,
    /// Negative for a buy.
    #[schema(value_type = String, example = "-375.27")]
    pub cash_change: Money,
    /// Before commission.
    #[schema(value_type = String, example = "0")]
    pub realised_pnl: Money,
    /// FIX LeavesQty after it.
    #[schema(value_type = String, example = "0")]
    pub leaves_quantity: Quantity,
    #[schema(value_type = String, example = "2005-05-09T23:59:59.999999Z")]
    pub time: Timestamp,
    #[schema(value_type = u64, example = 140)]
    pub position: Position,
}

impl From<ExecutionRow> for Execution {
    fn from(row: ExecutionRow) -> Self {
        Self {
            execution_id: row.execution_id,
            order_id: row.order_id,
            account: row.account,
            strategy: row.strategy,
            symbol: row.symbol,
            side: row.side,
            quantity: row.quantity,
            price: row.price,
            commission: row.commission,
            cash_change: row.cash_change,
            realised_pnl: row.realised_pnl,
            leaves_quantity: row.leaves_quantity,
            time: row.time,
            position: row.position,
        }
    }
}
