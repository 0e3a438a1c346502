//! Who acts: risk, execution, strategy and notifier, thin around the deciders, and the guardian
//! that rebuilds them.
//!
//! An actor receives, decides, records, replies. It pulls the feed with a cursor; its mailbox
//! carries commands only. It keeps no checkpoint: whatever is outstanding follows from the fold.
//! Invariants: no actor knows another (they meet in [`messages`] through [`port`]s); an actor whose
//! view turned out wrong, or that panicked, is thrown away and built anew from the log.

pub mod execution;
pub mod fold;
pub mod guardian;
pub mod mailbox;
pub mod messages;
pub mod node_log;
pub mod notifier;
pub mod port;
pub mod risk;
pub mod risk_gateway;
pub mod settle;
pub mod status;
pub mod strategy;
pub mod under_way;
