//! `holdall import cloudreve` of servers that were real: their folders and databases, held to what they
//! answered themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use holdall::token::HashKind;
use holdall::token::cloudreve::escape_query;
use holdall::{Caller, Request};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::server::{LEFT_OUT, Server, caller, decoded, each, header, micros, sha256, target};
use super::{ask, get, text};
use crate::host::other;

#[test]
fn a_default_installation_comes_with_its_folder_alone() {
    each(|server| {
        let (printed, _) = server.import(&[]);
        let counts = ["drives", "files", "versions", "trashed", "links", "shares"];
        let counts: Vec<u64> = counts.iter().map(|count| printed[count].as_u64().unwrap()).collect();
        assert_eq!(counts, [4, 79, 98, 11, 25, 11], "{}: {printed}", server.name);
    });
}

#[test]
fn every_file_has_its_bytes() {
    each(|server| {
        server.import(&[]);
        let (store, _) = server.open();
        for file in server.list("files") {
            let (user, path) = (file["user"].as_str().unwrap(), file["path"].as_str().unwrap());
            let found = server.drive(&store, user).open_file(&path.replace('\t', "_"));
            if LEFT_OUT.contains(&path) {
                assert!(found.is_err(), "{user} {path}");
                continue;
            }
            let bytes = found.unwrap_or_else(|error| panic!("{user} {path}: {error}"));
            let bytes = bytes.to_vec(1 << 20).unwrap();
            // Of these the sum of what was stored is written down; their URLs tell what they are.
            if file["encrypted"] != true {
                assert_eq!(sha256(&bytes), file["sha256"].as_str().unwrap(), "{} {user} {path}", server.name);
            }
        }
    });
}

/// What a URL leads to: the same as it did; or what no store has; what was gone already; or what is
/// not kept with the tests.
fn class(url: &Value) -> &'static str {
    let real = url["url"].as_str().unwrap();
    match () {
        () if url["how"] == "archive" => "archive",
        () if url["how"] == "thumb" || real.contains("_live_photo.mov") => "beside",
        () if LEFT_OUT.contains(&url["path"].as_str().unwrap()) => "not here",
        () if header(&url["real"], "Etag").is_none() => "gone",
        () => "same",
    }
}

#[test]
fn a_new_url_has_the_entity_and_the_etag_of_the_old_one() {
    each(|server| {
        server.import(&[]);
        let (_, api) = server.open();
        let entity =
            |url: &str| url.split("/file/content/").nth(1).unwrap().split('/').next().unwrap().to_owned();
        let mut same = 0;
        for url in server.list("urls").iter().filter(|url| class(url) == "same" && url["how"] == json!({})) {
            let (old, path) = (url["url"].as_str().unwrap(), url["path"].as_str().unwrap());
            let asked =
                format!("cloudreve://my/{}", escape_query(path).replace("%2F", "/").replace('+', "%20"));
            let (code, new) = ask(&api, &caller(server, url["user"].as_str().unwrap()), &asked);
            // Of a copy the first has the id; one without content, or of another name now, has one of its own.
            let moved = path.contains('\t') || code != 0;
            if moved || path.contains("created empty") {
                continue;
            }
            if entity(&new) != entity(old) {
                // Of what was written over since the URL was made, the old one has an older version.
                let older =
                    get(&api, &new).header("Content-Length") != header(&url["real"], "Content-Length");
                assert!(path.contains("cop") || older, "{} {path}: {old} {new}", server.name);
                continue;
            }
            assert_eq!(get(&api, &new).header("ETag"), header(&url["real"], "Etag"), "{path}");
            same += 1;
        }
        assert!(same >= 20, "{}: {same}", server.name);
    });
}

#[test]
fn a_link_asked_for_again_is_the_one_that_there_was() {
    each(|server| {
        server.import(&[]);
        let (store, api) = server.open();
        let mut again = 0;
        for link in server.list("links") {
            let (url, user) = (link["link"].as_str().unwrap(), link["user"].as_str().unwrap_or("admin"));
            let path = link["path"].as_str().unwrap();
            let name = decoded(target(url).split('?').next().unwrap().rsplit('/').next().unwrap());
            let here = server.drive(&store, user).stat(path).is_ok_and(|file| file.name == name);
            if !here || !url.contains("/f/") || link["real"]["status"] != 302 {
                continue;
            }
            let uri =
                format!("cloudreve://my/{}", escape_query(path).replace("%2F", "/").replace('+', "%20"));
            let body = json!({ "uris": [uri] }).to_string();
            let caller = caller(server, user);
            let reply = api.answer(&caller, &Request::new("PUT", "/api/v4/file/source"), body.as_bytes());
            let printed: Value = serde_json::from_str(&text(&reply.unwrap())).unwrap();
            let made = printed["data"][0]["link"].as_str().unwrap_or_else(|| panic!("{printed}"));
            assert_eq!(made, target(url), "{} {path}", server.name);
            again += 1;
        }
        assert!(again >= 5, "{}: {again}", server.name);
    });
}

