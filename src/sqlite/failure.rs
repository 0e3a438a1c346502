//! Result codes of SQLite, sorted by what they mean for data that is on its way to disk.
//!
//! Source: <https://www.sqlite.org/rescode.html>.

/// What a result code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Another connection holds a lock.
    Locked,
    /// The disk, or the file's page limit, is full.
    NoRoom,
    /// The file or its directory may not be written.
    NotWritable,
    /// The file cannot be opened.
    CannotOpen,
    NoMemory,
    Interrupted,
    /// A value is larger than SQLite takes.
    TooBig,
    /// A constraint or a trigger refused it.
    Constraint,
    /// The disk failed, also in fsync.
    Disk,
    /// The content is not a well-formed database.
    Corrupt,
    /// The file is no database.
    NotADatabase,
    /// The open file is no longer the one at its path: what is written would be lost.
    Moved,
    /// Anything else: a defect of ours.
    Unexpected,
}

const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const TOOBIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;
const READONLY_DBMOVED: i32 = 1032;
/// The index of the write-ahead log (`-shm`) cannot be made or made longer. SQLite does not say why;
/// what it has asked for is room.
const IOERR_SHMSIZE: i32 = 4874;

impl Failure {
    /// Of an extended (or primary) result code.
    pub fn of_code(extended: i32) -> Self {
        match (extended, extended & 0xff) {
            (READONLY_DBMOVED, _) => Failure::Moved,
            (IOERR_SHMSIZE, _) => Failure::NoRoom,
            (_, BUSY | LOCKED) => Failure::Locked,
            (_, FULL) => Failure::NoRoom,
            (_, READONLY | PERM) => Failure::NotWritable,
            (_, CANTOPEN) => Failure::CannotOpen,
            (_, NOMEM) => Failure::NoMemory,
            (_, INTERRUPT) => Failure::Interrupted,
            (_, TOOBIG) => Failure::TooBig,
            (_, CONSTRAINT) => Failure::Constraint,
            (_, IOERR) => Failure::Disk,
            (_, CORRUPT) => Failure::Corrupt,
            (_, NOTADB) => Failure::NotADatabase,
            _ => Failure::Unexpected,
        }
    }

    /// Of an error of sqlx; `None` when it is none of SQLite's.
    pub fn of_sqlx(error: &sqlx::Error) -> Option<Self> {
        let code = error.as_database_error()?.code()?;
        code.parse().ok().map(Self::of_code)
    }

    /// The file or the disk below it cannot be trusted any more: a later fsync that passes proves
    /// nothing about the pages that an earlier one lost.
    pub fn is_of_the_medium(self) -> bool {
        matches!(
            self,
            Failure::Disk | Failure::Corrupt | Failure::NotADatabase | Failure::Moved
        )
    }

    /// Gone with the rollback, for certain, when a statement before COMMIT met it.
    pub fn is_rolled_back(self) -> bool {
        !self.is_of_the_medium() && self != Failure::Unexpected
    }
}

/// Extended result code of an error that SQLite itself reported.
pub fn code_of(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_meaning() {
        let meanings = [
            (Failure::Locked, vec![5, 261, 517, 6, 262]),
            (Failure::NoRoom, vec![13, 4874]),
            (Failure::NotWritable, vec![3, 8, 264, 1288]),
            (Failure::CannotOpen, vec![14, 526]),
            (Failure::NoMemory, vec![7]),
            (Failure::Interrupted, vec![9]),
            (Failure::TooBig, vec![18]),
            (Failure::Constraint, vec![19, 2067]),
            (Failure::Disk, vec![10, 266, 778, 1034]),
            (Failure::Corrupt, vec![11, 267]),
            (Failure::NotADatabase, vec![26]),
            (Failure::Moved, vec![1032]),
            (Failure::Unexpected, vec![0, 1, 2, 21]),
        ];
        for (meaning, codes) in meanings {
            for code in codes {
                assert_eq!(Failure::of_code(code), meaning, "{code}");
            }
        }
    }

    #[test]
    fn nothing_of_the_medium_counts_as_rolled_back() {
        for failure in [
            Failure::Disk,
            Failure::Corrupt,
            Failure::NotADatabase,
            Failure::Moved,
        ] {
            assert!(failure.is_of_the_medium() && !failure.is_rolled_back());
        }
        for failure in [Failure::Locked, Failure::NoRoom, Failure::Constraint] {
            assert!(failure.is_rolled_back() && !failure.is_of_the_medium());
        }
        assert!(!Failure::Unexpected.is_rolled_back());
    }
}
