//! Rapid uploads: content that is there already, for those who prove to have it.

use holdall::{Dedup, RapidUploads};

use super::*;

/// The proof of version 1, made with the tools of a client.
pub(super) fn proof(token: &str, bytes: &[u8]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    if bytes.is_empty() {
        return String::new();
    }
    let md5 = <md5::Md5 as md5::Digest>::digest(token.as_bytes());
    let hex: String = md5.iter().map(|byte| format!("{byte:02x}")).collect();
    let at = (u64::from_str_radix(&hex[..16], 16).unwrap() % bytes.len() as u64) as usize;
    STANDARD.encode(&bytes[at..bytes.len().min(at + 8)])
}

/// A world whose drives have their content for themselves.
fn alone() -> World {
    World::with(options().dedup(Dedup::Drive))
}

fn claim(bytes: &[u8]) -> Value {
    json!({
        "size": bytes.len(), "content_hash_name": "sha1", "content_hash": digest(bytes).sha1_hex(),
        "proof_version": "v1", "proof_code": proof("token", bytes),
    })
}

#[test]
fn who_proves_to_have_the_content_need_not_send_it() {
    let world = alone();
    let bytes = noise(100 * KIB, 2);
    world.put("there", &bytes);
    let message = world.create("mine.bin", claim(&bytes)).good();
    assert_eq!(
        (message["rapid_upload"].as_bool(), message["status"].as_str()),
        (Some(true), Some("available"))
    );
    assert_eq!(world.alice.open_file("mine.bin").unwrap().to_vec(1 << 20).unwrap(), bytes);
    assert_eq!(world.file("mine.bin").to_string(), message["file_id"].as_str().unwrap());
    assert_eq!(world.files_in("blob"), 1);
    // As a revision of a file that is there.
    let file = world.put("old", b"old").id.file();
    let more = merged(claim(&bytes), json!({ "file_id": file.to_string() }));
    let message = world.create("old", more).good();
    assert_eq!(
        (message["rapid_upload"].as_bool(), message["file_id"].as_str()),
        (Some(true), Some(&*file.to_string()))
    );
    assert_eq!(world.alice.versions("old", None, 9).unwrap().len(), 2);
    world.sound();
}

#[test]
fn d1_a_claimed_hash_without_proof_gives_nothing() {
    let world = alone();
    let bytes = noise(100 * KIB, 2);
    world.put("there", &bytes);
    let good = claim(&bytes);
    for (at, more) in [
        json!({ "proof_code": null }),
        json!({ "proof_code": "" }),
        json!({ "proof_code": proof("another token", &bytes) }),
        json!({ "proof_code": proof("token", &noise(100 * KIB, 3)) }),
        json!({ "proof_version": "v2" }),
        json!({ "size": bytes.len() + 1 }),
        json!({ "size": null }),
        json!({ "content_hash": digest(b"other").sha1_hex() }),
        json!({ "content_hash_name": "none" }),
    ]
    .into_iter()
    .enumerate()
    {
        let message = world.create(&format!("n{at}"), merged(good.clone(), more.clone())).good();
        assert_eq!(message["rapid_upload"], json!(false), "{more}");
        assert!(message["upload_id"].as_str().is_some_and(|id| id.starts_with('u')), "{more}");
    }
    // Nor for a caller whose token the host did not say.
    let body = merged(
        good,
        json!({
            "drive_id": world.id(&world.alice), "parent_file_id": "root", "type": "file", "name": "x",
        }),
    );
    let message = world.call_as(&Caller::of("alice"), "/file/create", body).good();
    assert_eq!(message["rapid_upload"], json!(false));
    assert_eq!(world.alice.list("", None, 10).unwrap().len(), 1);
}

#[test]
fn a_wrong_form_of_a_hash_is_told() {
    let world = World::new();
    for (more, code) in [
        (json!({ "content_hash": "abc" }), "InvalidParameterWrongFormat"),
        (json!({ "pre_hash": "zz" }), "InvalidParameterWrongFormat"),
        (json!({ "content_hash": 7 }), "InvalidParameterWrongFormat"),
        (json!({ "content_hash_name": "md5" }), "InvalidParameterNotSupported"),
    ] {
        assert_eq!(world.create("a", more.clone()).bad(), (400, code), "{more}");
    }
}