#[test]
fn every_signed_url_gives_what_it_gave() {
    each(|server| {
        server.import(&[]);
        let (_, api) = server.open();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for url in server.list("urls") {
            let (printed, real) = (url["url"].as_str().unwrap(), &url["real"]);
            let reply = get(&api, &server.renewed(printed));
            let body = reply.body.to_vec(1 << 20).unwrap();
            let class = class(&url);
            *counts.entry(class).or_default() += 1;
            match class {
                // They were in the memory of the server, for ten minutes.
                "archive" => assert!(text(&reply).contains("Archive session not exist"), "{printed}"),
                "same" => {
                    assert_eq!(reply.status, 200, "{printed}");
                    assert_eq!(sha256(&body), real["sha256"].as_str().unwrap(), "{} {printed}", server.name);
                    assert_eq!(reply.header("ETag"), header(real, "Etag"), "{printed}");
                    let length = header(real, "Content-Length");
                    assert_eq!(reply.header("Content-Length"), length, "{printed}");
                    let type_of = |text: Option<&str>| text.map(|text| text.contains("charset=utf-8"));
                    let (ours, theirs) = (reply.header("Content-Type"), header(real, "Content-Type"));
                    assert_eq!(type_of(ours), type_of(theirs), "{printed}: {ours:?} {theirs:?}");
                }
                _ => assert!(text(&reply).contains("\"code\":40077"), "{printed}: {}", text(&reply)),
            }
        }
        let expected = [("archive", 3), ("beside", 2), ("gone", 1), ("not here", 4), ("same", 74)];
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected, "{}", server.name);
    });
}

#[test]
fn every_link_leads_where_it_led() {
    each(|server| {
        server.import(&[]);
        let (_, api) = server.open();
        for link in server.list("links") {
            let url = link["link"].as_str().unwrap();
            for (real, end, direct) in [("real", "real_final", true), ("reald", "real_finald", false)] {
                let mut asked = target(url).to_owned();
                if asked.contains("sign=") {
                    asked = server.renewed(url);
                } else if !direct {
                    asked = asked.replacen("/f/", "/f/d/", 1);
                }
                let reply = get(&api, &asked);
                let path = link["path"].as_str().unwrap();
                if LEFT_OUT.contains(&path) {
                    assert_eq!(reply.status, 404, "{asked}");
                    continue;
                }
                assert_eq!(json!(reply.status), link[real]["status"], "{} {asked}", server.name);
                let (reply, real) = match reply.status {
                    302 => (get(&api, reply.header("Location").unwrap()), &link[end]),
                    200 => (reply, &link[real]),
                    _ => continue,
                };
                let body = reply.body.to_vec(1 << 20).unwrap();
                assert_eq!(json!(reply.status), real["status"], "{asked}");
                assert_eq!(sha256(&body), real["sha256"].as_str().unwrap(), "{asked}");
            }
        }
    });
}

#[test]
fn versions_have_their_order_their_times_and_their_current_one() {
    each(|server| {
        server.import(&[]);
        let (store, api) = server.open();
        let drive = server.drive(&store, "admin");
        let ids = server.ids();
        let delver = &server.manifest["delver"]["after"];
        for printed in [&server.manifest["versions.after"], &server.manifest["many"], delver] {
            let name = printed["name"].as_str().unwrap();
            let file = drive.stat(name).unwrap();
            assert_eq!(file.created.0, micros(&printed["created_at"]), "{name}");
            assert_eq!(file.modified.0, micros(&printed["updated_at"]), "{name}");
            let made = drive.versions(name, None, 99).unwrap();
            let real = printed["extended_info"]["entities"].as_array().unwrap();
            let real: Vec<_> = real.iter().filter(|entity| entity["type"] == 0).collect();
            assert_eq!(made.len(), real.len(), "{name}");
            for (made, real) in made.iter().zip(real) {
                assert_eq!(json!(made.size), real["size"], "{name}");
                assert_eq!(made.created.0, micros(&real["created_at"]), "{name}");
                assert_eq!(made.current, real["id"] == printed["primary_entity"], "{name}");
                let modified = if made.current { micros(&printed["updated_at"]) } else { made.created.0 };
                assert!(made.modified.0 <= modified, "{name}");
                assert!(ids.decode(real["id"].as_str().unwrap(), HashKind::Entity).is_ok());
            }
            let current = file.current.unwrap();
            assert_eq!(current.modified.0, micros(&printed["updated_at"]), "{name}");
        }
        drop(api);
    });
}

