//! Decimal amounts: money, price, quantity.
//!
//! Arithmetic is checked and exact: an operation whose exact result needs more digits than the
//! type holds is an error, never a silent rounding. Rounding happens only where a rule asks for
//! it, half to even, through a method that says so. On the wire and in the log an amount is
//! normalised text: no exponent, no trailing zeros, no negative zero.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most decimals an amount may carry. Products of two amounts stay within rust_decimal's 28
/// digits of scale, which is what makes exact multiplication checkable.
pub const DECIMALS_MAX: u32 = 12;

/// Largest magnitude an amount may have: below 10^15.
const MAGNITUDE_LIMIT: i64 = 1_000_000_000_000_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("{text:?} is not a decimal number; write it like 12.5, without exponent")]
    NotDecimal { text: String },
    #[error("{text} has {found} decimals; at most {allowed} are allowed")]
    TooPrecise {
        text: String,
        found: u32,
        allowed: u32,
    },
    #[error("{text} is out of range; amounts stay below 10^15")]
    OutOfRange { text: String },
    #[error("division by zero")]
    DivisionByZero,
}

/// Accepts `value` when it is in range and exact within [`DECIMALS_MAX`].
fn accept(value: Decimal) -> Result<Decimal, AmountError> {
    let value = value.normalize();
    if value.scale() > DECIMALS_MAX {
        return Err(AmountError::TooPrecise {
            text: value.to_string(),
            found: value.scale(),
            allowed: DECIMALS_MAX,
        });
    }
    if value.abs() >= Decimal::from(MAGNITUDE_LIMIT) {
        return Err(AmountError::OutOfRange {
            text: value.to_string(),
        });
    }
    Ok(value)
}

fn parse(text: &str) -> Result<Decimal, AmountError> {
    let not_decimal = || AmountError::NotDecimal {
        text: text.chars().take(64).collect(),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = match unsigned.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(unsigned),
    };
    if text.len() > 64 || !plain {
        return Err(not_decimal());
    }
    // What is left to fail is its size.
    let value = Decimal::from_str_exact(text).map_err(|_| AmountError::OutOfRange {
        text: text.to_owned(),
    })?;
    accept(value)
}

fn overflow() -> AmountError {
    AmountError::OutOfRange {
        text: "the result".to_owned(),
    }
}

/// `a * b`, exact or an error: both factors carry at most 12 decimals, so the product's scale
/// fits, and a mantissa past 96 bits shows as overflow.
fn exact_product(a: Decimal, b: Decimal) -> Result<Decimal, AmountError> {
    let scale = a.scale() + b.scale();
    let product = a.checked_mul(b).ok_or_else(overflow)?;
    // rust_decimal lowers the scale, rounding, when the mantissa does not fit.
    if product.scale() < scale && !a.is_zero() && !b.is_zero() {
        return Err(overflow());
    }
    Ok(product)
}

fn round_half_even(value: Decimal, decimals: u32) -> Decimal {
    value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven)
}

/// `value * numerator / denominator`, rounded half to even to `decimals` in one step.
fn scaled(
    value: Decimal,
    numerator: Decimal,
    denominator: Decimal,
    decimals: u32,
) -> Result<Decimal, AmountError> {
    if denominator.is_zero() {
        return Err(AmountError::DivisionByZero);
    }
    let product = value.checked_mul(numerator).ok_or_else(overflow)?;
    let quotient = product.checked_div(denominator).ok_or_else(overflow)?;
    accept(round_half_even(quotient, decimals))
}

macro_rules! amounts {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        // Normalised: no leading and no trailing zeros, no negative zero.
        #[schemars(extend(
            "pattern" = r"^(0|-?([1-9][0-9]{0,14}|0\.[0-9]{0,11}[1-9]|[1-9][0-9]{0,14}\.[0-9]{0,11}[1-9]))$"
        ))]
        pub struct $name(Decimal);

        impl $name {
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Takes a computed value; refuses one that is out of range or too precise.
            pub fn new(value: Decimal) -> Result<Self, AmountError> {
                accept(value).map(Self)
            }

            pub fn decimal(self) -> Decimal {
                self.0
            }

            pub fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            pub fn is_positive(self) -> bool {
                self.0 > Decimal::ZERO
            }

            pub fn is_negative(self) -> bool {
                self.0 < Decimal::ZERO
            }

            /// Decimals after normalisation.
            pub fn decimals(self) -> u32 {
                self.0.scale()
            }

            pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
                accept(self.0.checked_add(other.0).ok_or_else(overflow)?).map(Self)
            }

            pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
                accept(self.0.checked_sub(other.0).ok_or_else(overflow)?).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = AmountError;
            fn from_str(text: &str) -> Result<Self, AmountError> {
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = AmountError;
            fn try_from(text: String) -> Result<Self, AmountError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(amount: $name) -> String {
                amount.to_string()
            }
        }
    )+};
}

