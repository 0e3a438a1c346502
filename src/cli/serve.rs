//! `blotter serve`: a node by its configuration.

use super::{DONE, FAILED, USAGE, output, run};
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
    let node = match Node::start(config).await {
        Ok(node) => node,
        Err(error) => {
            output::error(error);
            return FAILED;
        }
    };
    tracing::info!("ready");
    match run::to_the_end(node, false).await {
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
