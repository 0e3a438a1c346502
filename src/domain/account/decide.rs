//! An account's decisions.

use crate::domain::Decided;
use crate::domain::risk::{self, RiskContext};
use crate::events::catalogue::{
    AccountOpened, CancelRequested, CashDeposited, FillBooked, OrderApproved, OrderExecuted,
    OrderRefused, OrderSubmitted, Reservation, ReservationReleased, Verdict,
};
use crate::values::{
    AccountId, AmountError, ClientOrderId, EventId, Money, OrderId, Position, Quantity, Side,
};

use super::command::{CancelOrder, DepositCash, OpenAccount, SubmitOrder};
use super::state::{Account, Holding};

/// Decimals of a cost that is split between the sold and the kept part of a position.
const COST_DECIMALS: u32 = 8;

/// Why a command on an account records nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error("account {0} does not exist")]
    UnknownAccount(AccountId),
    #[error("account {0} exists already")]
    AccountExists(AccountId),
    #[error("the account name {0:?} is taken; names are unique")]
    NameTaken(String),
    #[error("{field} is {found}; {allowed}")]
    BadField {
        field: &'static str,
        found: String,
        allowed: &'static str,
    },
    #[error("client order id {0} is taken; choose a new one, it is good for one order")]
    ClientOrderIdTaken(ClientOrderId),
    #[error("account {account} has no open order {order}")]
    NoOpenOrder { account: AccountId, order: OrderId },
    #[error("amounts out of range: {0}")]
    Amount(#[from] AmountError),
}

impl AccountError {
    /// Stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            AccountError::UnknownAccount(_) => "unknown_account",
            AccountError::AccountExists(_) => "account_exists",
            AccountError::NameTaken(_) => "account_name_taken",
            AccountError::BadField { .. } => "bad_field",
            AccountError::ClientOrderIdTaken(_) => "client_order_id_taken",
            AccountError::NoOpenOrder { .. } => "no_open_order",
            AccountError::Amount(_) => "amount_out_of_range",
        }
    }
}

/// `existing`: the account with that id; `name_taken`: whether another one has the name.
pub fn open_account(
    existing: Option<&Account>,
    name_taken: bool,
    command: &OpenAccount,
) -> Result<Decided, AccountError> {
    if existing.is_some() {
        return Err(AccountError::AccountExists(command.account.clone()));
    }
    if name_taken {
        return Err(AccountError::NameTaken(command.name.clone()));
    }
    if command.name.trim().is_empty() || command.name.chars().count() > 64 {
        return Err(AccountError::BadField {
            field: "name",
            found: format!("{:?}", command.name),
            allowed: "1 to 64 characters are allowed",
        });
    }
    let currency = command.currency.as_bytes();
    if currency.len() != 3 || !currency.iter().all(u8::is_ascii_uppercase) {
        return Err(AccountError::BadField {
            field: "currency",
            found: format!("{:?}", command.currency),
            allowed: "an ISO 4217 code of three capital letters is wanted",
        });
    }
    Ok(Decided::one(AccountOpened {
        account: command.account.clone(),
        name: command.name.clone(),
        currency: command.currency.clone(),
    }))
}

pub fn deposit_cash(account: &Account, command: &DepositCash) -> Result<Decided, AccountError> {
    if !command.amount.is_positive() || command.amount.decimals() > 2 {
        return Err(AccountError::BadField {
            field: "amount",
            found: command.amount.to_string(),
            allowed: "a positive amount with at most 2 decimals is wanted",
        });
    }
    // What is recorded has to be foldable for ever.
    account.cash.checked_add(command.amount)?;
    account.deposited.checked_add(command.amount)?;
    Ok(Decided::one(CashDeposited {
        amount: command.amount,
        reason: command.reason.clone(),
    }))
}

/// What a decision on an order rests on besides the account.
pub struct SubmitContext<'a> {
    pub order_id: OrderId,
    pub risk: RiskContext<'a>,
    /// Last position folded.
    pub decided_at: Position,
}

