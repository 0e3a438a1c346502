//! Why a node does not start, or stops.

use super::demo_login::DemoLoginError;
use super::lock::LockError;
use super::player::PlayError;
use super::regression::RegressionError;
use super::setup::SetupError;
use super::summary::SummaryError;
use crate::events::StoreError;
use crate::events::commit::CommitError;
use crate::events::snapshot::FoldLogError;
use crate::http::BindError;
use crate::identity::AuthError;
use crate::market::DataError;
use crate::projections::runner::RunnerError;
use crate::projections::views::ViewsError;
use crate::values::IdError;
use crate::venues::paper::PaperError;

#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("{0}")]
    Lock(#[from] LockError),
    #[error("{0}")]
    Data(#[from] DataError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("reading the log: {0}")]
    Fold(#[from] FoldLogError),
    #[error("reading the log: {0}")]
    Summary(#[from] SummaryError),
    #[error("{0}")]
    Paper(#[from] PaperError),
    #[error("{0}")]
    Views(#[from] ViewsError),
    #[error("{0}")]
    Runner(#[from] RunnerError),
    #[error("{0}")]
    Regression(#[from] RegressionError),
    #[error("{0}")]
    Bind(#[from] BindError),
    #[error("the HTTP server cannot be started: {0}")]
    Http(#[from] std::io::Error),
    #[error("{0}")]
    Identity(#[from] AuthError),
    #[error("{0}")]
    DemoLogin(#[from] DemoLoginError),
    #[error("{0}")]
    Setup(#[from] SetupError),
    #[error("{0}")]
    Play(#[from] PlayError),
    #[error("recording: {0}")]
    Commit(#[from] CommitError),
    #[error("{0}")]
    Id(#[from] IdError),
    #[error("an actor could not be started: {0}")]
    Actor(String),
    #[error("the node has to stop: {0}")]
    Fatal(String),
}
