//! Signatures agree with an independent reference in Python, in both directions.

use std::io::Write;
use std::process::{Command, Stdio};

use holdall::token::cloudreve::{check, escape_query, escape_segment, sign};
use holdall::{Request, Time};
use serde_json::{Value, json};

use super::*;

/// How many paths go each way.
const PATHS: usize = 100_000;

/// Signs and verifies by the standard library alone.
const REFERENCE: &str = r#"
import base64, hashlib, hmac, json, random, sys
from urllib.parse import parse_qs, quote, unquote, urlsplit

key = b"0123456789abcdef0123456789abcdef"

def sign(path, expires):
    mac = hmac.new(key, f"{path or '/'}:{expires}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).decode() + f":{expires}"

def verify(url):
    parts = urlsplit(url)
    signed = parse_qs(parts.query)["sign"][0]
    return hmac.compare_digest(signed, sign(unquote(parts.path), int(signed.rsplit(":", 1)[1])))

alphabet = " +%;:&=?#@!~'()[]{}^`$,-._aZ09\"<>\\|*" + "\u00e9\u9060\u91ce\u0301\u2019\U0001f600"
def name(random):
    length = random.choice([1, 3, 10, 40, 255, 255, 1500]) if random.random() < 0.1 else random.randint(1, 30)
    return "".join(random.choice(alphabet) for _ in range(length))

def main():
    mode, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if mode == "sign":
        rng = random.Random(seed)
        for _ in range(count):
            entity = "".join(rng.choice("abcXYZ019") for _ in range(5))
            path = f"/api/v4/file/content/{entity}/{rng.choice([0, 1048576])}/{name(rng)}"
            expires = rng.choice([0, 1749525301, rng.randint(1, 2**40)])
            # However it is escaped, it is the same path.
            escaped = quote(path, safe=rng.choice(["/", "/:@$&+=", "/!'()*,"]))
            query = f"sign={quote(sign(path, expires), safe=rng.choice(['', ':=']))}"
            print(json.dumps([path, expires, f"{escaped}?{query}"]))
    else:
        seen = wrong = 0
        for line in sys.stdin:
            path, expires, url = json.loads(line)
            parts = urlsplit(url)
            good = verify(url) and unquote(parts.path) == path
            good = good and parse_qs(parts.query)["sign"][0] == sign(path, expires)
            forged = url.replace("/api/", "/apj/", 1)
            seen, wrong = seen + 1, wrong + (not good) + verify(forged)
        print(json.dumps({"seen": seen, "wrong": wrong}))

main()
"#;

fn python(args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("python3")
        .args(["-c", REFERENCE])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is not there; install it to run this test");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the reference failed");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_the_reference_signs_is_valid_here() {
    let test = TestStore::with_room();
    let version = test.put("a.txt", b"x");
    let imported = test.imported(7, &version);
    let signed = python(&["sign", &PATHS.to_string(), "7"], b"");
    let mut count = 0;
    for line in signed.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let (path, expires) = (row[0].as_str().unwrap(), row[1].as_i64().unwrap());
        let url = row[2].as_str().unwrap();
        let value = sign(SECRET, path, expires);
        assert_eq!(check(&[SECRET], path, Some(&value), 1), Ok(()));
        // Through the route: the signature is good, and no such entity is there.
        if count % 50 == 0 && url.len() < 8000 {
            let code =
                json_of(&test.ask(&Request::get(url).at(Time::from_unix(1))))["code"].as_i64().unwrap();
            assert!(matches!(code, 40001 | 40077), "{url}: {code}");
        }
        let query = url.split_once("?sign=").unwrap().1;
        assert_eq!(query.replace("%3A", ":").replace("%3D", "="), value, "{path}");
        count += 1;
    }
    assert_eq!(count, PATHS);
    let path = format!("/api/v4/file/content/{imported}/0/a.txt");
    let real = format!("{path}?sign={}", sign(SECRET, &path, 0));
    assert_eq!(test.get(&real).status, 200, "the control: what is there is served");
}

#[test]
fn what_is_signed_here_is_valid_there() {
    let alphabet: Vec<char> =
        " +%;:&=?#@!~'()[]{}^`$,-._aZ09\"<>\\|*\u{e9}\u{9060}\u{301}\u{1f600}".chars().collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    let mut lines = String::new();
    for at in 0..PATHS {
        let len = if at % 100 == 0 { 1000 } else { 1 + draw(30) };
        let name: String = (0..len).map(|_| alphabet[draw(alphabet.len())]).collect();
        let expires = [0, 1_749_525_301, draw(1 << 40) as i64][at % 3];
        let folder = format!("/api/v4/file/content/aO8j/{}/", draw(3) * 1000);
        let path = format!("{folder}{name}");
        let value = escape_query(&sign(SECRET, &path, expires));
        let url = format!("{folder}{}?download=true&sign={value}", escape_segment(&name));
        lines.push_str(&json!([path, expires, url]).to_string());
        lines.push('\n');
    }
    let answer: Value = serde_json::from_str(&python(&["verify", "0", "0"], lines.as_bytes())).unwrap();
    assert_eq!(answer, json!({"seen": PATHS, "wrong": 0}));
}
