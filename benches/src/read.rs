//! Rows 8, 9 and 16: reading, serving and signing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use holdall::token::{Claims, Key, KeyRing, Purpose, Purposes};
use holdall::{Drive, Mode, Put, Request, VersionId};
use sha2::Sha256;

use crate::measure::{Table, Want, Work, busy, turns};
use crate::peer::rows::Rows;
use crate::peer::sqlite::Sqlite;
use crate::place::{Contents, dir, store};

/// Files in the store that is read.
const FILES: usize = 10_000;
/// Reads of one round.
const READS: usize = 20_000;

/// Puts files and returns their versions.
fn fill(drive: &Drive, contents: &[Bytes]) -> Vec<VersionId> {
    let mut versions = Vec::with_capacity(contents.len());
    for (batch, contents) in contents.chunks(1000).enumerate() {
        let items = contents
            .iter()
            .enumerate()
            .map(|(index, content)| (format!("folder/{batch:04}-{index:04}.bin"), content.clone()));
        let put = drive.put_many(items, &Put::new()).expect("put");
        versions.extend(put.iter().map(|version| version.id));
    }
    versions
}

/// Touches every cache line.
fn touch(bytes: &[u8]) -> u64 {
    bytes.iter().step_by(64).map(|byte| u64::from(*byte)).sum()
}

fn indexes(seed: u64) -> Vec<usize> {
    let mut draw = Contents::new(seed);
    (0..READS).map(|_| (draw.number() % FILES as u64) as usize).collect()
}

/// Reads 4 KiB at random by version id.
pub fn read(table: &mut Table) {
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let contents = Contents::new(20).many(FILES, 4096);
    let exclusive = store(&at("exclusive"), Mode::Exclusive);
    let shared = store(&at("shared"), Mode::Shared);
    let ids = fill(&exclusive.drive("bench").expect("a drive"), &contents);
    let shared_ids = fill(&shared.drive("bench").expect("a drive"), &contents);
    let mut sqlite = Sqlite::open(&at("sqlite"));
    sqlite.put(&contents);
    let mut select = sqlite.0.prepare("SELECT data FROM file WHERE id = ?1").expect("sql");
    let order = indexes(21);
    let from = |store: &holdall::Store, ids: &[VersionId]| {
        busy(|| {
            order.iter().fold(0, |sum, index| {
                let body = store.open_version(ids[*index]).expect("a version");
                sum + touch(&body.segment(0, 4096).expect("read").data)
            })
        })
    };
    let works: Vec<Work<'_>> = vec![
        Box::new(|| from(&exclusive, &ids)),
        Box::new(|| from(&shared, &shared_ids)),
        Box::new(|| {
            busy(|| {
                order.iter().fold(0, |sum, index| {
                    let sum_of =
                        |row: &rusqlite::Row<'_>| Ok(touch(row.get_ref(0)?.as_blob().expect("a blob")));
                    sum + select.query_row([*index as i64 + 1], sum_of).expect("a row")
                })
            })
        }),
    ];
    let times = turns(9, works);
    let shown = times.each(&["exclusive", "shared", "sqlite"], READS);
    let work = "random 4 KiB read by version id";
    let peer = "SQLite BLOB prepared read";
    table.row("8", &format!("{work}, exclusive"), peer, times.speed(0, 2), Want::AtLeast(2.5), &shown);
    table.row("8", &format!("{work}, shared"), peer, times.speed(1, 2), Want::AtLeast(1.2), "");
}

