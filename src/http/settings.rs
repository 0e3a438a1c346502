//! What of HTTP can be configured; `docs/configuration.md` says how.

use std::fmt;
use std::str::FromStr;

use super::stream::limits::REPLAY_EVENTS_MAX;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Sites besides the server's own whose pages may use it, for example behind a proxy that
    /// changes the Host header. Their names are taken as the server's own too.
    pub allowed_origins: Vec<Origin>,
    /// Events that a client of the stream may be behind and still get them all.
    pub stream_replay_events: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            stream_replay_events: REPLAY_EVENTS_MAX,
        }
    }
}

/// A site as browsers name it: scheme, host and, unless it is the scheme's own, port; lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin; write it like https://blotter.example.com, without a path")]
pub struct NotAnOrigin(String);

impl Origin {
    /// `host` or `host:port`.
    pub fn site(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, site)| site)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let lower = text.trim().to_ascii_lowercase();
        let site = lower
            .strip_prefix("https://")
            .or_else(|| lower.strip_prefix("http://"));
        let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        match site {
            Some(site) if !site.is_empty() && site.chars().all(usual) => Ok(Self(lower)),
            _ => Err(NotAnOrigin(text.to_owned())),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host() {
        let origin: Origin = " https://Blotter.Example:8443 ".parse().expect("an origin");
        assert_eq!(origin.as_str(), "https://blotter.example:8443");
        assert_eq!(origin.site(), "blotter.example:8443");
        for bad in [
            "",
            "*",
            "null",
            "blotter.example",
            "ftp://a",
            "https://",
            "https://a/b",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
