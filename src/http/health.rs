//! How the node is: what keeps it from being ready, and how each part of it does.

use serde::Serialize;

use super::services::Services;
use crate::actors::status::ActorState;
use crate::events::JournalState;
use crate::market::Progress;
use crate::projections::RunnerState;
use crate::values::Position;

/// Events that the read models may be behind while the node counts as ready.
pub const READY_LAG_EVENTS_MAX: u64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    /// It works in part, or will again by itself.
    Degraded,
    Failed,
}

/// One part of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component {
    pub name: String,
    pub status: Status,
    pub detail: Option<String>,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Readings {
    pub fatal: Option<String>,
    pub stopping: bool,
    pub journal: JournalState,
    pub views: RunnerState,
    pub head: Position,
    pub viewed: Position,
}

impl Readings {
    pub fn of(services: &Services, stopping: bool) -> Self {
        Self {
            fatal: services.fatal.borrow().clone(),
            stopping,
            journal: services.journal.borrow().clone(),
            views: services.views_state.borrow().clone(),
            // In this order: what is viewed may grow in between, but never past the head.
            viewed: *services.viewed.borrow(),
            head: services.feed.head(),
        }
    }

    pub fn lag_events(&self) -> u64 {
        self.head.get().saturating_sub(self.viewed.get())
    }

    /// Why the node is not ready, in words that anybody may see; empty when it is.
    pub fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut because = |applies: bool, reason: &str| {
            if applies {
                reasons.push(reason.to_owned());
            }
        };
        because(self.fatal.is_some(), "the node has to end");
        because(self.stopping, "the node stops");
        match self.journal {
            JournalState::Writable => {}
            JournalState::Unavailable(_) | JournalState::InDoubt(_) => {
                because(true, "the log cannot be written now");
            }
            JournalState::Stopped(_) => because(true, "the log will not be written any more"),
        }
        match self.views {
            RunnerState::Folding => {}
            RunnerState::Retrying(_) => because(true, "the read models cannot be written now"),
            RunnerState::Stopped(_) => because(true, "the read models are no longer kept up"),
        }
        if self.lag_events() > READY_LAG_EVENTS_MAX {
            let lag = self.lag_events();
            reasons.push(format!(
                "the read models are {lag} events behind; at most {READY_LAG_EVENTS_MAX} are allowed"
            ));
        }
        reasons
    }
}

/// Every part of the node. `secrets`: why the secrets store cannot be used.
pub fn components(
    readings: &Readings,
    services: &Services,
    secrets: Result<(), String>,
) -> Vec<Component> {
    let mut components = vec![
        log(&readings.journal),
        read_models(readings),
        component("secrets", secrets.err().map(|why| (Status::Failed, why))),
    ];
    if let Some(reason) = &readings.fatal {
        let failed = Some((Status::Failed, reason.clone()));
        components.push(component("node", failed));
    }
    for actor in services.actors.borrow().iter() {
        let cause = actor.last_cause.clone().unwrap_or_default();
        let trouble = match actor.state {
            ActorState::Running => None,
            ActorState::Restarting => Some((Status::Degraded, format!("restarting: {cause}"))),
            ActorState::GivenUp => Some((Status::Failed, format!("given up: {cause}"))),
        };
        components.push(component(&format!("actor:{}", actor.actor), trouble));
    }
    if let Some(market) = &services.market {
        components.push(market_data(*market.borrow()));
    }
    components
}

fn log(state: &JournalState) -> Component {
    let trouble = match state {
        JournalState::Writable => None,
        JournalState::Unavailable(reason) | JournalState::InDoubt(reason) => {
            Some((Status::Degraded, reason.clone()))
        }
        JournalState::Stopped(reason) => Some((Status::Failed, reason.clone())),
    };
    component("log", trouble)
}

fn read_models(readings: &Readings) -> Component {
    let lag = readings.lag_events();
    let trouble = match &readings.views {
        RunnerState::Stopped(reason) => Some((Status::Failed, reason.clone())),
        RunnerState::Retrying(reason) => Some((Status::Degraded, reason.clone())),
        RunnerState::Folding if lag > READY_LAG_EVENTS_MAX => {
            Some((Status::Degraded, format!("{lag} events behind")))
        }
        RunnerState::Folding => None,
    };
    component("read_models", trouble)
}

/// How much of the recorded data has been played, in which pass over it.
fn market_data(Progress { row, rows }: Progress) -> Component {
    let passes = row.saturating_sub(1).checked_div(rows).unwrap_or(0);
    let played = format!("{} of {rows} bars", row - passes * rows);
    Component {
        name: "market_data".to_owned(),
        status: Status::Ok,
        detail: Some(match passes {
            0 => played,
            passes => format!("{played}, pass {}", passes + 1),
        }),
    }
}

fn component(name: &str, trouble: Option<(Status, String)>) -> Component {
    let (status, detail) = match trouble {
        Some((status, detail)) => (status, Some(detail)),
        None => (Status::Ok, None),
    };
    Component {
        name: name.to_owned(),
        status,
        detail,
    }
}

/// The node is as well as its worst part; one that cannot record is not well at all.
pub fn overall(components: &[Component]) -> Status {
    let worst = components.iter().map(|component| component.status).max();
    worst.unwrap_or(Status::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Readings {
        Readings {
            fatal: None,
            stopping: false,
            journal: JournalState::Writable,
            views: RunnerState::Folding,
            head: Position::new(50_000),
            viewed: Position::new(40_000),
        }
    }

    #[test]
    fn a_node_is_ready_until_something_speaks_against_it() {
        assert_eq!(well().not_ready(), Vec::<String>::new());
        let why = || "disk full at a secret place".to_owned();
        let bad = [
            Readings {
                fatal: Some(why()),
                ..well()
            },
            Readings {
                stopping: true,
                ..well()
            },
            Readings {
                journal: JournalState::Unavailable(why()),
                ..well()
            },
            Readings {
                journal: JournalState::InDoubt(why()),
                ..well()
            },
            Readings {
                journal: JournalState::Stopped(why()),
                ..well()
            },
            Readings {
                views: RunnerState::Retrying(why()),
                ..well()
            },
            Readings {
                views: RunnerState::Stopped(why()),
                ..well()
            },
            Readings {
                viewed: Position::new(39_999),
                ..well()
            },
        ];
        for readings in bad {
            let reasons = readings.not_ready();
            assert_eq!(reasons.len(), 1, "{readings:?}");
            assert!(!reasons[0].contains("secret"), "{reasons:?}");
        }
    }

    #[test]
    fn bars_are_counted_by_pass() {
        let detail = |row, rows| {
            market_data(Progress { row, rows })
                .detail
                .unwrap_or_default()
        };
        assert_eq!(detail(0, 0), "0 of 0 bars");
        assert_eq!(detail(9, 10), "9 of 10 bars");
        assert_eq!(detail(10, 10), "10 of 10 bars");
        assert_eq!(detail(21, 10), "1 of 10 bars, pass 3");
    }

    #[test]
    fn the_worst_part_counts() {
        let part = |trouble| component("part", trouble);
        let degraded = part(Some((Status::Degraded, "slow".to_owned())));
        let failed = part(Some((Status::Failed, "gone".to_owned())));
        assert_eq!(overall(&[]), Status::Ok);
        assert_eq!(overall(&[part(None), degraded.clone()]), Status::Degraded);
        assert_eq!(overall(&[failed, degraded]), Status::Failed);
    }
}
