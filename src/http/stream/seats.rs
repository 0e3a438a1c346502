//! How many clients there may be at a time: altogether, for each principal, and of those who have
//! not said yet who they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub const CLIENTS_MAX: usize = 1_024;
pub const CLIENTS_PER_PRINCIPAL_MAX: usize = 16;
/// Connections that wait for their ticket.
pub const STRANGERS_MAX: usize = 128;

/// Counts clients. Cheap to clone.
#[derive(Clone, Default)]
pub struct Seats {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    strangers: usize,
    clients: usize,
    by_principal: HashMap<String, usize>,
}

/// A place held by one connection until it is dropped.
pub struct Seat {
    seats: Seats,
    principal: Option<String>,
}

/// There is no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSeat {
    #[error("{CLIENTS_MAX} clients are connected to the stream; try again later")]
    Full,
    #[error(
        "{STRANGERS_MAX} connections to the stream wait for their ticket; try again in a few seconds"
    )]
    TooManyStrangers,
    #[error(
        "{principal} has {CLIENTS_PER_PRINCIPAL_MAX} connections to the stream; close one of them"
    )]
    TooManyOfOne { principal: String },
}

impl Seats {
    /// A place for somebody who will say later who it is.
    pub fn stranger(&self) -> Result<Seat, NoSeat> {
        let mut taken = self.taken();
        if taken.clients >= CLIENTS_MAX {
            return Err(NoSeat::Full);
        }
        if taken.strangers >= STRANGERS_MAX {
            return Err(NoSeat::TooManyStrangers);
        }
        taken.strangers += 1;
        Ok(Seat {
            seats: self.clone(),
            principal: None,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counted up and down in one step each.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// It has become known who sits here.
    pub fn known_as(&mut self, principal: &str) -> Result<(), NoSeat> {
        if self.principal.is_some() {
            return Ok(());
        }
        let mut taken = self.seats.taken();
        if taken.clients >= CLIENTS_MAX {
            return Err(NoSeat::Full);
        }
        let own = taken.by_principal.get(principal).copied().unwrap_or(0);
        if own >= CLIENTS_PER_PRINCIPAL_MAX {
            let principal = principal.to_owned();
            return Err(NoSeat::TooManyOfOne { principal });
        }
        taken.by_principal.insert(principal.to_owned(), own + 1);
        taken.strangers -= 1;
        taken.clients += 1;
        show(taken.clients);
        self.principal = Some(principal.to_owned());
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        let Some(principal) = self.principal.take() else {
            taken.strangers -= 1;
            return;
        };
        taken.clients -= 1;
        show(taken.clients);
        match taken.by_principal.get_mut(&principal) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.by_principal.remove(&principal);
            }
        }
    }
}

fn show(clients: usize) {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    metrics::gauge!("blotter_stream_clients").set(f64::from(clients));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sit(seats: &Seats, principal: &str) -> Result<Seat, NoSeat> {
        let mut seat = seats.stranger()?;
        seat.known_as(principal)?;
        Ok(seat)
    }

    #[test]
    fn one_principal_cannot_take_every_place() {
        let seats = Seats::default();
        let mut held: Vec<_> = (0..CLIENTS_PER_PRINCIPAL_MAX)
            .map(|_| sit(&seats, "user:anna").expect("a seat"))
            .collect();
        let refused = sit(&seats, "user:anna").err();
        assert!(matches!(refused, Some(NoSeat::TooManyOfOne { .. })));
        sit(&seats, "user:bert").expect("others may");
        held.pop();
        sit(&seats, "user:anna").expect("one has left");
    }

    #[test]
    fn places_are_given_back() {
        let seats = Seats::default();
        let clients: Vec<_> = (0..CLIENTS_MAX)
            .map(|number| sit(&seats, &format!("user:{number}")).expect("a seat"))
            .collect();
        assert_eq!(seats.stranger().err(), Some(NoSeat::Full));
        drop(clients);
        let strangers: Vec<_> = (0..STRANGERS_MAX).map(|_| seats.stranger()).collect();
        assert!(strangers.iter().all(Result::is_ok));
        assert_eq!(seats.stranger().err(), Some(NoSeat::TooManyStrangers));
        drop(strangers);
        let taken = seats.taken();
        assert_eq!((taken.strangers, taken.clients), (0, 0));
        assert!(taken.by_principal.is_empty());
    }
}