#[test]
fn times_of_files_and_folders_are_those_that_clients_saw() {
    each(|server| {
        server.import(&[]);
        let (store, _) = server.open();
        let drive = server.drive(&store, "admin");
        let listed = server.manifest["admin_list"]["files"].as_array().unwrap();
        let (mut checked, mut tagged) = (0, 0);
        for printed in listed {
            let name = printed["name"].as_str().unwrap();
            let Ok(found) = drive.stat(name) else {
                assert!(["unfinished.bin", "big 60.bin"].contains(&name), "{name}");
                continue;
            };
            assert_eq!(found.created.0, micros(&printed["created_at"]), "{name}");
            let changed = name == "docs" || name == "kib.bin";
            assert!(changed || found.modified.0 == micros(&printed["updated_at"]), "{} {name}", server.name);
            if let Some(current) = found.current {
                assert!(changed || current.modified.0 == micros(&printed["updated_at"]), "{name}");
            }
            let mut attributes: BTreeMap<String, String> =
                serde_json::from_value(printed["metadata"].clone()).unwrap();
            attributes.retain(|name, _| !name.starts_with("sys:"));
            tagged += usize::from(!attributes.is_empty());
            assert_eq!(found.attributes, attributes, "{name}");
            checked += 1;
        }
        assert!(checked >= 15 && tagged > 0, "{checked} {tagged}");
    });
}

#[test]
fn what_lies_in_the_trash_can_be_restored_under_its_name() {
    each(|server| {
        let (_, lines) = server.import(&[]);
        let (store, _) = server.open();
        let drive = server.drive(&store, "admin");
        let trash = drive.list_trash(None, 99).unwrap();
        let paths: BTreeSet<&str> = trash.iter().map(|item| item.path.as_str()).collect();
        for printed in server.manifest["trash"]["files"].as_array().unwrap() {
            let uri = printed["metadata"]["sys:restore_uri"].as_str().unwrap();
            let path = decoded(uri.strip_prefix("cloudreve://my/").unwrap());
            let found = paths.contains(path.as_str()) || path == "trashed file.txt";
            assert!(found, "{path}: {paths:?}");
        }
        for path in ["trashed file (2).txt", "trashed file (3).txt"] {
            assert!(paths.contains(path), "{paths:?}");
            let line = lines.iter().find(|line| line["cause"] == "renamed" && line["name"] == path);
            assert_eq!(line.unwrap()["path"], "trashed file.txt");
        }
        for item in &trash {
            drive.restore(item.file, None).unwrap();
        }
        assert_eq!(drive.list_trash(None, 99).unwrap().len(), 0);
    });
}

#[test]
fn shares_answer_each_caller_as_they_did() {
    each(|server| {
        server.import(&[]);
        let (_, api) = server.open();
        let nobody = Caller::anonymous();
        let inside = |terms: &Value, file: &str| {
            let (id, password) = (terms["id"].as_str().unwrap(), terms["pw"].as_str().unwrap());
            let password = if password.is_empty() { String::new() } else { format!(":{password}") };
            let file = if file.is_empty() { String::new() } else { format!("/{file}") };
            format!("cloudreve://{id}{password}@share{file}")
        };
        let shares = &server.manifest["S"];
        let code = |name: &str, file: &str| ask(&api, &nobody, &inside(&shares[name], file)).0;
        for (name, file) in [
            ("folder", "one.txt"),
            ("folder", "sub/three.txt"),
            ("folder_pw", "three.txt"),
            ("folder_pw_auto", "three.txt"),
            ("file", "bob.txt"),
            ("file_pw", "two%20%E4%B8%AD.txt"),
            ("file_expire", "bob.txt"),
            ("admin_root_file", "kib.bin"),
            ("admin_docs", "a.txt"),
            ("renamed", "renamed%20ok.txt"),
        ] {
            assert_eq!(code(name, file), 0, "{} {name} {file}", server.name);
        }
        for name in ["expired", "exhausted", "trashed", "deleted", "dave"] {
            assert_eq!(code(name, ""), 404, "{name}");
        }
        for name in ["folder_pw", "file_pw"] {
            let mut without = shares[name].clone();
            without["pw"] = json!("");
            assert_eq!(ask(&api, &nobody, &inside(&without, "x")).0, 40069, "{name}");
        }
        // Five were allowed, and one was used before; of the folder three.
        for (name, left) in [("file_limit", 4), ("folder_limit", 3)] {
            for _ in 0..left {
                assert_eq!(code(name, "one.txt"), 0, "{name}");
            }
            assert_eq!(code(name, "one.txt"), 404, "{name}");
        }
        for (user, password) in [("carol", 40069), ("admin", 40069), ("bob", 0)] {
            let caller = caller(server, user);
            assert_eq!(ask(&api, &caller, &inside(&shares["folder"], "one.txt")).0, 0, "{user}");
            let mut without = shares["folder_pw"].clone();
            without["pw"] = json!("");
            // Its owner needs none: a row of the table of differences.
            assert_eq!(ask(&api, &caller, &inside(&without, "three.txt")).0, password, "{user}");
            for name in ["expired", "trashed", "deleted", "dave"] {
                assert_eq!(ask(&api, &caller, &inside(&shares[name], "")).0, 404, "{user} {name}");
            }
        }
    });
}

