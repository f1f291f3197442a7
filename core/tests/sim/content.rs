//! The contents that are put: a few dozen, so that some are put again and shared.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::rng::Rng;

/// Contents from this length on get a file of their own.
pub const THRESHOLD: usize = 4 << 10;

/// BLAKE3 of a content.
pub type Hash = [u8; 32];

/// The number of a content that nobody put.
pub const UNKNOWN: u64 = u64::MAX;

const LENS: [usize; 12] = [0, 1, 3000, 64, 700, 4095, 2000, 4096, 9000, 4000, 3500, 12_000];

/// How many contents there are.
pub const COUNT: u64 = 72;

/// So many more are just long enough to have a file each.
pub const MANY: u64 = 300;

/// And so many fill segments quickly.
pub const BULKY: u64 = 200;

/// And so many are stored in several parts, where they are objects.
pub const HUGE: u64 = 2;

/// The contents, and their numbers by their hashes.
type All = (Vec<(Bytes, Hash)>, BTreeMap<Hash, u64>);

fn all() -> &'static All {
    static ALL: OnceLock<All> = OnceLock::new();
    ALL.get_or_init(|| {
        let contents: Vec<(Bytes, Hash)> = (0..COUNT + MANY + BULKY + HUGE)
            .map(|number| {
                let len = match number {
                    ..COUNT => LENS[number as usize % LENS.len()],
                    _ if number < COUNT + MANY => THRESHOLD + 1,
                    _ if number < COUNT + MANY + BULKY => 3900,
                    _ => (8 << 20) + 1 + (number % 2) as usize * 300_000,
                };
                let bytes = made_of(number, len);
                let hash = blake3::hash(&bytes).into();
                (bytes, hash)
            })
            .collect();
        // Of those that are equal, the last number is the one that is seen.
        let numbers = contents.iter().zip(0..).map(|((_, hash), number)| (*hash, number)).collect();
        (contents, numbers)
    })
}

fn made_of(seed: u64, len: usize) -> Bytes {
    let mut rng = Rng::new(seed ^ 0xc0ff_ee00);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&rng.draw().to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

pub fn bytes(number: u64) -> Bytes {
    all().0[number as usize].0.clone()
}

pub fn hash(number: u64) -> Hash {
    all().0[number as usize].1
}

/// Returns which content has a hash.
pub fn number(hash: &Hash) -> u64 {
    all().1.get(hash).copied().unwrap_or(UNKNOWN)
}

/// Returns one that is stored in several parts.
#[cfg(feature = "remote")]
pub fn huge(number: u64) -> u64 {
    COUNT + MANY + BULKY + number
}

/// Draws one that fills a segment quickly.
pub fn draw_bulky(rng: &mut Rng) -> u64 {
    COUNT + MANY + rng.below(BULKY)
}

/// Draws one that has a file of its own.
pub fn draw_large(rng: &mut Rng) -> u64 {
    rng.below(COUNT / 12) * 12 + [7, 8, 11][rng.below(3) as usize]
}

/// Draws one; equal ones have one number.
pub fn draw(rng: &mut Rng) -> u64 {
    number(&hash(rng.below(COUNT)))
}
