//! Native tokens as a whole: the rows T1 to T13 of the risk table, and the shared vectors.

mod named;
mod shared;

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;
use crate::name::check_name;
use crate::{Error, ErrorKind};

const STORE: [u8; 16] = *b"store number one";
const NOW: u64 = 1_750_000_000;

/// Reads one of the files that Rust, C and Python share.
pub(super) fn vectors(file: &str) -> serde_json::Value {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn any_network() -> impl Strategy<Value = Network> {
    prop_oneof![
        (any::<[u8; 4]>(), 0u8..=32).prop_map(|(ip, prefix)| Network::new(ip.into(), prefix).unwrap()),
        (any::<[u8; 16]>(), 0u8..=128).prop_map(|(ip, prefix)| Network::new(ip.into(), prefix).unwrap()),
    ]
}

/// Claims of every shape, with numbers of every size.
pub(super) fn any_claims() -> impl Strategy<Value = Claims> {
    let number = || (any::<u64>(), 0u32..64).prop_map(|(n, shift)| n >> shift);
    let name = "\\PC{1,60}".prop_filter("a bad name", |name| check_name(name).is_ok());
    let media_type = "[a-z]{1,9}/[a-z+.-]{1,20}(; [a-z]{1,7}=[a-z0-9-]{1,9})?";
    let uses = (1..=u32::MAX, any::<[u8; 16]>(), any::<bool>())
        .prop_map(|(limit, id, each_request)| UseLimit { limit, id, each_request });
    let cross_origin =
        prop::sample::select(&["same-origin", "*", "https://a.example http://b.example:8080"][..]);
    let purpose = prop::sample::select(&Purpose::ALL[..]);
    let required = (purpose, number(), number(), prop::option::of(number()), any::<bool>(), any::<bool>());
    let optional = (
        prop::option::of(name),
        prop::option::of(media_type),
        prop::option::of(any_network()),
        prop::option::of(uses),
        prop::option::of(number().prop_map(|n| n.max(1))),
        prop::option::of(cross_origin),
    );
    (required, optional).prop_map(|(required, (name, media_type, network, uses, pace, cross_origin))| {
        let (purpose, subject, epoch, expires, inline, public_cache) = required;
        let mut claims = match expires {
            Some(expires) => Claims::new(purpose, subject, epoch, expires),
            None => Claims::never_expiring(purpose, subject, epoch),
        };
        if inline {
            claims.disposition = Disposition::Inline;
        }
        (claims.name, claims.media_type, claims.network) = (name, media_type, network);
        (claims.uses, claims.public_cache, claims.pace) = (uses, public_cache, pace);
        claims.cross_origin = cross_origin.map(|text| text.parse().unwrap());
        claims
    })
}

fn key(id: u16) -> Key {
    let secret = (0..32).map(|at| at ^ id.to_be_bytes()[1] ^ 0xa5).collect();
    Key::new(id, secret, id.into()).unwrap()
}

fn ring(ids: &[u16]) -> KeyRing {
    KeyRing::new(STORE, ids.iter().map(|&id| key(id))).unwrap()
}

fn plain() -> Claims {
    Claims::new(Purpose::Version, 42, 0, NOW + 900)
}

fn full() -> Claims {
    let mut claims = Claims::new(Purpose::Share, u64::MAX, 1 << 40, NOW + 900);
    claims.disposition = Disposition::Inline;
    claims.name = Some("\u{9060}\u{91ce} - LOVE 2000.mp3".into());
    claims.media_type = Some("audio/mpeg".into());
    claims.network = Some("2001:db8::/44".parse().unwrap());
    claims.uses = Some(UseLimit { limit: 3, id: *b"0123456789abcdef", each_request: false });
    claims.public_cache = true;
    claims.pace = Some(1 << 20);
    claims
}

fn several() -> Vec<Claims> {
    let mut archive = Claims::new(Purpose::Archive, 7, 3, NOW + 1);
    archive.name = Some("all.zip".into());
    vec![plain(), full(), archive, Claims::never_expiring(Purpose::File, 300, 0)]
}

fn client() -> Option<IpAddr> {
    Some("2001:db8:0:1::7".parse().unwrap())
}

fn verify(ring: &KeyRing, token: &str) -> Result<Claims, Refusal> {
    ring.verify(token, Purposes::from(Purpose::ALL), NOW, client())
}

fn bytes_of(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token).unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A verifier with the fault planted that these tests are there to find: it never checks the MAC.
fn verify_without_mac(token: &str) -> Option<Claims> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    codec::decode(&bytes[..bytes.len().checked_sub(32)?])
}

