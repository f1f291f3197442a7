//! Random bytes and ids.

use crate::mutant::{self, Mutant};
use crate::{Error, Result, machine};

/// Draws bytes from the system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    machine::fill_random(&mut bytes).map_err(|cause| Error::io("drawing random bytes", cause))?;
    Ok(bytes)
}

/// Draws the id of something that is reached without a login: 64 random bits, which nobody finds by
/// counting.
pub(crate) fn random_id() -> Result<u64> {
    // Above the numbers that an import leaves room for in the tests.
    static COUNTED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(401);
    if mutant::is_active(Mutant::CountedIds) {
        return Ok(COUNTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
    Ok(u64::from_be_bytes(random()?))
}
