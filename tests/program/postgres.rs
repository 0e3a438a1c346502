//! The program with its log in PostgreSQL: the same commands, the same figures.

use std::process::Command;

use crate::server::{Server, Stop};
use crate::support::*;

/// With the log at `url`.
fn at<'c>(command: &'c mut Command, url: &str) -> &'c mut Command {
    command.env("BLOTTER_EVENT_STORE", url)
}

#[test]
fn a_log_in_a_database_comes_to_the_same() {
    let mut server = Server::start();
    let url = server.owner_url();
    let place = Place::new();
    let first = finish(at(&mut place.demo(), &url)).summary();
    assert_same(&first, undisturbed());
    assert!(!place.log().exists(), "there is no other log");

    let verified = finish(at(&mut place.command(&["verify"]), &url)).done();
    let root = first["log_root"].as_str().expect("a root");
    assert!(verified.contains(root), "{root} is not in {verified}");
    let listed = finish(at(&mut place.command(&["events", "--json"]), &url)).done();
    assert_eq!(json_lines(&listed).len() as u64, first["position"]);

    // What is in the log outlives the server, and a second run only adds its start and its stop.
    server.stop(Stop::Immediate);
    server.start_again(&[]);
    let second = finish(at(&mut place.demo(), &url)).summary();
    assert_same(&second, &first);
    let position = first["position"].to_string();
    let mut after = place.command(&["events", "--json", "--after", &position]);
    let listed = json_lines(&finish(at(&mut after, &url)).done());
    let types: Vec<_> = listed.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["NodeStarted", "NodeStopped"]);
}

#[test]
fn a_node_runs_as_a_role_that_owns_nothing() {
    let server = Server::start();
    let place = Place::new();
    let guarded = server.url("guarded", "postgres");
    server.sql("CREATE ROLE guarded LOGIN PASSWORD 'hunter2'");
    let password = place.dir.path().join("password");
    std::fs::write(&password, "hunter2\n").expect("writes");
    let demo = || {
        let mut command = place.demo();
        at(&mut command, &guarded).env("BLOTTER_EVENT_STORE_PASSWORD_FILE", &password);
        command
    };
    finish(&mut demo()).refused(1, &[&guarded, "blotter migrate"]);

    let migrate = ["migrate", "--grant", "guarded"];
    for _ in 0..2 {
        let migrated = finish(at(&mut place.command(&migrate), &server.owner_url())).done();
        assert!(
            migrated.contains("is ready") && migrated.contains("role guarded"),
            "{migrated}"
        );
    }
    assert_same(&finish(&mut demo()).summary(), undisturbed());

    std::fs::write(&password, "hunter3").expect("writes");
    let ran = finish(&mut demo());
    ran.refused(1, &[&guarded, "password authentication failed"]);
    assert!(!ran.stderr.contains("hunter3"), "{}", ran.stderr);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let mut server = Server::start();
    let url = server.url("desk:hunter2", "orders");
    server.stop(Stop::Fast);
    let place = Place::new();
    for (arguments, status) in [
        (["verify"], 2),
        (["events"], 1),
        (["migrate"], 1),
        (["serve"], 1),
    ] {
        let ran = finish(at(&mut place.command(&arguments), &url));
        ran.refused(
            status,
            &[&server.url("desk", "orders"), "check the address"],
        );
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
}

#[test]
fn a_log_in_a_file_needs_no_roles() {
    let place = Place::new();
    let ready = finish(&mut place.command(&["migrate"])).done();
    assert!(
        ready.contains("is ready") && place.log().exists(),
        "{ready}"
    );
    let granted = finish(&mut place.command(&["migrate", "--grant", "desk"]));
    granted.refused(2, &["--grant", "knows no roles"]);
    assert_same(&finish(&mut place.demo()).summary(), undisturbed());
}
