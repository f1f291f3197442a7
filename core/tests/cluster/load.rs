//! Clients, each with paths of its own, and what may be there after all that they were answered.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::engine::EngineProcess;
use crate::{ENGINES, Rng};

/// The content of a seed.
pub(crate) struct Contents(blake3::OutputReader);

impl Contents {
    pub(crate) fn new(seed: u64) -> Contents {
        Contents(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill(&mut bytes);
        bytes
    }
}

/// The hash of what is at a path; None when nothing is.
pub(crate) type Content = Option<[u8; 32]>;

/// What may be at a path.
#[derive(Clone, Debug)]
pub(crate) struct PathModel {
    now: BTreeSet<Content>,
    /// What may have been there at any time.
    ever: BTreeSet<Content>,
}

impl PathModel {
    fn new() -> PathModel {
        PathModel { now: BTreeSet::from([None]), ever: BTreeSet::from([None]) }
    }

    fn acknowledged(&mut self, content: Content) {
        self.now = BTreeSet::from([content]);
        self.ever.insert(content);
    }

    /// Nobody knows whether it was done.
    fn doubted(&mut self, content: Content) {
        self.now.insert(content);
        self.ever.insert(content);
    }

    pub(crate) fn may_be(&self, content: &Content) -> bool {
        self.now.contains(content)
    }

    /// Whether only one content can be there, and it is one.
    pub(crate) fn is_certain(&self) -> bool {
        self.now.len() == 1 && !self.now.contains(&None)
    }
}

/// How many calls ended how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) acknowledged: u32,
    pub(crate) refused: u32,
    pub(crate) doubted: u32,
    pub(crate) read: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.doubted += other.doubted;
        self.read += other.read;
    }
}

/// What came back for a line.
enum Answer {
    Line(String),
    /// The engine was killed, or it says that it could not find out.
    Unknown,
}

pub(crate) struct Client {
    number: usize,
    rng: Rng,
    paths: BTreeMap<String, PathModel>,
    tally: Tally,
    seed: u64,
}

impl Client {
    pub(crate) fn new(number: usize, rng: Rng) -> Client {
        Client { number, rng, paths: BTreeMap::new(), tally: Tally::default(), seed: 0 }
    }

    /// Makes calls by engines at random until it is stopped.
    pub(crate) fn run(
        &mut self,
        engines: &[EngineProcess],
        stop: &AtomicBool,
    ) -> (BTreeMap<String, PathModel>, Tally) {
        while !stop.load(Ordering::SeqCst) {
            let engine = &engines[self.rng.below(ENGINES as u64) as usize];
            match engine.connect() {
                // Some calls by one engine, so that it is asked for what it has just done.
                Some(stream) => self.calls(stream),
                None => std::thread::sleep(Duration::from_millis(30)),
            }
        }
        (std::mem::take(&mut self.paths), self.tally)
    }

    fn calls(&mut self, stream: TcpStream) {
        let mut answers = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        let mut ask = |line: String| {
            let mut answer = String::new();
            let done = writeln!(stream, "{line}").and_then(|()| answers.read_line(&mut answer));
            match done {
                Ok(1..) if answer.ends_with('\n') => match answer.contains("could not be found out") {
                    true => Answer::Unknown,
                    false => Answer::Line(answer.trim_end().to_owned()),
                },
                _ => Answer::Unknown,
            }
        };
        for _ in 0..=self.rng.below(4) {
            let file = self.rng.below(6);
            let base = format!("client-{}/folder-{}/{file}", self.number, file % 2);
            self.seed += 1;
            let seed = self.seed * 1000 + self.number as u64;
            let len = [10, 3000, 15_000, 40_000, 200_000][self.rng.below(5) as usize];
            let hash = Some(*blake3::hash(&Contents::new(seed).bytes(len)).as_bytes());
            let (line, paths, content) = match self.rng.below(10) {
                0 => (format!("delete {base}"), vec![base], None),
                1..=2 => {
                    let pair = [format!("{base}-pair-left"), format!("{base}-pair-right")];
                    (format!("put {seed} {len} {}", pair.join(" ")), pair.to_vec(), hash)
                }
                _ => (format!("put {seed} {len} {base}"), vec![base], hash),
            };
            let alive = match ask(line.clone()) {
                Answer::Line(answer) if answer == "ok" => {
                    self.tally.acknowledged += 1;
                    self.note(&paths, |model| model.acknowledged(content));
                    true
                }
                Answer::Line(refused) => {
                    assert!(refused.starts_with("refused "), "{line}: {refused}");
                    self.tally.refused += 1;
                    self.note(&paths, |_| {});
                    // Of what its own calls do a client knows all: nothing is in the way of a put.
                    let is_expected = ["Io ", "Locked "].iter().any(|kind| refused[8..].starts_with(kind))
                        || (content.is_none() && refused[8..].starts_with("NotFound "));
                    assert!(is_expected, "{line}: {refused}");
                    true
                }
                Answer::Unknown => {
                    self.tally.doubted += 1;
                    self.note(&paths, |model| model.doubted(content));
                    false
                }
            };
            if !alive {
                return;
            }
            let path = &paths[0];
            match ask(format!("get {path}")) {
                Answer::Line(answer) if answer.starts_with("refused Io") => {}
                Answer::Line(answer) => {
                    let read = answer
                        .strip_prefix("ok ")
                        .map(|hex| *blake3::Hash::from_hex(hex).unwrap().as_bytes());
                    assert!(read.is_some() || answer == "none", "{path}: {answer}");
                    self.tally.read += 1;
                    let model = &self.paths[path];
                    let own = model.may_be(&read);
                    // An engine shows at once what it acknowledged; what others did, within the staleness.
                    assert!(own || model.ever.contains(&read), "{path}: what nobody put, after {line}");
                    let asked = line.starts_with("put") && model.now.len() == 1 && model.may_be(&content);
                    assert!(
                        !asked || read == content,
                        "{path}: an engine does not show what it acknowledged"
                    );
                }
                Answer::Unknown => return,
            }
        }
    }

    fn note(&mut self, paths: &[String], outcome: impl Fn(&mut PathModel)) {
        for path in paths {
            outcome(self.paths.entry(path.clone()).or_insert_with(PathModel::new));
        }
    }
}
