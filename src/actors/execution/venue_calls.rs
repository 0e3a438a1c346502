//! What execution says to its venue, and what it makes of the answers.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::timeout;

use super::actor::{Cause, ExecutionActor};
use crate::domain::{Decided, order};
use crate::events::catalogue::Finding;
use crate::values::{CommandId, EventId, OrderId};
use crate::venues::{NewOrder, VenueError};

/// How long a venue may take to answer a call.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Pause before a venue that could not be reached is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Waits for a venue's answer within bounds; silence is an unknown outcome.
async fn answered<T>(call: impl Future<Output = Result<T, VenueError>>) -> Result<T, VenueError> {
    let silence = || VenueError::Unknown(format!("silent for {} s", ANSWER_WAIT.as_secs()));
    timeout(ANSWER_WAIT, call)
        .await
        .unwrap_or_else(|_| Err(silence()))
}

impl ExecutionActor {
    /// Sends an order whose `OrderRouted` is durable.
    pub(super) fn send(&mut self, id: OrderId, ctx: &mut Context<Self>) {
        fail::fail_point!("execution::before_send");
        let Some(order) = self.book.order(&id) else {
            return self.window.end(&id);
        };
        let new_order = NewOrder {
            client_order_id: order.approval.client_order_id.clone(),
            terms: order.approval.terms.clone(),
        };
        self.busy.begin(&id);
        let venue = Arc::clone(&self.venue);
        let call = async move { answered(venue.submit(new_order)).await };
        ctx.spawn(call.into_actor(self).map(move |answer, actor, ctx| {
            fail::fail_point!("execution::after_send");
            actor.busy.end(&id);
            actor.window.end(&id);
            match answer {
                Ok(()) => {
                    actor.sent.insert(id.clone());
                    actor.advance(&id, ctx);
                }
                Err(error) => actor.doubt(&id, &error, ctx),
            }
            actor.release_waiting(ctx);
            actor.at_rest();
        }));
    }

    /// A timeout is not a rejection: the order keeps its reservation until the venue has said
    /// whether it has it.
    fn doubt(&mut self, id: &OrderId, error: &VenueError, ctx: &mut Context<Self>) {
        tracing::warn!(order = %id, %error, "an order is in doubt");
        if let Some(order) = self.book.order(id).cloned() {
            let decided = order::mark_in_doubt(&order, &error.to_string());
            if decided == Decided::AlreadyApplied {
                // A report was faster: see what is to be done now.
                return self.advance(id, ctx);
            }
            let cause = Cause::of_version("doubt", &order);
            self.record(&order, decided, cause, ctx);
        }
    }

    pub(super) fn ask_venue(&mut self, id: OrderId, ctx: &mut Context<Self>) {
        let Some(order) = self.book.order(&id) else {
            return;
        };
        let client_order_id = order.approval.client_order_id.clone();
        self.busy.begin(&id);
        let venue = Arc::clone(&self.venue);
        let call = async move { answered(venue.knows(&client_order_id)).await };
        ctx.spawn(call.into_actor(self).map(move |answer, actor, ctx| {
            actor.busy.end(&id);
            match answer {
                Ok(known) => actor.reconcile(&id, known, ctx),
                Err(error) => {
                    tracing::warn!(order = %id, %error, "the venue cannot say whether it has an order");
                    actor.try_later(id, RETRY_PAUSE, ctx);
                }
            }
            actor.at_rest();
        }));
    }

    fn reconcile(&mut self, id: &OrderId, known: bool, ctx: &mut Context<Self>) {
        let Some(order) = self.book.order(id).cloned() else {
            return;
        };
        let finding = match known {
            true => Finding::Known,
            false => Finding::NeverArrived,
        };
        if known {
            self.sent.insert(id.clone());
        }
        let decided = order::reconcile(&order, finding);
        if decided == Decided::AlreadyApplied {
            return self.advance(id, ctx);
        }
        let cause = Cause::of_version("reconcile", &order);
        self.record(&order, decided, cause, ctx);
    }

    pub(super) fn send_cancel(&mut self, id: OrderId, request: EventId, ctx: &mut Context<Self>) {
        let Some(order) = self.book.order(&id) else {
            return;
        };
        let client_order_id = order.approval.client_order_id.clone();
        let cancel = CommandId::derived(&["cancel", &request.to_string()]);
        self.busy.begin(&id);
        let venue = Arc::clone(&self.venue);
        let call = async move { answered(venue.cancel(&client_order_id, &cancel)).await };
        ctx.spawn(call.into_actor(self).map(move |answer, actor, ctx| {
            actor.busy.end(&id);
            match answer {
                Ok(()) => {
                    actor.cancels_sent.insert(request);
                    actor.advance(&id, ctx);
                }
                // Asking twice is harmless: the venue answers a cancel id once.
                Err(error) => {
                    tracing::warn!(order = %id, %error, "a cancel could not be sent");
                    actor.try_later(id, RETRY_PAUSE, ctx);
                }
            }
            actor.at_rest();
        }));
    }

    /// Looks at the order again after a pause; until then it counts as busy.
    pub(super) fn try_later(&mut self, id: OrderId, pause: Duration, ctx: &mut Context<Self>) {
        self.busy.begin(&id);
        let pause = self.runtime.jittered(pause);
        ctx.run_later(pause, move |actor, ctx| {
            actor.busy.end(&id);
            actor.advance(&id, ctx);
            actor.at_rest();
        });
    }
}