#[test]
fn a_beginning_that_is_known_sends_the_client_to_hash_the_rest() {
    let world = alone();
    let bytes = noise(100 * KIB, 2);
    world.put("there", &bytes);
    let pre = digest(&bytes[..1024]).sha1_hex();
    let message = world.create("mine", json!({ "pre_hash": pre.to_lowercase(), "size": bytes.len() }));
    assert_eq!(message.bad(), (409, "PreHashMatched"));
    assert_eq!((&message.body["pre_hash"], &message.body["file_name"]), (&json!(pre), &json!("mine")));
    assert_eq!(message.body["parent_file_id"], "root");
    // Another length, another beginning: an upload begins.
    for more in [
        json!({ "pre_hash": pre, "size": bytes.len() - 1 }),
        json!({ "pre_hash": digest(b"x").sha1_hex(), "size": bytes.len() }),
    ] {
        assert_eq!(world.create("mine", more).good()["status"], "uploading");
    }
}

#[test]
fn every_proof_vector_holds_on_the_wire() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/pds.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let world = alone();
    for (at, row) in vectors["proof_v1"].as_array().unwrap().iter().enumerate() {
        let bytes = match row["data_utf8"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => (0..=255).collect(),
        };
        // What came by an upload is found whatever its length.
        world.upload(&format!("there{at}"), &bytes, 1000);
        let caller = Caller::of("alice").token(row["token"].as_str().unwrap());
        let body = json!({
            "drive_id": world.id(&world.alice), "parent_file_id": "root", "type": "file",
            "name": format!("here{at}"), "size": bytes.len(), "content_hash": digest(&bytes).sha1_hex(),
            "proof_code": row["proof_code"],
        });
        let message = world.call_as(&caller, "/file/create", body).good();
        // What ends before there are eight bytes proves nothing.
        let whole = row["proof_code"].as_str().unwrap().len() == 12;
        assert_eq!(message["rapid_upload"], json!(whole), "{row}");
    }
    world.sound();
}

#[test]
fn d3_content_made_to_collide_is_not_taken_for_the_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/sha1_collision.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let unhex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let of = |name: &str| unhex(vectors[name].as_str().unwrap());
    let pair = ["a", "b"].map(|name| [of("prefix"), of(name)].concat());
    assert_eq!(digest(&pair[0]).sha1, digest(&pair[1]).sha1);
    assert_ne!(pair[0], pair[1]);
    let world = alone();
    for (at, bytes) in pair.iter().enumerate() {
        world.upload(&format!("c{at}"), bytes, 1000);
    }
    // Two contents have this SHA-1: it says nothing, and the client has to send what it has.
    assert_eq!(world.create("mine", claim(&pair[0])).good()["rapid_upload"], json!(false));
}

#[test]
fn content_that_is_gone_is_claimed_in_vain() {
    let world = World::with(options().dedup(holdall::Dedup::Drive).grace(seconds(0)));
    let bytes = noise(100 * KIB, 4);
    world.put("there", &bytes);
    world.alice.delete("there").unwrap();
    world.store.gc().unwrap();
    assert_eq!(world.create("mine", claim(&bytes)).good()["rapid_upload"], json!(false));
    let pre = json!({ "pre_hash": digest(&bytes[..1024]).sha1_hex(), "size": bytes.len() });
    assert_eq!(world.create("mine", pre).good()["status"], "uploading");
    world.sound();
}

#[test]
fn d2_drives_that_share_nothing_do_not_share_by_hash() {
    let world = World::with(options().dedup(holdall::Dedup::Drive));
    let bytes = noise(100 * KIB, 4);
    world.bob.put("his", &bytes[..], Put::new()).unwrap();
    assert_eq!(world.create("mine", claim(&bytes)).good()["rapid_upload"], json!(false));
    let pre = json!({ "pre_hash": digest(&bytes[..1024]).sha1_hex(), "size": bytes.len() });
    assert_eq!(world.create("mine", pre).good()["status"], "uploading");
    world.put("own", &bytes);
    assert_eq!(world.create("mine", claim(&bytes)).good()["rapid_upload"], json!(true));
}

#[test]
fn d1_a_host_that_wants_no_proofs_gets_bytes() {
    let mut world = alone();
    let bytes = noise(100 * KIB, 4);
    world.put("there", &bytes);
    assert_eq!(world.create("a", claim(&bytes)).good()["rapid_upload"], json!(true));
    world.api = world.api.rapid_uploads(RapidUploads::Off);
    assert_eq!(world.create("b", claim(&bytes)).good()["rapid_upload"], json!(false));
    let pre = json!({ "pre_hash": digest(&bytes[..1024]).sha1_hex(), "size": bytes.len() });
    assert_eq!(world.create("c", pre).good()["status"], "uploading");
}

