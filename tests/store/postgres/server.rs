//! A private PostgreSQL: started for one test on a free port of this machine, gone with it.
//!
//! A new database cluster takes most of a second to make, so one is made once and kept beside the
//! other build products; a test starts on a copy of it. The server is a child of the test and ends
//! with it, also when the test is killed.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::park_timeout;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Somebody else may take a free port before the server does.
const PORTS_TRIED_MAX: usize = 10;
/// Everybody is let in, but for one role that has to give its password.
const ACCESS: &str =
    "host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
/// Small and quick; what makes commits durable stays as it is.
const SETTINGS: [&str; 5] = [
    "unix_socket_directories=",
    "shared_buffers=8MB",
    "max_connections=40",
    "autovacuum=off",
    "max_wal_size=64MB",
];

/// How a server is told to stop.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// Sessions are ended first.
    Fast,
    /// As if it had crashed.
    Immediate,
}

/// A running, or stopped, server.
pub struct Server {
    process: Option<Child>,
    port: u16,
    dir: TempDir,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings such as `fsync=off`.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// With its data below `parent`.
    pub fn start_in(parent: &Path, settings: &[&str]) -> Self {
        let dir = tempfile::tempdir_in(parent).expect("a directory");
        copy(&template(), &dir.path().join("data"));
        give_to_postgres(dir.path());
        let mut server = Self {
            process: None,
            port: 0,
            dir,
        };
        for _ in 0..PORTS_TRIED_MAX {
            server.port = free_port();
            if server.run(settings) {
                return server;
            }
        }
        panic!("PostgreSQL does not start: {}", server.log());
    }

    /// The address of a database on it, entered as `user`.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The database that is there from the start, with all rights.
    pub fn owner_url(&self) -> String {
        self.url("postgres", "postgres")
    }

    /// Runs statements with all rights.
    pub fn sql(&self, statements: &str) {
        let mut psql = Command::new(program("psql"));
        psql.args(["--quiet", "--set=ON_ERROR_STOP=1", "--command", statements]);
        run(psql.arg(self.owner_url()));
    }

    /// Starts it again where it was, on the same port.
    pub fn start_again(&mut self, settings: &[&str]) {
        let ran = self.run(settings);
        assert!(ran, "PostgreSQL does not start again: {}", self.log());
    }

    /// It has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_none_or(|process| process.try_wait().expect("a status").is_some())
    }

    pub fn stop(&mut self, how: Stop) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let signal = match how {
            Stop::Fast => "-INT",
            Stop::Immediate => "-QUIT",
        };
        send(signal, &process);
        until("the server stops", || {
            process.try_wait().expect("a status").is_some()
        });
    }

    /// Kills all its processes, as nobody could prevent.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let children = children_of(process.id());
        let mut all = vec![process.id()];
        all.extend(children.iter().map(|(id, _)| *id));
        kill(&all);
        process.wait().expect("a status");
        until("its processes are gone", || {
            let is_left = |(id, _): &(u32, String)| is_running(*id);
            !children.iter().any(is_left)
        });
    }

    /// Kills the process of one session, if there is any; the server then ends all of them and
    /// recovers.
    pub fn kill_a_session(&self) {
        let process = self.process.as_ref().expect("a running server");
        let sessions = children_of(process.id()).into_iter();
        let mut sessions = sessions.filter(|(_, title)| title.contains("127.0.0.1("));
        if let Some((id, _)) = sessions.next() {
            kill(&[id]);
        }
    }

    /// Takes over changed settings files.
    pub fn append_settings(&self, lines: &str) {
        let path = self.data().join("postgresql.auto.conf");
        let mut text = fs::read_to_string(&path).expect("settings");
        text.push_str(lines);
        fs::write(&path, text).expect("writes");
        send("-HUP", self.process.as_ref().expect("a running server"));
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Moves the write-ahead log of a server that is stopped.
    pub fn move_own_log(&self, to: &Path) {
        let own = self.data().join("pg_wal");
        copy(&own, to);
        fs::remove_dir_all(&own).expect("removes");
        std::os::unix::fs::symlink(to, &own).expect("links");
    }

    /// What the server has said since its last start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Whether it accepts connections; `false` when it has ended instead.
    fn run(&mut self, settings: &[&str]) -> bool {
        let log = File::create(self.dir.path().join("log")).expect("a log");
        let mut command = as_postgres("postgres");
        command.arg("-D").arg(self.data());
        let place = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
        ];
        let given = SETTINGS
            .iter()
            .chain(settings)
            .map(|text| (*text).to_owned());
        for setting in given.chain(place) {
            command.arg("-c").arg(setting);
        }
        let out = log.try_clone().expect("a log");
        let started = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn();
        let mut process = started.expect("PostgreSQL starts");
        let ready = self.data().join("postmaster.pid");
        let pid = process.id().to_string();
        let mut is_running = false;
        until("the server starts", || {
            let status = fs::read_to_string(&ready).unwrap_or_default();
            // A crash leaves the file of the process before.
            is_running = status.starts_with(&pid) && status.trim_end().ends_with("ready");
            is_running || process.try_wait().expect("a status").is_some()
        });
        self.process = is_running.then_some(process);
        is_running
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(Stop::Immediate);
    }
}

