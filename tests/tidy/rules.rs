//! What may not be said where. Own words that a rule looks for are put together from halves, so
//! that the rules can be held against this file too.

use super::Finding;
use super::source::{Source, is_word};

const LINES_MAX: usize = 500;
/// Written by a program, as the page beside it says; may be as long as that makes it.
const GENERATED: &str = "tests/store/kurrent_double/generated/";
const PURE: [&str; 3] = ["src/values/", "src/events/catalogue/", "src/domain/"];
const EXACT: [&str; 3] = ["src/values/", "src/domain/", "src/events/"];
const SQL_HOMES: [&str; 5] = [
    "src/events/",
    "src/projections/",
    "src/identity/",
    "src/sqlite/",
    "src/venues/",
];

/// Clocks, randomness, tasks and IO.
const IMPURE: [&str; 23] = [
    "Utc::now",
    "Local::now",
    "SystemTime",
    "Instant",
    "new_v4",
    "now_v7",
    "rand",
    "runtime",
    "tokio",
    "actix",
    "sqlx",
    "rusqlite",
    "tracing",
    "async",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "println",
    "eprintln",
    "fail_point",
];
const SQL: [&str; 10] = [
    "SELECT ",
    "INSERT INTO",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE TRIGGER",
    "ALTER TABLE",
    "DROP TABLE",
    "BEGIN IMMEDIATE",
    "PRAGMA ",
];
const PANICS: [&str; 6] = [
    ".unwrap()",
    ".expect(",
    "panic!(",
    "unreachable!(",
    "todo!(",
    "unimplemented!(",
];
const NOTES: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
];
const FOREIGN: [&str; 8] = [
    concat!("/wo", "rk/"),
    concat!("/tmp/", "wt"),
    concat!("../", "shared"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("this ", "session"),
    concat!("sub", "agent"),
    concat!("ste", "ering"),
];

/// Whether `line` names `what`, a word or a path, as a whole.
pub fn mentions(line: &str, what: &str) -> bool {
    line.match_indices(what).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + what.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn at(file: &Source, line: usize, remedy: impl Into<String>) -> Finding {
    Finding {
        path: file.path.clone(),
        line,
        remedy: remedy.into(),
    }
}

/// The lines among `lines` where `broken` says what to do.
fn broken_lines<'a>(
    file: &Source,
    lines: impl Iterator<Item = (usize, &'a str)>,
    broken: impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    lines
        .filter_map(|(number, line)| Some(at(file, number, broken(line)?)))
        .collect()
}

pub fn pure_code_stays_pure(file: &Source) -> Vec<Finding> {
    if !file.is_rust() || !file.is_under(&PURE) {
        return Vec::new();
    }
    broken_lines(file, file.code_lines(), |line| {
        let word = IMPURE.iter().find(|word| mentions(line, word))?;
        Some(format!(
            "`{word}` in pure code; time, ids and facts arrive in the command, everything else \
             belongs on a higher floor"
        ))
    })
}

/// Serde's trait makes whoever refuses floats name them.
const REFUSES_FLOATS: &str = "src/values/canonical/writer.rs";

pub fn no_floats_near_money(file: &Source) -> Vec<Finding> {
    if !file.is_rust() || !file.is_under(&EXACT) || file.path == REFUSES_FLOATS {
        return Vec::new();
    }
    broken_lines(file, file.code_lines(), |line| {
        let word = line.split(|c| !is_word(c)).find(|word| is_float(word))?;
        Some(format!(
            "`{word}` rounds without a word; use the decimals of values::amounts"
        ))
    })
}

/// `f64`, `1.5f64`, `to_f64`; but no hexadecimal number that ends so.
fn is_float(word: &str) -> bool {
    let stem = word
        .strip_suffix("f64")
        .or_else(|| word.strip_suffix("f32"));
    let ends =
        |stem: &str| stem.is_empty() || stem.ends_with(|c: char| c == '_' || c.is_ascii_digit());
    !word.starts_with("0x") && stem.is_some_and(ends)
}

pub fn sql_lives_with_the_stores(file: &Source) -> Vec<Finding> {
    let remedy = "SQL lives with the stores and the projections; add a named query there";
    if !file.path.starts_with("src/") || file.is_under(&SQL_HOMES) {
        return Vec::new();
    }
    if file.path.ends_with(".sql") {
        return vec![at(file, 1, remedy)];
    }
    if !file.is_rust() {
        return Vec::new();
    }
    let mut found = broken_lines(file, file.literal_lines(), |line| {
        let updates = line.contains("UPDATE ") && line.contains(" SET ");
        let speaks = updates || SQL.iter().any(|words| line.contains(words));
        speaks.then(|| remedy.to_owned())
    });
    found.extend(broken_lines(file, file.code_lines(), |line| {
        let client = ["sqlx", "rusqlite"];
        let named = client.iter().any(|client| mentions(line, client));
        named.then(|| remedy.to_owned())
    }));
    found
}

pub fn nothing_panics_in_the_product(file: &Source) -> Vec<Finding> {
    if !file.is_rust() || !file.path.starts_with("src/") {
        return Vec::new();
    }
    let product = file
        .code_lines()
        .filter(|(number, _)| !file.is_test_line(*number));
    broken_lines(file, product, |line| {
        let call = PANICS.iter().find(|call| line.contains(**call))?;
        Some(format!(
            "`{call}` ends an actor by surprise; return an error that names the remedy, or make \
             the case impossible by type"
        ))
    })
}

pub fn no_unbounded_sends(file: &Source) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    broken_lines(file, file.code_lines(), |line| {
        let call = concat!("do_", "send(");
        line.contains(call).then(|| {
            format!("`{call}` ignores the mailbox's capacity and loses messages; use try_send and answer the full case")
        })
    })
}

pub fn no_test_is_switched_off(file: &Source) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    broken_lines(file, file.code_lines(), |line| {
        line.contains("#[ignore").then(|| {
            "a test that never runs; mend it, delete it, or gate it by an environment variable \
             and say so when it is skipped"
                .to_owned()
        })
    })
}

