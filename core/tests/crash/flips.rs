//! Tokens with flipped bits, and tokens at random: all are refused.
//!
//! A part of fixed length runs with the tests. The whole, which takes some minutes:
//! `HOLDALL_TOKENS=1000 HOLDALL_RANDOM=10000000 cargo test --release -p holdall --test crash flips::`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdall::token::{Claims, Key, KeyRing, Network, Purpose, Purposes, UseLimit};

use crate::rng::Rng;

const NOW: u64 = 1_750_000_000;

fn amount(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn ring() -> KeyRing {
    KeyRing::new([3; 16], [Key::new(7, vec![9; 32], 1).unwrap()]).unwrap()
}

fn token(ring: &KeyRing, rng: &mut Rng) -> String {
    let purpose = Purpose::ALL[rng.below(Purpose::ALL.len() as u64) as usize];
    let mut claims = Claims::new(purpose, rng.draw() >> 4, rng.below(100), NOW + 1 + rng.below(9999));
    if rng.one_in(4) {
        claims.network = Some("192.0.2.0/24".parse::<Network>().unwrap());
    }
    if rng.one_in(4) {
        claims.uses = Some(UseLimit { limit: 5, id: [rng.draw() as u8; 16], each_request: false });
    }
    ring.sign(&claims).unwrap_or_else(|_| ring.sign(&Claims::new(purpose, 1, 0, NOW + 9)).unwrap())
}

fn refused(ring: &KeyRing, text: &[u8]) -> bool {
    let client = Some([192, 0, 2, 1].into());
    std::str::from_utf8(text)
        .map_or(true, |text| ring.verify(text, Purposes::from(Purpose::ALL), NOW, client).is_err())
}

/// Flips every bit and every two bits, and returns how many ways there were.
fn flip(bytes: &mut [u8], mut refused: impl FnMut(&[u8]) -> bool) -> u64 {
    let bits = bytes.len() * 8;
    let toggle = |bytes: &mut [u8], bit: usize| bytes[bit / 8] ^= 1 << (bit % 8);
    let mut ways = 0;
    for one in 0..bits {
        toggle(bytes, one);
        assert!(refused(bytes), "bit {one}: {bytes:?}");
        for two in one + 1..bits {
            toggle(bytes, two);
            assert!(refused(bytes), "bits {one} and {two}: {bytes:?}");
            toggle(bytes, two);
        }
        toggle(bytes, one);
        ways += (bits - one) as u64;
    }
    ways
}

#[test]
fn a_token_with_one_or_two_bits_flipped_is_refused() {
    let tokens = amount("HOLDALL_TOKENS", 4);
    let (ring, mut rng, mut ways) = (ring(), Rng::new(11), 0);
    for _ in 0..tokens {
        let token = token(&ring, &mut rng);
        assert!(!refused(&ring, token.as_bytes()));
        ways += flip(&mut token.clone().into_bytes(), |text| refused(&ring, text));
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        ways += flip(&mut bytes, |bytes| refused(&ring, URL_SAFE_NO_PAD.encode(bytes).as_bytes()));
    }
    crate::figure(&format!("{tokens} tokens with one or two bits flipped in {ways} ways: all refused"));
}

#[test]
fn tokens_at_random_are_refused() {
    let tokens = amount("HOLDALL_RANDOM", 50_000);
    let (ring, mut rng) = (ring(), Rng::new(13));
    let genuine = URL_SAFE_NO_PAD.decode(token(&ring, &mut rng)).unwrap();
    for number in 0..tokens {
        // Half begin as a genuine one does, so that a MAC is compared.
        let kept = if number % 2 == 0 { 4 } else { 0 };
        let mut bytes: Vec<u8> = (0..genuine.len()).map(|_| rng.draw() as u8).collect();
        bytes[..kept].copy_from_slice(&genuine[..kept]);
        assert!(refused(&ring, URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), "{bytes:?}");
    }
    crate::figure(&format!("{tokens} tokens at random: all refused"));
}
