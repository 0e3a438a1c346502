//! What can be set: one row a setting, with its names, what is allowed and how it is read.

use std::path::PathBuf;
use std::time::Duration;

use super::{DataFile, Draft};
use crate::app::player::Speed;
use crate::events::engine;
use crate::http::NotAnOrigin;
use crate::values::{NodeId, Ratio};
use crate::venues::paper::PaperModel;

/// Fastest paced playing in bars a second; beyond it use `max`.
const BARS_PER_SECOND_MAX: f64 = 10_000.0;

/// One setting: its names, what is allowed, and how it is read.
pub(super) struct Setting {
    /// In the TOML file, with its table.
    pub toml: &'static str,
    pub env: &'static str,
    pub allowed: &'static str,
    pub set: fn(&mut Draft, &str) -> Result<(), String>,
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        toml: "node",
        env: "BLOTTER_NODE",
        allowed: "a name of letters, digits and . _ : -",
        set: |draft, text| {
            draft.node = Some(NodeId::new(text).map_err(|error| error.to_string())?);
            Ok(())
        },
    },
    Setting {
        toml: "data_dir",
        env: "BLOTTER_DATA_DIR",
        allowed: "a directory",
        set: |draft, text| {
            draft.data_dir = Some(path(text)?);
            Ok(())
        },
    },
    Setting {
        toml: "event_store",
        env: "BLOTTER_EVENT_STORE",
        allowed: engine::URLS,
        set: |draft, text| {
            draft.event_store = Some(text.trim().parse()?);
            Ok(())
        },
    },
    Setting {
        toml: "event_store_password_file",
        env: "BLOTTER_EVENT_STORE_PASSWORD_FILE",
        allowed: "a file that holds the password of event_store and nothing else",
        set: |draft, text| {
            draft.event_store_password_file = Some(existing_file(text)?);
            Ok(())
        },
    },
    Setting {
        toml: "read_store",
        env: "BLOTTER_READ_STORE",
        allowed: "sqlite:PATH",
        set: |draft, text| {
            draft.read_store = Some(sqlite_path(text)?);
            Ok(())
        },
    },
    Setting {
        toml: "secrets_store",
        env: "BLOTTER_SECRETS_STORE",
        allowed: "sqlite:PATH",
        set: |draft, text| {
            draft.secrets_store = Some(sqlite_path(text)?);
            Ok(())
        },
    },
    Setting {
        toml: "bind",
        env: "BLOTTER_BIND",
        allowed: "ADDRESS:PORT, for example 127.0.0.1:8080; port 0 takes a free one",
        set: |draft, text| {
            let address = text.parse().map_err(|_| format!("found {text:?}"))?;
            draft.bind = Some(address);
            Ok(())
        },
    },
    Setting {
        toml: "http.allowed_origins",
        env: "BLOTTER_ALLOWED_ORIGINS",
        allowed: "origins separated by commas, for example \"https://blotter.example.com\"",
        set: |draft, text| {
            let origins = text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            let parsed: Result<_, NotAnOrigin> = origins.map(str::parse).collect();
            draft.http.allowed_origins = parsed.map_err(|error| error.to_string())?;
            Ok(())
        },
    },
    Setting {
        toml: "http.stream_replay_events",
        env: "BLOTTER_STREAM_REPLAY_EVENTS",
        allowed: "whole events, 1 to 10000000",
        set: |draft, text| {
            let events = text.parse().ok();
            let events = events.filter(|events| (1..=10_000_000).contains(events));
            draft.http.stream_replay_events = events.ok_or_else(|| format!("found {text:?}"))?;
            Ok(())
        },
    },
    Setting {
        toml: "paper.commission_rate",
        env: "BLOTTER_PAPER_COMMISSION_RATE",
        allowed: "a decimal from 0 to 1 as text, for example \"0.001\"",
        set: |draft, text| {
            let rate: Ratio = text.parse().map_err(|error| format!("{error}"))?;
            PaperModel::new(0, rate).map_err(|error| error.to_string())?;
            draft.commission_rate = Some(rate);
            Ok(())
        },
    },
    Setting {
        toml: "paper.slippage_bps",
        env: "BLOTTER_PAPER_SLIPPAGE_BPS",
        allowed: "whole basis points, 0 to 1000",
        set: |draft, text| {
            let slippage = text.parse().ok().filter(|slippage| *slippage <= 1_000);
            draft.slippage_bps = Some(slippage.ok_or_else(|| format!("found {text:?}"))?);
            Ok(())
        },
    },
    Setting {
        toml: "market.data",
        env: "BLOTTER_MARKET_DATA",
        allowed: "a CSV file of daily bars, plain or gzip, or \"builtin\"",
        set: |draft, text| {
            draft.data = Some(match text {
                "builtin" => DataFile::BuiltIn,
                file => DataFile::File(existing_file(file)?),
            });
            Ok(())
        },
    },
    Setting {
        toml: "market.speed",
        env: "BLOTTER_MARKET_SPEED",
        allowed: "\"max\", or bars a second above 0 and up to 10000",
        set: |draft, text| {
            draft.speed = Some(parse_speed(text)?);
            Ok(())
        },
    },
    Setting {
        toml: "market.loop",
        env: "BLOTTER_MARKET_LOOP",
        allowed: "true or false",
        set: |draft, text| {
            draft.loops = Some(text.parse().map_err(|_| format!("found {text:?}"))?);
            Ok(())
        },
    },
    Setting {
        toml: "setup",
        env: "BLOTTER_SETUP",
        allowed: "\"none\" or \"demo\"",
        set: |draft, text| {
            draft.demo = Some(match text {
                "none" => false,
                "demo" => true,
                other => return Err(format!("found {other:?}")),
            });
            Ok(())
        },
    },
];

