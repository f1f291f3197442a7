//! A store in a temporary directory, a server of it, the command line beside it, and curl.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_holdall");

/// A store without a server.
pub struct TestStore {
    pub dir: TempDir,
    base: String,
    drawn: AtomicUsize,
}

/// A store and a server of it, which is killed at the end.
pub struct Host {
    pub test: TestStore,
    pub server: Child,
}

impl std::ops::Deref for Host {
    type Target = TestStore;

    fn deref(&self) -> &TestStore {
        &self.test
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What curl brought.
pub struct Got {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The exit code of curl.
    pub code: i32,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl TestStore {
    pub fn new() -> TestStore {
        TestStore { dir: tempfile::tempdir().unwrap(), base: "/".to_owned(), drawn: AtomicUsize::new(0) }
    }

    pub fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Returns a path in the temporary directory that nothing has.
    pub fn fresh(&self) -> PathBuf {
        self.dir.path().join(format!("fresh-{}", self.drawn.fetch_add(1, Ordering::Relaxed)))
    }

    /// The command line on this store.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).env("HOLDALL_STORE", self.store()).env("HOLDALL_BASE_URL", &self.base);
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs the command line as a user whom permissions bind, which they do not where root runs the tests.
    pub fn as_nobody(&self, args: &[&str]) -> Output {
        let folder = self.dir.path();
        let (binary, closed) = (folder.join("holdall"), folder.join("closed"));
        if !binary.exists() {
            std::fs::copy(BINARY, &binary).unwrap();
            std::fs::write(&closed, "").unwrap();
            for (path, mode) in [(folder, 0o777), (&binary, 0o755), (&closed, 0o000)] {
                std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            }
        }
        let mut command = Command::new(binary);
        command.args(args).env("HOLDALL_STORE", self.store()).stdin(Stdio::null());
        if std::fs::File::open(&closed).is_ok() {
            command.uid(65_534).gid(65_534);
        }
        command.output().unwrap()
    }

    /// Runs a command that must go well, and returns what it prints.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "holdall {args:?}: {printed}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = std::iter::once("--json").chain(args.iter().copied()).collect();
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    /// Puts bytes at a path by standard input, and returns the id of the version.
    pub fn put(&self, path: &str, bytes: &[u8]) -> String {
        let mut command = self.command(&["--json", "put", "-", "--to", path]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "putting {path}");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        value["versions"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Puts bytes and returns a URL of them.
    pub fn url_of(&self, path: &str, bytes: &[u8]) -> String {
        self.put(path, bytes);
        self.ok(&["url", path])
    }

    pub fn curl(&self, args: &[&str]) -> Got {
        let (head, body) = (self.fresh(), self.fresh());
        let status = Command::new("curl")
            .args(["-sS", "--max-time", "60", "-D"])
            .arg(&head)
            .arg("-o")
            .arg(&body)
            .args(args)
            .stderr(Stdio::null())
            .status()
            .expect("these tests need curl");
        let head = std::fs::read_to_string(&head).unwrap_or_default();
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Got {
            status: first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: std::fs::read(&body).unwrap_or_default(),
            code: status.code().unwrap_or(-1),
        }
    }

    pub fn get(&self, url: &str) -> Got {
        self.curl(&[url])
    }

    pub fn base(&self) -> &str {
        &self.base
    }
}

impl Host {
    pub fn new() -> Host {
        Host::with(&[])
    }

    /// Starts the server; options are for the one of the command line.
    pub fn with(options: &[&str]) -> Host {
        let mut test = TestStore::new();
        holdall::Store::open(test.store(), holdall::Options::new()).unwrap().close().unwrap();
        let mut command = match other() {
            Some(line) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("exec {line} \"$0\"")]);
                command
            }
            None => {
                let mut command = Command::new(BINARY);
                command.args(["serve", "--listen", "127.0.0.1:0"]).args(options);
                command
            }
        };
        let mut server = command.arg(test.store()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim_end().strip_prefix("listening on ").expect("the server's address");
        test.base = base.to_owned();
        Host { test, server }
    }

    /// The address to connect to, without a scheme.
    pub fn address(&self) -> &str {
        self.base().trim_start_matches("http://").trim_end_matches('/')
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.server.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

/// Another server to drive, by its command line.
pub fn other() -> Option<String> {
    std::env::var("HOLDALL_TEST_SERVER").ok().filter(|line| !line.is_empty())
}

/// Returns whether a tool is there, and says so where it is not.
pub fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    // unzip has no --version and says so; what counts is that it ran.
    let there = found.is_ok();
    if !there {
        println!("{tool} is not here: what it would show was left out");
    }
    there
}

/// Makes bytes that repeat nowhere near.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Makes a tree of files under `at`, some of them large, with an empty folder.
pub fn tree(at: &Path, seed: u64) {
    for folder in ["a/b/c", "empty", "\u{e4}\u{f6}"] {
        std::fs::create_dir_all(at.join(folder)).unwrap();
    }
    for number in 0..60_usize {
        let folder = ["", "a/", "a/b/", "a/b/c/", "\u{e4}\u{f6}/"][number % 5];
        let len = if number == 7 { 1_500_000 } else { number * number * 11 };
        std::fs::write(at.join(format!("{folder}file {number}.bin")), noise(len, seed + number as u64))
            .unwrap();
    }
}
