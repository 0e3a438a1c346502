//! What a failure of the client or of the server means for the log.
//!
//! Entry points: [`CallError`] from the client's error, [`CallError::reading`] and
//! [`CallError::appending`] for the store's.
//! Invariant: an append is called `Busy` or `Unavailable` only where it was never sent, or where
//! the server said that it turned it down; everything else is `Indeterminate`.

use std::fmt::Display;

use kurrentdb::{CurrentRevision, Error};

use crate::events::store::StoreError;
use crate::values::Position;

/// Numbers of gRPC's codes with which a server turns a request down before it does anything.
const TURNED_DOWN: [i32; 2] = [
    3, // invalid argument, such as an append larger than the server takes
    9, // failed precondition
];

/// Why a request was not answered as hoped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// Turned down, or never sent: nothing happened.
    Refused(String),
    /// Never sent, and this client will never send anything again.
    Unreachable(String),
    /// Turned down; the client is on its way to the leader.
    NotLeader,
    /// The connection broke, or the answer makes no sense: it may have happened, or happen yet.
    Broken(String),
    /// No answer in time: it may have happened, or happen yet.
    Late(String),
    /// Nothing happened: the stream does not end at the revision expected.
    Moved { last: Option<u64> },
    /// The stream was deleted for good.
    Deleted,
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotLeaderException(_) => Self::NotLeader,
            Error::WrongExpectedVersion { current, .. } => Self::Moved {
                last: match current {
                    CurrentRevision::Current(last) => Some(last),
                    CurrentRevision::NoStream => None,
                },
            },
            Error::ResourceDeleted => Self::Deleted,
            Error::DeadlineExceeded => Self::Late("the server ran out of time".to_owned()),
            Error::AccessDenied => Self::Refused(
                "access was denied; check user and password in the address, and what that user \
                 may do on the streams blotter-log and blotter-lease"
                    .to_owned(),
            ),
            // Both come before a request is sent.
            Error::ConnectionClosed | Error::GrpcConnectionError(_) => Self::Unreachable(format!(
                "it cannot be reached ({text}); check host and port, tls, and that it runs"
            )),
            // A node that has no leader to name answers so; a stream that is not there is no
            // error of the request, but content of its answer.
            Error::ResourceNotFound => Self::NotLeader,
            Error::UnsupportedFeature | Error::InitializationError(_) => Self::Refused(text),
            Error::Grpc { code, message } if TURNED_DOWN.contains(&(code as i32)) => {
                Self::Refused(format!("the server turned it down: {message}"))
            }
            _ => Self::Broken(text),
        }
    }
}

impl CallError {
    /// Of a request that cannot change anything.
    pub(super) fn reading(self) -> StoreError {
        match self {
            Self::NotLeader => StoreError::Busy(NO_LEADER.to_owned()),
            Self::Refused(reason)
            | Self::Unreachable(reason)
            | Self::Broken(reason)
            | Self::Late(reason) => StoreError::Unavailable(reason),
            Self::Moved { .. } => {
                StoreError::Fatal(format!("a read was answered as an append: {self:?}"))
            }
            Self::Deleted => deleted(),
        }
    }

    /// Of an append; the engine deals with `Moved` itself.
    pub(super) fn appending(self) -> StoreError {
        match self {
            Self::NotLeader => StoreError::Busy(NO_LEADER.to_owned()),
            Self::Refused(reason) | Self::Unreachable(reason) => StoreError::Unavailable(reason),
            Self::Broken(reason) | Self::Late(reason) => StoreError::Indeterminate(reason),
            Self::Moved { last } => {
                StoreError::Fatal(format!("its stream ends at {last:?} without cause"))
            }
            Self::Deleted => deleted(),
        }
    }

    /// Whether nothing happened, and nothing will.
    pub(super) fn is_certain(&self) -> bool {
        !matches!(self, Self::Broken(_) | Self::Late(_))
    }

    /// Whether a read may be tried again at once: the client picks another node after these.
    pub(super) fn may_pass_at_once(&self) -> bool {
        matches!(self, Self::NotLeader | Self::Broken(_))
    }
}

const NO_LEADER: &str = "the node asked is not the cluster's leader";

fn deleted() -> StoreError {
    StoreError::Fatal(
        "one of its streams was deleted in KurrentDB; restore the database from a backup"
            .to_owned(),
    )
}

/// Something in the log that no append can have written.
pub(super) fn damaged(position: Position, reason: impl Display) -> StoreError {
    StoreError::Damaged {
        position,
        reason: reason.to_string(),
    }
}
