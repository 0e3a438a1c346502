//! Runs the program and reads what it says and what it leaves.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{JoinHandle, park_timeout};
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::data;
pub use crate::torture::*;

/// Longest that anything here may take.
pub const DEADLINE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(2);
const LINES_MAX: usize = 100_000;

/// What a run amounts to, however often it was interrupted.
pub const FIGURES: [&str; 8] = [
    "bars",
    "signals",
    "orders",
    "fills",
    "refusals",
    "cash",
    "equity",
    "state_hash",
];

/// The program with nothing of this process's settings.
pub fn blotter<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blotter"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BLOTTER_") {
            command.env_remove(name);
        }
    }
    command.env_remove("FAILPOINTS").env("RUST_BACKTRACE", "0");
    // Many run at the same time.
    command.env("BLOTTER_BIND", "127.0.0.1:0");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A finished run.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts success and gives the output.
    pub fn done(self) -> String {
        assert_eq!(self.code(), Some(0), "{self:?}");
        self.stdout
    }

    /// Standard output as JSON lines.
    pub fn lines(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// The last line of a demo that has finished.
    pub fn summary(&self) -> Value {
        assert_eq!(self.code(), Some(0), "{self:?}");
        let last = self.lines().pop().expect("a line");
        assert_eq!(last["done"], true, "{self:?}");
        last
    }

    /// Asserts an orderly refusal that says each of `parts`, and nothing of the machinery.
    pub fn refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code(), Some(code), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {self:?}");
        }
        for machinery in ["panicked", "backtrace", "RUST_", "src/"] {
            assert!(!self.stderr.contains(machinery), "{machinery} in {self:?}");
        }
    }
}

pub fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    text.lines().map(parse).collect()
}

/// Runs `command` to its end, killing it at the deadline.
pub fn finish(command: &mut Command) -> Ran {
    Running::start(command).finish()
}

/// A run under way; killed when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let (sender, lines) = sync_channel(LINES_MAX);
        let (stdout, stderr) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let out = child.stdout.take().expect("a pipe");
        let err = child.stderr.take().expect("a pipe");
        let readers = vec![
            collect(out, stdout.clone(), move |line| {
                let _ = sender.try_send(line.to_owned());
            }),
            collect(err, stderr.clone(), |_| ()),
        ];
        Self {
            child,
            lines,
            stdout,
            stderr,
            readers,
        }
    }

    /// The next line of standard output; `None` at its end.
    pub fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line for {DEADLINE:?}: {}", self.stderr()),
        }
    }

    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("text").clone()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }

    pub fn kill(&mut self) {
        // It may just have ended by itself.
        let _ = self.child.kill();
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    pub fn finish(mut self) -> Ran {
        let started = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("a status") {
                Some(status) => break status,
                None if started.elapsed() > DEADLINE => {
                    panic!("still running after {DEADLINE:?}: {}", self.stderr())
                }
                None => park_timeout(LOOK_EVERY),
            }
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("read to the end");
        }
        let stdout = self.stdout.lock().expect("text").clone();
        Ran {
            status,
            stdout,
            stderr: self.stderr(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(
    from: impl Read + Send + 'static,
    into: Arc<Mutex<String>>,
    each: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut text = into.lock().expect("text");
            text.push_str(&line);
            text.push('\n');
            drop(text);
            each(&line);
        }
    })
}

/// Looks again and again until `ready`.
pub fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < DEADLINE, "waited in vain: {what}");
        park_timeout(LOOK_EVERY);
    }
}

/// A place for one log, and the data played into it.
pub struct Place {
    pub dir: TempDir,
    pub file: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        Self::with(&data::short())
    }

    pub fn with(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = data::write(dir.path(), text);
        Self { dir, file }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn log(&self) -> PathBuf {
        self.data_dir().join("events.db")
    }

    /// `blotter demo` on this place, to the end of the data.
    pub fn demo(&self) -> Command {
        demo(&self.file, &self.data_dir())
    }

    /// Any other command on this place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = blotter(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        command
    }

    pub fn events(&self) -> Vec<Value> {
        json_lines(&finish(&mut self.command(&["events", "--json"])).done())
    }

    pub fn events_of(&self, event_type: &str) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| event["type"] == event_type);
        events
    }

    pub fn assert_verifies(&self) {
        let verified = finish(&mut self.command(&["verify"]));
        assert_eq!(verified.code(), Some(0), "{verified:?}");
    }

    /// Runs a demo until the log has reached `position`, or the run has ended.
    pub fn run_to(&self, position: u64) -> Running {
        let mut running = Running::start(&mut self.demo());
        let mut watch = Watch::default();
        until("the log grows", || {
            watch.head(&self.log()) >= position || !running.is_alive()
        });
        running
    }
}

pub fn demo(file: &Path, data_dir: &Path) -> Command {
    let mut command = blotter(["demo", "--speed", "max", "--exit-when-done", "--json"]);
    command.arg("--data").arg(file);
    command.arg("--data-dir").arg(data_dir);
    command
}

/// Asserts that a summary shows what an undisturbed run shows.
pub fn assert_same(found: &Value, expected: &Value) {
    for figure in FIGURES {
        assert_eq!(found[figure], expected[figure], "{figure} of {found}");
    }
}

/// What an undisturbed run over the short data comes to.
pub fn undisturbed() -> &'static Value {
    static UNDISTURBED: OnceLock<Value> = OnceLock::new();
    UNDISTURBED.get_or_init(|| finish(&mut Place::new().demo()).summary())
}

/// Looks at a log from outside while it grows.
pub struct Watch {
    runtime: Runtime,
    connection: Option<SqliteConnection>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            runtime: runtime(),
            connection: None,
        }
    }
}

impl Watch {
    /// Last position of the log at `path`; 0 while there is none.
    pub fn head(&mut self, path: &Path) -> u64 {
        if self.connection.is_none() && path.exists() {
            let options = SqliteConnectOptions::new().filename(path).read_only(true);
            self.connection = self.runtime.block_on(options.connect()).ok();
        }
        let Some(connection) = &mut self.connection else {
            return 0;
        };
        let head = sqlx::query_scalar::<_, i64>("SELECT position FROM head").fetch_one(connection);
        match self.runtime.block_on(head) {
            Ok(position) => position.unsigned_abs(),
            // Being made, or locked for a moment.
            Err(_) => 0,
        }
    }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Changes a database behind the program's back.
pub fn tamper(path: &Path, statements: &[&str]) {
    use sqlx::Connection;
    let work = async {
        let options = SqliteConnectOptions::new().filename(path);
        let mut connection = options.connect().await.expect("opens");
        for statement in statements {
            let run = sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut connection);
            run.await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection.close().await.expect("closes");
    };
    runtime().block_on(work);
}
