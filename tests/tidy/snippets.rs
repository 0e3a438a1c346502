//! Each rule bites on a made-up snippet that breaks it, and leaves one alone that does not.

use super::Finding;
use super::imports::{
    belongs_to_a_floor, http_knows_no_store, imports, no_actor_imports_another, only_go_down,
};
use super::rules::*;
use super::source::Source;

/// The lines on which `rule` finds fault with `text`.
fn bites(rule: impl Fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
    let found = rule(&Source::new(path, text));
    for finding in &found {
        assert_eq!(finding.path, path);
        assert!(!finding.remedy.is_empty());
    }
    found.into_iter().map(|finding| finding.line).collect()
}

#[test]
fn a_finding_names_file_line_and_remedy() {
    let found = no_unbounded_sends(&Source::new("src/app.rs", "\n  a.do_send(m);"));
    let told = found.first().expect("a finding").to_string();
    assert!(told.starts_with("src/app.rs:2: "), "{told}");
    assert!(told.contains("try_send"), "{told}");
}

#[test]
fn imports_are_seen_in_groups_in_passing_and_relative() {
    let text = "use crate::{\n    events::{self, Feed},\n    values::Money,\n};\nfn f() { super::super::app::go(blotter::cli::X); }";
    let found = imports(&Source::new("src/actors/risk/mod.rs", text));
    let told: Vec<String> = found.iter().map(|import| import.path.join("::")).collect();
    assert_eq!(
        told,
        [
            "events::self",
            "events::Feed",
            "values::Money",
            "app::go",
            "cli::X"
        ]
    );
}

#[test]
fn an_import_upwards_or_sideways_bites() {
    assert_eq!(
        bites(
            only_go_down,
            "src/values/ids.rs",
            "\nuse crate::events::Event;"
        ),
        [2]
    );
    assert_eq!(
        bites(
            only_go_down,
            "src/domain/a.rs",
            "use crate::{values::X, http::Y};"
        ),
        [1]
    );
    assert_eq!(
        bites(
            only_go_down,
            "src/actors/guardian.rs",
            "use crate::projections::P;"
        ),
        [1]
    );
    assert_eq!(
        bites(
            only_go_down,
            "src/projections/a.rs",
            "use crate::actors::A;"
        ),
        [1]
    );
    assert_eq!(
        bites(only_go_down, "src/cli/demo.rs", "use blotter::main;"),
        [1]
    );
    assert_eq!(
        bites(
            only_go_down,
            "src/events/store.rs",
            "use super::super::venues::V;"
        ),
        [1]
    );
}

#[test]
fn an_import_downwards_passes() {
    assert_eq!(bites(only_go_down, "src/main.rs", "use blotter::cli;"), []);
    assert_eq!(
        bites(only_go_down, "src/lib.rs", "use crate::app::App;"),
        []
    );
    assert_eq!(
        bites(
            only_go_down,
            "src/app/mod.rs",
            "use crate::{actors::A, projections::B};"
        ),
        []
    );
    assert_eq!(
        bites(
            only_go_down,
            "src/events/plan.rs",
            "use super::store::S; use crate::values::P;"
        ),
        []
    );
    let inline = "#[cfg(test)]\nmod tests {\n    use super::super::store::S;\n}";
    assert_eq!(bites(only_go_down, "src/events/plan.rs", inline), []);
    let comment = "// see crate::http\nconst A: &str = \"crate::http\";";
    assert_eq!(bites(only_go_down, "src/values/a.rs", comment), []);
}

#[test]
fn a_module_on_no_floor_bites() {
    assert_eq!(bites(belongs_to_a_floor, "src/helpers.rs", ""), [1]);
    assert_eq!(bites(belongs_to_a_floor, "src/helpers/mod.rs", ""), [1]);
    assert_eq!(bites(belongs_to_a_floor, "src/events/mod.rs", ""), []);
    assert_eq!(bites(belongs_to_a_floor, "src/lib.rs", ""), []);
}