/// Approves or refuses; both are facts, with every check as it was seen.
pub fn submit_order(
    account: &Account,
    context: &SubmitContext<'_>,
    command: &SubmitOrder,
) -> Decided {
    let order_id = context.order_id.clone();
    let client_order_id = command.client_order_id(&order_id);
    let submitted = OrderSubmitted {
        order_id: order_id.clone(),
        client_order_id: client_order_id.clone(),
        ordinal: account.last_ordinal + 1,
        terms: command.terms.clone(),
        venue: command.venue.clone(),
        strategy: command.strategy.clone(),
    };
    let assessment = risk::assess(account, &context.risk, command);
    let failed = assessment
        .checks
        .iter()
        .find(|check| check.verdict == Verdict::Failed);
    let decision = match (failed, assessment.basis) {
        (None, Some(basis)) => OrderApproved {
            order_id,
            client_order_id,
            account: account.id.clone(),
            terms: command.terms.clone(),
            venue: command.venue.clone(),
            strategy: command.strategy.clone(),
            reservation: basis.reservation,
            reference_price: basis.reference_price,
            checks: assessment.checks,
            decided_at: context.decided_at,
        }
        .into(),
        // Without a basis there is no reference price, which is a failed check of its own.
        (failed, _) => OrderRefused {
            order_id,
            code: failed.map_or(risk::NO_BASIS, |check| check.code),
            checks: assessment.checks,
            decided_at: context.decided_at,
        }
        .into(),
    };
    Decided::Events(vec![submitted.into(), decision])
}

/// Whether a cancel is allowed at all; whether it still can be done is for execution to say.
pub fn request_cancel(account: &Account, command: &CancelOrder) -> Result<Decided, AccountError> {
    if !account.open_orders.contains_key(&command.order_id) {
        return Err(AccountError::NoOpenOrder {
            account: account.id.clone(),
            order: command.order_id.clone(),
        });
    }
    Ok(Decided::one(CancelRequested {
        order_id: command.order_id.clone(),
        reason: command.reason.clone(),
    }))
}

/// Books an execution. Never refused: what a venue has done is a fact, even past a limit.
pub fn book_fill(
    account: &Account,
    executed: &OrderExecuted,
    event_id: EventId,
) -> Result<FillBooked, AmountError> {
    let quantity_change = match executed.side {
        Side::Buy => executed.quantity,
        Side::Sell => executed.quantity.negated(),
    };
    let gross_change = quantity_change.times(executed.price)?.negated();
    let cost = cost_effect(account.holding(&executed.symbol), quantity_change, executed)?;
    Ok(FillBooked {
        order_id: executed.order_id.clone(),
        execution_id: executed.execution_id.clone(),
        execution_event: event_id,
        symbol: executed.symbol.clone(),
        side: executed.side,
        quantity: executed.quantity,
        price: executed.price,
        commission: executed.commission,
        cash_change: gross_change.checked_sub(executed.commission)?,
        quantity_change,
        cost_change: cost.change,
        realised_pnl: cost.realised,
        reservation_released: released_by(account, executed)?,
        leaves_quantity: executed.leaves_quantity,
    })
}

struct CostEffect {
    change: Money,
    realised: Money,
}

/// How an execution changes the total cost of a position: what closes takes its share of the cost
/// with it and realises the difference, what opens adds its price.
fn cost_effect(
    holding: Holding,
    change: Quantity,
    executed: &OrderExecuted,
) -> Result<CostEffect, AmountError> {
    let closes = holding.quantity.is_positive() && change.is_negative()
        || holding.quantity.is_negative() && change.is_positive();
    if !closes {
        return Ok(CostEffect {
            change: change.times(executed.price)?,
            realised: Money::ZERO,
        });
    }
    let closed = change.abs().min(holding.quantity.abs());
    let closing = if change.is_negative() {
        closed.negated()
    } else {
        closed
    };
    let opening = change.checked_sub(closing)?;
    let cost_released = holding
        .cost
        .share(closed, holding.quantity.abs(), COST_DECIMALS)?;
    let closing_flow = closing.times(executed.price)?.negated();
    Ok(CostEffect {
        change: opening.times(executed.price)?.checked_sub(cost_released)?,
        realised: closing_flow.checked_sub(cost_released)?,
    })
}

/// An execution frees its share of what the order held back, the last one all the rest.
fn released_by(account: &Account, executed: &OrderExecuted) -> Result<Reservation, AmountError> {
    let Some(order) = account.open_orders.get(&executed.order_id) else {
        // A fill after the order had ended: nothing is held back any more.
        return Ok(Reservation::default());
    };
    if executed.leaves_quantity.is_zero() {
        return Ok(order.reservation);
    }
    let share = executed.quantity.min(order.leaves_quantity);
    let held = order.reservation;
    Ok(Reservation {
        cash: held.cash.share(share, order.leaves_quantity, 2)?,
        quantity: executed.quantity.min(held.quantity),
    })
}

/// Frees what an order that ended still held back.
pub fn release_reservation(account: &Account, order_id: &OrderId, ended_by: EventId) -> Decided {
    match account.open_orders.get(order_id) {
        None => Decided::AlreadyApplied,
        Some(order) => Decided::one(ReservationReleased {
            order_id: order_id.clone(),
            released: order.reservation,
            ended_by,
        }),
    }
}
