//! What risk decided on an order, and what it would decide.

use serde::Serialize;
use utoipa::ToSchema;

use super::check::{self, Check};
use super::order::Order;
use super::words::{CheckCodeWord, DecisionWord};
use crate::actors::messages;
use crate::domain::account::SubmitOrder;
use crate::events::catalogue::{self, CheckCode, Verdict};
use crate::events::{Event, Recorded};
use crate::http::problem::{Code, Problem};
use crate::values::{AccountId, Money, OrderId, Position, Price, Quantity};

/// What an open order holds back: cash for a buy, units for a sell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reservation {
    #[schema(value_type = String, example = "375.38")]
    pub cash: Money,
    #[schema(value_type = String, example = "0")]
    pub quantity: Quantity,
}

impl From<catalogue::Reservation> for Reservation {
    fn from(reservation: catalogue::Reservation) -> Self {
        Self {
            cash: reservation.cash,
            quantity: reservation.quantity,
        }
    }
}

/// An order that risk approved; the approval is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderDecision {
    pub order: Order,
    pub checks: Vec<Check>,
    pub reservation: Reservation,
    /// The price that it was judged at.
    #[schema(value_type = String, example = "37.5")]
    pub reference_price: Price,
    #[schema(value_type = u64, example = 121)]
    pub position: Position,
}

/// What the two recorded events of a submission say.
#[derive(Debug)]
pub enum Decided {
    Approved(Box<OrderDecision>),
    Refused(Refusal),
}

/// An order that risk refused; the refusal is on disk.
#[derive(Debug)]
pub struct Refusal {
    pub order_id: OrderId,
    pub code: CheckCode,
    pub checks: Vec<catalogue::Check>,
    pub position: Position,
}

impl Decided {
    /// `None` when these are not the events of a submission.
    pub fn of(account: &AccountId, submitted: &Recorded, decision: &Recorded) -> Option<Self> {
        let Event::OrderSubmitted(order) = submitted.event() else {
            return None;
        };
        match decision.event() {
            Event::OrderApproved(approved) => Some(Decided::Approved(Box::new(OrderDecision {
                order: Order::decided(account.clone(), submitted, order, decision),
                checks: approved.checks.iter().cloned().map(Check::from).collect(),
                reservation: approved.reservation.into(),
                reference_price: approved.reference_price,
                position: decision.position(),
            }))),
            Event::OrderRefused(refused) => Some(Decided::Refused(Refusal {
                order_id: refused.order_id.clone(),
                code: refused.code,
                checks: refused.checks.clone(),
                position: decision.position(),
            })),
            _ => None,
        }
    }
}

impl Refusal {
    pub fn problem(self) -> Problem {
        let checks: Vec<Check> = self.checks.iter().cloned().map(Check::from).collect();
        let cause = checks.iter().find(|check| check.code == self.code);
        let detail = match cause {
            Some(check) => check.message.clone(),
            None => "There is nothing to judge the order by.".to_owned(),
        };
        let mut problem = Problem::new(Code::OrderRefused, detail);
        problem.position = Some(self.position);
        problem
            .with_errors(check::field_errors(&self.checks))
            .member("order_id", &self.order_id)
            .member("refusal", self.code)
            .member("checks", &checks)
            .member("position", self.position)
    }
}

/// What risk would decide on an order now. Nothing was recorded, and nothing is promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Preview {
    pub decision: DecisionWord,
    /// The first check that failed.
    #[schema(value_type = Option<CheckCodeWord>)]
    pub refusal: Option<CheckCode>,
    pub checks: Vec<Check>,
    #[schema(value_type = Option<String>, example = "37.5")]
    pub reference_price: Option<Price>,
    /// Quantity times limit price, or times reference price for a market order.
    #[schema(value_type = Option<String>, example = "375")]
    pub notional: Option<Money>,
    /// What the venue would charge on that, half-even to the cent.
    #[schema(value_type = Option<String>, example = "0.38")]
    pub commission: Option<Money>,
    pub reservation: Option<Reservation>,
    /// The last position that risk had folded.
    #[schema(value_type = u64, example = 119)]
    pub as_of_position: Position,
}

impl Preview {
    pub fn of(preview: messages::Preview, order: &SubmitOrder) -> Self {
        let assessment = preview.assessment;
        let failed = assessment
            .checks
            .iter()
            .find(|check| check.verdict == Verdict::Failed);
        let refusal = failed.map(|check| check.code);
        let reference_price = assessment.basis.as_ref().map(|basis| basis.reference_price);
        let price = order.terms.order_type.limit_price().or(reference_price);
        let notional = price.and_then(|price| order.terms.quantity.times(price).ok());
        let rate = preview.commission_rate;
        Self {
            decision: match refusal {
                None => DecisionWord::Approved,
                Some(_) => DecisionWord::Refused,
            },
            refusal,
            checks: assessment.checks.into_iter().map(Check::from).collect(),
            reference_price,
            notional,
            commission: notional.and_then(|notional| notional.times_rounded(rate, 2).ok()),
            reservation: assessment.basis.map(|basis| basis.reservation.into()),
            as_of_position: preview.as_of,
        }
    }
}
