//! Dumps of servers, read value by value and cut at every place.

use std::io::BufReader;

use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;

use super::error::Fault;
use super::script::load;
use super::tables::{Kind, Table};
use super::text::System;

const WANTED: &[Table] = &[("t", &[("id", Kind::Number), ("name", Kind::Text), ("flag", Kind::Flag)])];

const POSTGRES_END: &str = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n";
const MYSQL_END: &str = "\n-- Dump completed on 2026-01-02  3:04:05\n";

type Row = (Option<i64>, Option<String>, Option<bool>);

fn held(db: &Connection) -> Vec<Row> {
    let mut query = db.prepare("SELECT id, name, flag FROM t ORDER BY rowid").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Reads a dump, so many bytes at once.
fn read(dump: &[u8], system: System, buffer: usize) -> Result<Connection, Fault> {
    load(BufReader::with_capacity(buffer, dump), system, WANTED)
}

fn number(id: Option<i64>, none: &str) -> String {
    id.map_or(none.to_owned(), |id| id.to_string())
}

/// Writes rows as `COPY ... TO` does ("File Formats" in the manual).
fn copied(rows: &[Row]) -> String {
    let mut text = "COPY public.t (id, name, flag) FROM stdin;\n".to_owned();
    for (id, name, flag) in rows {
        let name = name.as_ref().map_or("\\N".to_owned(), |name| {
            let escaped = name.chars().map(|c| match c {
                '\\' => "\\\\".to_owned(),
                '\u{8}' => "\\b".to_owned(),
                '\u{c}' => "\\f".to_owned(),
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                '\u{b}' => "\\v".to_owned(),
                // What is written for none of them, and is read all the same.
                '\u{1}' => "\\1".to_owned(),
                '\u{2}' => "\\002".to_owned(),
                '\u{3}' => "\\x03".to_owned(),
                '%' => "\\%".to_owned(),
                c => c.to_string(),
            });
            escaped.collect()
        });
        let flag = flag.map_or("\\N", |flag| if flag { "t" } else { "f" });
        text.push_str(&format!("{}\t{name}\t{flag}\n", number(*id, "\\N")));
    }
    text + "\\.\n\n" + POSTGRES_END
}

/// Writes rows as `pg_dump --inserts` does.
fn inserted(rows: &[Row]) -> String {
    let mut text = "CREATE TABLE public.t (\n    id bigint,\n    name varchar(9) DEFAULT ','::text,\n    \
                    flag boolean,\n    CONSTRAINT c CHECK ((id > 0))\n);\n"
        .to_owned();
    for (id, name, flag) in rows {
        let name = name.as_ref().map_or("NULL".to_owned(), |name| format!("'{}'", name.replace('\'', "''")));
        let flag = flag.map_or("NULL", |flag| if flag { "true" } else { "false" });
        text.push_str(&format!("INSERT INTO public.t VALUES ({}, {name}, {flag});\n", number(*id, "NULL")));
    }
    text + POSTGRES_END
}

/// Writes rows as `mysqldump` does ("String Literals" in the manual), a text in one of its ways.
fn listed(rows: &[Row], way: usize) -> String {
    let mut text =
        "CREATE TABLE `t` (\n  `id` bigint(20) DEFAULT NULL COMMENT 'it\\'s, ('\n, `name` text,\n  \
                    `flag` tinyint(1),\n  KEY `k` (`id`,`name`)\n) ENGINE=InnoDB /*!50100 x */;\n"
            .to_owned();
    let hex = |name: &str| name.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let values = rows.iter().map(|(id, name, flag)| {
        let name = name.as_ref().map_or("NULL".to_owned(), |name| match way % 4 {
            0 => format!("0x{}", hex(name)),
            1 => format!("x'{}'", hex(name)),
            _ => {
                let escaped = name.chars().map(|c| match c {
                    '\0' => "\\0".to_owned(),
                    '\n' => "\\n".to_owned(),
                    '\r' => "\\r".to_owned(),
                    '\u{1a}' => "\\Z".to_owned(),
                    '\u{8}' if way % 4 == 2 => "\\b".to_owned(),
                    '\t' if way % 4 == 2 => "\\t".to_owned(),
                    '\'' if way % 4 == 2 => "''".to_owned(),
                    'c' if way % 4 == 2 => "\\c".to_owned(),
                    '\\' | '\'' | '"' => format!("\\{c}"),
                    c => c.to_string(),
                });
                format!("{}'{}'", if way % 4 == 2 { "_utf8mb4 " } else { "" }, escaped.collect::<String>())
            }
        });
        let flag = flag.map_or("NULL", |flag| if flag { "1" } else { "0" });
        format!("({},{name},{flag})", number(*id, "NULL"))
    });
    let values: Vec<String> = values.collect();
    if !values.is_empty() {
        text.push_str(&format!("INSERT INTO `t` VALUES\n{};\n", values.join(",\n")));
    }
    text + MYSQL_END
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let hard = proptest::string::string_regex("([\\x00-\\x1f'\"\\\\;,()$`N.%_a-d0 -]|\\PC){0,12}").unwrap();
    vec((any::<Option<i64>>(), proptest::option::of(hard), any::<Option<bool>>()), 0..6)
}

proptest! {
    #[test]
    fn rows_of_postgres_are_read_as_they_were_written(rows in any_rows(), buffer in 1_usize..40) {
        // It has no text with a zero in it.
        let rows: Vec<Row> =
            rows.into_iter().map(|(id, name, flag)| (id, name.map(|name| name.replace('\0', "")), flag)).collect();
        for dump in [copied(&rows), inserted(&rows)] {
            if rows.is_empty() && !dump.contains("COPY") {
                continue;
            }
            let db = read(dump.as_bytes(), System::Postgres, buffer).map_err(|error| TestCaseError::fail(format!("{error}\n{dump}")))?;
            prop_assert_eq!(held(&db), rows.clone(), "{}", dump);
        }
    }

    #[test]
    fn rows_of_mysql_are_read_as_they_were_written(rows in any_rows(), way in 0_usize..4, buffer in 1_usize..40) {
        let empty = rows.iter().any(|(_, name, _)| name.as_deref() == Some(""));
        let way = if empty && way == 0 { 1 } else { way };
        let dump = listed(&rows, way);
        let db = read(dump.as_bytes(), System::MySql, buffer).map_err(|error| TestCaseError::fail(format!("{error}\n{dump}")))?;
        prop_assert_eq!(held(&db), rows, "{}", dump);
    }

    #[test]
    fn no_bytes_are_too_much_for_it(bytes in "(COPY t \\(id\\)|INSERT INTO t|CREATE TABLE t|VALUES|FROM stdin;\n|[-'\"\\\\;,()$/*#x0 \t\n]|\\PC){0,40}") {
        for system in [System::Postgres, System::MySql] {
            let _ = read(bytes.as_bytes(), system, 7);
        }
    }
}

fn sample() -> Vec<Row> {
    vec![
        (Some(1), Some("it's \\ \"a\"\n; -- x\t\u{9060}".to_owned()), Some(true)),
        (Some(-2), None, Some(false)),
        (None, Some(String::new()), None),
        (
            Some(i64::MAX),
            Some("-- Dump completed\n-- PostgreSQL database dump complete\n\\.\n".to_owned()),
            None,
        ),
    ]
}

#[test]
fn a_dump_cut_short_anywhere_is_refused() {
    for (dump, system, end) in [
        (copied(&sample()), System::Postgres, "dump complete"),
        (inserted(&sample()), System::Postgres, "dump complete"),
        (listed(&sample(), 2), System::MySql, "Dump completed"),
        (listed(&sample(), 3), System::MySql, "Dump completed"),
    ] {
        let whole = dump.rfind(end).unwrap() + end.len();
        for at in 0..whole {
            assert!(read(&dump.as_bytes()[..at], system, 64).is_err(), "{at}: {}", &dump[..at]);
        }
        // Behind that no row is lost: what is cut there may be refused, and need not be.
        for db in (whole..dump.len()).filter_map(|at| read(&dump.as_bytes()[..at], system, 64).ok()) {
            assert_eq!(held(&db), sample());
        }
        assert_eq!(held(&read(dump.as_bytes(), system, 64).unwrap()), sample());
    }
}

/// The dumps that the tools of the servers made.
const DUMPS: [(System, &[u8], &str); 5] = [
    (System::Postgres, include_bytes!("../../tests/fixtures/dumps/postgres.sql"), "dump complete"),
    (System::Postgres, include_bytes!("../../tests/fixtures/dumps/postgres-inserts.sql"), "dump complete"),
    (System::Postgres, include_bytes!("../../tests/fixtures/dumps/postgres-columns.sql"), "dump complete"),
    (System::MySql, include_bytes!("../../tests/fixtures/dumps/mariadb.sql"), "Dump completed"),
    (System::MySql, include_bytes!("../../tests/fixtures/dumps/mariadb-columns.sql"), "Dump completed"),
];

#[test]
fn what_a_tool_made_is_refused_when_it_is_cut_short() {
    let wanted = super::super::database::TABLES;
    for (system, dump, end) in DUMPS {
        let whole = dump.windows(end.len()).rposition(|part| part == end.as_bytes()).unwrap() + end.len();
        let last = whole - 200;
        for at in (0..last).step_by(211).chain(last..whole) {
            assert!(load(&dump[..at], system, wanted).is_err(), "{at}");
        }
        let db = load(&dump[..whole], system, wanted).unwrap();
        let users: i64 = db.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
        assert_eq!(users, 3);
    }
}

#[test]
fn statements_that_hold_no_rows_are_passed_over() {
    let rows = "CREATE TABLE t (id int, name text);\nINSERT INTO t VALUES (1, 'a');\n";
    for before in [
        "CREATE FUNCTION f() RETURNS void AS $x$ BEGIN; INSERT INTO t VALUES ('$y$'); END; $x$ LANGUAGE sql;",
        "CREATE RULE r AS ON INSERT TO u DO (SELECT 1; SELECT ';');",
        "COPY public.u (a, b) FROM stdin;\n1\tit's; \\\\.\n\\.\n",
        "COPY public.u  FROM stdin;\n\\.\n",
        "\\connect cloudreve\n\\restrict it's\n",
        "SET client_encoding = 'UTF8'; SET x.y TO z; SET default_tablespace = '';",
        "COMMENT ON TABLE t IS 'it''s /* not -- a comment';",
        "CREATE UNLOGGED TABLE u (a int);\nCREATE INDEX t ON u USING btree (a) WHERE (a = ';'::text);",
        "/* a comment ' of ** many\n lines; */",
        "SELECT pg_catalog.lowrite(0, '\\x0011');",
    ] {
        let dump = format!("{before}\n{rows}{POSTGRES_END}").replace("name text", "name text, flag boolean");
        let dump = dump.replace("(1, 'a')", "(1, 'a', NULL)");
        let db =
            read(dump.as_bytes(), System::Postgres, 64).unwrap_or_else(|error| panic!("{before}: {error}"));
        assert_eq!(held(&db), [(Some(1), Some("a".to_owned()), None)], "{before}");
    }
    for before in [
        "/*!40101 SET NAMES utf8mb4 */;\nUSE `cloudreve`;\nCREATE DATABASE /*!32312 IF NOT EXISTS*/ `c;d`;",
        "DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER x BEGIN INSERT INTO t VALUES (1); END */;;\nDELIMITER ;\n",
        "CREATE TABLE `u` (`a` text);\nINSERT INTO `u` VALUES (_binary '\\'\\\\;--\\0','\\\\');\nUNLOCK TABLES;",
        "# a comment; it's\n",
        "SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'x:1-3';",
        "INSERT INTO `u` VALUES (0x00FF);",
    ] {
        let insert = "CREATE TABLE IF NOT EXISTS `t` (`name` text, `flag` bool, `id` int, PRIMARY KEY (`id`));\n\
                      INSERT  IGNORE INTO `t` (`id`, `flag`, `name`) VALUES (+1,_binary '\\0','b');\n\
                      REPLACE INTO `t` VALUES ('a',NULL,-1) ON DUPLICATE KEY UPDATE id = 1;\n";
        let dump = format!("{before}\n{insert}{MYSQL_END}");
        let db = read(dump.as_bytes(), System::MySql, 64).unwrap_or_else(|error| panic!("{before}: {error}"));
        let found = [(Some(1), Some("b".to_owned()), Some(false)), (Some(-1), Some("a".to_owned()), None)];
        assert_eq!(held(&db), found, "{before}");
    }
}

#[test]
fn what_no_dump_says_of_a_table_is_refused() {
    for (system, dump, message) in [
        (System::Postgres, "INSERT INTO t VALUES (1);", "what columns t has"),
        (System::Postgres, "COPY t FROM stdin;\n1\n\\.\n", "what columns t has"),
        (System::Postgres, "COPY t (id) FROM stdin;\n1\nx\n\\.\n", "line 3: t.id is not what it should be"),
        (System::MySql, "INSERT INTO t (id) VALUES\n(1),\n('x'),\n(2);", "line 3: t.id is not"),
        (System::Postgres, "CREATE TABLE t (id int);\nCREATE TABLE b.t (id int);", "several tables t"),
        (
            System::Postgres,
            "INSERT INTO a.t (id) VALUES (1);\nINSERT INTO b.t (id) VALUES (1);",
            "several tables t",
        ),
        (
            System::Postgres,
            "INSERT INTO t (id) VALUES (1);\n\\connect b\nINSERT INTO t (id) VALUES (1);",
            "several",
        ),
        (
            System::MySql,
            "USE a;INSERT INTO t (id) VALUES (1);USE `b`;INSERT INTO t (id) VALUES (1);",
            "several",
        ),
        (System::Postgres, "INSERT INTO t (id) VALUES (E'1');", "a value is malformed"),
        (System::MySql, "INSERT INTO t (id) VALUES (now());", "a value is malformed"),
        (System::MySql, "INSERT INTO t (id) VALUES (1+1);", "not followed by a comma"),
        (System::MySql, "INSERT INTO t (id) VALUES (1,2);", "2 values for 1 columns"),
        (System::MySql, "INSERT INTO t (id) VALUES ('x');", "t.id is not what it should be"),
        (System::MySql, "INSERT INTO t (id) VALUES (9223372036854775808);", "t.id is not"),
        (System::MySql, "INSERT INTO t (name) VALUES (0xFF);", "t.name is not"),
        (System::MySql, "INSERT INTO t (name) VALUES (0xFFF);", "hexadecimal"),
        (System::MySql, "INSERT INTO t (flag) VALUES (2);", "t.flag is not"),
        (System::MySql, "INSERT INTO t SET id = 1;", "rows are added that are not there"),
        (System::MySql, "CREATE TABLE t AS SELECT 1;", "there should be a ("),
        (System::MySql, "CREATE TABLE t (other int);", "none of the needed columns"),
    ] {
        let end = if system == System::MySql { MYSQL_END } else { POSTGRES_END };
        let error = read(format!("{dump}\n{end}").as_bytes(), system, 64).expect_err(dump).to_string();
        assert!(error.contains(message), "{dump}: {error}");
    }
}

#[test]
fn of_a_cluster_the_end_of_one_database_is_not_the_end() {
    let begin =
        "--\n-- PostgreSQL database cluster dump\n--\n\n\\connect a\n\n--\n-- PostgreSQL database dump\n--\n";
    let dump = format!("{begin}COPY t (id, name, flag) FROM stdin;\n1\ta\tt\n\\.\n{POSTGRES_END}");
    assert!(read(dump.as_bytes(), System::Postgres, 64).is_err());
    let whole = format!("{dump}--\n-- PostgreSQL database cluster dump complete\n--\n");
    assert_eq!(held(&read(whole.as_bytes(), System::Postgres, 64).unwrap()).len(), 1);
    let more = format!("{whole}SELECT 1;\n");
    let error =
        read(more.as_bytes(), System::Postgres, 64).expect_err("it goes on behind its end").to_string();
    assert!(error.contains("behind its end"), "{error}");
}

#[test]
fn what_has_no_end_is_not_kept_in_memory() {
    let dump = [b"INSERT INTO t (name) VALUES ('".as_slice(), &vec![b'x'; super::text::MAX + 10]].concat();
    let error = read(&dump, System::MySql, 1 << 16).expect_err("it has no end").to_string();
    assert!(error.contains("too long"), "{error}");
    let dump = [b"COPY t (name) FROM stdin;\n".as_slice(), &vec![b'x'; super::text::MAX + 10]].concat();
    let error = read(&dump, System::Postgres, 1 << 16).expect_err("it has no end").to_string();
    assert!(error.contains("too long"), "{error}");
}
