//! The house rules as ordinary tests over the source text: who may import whom, what pure code may
//! not mention, what must not be left lying about.
//!
//! `tidy/source.rs` reads a file, `tidy/rules.rs` and `tidy/imports.rs` hold a function for each
//! rule, `tidy/snippets.rs` shows on made-up snippets that each rule bites. What a compiler has to
//! see through types is banned in `clippy.toml` instead.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/snippets.rs"]
mod snippets;
#[path = "tidy/source.rs"]
mod source;

use std::fmt;
use std::path::Path;

use source::{Source, sources};

/// One place that breaks a rule.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    /// Counting from 1.
    line: usize,
    /// What is wrong and what to do about it.
    remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.remedy)
    }
}

/// Holds `rule` against every file of the repository.
fn hold(rule: impl Fn(&Source) -> Vec<Finding>) {
    let files = sources(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(files.len() > 10, "only {} files were found", files.len());
    let findings: Vec<String> = files
        .iter()
        .flat_map(rule)
        .map(|found| found.to_string())
        .collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn every_module_belongs_to_a_floor() {
    hold(imports::belongs_to_a_floor);
}

#[test]
fn imports_only_go_down() {
    hold(imports::only_go_down);
}

#[test]
fn no_actor_imports_another() {
    hold(imports::no_actor_imports_another);
}

#[test]
fn http_knows_no_store() {
    hold(imports::http_knows_no_store);
}

#[test]
fn pure_code_stays_pure() {
    hold(rules::pure_code_stays_pure);
}

#[test]
fn no_floats_near_money() {
    hold(rules::no_floats_near_money);
}

#[test]
fn sql_lives_with_the_stores() {
    hold(rules::sql_lives_with_the_stores);
}

#[test]
fn nothing_panics_in_the_product() {
    hold(rules::nothing_panics_in_the_product);
}

#[test]
fn no_unbounded_sends() {
    hold(rules::no_unbounded_sends);
}

#[test]
fn no_test_is_switched_off() {
    hold(rules::no_test_is_switched_off);
}

#[test]
fn no_test_sleeps() {
    hold(rules::no_test_sleeps);
}

#[test]
fn no_notes_are_left() {
    hold(rules::no_notes_are_left);
}

#[test]
fn files_stay_small() {
    hold(rules::files_stay_small);
}

#[test]
fn nothing_foreign_is_mentioned() {
    hold(rules::nothing_foreign_is_mentioned);
}

#[test]
fn every_make_target_named_exists() {
    let makefile = Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile");
    let makefile = std::fs::read_to_string(makefile).expect("a Makefile");
    let targets = rules::make_targets(&makefile);
    hold(|file| rules::make_targets_exist(file, &targets));
}
