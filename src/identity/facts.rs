//! What identity has to say in the event log, before it is there.

use crate::events::catalogue::{AccessDenied, LoginFailed};
use crate::events::{Event, Who};
use crate::values::{StreamName, UserName};

/// Stands where several addresses or places are recorded as one.
pub const VARIOUS: &str = "various";

/// One fact, on the stream it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub stream: StreamName,
    pub event: Event,
    pub who: Who,
}

/// How a refusal is counted together with others of its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Merging {
    /// Equal for those that may be one.
    pub key: String,
    /// As the first of many: without what tells them apart.
    pub event: Event,
}

impl Fact {
    /// About a user.
    pub fn of(user: &UserName, who: &Who, event: impl Into<Event>) -> Self {
        Self {
            stream: StreamName::user(user),
            event: event.into(),
            who: who.clone(),
        }
    }

    /// About somebody who was not let in.
    pub fn login_failed(failed: LoginFailed) -> Self {
        let stream = failed.user.as_ref().map(StreamName::user);
        Self {
            stream: stream.unwrap_or_else(StreamName::unknown_user),
            event: failed.into(),
            who: Who::system("login"),
        }
    }

    /// `None`: it has to be recorded by itself.
    pub fn merging(&self) -> Option<Merging> {
        let (kind, event) = match &self.event {
            Event::LoginFailed(failed) => {
                let peer = VARIOUS.to_owned().into();
                let kind = format!("login:{}", failed.credential);
                (
                    kind,
                    Event::from(LoginFailed {
                        peer,
                        ..failed.clone()
                    }),
                )
            }
            Event::AccessDenied(denied) => {
                let place = VARIOUS.to_owned();
                let kind = format!("denied:{}:{}", denied.principal, denied.permission);
                (
                    kind,
                    Event::from(AccessDenied {
                        place,
                        ..denied.clone()
                    }),
                )
            }
            _ => return None,
        };
        let key = format!("{}/{kind}", self.stream);
        Some(Merging { key, event })
    }
}

impl Merging {
    /// What `earlier`, which has the same key, becomes.
    pub fn onto(&self, earlier: Event) -> Event {
        match (earlier, &self.event) {
            (Event::LoginFailed(earlier), Event::LoginFailed(more)) => {
                let times = earlier.times.saturating_add(more.times);
                LoginFailed { times, ..earlier }.into()
            }
            (Event::AccessDenied(earlier), Event::AccessDenied(more)) => {
                let times = earlier.times.saturating_add(more.times);
                AccessDenied { times, ..earlier }.into()
            }
            (earlier, _) => earlier,
        }
    }
}