#[test]
fn a_plain_token_is_short_and_fit_for_a_url() {
    let ring = ring(&[1]);
    for claims in several() {
        let token = ring.sign(&claims).unwrap();
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(token, ring.sign(&claims).unwrap());
        assert_eq!(verify(&ring, &token), Ok(claims));
    }
    assert_eq!(ring.sign(&plain()).unwrap().len(), 59);
    let wide = Claims::new(Purpose::Version, u64::MAX, u64::MAX, u64::MAX);
    assert_eq!(ring.sign(&wide).unwrap().len(), 90);
    let mut largest = full();
    largest.name = Some("n".repeat(255));
    largest.media_type = Some(format!("a/{}", "b".repeat(253)));
    let token = ring.sign(&largest).unwrap();
    assert!(token.len() < MAX_TOKEN);
    assert_eq!(verify(&ring, &token), Ok(largest));
}

#[test]
fn claims_out_of_bounds_are_not_signed() {
    let mut refused = plain();
    refused.name = Some("a/b".into());
    assert_eq!(ring(&[1]).sign(&refused).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// Of the bytes, all but those that choose the key say `BadSignature` and nothing else.
#[test]
fn t1_any_bit_flip_is_denied() {
    let ring = ring(&[1]);
    for claims in several() {
        let good = bytes_of(&ring.sign(&claims).unwrap());
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let refusal = verify(&ring, &text_of(&bytes)).unwrap_err();
                match at {
                    0 => assert_eq!(refusal, Refusal::Malformed),
                    1..=2 => assert_eq!(refusal, Refusal::UnknownKey),
                    3 => assert!(matches!(refusal, Refusal::BadSignature | Refusal::Malformed)),
                    _ => assert_eq!(refusal, Refusal::BadSignature, "byte {at} bit {bit}"),
                }
                assert_eq!(Error::from(refusal).kind(), ErrorKind::Denied);
            }
        }
    }
}

#[test]
fn t1_any_bit_flip_of_the_text_is_denied() {
    let ring = ring(&[1]);
    for claims in several() {
        let good = ring.sign(&claims).unwrap();
        for at in 0..good.len() {
            for bit in 0..7 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert!(
                    verify(&ring, &String::from_utf8(bytes).unwrap()).is_err(),
                    "character {at} bit {bit}"
                );
            }
        }
    }
}

#[test]
fn t1_any_two_bits_flipped_are_denied() {
    let ring = ring(&[1]);
    let good = bytes_of(&ring.sign(&plain()).unwrap());
    let bits = good.len() * 8;
    let mut tried = 0;
    for first in 0..bits {
        for second in 0..first {
            let mut bytes = good.clone();
            bytes[first / 8] ^= 1 << (first % 8);
            bytes[second / 8] ^= 1 << (second % 8);
            assert!(verify(&ring, &text_of(&bytes)).is_err(), "bits {first} and {second}");
            tried += 1;
        }
    }
    assert_eq!(tried, bits * (bits - 1) / 2);
}

#[test]
fn t1_control_a_verifier_without_mac_would_be_caught() {
    let good = bytes_of(&ring(&[1]).sign(&plain()).unwrap());
    let accepted = (0..good.len() * 8)
        .filter(|bit| {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            verify_without_mac(&text_of(&bytes)).is_some()
        })
        .count();
    assert!(accepted > 256, "only {accepted} flips get past a missing check");
    let mut later = good.clone();
    later[9] ^= 1;
    let forged = verify_without_mac(&text_of(&later)).unwrap();
    assert_ne!(forged.expires(), plain().expires(), "a flip buys another expiry");
}

