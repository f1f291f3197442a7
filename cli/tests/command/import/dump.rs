//! `holdall import cloudreve` of what `pg_dump` and `mariadb-dump` made of a server's database. The
//! dumps in `import/tests/fixtures/dumps` are of the rows that `rows.sql` there has; `dump.sh` makes them again.

use std::path::{Path, PathBuf};

use holdall::token::cloudreve::{escape_query, escape_segment, sign};
use holdall::token::{HashIds, HashKind};
use holdall::{Api, Caller, Options, Store, Time};
use serde_json::{Value, json};

use super::{SALT, SECRET, ask, get, text};
use crate::host::{TestStore, other};

const DUMPS: [&str; 5] =
    ["postgres.sql", "postgres-inserts.sql", "postgres-columns.sql", "mariadb.sql", "mariadb-columns.sql"];

/// The contents of the server, by entity.
const CONTENTS: [(u64, &str); 6] = [
    (100, "first"),
    (101, "second"),
    (102, "thumbnail"),
    (103, "in the trash"),
    (104, "bob's"),
    (105, "four"),
];

/// A dump in which every `from` is a `to`. One of `MySQL` has bytes that are no text.
fn changed(name: &str, from: &str, to: &str) -> Vec<u8> {
    let dump = std::fs::read(fixture(name)).unwrap();
    let (mut made, mut rest, mut found) = (Vec::new(), dump.as_slice(), false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(from.as_bytes()) {
            made.extend_from_slice(to.as_bytes());
            (rest, found) = (after, true);
        } else {
            made.push(rest[0]);
            rest = &rest[1..];
        }
    }
    assert!(found, "{name} has no {from:?}");
    made
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/fixtures/dumps").join(name)
}

/// A store to import to, and the folder of the server.
fn test_store() -> TestStore {
    let test = TestStore::new();
    let uploads = test.dir.path().join("data/uploads/1");
    std::fs::create_dir_all(&uploads).unwrap();
    for (entity, content) in CONTENTS {
        std::fs::write(uploads.join(format!("{entity}_x")), content).unwrap();
    }
    test
}

fn import(test: &TestStore, dump: &Path, more: &[&str]) -> Result<Value, String> {
    let (dump, uploads) = (dump.to_str().unwrap(), test.dir.path().to_str().unwrap());
    let args = ["--json", "import", "cloudreve", "--database", dump, "--uploads", uploads];
    let output = test.run(&[&args[..], more].concat());
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    assert_eq!(output.status.code(), Some(1));
    Err(String::from_utf8(output.stderr).unwrap())
}

/// `MySQL` does not say what clock its times are of.
fn clock(name: &str) -> &'static [&'static str] {
    if name.starts_with("mariadb") { &["--utc-offset", "Z"] } else { &[] }
}

fn open(test: &TestStore) -> Store {
    Store::open(test.store(), Options::new()).unwrap()
}