fn send(signal: &str, process: &Child) {
    let sent = Command::new("kill")
        .args([signal, &process.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// Some may just have ended by themselves.
fn kill(processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    let sent = Command::new("kill").arg("-KILL").args(ids).output();
    sent.expect("kill runs");
}

/// Processes that `parent` has started, with their titles; none where there is no `/proc`.
fn children_of(parent: u32) -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| status_of(*id).is_some_and(|(_, of)| of == parent.to_string());
    let titled = |id: u32| {
        let title = fs::read_to_string(format!("/proc/{id}/cmdline"));
        (id, title.unwrap_or_default())
    };
    ids.filter(is_child).map(titled).collect()
}

/// Whether a process is there, and not only its remains.
fn is_running(id: u32) -> bool {
    status_of(id).is_some_and(|(state, _)| state != "Z")
}

/// State and parent of a process.
fn status_of(id: u32) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // After its name in brackets, which may hold anything.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

/// Looks again and again until `ready`.
fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < DEADLINE, "waited in vain: {what}");
        park_timeout(LOOK_EVERY);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The newest PostgreSQL of a Debian or Ubuntu, or that on the PATH.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max();
    match newest {
        Some(version) => PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/{name}")),
        None => PathBuf::from(name),
    }
}

fn is_superuser() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

/// A command that ends with the thread that starts it. The server refuses the superuser: then it
/// is run as the user that its package has made.
fn as_postgres(name: &str) -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(program(name));
    }
    let mut command = Command::new("setpriv");
    if is_superuser() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig", "INT"]).arg(program(name));
    command
}

fn give_to_postgres(dir: &Path) {
    if is_superuser() {
        run(Command::new("chown")
            .args(["-R", "postgres:postgres"])
            .arg(dir));
    }
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to));
}

fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; install PostgreSQL 15 or newer, see `make needs`")
    });
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// A database cluster as it is made, never run.
fn template() -> PathBuf {
    let version = Command::new(program("postgres")).arg("--version").output();
    let version = version.expect("PostgreSQL 15 or newer is installed, see `make needs`");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let version = version.split_whitespace().nth(2).expect("a version");
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = parent.join(format!("postgres-{version}"));
    if !template.exists() {
        let made = tempfile::tempdir().expect("a directory");
        give_to_postgres(made.path());
        let data = made.path().join("data");
        let mut initdb = as_postgres("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        initdb.args(["--no-locale", "--no-sync", "--wal-segsize=1", "--pgdata"]);
        run(initdb.arg(&data));
        slim(&data);
        fs::write(data.join("pg_hba.conf"), ACCESS).expect("writes");
        let ours = tempfile::tempdir_in(parent).expect("a directory");
        let complete = ours.path().join("data");
        copy(&data, &complete);
        // Of several that make one at the same time, one stays.
        if let Err(error) = fs::rename(&complete, &template) {
            assert!(template.exists(), "{error}");
        }
    }
    template
}

/// Drops the databases that others are made from: two thirds of what each test would copy.
fn slim(data: &Path) {
    let sql = "UPDATE pg_database SET datistemplate = false;\n\
        DROP DATABASE template0;\nDROP DATABASE template1;\n";
    let mut single = as_postgres("postgres");
    single.args(["--single", "-D"]).arg(data).arg("postgres");
    single.stdout(Stdio::null()).stderr(Stdio::null());
    let spawned = single.stdin(Stdio::piped()).spawn();
    let mut spawned = spawned.expect("PostgreSQL starts");
    let mut input = spawned.stdin.take().expect("a pipe");
    input.write_all(sql.as_bytes()).expect("writes");
    drop(input);
    assert!(spawned.wait().expect("a status").success());
}