fn path(text: &str) -> Result<PathBuf, String> {
    match text.trim().is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(PathBuf::from(text)),
    }
}

fn existing_file(text: &str) -> Result<PathBuf, String> {
    let file = path(text)?;
    match std::fs::metadata(&file) {
        Ok(found) if found.is_file() => Ok(file),
        Ok(_) => Err(format!("{text:?} is not a file")),
        Err(error) => Err(format!("{text:?}: {error}")),
    }
}

fn sqlite_path(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("sqlite:") {
        Some(file) => path(file),
        // Only the scheme: what follows it may hold a password.
        None => Err(format!(
            "unknown engine {:?}",
            text.split(':').next().unwrap_or_default()
        )),
    }
}

/// `max`, or bars a second.
fn parse_speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= BARS_PER_SECOND_MAX => {
            Ok(Speed::Pause(Duration::from_secs_f64(1.0 / rate)))
        }
        _ => Err(format!("found {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::LogUrl;

    #[test]
    fn every_setting_is_documented() {
        let page = include_str!("../../../docs/configuration.md");
        for setting in SETTINGS {
            for name in [setting.toml, setting.env] {
                assert!(
                    page.contains(&format!("`{name}`")),
                    "docs/configuration.md lacks {name}"
                );
            }
        }
    }

    #[test]
    fn a_speed_is_max_or_bars_a_second() {
        assert_eq!(parse_speed("max"), Ok(Speed::Max));
        assert_eq!(
            parse_speed("4"),
            Ok(Speed::Pause(Duration::from_millis(250)))
        );
        for bad in ["", "0", "-1", "nan", "inf", "1e9", "fast"] {
            assert!(parse_speed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_comes_from_the_environment_or_a_file() {
        const BARE: &str = "postgres://desk@db/orders";
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "hunter2\n").expect("writes");
        let path = file.path().to_str().expect("a path");
        let set = |event_store: &str, password_file: Option<&str>| {
            let mut draft = Draft::default();
            draft.environment(|name| match name {
                "BLOTTER_EVENT_STORE" => Some(event_store.to_owned()),
                "BLOTTER_EVENT_STORE_PASSWORD_FILE" => password_file.map(str::to_owned),
                _ => None,
            });
            draft
        };
        let with_file = set(BARE, Some(path)).event_store().expect("an address");
        let bare: LogUrl = BARE.parse().expect("an address");
        assert_eq!(
            Ok(&with_file),
            bare.clone().with_password("hunter2").as_ref()
        );
        let direct = set("postgres://desk:hunter2@db/orders", None);
        assert!(direct.event_store().expect("an address").has_password());

        let wrong = set("sqlite:events.db", Some(path)).finish();
        let wrong = wrong.expect_err("a file takes none").to_string();
        assert!(
            wrong.contains("event_store_password_file: a file takes no password"),
            "{wrong}"
        );
        let missing = set(BARE, Some("no such file")).event_store();
        assert!(
            missing
                .expect_err("is not there")
                .to_string()
                .contains("no such file")
        );
    }

    #[test]
    fn a_password_does_not_belong_in_the_configuration_file() {
        let mut draft = Draft::default();
        draft.toml(
            "blotter.toml",
            "event_store = \"postgres://desk:hunter2@db/orders\"\n",
        );
        let errors = draft.event_store().expect_err("refused").to_string();
        assert!(
            errors.starts_with("blotter.toml, line 1, event_store: a password"),
            "{errors}"
        );
        assert!(!errors.contains("hunter2"), "{errors}");
        let mut draft = Draft::default();
        draft.toml(
            "blotter.toml",
            "event_store = \"postgres://desk@db/orders\"\n",
        );
        assert!(draft.event_store().is_ok());
    }
}