amounts! {
    /// An amount of an account's currency; negative when owed.
    Money;
    /// Money for one unit of an instrument.
    Price;
    /// Units of an instrument; negative only as a short position.
    Quantity;
    /// A pure number: a rate, a share, a distance. 0.001 is a tenth of a percent.
    Ratio;
}

impl Price {
    /// `self * numerator / denominator`, half-even to `decimals`: how a split or dividend
    /// adjustment changes a price.
    pub fn adjusted(
        self,
        numerator: Decimal,
        denominator: Decimal,
        decimals: u32,
    ) -> Result<Self, AmountError> {
        scaled(self.0, numerator, denominator, decimals).map(Self)
    }

    /// The price moved by `basis_points` (1/100 of a percent), half-even to `decimals`.
    pub fn moved(self, basis_points: i64, decimals: u32) -> Result<Self, AmountError> {
        let numerator = Decimal::from(10_000 + basis_points);
        scaled(self.0, numerator, Decimal::from(10_000), decimals).map(Self)
    }

    /// |self - reference| / reference, or `None` for a reference of zero or a result out of range;
    /// rounded half to even to six decimals.
    pub fn relative_distance(self, reference: Self) -> Option<Ratio> {
        let distance = (self.0 - reference.0).abs().checked_div(reference.0)?;
        Ratio::new(round_half_even(distance, 6)).ok()
    }
}

impl Quantity {
    /// `self * price`, exact.
    pub fn times(self, price: Price) -> Result<Money, AmountError> {
        Money::new(exact_product(self.0, price.0)?)
    }

    #[must_use]
    pub fn negated(self) -> Self {
        Self((-self.0).normalize())
    }

    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

impl Money {
    /// `self * factor`, half-even to `decimals`.
    pub fn times_rounded(self, factor: Ratio, decimals: u32) -> Result<Self, AmountError> {
        let product = self.0.checked_mul(factor.0).ok_or_else(overflow)?;
        accept(round_half_even(product, decimals)).map(Self)
    }

    /// The part of `self` that belongs to `part` of `whole`, half-even to `decimals`.
    /// The whole of it is exactly `self`.
    pub fn share(
        self,
        part: Quantity,
        whole: Quantity,
        decimals: u32,
    ) -> Result<Self, AmountError> {
        if part == whole {
            return Ok(self);
        }
        scaled(self.0, part.0, whole.0, decimals).map(Self)
    }

    /// (`highest` - `self`) / `highest`, half-even to six decimals: how far it has come down from
    /// there. Zero where `highest` is not above zero.
    pub fn share_below(self, highest: Self) -> Result<Ratio, AmountError> {
        const MILLION: i128 = 1_000_000;
        if !highest.is_positive() {
            return Ok(Ratio::ZERO);
        }
        let lost = highest.checked_sub(self)?;
        // Whole numbers of the same unit, below 10^27: nothing is rounded but the result.
        let whole = |amount: Self| {
            let missing_decimals = DECIMALS_MAX - amount.0.scale();
            amount.0.mantissa() * 10_i128.pow(missing_decimals)
        };
        let (lost, highest) = (whole(lost) * MILLION, whole(highest));
        let (quotient, rest) = (lost.div_euclid(highest), lost.rem_euclid(highest));
        let up = match (rest * 2).cmp(&highest) {
            Ordering::Greater => 1,
            Ordering::Equal => quotient % 2,
            Ordering::Less => 0,
        };
        let share = Decimal::try_from_i128_with_scale(quotient + up, 6);
        accept(share.map_err(|_| overflow())?).map(Ratio)
    }

    /// Largest whole quantity that `self` pays for at `price`.
    pub fn whole_units_at(self, price: Price) -> Result<Quantity, AmountError> {
        if price.0.is_zero() {
            return Err(AmountError::DivisionByZero);
        }
        let quotient = self.0.checked_div(price.0).ok_or_else(overflow)?;
        let mut units = quotient.floor();
        // Division rounds at 28 digits: step back when that lifted us over the exact quotient.
        if exact_product(accept(units)?, price.0)? > self.0 {
            units -= Decimal::ONE;
        }
        Quantity::new(units)
    }

