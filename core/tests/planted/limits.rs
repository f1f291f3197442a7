//! Limits of the calls: how deep, how long, how often.

use holdall::digest::Digest;
use holdall::mutant::Mutant;
use holdall::{Api, Caller, ErrorKind, Options, Put, Request, Share, Store};
use serde_json::{Value, json};

use crate::{finds, with_store};

/// Makes a call of PDS as the owner of the drive, and returns the status and the body.
fn call(store: &Store, path: &str, body: &Value) -> (u16, Value) {
    let caller = Caller::of("alice").token("token");
    let target = format!("/v2{path}");
    let text = body.to_string();
    let reply = Api::new(store).answer(&caller, &Request::new("POST", &target), text.as_bytes()).unwrap();
    (reply.status, serde_json::from_slice(&reply.body.to_vec(1 << 20).unwrap()).unwrap())
}

fn put_part(store: &Store, url: &Value, bytes: &[u8]) -> u16 {
    let request = Request::new("PUT", url.as_str().unwrap());
    Api::new(store).answer(&Caller::anonymous(), &request, bytes).unwrap().status
}

fn begin(store: &Store, size: usize) -> (Value, Value) {
    let drive = store.drive("alice").unwrap().id().0.to_string();
    let made = call(
        store,
        "/file/create",
        &json!({
            "drive_id": drive, "parent_file_id": "root", "type": "file", "name": "a", "size": size,
            "part_info_list": [{ "part_number": 1 }, { "part_number": 2 }],
        }),
    );
    let of = json!({ "drive_id": drive, "file_id": made.1["file_id"], "upload_id": made.1["upload_id"] });
    (made.1, of)
}

#[test]
fn nothing_lies_deeper_than_a_path_reaches() {
    finds(Mutant::MovesPassTheDepth, || {
        with_store(|store| {
            let drive = store.drive("alice").unwrap();
            let deep = ["n"; 120].join("/");
            drive.mkdir(&deep).unwrap();
            drive.mkdir(&["m"; 10].join("/")).unwrap();
            let moved = drive.rename("m", &format!("{deep}/m"), false);
            assert_eq!(moved.unwrap_err().kind(), ErrorKind::InvalidArgument);
        });
    });
}

#[test]
fn all_parts_are_no_longer_than_was_said() {
    finds(Mutant::PartsPassTheSize, || {
        with_store(|store| {
            let (made, _) = begin(store, 100);
            let url = |at: usize| &made["part_info_list"][at]["upload_url"];
            assert_eq!(put_part(store, url(0), &[1; 60]), 200);
            assert_eq!(put_part(store, url(1), &[2; 60]), 400);
        });
    });
}

#[test]
fn a_completion_looks_before_it_reads_and_writes() {
    finds(Mutant::CompletesBeforeLooking, || {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::new().threshold(4 << 10);
        let store = Store::open(dir.path().join("store"), options).unwrap();
        let (made, of) = begin(&store, 30_000);
        for at in 0..2 {
            let url = &made["part_info_list"][at]["upload_url"];
            assert_eq!(put_part(&store, url, &vec![7; 10_000]), 200);
        }
        // Content that was read would be told to be damaged, to the host.
        std::fs::remove_dir_all(dir.path().join("store/blob")).unwrap();
        let (status, message) = call(&store, "/file/complete", &of);
        assert_eq!((status, &message["code"]), (400, &json!("InvalidParameterNotMatch")));
    });
}

#[test]
fn passwords_are_not_tried_without_end() {
    finds(Mutant::PasswordsWithoutLimit, || {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::new().wrong_passwords(1, 3)).unwrap();
        let drive = store.drive("alice").unwrap();
        drive.put("a", &b"x"[..], Put::new()).unwrap();
        let share = drive.share("a", &Share::new().password("right")).unwrap();
        let waits = (0..4).map(|_| store.visit(share.id, Some("wrong")).unwrap_err().retry_after());
        assert_eq!(waits.map(|wait| wait.is_some()).collect::<Vec<_>>(), [false, false, false, true]);
    });
}

