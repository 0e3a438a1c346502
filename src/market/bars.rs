//! Daily bars from a CSV file, adjusted for splits and dividends.
//!
//! Entry point: [`Dataset::load`]. A file is read and checked as a whole before any of it is used;
//! the first thing wrong with it is named with its line and column.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::events::catalogue::Bar;
use crate::values::{BarDate, Price, Symbol};

/// Columns of the file, in this order.
const COLUMNS: [&str; 8] = [
    "symbol",
    "date",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "adj_close",
];
/// Decimals of an adjusted price.
const PRICE_DECIMALS: u32 = 4;
/// Largest file, unpacked.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// First bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One bar of one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarRow {
    pub symbol: Symbol,
    pub bar: Bar,
}

/// Bars in playing order: by date, then by symbol.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The file's name and the first digits of its SHA-256, for example `us_wiki_daily@1a2b3c4d`.
    pub source: String,
    pub rows: Vec<BarRow>,
}

/// Why a data file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("{file}: {source}")]
    Unreadable {
        file: String,
        source: std::io::Error,
    },
    #[error("{file}: larger than {} MiB unpacked", FILE_BYTES_MAX >> 20)]
    TooLarge { file: String },
    #[error("{file}: no rows; a header and at least one bar are wanted")]
    Empty { file: String },
    #[error("{file}, line {line}, column {column}: found {found:?}, expected {expected}")]
    Malformed {
        file: String,
        line: u64,
        column: &'static str,
        found: String,
        expected: String,
    },
}

impl Dataset {
    /// Reads a CSV file, plain or gzip.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| DataError::Unreadable {
            file: file.clone(),
            source,
        })?;
        let name = path
            .file_name()
            .map_or(file.as_str(), |name| name.to_str().unwrap_or("data"));
        Self::parse(&file, name, &bytes)
    }

    /// Reads the bytes of such a file. `file` is what errors call it; `name` stands in the source.
    pub fn parse(file: &str, name: &str, bytes: &[u8]) -> Result<Self, DataError> {
        let text = unpacked(file, bytes)?;
        let mut rows = Parser { file }.rows(&text)?;
        if rows.is_empty() {
            return Err(DataError::Empty {
                file: file.to_owned(),
            });
        }
        rows.sort_by(|a, b| match a.bar.date.cmp(&b.bar.date) {
            Ordering::Equal => a.symbol.cmp(&b.symbol),
            different => different,
        });
        let digest = hex::encode(Sha256::digest(&text));
        let stem = name.split('.').next().unwrap_or(name);
        Ok(Self {
            source: format!("{stem}@{}", &digest[..8]),
            rows,
        })
    }

    pub fn symbols(&self) -> BTreeSet<&Symbol> {
        self.rows.iter().map(|row| &row.symbol).collect()
    }
}

fn unpacked(file: &str, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    let mut text = Vec::new();
    let limited = FILE_BYTES_MAX + 1;
    let read = match bytes.starts_with(&GZIP_MAGIC) {
        true => GzDecoder::new(bytes).take(limited).read_to_end(&mut text),
        false => bytes.take(limited).read_to_end(&mut text),
    };
    read.map_err(|source| DataError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(DataError::TooLarge {
            file: file.to_owned(),
        });
    }
    Ok(text)
}

struct Parser<'a> {
    file: &'a str,
}