#[test]
fn t2_every_truncation_and_extension_is_denied() {
    let ring = ring(&[1]);
    for claims in several() {
        let token = ring.sign(&claims).unwrap();
        for length in 0..token.len() {
            let refusal = verify(&ring, &token[..length]).unwrap_err();
            assert!(matches!(refusal, Refusal::Malformed | Refusal::BadSignature), "{length}: {refusal}");
        }
        let bytes = bytes_of(&token);
        for length in 0..bytes.len() {
            let refusal = verify(&ring, &text_of(&bytes[..length])).unwrap_err();
            assert!(matches!(refusal, Refusal::Malformed | Refusal::BadSignature));
        }
        for more in 1..=64 {
            for filler in [0x00, 0x41, 0xff] {
                let longer = [bytes.clone(), vec![filler; more]].concat();
                assert_eq!(verify(&ring, &text_of(&longer)), Err(Refusal::BadSignature));
            }
            for filler in ["A", "_", "=", ".", "\0"] {
                let refusal = verify(&ring, &format!("{token}{}", filler.repeat(more))).unwrap_err();
                assert!(matches!(refusal, Refusal::Malformed | Refusal::BadSignature));
            }
        }
    }
}

#[test]
fn t3_only_one_spelling_is_accepted() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let ring = ring(&[1]);
    let mut lengths = std::collections::HashSet::new();
    for subject in [0, 200, 20_000, 1 << 20] {
        let token = ring.sign(&Claims::new(Purpose::Version, subject, 0, NOW + 900)).unwrap();
        lengths.insert(token.len() % 4);
        for last in ALPHABET {
            let respelled = format!("{}{}", &token[..token.len() - 1], char::from(*last));
            if respelled != token {
                let refusal = verify(&ring, &respelled).unwrap_err();
                let same_bits = !token.len().is_multiple_of(4)
                    && ALPHABET.iter().position(|c| c == last).unwrap() % 4 != 0;
                assert!(!same_bits || refusal == Refusal::Malformed);
            }
        }
        let spaced = |space: &str| {
            [
                format!("{space}{token}"),
                format!("{token}{space}"),
                token.replacen('A', &format!("A{space}"), 1),
            ]
        };
        let mut respelled: Vec<String> =
            [" ", "\t", "\n", "\r\n", "\0", "=", "==", "%20"].into_iter().flat_map(spaced).collect();
        respelled.extend([
            token.replacen('A', "%41", 1),
            token.to_ascii_lowercase(),
            token.to_ascii_uppercase(),
        ]);
        for text in respelled {
            assert!(
                matches!(
                    verify(&ring, &text),
                    Err(Refusal::Malformed | Refusal::BadSignature | Refusal::UnknownKey)
                ),
                "{text:?}"
            );
        }
    }
    assert_eq!(lengths.len(), 3, "every length of the last block is tried");
    let dashed = several()
        .iter()
        .map(|claims| ring.sign(claims).unwrap())
        .find(|token| token.contains(['-', '_']))
        .unwrap();
    for (from, to) in [('-', "+"), ('_', "/"), ('-', "%2D"), ('_', "%5F")] {
        if dashed.contains(from) {
            assert_eq!(verify(&ring, &dashed.replace(from, to)), Err(Refusal::Malformed));
        }
    }
}

#[test]
fn t4_expired_at_its_second_and_not_before() {
    let ring = ring(&[1]);
    let token = ring.sign(&plain()).unwrap();
    let at = |now| ring.verify(&token, Purpose::Version, now, None);
    assert_eq!(at(NOW + 899), Ok(plain()));
    for now in [NOW + 900, NOW + 901, u64::MAX] {
        assert_eq!(at(now), Err(Refusal::Expired));
    }
}

#[test]
fn t5_extreme_expiries_do_not_overflow() {
    let ring = ring(&[1]);
    let year_10000 = 253_402_300_800;
    for expires in [0, 1, NOW, year_10000, i64::MAX as u64, u64::MAX - 1, u64::MAX] {
        let token = ring.sign(&Claims::new(Purpose::File, 1, 0, expires)).unwrap();
        for now in [0, 1, NOW, year_10000, i64::MAX as u64, u64::MAX - 1, u64::MAX] {
            let verdict = ring.verify(&token, Purpose::File, now, None);
            assert_eq!(verdict.err(), (now >= expires).then_some(Refusal::Expired), "{expires} at {now}");
        }
    }
    let never = ring.sign(&Claims::never_expiring(Purpose::File, 1, 0)).unwrap();
    assert_eq!(ring.verify(&never, Purpose::File, u64::MAX, None).unwrap().expires(), None);
}

