//! Makes requests at random out of those of the corpus, and holds each to [`Site::ask`].

use serde_json::{Value, json};

use crate::requests::Site;
use crate::rng::Rng;

/// Requests on one store before it is made anew: some of them change it.
const ON_ONE_STORE: u64 = 2500;

/// The corpus: a request for each route and kind of URL, and those that once found something.
fn corpus() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matrix/corpus");
    let mut read: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    read.sort();
    read
}

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "", "G\u{e9}T"];
const ESCAPES: &[&str] = &[
    "%2e%2e/",
    "%2F",
    "%00",
    "%0d%0a",
    "%",
    "%zz",
    "%c3%28",
    "%ff",
    "%2561",
    "//",
    "/./",
    "/../",
    "?",
    "#",
    "&",
    ";",
    "+",
    "\u{202e}",
    "\\",
    "%ef%bc%8f",
    " ",
    "@",
    ":",
    "d/",
    "f/",
];
const WORDS: &[&str] = &[
    "{file}",
    "{vault-file}",
    "{vault-folder}",
    "{vault-inner}",
    "{vault-drive}",
    "{vault-trashed}",
    "{vault-version}",
    "{vault-old}",
    "{vault-entity}",
    "{vault-user}",
    "{vault-archive}",
    "{vault-sha1}",
    "{bob-drive}",
    "{bob-file}",
    "{bob-share}",
    "{bob-token}",
    "{alice-token}",
    "{share}",
    "{folder}",
    "{inner}",
    "{trashed}",
    "{version}",
    "{old}",
    "{archive}",
    "{entity}",
    "{bob-entity}",
    "root",
    "a1",
    "a10",
    "f1",
    "v1",
    "s1",
    "u1",
    "",
];
const HEADERS: &[&str] = &[
    "Range: bytes=0-0",
    "Range: bytes=-5",
    "Range: bytes=5-2",
    "Range: bytes=0-1,3-4,-1",
    "Range: bytes=99999999999999999999-",
    "If-Match: *",
    "If-None-Match: *",
    "If-None-Match: \"x\"",
    "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
    "If-Unmodified-Since: never",
    "If-Range: \"x\"",
    "x-share-token: {alice-token}",
    "x-share-token: {bob-token}",
    "x-share-token: AQAB",
    "Host: evil.example",
    "X-Cr-Correlation-Id: b4351ecc-ee1a-4455-bc94-2c3dbcc58538",
    "X-Cr-Purchase-Ticket: x",
    "Content-Length: 18446744073709551615",
    "Content-MD5: x",
    "Authorization: Bearer x",
];

fn some<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    rng.pick(from).copied().unwrap_or_default()
}

/// Puts a value of another kind where one stands.
fn change(rng: &mut Rng, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !rng.one_in(6) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            let key = &keys[rng.below(keys.len() as u64) as usize];
            match rng.below(8) {
                0 => drop(fields.remove(key)),
                _ => change(rng, &mut fields[key.as_str()]),
            }
        }
        Value::Array(values) if !values.is_empty() && !rng.one_in(4) => {
            let at = rng.below(values.len() as u64) as usize;
            change(rng, &mut values[at]);
        }
        value => {
            *value = match rng.below(14) {
                0 => Value::Null,
                1 => json!(true),
                2 => json!(-1),
                3 => json!(u64::MAX),
                4 => json!(1e300),
                5 => json!([]),
                6 => json!({}),
                7 => json!("x".repeat(2000)),
                8 => json!("\u{0}\u{202e}/../"),
                9 => json!([{ "file_id": "{vault-file}" }, "{vault-file}", 5]),
                10 => json!("cloudreve://my/{vault-path}"),
                11 => json!("cloudreve://{vault-user}@my/x"),
                _ => json!(some(rng, WORDS)),
            };
        }
    }
}

