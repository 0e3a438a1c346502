//! A node's configuration: defaults, overridden by a TOML file, by `BLOTTER_…` variables and by
//! flags. Everything that is wrong is reported at once, each with its place and what is allowed.
//!
//! [`settings`] is the table of what can be set; `docs/configuration.md` is for people.

mod settings;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::de::{DeTable, DeValue};

use self::settings::{SETTINGS, Setting};
use super::player::Speed;
use crate::events::LogUrl;
use crate::http::HttpSettings;
use crate::values::canonical;
use crate::values::{NodeId, Ratio};
use crate::venues::paper::PaperModel;

/// Variables read elsewhere: by the command line, the build and the tests.
const OTHER_VARIABLES: [&str; 5] = [
    "BLOTTER_LOG_FORMAT",
    "BLOTTER_LOG_LEVEL",
    "BLOTTER_BUILD",
    "BLOTTER_TORTURE",
    "BLOTTER_UPDATE",
];

/// Only this machine; a proxy in front carries the outside.
const DEFAULT_BIND: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where the market data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataFile {
    /// The daily bars that are part of the program.
    BuiltIn,
    File(PathBuf),
}

/// A complete, checked configuration.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    pub node: NodeId,
    pub data_dir: PathBuf,
    pub event_store: LogUrl,
    pub read_store: PathBuf,
    pub secrets_store: PathBuf,
    /// Where HTTP is answered.
    pub bind: SocketAddr,
    pub http: HttpSettings,
    pub paper: PaperModel,
    pub commission_rate: Ratio,
    /// `None`: no market data is played.
    pub data: Option<DataFile>,
    pub speed: Speed,
    /// Plays the data again and again, each time with later dates.
    pub loops: bool,
    /// Sets up the demonstration account and strategy.
    pub demo: bool,
    pub exit_when_done: bool,
}

impl NodeConfig {
    /// SHA-256 over what was configured, hexadecimal; never over a secret.
    pub fn hash(&self) -> String {
        #[derive(Serialize)]
        struct Hashed<'a> {
            node: &'a NodeId,
            commission_rate: Ratio,
            model: String,
            data: String,
            demo: bool,
            #[serde(rename = "loop", skip_serializing_if = "std::ops::Not::not")]
            loops: bool,
        }
        let hashed = Hashed {
            node: &self.node,
            commission_rate: self.commission_rate,
            model: format!("{:?}", self.paper),
            data: format!("{:?}", self.data),
            demo: self.demo,
            loops: self.loops,
        };
        canonical::hash(&hashed)
            .map(hex::encode)
            .unwrap_or_default()
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}; allowed: {allowed}")]
pub struct ConfigError {
    pub place: String,
    pub problem: String,
    pub allowed: String,
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

/// Values as given, before they are put together. Later layers overwrite earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    node: Option<NodeId>,
    data_dir: Option<PathBuf>,
    event_store: Option<LogUrl>,
    event_store_password_file: Option<PathBuf>,
    read_store: Option<PathBuf>,
    secrets_store: Option<PathBuf>,
    bind: Option<SocketAddr>,
    http: HttpSettings,
    commission_rate: Option<Ratio>,
    slippage_bps: Option<u32>,
    data: Option<DataFile>,
    speed: Option<Speed>,
    loops: Option<bool>,
    demo: Option<bool>,
    errors: Vec<ConfigError>,
}

