//! The commit of a put as a script of pgbench.
//!
//! The server logs what a put sends, with its parameters, for two puts one after the other. What the two differ in are
//! ids, names, hashes and times: in its place pgbench writes a number of its own for each transaction, so that each
//! checks keys that are not there and writes rows that are new, as a put does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use holdall::{Drive, Put};

use super::{client, sql};
use crate::place::Contents;

/// The file that the server writes its log to.
const LOG: &str = "HOLDALL_TEST_LOG";
/// What the statements of commits have in them: the call of a function, or what that does.
const COMMITS: [&str; 2] = [".commit_", "WITH fit AS"];
/// Bytes that are replaced together at least, where a value has as many; the number of a transaction has room in 4.
const LEAST: usize = 6;
/// Transactions of one client are numbered below this.
const CLIENT: u64 = 1 << 28;

/// A script of pgbench, and the database that it is for.
pub struct Bench {
    address: String,
    script: tempfile::NamedTempFile,
    /// The number of the last transaction of each client.
    last: AtomicU64,
}

/// A statement as the server logged it.
struct Logged {
    text: String,
    parameters: BTreeMap<usize, String>,
}

impl Bench {
    /// Makes the script of what a put of a new file in a folder of its own commits.
    pub fn of_put(address: &str, drive: &Drive) -> Bench {
        let mut draw = Contents::new(198);
        let mut put = |name: &str| {
            drive.put(&format!("captured/{name}"), draw.bytes(4096).as_ref(), Put::new()).expect("put");
        };
        put("00000000.bin");
        // What is said in the transactions of the driver holds for all of the session here.
        let log = PathBuf::from(std::env::var_os(LOG).expect("the log of the server"));
        let before = std::fs::read_to_string(&log).expect("the log").len();
        set(address, "log_min_duration_statement", "0");
        put("00000001.bin");
        put("00000002.bin");
        set(address, "log_min_duration_statement", "-1");
        let text = std::fs::read_to_string(&log).expect("the log");
        let logged = logged(&text[before..]);
        let [.., first, second] = logged.as_slice() else { panic!("the log has no two commits:\n{text}") };
        let mut script = String::from("\\set n :n + 1\n\\set id (:client_id + 1) * 268435456 + :n\n");
        writeln!(script, "{};", template(first, second)).expect("text");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), script).expect("written");
        Bench { address: address.to_owned(), script: file, last: AtomicU64::new(0) }
    }

    /// Lets clients make transactions at once, and returns how many of them there were each second.
    pub fn run(&self, clients: usize, each: usize) -> f64 {
        // What is made again has another number.
        let first = self.last.fetch_add(each as u64 * 1000, Ordering::Relaxed);
        assert!(first < CLIENT, "the numbers are used up");
        let counted = || sql(&self.address, &format!("SELECT count(*) FROM {}.commit", self.schema()));
        let before: u64 = counted().trim().parse().expect("a number");
        let script = self.script.path().display().to_string();
        let options = "-c default_transaction_isolation=serializable -c enable_seqscan=off \
                       -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";
        let (clients_text, each_text, first) = (clients.to_string(), each.to_string(), format!("n={first}"));
        // What fails because another was in the way is made again, as the driver does.
        let arguments = [
            ["-n", "--max-tries=1000"],
            ["-M", "extended"],
            ["-c", &clients_text],
            ["-j", "2"],
            ["-t", &each_text],
            ["-D", &first],
            ["-f", &script],
        ];
        let said = client("pgbench", &self.address, &[("PGOPTIONS", options)], arguments.as_flattened());
        let after: u64 = counted().trim().parse().expect("a number");
        assert_eq!(after - before, (clients * each) as u64, "every transaction commits:\n{said}");
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")).expect("a rate");
        rate.split(' ').next().and_then(|rate| rate.parse().ok()).expect("a number")
    }

    fn schema(&self) -> &str {
        super::parameter(&self.address, "schema")
    }
}

/// Sets a parameter of the server.
fn set(address: &str, name: &str, value: &str) {
    sql(address, &format!("ALTER SYSTEM SET {name} = {value}"));
    sql(address, "SELECT pg_reload_conf()");
    // Each session reads it before its next statement.
    std::thread::sleep(std::time::Duration::from_millis(300));
}

/// Returns the commits in a log.
fn logged(log: &str) -> Vec<Logged> {
    let mut found: Vec<Logged> = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, text)) = line.split_once("execute <unnamed>: ") else { continue };
        if !COMMITS.iter().any(|has| text.contains(has)) {
            continue;
        }
        let detail = lines.next().expect("its parameters");
        let (_, parameters) = detail.split_once("arameters: ").expect("its parameters");
        found.push(Logged { text: text.to_owned(), parameters: parse(parameters) });
    }
    found
}

/// Takes `$1 = 'a', $2 = 'b'` apart. There are no quotes in these values.
fn parse(mut text: &str) -> BTreeMap<usize, String> {
    let mut parameters = BTreeMap::new();
    while let Some((_, rest)) = text.split_once('$') {
        let (number, rest) = rest.split_once(" = '").expect("a value");
        let (value, rest) = rest.split_once('\'').expect("the end of a value");
        parameters.insert(number.parse().expect("a number"), value.to_owned());
        text = rest;
    }
    parameters
}

/// Returns the statement of the second, with numbers of its own in the place of what differs from the first.
fn template(first: &Logged, second: &Logged) -> String {
    let mut text = second.text.clone();
    for (number, value) in second.parameters.iter().rev() {
        let written = match number {
            1 => "gen_random_uuid()".to_owned(),
            2 => "(:id)::int8".to_owned(),
            _ => match (elements(&first.parameters[number]), elements(value)) {
                (before, now) if now.iter().any(|one| one.starts_with("\\x")) => bytes(&before, &now),
                _ => format!("'{value}'"),
            },
        };
        // Behind `$1` there is another digit in `$10`: the highest are replaced first.
        text = text.replace(&format!("${number}"), &written);
    }
    text
}

/// Takes an array apart.
fn elements(array: &str) -> Vec<String> {
    let inner = array.trim_start_matches('{').trim_end_matches('}');
    let plain = |one: &str| one.trim_matches('"').replace("\\\\", "\\");
    if inner.is_empty() { Vec::new() } else { inner.split(',').map(plain).collect() }
}

fn bytes(before: &[String], now: &[String]) -> String {
    let changed: Vec<String> = now
        .iter()
        .enumerate()
        .map(|(index, now)| {
            match before.get(index).filter(|before| before.len() == now.len() && *before != now) {
                Some(before) => numbered(&unhex(before), &unhex(now)),
                None => format!("'{now}'::bytea"),
            }
        })
        .collect();
    format!("ARRAY[{}]", changed.join(", "))
}

/// Returns an expression of `now`, with a number of the transaction's own where it differs from `before`.
fn numbered(before: &[u8], now: &[u8]) -> String {
    let differs = |index: &usize| before[*index] != now[*index];
    let mut start = (0..now.len()).find(differs).expect("a difference");
    let end = (0..now.len()).rev().find(differs).expect("a difference") + 1;
    start = start.min(end.saturating_sub(LEAST));
    let len = end - start;
    // Of short values the last bytes, in which numbers differ; a hash is drawn anew.
    let own = match len {
        0..=8 => format!("substring(int8send(:id) from {} for {len})", 9 - len),
        _ => format!("substring(sha256(int8send(:id)) for {len})"),
    };
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("('\\x{}'::bytea || {own} || '\\x{}'::bytea)", hex(&now[..start]), hex(&now[end..]))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").expect("bytes");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("bytes"))
        .collect()
}
