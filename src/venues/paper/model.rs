//! What the paper venue assumes about execution: costs, and nothing else.

use crate::values::{AmountError, Money, Price, Ratio, Side};

/// A price moved by slippage is rounded half to even to this many decimals.
const SLIPPED_DECIMALS: u32 = 4;

/// A commission is rounded half to even to this many decimals.
const COMMISSION_DECIMALS: u32 = 2;

/// A whole, in basis points: slippage of that much would sell at a price of zero.
const SLIPPAGE_BPS_LIMIT: u32 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("slippage of {0} basis points is out of range; give 0 to 9999 (100 are one percent)")]
    Slippage(u32),
    #[error(
        "a commission rate of {0} is out of range; give a share of the value traded from 0 up to \
         but not including 1, for example 0.001"
    )]
    CommissionRate(Ratio),
}

/// The costs of an execution. The default trades for free at the printed prices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaperModel {
    slippage_bps: u32,
    commission_rate: Ratio,
}

impl PaperModel {
    /// `slippage_bps`: basis points by which a market order trades worse than the open.
    /// `commission_rate`: share of the value traded, on every execution.
    pub fn new(slippage_bps: u32, commission_rate: Ratio) -> Result<Self, ModelError> {
        if slippage_bps >= SLIPPAGE_BPS_LIMIT {
            return Err(ModelError::Slippage(slippage_bps));
        }
        let whole = commission_rate.decimal() >= rust_decimal::Decimal::ONE;
        if commission_rate.is_negative() || whole {
            return Err(ModelError::CommissionRate(commission_rate));
        }
        Ok(Self {
            slippage_bps,
            commission_rate,
        })
    }

    /// What a market order pays or gets when `open` is printed. Without slippage exactly that.
    pub(super) fn slipped(&self, open: Price, side: Side) -> Result<Price, AmountError> {
        let against = match side {
            _ if self.slippage_bps == 0 => return Ok(open),
            Side::Buy => i64::from(self.slippage_bps),
            Side::Sell => -i64::from(self.slippage_bps),
        };
        open.moved(against, SLIPPED_DECIMALS)
    }

    /// What an execution worth `gross` costs.
    pub(super) fn commission(&self, gross: Money) -> Result<Money, AmountError> {
        gross.times_rounded(self.commission_rate, COMMISSION_DECIMALS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_that_make_no_sense_are_refused() {
        let rate = |text: &str| text.parse::<Ratio>().expect("a ratio");
        assert!(PaperModel::new(9_999, rate("0.999")).is_ok());
        assert_eq!(
            PaperModel::new(10_000, Ratio::ZERO),
            Err(ModelError::Slippage(10_000))
        );
        for bad in ["1", "-0.001"] {
            assert_eq!(
                PaperModel::new(0, rate(bad)),
                Err(ModelError::CommissionRate(rate(bad)))
            );
        }
    }
}
