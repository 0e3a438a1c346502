//! Points in time, as they arrive in commands and stand in events.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// UTC time in whole microseconds; as text RFC 3339 with six decimals and `Z`.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "date-time", "pattern" = r"\.[0-9]{6}Z$"))]
pub struct Timestamp(i64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time; write it like 2026-01-31T09:30:00.000000Z")]
pub struct TimeError {
    text: String,
}

impl Timestamp {
    /// `micros`: microseconds since 1970-01-01T00:00:00Z. Out of chrono's range is refused.
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::<Utc>::from_timestamp_micros(micros).map(|_| Self(micros))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Microseconds from `earlier` to here; negative when `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// That much later, or the last time there is.
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(by))
            .unwrap_or(Self(DateTime::<Utc>::MAX_UTC.timestamp_micros()))
    }

    fn datetime(self) -> DateTime<Utc> {
        DateTime::<Utc>::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

impl Timestamp {
    /// When its day begins, in UTC.
    pub fn midnight(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY_MICROS))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.datetime().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        DateTime::parse_from_rfc3339(text)
            .map(|time| Self(time.timestamp_micros()))
            .map_err(|_| TimeError {
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> String {
        time.to_string()
    }
}

/// The trading day of a daily bar, exchange-local, `YYYY-MM-DD`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "date"))]
pub struct BarDate(NaiveDate);

impl BarDate {
    /// The last day that has four digits for its year.
    const LAST: Option<NaiveDate> = NaiveDate::from_ymd_opt(9999, 12, 31);

    /// Whole days since `earlier`; 0 when that is later.
    pub fn days_since(self, earlier: Self) -> u64 {
        let days = self.0.signed_duration_since(earlier.0).num_days();
        u64::try_from(days).unwrap_or_default()
    }

    /// The same weekday so many weeks later; `None` past the year 9999, which text cannot hold.
    pub fn plus_weeks(self, weeks: u64) -> Option<Self> {
        let later = self.0.checked_add_days(Days::new(weeks.checked_mul(7)?))?;
        (Some(later) <= Self::LAST).then_some(Self(later))
    }

    /// When a daily bar counts as complete: the end of its day in UTC. Recorded daily data says
    /// no more than the day, so this is a convention, not the exchange's closing time.
    pub fn close_time(self) -> Timestamp {
        Timestamp(self.midnight().0 + DAY_MICROS - 1)
    }

    /// When the day begins, in UTC.
    pub fn midnight(self) -> Timestamp {
        let midnight = self.0.and_time(chrono::NaiveTime::MIN).and_utc();
        Timestamp(midnight.timestamp_micros())
    }
}

impl fmt::Display for BarDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d").fmt(f)
    }
}

impl FromStr for BarDate {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let strict = text.len() == 10;
        match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(date) if strict => Ok(Self(date)),
            _ => Err(TimeError {
                text: text.to_owned(),
            }),
        }
    }
}

impl TryFrom<String> for BarDate {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<BarDate> for String {
    fn from(date: BarDate) -> String {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_microseconds_through_text() {
        let time: Timestamp = "2026-01-31T09:30:00.000001Z".parse().expect("a time");
        assert_eq!(time.to_string(), "2026-01-31T09:30:00.000001Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_daily_bar_closes_with_its_day() {
        let date: BarDate = "2000-03-01".parse().expect("a date");
        assert_eq!(date.close_time().to_string(), "2000-03-01T23:59:59.999999Z");
        assert!("2000-3-1".parse::<BarDate>().is_err());
        assert!("2000-02-30".parse::<BarDate>().is_err());
    }
}
