//! A venue that answers as the script says and remembers every call in order. Without a script it
//! takes everything and tells the truth.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use blotter::values::{ClientOrderId, CommandId, ExecutionId, VenueId, VenueOrderId};
use blotter::venues::{NewOrder, Report, ReportBody, Venue, VenueError};
use tokio::sync::watch;

use crate::support::{at_second, venue_id};

/// What becomes of one order that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    Arrives,
    Unavailable,
    /// No answer; the order arrived.
    UnknownArrived,
    /// No answer; the order did not arrive.
    UnknownLost,
    /// The call never returns; the order arrived.
    Hangs,
    /// The call never returns; the order did not arrive.
    HangsLost,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Submit(ClientOrderId),
    Cancel(ClientOrderId, CommandId),
    Knows(ClientOrderId),
}

#[derive(Default)]
struct Script {
    calls: Vec<Call>,
    /// Orders that arrived as new ones, in order.
    entered: Vec<ClientOrderId>,
    sendings: VecDeque<Sending>,
    /// That many questions and cancels fail first.
    questions_failing: usize,
    cancels_failing: usize,
    reports: Vec<Report>,
    /// The next request for reports is answered from the first one on.
    rewound: bool,
}

pub struct ScriptedVenue {
    id: VenueId,
    script: Mutex<Script>,
    last: watch::Sender<u64>,
}

impl ScriptedVenue {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            id: venue_id(),
            script: Mutex::default(),
            last: watch::Sender::new(0),
        })
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("unpoisoned")
    }

    pub fn next_sendings(&self, sendings: impl IntoIterator<Item = Sending>) {
        self.script().sendings.extend(sendings);
    }

    pub fn fail_questions(&self, count: usize) {
        self.script().questions_failing = count;
    }

    pub fn fail_cancels(&self, count: usize) {
        self.script().cancels_failing = count;
    }

    pub fn calls(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    pub fn entered(&self) -> Vec<ClientOrderId> {
        self.script().entered.clone()
    }

    /// How often `order` was put to the venue.
    pub fn submits(&self, order: &ClientOrderId) -> usize {
        let submit = Call::Submit(order.clone());
        self.calls().iter().filter(|call| **call == submit).count()
    }

    /// Reports something about `order`.
    pub fn report(&self, order: &ClientOrderId, body: ReportBody) {
        let mut script = self.script();
        let sequence = script.reports.len() as u64 + 1;
        script.reports.push(Report {
            sequence,
            client_order_id: order.clone(),
            transact_time: at_second(1),
            body,
        });
        drop(script);
        self.last.send_replace(sequence);
    }

    /// Forgets what is left of the script.
    pub fn behave(&self) {
        let mut script = self.script();
        script.sendings.clear();
        script.questions_failing = 0;
        script.cancels_failing = 0;
    }

    /// Sends every report so far once more, with the next one.
    pub fn rewind(&self) {
        self.script().rewound = true;
    }
}

pub fn acknowledged(order: &ClientOrderId) -> ReportBody {
    let venue_order_id = VenueOrderId::derived(&[order.as_str()]);
    ReportBody::New { venue_order_id }
}

/// Execution number `number`: `quantity` at 100 with a commission of 1.
pub fn trade(number: u32, quantity: &str) -> ReportBody {
    ReportBody::Trade {
        execution_id: ExecutionId::derived(&[&number.to_string()]),
        quantity: quantity.parse().expect("a quantity"),
        price: "100".parse().expect("a price"),
        commission: "1".parse().expect("an amount"),
    }
}

#[async_trait]
impl Venue for ScriptedVenue {
    fn id(&self) -> &VenueId {
        &self.id
    }

    async fn submit(&self, order: NewOrder) -> Result<(), VenueError> {
        let sending = {
            let mut script = self.script();
            script
                .calls
                .push(Call::Submit(order.client_order_id.clone()));
            let sending = script.sendings.pop_front().unwrap_or(Sending::Arrives);
            let arrives = matches!(
                sending,
                Sending::Arrives | Sending::UnknownArrived | Sending::Hangs
            );
            if arrives && !script.entered.contains(&order.client_order_id) {
                script.entered.push(order.client_order_id);
            }
            sending
        };
        let scripted = "scripted".to_owned();
        match sending {
            Sending::Arrives => Ok(()),
            Sending::Unavailable => Err(VenueError::Unavailable(scripted)),
            Sending::UnknownArrived | Sending::UnknownLost => Err(VenueError::Unknown(scripted)),
            Sending::Hangs | Sending::HangsLost => std::future::pending().await,
        }
    }

    async fn cancel(&self, order: &ClientOrderId, cancel: &CommandId) -> Result<(), VenueError> {
        let mut script = self.script();
        script
            .calls
            .push(Call::Cancel(order.clone(), cancel.clone()));
        if script.cancels_failing > 0 {
            script.cancels_failing -= 1;
            return Err(VenueError::Unknown("scripted".to_owned()));
        }
        Ok(())
    }

    async fn knows(&self, order: &ClientOrderId) -> Result<bool, VenueError> {
        let mut script = self.script();
        script.calls.push(Call::Knows(order.clone()));
        if script.questions_failing > 0 {
            script.questions_failing -= 1;
            return Err(VenueError::Unavailable("scripted".to_owned()));
        }
        Ok(script.entered.contains(order))
    }

    async fn reports(&self, after: u64) -> Result<Vec<Report>, VenueError> {
        let mut script = self.script();
        let after = match std::mem::take(&mut script.rewound) {
            true => 0,
            false => after,
        };
        let later = script
            .reports
            .iter()
            .filter(|report| report.sequence > after);
        Ok(later.cloned().collect())
    }

    fn last_report(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}
