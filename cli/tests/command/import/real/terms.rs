//! What an import needs and reports: folders, keys, dumps, and what did not come along.

use std::collections::BTreeSet;
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{LEFT_OUT, Server, each, sha256};
use crate::host::other;

#[test]
fn the_report_names_what_did_not_come_and_why() {
    each(|server| {
        let (told, lines) = server.import(&[]);
        let of = |kind: &str, cause: &str| {
            let lines = lines.iter().filter(|line| line["kind"] == kind && line["cause"] == cause);
            lines.map(|line| line["path"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(of("file", "content-missing"), set(&LEFT_OUT));
        assert_eq!(of("version", "content-missing"), set(&LEFT_OUT));
        assert_eq!(of("file", "unfinished-upload"), set(&["unfinished.bin"]));
        assert_eq!(of("version", "unfinished-upload"), set(&["unfinished.bin", "halfversion.bin"]));
        assert_eq!(of("version", "thumbnail"), set(&["pics/pic.png"]));
        assert_eq!(of("version", "live-photo"), set(&["pics/live.png"]));
        assert_eq!(of("folder", "shortcut").len(), 1);
        assert_eq!(of("link", "target-left-out"), set(&["big 60.bin"]));
        assert_eq!(of("link", "owner-not-active"), set(&["dave.txt"]));
        assert_eq!(of("share", "share-over"), set(&["bob.txt"]));
        assert_eq!(of("share", "owner-not-active"), set(&["dave.txt"]));
        assert_eq!(of("share", "target-in-trash"), set(&["sharetrash.txt"]));
        assert_eq!(lines.iter().filter(|line| line["kind"] == "user").count(), 4);
        let carol = lines.iter().find(|line| line["kind"] == "user" && line["id"] == 3).unwrap();
        assert_eq!((&carol["archive"], &carol["links_at_once"]), (&json!(true), &json!(5)));
        let bob = lines.iter().find(|line| line["kind"] == "user" && line["id"] == 2).unwrap();
        assert_eq!((&bob["archive"], &bob["links_at_once"]), (&json!(false), &json!(10)));
        assert_eq!(told["no_place"]["pins"], 1, "{told}");
        // What is counted is named, once.
        let counted: u64 = told["left_out"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        let named = lines.iter().filter(|line| line["kind"] != "user" && line["cause"] != "renamed").count();
        assert_eq!(counted, named as u64, "{told}");
    });
}

#[test]
fn a_wrong_folder_is_no_success_and_the_message_says_what_to_try() {
    each(|server| {
        let folder = server.folder();
        let empty = server.test.fresh();
        std::fs::create_dir(&empty).unwrap();
        for more in [&[][..], &["--skip-missing"]] {
            let output = server.run(&[&["--uploads", empty.to_str().unwrap()], more].concat());
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(told.contains("--map /cloudreve/data/uploads=DIR"), "{told}");
            assert!(!told.contains("--skip-missing") && !told.contains("made a new store"), "{told}");
            assert!(!server.test.store().exists(), "a store was made of nothing");
        }
        // The uploads were moved elsewhere, under another name.
        let moved = server.test.fresh();
        std::fs::rename(folder.join("data/uploads"), &moved).unwrap();
        let map = format!("/cloudreve/data/uploads={}", moved.display());
        let (told, _) = server.import(&["--map", &map]);
        assert_eq!(told["files"], 79, "{told}");
    });
}

#[test]
fn a_server_of_windows_is_imported_from_its_folder_and_from_elsewhere() {
    if other().is_some() {
        return;
    }
    for moved in [false, true] {
        let server = Server::new("sqlite");
        let db = Connection::open(server.folder().join("data/cloudreve.db")).unwrap();
        let change = r"UPDATE entities SET source = replace('C:' || source, '/', '\')";
        assert!(db.execute(change, []).unwrap() > 90);
        let rule = r"UPDATE storage_policies SET dir_name_rule = 'C:' || replace(dir_name_rule, '/', '\')";
        assert_eq!(db.execute(rule, []).unwrap(), 2);
        let elsewhere = server.test.fresh();
        let map = format!(r"C:\cloudreve\data\uploads={}", elsewhere.display());
        let more: &[&str] = match moved {
            true => {
                std::fs::rename(server.folder().join("data/uploads"), &elsewhere).unwrap();
                &["--map", &map]
            }
            false => &[],
        };
        assert_eq!(server.import(more).0["files"], 79, "{moved}");
    }
}

#[test]
fn encrypted_content_needs_the_master_key() {
    if other().is_some() {
        return;
    }
    let server = Server::new("sqlite");
    let db = Connection::open(server.folder().join("data/cloudreve.db")).unwrap();
    let key: String = db
        .query_row("SELECT value FROM settings WHERE name = 'encrypt_master_key'", [], |row| row.get(0))
        .unwrap();
    db.execute("UPDATE settings SET value = '' WHERE name = 'encrypt_master_key'", []).unwrap();
    let output = server.run(&[]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("CR_ENCRYPT_MASTER_KEY") && told.contains("there is no master key"), "{told}");
    // As the server itself may have it.
    let (folder, elsewhere) = (server.folder(), server.test.fresh());
    let args = ["--store", elsewhere.to_str().unwrap(), "--json", "import", "cloudreve", "--skip-missing"];
    let mut command = server.test.command(&[&args[..], &[folder.to_str().unwrap()]].concat());
    let output = command.env("CR_ENCRYPT_MASTER_KEY", &key).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["left_out"].get("no-master-key"), None, "{told}");
    let file = server.test.fresh();
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let (_, lines) = server.import(&["--master-key", file.to_str().unwrap()]);
    assert!(lines.iter().all(|line| line["cause"] != "no-master-key"));
    let (store, _) = server.open();
    let secret = server.drive(&store, "carol").open_file("enc/secret.txt").unwrap().to_vec(99).unwrap();
    let told = server.list("urls").into_iter().find(|url| url["path"] == "enc/secret.txt").unwrap();
    assert_eq!(sha256(&secret), told["real"]["sha256"].as_str().unwrap());
}

#[test]
fn a_wrong_master_key_brings_no_garbage() {
    if other().is_some() {
        return;
    }
    let server = Server::new("sqlite");
    let file = server.test.fresh();
    std::fs::write(&file, format!("{}=", "A".repeat(43))).unwrap();
    let args = ["--master-key", file.to_str().unwrap()];
    let output = server.run(&args);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("no content looks right under the master key"), "{told}");
    assert!(told.contains("give --master-key FILE"), "{told}");
    let (told, lines) = server.import(&args);
    assert!(told["left_out"]["wrong-master-key"].as_u64().unwrap() > 0, "{told}");
    let (store, _) = server.open();
    assert!(server.drive(&store, "carol").open_file("enc/secret.txt").is_err());
    assert!(lines.iter().any(|line| line["cause"] == "wrong-master-key" && line["kind"] == "file"));
}

#[test]
fn older_bytes_never_stand_in_for_the_current_ones_unasked() {
    if other().is_some() {
        return;
    }
    for (more, current) in [(&[][..], None), (&["--older-versions"], Some("many 11"))] {
        let server = Server::new("sqlite");
        let db = Connection::open(server.folder().join("data/cloudreve.db")).unwrap();
        let query = "SELECT e.source FROM files f JOIN entities e ON e.id = f.primary_entity \
                     WHERE f.name = 'many.txt'";
        let source: String = db.query_row(query, [], |row| row.get(0)).unwrap();
        let path = source.strip_prefix("/cloudreve/").unwrap();
        std::fs::remove_file(server.folder().join(path)).unwrap();
        let (_, lines) = server.import(more);
        let (store, _) = server.open();
        let found = server.drive(&store, "admin").open_file("many.txt").ok();
        let found = found.map(|file| String::from_utf8(file.to_vec(99).unwrap()).unwrap());
        assert_eq!(found.as_deref(), current);
        let named = lines.iter().filter(|line| line["path"] == "many.txt").collect::<Vec<_>>();
        assert!(named.iter().any(|line| line["cause"] == "content-missing"), "{named:?}");
        assert_eq!(named.iter().any(|line| line["cause"] == "current-not-readable"), current.is_none());
    }
}

/// Writes a database as text.
const DUMP: &str = "
import sqlite3, sys
with open(sys.argv[2], 'w', encoding='utf-8') as out:
    out.writelines(line + '\\n' for line in sqlite3.connect(sys.argv[1]).iterdump())
";

#[test]
fn the_dump_of_a_real_database_gives_what_the_database_gives() {
    if other().is_some() {
        return;
    }
    let server = Server::new("sqlite");
    let (told, _) = server.import(&[]);
    let dump = Server::new("sqlite");
    let database = dump.folder().join("data/cloudreve.db");
    let mut python = Command::new("python3");
    let status = python.args(["-c", DUMP]).arg(&database).arg(dump.folder().join("dump.sql")).status();
    assert!(status.expect("python3 is not there; install it").success());
    std::fs::remove_file(database).unwrap();
    assert_eq!(dump.import(&[]).0, told);
}
