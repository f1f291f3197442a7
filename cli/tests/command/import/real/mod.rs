//! `holdall import cloudreve` of servers that were real: their folders and databases, held to what they
//! answered themselves. `real/README.md` says where they come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdall::token::HashIds;
use holdall::token::cloudreve::{escape_query, sign};
use holdall::{Api, Drive, Options, Store, Time};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::host::{TestStore, other};

mod same;
mod terms;

/// A server: its folder and what it answered.
struct Server {
    test: TestStore,
    name: &'static str,
    manifest: Value,
    secret: String,
    salt: String,
}

/// Contents that are longer than what is kept for tests, by what they are in the database.
const LEFT_OUT: [&str; 3] = ["big 60.bin", "enc/12 MiB.bin", "enc/client-encrypted.bin"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/fixtures/servers").join(name)
}

fn unzipped(name: &str) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(fixture(name)).output().unwrap();
    assert!(output.status.success(), "{name}");
    output.stdout
}

/// The end of the share that lives for five days, and one a hundred years later: the test is to go well
/// after them.
const ENDS: [&str; 2] = ["2026-12-02 07:", "2126-12-02 07:"];

/// The same by the clock of the server on MariaDB.
const ENDS_THERE: [&str; 2] = ["2026-12-02 15:", "2126-12-02 15:"];

impl Server {
    fn new(name: &'static str) -> Server {
        let test = TestStore::new();
        let folder = test.dir.path().join("cloudreve");
        std::fs::create_dir(&folder).unwrap();
        // On MariaDB are the rows of the server on PostgreSQL.
        let real = if name == "sqlite" { "sqlite" } else { "pg" };
        let data = fixture(&format!("{real}-data.tar.gz"));
        let status = Command::new("tar").arg("-xzf").arg(data).arg("-C").arg(&folder).status().unwrap();
        assert!(status.success());
        let manifest = serde_json::from_slice(&unzipped(&format!("manifest-{real}.json.gz"))).unwrap();
        let mut server = Server { test, name, manifest, secret: String::new(), salt: String::new() };
        let settings = match name {
            "sqlite" => server.sqlite(),
            "pg" => server.dump("pg.sql.gz", ENDS),
            _ => server.dump("mariadb.sql.gz", ENDS_THERE),
        };
        server.secret = settings["secret_key"].clone();
        server.salt = settings["hash_id_salt"].clone();
        server
    }

    fn folder(&self) -> PathBuf {
        self.test.dir.path().join("cloudreve")
    }

