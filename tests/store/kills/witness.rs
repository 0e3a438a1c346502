//! What a writer was told, in a file of its own: a line an acknowledgement, on disk before the
//! writer goes on.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use blotter::events::Receipt;
use blotter::values::canonical::Hash;

pub struct Witness {
    path: PathBuf,
    file: File,
}

/// One acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub sequence: u64,
    pub index: u64,
    pub position: u64,
    pub commit: String,
    pub fingerprint: String,
}

impl Witness {
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self {
            path: path.to_owned(),
            file: file.expect("a witness"),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn record(&mut self, sequence: u64, index: u64, receipt: &Receipt, fingerprint: &Hash) {
        let position = receipt.first_position;
        let commit = receipt.commit_id;
        let fingerprint = hex::encode(fingerprint);
        let line = format!("{sequence} {index} {position} {commit} {fingerprint}\n");
        self.file.write_all(line.as_bytes()).expect("writes");
        self.file.sync_data().expect("reaches the disk");
    }

    /// Cuts off a line that a writer was killed in.
    pub fn mend(&self) {
        let text = std::fs::read(&self.path).expect("a witness");
        let end = text.iter().rposition(|byte| *byte == b'\n');
        let whole = end.map_or(0, |end| end as u64 + 1);
        self.file.set_len(whole).expect("can be cut");
    }

    pub fn lines(&self) -> Vec<Line> {
        read(&self.path)
    }
}

/// The lines that are whole: a writer may be killed in the middle of one.
pub fn read(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).expect("a witness");
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(line).collect()
}

fn line(text: &str) -> Line {
    let mut words = text.split(' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("torn: {text:?}"));
    let number = |word: &str| word.parse().expect("a number");
    Line {
        sequence: number(word()),
        index: number(word()),
        position: number(word()),
        commit: word().to_owned(),
        fingerprint: word().to_owned(),
    }
}
