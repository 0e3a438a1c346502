//! The strategy actor: one for each strategy instance.
//!
//! It folds prices and its account's facts, looks at each bar when it is told that the bar is
//! complete, records its signal, and only then sends the order to risk. A signal whose order risk
//! has not decided is sent again after a restart, under the same command id.

mod actor;
mod view;

pub use actor::StrategyActor;
pub use view::View;
