//! The API over a store that fails by script: the actors of a desk, real read models, and requests
//! that pass every step within this process, so that a test can let time pass for them.

use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::System;
use actix_web::body::to_bytes;
use actix_web::dev::Service;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, web};
use blotter::actors::settle::Settle;
use blotter::events::{JournalState, Who};
use blotter::http::observe::observe;
use blotter::http::{self, HttpSettings, NodeInfo, Services};
use blotter::identity::{Identity, Role};
use blotter::projections::{self, Runner, Views};
use blotter::runtime::{SystemClock, SystemRandomness};
use blotter::values::{Position, UserName};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::client::Credentials;
use crate::desk::{Desk, World};
use crate::node::{PASSWORD, key};
use crate::support;

/// Longest that a run may take, with the time that a test lets pass.
const PATIENCE: Duration = Duration::from_secs(300);

/// What outlives a run: the log, the read models, a trader with a key.
pub struct Place {
    world: World,
    dir: TempDir,
    trader: Credentials,
}

/// One run of a node that has everything but a port.
pub struct Floor {
    pub desk: Desk,
    pub services: Services,
    pub trader: Client,
}

/// Sends requests to services, as one caller.
pub struct Client {
    credentials: Credentials,
    answering: Answering,
}

type Answering = Rc<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Answer>>;

impl Place {
    /// See [`World::new`].
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let trader = System::new().block_on(trader(dir.path()));
        Self {
            world: World::new(),
            dir,
            trader,
        }
    }

    /// One run of the node over what there is.
    pub fn run<T>(&self, test: impl AsyncFnOnce(&Floor) -> T) -> T {
        System::new().block_on(async {
            let done = timeout(PATIENCE, async {
                let desk = self.world.start().await;
                let services = services(&desk, self.dir.path()).await;
                let floor = Floor {
                    trader: Client::new(services.clone(), self.trader.clone()).await,
                    desk,
                    services,
                };
                test(&floor).await
            });
            done.await.expect("in time")
        })
    }
}

impl Floor {
    /// The trader, answered with other services.
    pub async fn trader_at(&self, services: Services) -> Client {
        Client::new(services, self.trader.credentials.clone()).await
    }

    /// Waits until nobody has anything left to record and the read models show all of it. Gives
    /// the end of the log.
    pub async fn shown(&self) -> Position {
        let feed = self.desk.journal.feed();
        let mut head = Position::ZERO;
        while feed.head() > head {
            head = feed.head();
            self.desk.settled().await;
            let settle = Settle { through: head };
            let notified = self.desk.staff.notifier.ask(settle).await;
            notified.expect("alive");
        }
        let mut viewed = self.services.viewed.clone();
        let all = viewed.wait_for(|viewed| *viewed >= head).await;
        *all.expect("a runner")
    }

    /// Waits until the log can be written.
    pub async fn writable(&self) {
        let mut state = self.desk.journal.state();
        let writable = state.wait_for(|state| *state == JournalState::Writable);
        writable.await.expect("a journal");
    }

    /// Lets `command` wait for the log as long as it will, which takes no time.
    pub async fn out_of_patience(&self, command: impl Future<Output = Answer>) -> Answer {
        let store = &self.desk.store;
        let (mut batches, mut lookups) =
            (store.batches.subscribe(), store.lookups_made.subscribe());
        let waits = async {
            tokio::select! {
                _ = batches.changed() => {}
                _ = lookups.changed() => {}
            }
            // From here on it waits for nothing outside of this thread.
            tokio::time::pause();
            pending::<()>().await;
        };
        let answer = tokio::select! {
            answer = command => answer,
            () = waits => panic!("it waits for ever"),
        };
        tokio::time::resume();
        answer
    }
}

impl Client {
    async fn new(services: Services, credentials: Credentials) -> Self {
        let app = App::new()
            .app_data(web::Data::new(services))
            .configure(http::configure)
            .wrap(from_fn(observe));
        let app = Rc::new(init_service(app).await);
        let answering = move |request: TestRequest| {
            let app = app.clone();
            async move {
                let answered = app.call(request.to_request()).await;
                let (_, response) = answered.expect("an answer").into_parts();
                let headers = response.headers().iter().map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                });
                let (status, headers) = (response.status().as_u16(), headers.collect());
                let body = to_bytes(response.into_body()).await;
                let body = body.unwrap_or_else(|_| panic!("no body"));
                Answer {
                    status,
                    headers,
                    text: String::from_utf8_lossy(&body).into_owned(),
                }
            }
            .boxed_local()
        };
        Self {
            credentials,
            answering: Rc::new(answering),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    /// Sends a command, under `key` where there is one.
    pub async fn post(&self, path: &str, body: &Value, key: Option<&str>) -> Answer {
        let mut request = TestRequest::post().uri(path).set_json(body);
        if let Some(key) = key {
            request = request.insert_header(("Idempotency-Key", key));
        }
        self.send(request).await
    }

    async fn send(&self, mut request: TestRequest) -> Answer {
        for (name, value) in &self.credentials.headers {
            request = request.insert_header((name.as_str(), value.as_str()));
        }
        (self.answering)(request).await
    }
}

/// What a node's handlers work with, for the actors of `desk`. Files are in `dir`.
async fn services(desk: &Desk, dir: &Path) -> Services {
    let runtime = &desk.runtime;
    let views = Views::open(&dir.join("views.db"), support::LOG_ID).await;
    let views = views.expect("opens");
    let feed = desk.journal.feed().clone();
    let runner = Runner::open(&views, feed.clone(), runtime, projections::all()).await;
    let runner = runner.expect("opens");
    let services = Services {
        info: Arc::new(NodeInfo {
            node: support::node(),
            version: "0",
            build: "test".to_owned(),
        }),
        risk: desk.staff.risk.clone(),
        preview: desk.staff.preview.clone(),
        default_venue: support::venue_id(),
        identity: identity(dir).await,
        views,
        viewed: runner.positions(),
        views_progress: runner.progress(),
        views_state: runner.state(),
        actors: desk.staff.actors.clone(),
        feed,
        journal: desk.journal.state(),
        wall: runtime.wall.clone(),
        business: runtime.business.clone(),
        randomness: runtime.randomness.clone(),
        market: None,
        settings: Arc::new(HttpSettings::default()),
        fatal: desk.staff.fatal.clone(),
    };
    let fold = async {
        runner.run().await;
    };
    let apart = runtime.tasks.spawn_apart("projections", Box::pin(fold));
    apart.expect("a thread");
    services
}

async fn identity(dir: &Path) -> Identity {
    let (wall, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let identity = Identity::open(&dir.join("secrets.db"), wall, randomness).await;
    identity.expect("opens")
}

async fn trader(dir: &Path) -> Credentials {
    let identity = identity(dir).await;
    let user = UserName::new("trader").expect("a name");
    let roles = BTreeSet::from([Role::Trader]);
    let by = Who::system("test");
    let added = identity.add_user(&by, &user, PASSWORD, &roles).await;
    added.expect("a user");
    key(&identity, &user, None).await
}