/// Serves a range of a file by its URL.
pub fn serve(table: &mut Table) {
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let contents = Contents::new(22).many(FILES, 256);
    let order = indexes(23);
    let mut sides = Vec::new();
    for (name, mode) in [("exclusive", Mode::Exclusive), ("shared", Mode::Shared)] {
        let store = store(&at(name), mode);
        let ids = fill(&store.drive("bench").expect("a drive"), &contents);
        let urls: Vec<String> = ids.iter().map(|id| store.url(*id).sign().expect("a url")).collect();
        let rows = Rows::open(&at(&format!("{name}.redb")), mode == Mode::Shared);
        rows.fill((0..).zip(contents.iter().map(|content| content.as_ref())));
        sides.push((store, urls, rows));
    }
    let prepared = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("a key");
    let ours = |(store, urls, _): &(holdall::Store, Vec<String>, Rows)| {
        busy(|| {
            for index in &order {
                let reply = store.serve(&Request::get(&urls[*index]).range("bytes=10-99")).expect("a reply");
                assert_eq!(reply.status, 206);
                std::hint::black_box(reply);
            }
        })
    };
    let theirs = |(_, urls, rows): &(holdall::Store, Vec<String>, Rows)| {
        busy(|| {
            order.iter().fold(0_u64, |sum, index| {
                let mac = prepared.clone().chain_update(urls[*index].as_bytes()).finalize().into_bytes();
                sum + u64::from(rows.get(*index as u64)) + u64::from(mac[0])
            })
        })
    };
    let works: Vec<Work<'_>> = vec![
        Box::new(|| ours(&sides[0])),
        Box::new(|| theirs(&sides[0])),
        Box::new(|| ours(&sides[1])),
        Box::new(|| theirs(&sides[1])),
    ];
    let times = turns(9, works);
    let shown = times.each(&["exclusive", "get + HMAC", "shared", "get + HMAC"], READS);
    let peer = "a read transaction, one get, one HMAC";
    table.row("9", "serve() a range, exclusive", peer, times.speed(0, 1), Want::AtLeast(0.5), &shown);
    table.row("9", "serve() a range, shared", peer, times.speed(2, 3), Want::AtLeast(0.5), "");
}

/// Signs and verifies tokens.
pub fn sign(table: &mut Table) {
    const COUNT: u64 = 100_000;
    let ring = KeyRing::new([1; 16], [Key::new(1, vec![7; 32], 0).expect("a key")]).expect("a ring");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let claims = |number: u64| Claims::new(Purpose::Version, (1 << 40) + number, 3, now + 900);
    let tokens: Vec<String> = (0..COUNT).map(|number| ring.sign(&claims(number)).expect("signed")).collect();
    // What a token is made of: a payload, its MAC behind it, and the text of both.
    let bytes = URL_SAFE_NO_PAD.decode(&tokens[0]).expect("a token");
    let payload = &bytes[..bytes.len() - 32];
    let prepared = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("a key");
    let mac = |payload: &[u8]| prepared.clone().chain_update(payload).finalize().into_bytes();
    let works: Vec<Work<'_>> = vec![
        Box::new(|| {
            busy(|| (0..COUNT).map(|number| ring.sign(&claims(number)).expect("signed").len()).sum::<usize>())
        }),
        Box::new(|| {
            busy(|| {
                (0..COUNT)
                    .map(|_| {
                        let mut bytes = Vec::with_capacity(128);
                        bytes.extend_from_slice(std::hint::black_box(payload));
                        let mac = mac(&bytes);
                        bytes.extend_from_slice(&mac);
                        URL_SAFE_NO_PAD.encode(&bytes).len()
                    })
                    .sum::<usize>()
            })
        }),
        Box::new(|| {
            busy(|| {
                for token in &tokens {
                    let claims = ring.verify(token, Purposes::DOWNLOAD, now, None);
                    assert!(std::hint::black_box(claims).is_ok());
                }
            })
        }),
        Box::new(|| {
            busy(|| {
                let mut buffer = [0; 256];
                tokens.iter().fold(0_u64, |sum, token| {
                    let len = URL_SAFE_NO_PAD.decode_slice(token, &mut buffer).expect("base64");
                    let (payload, _) = buffer.split_at(len - 32);
                    sum + u64::from(mac(payload)[0])
                })
            })
        }),
    ];
    let times = turns(9, works);
    let shown = times.each(&["sign", "HMAC + base64", "verify", "base64 + HMAC"], COUNT as usize);
    let peer = "one prepared HMAC and base64";
    table.row("16", "sign a native URL's token", peer, times.speed(0, 1), Want::AtLeast(0.7), &shown);
    table.row("16", "verify it", peer, times.speed(2, 3), Want::AtLeast(0.7), "");
}
