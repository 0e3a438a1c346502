//! The `blotter` program; everything is in the library.

use std::process::ExitCode;

/// Half of what a node does is small pieces of text that live for one order: see
/// `docs/dependencies.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    blotter::cli::main()
}
