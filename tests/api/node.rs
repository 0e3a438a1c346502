//! A node for one test: its own directory, a free port, users of every role, a short market.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix::System;
use blotter::app::config::{Draft, NodeConfig};
use blotter::app::node::{Node, RunEnd};
use blotter::events::Who;
use blotter::identity::{Identity, NewKey, Permission, Role};
use blotter::runtime::{SystemClock, SystemRandomness};
use blotter::values::UserName;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Api, Credentials};

/// Longest that a test may take.
const PATIENCE: Duration = Duration::from_secs(120);
pub const PASSWORD: &str = "quite-a-long-passphrase-7";
/// Days of the market; the last close of AAPL is [`LAST_CLOSE`].
const DAYS: u32 = 70;
pub const LAST_CLOSE: &str = "117";

/// A running node and who may speak to it.
pub struct Floor {
    pub api: Api,
    /// A key of a user with each role, in the order of `Role::ALL`.
    pub keys: Vec<(Role, Credentials)>,
    /// A trader's key for orders only.
    pub narrow: Credentials,
}

impl Floor {
    /// Speaks with the key of somebody with `role`.
    pub fn by(&self, role: Role) -> Api {
        let key = self.keys.iter().find(|(other, _)| *other == role);
        self.api.by(key.expect("a key").1.clone())
    }

    pub fn trader(&self) -> Api {
        self.by(Role::Trader)
    }

    pub fn admin(&self) -> Api {
        self.by(Role::SuperAdmin)
    }
}

/// Runs `test` against a node that has played the whole market.
pub fn on_a_floor<T>(test: T)
where
    T: AsyncFnOnce(&Floor),
{
    System::new().block_on(async {
        let done = timeout(PATIENCE, async {
            let dir = tempfile::tempdir().expect("a directory");
            let config = config(dir.path());
            let (keys, narrow) = people(&config).await;
            let mut node = Node::start(config).await.expect("starts");
            assert_eq!(node.run().await.expect("plays"), RunEnd::DataDone);
            let api = Api::new(node.address().expect("listens"));
            let floor = Floor { api, keys, narrow };
            settled(&floor).await;
            test(&floor).await;
            node.stop("the test is done").await.expect("stops");
        });
        done.await.expect("in time");
    });
}

/// Waits until the read models show everything that was played.
async fn settled(floor: &Floor) {
    loop {
        let status = floor.admin().get("/api/v1/ops/projections").await.good(200);
        let lag = |row: &Value| row["lag_events"].as_u64().expect("a number");
        if status["items"]
            .as_array()
            .expect("rows")
            .iter()
            .all(|row| lag(row) == 0)
        {
            return;
        }
    }
}

fn config(dir: &Path) -> NodeConfig {
    let data = dir.join("market.csv");
    std::fs::write(&data, market()).expect("writes the data");
    let mut draft = Draft::default();
    draft.flag("--data", "market.data", data.to_str().expect("a path"));
    draft.flag(
        "--data-dir",
        "data_dir",
        dir.join("data").to_str().expect("a path"),
    );
    draft.flag("--bind", "bind", "127.0.0.1:0");
    draft.demo_defaults("max");
    let mut config = draft.finish().expect("a configuration");
    config.exit_when_done = true;
    config
}

/// Two instruments that fall and then rise, so that the averages cross.
fn market() -> String {
    let mut text = "symbol,date,open,high,low,close,volume,adj_close\n".to_owned();
    for day in 0..DAYS {
        let date = chrono::NaiveDate::from_ymd_opt(2005, 1, 3).expect("a date");
        let date = date + chrono::Days::new(day.into());
        for (symbol, base) in [("AAPL", 100), ("MSFT", 40)] {
            let turn = DAYS / 2;
            let close = match day < turn {
                true => base - day / 2,
                false => base - turn / 2 + (day - turn),
            };
            let (high, low) = (close + 1, close - 1);
            writeln!(
                text,
                "{symbol},{date},{close},{high},{low},{close},1000,{close}"
            )
            .expect("text");
        }
    }
    text
}

/// A user of each role with a key, and a trader's key that may do less than the trader.
async fn people(config: &NodeConfig) -> (Vec<(Role, Credentials)>, Credentials) {
    std::fs::create_dir_all(&config.data_dir).expect("a directory");
    let (wall, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let identity = Identity::open(&config.secrets_store, wall, randomness).await;
    let identity = identity.expect("opens");
    let by = Who::system("test");
    let mut keys = Vec::new();
    for role in Role::ALL {
        let user = UserName::new(&role.name().replace('_', "-")).expect("a name");
        let roles = BTreeSet::from([role]);
        identity
            .add_user(&by, &user, PASSWORD, &roles)
            .await
            .expect("a user");
        keys.push((role, key(&identity, &user, None).await));
    }
    let trader = UserName::new("trader").expect("a name");
    let scopes = BTreeSet::from([Permission::OrdersRead]);
    let narrow = key(&identity, &trader, Some(scopes)).await;
    (keys, narrow)
}

pub async fn key(
    identity: &Identity,
    user: &UserName,
    scopes: Option<BTreeSet<Permission>>,
) -> Credentials {
    let asked = NewKey {
        user: user.clone(),
        scopes,
        label: "test".to_owned(),
        expires_at: None,
    };
    let issued = identity
        .issue_key(&Who::system("test"), asked)
        .await
        .expect("a key");
    Credentials::key(&issued.key_id, &issued.secret)
}

/// A market order that passes every check and rests until the next bar, which never comes.
pub fn market_order(quantity: &str) -> Value {
    json!({ "account": "demo", "symbol": "AAPL", "side": "buy", "quantity": quantity, "type": "market" })
}