#[test]
fn t6_a_token_serves_its_purpose_only() {
    let ring = ring(&[1]);
    for made in Purpose::ALL {
        let token = ring.sign(&Claims::new(made, 1, 0, NOW + 1)).unwrap();
        for wanted in Purpose::ALL {
            let verdict = ring.verify(&token, wanted, NOW, None);
            assert_eq!(verdict.err(), (made != wanted).then_some(Refusal::WrongPurpose));
            if made != wanted {
                let mut bytes = bytes_of(&token);
                bytes[3] = wanted.number();
                let relabelled = ring.verify(&text_of(&bytes), wanted, NOW, None);
                assert_eq!(relabelled, Err(Refusal::BadSignature), "sub-keys are not interchangeable");
            }
        }
        let rest: Purposes = [Purpose::File, Purpose::Upload].into();
        assert_eq!(ring.verify(&token, rest, NOW, None).is_ok(), rest.contains(made));
        assert!(ring.verify(&token, [], NOW, None).is_err());
        let download = made != Purpose::Upload;
        assert_eq!(ring.verify(&token, Purposes::DOWNLOAD, NOW, None).is_ok(), download);
        let twice = Purposes::from([made, made]);
        assert!(Purpose::ALL.iter().all(|wanted| twice.contains(*wanted) == (*wanted == made)));
    }
}

/// The audience is in the sub-key, so a token from another store looks forged.
#[test]
fn t7_another_store_with_the_same_key_refuses() {
    let here = ring(&[1]);
    for claims in several() {
        let token = here.sign(&claims).unwrap();
        for at in 0..16 {
            let mut uuid = STORE;
            uuid[at] ^= 1;
            let there = KeyRing::new(uuid, [key(1)]).unwrap();
            assert_eq!(verify(&there, &token), Err(Refusal::BadSignature));
        }
        assert!(verify(&KeyRing::new(STORE, [key(1)]).unwrap(), &token).is_ok());
    }
}

#[test]
fn t8_rotation_ends_no_url_until_its_key_is_removed() {
    let token = ring(&[1]).sign(&plain()).unwrap();
    let rotated = ring(&[1, 2]);
    let newer = rotated.sign(&plain()).unwrap();
    assert_ne!(token, newer);
    assert_eq!(verify(&rotated, &token), Ok(plain()));
    assert_eq!(verify(&ring(&[3, 2, 1]), &token), Ok(plain()));
    assert_eq!(verify(&ring(&[2]), &newer), Ok(plain()));
    assert_eq!(verify(&ring(&[2]), &token), Err(Refusal::UnknownKey));
    assert_eq!(verify(&ring(&[1]), &newer), Err(Refusal::UnknownKey));
    let reused = KeyRing::new(STORE, [Key::new(1, vec![9; 32], 0).unwrap()]).unwrap();
    assert_eq!(verify(&reused, &token), Err(Refusal::BadSignature), "an id is not a key");
}

#[test]
fn t10_nothing_can_be_added_to_a_token() {
    let ring = ring(&[1]);
    let token = ring.sign(&plain()).unwrap();
    for more in ["?name=x.html", "&disposition=inline", "/other.txt", "#", "?", ";type=text/html", ".", ":"] {
        assert_eq!(verify(&ring, &format!("{token}{more}")), Err(Refusal::Malformed), "{more}");
    }
}

#[test]
fn t12_a_huge_token_is_refused_by_its_length() {
    let ring = ring(&[1]);
    let huge = "A".repeat(10 << 20);
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        assert_eq!(verify(&ring, &huge), Err(Refusal::Malformed));
    }
    assert!(start.elapsed().as_millis() < 100, "10 GB were not read");
    for length in MAX_TOKEN - 4..MAX_TOKEN + 4 {
        assert!(verify(&ring, &"A".repeat(length)).is_err());
    }
}

#[test]
fn t13_unicode_nul_and_escapes_are_refused() {
    let ring = ring(&[1]);
    let token = ring.sign(&plain()).unwrap();
    for strange in ["\0", "%00", "%2500", "\u{e9}", "\u{ff21}", "\u{202e}", "\u{200b}", "A\u{301}", "%41"] {
        for at in [0, 1, token.len() / 2, token.len()] {
            let text = format!("{}{strange}{}", &token[..at], &token[at..]);
            assert_eq!(verify(&ring, &text), Err(Refusal::Malformed), "{text:?}");
        }
        assert_eq!(verify(&ring, strange), Err(Refusal::Malformed));
    }
}

