//! Files that are held against what the program would write.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use blotter::events::Event;
use blotter::events::catalogue::Shape;

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Whether files are to be written anew.
pub fn is_update() -> bool {
    std::env::var_os("BLOTTER_UPDATE").is_some_and(|value| value == "1")
}

/// `OrderRouted.v1`
pub fn shape_name(shape: &Shape<Event>) -> String {
    format!("{}.v{}", shape.name, shape.schema_version)
}

/// Names of the files of a folder.
pub fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.into_string().expect("text"))
        .collect()
}