    #[must_use]
    pub fn negated(self) -> Self {
        Self((-self.0).normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(text: &str) -> Money {
        text.parse().expect("money")
    }

    fn price(text: &str) -> Price {
        text.parse().expect("a price")
    }

    fn quantity(text: &str) -> Quantity {
        text.parse().expect("a quantity")
    }

    #[test]
    fn text_is_normalised_and_bounded() {
        assert_eq!(money("100.00").to_string(), "100");
        assert_eq!(money("-0.0").to_string(), "0");
        assert_eq!(money("-1.50").to_string(), "-1.5");
        for bad in [
            "", "1e5", "+1", ".5", "5.", "1_000", "NaN", "1.2.3", "--1", "0x10",
        ] {
            assert!(
                matches!(bad.parse::<Money>(), Err(AmountError::NotDecimal { .. })),
                "{bad}"
            );
        }
        assert!(matches!(
            "0.1234567890123".parse::<Price>(),
            Err(AmountError::TooPrecise { found: 13, .. })
        ));
        assert!(matches!(
            "1000000000000000".parse::<Price>(),
            Err(AmountError::OutOfRange { .. })
        ));
        assert!(matches!(
            "99999999999999999999999999999999999".parse::<Price>(),
            Err(AmountError::OutOfRange { .. })
        ));
    }

    #[test]
    fn a_product_that_does_not_fit_is_an_error_and_never_rounded() {
        assert_eq!(quantity("3").times(price("1.2345")), Ok(money("3.7035")));
        assert!(quantity("0.000000000001").times(price("0.1")).is_err());
        assert!(quantity("99999999999999").times(price("1000")).is_err());
    }

    #[test]
    fn rounding_is_half_to_even() {
        let factor: Ratio = "0.001".parse().expect("a ratio");
        let one: Ratio = "1".parse().expect("a ratio");
        assert_eq!(money("2.5").times_rounded(one, 0), Ok(money("2")));
        assert_eq!(money("3.5").times_rounded(one, 0), Ok(money("4")));
        assert_eq!(money("125").times_rounded(factor, 2), Ok(money("0.12")));
        assert_eq!(money("135").times_rounded(factor, 2), Ok(money("0.14")));
    }

    #[test]
    fn whole_units_never_cost_more_than_there_is() {
        assert_eq!(
            money("25000").whole_units_at(price("3.3333")),
            Ok(quantity("7500"))
        );
        assert_eq!(money("10").whole_units_at(price("10")), Ok(quantity("1")));
        assert_eq!(money("9.99").whole_units_at(price("10")), Ok(quantity("0")));
        assert!(money("1").whole_units_at(price("0")).is_err());
    }

    #[test]
    fn a_share_below_is_rounded_once_half_to_even() {
        let share = |amount: &str, highest: &str| {
            let share = money(amount).share_below(money(highest));
            share.map(|share| share.to_string())
        };
        assert_eq!(share("150", "200"), Ok("0.25".to_owned()));
        assert_eq!(share("2", "3"), Ok("0.333333".to_owned()));
        assert_eq!(share("1", "3"), Ok("0.666667".to_owned()));
        // Exactly half-way, down and up; and the least bit beyond.
        assert_eq!(share("1999999", "2000000"), Ok("0".to_owned()));
        assert_eq!(share("1999997", "2000000"), Ok("0.000002".to_owned()));
        assert_eq!(
            share("1999998.999999999999", "2000000"),
            Ok("0.000001".to_owned())
        );
        assert_eq!(share("5", "5"), Ok("0".to_owned()));
        assert_eq!(share("-1", "4"), Ok("1.25".to_owned()));
        for highest in ["0", "-3"] {
            assert_eq!(share("-5", highest), Ok("0".to_owned()));
        }
        let most = "999999999999999.999999999999";
        assert_eq!(share("0.000000000001", most), Ok("1".to_owned()));
    }

    proptest! {
        #[test]
        fn text_round_trips(mantissa in -1_000_000_000_000i64..1_000_000_000_000, scale in 0u32..=12) {
            let amount = Money::new(Decimal::new(mantissa, scale)).expect("in range");
            prop_assert_eq!(amount.to_string().parse::<Money>(), Ok(amount));
        }

        #[test]
        fn shares_add_up(total in 0i64..1_000_000_000, part in 1i64..1000, rest in 1i64..1000) {
            let total = Money::new(Decimal::new(total, 4)).expect("money");
            let (part, rest) = (Quantity::new(part.into()).expect("q"), Quantity::new(rest.into()).expect("q"));
            let whole = part.checked_add(rest).expect("sum");
            let taken = total.share(part, whole, 4).expect("share");
            let left = total.checked_sub(taken).expect("left");
            prop_assert_eq!(left.share(rest, rest, 4).expect("rest").checked_add(taken).expect("sum"), total);
        }
    }
}
