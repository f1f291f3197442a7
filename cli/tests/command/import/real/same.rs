//! What a real server had is here after the import: bytes, URLs, links, versions, times, the trash, shares.

use std::collections::{BTreeMap, BTreeSet};

use holdall::token::HashKind;
use holdall::token::cloudreve::escape_query;
use holdall::{Caller, Drive, Request, Store};
use serde_json::{Value, json};

use super::{LEFT_OUT, Server, decoded, each, header, sha256, target};
use crate::import::{ask, get, text};

#[test]
fn a_default_installation_comes_with_its_folder_alone() {
    each(|server| {
        // What is too long to be kept with the tests is there in its length.
        let (enc, bytes) = ("3/enc/20261127", 12_582_912);
        let long = match server.name {
            "sqlite" => [
                (format!("{enc}/807821cd-9c1f-421b-8ef1-ade930729dc7_12 MiB.bin"), bytes),
                (format!("{enc}/d414c68b-fa61-4862-bc4e-c236d8292714_client-encrypted.bin"), bytes),
                ("1/1_WiJA42Rn_big 60.bin".to_owned(), 62_914_560),
            ],
            _ => [
                (format!("{enc}/d4c3f5ab-df5a-4044-bd2b-13017990ff78_12 MiB.bin"), bytes),
                (format!("{enc}/2ca2b827-8885-4333-84b2-f0860d619b85_client-encrypted.bin"), bytes),
                ("1/1_Y91XyjY2_big 60.bin".to_owned(), 30_000_000),
            ],
        };
        for (path, len) in long {
            let path = server.folder().join("data/uploads").join(path);
            std::fs::File::create_new(path).unwrap().set_len(len).unwrap();
        }
        let output = server.run(&[]);
        assert!(output.status.success(), "{}: {}", server.name, String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let counts = ["drives", "files", "versions", "trashed", "links", "shares"];
        let counts: Vec<u64> = counts.iter().map(|count| told[count].as_u64().unwrap()).collect();
        assert_eq!(counts, [4, 82, 101, 11, 26, 11], "{}: {told}", server.name);
        assert_eq!(told["left_out"].get("content-missing"), None, "{told}");
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

/// Returns the caller that a user of the manifest is here.
fn caller(server: &Server, user: &str) -> Caller {
    Caller::of(server.manifest["users"][user]["email"].as_str().unwrap())
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
            let told: Value = serde_json::from_str(&text(&reply.unwrap())).unwrap();
            let made = told["data"][0]["link"].as_str().unwrap_or_else(|| panic!("{told}"));
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
            let (told, real) = (url["url"].as_str().unwrap(), &url["real"]);
            let reply = get(&api, &server.renewed(told));
            let body = reply.body.to_vec(1 << 20).unwrap();
            let class = class(&url);
            *counts.entry(class).or_default() += 1;
            match class {
                // They were in the memory of the server, for ten minutes.
                "archive" => assert!(text(&reply).contains("Archive session not exist"), "{told}"),
                "same" => {
                    assert_eq!(reply.status, 200, "{told}");
                    assert_eq!(sha256(&body), real["sha256"].as_str().unwrap(), "{} {told}", server.name);
                    assert_eq!(reply.header("ETag"), header(real, "Etag"), "{told}");
                    let length = header(real, "Content-Length");
                    assert_eq!(reply.header("Content-Length"), length, "{told}");
                    let type_of = |text: Option<&str>| text.map(|text| text.contains("charset=utf-8"));
                    let (ours, theirs) = (reply.header("Content-Type"), header(real, "Content-Type"));
                    assert_eq!(type_of(ours), type_of(theirs), "{told}: {ours:?} {theirs:?}");
                }
                _ => assert!(text(&reply).contains("\"code\":40077"), "{told}: {}", text(&reply)),
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
        for told in [&server.manifest["versions.after"], &server.manifest["many"], delver] {
            let name = told["name"].as_str().unwrap();
            let file = drive.stat(name).unwrap();
            assert_eq!(file.created.0, server.micros(&told["created_at"]), "{name}");
            assert_eq!(file.modified.0, server.micros(&told["updated_at"]), "{name}");
            let made = drive.versions(name, None, 99).unwrap();
            let real = told["extended_info"]["entities"].as_array().unwrap();
            let real: Vec<_> = real.iter().filter(|entity| entity["type"] == 0).collect();
            assert_eq!(made.len(), real.len(), "{name}");
            for (made, real) in made.iter().zip(real) {
                assert_eq!(json!(made.size), real["size"], "{name}");
                assert_eq!(made.created.0, server.micros(&real["created_at"]), "{name}");
                assert_eq!(made.current, real["id"] == told["primary_entity"], "{name}");
                let modified = if made.current { server.micros(&told["updated_at"]) } else { made.created.0 };
                assert!(made.modified.0 <= modified, "{name}");
                assert!(ids.decode(real["id"].as_str().unwrap(), HashKind::Entity).is_ok());
            }
            let current = file.current.unwrap();
            assert_eq!(current.modified.0, server.micros(&told["updated_at"]), "{name}");
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
        for told in listed {
            let name = told["name"].as_str().unwrap();
            let Ok(found) = drive.stat(name) else {
                assert!(["unfinished.bin", "big 60.bin"].contains(&name), "{name}");
                continue;
            };
            assert_eq!(found.created.0, server.micros(&told["created_at"]), "{name}");
            let changed = name == "docs" || name == "kib.bin";
            assert!(
                changed || found.modified.0 == server.micros(&told["updated_at"]),
                "{} {name}",
                server.name
            );
            if let Some(current) = found.current {
                assert!(changed || current.modified.0 == server.micros(&told["updated_at"]), "{name}");
            }
            let mut attributes: BTreeMap<String, String> =
                serde_json::from_value(told["metadata"].clone()).unwrap();
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
        for told in server.manifest["trash"]["files"].as_array().unwrap() {
            let uri = told["metadata"]["sys:restore_uri"].as_str().unwrap();
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

/// Returns the ids of what the report says was left out, of a kind.
fn left_out(lines: &[Value], kind: &str) -> BTreeSet<u64> {
    lines.iter().filter(|line| line["kind"] == kind).map(|line| line["id"].as_u64().unwrap()).collect()
}

/// Visits every path of a store.
fn each_path(server: &Server, store: &Store, mut visit: impl FnMut(&Drive, &str)) {
    for user in server.manifest["users"].as_object().unwrap().keys() {
        let drive = server.drive(store, user);
        let mut paths = vec![String::new()];
        let take = |path: &str, _: &holdall::Row| {
            paths.push(path.to_owned());
            Ok(true)
        };
        drive.walk("", take).unwrap();
        paths.iter().for_each(|path| visit(&drive, path));
    }
}

#[test]
fn shares_keep_their_terms_counts_and_times() {
    each(|server| {
        let (_, lines) = server.import(&[]);
        let (store, api) = server.open();
        let mut here = BTreeMap::new();
        each_path(server, &store, |drive, path| {
            for share in drive.shares(path).unwrap() {
                let uri = api.share_uri(share.id).unwrap();
                let id = uri.strip_prefix("cloudreve://").unwrap().split('@').next().unwrap();
                here.insert(id.to_owned(), (path.to_owned(), share));
            }
        });
        let (out, number) = (left_out(&lines, "share"), |text: &str| text.parse::<u64>().unwrap());
        let mut compared = 0;
        for row in server.rows("shares") {
            let id = number(row["id"].as_deref().unwrap());
            let old = server.ids().encode(id, HashKind::Share);
            let terms =
                server.manifest["shares"].as_array().unwrap().iter().find(|one| one["id"] == json!(old));
            let terms = terms.unwrap_or_else(|| panic!("{id} {old}"));
            let Some((path, share)) = here.remove(&old) else {
                assert!(out.contains(&id), "{}: {id} {old} {terms}", server.name);
                continue;
            };
            let text = |column: &str| row[column].as_deref();
            assert_eq!(share.created, server.row_time(text("created_at").unwrap()), "{old}");
            assert_eq!(share.expires, text("expires").map(|time| server.row_time(time)), "{old}");
            let (views, downloads) = (number(text("views").unwrap()), number(text("downloads").unwrap()));
            assert_eq!((share.views, share.downloads), (views, downloads), "{old}");
            let max = text("remain_downloads").map(|left| number(left) + downloads);
            assert_eq!(share.max_downloads, max, "{old}");
            assert_eq!(json!(share.max_downloads), terms["terms"]["downloads"], "{old}");
            assert_eq!(share.expires.is_some(), terms["terms"]["expire"].is_number(), "{old}");
            assert_eq!(share.has_password, terms["pw"] != "", "{old}");
            let told = terms["path"].as_str().unwrap();
            assert!(path == told || old == server.manifest["S"]["renamed"]["id"], "{path} {told}");
            compared += 1;
        }
        assert!(here.is_empty(), "{here:?}");
        assert_eq!(compared, 11, "{}", server.name);
    });
}

#[test]
fn links_keep_their_names_counts_and_times() {
    each(|server| {
        let (_, lines) = server.import(&[]);
        let (store, _) = server.open();
        let mut here = Vec::new();
        each_path(server, &store, |drive, path| {
            let links = if path.is_empty() { Vec::new() } else { drive.links(path).unwrap_or_default() };
            here.extend(links.into_iter().map(|link| (link.name, link.downloads, link.pace, link.created)));
        });
        let out = left_out(&lines, "link");
        let mut told = Vec::new();
        for row in server.rows("direct_links") {
            let text = |column: &str| row[column].clone().unwrap();
            let number = |column: &str| text(column).parse::<u64>().unwrap();
            // Of what lies in the trash no path leads to the link.
            if !out.contains(&number("id")) {
                let created = server.row_time(&text("created_at"));
                told.push((text("name"), number("downloads"), number("speed"), created));
            }
        }
        let trashed = told.iter().filter(|link| !here.contains(link)).count();
        assert_eq!(trashed, told.len() - here.len(), "{}: {told:?} {here:?}", server.name);
        assert!(here.len() >= 20 && here.iter().all(|link| told.contains(link)), "{told:?} {here:?}");
        assert!(here.iter().any(|link| link.1 > 0));
    });
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
        let told: Value = serde_json::from_str(&text(&reply)).unwrap();
        assert_eq!(told["code"], 0, "{told}");
    });
}
