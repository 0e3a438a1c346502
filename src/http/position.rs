//! `Blotter-Position` and `min_position`: reading one's own writes.

use std::time::Duration;

use actix_web::http::header::HeaderName;
use tokio::time::timeout;

use super::problem::{Code, Problem};
use super::services::Services;
use crate::values::Position;

/// Stands in every answer under `/api/v1`.
pub const BLOTTER_POSITION: HeaderName = HeaderName::from_static("blotter-position");

/// Longest wait for the read models.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// The position that every read model is complete up to.
pub fn viewed(services: &Services) -> Position {
    *services.viewed.borrow()
}

/// Waits, within bounds, until the read models are complete up to `wanted`.
pub async fn wait_for(services: &Services, wanted: Position) -> Result<(), Problem> {
    let mut viewed = services.viewed.clone();
    let reached = timeout(WAIT_MAX, viewed.wait_for(|viewed| *viewed >= wanted)).await;
    match reached {
        Ok(Ok(_)) => Ok(()),
        _ => {
            let now = *services.viewed.borrow();
            let detail = format!("the read models are complete up to position {now}, not {wanted}");
            Err(Problem::new(Code::ReadModelBehind, detail).retry_after(1))
        }
    }
}