#[test]
fn an_actor_that_imports_another_bites() {
    let rule = no_actor_imports_another;
    assert_eq!(
        bites(
            rule,
            "src/actors/risk/mod.rs",
            "use crate::actors::execution::E;"
        ),
        [1]
    );
    assert_eq!(
        bites(
            rule,
            "src/actors/risk.rs",
            "use super::{messages::M, notifier::N};"
        ),
        [1]
    );
    assert_eq!(
        bites(rule, "src/actors/strategy/mod.rs", "use super::risk::R;"),
        [1]
    );
    assert_eq!(
        bites(
            rule,
            "src/actors/risk/mod.rs",
            "use super::messages::M; use super::risk::book;"
        ),
        []
    );
    assert_eq!(
        bites(
            rule,
            "src/actors/mod.rs",
            "use risk::R; use self::execution::E;"
        ),
        []
    );
    assert_eq!(
        bites(rule, "src/app.rs", "use crate::actors::{risk, execution};"),
        []
    );
}

#[test]
fn a_handler_that_knows_a_store_bites() {
    let rule = http_knows_no_store;
    assert_eq!(
        bites(rule, "src/http/orders.rs", "fn f(pool: &sqlx::Pool) {}"),
        [1]
    );
    assert_eq!(
        bites(rule, "src/http/orders.rs", "use crate::events::EventStore;"),
        [1]
    );
    assert_eq!(
        bites(
            rule,
            "src/http/orders.rs",
            "use crate::events::sqlite::Log;"
        ),
        [1]
    );
    assert_eq!(
        bites(
            rule,
            "src/http/orders.rs",
            "use crate::projections::orders;"
        ),
        []
    );
    assert_eq!(
        bites(rule, "src/app.rs", "use crate::events::EventStore;"),
        []
    );
}

#[test]
fn impure_words_in_pure_code_bite() {
    let rule = pure_code_stays_pure;
    for line in [
        "let t = Utc::now();",
        "use std::time::Instant;",
        "let t = chrono::Utc::now();",
        "fn f(t: SystemTime) {}",
        "let id = Uuid::new_v4();",
        "let id = Uuid::now_v7();",
        "let n = rand::random();",
        "async fn decide() {}",
        "tokio::select! {}",
        "use actix::Addr;",
        "sqlx::query(q)",
        "tracing::info!(x)",
        "std::fs::read(p)",
        "use std::net::TcpStream;",
        "use crate::{runtime::Clock, values::Money};",
    ] {
        for path in [
            "src/values/a.rs",
            "src/domain/a/decide.rs",
            "src/events/catalogue/a.rs",
        ] {
            assert_eq!(bites(rule, path, line), [1], "{path}: {line}");
        }
        assert_eq!(bites(rule, "src/events/journal.rs", line), []);
    }
    let harmless = "// tokio\nfn f(scope: HaltScope::Instrument, operand: Uuid) { Uuid::new_v5() }";
    assert_eq!(bites(rule, "src/values/a.rs", harmless), []);
}

#[test]
fn a_float_near_money_bites() {
    let rule = no_floats_near_money;
    for line in [
        "fn f(x: f64) {}",
        "x as f32",
        "let x = 1.5f64;",
        "d.to_f64()",
        "1_f32",
    ] {
        assert_eq!(bites(rule, "src/values/a.rs", line), [1], "{line}");
        assert_eq!(bites(rule, "src/domain/a.rs", line), [1], "{line}");
        assert_eq!(bites(rule, "src/events/a.rs", line), [1], "{line}");
        assert_eq!(bites(rule, "src/projections/a.rs", line), []);
    }
    assert_eq!(bites(rule, "src/values/a.rs", "0x1f64 // f64\n\"f64\""), []);
}

#[test]
fn sql_in_the_wrong_place_bites() {
    let rule = sql_lives_with_the_stores;
    for line in [
        "let q = \"SELECT a FROM b\";",
        "let q = r#\"INSERT INTO b\"#;",
        "let q = \"UPDATE b SET a = 1\";",
        "use sqlx::Row;",
    ] {
        assert_eq!(bites(rule, "src/actors/risk/mod.rs", line), [1], "{line}");
        assert_eq!(bites(rule, "src/projections/orders.rs", line), []);
    }
    assert_eq!(
        bites(
            rule,
            "src/app.rs",
            "// SELECT a FROM b\nf(\"refuses UPDATE\")"
        ),
        []
    );
    assert_eq!(bites(rule, "src/app/schema.sql", ""), [1]);
}