    /// Changes the database, and returns its settings.
    fn sqlite(&self) -> BTreeMap<String, String> {
        let db = Connection::open(self.folder().join("data/cloudreve.db")).unwrap();
        let change = "UPDATE shares SET expires = replace(expires, ?1, ?2) WHERE expires LIKE ?1 || '%'";
        assert_eq!(db.execute(change, ENDS).unwrap(), 1);
        let mut query = db.prepare("SELECT name, coalesce(value, '') FROM settings").unwrap();
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    /// Writes a dump into the folder, and returns the settings.
    fn dump(&self, name: &str, ends: [&str; 2]) -> BTreeMap<String, String> {
        // BLOBs stand in it as they are: it is no text.
        let mut dump = unzipped(name);
        let [from, to] = ends.map(str::as_bytes);
        let found: Vec<usize> =
            (0..dump.len() - from.len()).filter(|at| dump[*at..].starts_with(from)).collect();
        assert_eq!((found.len(), from.len()), (1, to.len()), "{name}");
        dump[found[0]..found[0] + to.len()].copy_from_slice(to);
        std::fs::write(self.folder().join("dump.sql"), dump).unwrap();
        let dump = String::from_utf8(unzipped("pg.sql.gz")).unwrap();
        let lines = dump.lines().skip_while(|line| !line.starts_with("COPY public.settings "));
        let rows = lines.skip(1).take_while(|line| *line != "\\.").map(|line| line.split('\t').skip(4));
        rows.map(|mut row| (row.next().unwrap().to_owned(), row.next().unwrap().to_owned())).collect()
    }

    /// Returns a time of the manifest as a store keeps it, in microseconds: MariaDB has whole seconds.
    fn micros(&self, time: &Value) -> i64 {
        let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
        let unit = if self.name == "mariadb" { 1_000_000 } else { 1 };
        (time.as_nanosecond().div_euclid(1000) as i64).div_euclid(unit) * unit
    }

    /// Returns the rows of a table that were not deleted, as text, by column.
    fn rows(&self, table: &str) -> Vec<BTreeMap<String, Option<String>>> {
        let rows = if self.name == "sqlite" { self.rows_of_sqlite(table) } else { rows_of_dump(table) };
        rows.into_iter().filter(|row| row["deleted_at"].is_none()).collect()
    }

    fn rows_of_sqlite(&self, table: &str) -> Vec<BTreeMap<String, Option<String>>> {
        let db = Connection::open(self.folder().join("data/cloudreve.db")).unwrap();
        let mut query = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = query.column_names().map(str::to_owned).collect();
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8(bytes.into()).unwrap()),
        };
        let read = |row: &rusqlite::Row<'_>| {
            names.iter().enumerate().map(|(at, name)| Ok((name.clone(), text(row.get_ref(at)?)))).collect()
        };
        query.query_map([], read).unwrap().map(Result::unwrap).collect()
    }

    /// Returns a time of a row as a store keeps it: in UTC, with the zone and the uptime behind it.
    fn row_time(&self, time: &str) -> Time {
        let (date, clock) = time.split_once(' ').unwrap();
        let clock = clock.split(['+', ' ']).next().unwrap();
        Time(self.micros(&Value::String(format!("{date}T{clock}Z"))))
    }

    fn run(&self, more: &[&str]) -> std::process::Output {
        let folder = self.folder();
        self.test.run(&[&["--json", "import", "cloudreve", folder.to_str().unwrap()], more].concat())
    }

    /// Imports all but what is not kept here, and returns what is told and the lines of the report.
    fn import(&self, more: &[&str]) -> (Value, Vec<Value>) {
        let report = self.test.fresh();
        let args = ["--skip-missing", "--report", report.to_str().unwrap()];
        let output = self.run(&[&args[..], more].concat());
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        let lines = std::fs::read_to_string(&report).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (serde_json::from_slice(&output.stdout).unwrap(), lines)
    }

    fn open(&self) -> (Store, Api) {
        let store = Store::open(self.test.store(), Options::new()).unwrap();
        let api = Api::new(&store);
        (store, api)
    }

    fn drive(&self, store: &Store, user: &str) -> Drive {
        let email = self.manifest["users"][user]["email"].as_str().unwrap();
        store.find_drive(email).unwrap().unwrap()
    }

    fn list(&self, what: &str) -> Vec<Value> {
        self.manifest[what].as_array().unwrap().clone()
    }

    /// Returns a URL that the server signed, signed for today: the signature that it had is checked.
    fn renewed(&self, url: &str) -> String {
        let (path, query) = target(url).split_once('?').unwrap();
        let pair = query.split('&').find_map(|pair| pair.strip_prefix("sign=")).unwrap();
        let (_, expires) = pair.rsplit_once("%3A").unwrap();
        let plain = decoded(path);
        let signed = |expires| escape_query(&sign(self.secret.as_bytes(), &plain, expires)).to_string();
        assert_eq!(signed(expires.parse().unwrap()), pair, "{url}");
        let until = if expires == "0" { 0 } else { Time::now().unix() + 60 };
        format!("{path}?{}", query.replace(pair, &signed(until)))
    }

    fn ids(&self) -> HashIds {
        HashIds::new(&self.salt).unwrap()
    }
}

/// Returns the rows of a table in the dump of the server on PostgreSQL, with the ends of shares that tests have.
fn rows_of_dump(table: &str) -> Vec<BTreeMap<String, Option<String>>> {
    let dump = String::from_utf8(unzipped("pg.sql.gz")).unwrap().replace(ENDS[0], ENDS[1]);
    let begin = format!("COPY public.{table} (");
    let mut lines = dump.lines().skip_while(|line| !line.starts_with(&begin));
    let columns = lines.next().unwrap().strip_prefix(&begin).unwrap().split(')').next().unwrap();
    let columns: Vec<&str> = columns.split(", ").collect();
    let value = |text: &str| (text != "\\N").then(|| text.to_owned());
    lines
        .take_while(|line| *line != "\\.")
        .map(|line| columns.iter().map(|name| (*name).to_owned()).zip(line.split('\t').map(value)).collect())
        .collect()
}

/// Returns a URL from its path on.
fn target(url: &str) -> &str {
    url.splitn(4, '/').nth(3).map(|rest| &url[url.len() - rest.len() - 1..]).unwrap()
}

fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(out).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

fn header<'a>(real: &'a Value, name: &str) -> Option<&'a str> {
    let pairs = real["headers"].as_array()?.iter();
    pairs.filter(|pair| pair[0] == name).find_map(|pair| pair[1].as_str())
}

fn each(test: impl Fn(&Server)) {
    if other().is_none() {
        for name in ["sqlite", "pg", "mariadb"] {
            test(&Server::new(name));
        }
    }
}
