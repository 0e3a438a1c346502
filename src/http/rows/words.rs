//! The words of the wire, as the document lists them: a status, a code, a scope.
//!
//! What is answered is written by the types of the lower floors; these stand for them in the
//! document. That both are the same is held by the tests of the API against every answer.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::events::catalogue::CheckCode;
use crate::http::problem::Code;

/// Side of an order.
#[derive(ToSchema)]
#[schema(as = Side, rename_all = "snake_case")]
pub enum SideWord {
    Buy,
    Sell,
}

/// Kind of an order: FIX OrdType.
#[derive(ToSchema)]
#[schema(as = OrderType, rename_all = "snake_case")]
pub enum OrderTypeWord {
    Market,
    Limit,
}

/// FIX TimeInForce.
#[derive(ToSchema)]
#[schema(as = TimeInForce, rename_all = "snake_case")]
pub enum TimeInForceWord {
    Day,
    Gtc,
}

/// FIX OrdStatus.
#[derive(ToSchema)]
#[schema(as = OrderStatus, rename_all = "snake_case")]
pub enum OrderStatusWord {
    PendingNew,
    New,
    PartiallyFilled,
    Filled,
    PendingCancel,
    Canceled,
    Rejected,
    Expired,
}

/// What a check came to.
#[derive(ToSchema)]
#[schema(as = Verdict, rename_all = "snake_case")]
pub enum VerdictWord {
    Passed,
    Failed,
}

/// What risk decides, or would decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Decision)]
pub enum DecisionWord {
    Approved,
    Refused,
}

/// What a kill switch stops.
#[derive(ToSchema)]
#[schema(as = HaltScope, rename_all = "snake_case")]
pub enum HaltScopeWord {
    Firm,
    Account,
    Strategy,
    Instrument,
    Venue,
}

/// How far a strategy is.
#[derive(ToSchema)]
#[schema(as = StrategyStatus, rename_all = "snake_case")]
pub enum StrategyStatusWord {
    Registered,
    Approved,
    Running,
}

/// What a strategy did about a signal.
#[derive(ToSchema)]
#[schema(as = SignalAction, rename_all = "snake_case")]
pub enum SignalActionWord {
    Order,
    None,
}

/// The checks of risk, in the order in which they are evaluated.
pub struct CheckCodeWord;

impl PartialSchema for CheckCodeWord {
    fn schema() -> RefOr<Schema> {
        one_of(
            "The checks of risk, in the order in which they are evaluated.",
            CheckCode::ALL
                .iter()
                .filter_map(|code| serde_json::to_value(code).ok()),
        )
    }
}

impl ToSchema for CheckCodeWord {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CheckCode")
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        one_of(
            "Everything that can go wrong; `/api/docs/problems` says what to do about each.",
            Code::ALL.iter().map(|code| code.name().into()),
        )
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ProblemCode")
    }
}

fn one_of(description: &str, words: impl Iterator<Item = serde_json::Value>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words))
        .into()
}
