//! The program on a log in KurrentDB, over a double of it: `--event-store` is all that changes.

use std::process::Command;

use crate::kurrent_double::Double;
use crate::kurrent_double::streams::LOG;
use crate::support::*;

const SETTING: &str = "BLOTTER_EVENT_STORE";

/// A place whose log is in `double`.
struct Remote {
    place: Place,
    url: String,
}

impl Remote {
    fn on(double: &Double) -> Self {
        Self::at(double.url())
    }

    fn at(url: String) -> Self {
        Self {
            place: Place::new(),
            url,
        }
    }

    fn demo(&self) -> Command {
        let mut command = self.place.demo();
        command.env(SETTING, &self.url);
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env(SETTING, &self.url);
        command
    }

    fn assert_verifies(&self, double: &Double) {
        let text = finish(&mut self.command(&["verify"])).done();
        let events = double.state().len(LOG);
        assert!(
            text.contains(&format!(" holds: {events} events in ")),
            "{text}"
        );
        let listed = finish(&mut self.command(&["events", "--json"])).done();
        let stored = double.state().log().clone();
        assert!(
            stored
                .iter()
                .map(|event| event.data.as_slice())
                .eq(listed.lines().map(str::as_bytes))
        );
        assert!(!self.place.log().exists(), "nothing of the log is here");
    }
}

#[test]
fn a_demo_comes_to_the_same_as_on_a_file() {
    let double = Double::start();
    let remote = Remote::on(&double);
    let summary = finish(&mut remote.demo()).summary();
    assert_same(&summary, undisturbed());
    remote.assert_verifies(&double);
}

#[test]
fn a_killed_node_goes_on_where_it_was() {
    let double = Double::start();
    let remote = Remote::on(&double);
    for events in [60, 200, 400] {
        let mut running = Running::start(&mut remote.demo());
        until("the log grows", || {
            double.state().len(LOG) >= events || !running.is_alive()
        });
        running.kill();
        running.finish();
    }
    let summary = finish(&mut remote.demo()).summary();
    assert_same(&summary, undisturbed());
    remote.assert_verifies(&double);
}

#[test]
fn a_node_waits_for_a_database_that_went_away() {
    let double = Double::start();
    let remote = Remote::on(&double);
    let mut running = Running::start(&mut remote.demo());
    for events in [60, 200, 400] {
        until("the log grows", || {
            double.state().len(LOG) >= events || !running.is_alive()
        });
        double.stop();
        double.start_again();
    }
    assert_same(&running.finish().summary(), undisturbed());
    remote.assert_verifies(&double);
}

#[test]
fn a_database_that_cannot_be_used_is_one_clear_error() {
    let double = Double::start();
    double.state().login = Some(("ops".to_owned(), "right".to_owned()));
    let wrong = Remote::at(double.url_waiting("kurrentdb", "ops:hunter2@", 5_000));
    let gone = Remote::on(&double);
    for (remote, said) in [(&wrong, "password"), (&gone, "reached")] {
        if said == "reached" {
            double.stop();
        }
        let refused = [
            (remote.demo(), 1),
            (remote.command(&["serve"]), 1),
            (remote.command(&["events"]), 1),
            (remote.command(&["verify"]), 2),
        ];
        for (mut command, code) in refused {
            let ran = finish(&mut command);
            ran.refused(code, &[said, &format!("kurrentdb://{}", double.address())]);
            assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
            let errors = ran.stderr.lines().filter(|line| line.contains("rror"));
            assert_eq!(errors.count(), 1, "{ran:?}");
        }
    }
    assert!(double.state().streams.is_empty(), "nothing is written");
}

#[test]
fn an_address_that_is_none_is_refused_without_its_password() {
    let mut command = Place::new().command(&["events"]);
    command.env(SETTING, "kurrentdb://ops:hunter2@h:port");
    let ran = finish(&mut command);
    ran.refused(2, &[SETTING, "kurrentdb://USER:PASSWORD@HOST"]);
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
}