pub fn no_test_sleeps(file: &Source) -> Vec<Finding> {
    if !file.path.starts_with("tests/") || !(file.is_rust() || file.path.ends_with(".py")) {
        return Vec::new();
    }
    broken_lines(file, file.code_lines(), |line| {
        mentions(line, "sleep").then(|| {
            "a test that waits for time to pass; wait for the event itself, or pause the clock"
                .to_owned()
        })
    })
}

pub fn no_notes_are_left(file: &Source) -> Vec<Finding> {
    broken_lines(file, file.lines(), |line| {
        let note = NOTES.iter().find(|note| mentions(line, note))?;
        Some(format!(
            "`{note}`: do it now, or say what is missing in the docs"
        ))
    })
}

pub fn files_stay_small(file: &Source) -> Vec<Finding> {
    let is_program = file.is_rust() || file.path.ends_with(".py");
    let is_program = is_program && !file.path.starts_with(GENERATED);
    let count = file.lines().count();
    match is_program && count > LINES_MAX {
        true => vec![at(
            file,
            LINES_MAX + 1,
            format!("{count} lines; split it by subject, at most {LINES_MAX} a file"),
        )],
        false => Vec::new(),
    }
}

pub fn nothing_foreign_is_mentioned(file: &Source) -> Vec<Finding> {
    broken_lines(file, file.lines(), |line| {
        let lower = line.to_lowercase();
        let word = FOREIGN
            .iter()
            .find(|word| starts_a_path_or_word(&lower, word));
        if let Some(word) = word {
            return Some(format!(
                "`{word}` means nothing to a reader elsewhere; use a path relative to the \
                 repository, or an environment variable"
            ));
        }
        let has_styles = file.path.ends_with(".css") || file.path.ends_with(".html");
        (!has_styles && names_an_issue(&lower))
            .then(|| "an issue's number says nothing here; say what it is about".to_owned())
    })
}

/// Whether `what` stands in `line` other than inside of a longer path or word.
fn starts_a_path_or_word(line: &str, what: &str) -> bool {
    line.match_indices(what)
        .any(|(start, _)| !line[..start].ends_with(is_word))
}

/// The word before a number, or a `#` before a number that stands alone.
fn names_an_issue(line: &str) -> bool {
    let number_after = |rest: &str| {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        digits > 0 && !rest[digits..].starts_with(is_word)
    };
    let by_word = line
        .match_indices("issue ")
        .any(|(start, word)| number_after(&line[start + word.len()..]));
    let by_sign = line.match_indices('#').any(|(start, _)| {
        let before = line[..start].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || c == '(') && number_after(&line[start + 1..])
    });
    by_word || by_sign
}

/// Targets that a Makefile has.
pub fn make_targets(makefile: &str) -> Vec<String> {
    let rules = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', ' ', '#', '.']));
    rules
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.starts_with('='))
        .flat_map(|(names, _)| names.split_whitespace())
        .map(str::to_owned)
        .collect()
}

pub fn make_targets_exist(file: &Source, targets: &[String]) -> Vec<Finding> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let commands: Vec<&str> = match fenced {
            true => vec![line.trim_start().trim_start_matches("$ ")],
            false => line.split('`').skip(1).step_by(2).collect(),
        };
        let named = commands
            .into_iter()
            .filter_map(|command| command.strip_prefix("make "));
        let unknown = named
            .flat_map(called_targets)
            .filter(|name| !targets.iter().any(|t| t == name));
        found.extend(unknown.map(|name| {
            at(
                file,
                number,
                format!("the Makefile has no target `{name}`; add it, or name another"),
            )
        }));
    }
    found
}

/// The targets among the arguments of make: up to a comment or another command, no settings.
fn called_targets(arguments: &str) -> impl Iterator<Item = &str> {
    arguments
        .split_whitespace()
        .take_while(|word| !word.starts_with(['#', '&', '|', ';', '<', '>']))
        .filter(|word| !word.contains('=') && !word.starts_with('-'))
}
