//! `blotter version`.

use super::{DONE, FAILED, USAGE, output};
use crate::app::build;
use crate::app::config::Draft;

pub fn run(draft: Draft) -> u8 {
    let config = match draft.finish() {
        Ok(config) => config,
        Err(errors) => {
            output::error(errors);
            return USAGE;
        }
    };
    let text = format!(
        "blotter {}\nbuild {}\nconfiguration {}",
        env!("CARGO_PKG_VERSION"),
        build::BUILD,
        config.hash()
    );
    match output::line(text) {
        Ok(()) => DONE,
        Err(_) => FAILED,
    }
}
