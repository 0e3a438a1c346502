//! One account: cash, positions, and what its open orders hold back.
//!
//! Invariants: an account folds from its own stream alone. Cash plus the cost of all positions
//! equals deposits plus realised profit minus commission, exactly. Reserved cash is the sum over
//! the open orders.

mod command;
mod decide;
mod open_orders;
mod state;
#[cfg(test)]
mod tests;

pub use command::{CancelOrder, DepositCash, OpenAccount, SubmitOrder};
pub use decide::{
    AccountError, SubmitContext, book_fill, deposit_cash, open_account, release_reservation,
    request_cancel, submit_order,
};
pub use open_orders::OpenOrders;
pub use state::{Account, FoldError, Holding, OpenOrder};