#[test]
fn a_dump_of_any_server_gives_the_same() {
    if other().is_some() {
        return;
    }
    let ids = HashIds::new(SALT).unwrap();
    for name in DUMPS {
        let test = test_store();
        let printed =
            import(&test, &fixture(name), clock(name)).unwrap_or_else(|printed| panic!("{name}: {printed}"));
        let counts = ["drives", "folders", "files", "versions", "trashed", "links", "shares"];
        let counts: Vec<u64> = counts.iter().map(|count| printed[count].as_u64().unwrap()).collect();
        assert_eq!(counts, [2, 1, 11, 12, 1, 2, 2], "{name}: {printed}");
        let left_out = json!({
            "owner-not-active": 2, "share-over": 2, "shortcut": 1, "thumbnail": 1,
        });
        assert_eq!(printed["left_out"], left_out, "{name}");

        let store = open(&test);
        let drive = store.find_drive("alice@example.org").unwrap().unwrap();
        let read =
            |path: &str| String::from_utf8(drive.open_file(path).unwrap().to_vec(99).unwrap()).unwrap();
        for (path, content) in [
            ("docs/The Man.mp3", "first"),
            ("it's \"a\" \\ b\\n\\", "second"),
            ("empty", ""),
            ("docs/\u{9060}\u{91ce} \u{1f600} na\u{ef}ve.txt", "four"),
            ("docs/\\N", "four"),
            ("docs/a_b_c_d_e_f_g_h", "four"),
            ("docs/); -- %_x'", "four"),
            ("docs/007", "four"),
            ("docs/NULL", "four"),
        ] {
            assert_eq!(read(path), content, "{name}: {path}");
        }
        let trash = drive.list_trash(None, 9).unwrap();
        assert_eq!(trash[0].path, "docs/old file's.txt", "{name}");
        // MySQL keeps no fractions of a second.
        let modified = drive.versions("docs/The Man.mp3", None, 9).unwrap()[0].modified;
        assert_eq!(modified.unix(), 1_749_528_415, "{name}");
        let share = drive.shares("docs/\u{9060}\u{91ce} \u{1f600} na\u{ef}ve.txt").unwrap().remove(0);
        assert_eq!(
            share.expires.map(|ends| (ends.0 + 500_000).div_euclid(1_000_000)),
            Some(32_472_144_000),
            "{name}"
        );

        let counted = drive.shares("docs").unwrap().remove(0);
        let counted = (counted.views, counted.downloads, counted.max_downloads);
        assert_eq!(counted, (9, 4, Some(6)), "{name}: two downloads are left");

        let api = Api::new(&store);
        for (entity, content) in CONTENTS.into_iter().filter(|(entity, _)| *entity != 102) {
            let folder = format!("/api/v4/file/content/{}/0/", ids.encode(entity, HashKind::Entity));
            let sign = sign(SECRET.as_bytes(), &format!("{folder}x y"), Time::now().unix() + 60);
            let url = format!("{folder}{}?sign={}", escape_segment("x y"), escape_query(&sign));
            let reply = get(&api, &url);
            assert_eq!((reply.status, text(&reply).as_str()), (200, content), "{name}: {entity}");
        }
        for (id, name, downloads) in [(7, "Old%20Name.mp3", 42), (9, "%E9%81%A0's.txt", 4)] {
            let link = format!("/f/{}/{name}", ids.encode(id, HashKind::SourceLink));
            assert_eq!(get(&api, &link).status, 302, "{name}");
            let path =
                if id == 7 { "docs/The Man.mp3" } else { "docs/\u{9060}\u{91ce} \u{1f600} na\u{ef}ve.txt" };
            assert_eq!(drive.links(path).unwrap()[0].downloads, downloads, "{name}");
        }
        let shared = |id: u64, password: &str, path: &str| {
            format!("cloudreve://{}{password}@share/{path}", ids.encode(id, HashKind::Share))
        };
        let nobody = Caller::anonymous();
        assert_eq!(ask(&api, &nobody, &shared(3, "", "The%20Man.mp3")).0, 40069, "{name}");
        for code in [0, 0, 404] {
            let uri = shared(3, ":p'w%5C%22%C3%B6", "The%20Man.mp3");
            assert_eq!(ask(&api, &nobody, &uri).0, code, "{name}: two downloads are left");
        }
        assert_eq!(
            ask(&api, &nobody, &shared(7, "", "%E9%81%A0%E9%87%8E%20%F0%9F%98%80%20na%C3%AFve.txt")).0,
            0,
            "{name}"
        );
    }
}