#[test]
fn what_can_panic_bites_outside_tests() {
    let rule = nothing_panics_in_the_product;
    for line in [
        "x.unwrap();",
        "x.expect(\"y\");",
        "panic!(\"y\")",
        "unreachable!()",
        "todo!()",
    ] {
        assert_eq!(bites(rule, "src/app.rs", line), [1], "{line}");
        assert_eq!(bites(rule, "src/app/tests.rs", line), []);
        assert_eq!(bites(rule, "tests/store.rs", line), []);
        let module = format!(
            "fn f() {{}}\n#[cfg(test)]\nmod tests {{\n    fn t() {{ {line} }}\n}}\nfn g() {{ {line} }}"
        );
        assert_eq!(bites(rule, "src/app.rs", &module), [6]);
    }
    let harmless = "x.unwrap_or(1); // x.unwrap()\n#![expect(unused)]\n'\"'; x(\"panic!(\");";
    assert_eq!(bites(rule, "src/app.rs", harmless), []);
}

#[test]
fn an_unbounded_send_bites() {
    assert_eq!(
        bites(no_unbounded_sends, "src/actors/risk/mod.rs", "a.do_send(m)"),
        [1]
    );
    assert_eq!(
        bites(
            no_unbounded_sends,
            "src/actors/risk/mod.rs",
            "a.try_send(m) // do_send("
        ),
        []
    );
}

#[test]
fn a_test_that_is_switched_off_or_sleeps_bites() {
    assert_eq!(
        bites(
            no_test_is_switched_off,
            "src/a.rs",
            "\n#[ignore = \"slow\"]"
        ),
        [2]
    );
    assert_eq!(
        bites(no_test_is_switched_off, "tests/a.rs", "#[ignore]"),
        [1]
    );
    assert_eq!(
        bites(no_test_sleeps, "tests/a.rs", "tokio::time::sleep(d).await"),
        [1]
    );
    assert_eq!(bites(no_test_sleeps, "tests/a.py", "time.sleep(1)"), [1]);
    assert_eq!(
        bites(no_test_sleeps, "src/a.rs", "tokio::time::sleep(d).await"),
        []
    );
}

#[test]
fn a_left_note_bites() {
    for note in [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ] {
        assert_eq!(
            bites(
                no_notes_are_left,
                "src/a.rs",
                &format!("\n// {note}: later")
            ),
            [2]
        );
        assert_eq!(bites(no_notes_are_left, "docs/a.md", note), [1]);
        assert_eq!(
            bites(no_notes_are_left, "src/a.rs", &format!("A{note}B")),
            []
        );
    }
}

#[test]
fn a_long_file_bites() {
    assert_eq!(
        bites(files_stay_small, "src/a.rs", &"\n".repeat(501)),
        [501]
    );
    assert_eq!(bites(files_stay_small, "src/a.rs", &"\n".repeat(500)), []);
    assert_eq!(bites(files_stay_small, "docs/a.md", &"\n".repeat(501)), []);
    let generated = "tests/store/kurrent_double/generated/a.rs";
    assert_eq!(bites(files_stay_small, generated, &"\n".repeat(501)), []);
    let beside = "tests/store/kurrent_double/a.rs";
    assert_eq!(bites(files_stay_small, beside, &"\n".repeat(501)), [501]);
}

#[test]
fn foreign_words_bite() {
    let rule = nothing_foreign_is_mentioned;
    for text in [
        concat!("/wo", "rk/main"),
        concat!("cd /tmp/", "wt/house"),
        concat!("see ../", "shared/design.md"),
        concat!("see iss", "ue 12"),
        concat!("fixes ", "#12"),
        concat!("(", "#7)"),
    ] {
        assert_eq!(bites(rule, "docs/a.md", text), [1], "{text}");
    }
    for text in [
        "src/work/a",
        "an issue with 3 parts",
        "# 1 heading",
        "r#type",
        "a#12",
        "fill:#333",
    ] {
        assert_eq!(bites(rule, "docs/a.md", text), [], "{text}");
    }
}

#[test]
fn a_make_target_that_is_not_there_bites() {
    let targets = make_targets("NAME := x\n.PHONY: run\nrun test: needs\n\techo a: b\n");
    assert_eq!(targets, ["run", "test"]);
    let rule = |file: &Source| make_targets_exist(file, &targets);
    assert_eq!(
        bites(rule, "README.md", "Type `make run` and\n`make fly`."),
        [2]
    );
    assert_eq!(
        bites(rule, "README.md", "```\nmake test fly # a comment\n```"),
        [2]
    );
    assert_eq!(
        bites(
            rule,
            "README.md",
            "`make run ROUNDS=3 && x`; make sure of it"
        ),
        []
    );
}