/// Changes a request in one to four places.
fn vary(rng: &mut Rng, request: &str) -> Vec<u8> {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let mut head = head.trim_end().to_owned();
    let mut body = body.to_owned();
    for _ in 0..1 + rng.below(4) {
        let mut parts: Vec<String> = head.splitn(3, ' ').map(str::to_owned).collect();
        match rng.below(8) {
            0 => parts[0] = some(rng, &["alice", "bob", "nobody"]).to_owned(),
            1 if rng.one_in(3) => parts[1] = some(rng, METHODS).to_owned(),
            2 => {
                let end = parts[2].find('\n').unwrap_or(parts[2].len());
                let places: Vec<usize> = (0..=end).filter(|at| parts[2].is_char_boundary(*at)).collect();
                let at = rng.pick(&places).copied().unwrap_or(0);
                let piece = if rng.one_in(2) { some(rng, ESCAPES) } else { some(rng, WORDS) };
                parts[2].insert_str(at, piece);
            }
            3 => {
                // One word of the store for another.
                let from = parts[2].find('{').zip(parts[2].find('}')).filter(|(from, to)| from < to);
                if let Some((from, to)) = from {
                    parts[2].replace_range(from..=to, some(rng, WORDS));
                }
            }
            4 => parts[2].push_str(&format!("\n{}", some(rng, HEADERS))),
            5 => {
                let from = body.find('{').and_then(|_| serde_json::from_str::<Value>(&body).ok());
                match from {
                    Some(mut value) => {
                        change(rng, &mut value);
                        body = value.to_string();
                    }
                    None => body.push_str(some(rng, &["{", "}", "\u{0}", "[]", "null"])),
                }
            }
            6 => {
                body = body
                    .replace("{file}", some(rng, WORDS))
                    .replace("{drive}", some(rng, &["{bob-drive}", "{vault-drive}", "{drive}"]))
            }
            _ => {}
        }
        head = parts.join(" ");
    }
    let mut bytes = format!("{head}\n\n{body}").into_bytes();
    if rng.one_in(10) {
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << rng.below(8);
    }
    bytes
}

#[test]
fn requests_at_random_are_answered_and_tell_nothing() {
    let _alone = crate::alone();
    let corpus = corpus();
    let most = crate::number("HOLDALL_REQUESTS").unwrap_or(20_000);
    let seed = crate::number("HOLDALL_SEED").unwrap_or(1);
    let (mut site, mut rng) = (Site::new(), Rng::new(seed));
    let mut statuses = std::collections::BTreeMap::<u16, u64>::new();
    let vain = |(name, request): &(String, String)| match Site::new().gives(request.as_bytes()) {
        Ok(()) => None,
        Err(answer) => Some(format!("{name}: {answer}")),
    };
    let vain: Vec<String> = corpus.iter().filter_map(vain).collect();
    assert!(vain.is_empty(), "these ask for nothing that is there: {vain:#?}");
    for (name, request) in &corpus {
        site.ask(request.as_bytes()).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        site = if name.contains("changes") { Site::new() } else { site };
    }
    for count in 1..=most {
        let (name, request) = &corpus[rng.below(corpus.len() as u64) as usize];
        let bytes = vary(&mut rng, request);
        let asked = || String::from_utf8_lossy(&bytes).into_owned();
        let status = site
            .ask(&bytes)
            .unwrap_or_else(|wrong| panic!("seed {seed}, {count} of {name}: {wrong}\n{}", asked()));
        *statuses.entry(status).or_default() += 1;
        if count % ON_ONE_STORE == 0 {
            site = Site::new();
        }
    }
    crate::figure(&format!("requests: {most} out of a corpus of {}, by status: {statuses:?}", corpus.len()));
    assert!(statuses.len() >= 8 && statuses[&200] > most / 50, "too few get anywhere: {statuses:?}");
}

/// The scan sees what it is to see.
#[test]
fn a_request_for_what_is_not_shared_is_found_when_it_is_answered() {
    let site = Site::new();
    let own = b"alice POST /v2/file/get\n\n{\"drive_id\":\"{drive}\",\"file_id\":\"{trashed}\"}";
    assert_eq!(site.ask(own), Ok(200));
    assert!(site.tells_of_other(), "the control");
}
