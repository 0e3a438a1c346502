//! Snapshots of folds: what a fold of the log came to at a position, kept in a folder so that a start
//! folds only what came after.
//!
//! Entry points: a [`Fold`]; [`Snapshots::fold_to`] at a start; [`Snapshots::keep`] to bring the kept
//! ones up to date; [`Snapshots::kept`] to hold them against the log. `file` is the shape of one file,
//! `folder` how files come and go.
//!
//! Invariants: a snapshot is written by a fold of durable events only, never from what an actor looks
//! ahead on; it is used only for the same log, the same fold and the same version of it, when the log
//! still holds the record that it ends with; anything else is named in a warning and the log is folded
//! instead. Deleting the folder changes nothing but time. Upcasting never touches a snapshot: another
//! catalogue of events is another fingerprint.

mod file;
mod folder;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::file::{Header, SnapshotError};
use self::folder::Folder;
use super::catalogue::Event;
use super::envelope::Recorded;
use super::mark::LogMark;
use super::store::{EventStore, StoreError};
use crate::values::Position;

pub use self::file::STATE_BYTES_MAX;

/// Events read at once.
const PAGE_EVENTS: usize = 1_024;

/// A state that follows from the log alone.
pub trait Fold: Serialize + DeserializeOwned + Send + 'static {
    /// Raised with every change of the state's shape or of what the fold makes of an event.
    const VERSION: u32;

    /// Which fold of what, for example `risk` or `strategy:sma-1`: letters, digits and `. _ : -`.
    fn name(&self) -> String;

    /// The same fold before the first event.
    fn empty(&self) -> Self;

    /// Last position folded.
    fn folded_to(&self) -> Position;

    /// Folds the next durable event.
    fn fold(&mut self, recorded: &Recorded) -> Result<(), String>;
}

/// Any [`Fold`], to keep several of them at once.
pub trait AnyFold: Send {
    fn name(&self) -> String;
    fn folded_to(&self) -> Position;
    fn fold(&mut self, recorded: &Recorded) -> Result<(), String>;
    /// Names fold, version and catalogue of events.
    fn fingerprint(&self) -> Result<String, SnapshotError>;
    fn encode(&self) -> Result<Vec<u8>, SnapshotError>;
    fn decode(&mut self, state: &[u8]) -> Result<(), SnapshotError>;
}

impl<F: Fold> AnyFold for F {
    fn name(&self) -> String {
        Fold::name(self)
    }

    fn folded_to(&self) -> Position {
        Fold::folded_to(self)
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
        Fold::fold(self, recorded)
    }

    fn fingerprint(&self) -> Result<String, SnapshotError> {
        let empty = serde_json::to_vec(&self.empty()).map_err(SnapshotError::state)?;
        let mut hash = Sha256::new()
            .chain_update(Fold::name(self))
            .chain_update(F::VERSION.to_be_bytes())
            .chain_update(empty);
        for (name, version) in Event::TYPES {
            hash.update(name);
            hash.update(version.to_be_bytes());
        }
        Ok(hex::encode(hash.finalize()))
    }

    fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        file::compressed(self)
    }

    fn decode(&mut self, state: &[u8]) -> Result<(), SnapshotError> {
        *self = serde_json::from_slice(state).map_err(SnapshotError::state)?;
        Ok(())
    }
}

/// A snapshot as it is found, to be held against the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub path: PathBuf,
    pub fold: String,
    pub mark: LogMark,
}

/// The snapshots of one log. Cheap to clone.
#[derive(Clone)]
pub struct Snapshots {
    folder: Option<Arc<Folder>>,
    log_id: Uuid,
    store: Arc<dyn EventStore>,
}

