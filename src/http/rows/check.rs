//! A check of risk as it is shown: code, verdict, figures and one sentence.
//!
//! The sentences, and the field of an order that a check is about, stand here by code and nowhere
//! else.

use serde::Serialize;
use utoipa::ToSchema;

use super::words;
use crate::events::catalogue::{self, CheckCode, Verdict};
use crate::http::problem::FieldError;

/// One check as risk evaluated it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Check {
    #[schema(value_type = words::CheckCodeWord)]
    pub code: CheckCode,
    #[schema(value_type = words::VerdictWord)]
    pub verdict: Verdict,
    /// What is allowed; absent where no limit applies or none is set.
    #[schema(example = "1000")]
    pub limit: Option<String>,
    /// What was seen; absent where it is missing.
    #[schema(example = "3750.75")]
    pub observed: Option<String>,
    #[schema(example = "The order would cost 3750.75, but only 1000 is available.")]
    pub message: String,
}

impl From<catalogue::Check> for Check {
    fn from(check: catalogue::Check) -> Self {
        Self {
            message: sentence(&check),
            code: check.code,
            verdict: check.verdict,
            limit: check.limit,
            observed: check.observed,
        }
    }
}

/// One sentence on what the check saw.
fn sentence(check: &catalogue::Check) -> String {
    let passed = check.verdict == Verdict::Passed;
    let limit = check.limit.as_deref();
    let observed = check.observed.as_deref().unwrap_or("nothing");
    let bound = limit.unwrap_or("nothing");
    match (check.code, passed) {
        (CheckCode::AccountOpen, true) => format!("The account {observed} is open."),
        (CheckCode::AccountOpen, false) => "The account is not open.".to_owned(),
        (CheckCode::NoHalt, true) => "No kill switch stops this order.".to_owned(),
        (CheckCode::NoHalt, false) => format!("Trading is halted by a {observed}."),
        (CheckCode::StrategyRunning, true) => match &check.observed {
            None => "The order comes from no strategy.".to_owned(),
            Some(_) => "The strategy is running.".to_owned(),
        },
        (CheckCode::StrategyRunning, false) => format!("The strategy is not running: {observed}."),
        (CheckCode::InstrumentListed, true) => format!("{observed} is listed."),
        (CheckCode::InstrumentListed, false) => "The symbol is not a listed instrument.".to_owned(),
        (CheckCode::QuantityValid, true) => "The quantity is valid.".to_owned(),
        (CheckCode::QuantityValid, false) => match limit {
            Some(limit) => format!("The quantity is {observed}; allowed is {limit}."),
            None => "The quantity cannot be checked without a listed instrument.".to_owned(),
        },
        (CheckCode::PriceValid, true) => "The price is valid.".to_owned(),
        (CheckCode::PriceValid, false) => match limit {
            Some(limit) => format!("The limit price is {observed}; allowed is {limit}."),
            None => "The limit price cannot be checked without a listed instrument.".to_owned(),
        },
        (CheckCode::ReferenceFresh, true) => {
            format!("The last price is {observed} s old; at most {bound} s are allowed.")
        }
        (CheckCode::ReferenceFresh, false) => match (&check.observed, limit) {
            (None, _) => "There is no usable last price to judge the order by.".to_owned(),
            (Some(_), None) => "No largest age of the last price is set.".to_owned(),
            (Some(age), Some(limit)) => {
                format!("The last price is {age} s old; at most {limit} s are allowed.")
            }
        },
        (CheckCode::PriceCollar, true) => "The price is within the collar.".to_owned(),
        (CheckCode::PriceCollar, false) => match (limit, &check.observed) {
            (None, _) => "No price collar is set, so no order passes.".to_owned(),
            (_, None) => "The distance to the last price cannot be determined.".to_owned(),
            (Some(limit), Some(share)) => format!(
                "The limit price is {share} (as a share) away from the last price; at most {limit} is allowed."
            ),
        },
        (CheckCode::MaxOrderNotional, true) => {
            format!("The order's value {observed} is within {bound}.")
        }
        (CheckCode::MaxOrderNotional, false) => match (limit, &check.observed) {
            (None, _) => "No largest order value is set, so no order passes.".to_owned(),
            (_, None) => "The order's value cannot be determined.".to_owned(),
            (Some(limit), Some(value)) => {
                format!("The order's value is {value}; at most {limit} is allowed.")
            }
        },
        (CheckCode::MaxPosition, true) => {
            format!("The position could reach {observed}, within {bound}.")
        }
        (CheckCode::MaxPosition, false) => match (limit, &check.observed) {
            (None, _) => "No largest position is set, so no order passes.".to_owned(),
            (_, None) => "The position it could lead to is out of range.".to_owned(),
            (Some(limit), Some(units)) => {
                format!("The position could reach {units}; at most {limit} is allowed.")
            }
        },
        (CheckCode::ShortSale, true) => "Nothing is sold that is not held.".to_owned(),
        (CheckCode::ShortSale, false) => {
            format!(
                "{observed} are to be sold, but only {bound} are held and not being sold already."
            )
        }
        (CheckCode::BuyingPower, true) => "The account can pay for it.".to_owned(),
        (CheckCode::BuyingPower, false) => match (limit, &check.observed) {
            (Some(limit), Some(cost)) => {
                format!("The order would cost {cost}, but only {limit} is available.")
            }
            _ => "What the order would cost cannot be determined.".to_owned(),
        },
    }
}

/// The field of an order that a check is about.
pub fn field(code: CheckCode) -> Option<&'static str> {
    match code {
        CheckCode::AccountOpen => Some("account"),
        CheckCode::InstrumentListed | CheckCode::ReferenceFresh => Some("symbol"),
        CheckCode::QuantityValid
        | CheckCode::MaxOrderNotional
        | CheckCode::MaxPosition
        | CheckCode::ShortSale
        | CheckCode::BuyingPower => Some("quantity"),
        CheckCode::PriceValid | CheckCode::PriceCollar => Some("limit_price"),
        CheckCode::NoHalt | CheckCode::StrategyRunning => None,
    }
}

/// The failed checks, each as a mistake in the field it is about.
pub fn field_errors(checks: &[catalogue::Check]) -> Vec<FieldError> {
    let failed = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed);
    let error = |check: &catalogue::Check| {
        let allowed = check.limit.as_deref().unwrap_or("nothing at present");
        let allowed = match check.code {
            CheckCode::InstrumentListed => "a symbol of GET /api/v1/instruments",
            _ => allowed,
        };
        Some(FieldError::new(
            field(check.code)?,
            check.observed.as_deref(),
            sentence(check),
            allowed,
        ))
    };
    failed.filter_map(error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a check knew, its sentence is one.
    #[test]
    fn every_check_has_a_sentence_in_every_state() {
        let some = Some("1".to_owned());
        for code in CheckCode::ALL {
            for verdict in [Verdict::Passed, Verdict::Failed] {
                for limit in [None, some.clone()] {
                    for observed in [None, some.clone()] {
                        let (limit, observed) = (limit.clone(), observed);
                        let check = catalogue::Check {
                            code,
                            verdict,
                            limit,
                            observed,
                        };
                        let text = sentence(&check);
                        assert!(
                            text.ends_with('.') && text.contains(' '),
                            "{check:?}: {text}"
                        );
                    }
                }
            }
        }
    }
}
