//! The session against scripts of frames, events and time; no sockets, no clock.

mod exactness;
mod given;
mod limits;
mod opening;