#[test]
fn the_report_names_what_did_not_come_and_why() {
    each(|server| {
        let (printed, lines) = server.import(&[]);
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
        assert_eq!(of("share", "target-in-trash").len(), 1);
        assert_eq!(lines.iter().filter(|line| line["kind"] == "user").count(), 4);
        let carol = lines.iter().find(|line| line["kind"] == "user" && line["id"] == 3).unwrap();
        assert_eq!((&carol["archive"], &carol["links_at_once"]), (&json!(true), &json!(5)));
        let bob = lines.iter().find(|line| line["kind"] == "user" && line["id"] == 2).unwrap();
        assert_eq!((&bob["archive"], &bob["links_at_once"]), (&json!(false), &json!(10)));
        assert_eq!(printed["no_place"]["pins"], 1, "{printed}");
        // What is counted is named, once.
        let counted: u64 =
            printed["left_out"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        let named = lines.iter().filter(|line| line["kind"] != "user" && line["cause"] != "renamed").count();
        assert_eq!(counted, named as u64, "{printed}");
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
            let printed = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{printed}");
            assert!(printed.contains("--map /cloudreve/data/uploads=DIR"), "{printed}");
            assert!(
                !printed.contains("--skip-missing") && !printed.contains("made a new store"),
                "{printed}"
            );
            assert!(!server.test.store().exists(), "a store was made of nothing");
        }
        // The uploads were moved elsewhere, under another name.
        let moved = server.test.fresh();
        std::fs::rename(folder.join("data/uploads"), &moved).unwrap();
        let map = format!("/cloudreve/data/uploads={}", moved.display());
        let (printed, _) = server.import(&["--map", &map]);
        assert_eq!(printed["files"], 79, "{printed}");
    });
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
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(
        printed.contains("CR_ENCRYPT_MASTER_KEY") && printed.contains("there is no master key"),
        "{printed}"
    );
    let file = server.test.fresh();
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let (_, lines) = server.import(&["--master-key", file.to_str().unwrap()]);
    assert!(lines.iter().all(|line| line["cause"] != "no-master-key"));
    let (store, _) = server.open();
    let secret = server.drive(&store, "carol").open_file("enc/secret.txt").unwrap().to_vec(99).unwrap();
    let printed = server.list("urls").into_iter().find(|url| url["path"] == "enc/secret.txt").unwrap();
    assert_eq!(sha256(&secret), printed["real"]["sha256"].as_str().unwrap());
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
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("no content looks right under the master key"), "{printed}");
    assert!(printed.contains("give --master-key FILE"), "{printed}");
    let (printed, lines) = server.import(&args);
    assert!(printed["left_out"]["wrong-master-key"].as_u64().unwrap() > 0, "{printed}");
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
    let (printed, _) = server.import(&[]);
    let dump = Server::new("sqlite");
    let database = dump.folder().join("data/cloudreve.db");
    let mut python = Command::new("python3");
    let status = python.args(["-c", DUMP]).arg(&database).arg(dump.folder().join("dump.sql")).status();
    assert!(status.expect("python3 is not there; install it").success());
    std::fs::remove_file(database).unwrap();
    assert_eq!(dump.import(&[]).0, printed);
}

#[test]
fn a_request_of_the_api_knows_the_old_ids() {
    each(|server| {
        server.import(&[]);
        let (_, api) = server.open();
        let admin = Caller::of("admin@example.com");
        let body = json!({ "uris": ["cloudreve://my/versions.txt"], "entity": "vEsl" }).to_string();
        let body =
            body.replace("vEsl", server.manifest["versions.before"]["primary_entity"].as_str().unwrap());
        let reply = api.answer(&admin, &Request::new("POST", "/api/v4/file/url"), body.as_bytes()).unwrap();
        let printed: Value = serde_json::from_str(&text(&reply)).unwrap();
        assert_eq!(printed["code"], 0, "{printed}");
    });
}