#[test]
fn times_of_mysql_are_of_the_clock_that_is_told() {
    if other().is_some() {
        return;
    }
    for (offset, hours) in [("+08:00", -8), ("-03", 3), ("Z", 0), ("Asia/Shanghai", -8)] {
        for (dump, hours) in [("mariadb.sql", hours), ("postgres.sql", 0)] {
            let test = test_store();
            import(&test, &fixture(dump), &["--utc-offset", offset]).unwrap();
            let drive = open(&test).find_drive("alice@example.org").unwrap().unwrap();
            let modified = drive.versions("docs/The Man.mp3", None, 9).unwrap()[0].modified;
            assert_eq!(modified.unix(), 1_749_528_415 + hours * 3600, "{dump} {offset}");
        }
    }
    let printed = import(&test_store(), &fixture("mariadb.sql"), &[]).unwrap_err();
    assert!(printed.contains("--utc-offset"), "nothing in it tells, so it is asked for: {printed}");
    let refused = import(&test_store(), &fixture("mariadb.sql"), &["--utc-offset", "Mars/Olympus"]);
    assert!(refused.is_err());
}

#[test]
fn what_is_no_whole_dump_of_a_server_is_refused_with_what_to_do() {
    if other().is_some() {
        return;
    }
    let test = test_store();
    let path = test.fresh();
    let postgres = |from, to| changed("postgres.sql", from, to);
    let mariadb = |from, to| changed("mariadb.sql", from, to);
    let twice = |name| std::fs::read(fixture(name)).unwrap().repeat(2);
    let whole = "which says that it is complete, is missing";
    let mut cases: Vec<(Vec<u8>, &str)> = vec![
        (b"PGDMP\x01\x0e".to_vec(), "pg_restore --file=dump.sql FILE"),
        (b"\x1f\x8b\x08\0".to_vec(), "gunzip"),
        (b"\x28\xb5\x2f\xfd\0".to_vec(), "unzstd"),
        (postgres("dump complete\n", "dump\n"), whole),
        (mariadb("-- Dump completed", "--"), whole),
        (mariadb("-- ", ""), "is no"),
        (postgres("'UTF8'", "'LATIN1'"), "--encoding=UTF8"),
        (postgres("strings = on", "strings = off"), "standard_conforming_strings"),
        (mariadb("NAMES utf8mb4", "NAMES latin1"), "--default-character-set=utf8mb4"),
        (postgres("\tThe Man.mp3\t", "\tThe Man.mp3"), "values for"),
        (postgres("\tf\t", "\tx\t"), "files.is_symbolic is not what it should be"),
        (mariadb("(11,101)", "(11,1e1)"), "file_entities.entity_id is not"),
        (mariadb("(11,101)", "(11,f(1))"), "a value is malformed"),
        (twice("postgres.sql"), "give one dump alone"),
        (twice("mariadb-columns.sql"), "give one dump alone"),
        (postgres("public.users", "public.members"), "cannot be read as a database of Cloudreve v4"),
        (postgres("reference_count", "references"), "cannot be read as a database of Cloudreve v4"),
    ];
    let latin =
        postgres("na\u{ef}ve", "na~ve").into_iter().map(|byte| if byte == b'~' { 0xef } else { byte });
    cases.push((latin.collect(), "files.name is not"));
    for (dump, printed) in cases {
        std::fs::write(&path, dump).unwrap();
        let error = import(&test, &path, &[]).expect_err(printed);
        assert!(error.contains(printed), "{printed}: {error}");
        assert!(!error.contains(SECRET) && !error.contains(SALT), "{printed}");
        assert!(open(&test).find_drive("alice@example.org").unwrap().is_none(), "{printed}");
    }
    import(&test, &fixture("postgres.sql"), &[]).unwrap();
}

#[test]
fn a_dump_may_end_its_lines_as_windows_does() {
    if other().is_some() {
        return;
    }
    for name in ["postgres.sql", "mariadb.sql"] {
        let test = test_store();
        let path = test.fresh();
        std::fs::write(&path, ["\u{feff}".as_bytes(), &changed(name, "\n", "\r\n")].concat()).unwrap();
        let printed = import(&test, &path, clock(name)).unwrap_or_else(|printed| panic!("{name}: {printed}"));
        assert_eq!(printed["files"], 11);
    }
}
