//! An engine: this test binary again, in a process of its own, which answers lines on a port.
//!
//! | line | answer |
//! |---|---|
//! | `put SEED LEN PATH...` | `ok`, once the content is at all these paths durably |
//! | `get PATH` | `ok HASH`, or `none` |
//! | `delete PATH` | `ok` |
//!
//! Each may be answered `refused KIND MESSAGE`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use holdall::{ErrorKind, Options, Put, Store};

use crate::load::Contents;

const ADDRESS: &str = "HOLDALL_CLUSTER_ENGINE";
const PORT: &str = "HOLDALL_CLUSTER_PORT";

/// A process that has the store open.
pub(crate) struct EngineProcess {
    address: String,
    port: u16,
    child: Mutex<Child>,
}

impl EngineProcess {
    pub(crate) fn start(address: &str) -> EngineProcess {
        // A port that stays its own: the process that comes after a kill takes it again.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        EngineProcess { address: address.to_owned(), port, child: Mutex::new(run(address, port)) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the process in the middle of whatever it does, and starts another.
    pub(crate) fn kill_and_start(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        *child = run(&self.address, self.port);
    }

    /// Connects to it; None while it is not there.
    pub(crate) fn connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
        stream.set_nodelay(true).unwrap();
        Some(stream)
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn run(address: &str, port: u16) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine::engine", "--nocapture", "--test-threads=1"])
        .env(ADDRESS, address)
        .env(PORT, port.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Answers lines, where the environment says so; otherwise does nothing.
#[test]
fn engine() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    let options = || Options::new().threshold(16 << 10).grace(Duration::from_secs(3600));
    // It may be started while the database is away.
    let store = loop {
        match Store::open(&address, options()) {
            Ok(store) => break store,
            Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Locked) => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => panic!("{error}"),
        }
    };
    let listener = loop {
        // That of the process that was killed may not be gone yet.
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => break listener,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    for stream in listener.incoming() {
        let (store, stream) = (store.clone(), stream.unwrap());
        std::thread::spawn(move || {
            let mut answers = stream.try_clone().unwrap();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let answer = answer(&store, &line).unwrap_or_else(|error| {
                    let causes =
                        std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
                    format!("refused {:?} {error}{causes}", error.kind()).replace('\n', " ")
                });
                if writeln!(answers, "{answer}").is_err() {
                    break;
                }
            }
        });
    }
}

fn answer(store: &Store, line: &str) -> holdall::Result<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let drive = store.drive("main")?;
    match words.as_slice() {
        ["put", seed, len, path] => {
            let bytes = Contents::new(seed.parse().unwrap()).bytes(len.parse().unwrap());
            drive.put(path, bytes.as_slice(), Put::new())?;
        }
        ["put", seed, len, paths @ ..] => {
            let bytes = Contents::new(seed.parse().unwrap()).bytes(len.parse().unwrap());
            let bytes = bytes::Bytes::from(bytes);
            drive.put_many(paths.iter().map(|path| ((*path).to_owned(), bytes.clone())), &Put::new())?;
        }
        ["get", path] => {
            let body = match drive.open_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok("none".to_owned()),
                found => found?,
            };
            let mut read = Vec::new();
            std::io::Read::read_to_end(&mut body.reader(), &mut read)
                .map_err(|cause| holdall::Error::io("reading a content", cause))?;
            return Ok(format!("ok {}", blake3::hash(&read).to_hex()));
        }
        ["delete", path] => drive.delete(path)?,
        _ => panic!("no engine knows {line}"),
    }
    Ok("ok".to_owned())
}
