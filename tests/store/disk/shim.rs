//! Compiles the disk that fails (`shim.c`) and puts it under a program.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// What goes wrong, and where.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Names of the files, a pattern as in a shell.
    pub files: &'static str,
    /// `write`, `sync` or `read`.
    pub calls: &'static str,
    /// `eio`, `full` or `short`.
    pub kind: &'static str,
    /// Which of those calls, counting from 1; 0 for none.
    pub at: usize,
    /// How many fail, from that one on.
    pub times: usize,
}

impl Fault {
    /// Lets `command` run on a disk that fails so.
    pub fn put_under(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", library())
            .env("FAULTY_DISK_FILES", self.files)
            .env("FAULTY_DISK_CALLS", self.calls)
            .env("FAULTY_DISK_FAULT", self.kind)
            .env("FAULTY_DISK_AT", self.at.to_string())
            .env("FAULTY_DISK_TIMES", self.times.to_string());
    }
}

/// The compiled shim: made once and kept beside the other build products.
fn library() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/disk/shim.c");
    let text = std::fs::read(&source).expect("reads");
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = parent.join(format!("disk-{}.so", hex::encode(Sha256::digest(&text))));
    if !library.exists() {
        let dir = tempfile::tempdir_in(parent).expect("a directory");
        let made = dir.path().join("disk.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-Wall", "-Wextra", "-O1", "-shared", "-fPIC", "-o"]);
        let compiled = compiler.arg(&made).arg(&source).args(["-ldl", "-lpthread"]);
        let compiled = compiled.output().expect("a C compiler, see `make needs`");
        assert!(compiled.status.success(), "{compiled:?}");
        // Of several that make one at the same time, any will do.
        std::fs::rename(&made, &library).expect("moves");
    }
    library
}
