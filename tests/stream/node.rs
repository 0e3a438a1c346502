//! A node for one test: its own directory, a free port, users with keys, and a log as long as it
//! is wanted.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::System;
use blotter::app::config::{Draft, NodeConfig};
use blotter::app::node::Node;
use blotter::events::OpenMode;
use blotter::events::catalogue::NodeStopped;
use blotter::events::envelope::Origin;
use blotter::events::plan::Stamp;
use blotter::events::{Commit, Meta, Who};
use blotter::identity::{Identity, NewKey, Role};
use blotter::runtime::{SystemClock, SystemRandomness};
use blotter::values::{CommandId, NodeId, Position, StreamName, Timestamp, UserName, Version};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::client::get;

/// Longest that a run may take.
const PATIENCE: Duration = Duration::from_secs(120);
pub const PASSWORD: &str = "quite-a-long-passphrase-7";
/// Events of a commit of a long log.
const COMMIT_EVENTS: u64 = 200;

/// An API key.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

/// What outlives a run of the node.
pub struct Place {
    dir: TempDir,
    pub keys: Vec<(Role, Key)>,
    settings: Vec<(&'static str, String)>,
    /// Bars a second of the recorded market; `None`: no market.
    speed: Option<&'static str>,
    /// How long the last node took to stop.
    pub stop_took: Cell<Duration>,
}

/// A running node.
pub struct Floor<'a> {
    pub place: &'a Place,
    pub address: SocketAddr,
}

impl Floor<'_> {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn key(&self, role: Role) -> &Key {
        let key = self.place.keys.iter().find(|(other, _)| *other == role);
        &key.expect("a key").1
    }
}

impl Place {
    /// Nothing happens there by itself.
    pub fn quiet() -> Self {
        let mut place = Self {
            dir: tempfile::tempdir().expect("a directory"),
            keys: Vec::new(),
            settings: Vec::new(),
            speed: None,
            stop_took: Cell::default(),
        };
        place.keys = System::new().block_on(people(&place.config()));
        place
    }

    /// The demonstration plays, so many bars a second.
    pub fn trading(speed: &'static str) -> Self {
        Self {
            speed: Some(speed),
            ..Self::quiet()
        }
    }

    /// The same over a few weeks in which prices fall and then rise.
    pub fn trading_briefly() -> Self {
        let place = Self::trading("max");
        let file = place.dir.path().join("market.csv");
        std::fs::write(&file, market()).expect("writes the data");
        let file = file.to_str().expect("a path").to_owned();
        place.with("market.data", &file)
    }

    pub fn with(mut self, setting: &'static str, value: &str) -> Self {
        self.settings.push((setting, value.to_owned()));
        self
    }

    /// The log begins with so many events of so many bytes.
    pub fn with_history(self, events: u64, bytes: usize) -> Self {
        System::new().block_on(write_history(&self.config(), events, bytes));
        self
    }

    pub fn config(&self) -> NodeConfig {
        let mut draft = Draft::default();
        let data_dir = self.dir.path().join("data");
        draft.flag("--data-dir", "data_dir", data_dir.to_str().expect("a path"));
        draft.flag("--bind", "bind", "127.0.0.1:0");
        for (name, value) in &self.settings {
            draft.flag(name, name, value);
        }
        if let Some(speed) = self.speed {
            draft.demo_defaults(speed);
        }
        draft.finish().expect("a configuration")
    }