#[test]
fn where_drives_share_content_a_claim_is_of_what_the_own_drive_has() {
    let world = World::new();
    // Zeros, so that every eight bytes of them are a right guess.
    let (zeros, mine) = (vec![0; 100 * KIB], noise(100 * KIB, 7));
    world.bob.put("his", &zeros[..], Put::new()).unwrap();
    world.bob.put("both", &mine[..], Put::new()).unwrap();
    let pre = |bytes: &[u8]| json!({ "pre_hash": digest(&bytes[..1024]).sha1_hex(), "size": bytes.len() });
    for bytes in [&zeros, &mine] {
        assert_eq!(world.create("a", claim(bytes)).good()["rapid_upload"], json!(false));
        assert_eq!(world.create("b", pre(bytes)).good()["status"], "uploading", "nor is it told to be there");
    }
    world.put("mine", &mine);
    assert_eq!(world.create("c", claim(&mine)).good()["rapid_upload"], json!(true));
    assert_eq!(world.create("d", pre(&mine)).bad(), (409, "PreHashMatched"));
    assert_eq!(world.create("e", claim(&zeros)).good()["rapid_upload"], json!(false));
    // An older version and the trash are the drive's, what it let go of is not, though bob has it still.
    world.put("mine", b"other");
    world.alice.trash("mine").unwrap();
    world.alice.delete("c").unwrap();
    assert_eq!(world.create("f", claim(&mine)).good()["rapid_upload"], json!(true));
    world.alice.delete("f").unwrap();
    world.sound();
    world.alice.empty_trash(Time::now().after(seconds(9))).unwrap();
    assert_eq!(world.create("g", claim(&mine)).good()["rapid_upload"], json!(false));
    // What is short is sent.
    world.upload("short", b"x", 10);
    assert_eq!(world.create("h", claim(b"x")).good()["rapid_upload"], json!(false));
    world.sound();
}

#[test]
fn wrong_proofs_have_a_budget_and_are_answered_like_content_that_is_not_there() {
    let world = World::new();
    let (bytes, now) = (noise(100 * KIB, 2), Time::now());
    world.put("there", &bytes);
    let drive = json!({
        "drive_id": world.id(&world.alice), "parent_file_id": "root", "type": "file", "name": "n",
        "check_name_mode": "auto_rename",
    });
    let ask = |body: Value, later: u64| {
        let body = merged(drive.clone(), body).to_string();
        let message =
            world.send(&world.owner(), "/file/create", &[], body.as_bytes(), now.after(seconds(later)));
        message.good()["rapid_upload"].as_bool().unwrap()
    };
    let wrong = merged(claim(&bytes), json!({ "proof_code": "AAAAAAAAAAA=" }));
    assert!((0..20).all(|_| ask(claim(&bytes), 0)), "right ones are not counted");
    assert!((0..10).all(|_| !ask(wrong.clone(), 0)));
    assert!(!ask(claim(&bytes), 0), "past the budget a right one is not looked at");
    assert!(ask(claim(&bytes), 61));
    world.sound();
}

/// Asks for the pieces of a content, and proves with the tools of a client.
fn across(world: &World, caller: &Caller, drive: &Drive, bytes: &[u8], now: Time) -> (Value, Value) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{KeyInit, Mac};
    let body = json!({
        "drive_id": world.id(drive), "parent_file_id": "root", "type": "file", "name": "across",
        "check_name_mode": "auto_rename", "size": bytes.len(), "content_hash": digest(bytes).sha1_hex(),
        "proof_version": "holdall-1",
    });
    let ask = |body: &Value, later: u64| {
        let now = now.after(seconds(later));
        world.send(caller, "/file/create", &[], body.to_string().as_bytes(), now).good()
    };
    let asked = ask(&body, 0)["proof_challenge"].clone();
    let key = STANDARD.decode(asked["key"].as_str().unwrap_or_default()).unwrap();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    for piece in asked["pieces"].as_array().into_iter().flatten() {
        let at = |name: &str| piece[name].as_u64().unwrap() as usize;
        mac.update(&bytes[at("offset")..at("offset") + at("length")]);
    }
    let code = STANDARD.encode(mac.finalize().into_bytes());
    (asked, merged(body, json!({ "proof_code": code })))
}

