//! The `blotter` program; everything is in the library.

use std::process::ExitCode;

/// Half of what a node does is small pieces of text that live for one order: see
/// `docs/dependencies.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two libraries for TLS are built in and neither may be picked by whoever comes first. It fails
    // only where one has been chosen already, and nothing has run before this.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    blotter::cli::main()
}
