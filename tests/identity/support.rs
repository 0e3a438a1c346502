//! A fresh secrets store in a directory of its own, and the people in it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use blotter::events::Who;
use blotter::identity::{
    AuthError, Identity, IssuedKey, ManageError, NewKey, OpenedSession, Permission, Role,
};
use blotter::runtime::{Clock, DataClock, SystemRandomness};
use blotter::values::{Timestamp, UserName};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

pub const LOG_ID: Uuid = Uuid::from_u128(0x1090_1090);
pub const PASSWORD: &str = "correct horse";
pub const WRONG: &str = "battery staple";

/// A secrets store, open once.
pub struct House {
    pub dir: TempDir,
    pub clock: Arc<DataClock>,
    pub identity: Identity,
}

pub fn name(text: &str) -> UserName {
    UserName::new(text).expect("a name")
}

/// Addresses by number.
pub fn peer(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

pub fn admin() -> Who {
    Who {
        human: Some("operator".to_owned()),
        ..Who::system("cli")
    }
}

pub fn roles(roles: &[Role]) -> BTreeSet<Role> {
    roles.iter().copied().collect()
}

impl House {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(DataClock::default());
        clock.advance_to(Timestamp::from_micros(1_700_000_000_000_000).expect("a time"));
        let path = dir.path().join("secrets.db");
        let identity = Identity::open(&path, clock.clone(), Arc::new(SystemRandomness)).await;
        let identity = identity.expect("opens");
        Self {
            dir,
            clock,
            identity,
        }
    }

    /// With a trader, alice.
    pub async fn with_alice() -> Self {
        let house = Self::new().await;
        house.add("alice", &[Role::Trader]).await;
        house
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("secrets.db")
    }

    /// As another process has it.
    pub async fn another(&self) -> Identity {
        let clock = self.clock.clone();
        let identity = Identity::open(&self.path(), clock, Arc::new(SystemRandomness)).await;
        identity.expect("opens")
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.clock.advance_to(self.now().plus(time));
    }

    pub fn pass_seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub async fn add(&self, user: &str, has: &[Role]) {
        let added = self
            .identity
            .add_user(&admin(), &name(user), PASSWORD, &roles(has))
            .await;
        added.expect("added");
    }

    pub async fn login(&self, user: &str) -> OpenedSession {
        let opened = self.identity.login(user, PASSWORD, peer(1)).await;
        opened.expect("comes in")
    }

    /// A login with a wrong password; gives how long to wait where it was throttled.
    pub async fn fail(&self, user: &str, from: IpAddr) -> Option<u64> {
        match self.identity.login(user, WRONG, from).await {
            Err(AuthError::BadCredentials) => None,
            Err(AuthError::Throttled { retry_after }) => Some(retry_after.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    pub async fn issue(&self, user: &str, scopes: &[Permission]) -> Result<IssuedKey, ManageError> {
        let asked = NewKey {
            user: name(user),
            scopes: (!scopes.is_empty()).then(|| scopes.iter().copied().collect()),
            label: "bot".to_owned(),
            expires_at: None,
        };
        self.identity.issue_key(&admin(), asked).await
    }

    pub async fn db(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        options.connect().await.expect("opens")
    }

    /// Changes the file as another program would.
    pub async fn sql(&self, statement: &str) {
        let run = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        run.execute(&mut self.db().await).await.expect(statement);
    }

    pub async fn count(&self, what: &str) -> i64 {
        let query = AssertSqlSafe(format!("SELECT count(*) FROM {what}"));
        let count = sqlx::query_scalar(query)
            .fetch_one(&mut self.db().await)
            .await;
        count.expect("a count")
    }

    /// What waits to be recorded: type, payload and principal.
    pub async fn outbox(&self) -> Vec<(String, Value, String)> {
        let rows = sqlx::query("SELECT type, payload, who FROM outbox ORDER BY sequence");
        let rows = rows.fetch_all(&mut self.db().await).await.expect("reads");
        let json = |row: &SqliteRow, column| -> Value {
            serde_json::from_str(row.get(column)).expect("JSON")
        };
        let fact = |row: &SqliteRow| {
            let who = json(row, "who")["principal"]
                .as_str()
                .expect("one")
                .to_owned();
            (row.get("type"), json(row, "payload"), who)
        };
        rows.iter().map(fact).collect()
    }

    /// The types of what waits to be recorded.
    pub async fn told(&self) -> Vec<String> {
        self.outbox()
            .await
            .into_iter()
            .map(|(name, ..)| name)
            .collect()
    }
}