impl Parser<'_> {
    fn rows(&self, text: &[u8]) -> Result<Vec<BarRow>, DataError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let mut rows = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|error| self.not_csv(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            if index == 0 {
                self.check_header(&record, line)?;
                continue;
            }
            let row = self.row(&record, line)?;
            if !seen.insert((row.bar.date, row.symbol.clone())) {
                let found = format!("{} {}", row.symbol, row.bar.date);
                return Err(self.malformed(line, "date", found, "each symbol and date only once"));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn malformed(
        &self,
        line: u64,
        column: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> DataError {
        let found: String = found.into();
        DataError::Malformed {
            file: self.file.to_owned(),
            line,
            column,
            found: found.chars().take(64).collect(),
            expected: expected.into(),
        }
    }

    fn not_csv(&self, error: &csv::Error) -> DataError {
        let line = error.position().map_or(0, csv::Position::line);
        let expected = match error.kind() {
            ErrorKind::Utf8 { .. } => "UTF-8 text",
            _ => "comma-separated text",
        };
        self.malformed(line, "(all)", error.to_string(), expected)
    }

    fn check_header(&self, record: &StringRecord, line: u64) -> Result<(), DataError> {
        for (index, name) in COLUMNS.iter().enumerate() {
            let found = record.get(index).unwrap_or("(nothing)");
            if found != *name {
                return Err(self.malformed(
                    line,
                    name,
                    found,
                    format!("the header {}", COLUMNS.join(",")),
                ));
            }
        }
        Ok(())
    }

    fn row(&self, record: &StringRecord, line: u64) -> Result<BarRow, DataError> {
        if let Some(extra) = record.get(COLUMNS.len()) {
            let expected = format!("the end of the line after {} columns", COLUMNS.len());
            return Err(self.malformed(line, "(after adj_close)", extra, expected));
        }
        if let Some(missing) = COLUMNS.get(record.len()) {
            return Err(self.malformed(line, missing, "(nothing)", "a value"));
        }
        let field = |index: usize| record.get(index).unwrap_or_default();
        let symbol = Symbol::new(field(0))
            .map_err(|error| self.malformed(line, COLUMNS[0], field(0), error.to_string()))?;
        let date: BarDate = field(1)
            .parse()
            .map_err(|_| self.malformed(line, COLUMNS[1], field(1), "a date YYYY-MM-DD"))?;
        let volume: u64 = field(6)
            .parse()
            .map_err(|_| self.malformed(line, COLUMNS[6], field(6), "a whole number"))?;
        let price = |index: usize| self.price(line, COLUMNS[index], field(index));
        let (close, adj_close) = (price(5)?, self.adjusted_close(line, field(7))?);
        let adjusted = |index: usize| {
            let adjusted = price(index)?.adjusted(adj_close, close.decimal(), PRICE_DECIMALS);
            match adjusted {
                Ok(adjusted) if adjusted.is_positive() => Ok(adjusted),
                _ => Err(self.malformed(
                    line,
                    COLUMNS[index],
                    field(index),
                    "a price that stays above 0 and in range when adjusted",
                )),
            }
        };
        let bar = Bar {
            date,
            open: adjusted(2)?,
            high: adjusted(3)?,
            low: adjusted(4)?,
            close: adjusted(5)?,
            volume,
        };
        Ok(BarRow { symbol, bar })
    }

    fn price(&self, line: u64, column: &'static str, text: &str) -> Result<Price, DataError> {
        match text.parse::<Price>() {
            Ok(price) if price.is_positive() => Ok(price),
            _ => Err(self.malformed(line, column, text, "a decimal number above 0")),
        }
    }

    /// The vendor gives more digits here than an amount may have: it is a factor, not a price.
    fn adjusted_close(&self, line: u64, text: &str) -> Result<rust_decimal::Decimal, DataError> {
        let plain = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        match rust_decimal::Decimal::from_str_exact(text) {
            Ok(value) if plain && value > rust_decimal::Decimal::ZERO => Ok(value),
            _ => Err(self.malformed(line, COLUMNS[7], text, "a decimal number above 0")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "symbol,date,open,high,low,close,volume,adj_close";

    fn parse(lines: &[&str]) -> Result<Dataset, DataError> {
        let text = [&[HEADER], lines].concat().join("\n");
        Dataset::parse("bars.csv", "bars.csv", text.as_bytes())
    }

    fn error(lines: &[&str]) -> String {
        parse(lines).expect_err("malformed").to_string()
    }

    #[test]
    fn rows_are_merged_by_date_then_symbol_and_adjusted_half_even() {
        let data = parse(&[
            "B,2020-01-02,10,12,8,10,5,5",
            "B,2020-01-03,10,10,10,10,5,10",
            "A,2020-01-03,3,3,3,3,5,0.00025",
        ]);
        let data = data.expect("well formed");
        let order: Vec<_> = data
            .rows
            .iter()
            .map(|row| (row.symbol.as_str(), row.bar.date.to_string()))
            .collect();
        let expected = [
            ("B", "2020-01-02"),
            ("A", "2020-01-03"),
            ("B", "2020-01-03"),
        ];
        assert_eq!(
            order,
            expected.map(|(symbol, date)| (symbol, date.to_owned()))
        );
        let first = &data.rows[0].bar;
        let prices =
            [first.open, first.high, first.low, first.close].map(|price| price.to_string());
        assert_eq!(prices, ["5", "6", "4", "5"]);
        // 0.00025 is half-way between 0.0002 and 0.0003.
        assert_eq!(data.rows[1].bar.close.to_string(), "0.0002");
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_and_column() {
        let good = "A,2020-01-02,1,1,1,1,5,1";
        for (bad, line, column) in [
            ("A,2020-01-03,x,1,1,1,5,1", 3, "open"),
            ("A,2020-01-03,1,1,1,1,5,1e5", 3, "adj_close"),
            ("A,2020-01-03,1,1,1,0,5,1", 3, "close"),
            ("A,2020-01-03,1,-1,1,1,5,1", 3, "high"),
            ("A,2020-1-3,1,1,1,1,5,1", 3, "date"),
            ("A,2020-01-03,1,1,1,1,5.5,1", 3, "volume"),
            ("A A,2020-01-03,1,1,1,1,5,1", 3, "symbol"),
            ("A,2020-01-03,1,1,1", 3, "close"),
            ("A,2020-01-03,1,1,1,1,5,1,9", 3, "(after adj_close)"),
            (good, 3, "date"),
        ] {
            let message = error(&[good, bad]);
            let place = format!("bars.csv, line {line}, column {column}: found");
            assert!(message.starts_with(&place), "{bad}: {message}");
            assert!(message.contains("expected"), "{message}");
        }
    }

    #[test]
    fn a_file_that_is_no_such_csv_is_refused() {
        let wrong_header = Dataset::parse("x.csv", "x.csv", b"a,b\n1,2\n").expect_err("header");
        assert!(
            wrong_header.to_string().contains("line 1, column symbol"),
            "{wrong_header}"
        );
        assert!(matches!(parse(&[]), Err(DataError::Empty { .. })));
        assert!(matches!(
            Dataset::parse("x", "x", b""),
            Err(DataError::Empty { .. })
        ));
        let not_text = Dataset::parse("x", "x", &[HEADER.as_bytes(), b"\n\xff\xfe,1"].concat());
        assert!(
            not_text
                .expect_err("not UTF-8")
                .to_string()
                .contains("UTF-8")
        );
        let broken_gzip = Dataset::parse("x.gz", "x.gz", &[0x1f, 0x8b, 1, 2]);
        assert!(matches!(broken_gzip, Err(DataError::Unreadable { .. })));
        assert!(matches!(
            Dataset::load(Path::new("no/such/file")),
            Err(DataError::Unreadable { .. })
        ));
    }
}
