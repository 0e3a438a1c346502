//! Which program this is.

/// Version and, where the build knew it, commit; stands in every record.
pub const BUILD: &str = match option_env!("BLOTTER_BUILD") {
    Some(commit) => commit,
    None => "unknown",
};

/// `0.0.1+abc1234`.
pub fn version() -> String {
    format!("{}+{BUILD}", env!("CARGO_PKG_VERSION"))
}
