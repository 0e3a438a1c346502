//! Short market data, cut out of the recorded one.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// Every bar of the built-in data.
pub const BUILT_IN_BARS: u64 = 10_006;

/// Days in which every symbol crosses at least once.
const FROM: &str = "2005-05-06";
const TO: &str = "2005-07-20";
/// What [`short`] holds, as counted by the second implementation.
pub const SHORT_BARS: u64 = 312;
pub const SHORT_SIGNALS: u64 = 14;
pub const SHORT_REFUSALS: u64 = 3;

/// The recorded data as it is shipped.
pub fn built_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/us_wiki_daily.csv.gz")
}

fn recorded() -> String {
    let file = std::fs::File::open(built_in()).expect("the recorded data");
    let mut text = String::new();
    let mut unpacked = GzDecoder::new(file);
    unpacked.read_to_string(&mut text).expect("unpacks");
    text
}

/// Three symbols over 52 days, each twice, so that six strategies' worth of buys run into the
/// limit of the cash: 14 signals, 11 fills, 3 refusals.
pub fn short() -> String {
    cut(FROM, TO, &["", ".B"])
}

/// The same days with each symbol once.
pub fn other() -> String {
    cut(FROM, TO, &[""])
}

/// The rows of `from..=to`, once for each suffix of the symbol.
fn cut(from: &str, to: &str, suffixes: &[&str]) -> String {
    let text = recorded();
    let mut lines = text.lines();
    let mut out = format!("{}\n", lines.next().expect("a header"));
    for line in lines {
        let (symbol, rest) = line.split_once(',').expect("a symbol");
        let date = &rest[..from.len()];
        if date < from || date > to {
            continue;
        }
        for suffix in suffixes {
            out.push_str(&format!("{symbol}{suffix},{rest}\n"));
        }
    }
    out
}

/// Writes `text` under the one name that all tests use: the name stands in the log.
pub fn write(dir: &Path, text: &str) -> PathBuf {
    let file = dir.join("cut.csv");
    std::fs::write(&file, text).expect("writes the data");
    file
}
