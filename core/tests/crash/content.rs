//! The contents that the scripts put: a few dozen, so that some are put again and shared.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::rng::Rng;

/// Contents from this length on get a file of their own.
pub const THRESHOLD: usize = 4 << 10;

/// BLAKE3 of a content.
pub type Hash = [u8; 32];

const LENS: [usize; 12] = [0, 1, 3000, 64, 700, 4095, 2000, 4096, 9000, 4000, 3500, 12_000];

/// How many contents there are.
pub const COUNT: u64 = 36;

/// How many more there are that fill segments quickly, numbered from there on.
pub const BULKY: u64 = 300;

fn all() -> &'static [(Bytes, Hash)] {
    static ALL: OnceLock<Vec<(Bytes, Hash)>> = OnceLock::new();
    ALL.get_or_init(|| {
        (0..COUNT + BULKY)
            .map(|number| {
                let bulky = number >= COUNT;
                let len = if bulky { 4000 } else { LENS[number as usize % LENS.len()] };
                let bytes = made_of(number, len);
                let hash = blake3::hash(&bytes).into();
                (bytes, hash)
            })
            .collect()
    })
}

/// Makes `len` bytes that follow from `seed`.
pub fn made_of(seed: u64, len: usize) -> Bytes {
    let mut rng = Rng::new(seed ^ 0xc0ff_ee00);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&rng.draw().to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

pub fn bytes(number: u64) -> Bytes {
    all()[number as usize].0.clone()
}

pub fn hash(number: u64) -> Hash {
    all()[number as usize].1
}