    /// Runs `test` against a node, stops it, and gives what its log then holds.
    pub fn run(&self, test: impl AsyncFnOnce(&Floor<'_>)) -> Vec<Value> {
        self.run_then(test, async |()| ())
    }

    /// The same; `after` gets what `test` leaves while the node stops.
    pub fn run_then<T>(
        &self,
        test: impl AsyncFnOnce(&Floor<'_>) -> T,
        after: impl AsyncFnOnce(T),
    ) -> Vec<Value> {
        System::new().block_on(async {
            let done = timeout(PATIENCE, async {
                let mut node = Node::start(self.config()).await.expect("starts");
                let stopper = node.stopper();
                let address = node.address().expect("listens");
                let floor = Floor {
                    place: self,
                    address,
                };
                let tested = async {
                    let left = test(&floor).await;
                    stopper.send_replace(true);
                    left
                };
                let (ran, left) = futures_util::join!(node.run(), tested);
                ran.expect("runs");
                let stop = async {
                    let asked_at = Instant::now();
                    node.stop("the test is done").await.expect("stops");
                    self.stop_took.set(asked_at.elapsed());
                };
                futures_util::join!(stop, after(left));
                self.log().await
            });
            done.await.expect("in time")
        })
    }

    /// Every event of the log.
    async fn log(&self) -> Vec<Value> {
        let store = self.config().event_store.open(OpenMode::ReadOnly).await;
        let store = store.expect("opens");
        let all = store.read(Position::ZERO, 1 << 20).await.expect("reads");
        let event = |record: &[u8]| serde_json::from_slice(record).expect("JSON");
        all.iter().map(|recorded| event(&recorded.record)).collect()
    }
}

/// Waits until the recorded market has been played and the read models show everything.
pub async fn settled(floor: &Floor<'_>) {
    loop {
        let health = get(floor, "/health").await.json();
        let components = health["components"].as_array().expect("components");
        let market = components.iter().find(|part| part["name"] == "market_data");
        let is_played = market.is_none_or(|market| {
            let detail = market["detail"].as_str().expect("text");
            let (row, rows) = detail.split_once(" of ").expect("a share");
            row != "0" && rows == format!("{row} bars")
        });
        if is_played && health["log_head"] == health["views_position"] {
            return;
        }
        // Asking is work, too.
        let _ = timeout(Duration::from_millis(20), pending::<()>()).await;
    }
}

/// Averages over it cross.
fn market() -> String {
    const DAYS: u32 = 70;
    let mut text = "symbol,date,open,high,low,close,volume,adj_close\n".to_owned();
    for day in 0..DAYS {
        let first = chrono::NaiveDate::from_ymd_opt(2005, 1, 3).expect("a date");
        let date = first + chrono::Days::new(day.into());
        let (turn, base) = (DAYS / 2, 100);
        let close = match day < turn {
            true => base - day / 2,
            false => base - turn / 2 + (day - turn),
        };
        let (high, low) = (close + 1, close - 1);
        text.push_str(&format!(
            "AAPL,{date},{close},{high},{low},{close},1000,{close}\n"
        ));
    }
    text
}

/// A user of each role, with a key.
async fn people(config: &NodeConfig) -> Vec<(Role, Key)> {
    std::fs::create_dir_all(&config.data_dir).expect("a directory");
    let identity = identity(config).await;
    let by = Who::system("test");
    let mut keys = Vec::new();
    for role in Role::ALL {
        let user = user_of(role);
        let roles = BTreeSet::from([role]);
        let added = identity.add_user(&by, &user, PASSWORD, &roles).await;
        added.expect("a user");
        let asked = NewKey {
            user,
            scopes: None,
            label: "test".to_owned(),
            expires_at: None,
        };
        let issued = identity.issue_key(&by, asked).await.expect("a key");
        let (id, secret) = (issued.key_id, issued.secret);
        keys.push((role, Key { id, secret }));
    }
    keys
}

pub fn user_of(role: Role) -> UserName {
    UserName::new(&role.name().replace('_', "-")).expect("a name")
}

/// The secrets store, opened as a command beside the node would.
pub async fn identity(config: &NodeConfig) -> Identity {
    let (wall, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let identity = Identity::open(&config.secrets_store, wall, randomness).await;
    identity.expect("opens")
}

async fn write_history(config: &NodeConfig, events: u64, bytes: usize) {
    let new_log_id = Uuid::from_u128(0x1090);
    let mode = OpenMode::CreateOrOpen { new_log_id };
    let store = config.event_store.open(mode).await;
    let store = store.expect("opens");
    let node = NodeId::new("history").expect("a node");
    let lease = store.acquire_lease(&node).await.expect("a lease");
    let stamp = Stamp {
        origin: Origin {
            node: node.clone(),
            build: "test".to_owned(),
        },
        recorded_at: Timestamp::default(),
    };
    for first in (0..events).step_by(COMMIT_EVENTS as usize) {
        // Something that nobody acts upon.
        let stopped = NodeStopped {
            node: node.clone(),
            reason: "x".repeat(bytes),
        };
        let count = COMMIT_EVENTS.min(events - first) as usize;
        let meta = Meta {
            command_id: CommandId::new(&format!("history-{first}")).expect("an id"),
            correlation_id: Uuid::from_u128(7),
            causation_id: None,
            who: Who::system("test"),
            occurred_at: Timestamp::default(),
        };
        let (stream, version) = (StreamName::node(&node), Version::new(first));
        let commit = Commit::new(&first, stream, version, meta, vec![stopped.into(); count]);
        let batch = [commit.expect("a commit")];
        let answers = store.append(&lease, &stamp, batch.into()).await;
        for answer in answers.expect("appends") {
            answer.expect("recorded");
        }
    }
    store.close().await.expect("closes");
}
