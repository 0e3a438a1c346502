//! `blotter serve`: a node by its configuration.

use super::run::{self, Stops};
use super::{DONE, FAILED, USAGE, output};
use crate::app::config::Draft;
use crate::app::node::Node;

pub async fn run(draft: Draft) -> u8 {
    let config = match draft.finish() {
        Ok(config) => config,
        Err(errors) => {
            output::error(errors);
            return USAGE;
        }
    };
    let started = match Node::start(config).await {
        Ok(node) => Stops::listen().map(|stops| (node, stops)),
        Err(error) => Err(error),
    };
    let (node, stops) = match started {
        Ok(ready) => ready,
        Err(error) => {
            output::error(error);
            return FAILED;
        }
    };
    tracing::info!("ready");
    match run::to_the_end(node, stops, false).await {
        Ok((_, summary)) => {
            tracing::info!(position = %summary.position, "stopped");
            DONE
        }
        Err(error) => {
            output::error(error);
            FAILED
        }
    }
}