#[test]
fn passwords_of_many_shares_are_not_checked_without_end() {
    finds(Mutant::PasswordsOfManyShares, || {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::new().wrong_passwords(0, 3)).unwrap();
        let drive = store.drive("alice").unwrap();
        drive.put("a", &b"x"[..], Put::new()).unwrap();
        let shares: Vec<_> =
            (0..6).map(|_| drive.share("a", &Share::new().password("right")).unwrap().id).collect();
        let waits = |at: usize, password, client: &str| {
            let visited = store.visit_from(shares[at], Some(password), Some(client.parse().unwrap()));
            visited.err().is_some_and(|error| error.retry_after().is_some())
        };
        // One by one comes back while they are checked, so where the end is depends on the machine.
        let spent = (0..6).find(|at| waits(*at, ["right", "wrong"][at % 2], "192.0.2.1"));
        let spent = spent.expect("a client is refused at some share");
        assert!(spent >= 1, "one is checked in any case");
        assert!(!waits(0, "right", "192.0.2.1"), "what was right is not checked again");
        assert!(!waits(spent, "right", "192.0.2.2"));
    });
}

#[test]
fn proofs_of_content_are_not_tried_without_end() {
    finds(Mutant::ProofsWithoutLimit, || {
        with_store(|store| {
            let zeros = vec![0; 100 << 10];
            let drive = store.drive("alice").unwrap();
            drive.put("a", &zeros[..], Put::new()).unwrap();
            let claim = |code: &str| {
                let body = json!({
                    "drive_id": drive.id().0.to_string(), "parent_file_id": "root", "type": "file", "name": "b",
                    "size": zeros.len(), "content_hash": Digest::of(&zeros).sha1_hex(), "proof_code": code,
                });
                call(store, "/file/create", &body).1["rapid_upload"] == json!(true)
            };
            assert!((0..10).all(|_| !claim("AAAAAAAAAAE=")));
            assert!(!claim("AAAAAAAAAAA="));
        });
    });
}

#[test]
fn no_claim_gives_content_of_another_drive() {
    finds(Mutant::ClaimsAcrossDrives, || {
        with_store(|store| {
            let zeros = vec![0; 100 << 10];
            store.drive("bob").unwrap().put("his", &zeros[..], Put::new()).unwrap();
            let drive = store.drive("alice").unwrap().id().0.to_string();
            let message = call(
                store,
                "/file/create",
                &json!({
                    "drive_id": drive, "parent_file_id": "root", "type": "file", "name": "mine",
                    "size": zeros.len(), "content_hash_name": "sha1", "proof_version": "v1",
                    "content_hash": Digest::of(&zeros).sha1_hex(), "proof_code": "AAAAAAAAAAA=",
                }),
            );
            assert_eq!(message.1["rapid_upload"], json!(false));
        });
    });
}

/// Asks for a range of a URL as a client.
fn part(store: &Store, url: &str, range: &str) -> u16 {
    let client = "192.0.2.1".parse().unwrap();
    store.serve(&Request::get(url).range(range).client(client)).unwrap().status
}

#[test]
fn a_cut_download_goes_on_at_a_limit_of_one() {
    finds(Mutant::CutDownloadsAreLost, || {
        with_store(|store| {
            let version = store.drive("alice").unwrap().put("a", &[1; 1000][..], Put::new()).unwrap();
            let url = store.url(&version).max_uses(1).sign().unwrap();
            assert_eq!((part(store, &url, "bytes=0-"), part(store, &url, "bytes=400-")), (206, 206));
        });
    });
}

#[test]
fn a_use_gives_four_times_the_content_at_most() {
    finds(Mutant::UsesWithoutBudget, || {
        with_store(|store| {
            let version = store.drive("alice").unwrap().put("a", &[1; 6400][..], Put::new()).unwrap();
            let url = store.url(&version).max_uses(1).sign().unwrap();
            let served = (0..600).filter(|_| part(store, &url, "bytes=0-99") == 206).count();
            assert_eq!(served, 256);
        });
    });
}