#[test]
fn a_client_learns_one_sentence_only() {
    let all = [
        Refusal::Malformed,
        Refusal::BadSignature,
        Refusal::UnknownKey,
        Refusal::WrongPurpose,
        Refusal::WrongNetwork,
    ];
    for refusal in all {
        let error = Error::from(refusal);
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Denied, "the URL is not valid".into()));
        assert!(std::error::Error::source(&error).is_none());
        assert_ne!(refusal.to_string(), error.to_string());
    }
    assert_eq!(Error::from(Refusal::Expired).kind(), ErrorKind::Expired);
}

/// A forged token is not reported as expired.
#[test]
fn a_forged_token_is_never_called_expired() {
    let ring = ring(&[1]);
    let mut bytes = bytes_of(&ring.sign(&Claims::new(Purpose::Version, 1, 0, NOW - 1)).unwrap());
    assert_eq!(verify(&ring, &text_of(&bytes)), Err(Refusal::Expired));
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(verify(&ring, &text_of(&bytes)), Err(Refusal::BadSignature));
}

/// Genuine bytes that the encoder never makes are refused too.
#[test]
fn a_signed_but_not_canonical_payload_is_malformed() {
    let secret: Vec<u8> = (0..32).map(|at| at ^ 1 ^ 0xa5).collect();
    let sub_key = mac::mac(&mac::prepare(&secret), &[b"holdall/v1/version", &STORE]);
    let signed = |payload: &[u8]| {
        let tag = mac::mac(&mac::prepare(&sub_key), &[payload]);
        text_of(&[payload, &tag].concat())
    };
    let ring = ring(&[1]);
    assert!(verify(&ring, &signed(&[1, 0, 1, 1, 1, 42, 0])).is_ok());
    for payload in
        [&[1, 0, 1, 1, 1, 42, 0, 0][..], &[1, 0, 1, 1, 1, 0xaa, 0, 0], &[1, 0, 1, 1, 1, 42], &[1, 0, 1, 1]]
    {
        assert_eq!(verify(&ring, &signed(payload)), Err(Refusal::Malformed));
    }
    assert_eq!(
        verify(&ring, &signed(&[2, 0, 1, 1, 1, 42, 0])),
        Err(Refusal::Malformed),
        "an unknown version"
    );
    assert_eq!(
        verify(&ring, &signed(&[1, 0, 1, 9, 1, 42, 0])),
        Err(Refusal::Malformed),
        "an unknown purpose"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn claims_survive_signing(claims in any_claims(), id: u16) {
        let ring = KeyRing::new(STORE, [Key::new(id, vec![7; 40], 0).unwrap()]).unwrap();
        let token = ring.sign(&claims).unwrap();
        prop_assert!(token.len() <= MAX_TOKEN);
        let now = claims.expires().map_or(u64::MAX, |expires| expires.saturating_sub(1));
        let client = claims.network.map(|network| network.address());
        let verdict = ring.verify(&token, claims.purpose, now, client);
        if claims.expires() == Some(0) {
            prop_assert_eq!(verdict, Err(Refusal::Expired));
        } else {
            prop_assert_eq!(verdict, Ok(claims));
        }
    }

    #[test]
    fn any_text_is_refused(text in "\\PC{0,120}|[A-Za-z0-9_-]{0,200}", now: u64) {
        prop_assert!(ring(&[1]).verify(&text, Purposes::from(Purpose::ALL), now, None).is_err());
    }

    #[test]
    fn any_bytes_are_refused(tail in prop::collection::vec(any::<u8>(), 0..120)) {
        let bytes = [&[1, 0, 1, 1][..], &tail].concat();
        let refusal = verify(&ring(&[1]), &text_of(&bytes)).unwrap_err();
        prop_assert!(matches!(refusal, Refusal::Malformed | Refusal::BadSignature));
    }
}

/// The time it takes is measured by the benches; here, that nothing else can have crept in.
#[test]
fn t11_macs_are_compared_by_the_constant_time_comparison_and_nothing_else() {
    let mac = include_str!("mac.rs").split("#[cfg(test)]").next().unwrap();
    assert!(mac.contains("verify_slice"));
    let compares = |source: &str| {
        let code = source.split("#[cfg(test)]").next().unwrap();
        code.lines().any(|line| line.contains("mac ==") || line.contains("== mac") || line.contains("mac !="))
    };
    for source in [mac, include_str!("ring.rs"), include_str!("cloudreve.rs"), include_str!("codec.rs")] {
        assert!(!compares(source));
    }
    assert!(compares("if mac == expected {}"), "control: a comparison would be seen");
}
