//! Given facts, when asked, then facts or an error; and the laws over random histories.

mod checks;
mod commands;
mod fills;
mod laws;
mod submit;
