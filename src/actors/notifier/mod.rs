//! The notifier: turns events that people should know about into alerts and delivers them.
//!
//! An alert is raised, delivered, and recorded as delivered: a crash in between delivers it again
//! rather than never. The one channel so far is the program's own log. Trading never waits for it.

mod actor;
mod outstanding;
mod rules;

pub use actor::{CHANNEL, NotifierActor};
pub use outstanding::Outstanding;
