//! Real servers, started by the tests: PostgreSQL, and PgBouncer before it in transaction mode.
//!
//! Both refuse to run as the superuser of the system, so they then run as `postgres`, whom Debian's package
//! brings. A shell waits beside each for the end of its input, which is the end of the test's process if
//! nothing else, and ends the server.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Runs what follows, ends it with the signal `$1` when the input ends, and then removes the directory `$2`
/// if it names one.
const BESIDE: &str = "signal=$1; dir=$2; shift 2; \"$@\" & server=$!; cat >/dev/null; \
     kill -$signal $server; wait $server; [ -z \"$dir\" ] || rm -rf \"$dir\"";

/// A database server of its own directory.
pub(crate) struct Server {
    pub(crate) port: u16,
    dir: PathBuf,
    options: Vec<String>,
    running: Option<Child>,
    /// None for the server that all tests share, whose shell removes the directory.
    _own: Option<TempDir>,
}

/// Before a server, in transaction mode.
pub(crate) struct PgBouncer {
    pub(crate) port: u16,
    _running: Child,
}

/// Returns the server that all tests share.
pub(crate) fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| {
        let dir = directory();
        let path = dir.keep();
        let mut server = Server::prepare(path, &[]);
        server.start(true);
        server
    })
}

/// Returns the PgBouncer that all tests share, before the shared server.
pub(crate) fn pooled() -> &'static PgBouncer {
    static POOLED: OnceLock<PgBouncer> = OnceLock::new();
    POOLED.get_or_init(|| PgBouncer::before(shared()))
}

/// Returns the address of a schema that no other test uses, on a port of this machine.
pub(crate) fn address(port: u16) -> String {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    format!("postgres://holdall@127.0.0.1:{port}/postgres?sslmode=disable&schema=test-{number}")
}

/// Returns the same address on another port.
pub(crate) fn through(address: &str, port: u16) -> String {
    let (before, rest) = address.split_once('@').unwrap();
    let (host, rest) = rest.split_once(':').unwrap();
    let (_, after) = rest.split_once('/').unwrap();
    format!("{before}@{host}:{port}/{after}")
}

impl Server {
    /// Makes a server of its own, with options of its configuration.
    pub(crate) fn own(options: &[&str]) -> Server {
        let dir = directory();
        let mut server = Server::prepare(dir.path().to_owned(), options);
        server._own = Some(dir);
        server.start(false);
        server
    }

    fn prepare(dir: PathBuf, options: &[&str]) -> Server {
        give(&dir);
        let data = dir.join("data");
        let made = as_server(&binary("initdb"))
            .args(["--username=holdall", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Server { port: free_port(), dir, options, running: None, _own: None }
    }

    /// Starts the server, and waits until it takes connections.
    pub(crate) fn start(&mut self, removes: bool) {
        let mut server = as_server(&binary("postgres"));
        server.arg("-D").arg(self.dir.join("data"));
        let port = format!("port={}", self.port);
        let usual =
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=300"];
        for option in usual.into_iter().chain([port.as_str()]).chain(self.options.iter().map(String::as_str))
        {
            server.args(["-c", option]);
        }
        let log = fs::File::options().create(true).append(true).open(self.dir.join("log")).unwrap();
        let dir = if removes { self.dir.to_str().unwrap() } else { "" };
        self.running = Some(beside(server, "INT", dir, log));
        self.wait();
    }

    fn wait(&self) {
        let ready = || {
            let asked = Command::new(binary("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            asked.unwrap().success()
        };
        let log = || fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        until(ready, || format!("the server does not start: {}", log()));
    }

    /// Kills every process of the server at once, as a loss of power does.
    pub(crate) fn crash(&mut self) {
        let pid = fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap();
        signal("KILL", pid.lines().next().unwrap());
        self.ended();
    }

    /// Stops the server as an administrator does who does not wait for sessions.
    pub(crate) fn stop(&mut self) {
        self.ended();
    }

    fn ended(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.stdin.take());
            running.wait().unwrap();
        }
        // What is left of a killed server notices by itself, and holds its memory until then.
        until(|| !self.is_running(), || "the server does not end".to_owned());
    }

    /// Whether any process of the server is there: each works in its directory.
    fn is_running(&self) -> bool {
        let data = self.dir.join("data");
        let mut processes = fs::read_dir("/proc").unwrap().flatten();
        processes.any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|at| at == data))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.ended();
        }
    }
}

impl PgBouncer {
    /// Starts one before a server.
    pub(crate) fn before(server: &Server) -> PgBouncer {
        let dir = directory();
        give(dir.path());
        let port = free_port();
        let ini = dir.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=holdall\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             max_client_conn = 500\ndefault_pool_size = 40\n",
            server.port
        );
        fs::write(&ini, text).unwrap();
        give(&ini);
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let mut pgbouncer = as_server(Path::new("pgbouncer"));
        pgbouncer.arg(&ini);
        let running = beside(pgbouncer, "TERM", dir.path().to_str().unwrap(), log);
        let dir = dir.keep();
        until(
            || TcpStream::connect(("127.0.0.1", port)).is_ok(),
            || fs::read_to_string(dir.join("log")).unwrap_or_default(),
        );
        PgBouncer { port, _running: running }
    }
}

/// Returns the path of a program of PostgreSQL's: of the newest version that is installed, where Debian puts
/// it, or on the path.
fn binary(name: &str) -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = installed.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

fn as_server(program: &Path) -> Command {
    if !is_superuser() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}

/// Gives a file to the user that the servers run as.
pub(crate) fn give(path: &Path) {
    if is_superuser() {
        let asked = Command::new("id").args(["-u", "postgres"]).output().unwrap();
        let user = String::from_utf8_lossy(&asked.stdout).trim().parse();
        chown(path, Some(user.expect("the user postgres, whom Debian's package postgresql makes")), None)
            .unwrap();
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("holdall-postgres-").tempdir().unwrap()
}

fn beside(server: Command, end: &str, removed: &str, log: fs::File) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", BESIDE, "sh", end, removed]).arg(server.get_program()).args(server.get_args());
    let log = || Stdio::from(log.try_clone().unwrap());
    shell.stdin(Stdio::piped()).stdout(log()).stderr(log()).current_dir("/").spawn().unwrap()
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args(["-s", name, pid]).status().unwrap().success());
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until something holds, half a minute at most.
pub(crate) fn until(mut holds: impl FnMut() -> bool, or: impl FnOnce() -> String) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", or());
        std::thread::sleep(Duration::from_millis(20));
    }
}