#[test]
fn content_of_other_drives_takes_an_option_and_a_proof_of_many_pieces() {
    let mut world = World::new();
    let now = Time::now();
    let (long, whole) = (noise((3 << 20) + 5, 3), vec![0; 100 * KIB]);
    for (name, bytes) in [("long", &long), ("whole", &whole)] {
        world.bob.put(name, &bytes[..], Put::new()).unwrap();
    }
    let owner = world.owner();
    let ask = |world: &World, body: &Value, later: u64| {
        let now = now.after(seconds(later));
        let message =
            world.send(&world.owner(), "/file/create", &[], body.to_string().as_bytes(), now).good();
        message["rapid_upload"].as_bool().unwrap()
    };
    // Without the option nothing is asked, and the right answer counts for nothing.
    let (asked, _) = across(&world, &owner, &world.alice, &long, now);
    assert_eq!(asked, Value::Null);
    world.api = world.api.clone().rapid_uploads(RapidUploads::Store);
    let (asked, right) = across(&world, &owner, &world.alice, &long, now);
    assert_eq!(asked["pieces"].as_array().unwrap().len(), 256);
    assert!(ask(&world, &right, 0));
    assert_eq!(world.alice.open_file("across").unwrap().to_vec(4 << 20).unwrap(), long);
    let (asked, short) = across(&world, &owner, &world.alice, &whole, now);
    assert_eq!(asked["pieces"], json!([{ "offset": 0, "length": whole.len() }]));
    assert!(ask(&world, &short, 0));
    // The same is asked all day, so that nobody asks until it suits; of bob, and tomorrow, another.
    let (again, _) = across(&world, &owner, &world.alice, &long, now);
    assert_eq!(again, across(&world, &owner, &world.alice, &long, now).0);
    let bob = across(&world, &Caller::of("bob").token("t"), &world.bob, &long, now).0;
    assert_ne!(again["pieces"], bob["pieces"]);
    assert!(ask(&world, &right, 24 * 3600), "asked before midnight, answered after it");
    assert!(!ask(&world, &right, 48 * 3600));
    // What is in no drive is asked for in the same way, and one wrong byte is one too many.
    let mut other = long.clone();
    let (asked, absent) = across(&world, &owner, &world.alice, &noise(2 << 20, 9), now);
    assert_eq!(asked["pieces"].as_array().unwrap().len(), 256);
    assert!(!ask(&world, &absent, 0));
    let at = again["pieces"][100]["offset"].as_u64().unwrap() as usize;
    other[at] ^= 1;
    let (_, mut wrong) = across(&world, &owner, &world.alice, &other, now);
    wrong["content_hash"] = json!(digest(&long).sha1_hex());
    assert!(!ask(&world, &wrong, 0));
    for more in [json!({ "proof_code": "" }), json!({ "proof_code": "AAAAAAAAAAA=" }), json!({ "size": 1 })] {
        assert!(!ask(&world, &merged(right.clone(), more), 0));
    }
    // The proof of PDS stays one of the own drive.
    let body =
        json!({ "drive_id": world.id(&world.alice), "parent_file_id": "root", "type": "file", "name": "v1" });
    let zeros = vec![0; 70 * KIB];
    world.bob.put("zeros", &zeros[..], Put::new()).unwrap();
    assert!(!ask(&world, &merged(body, claim(&zeros)), 0));
    world.sound();
}

#[test]
fn claims_of_other_drives_that_come_to_nothing_are_counted_whatever_is_there() {
    let mut world = World::new();
    world.api = world.api.clone().rapid_uploads(RapidUploads::Store);
    let (there, now) = (noise(70 * KIB, 3), Time::now());
    world.bob.put("his", &there[..], Put::new()).unwrap();
    let owner = world.owner();
    let ask = |body: &Value, now: Time| {
        let message = world.send(&owner, "/file/create", &[], body.to_string().as_bytes(), now).good();
        message["rapid_upload"].as_bool().unwrap()
    };
    let (_, absent) = across(&world, &owner, &world.alice, &noise(70 * KIB, 4), now);
    let (_, right) = across(&world, &owner, &world.alice, &there, now);
    let wrong = merged(right.clone(), json!({ "proof_code": "AAAA" }));
    for body in [&absent, &wrong] {
        assert!((0..50).all(|_| !ask(body, now)));
    }
    assert!(!ask(&right, now));
    assert!(ask(&right, now.after(seconds(7))));
}
