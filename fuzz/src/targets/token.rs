//! Tokens: what was not signed is refused.

use std::sync::LazyLock;

use holdall::token::{Claims, Disposition, Key, KeyRing, Network, Purpose, Purposes, UseLimit, cloudreve};

use super::input::Input;

const NOW: u64 = 1_750_000_000;

/// A ring, and genuine tokens of every purpose and with every claim.
static SIGNED: LazyLock<(KeyRing, Vec<String>)> = LazyLock::new(|| {
    let keys = [Key::new(1, vec![7; 32], 0).unwrap(), Key::new(2, vec![8; 40], 9).unwrap()];
    let ring = KeyRing::new([1; 16], keys).unwrap();
    let mut tokens = Vec::new();
    for purpose in Purpose::ALL {
        let mut claims = Claims::new(purpose, 42, 3, NOW + 600);
        tokens.push(ring.sign(&claims).unwrap());
        claims.disposition = Disposition::Inline;
        claims.name = Some("na\u{ef}ve plan.txt".to_owned());
        claims.media_type = Some("text/plain".to_owned());
        claims.network = Some("192.0.2.0/24".parse::<Network>().unwrap());
        claims.uses = Some(UseLimit { limit: 3, id: [5; 16], each_request: false });
        tokens.extend(ring.sign(&claims));
        tokens.push(ring.sign(&Claims::never_expiring(purpose, u64::MAX >> 4, 0)).unwrap());
    }
    (ring, tokens)
});

/// A genuine token with edits, or what the input says itself.
pub fn token(data: &[u8]) {
    let (ring, tokens) = &*SIGNED;
    let mut input = Input(data);
    let mut token = match input.byte() {
        255 => Vec::new(),
        pick => tokens[usize::from(pick) % tokens.len()].clone().into_bytes(),
    };
    while !input.is_empty() {
        let (what, at) = (input.byte(), input.short());
        match what % 4 {
            0 if !token.is_empty() => {
                let at = at % token.len();
                token[at] ^= 1 << (what >> 5);
            }
            1 if !token.is_empty() => token.truncate(at % token.len()),
            2 => token.insert(at % (token.len() + 1), input.byte()),
            _ if !token.is_empty() => {
                let at = at % token.len();
                token[at] = input.byte();
            }
            _ => token.extend_from_slice(input.take(at)),
        }
    }
    let Ok(token) = String::from_utf8(token) else { return };
    let client = Some([192, 0, 2, 9].into());
    if let Ok(claims) = ring.verify(&token, Purposes::from(Purpose::ALL), NOW, client) {
        assert!(tokens.contains(&token), "{token:?} passes as {claims:?}");
    }
}

/// A Cloudreve signature for one path is none for another path, time or key.
pub fn cloudreve_url(data: &[u8]) {
    let mut input = Input(data);
    let key = [9_u8; 32];
    let (path, other) = (format!("/{}", input.text()), format!("/{}", input.text()));
    let expires = 1_750_000_000 + i64::from(input.byte()) - 128;
    let sign = cloudreve::sign(&key, &path, expires);
    let check = |path: &str, sign: &str| cloudreve::check(&[&key], path, Some(sign), 1_749_000_000).is_ok();
    assert!(check(&path, &sign), "{path:?} {sign:?}");
    assert!(path == other || !check(&other, &sign), "{sign:?} of {path:?} is taken for {other:?}");
    let text = input.text();
    // The fuzzer learns signatures from comparisons, so it may come with one of another time.
    let said = text.rsplit_once(':').and_then(|(_, said)| said.parse().ok());
    let genuine = said.is_some_and(|said| text == cloudreve::sign(&key, &path, said));
    assert!(genuine || !check(&path, &text), "{text:?} is taken for a signature of {path:?}");
    let segment = cloudreve::escape_segment(&other[1..]);
    assert!(segment.is_ascii() && !segment.contains(['/', '?', '#', ' ']), "{segment:?}");
    assert!(cloudreve::escape_query(&other).is_ascii());
}
