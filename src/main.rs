//! The `blotter` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    blotter::cli::main()
}