impl Draft {
    /// Overwrites with what the TOML file says.
    pub fn file(&mut self, path: &Path) {
        let place = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.wrong(place, error.to_string(), "a readable TOML file"),
        };
        self.toml(&place, &text);
    }

    /// Overwrites with TOML text; `file` is what errors call it.
    pub fn toml(&mut self, file: &str, text: &str) {
        match DeTable::parse(text) {
            Ok(table) => self.table(file, text, "", table.get_ref()),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let place = format!("{file}, line {}", line_of(text, start));
                self.wrong(place, error.message().to_owned(), "TOML 1.0");
            }
        }
    }

    fn table(&mut self, file: &str, text: &str, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let place = format!("{file}, line {}, {name}", line_of(text, key.span().start));
            let given = match value.get_ref() {
                DeValue::Table(inner) => {
                    self.table(file, text, &format!("{name}."), inner);
                    continue;
                }
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Float(number) => number.to_string(),
                DeValue::Boolean(value) => value.to_string(),
                DeValue::Datetime(time) => time.to_string(),
                DeValue::Array(_) => "(an array)".to_owned(),
            };
            match SETTINGS.iter().find(|setting| setting.toml == name) {
                Some(setting) => {
                    self.set(setting, place.clone(), &given);
                    self.refuse_password(&name, place);
                }
                None => {
                    let known: Vec<_> = SETTINGS.iter().map(|setting| setting.toml).collect();
                    self.wrong(place, "unknown key".to_owned(), &known.join(", "));
                }
            }
        }
    }

    /// A file of settings is copied, shown and kept with the code; a password is not.
    fn refuse_password(&mut self, name: &str, place: String) {
        let url = self.event_store.as_ref().filter(|_| name == "event_store");
        if url.is_some_and(LogUrl::has_password) {
            let problem = "a password does not belong in this file".to_owned();
            let allowed = "the address without it, and event_store_password_file";
            self.wrong(place, problem, allowed);
        }
    }

    /// Overwrites with `BLOTTER_…` variables, looked up by name.
    pub fn environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        for setting in SETTINGS {
            if let Some(given) = variable(setting.env) {
                self.set(setting, setting.env.to_owned(), &given);
            }
        }
    }

    /// Which of the program's variables mean nothing to it: misspelt, or of another version.
    pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
        let known = |name: &String| {
            SETTINGS.iter().any(|setting| setting.env == name)
                || OTHER_VARIABLES.contains(&name.as_str())
        };
        names
            .filter(|name| name.starts_with("BLOTTER_") && !known(name))
            .collect()
    }

    /// Overwrites with a flag; `name` is the setting's name in the file.
    pub fn flag(&mut self, flag: &str, name: &str, given: &str) {
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.toml == name) {
            self.set(setting, flag.to_owned(), given);
        }
    }

    /// What a demonstration does unless told otherwise.
    pub fn demo_defaults(&mut self, speed: &str) {
        self.demo.get_or_insert(true);
        self.data.get_or_insert(DataFile::BuiltIn);
        if self.speed.is_none() {
            self.flag("--speed", "market.speed", speed);
        }
    }

    fn set(&mut self, setting: &Setting, place: String, given: &str) {
        if let Err(problem) = (setting.set)(self, given) {
            self.wrong(place, problem, setting.allowed);
        }
    }

    fn wrong(&mut self, place: String, problem: String, allowed: &str) {
        self.errors.push(ConfigError {
            place,
            problem,
            allowed: allowed.to_owned(),
        });
    }

    /// Where the data directory is as far as given; for commands that only look at a log.
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(default_data_dir)
    }

    /// Puts the configuration together.
    pub fn finish(self) -> Result<NodeConfig, ConfigErrors> {
        let data_dir = self.data_dir();
        let log = self.log_url();
        let mut errors = self.errors;
        let mut wrong = |place: &str, problem: String| {
            errors.push(ConfigError {
                place: place.to_owned(),
                problem,
                allowed: "see docs/configuration.md".to_owned(),
            });
        };
        if self.demo == Some(true) && self.data.is_none() {
            wrong(
                "setup",
                "\"demo\" needs market data; set market.data too".to_owned(),
            );
        }
        if self.loops == Some(true) && self.data.is_none() {
            wrong(
                "market.loop",
                "there is no market data to play again; set market.data too".to_owned(),
            );
        }
        let log = log.map_err(|problem| wrong("event_store_password_file", problem));
        let node = self.node.map_or_else(|| NodeId::new("node-1"), Ok);
        let rate = self.commission_rate.map_or_else(|| "0.001".parse(), Ok);
        let node = node.map_err(|error| wrong("node", error.to_string()));
        let rate: Result<Ratio, ()> =
            rate.map_err(|error: crate::values::AmountError| wrong("paper", error.to_string()));
        let slippage = self.slippage_bps.unwrap_or(0);
        let paper = rate.and_then(|rate| {
            PaperModel::new(slippage, rate).map_err(|error| wrong("paper", error.to_string()))
        });
        match (node, rate, paper, log) {
            (Ok(node), Ok(commission_rate), Ok(paper), Ok(event_store)) if errors.is_empty() => {
                Ok(NodeConfig {
                    node,
                    event_store,
                    read_store: self.read_store.unwrap_or_else(|| data_dir.join("views.db")),
                    secrets_store: self
                        .secrets_store
                        .unwrap_or_else(|| data_dir.join("secrets.db")),
                    bind: self.bind.unwrap_or(DEFAULT_BIND),
                    http: self.http,
                    data_dir,
                    paper,
                    commission_rate,
                    data: self.data,
                    speed: self.speed.unwrap_or(Speed::Max),
                    loops: self.loops.unwrap_or(false),
                    demo: self.demo.unwrap_or(false),
                    exit_when_done: false,
                })
            }
            _ => Err(ConfigErrors(errors)),
        }
    }

    /// The event store as far as given; for commands that only look at a log.
    pub fn event_store(&self) -> Result<LogUrl, ConfigErrors> {
        match self.errors.is_empty() {
            false => Err(ConfigErrors(self.errors.clone())),
            true => self.log_url().map_err(|problem| {
                let mut refused = self.clone();
                refused.wrong(
                    "event_store_password_file".to_owned(),
                    problem,
                    "see docs/configuration.md",
                );
                ConfigErrors(refused.errors)
            }),
        }
    }

    /// The event store with its password.
    fn log_url(&self) -> Result<LogUrl, String> {
        let default = || default_log(&self.data_dir());
        let url = self.event_store.clone().unwrap_or_else(default);
        match &self.event_store_password_file {
            None => Ok(url),
            Some(file) => {
                let read = std::fs::read_to_string(file);
                let text = read.map_err(|error| format!("{}: {error}", file.display()))?;
                url.with_password(text.strip_suffix('\n').unwrap_or(&text))
            }
        }
    }

    /// The read models' database as far as given; for commands that look at it.
    pub fn read_store(&self) -> Result<PathBuf, ConfigErrors> {
        match self.errors.is_empty() {
            false => Err(ConfigErrors(self.errors.clone())),
            true => Ok(self
                .read_store
                .clone()
                .unwrap_or_else(|| self.data_dir().join("views.db"))),
        }
    }

    /// The secrets store as far as given; for commands that manage users and keys.
    pub fn secrets_store(&self) -> Result<PathBuf, ConfigErrors> {
        match self.errors.is_empty() {
            false => Err(ConfigErrors(self.errors.clone())),
            true => Ok(self
                .secrets_store
                .clone()
                .unwrap_or_else(|| self.data_dir().join("secrets.db"))),
        }
    }
}

