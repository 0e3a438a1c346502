//! The rows that a channel begins with: those of its resource in the API.

use serde::Serialize;
use serde_json::value::RawValue;

use super::channel::Channel;
use crate::http::Services;
use crate::http::problem::Problem;
use crate::http::rows::{Account, Actor, Execution, Instrument, KillSwitch, Order, Signal};
use crate::projections::orders::OrderFilter;
use crate::projections::{
    PAGE_ROWS_MAX, Views, executions, instruments, kill_switches, orders, signals, standings,
};

/// Newest executions and signals.
const NEWEST_ROWS: u32 = 100;
/// Most rows of a resource that is sent whole: open orders (the newest), accounts, instruments.
pub const ROWS_MAX: usize = 10_000;

/// The rows of `channels`, each as a JSON list.
pub async fn fetch(
    services: &Services,
    channels: &[Channel],
) -> Result<Vec<(Channel, Box<RawValue>)>, Problem> {
    let mut fetched = Vec::with_capacity(channels.len());
    for channel in channels {
        fetched.push((*channel, rows(services, *channel).await?));
    }
    Ok(fetched)
}

async fn rows(services: &Services, channel: Channel) -> Result<Box<RawValue>, Problem> {
    let views = &services.views;
    match channel {
        Channel::Orders => list(open_orders(views).await?),
        Channel::Executions => {
            let page = executions::page(views, &Default::default(), NEWEST_ROWS).await?;
            list(page.into_iter().map(Execution::from))
        }
        Channel::Accounts => list(accounts(views).await?),
        Channel::Prices => list(all_instruments(views).await?),
        Channel::Signals => {
            let page = signals::page(views, &Default::default(), NEWEST_ROWS).await?;
            list(page.into_iter().map(Signal::from))
        }
        Channel::KillSwitches => {
            let all = kill_switches::all(views).await?;
            list(all.into_iter().map(KillSwitch::from))
        }
        Channel::Ops => {
            let actors = services.actors.borrow().clone();
            list(actors.iter().map(Actor::from))
        }
        Channel::Audit => list(std::iter::empty::<()>()),
    }
}

fn list<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<Box<RawValue>, Problem> {
    let rows: Vec<T> = rows.into_iter().collect();
    let json = serde_json::to_string(&rows).map_err(Problem::internal)?;
    RawValue::from_string(json).map_err(Problem::internal)
}

/// Whether another page is to be read: there may be one, and there is room for it.
fn goes_on(page: usize, total: usize) -> bool {
    page == PAGE_ROWS_MAX as usize && total < ROWS_MAX
}

async fn open_orders(views: &Views) -> Result<Vec<Order>, Problem> {
    let mut filter = OrderFilter {
        open: Some(true),
        ..OrderFilter::default()
    };
    let mut all = Vec::new();
    loop {
        let page = orders::page(views, &filter, PAGE_ROWS_MAX).await?;
        let length = page.len();
        filter.before = page.last().map(|order| order.submitted_position);
        all.extend(page.into_iter().map(Order::from));
        if !goes_on(length, all.len()) {
            return Ok(all);
        }
    }
}

async fn accounts(views: &Views) -> Result<Vec<Account>, Problem> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = standings::page(views, after.as_ref(), PAGE_ROWS_MAX).await?;
        let length = page.len();
        after = page.last().map(|standing| standing.account.account.clone());
        all.extend(page.into_iter().map(Account::from));
        if !goes_on(length, all.len()) {
            return Ok(all);
        }
    }
}

async fn all_instruments(views: &Views) -> Result<Vec<Instrument>, Problem> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = instruments::page(views, after.as_ref(), PAGE_ROWS_MAX).await?;
        let length = page.len();
        after = page.last().map(|row| row.instrument.symbol.clone());
        all.extend(page.into_iter().map(Instrument::from));
        if !goes_on(length, all.len()) {
            return Ok(all);
        }
    }
}