impl Snapshots {
    /// Snapshots of the log in `store`, kept in `folder`; without one none are kept. The folder is
    /// made when something is written to it.
    pub async fn of(
        store: Arc<dyn EventStore>,
        folder: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            folder: folder.map(|path| Arc::new(Folder::new(path))),
            log_id: store.log_id().await?,
            store,
        })
    }

    /// Every whole snapshot of this log, whatever fold it is of.
    pub async fn kept(&self) -> Vec<Kept> {
        let Some(folder) = self.folder.clone() else {
            return Vec::new();
        };
        let headers = on_a_thread(move || Ok(folder.headers())).await;
        let headers = headers.unwrap_or_default().into_iter();
        let ours = headers.filter(|(_, header)| header.log_id == self.log_id);
        ours.filter_map(|(path, header)| {
            Some(Kept {
                path,
                mark: header.mark()?,
                fold: header.fold,
            })
        })
        .collect()
    }

    /// Puts `fold` where the newest snapshot that can be used left it; false when there is none,
    /// and `fold` is as it was.
    pub async fn restore(&self, fold: &mut dyn AnyFold) -> bool {
        let Some(folder) = &self.folder else {
            return false;
        };
        for path in folder.of_fold(&fold.name()) {
            match self.take_up(fold, path.clone()).await {
                Ok(()) => return true,
                Err(error) => {
                    let path = path.display();
                    tracing::warn!(%path, %error, "a snapshot is not used; older ones or the log are folded instead");
                }
            }
        }
        false
    }

    async fn take_up(&self, fold: &mut dyn AnyFold, path: PathBuf) -> Result<(), SnapshotError> {
        let (name, fingerprint) = (fold.name(), fold.fingerprint()?);
        let (header, state) = on_a_thread(move || file::read(&path)).await?;
        header.check(self.log_id, &name, &fingerprint)?;
        let mark = header.mark().ok_or_else(SnapshotError::no_mark)?;
        if let Some(disagreement) = mark.check(&*self.store).await? {
            return Err(SnapshotError::Disagrees(disagreement));
        }
        fold.decode(&state)
    }

    /// `empty` folded up to `goal`, from its newest snapshot or from the start of the log.
    pub async fn fold_to<F: Fold>(&self, goal: Position, empty: F) -> Result<F, FoldLogError> {
        let mut fold = empty;
        if self.restore(&mut fold).await {
            match self.follow(goal, &mut fold).await {
                Ok(()) => return Ok(fold),
                Err(FoldLogError::Fold(error)) => {
                    let name = Fold::name(&fold);
                    tracing::warn!(fold = %name, %error, "a snapshot leads nowhere; the log is folded from its start");
                    fold = fold.empty();
                }
                Err(error) => return Err(error),
            }
        }
        self.follow(goal, &mut fold).await?;
        Ok(fold)
    }

    /// Folds what follows, up to `goal`.
    pub async fn follow<F: Fold>(&self, goal: Position, fold: &mut F) -> Result<(), FoldLogError> {
        while Fold::folded_to(fold) < goal {
            let cursor = Fold::folded_to(fold);
            let page = self.page(cursor, goal).await?;
            if page.is_empty() {
                return Err(FoldLogError::Ends { cursor, goal });
            }
            for recorded in &page {
                Fold::fold(fold, recorded).map_err(FoldLogError::Fold)?;
            }
        }
        Ok(())
    }

    /// Some events after `cursor`, none after `goal`.
    async fn page(&self, cursor: Position, goal: Position) -> Result<Vec<Recorded>, StoreError> {
        let left = usize::try_from(goal.get() - cursor.get()).unwrap_or(usize::MAX);
        self.store.read(cursor, left.min(PAGE_EVENTS)).await
    }

    /// Brings the snapshots of `folds`, which are empty, up to `goal`, and lets go of old ones. A fold
    /// that fails is left out with a warning.
    pub async fn keep(
        &self,
        goal: Position,
        mut folds: Vec<Box<dyn AnyFold>>,
    ) -> Result<(), FoldLogError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        for fold in &mut folds {
            self.restore(&mut **fold).await;
        }
        folds.retain(|fold| fold.folded_to() < goal);
        let mut last = None;
        while let Some(cursor) = folds.iter().map(|fold| fold.folded_to()).min()
            && cursor < goal
        {
            let page = self.page(cursor, goal).await?;
            let Some(end) = page.last() else {
                return Err(FoldLogError::Ends { cursor, goal });
            };
            last = Some(LogMark::at(end));
            folds.retain_mut(|fold| take_along(&mut **fold, &page));
        }
        let Some(mark) = last else {
            return Ok(());
        };
        for fold in folds {
            let name = fold.name();
            if let Err(error) = self.write(&folder, fold, mark).await {
                tracing::warn!(fold = %name, %error, "a snapshot could not be kept; the next start folds more of the log");
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        folder: &Arc<Folder>,
        fold: Box<dyn AnyFold>,
        mark: LogMark,
    ) -> Result<(), SnapshotError> {
        let state = fold.encode()?;
        let header = Header::new(self.log_id, fold.name(), fold.fingerprint()?, mark, &state);
        drop(fold);
        let folder = Arc::clone(folder);
        on_a_thread(move || folder.write(&header, &state)).await
    }
}

/// Folds what of `page` the fold has not seen; false when it cannot.
fn take_along(fold: &mut dyn AnyFold, page: &[Recorded]) -> bool {
    let seen = fold.folded_to();
    let unseen = page.iter().filter(|recorded| recorded.position() > seen);
    for recorded in unseen {
        if let Err(error) = fold.fold(recorded) {
            tracing::warn!(fold = %fold.name(), %error, "no snapshot is kept of a fold that fails");
            return false;
        }
    }
    true
}

/// Why the log could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldLogError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Fold(String),
    #[error("the log ends at {cursor}, before {goal}")]
    Ends { cursor: Position, goal: Position },
}

/// Runs what may wait for the disk away from the event loop.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SnapshotError> + Send + 'static,
) -> Result<T, SnapshotError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|died| Err(SnapshotError::Corrupt(format!("its thread ended: {died}"))))
}
