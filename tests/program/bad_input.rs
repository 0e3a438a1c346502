//! Wrong command lines, configurations and data files: said clearly, and nothing is touched.

use std::path::Path;
use std::process::Command;

use crate::data;
use crate::support::*;

fn in_empty_dir(arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = blotter(arguments);
    command
        .current_dir(dir.path())
        .envs(environment.iter().copied());
    let ran = finish(&mut command);
    let left = std::fs::read_dir(dir.path()).expect("reads").count();
    assert_eq!(left, 0, "{arguments:?} left something behind: {ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    ran
}

#[test]
fn wrong_usage_is_answered_with_what_is_allowed() {
    let cases: [(&[&str], &[&str]); 9] = [
        (&[], &["Usage: blotter", "demo"]),
        (
            &["trade"],
            &["unrecognized subcommand 'trade'", "Usage: blotter"],
        ),
        (
            &["demo", "--fast"],
            &["unexpected argument '--fast'", "Usage: blotter demo"],
        ),
        (
            &["demo", "--speed", "fast"],
            &[
                "--speed: found \"fast\"",
                "allowed: \"max\", or bars a second",
            ],
        ),
        (
            &["demo", "--speed", "0"],
            &["--speed: found \"0\"", "allowed: \"max\""],
        ),
        (
            &["events", "--type", "OrderFlown"],
            &["'OrderFlown'", "--type", "allowed: ", "OrderApproved"],
        ),
        (
            &["events", "--after", "-1"],
            &["invalid value '-1'", "--after <POSITION>"],
        ),
        (
            &["version", "--log-format", "xml"],
            &["'xml'", "possible values: text, json"],
        ),
        (
            &["version", "--log-level", "demo=loud"],
            &["--log-level", "allowed: error, warn, info"],
        ),
    ];
    for (arguments, parts) in cases {
        in_empty_dir(arguments, &[]).refused(2, parts);
    }
}

#[test]
fn every_configuration_problem_is_listed_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("blotter.toml");
    let text = "nod = \"a\"\n\n[paper]\nslippage_bps = 5000\n\n[market]\ndata = \"\"\n";
    std::fs::write(&file, text).expect("writes");
    let name = file.to_str().expect("text");
    let environment = [
        ("BLOTTER_EVENT_STORE", "mysql://user:hunter2@host/db"),
        ("BLOTTER_PAPER_COMMISSION_RATE", "1.5"),
    ];
    let arguments = ["demo", "--config", name, "--speed", "-3"];
    let ran = in_empty_dir(&arguments, &environment);
    let places = [
        format!("error: {name}, line 1, nod: unknown key; allowed: node, "),
        format!("error: {name}, line 4, paper.slippage_bps: found \"5000\"; allowed: "),
        format!("error: {name}, line 7, market.data: it is empty; allowed: "),
        "error: BLOTTER_EVENT_STORE: unknown engine \"mysql\"; allowed: sqlite:PATH".to_owned(),
        "error: BLOTTER_PAPER_COMMISSION_RATE: ".to_owned(),
        "error: --speed: found \"-3\"; allowed: ".to_owned(),
    ];
    ran.refused(2, &places.each_ref().map(String::as_str));
    assert_eq!(ran.stderr.lines().count(), places.len(), "{ran:?}");
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
}

#[test]
fn a_missing_configuration_file_is_named() {
    in_empty_dir(&["version", "--config", "absent.toml"], &[]).refused(
        2,
        &["error: absent.toml: ", "allowed: a readable TOML file"],
    );
}

/// Plays a data file into a place that is not there yet, and asserts that it still is not.
fn play(file: &Path) -> Ran {
    let dir = tempfile::tempdir().expect("a directory");
    let data_dir = dir.path().join("data");
    let ran = finish(&mut demo(file, &data_dir));
    assert!(!data_dir.exists(), "{ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "one sentence: {ran:?}");
    ran
}

/// The short data with cell `column` of line `line` (counting from 1) replaced.
fn with_cell(line: usize, column: usize, text: &str) -> String {
    let mut lines: Vec<String> = data::short().lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = lines[line - 1].split(',').collect();
    cells[column] = text;
    lines[line - 1] = cells.join(",");
    lines.join("\n")
}

#[test]
fn a_malformed_data_file_is_named_with_line_and_column() {
    let cases = [
        (
            with_cell(1, 2, "first"),
            "line 1, column open: found \"first\", expected the header",
        ),
        (
            with_cell(7, 1, "2005-13-01"),
            "line 7, column date: found \"2005-13-01\", expected ",
        ),
        (
            with_cell(9, 5, "cheap"),
            "line 9, column close: found \"cheap\", expected ",
        ),
        (
            with_cell(12, 2, "-4"),
            "line 12, column open: found \"-4\", expected ",
        ),
        (
            with_cell(300, 6, "1.5"),
            "line 300, column volume: found \"1.5\", expected ",
        ),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    for (text, expected) in cases {
        let file = data::write(dir.path(), &text);
        play(&file).refused(1, &["cut.csv, ", expected]);
    }
    let header = data::short().lines().next().expect("a header").to_owned();
    let file = data::write(dir.path(), &header);
    play(&file).refused(
        1,
        &["cut.csv: no rows; a header and at least one bar are wanted"],
    );
    let mut twice = data::short();
    let row = twice.lines().nth(3).expect("a row").to_owned();
    twice.push_str(&row);
    let file = data::write(dir.path(), &twice);
    play(&file).refused(
        1,
        &["line 314, column date", "each symbol and date only once"],
    );
}

#[test]
fn an_unreadable_data_file_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    play(&dir.path().join("absent.csv")).refused(2, &["--data", "absent.csv", "No such file"]);
    play(dir.path()).refused(2, &["--data", "is not a file"]);
    let packed = std::fs::read(data::built_in()).expect("reads");
    let file = dir.path().join("torn.csv.gz");
    std::fs::write(&file, &packed[..packed.len() / 2]).expect("writes");
    play(&file).refused(1, &["torn.csv.gz: "]);
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    let below_a_file = place.file.join("data");
    let ran = finish(&mut demo(&place.file, &below_a_file));
    ran.refused(1, &["data directory", "cut.csv/data", "--data-dir"]);
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert_eq!(
        std::fs::read_to_string(&place.file).expect("reads"),
        data::short()
    );
}

#[test]
fn version_names_version_build_and_configuration() {
    let shown = |command: &mut Command| finish(command).done();
    let text = shown(&mut blotter(["version"]));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], format!("blotter {}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("build "), "{text}");
    let hash = lines[2].strip_prefix("configuration ").expect("a hash");
    assert!(hash.len() == 64 && hex::decode(hash).is_ok(), "{text}");
    let other = shown(blotter(["version"]).env("BLOTTER_NODE", "another"));
    assert_ne!(
        other.lines().nth(2),
        Some(lines[2]),
        "another configuration"
    );
    assert_eq!(other.lines().next(), Some(lines[0]));
}