fn default_log(data_dir: &Path) -> LogUrl {
    LogUrl::Sqlite(data_dir.join("events.db"))
}

/// `blotter-data` in the current directory.
fn default_data_dir() -> PathBuf {
    PathBuf::from("blotter-data")
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_overwrite_earlier_ones() {
        let mut draft = Draft::default();
        draft.toml(
            "blotter.toml",
            "node = \"a\"\ndata_dir = \"d\"\n[market]\nspeed = 5\n",
        );
        draft.environment(|name| (name == "BLOTTER_NODE").then(|| "b".to_owned()));
        draft.flag("--speed", "market.speed", "max");
        let config = draft.finish().expect("a configuration");
        assert_eq!(config.node.as_str(), "b");
        assert_eq!(config.event_store.to_string(), "sqlite:d/events.db");
        assert_eq!(config.speed, Speed::Max);
    }

    #[test]
    fn every_problem_is_reported_at_once_with_its_place() {
        let mut draft = Draft::default();
        let text = "nod = \"a\"\nevent_store = \"mysql://u:hunter2@h\"\n[paper]\ncommission_rate = 2\nslippage_bps = -1\n";
        draft.toml("blotter.toml", text);
        draft.environment(|name| (name == "BLOTTER_MARKET_SPEED").then(|| "fast".to_owned()));
        let errors = draft.finish().expect_err("wrong").to_string();
        for place in [
            "blotter.toml, line 1, nod: unknown key",
            "blotter.toml, line 2, event_store: unknown engine \"mysql\"; allowed: sqlite:PATH",
            "blotter.toml, line 4, paper.commission_rate",
            "blotter.toml, line 5, paper.slippage_bps",
            "BLOTTER_MARKET_SPEED: found \"fast\"",
        ] {
            assert!(errors.contains(place), "{place} is not in:\n{errors}");
        }
        assert!(!errors.contains("hunter2"), "{errors}");
    }

    #[test]
    fn a_misspelt_variable_is_found() {
        let names = ["BLOTTER_NODE", "BLOTTER_NOED", "BLOTTER_LOG_LEVEL", "PATH"];
        let unknown = Draft::unknown_variables(names.into_iter().map(str::to_owned));
        assert_eq!(unknown, ["BLOTTER_NOED"]);
    }

    #[test]
    fn a_demonstration_without_data_is_refused() {
        let mut draft = Draft::default();
        draft.toml("blotter.toml", "setup = \"demo\"\n");
        let errors = draft.finish().expect_err("wrong").to_string();
        assert!(
            errors.starts_with("setup: \"demo\" needs market data"),
            "{errors}"
        );
    }

    #[test]
    fn playing_again_needs_something_to_play() {
        let mut draft = Draft::default();
        draft.toml("blotter.toml", "[market]\nloop = true\n");
        let errors = draft.finish().expect_err("wrong").to_string();
        assert!(errors.starts_with("market.loop: there is no"), "{errors}");
        let mut draft = Draft::default();
        draft.toml(
            "blotter.toml",
            "[market]\nloop = true\ndata = \"builtin\"\n",
        );
        assert!(draft.finish().expect("a configuration").loops);
    }

    #[test]
    fn playing_again_is_in_the_hash_and_playing_once_is_what_it_was() {
        let hash = |given: &str| {
            let mut draft = Draft::default();
            draft.demo_defaults("max");
            draft.flag("--loop", "market.loop", given);
            draft.finish().expect("a configuration").hash()
        };
        let mut plain = Draft::default();
        plain.demo_defaults("max");
        assert_eq!(
            hash("false"),
            plain.finish().expect("a configuration").hash()
        );
        assert_ne!(hash("true"), hash("false"));
    }

    #[test]
    fn text_that_is_no_toml_is_named_with_its_line() {
        let mut draft = Draft::default();
        draft.toml("blotter.toml", "node = \"a\"\n[[[\n");
        let errors = draft.finish().expect_err("wrong").to_string();
        assert!(errors.starts_with("blotter.toml, line 2:"), "{errors}");
    }
}
