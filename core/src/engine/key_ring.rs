//! The key ring, made from its rows when they changed.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::Result;
use crate::catalog::signing_key;
use crate::kv::driver::StoreReader;
use crate::token::{Key, KeyRing};

/// A key ring and its version, which each change of the keys raises.
pub(crate) type VersionedRing = (u64, KeyRing);

/// The key ring that was used last.
#[derive(Default)]
pub(super) struct KeyRingCache(ArcSwapOption<VersionedRing>);

impl KeyRingCache {
    /// Returns the one that was used last, if there was one.
    pub(super) fn last(&self) -> Option<Arc<VersionedRing>> {
        self.0.load_full()
    }

    /// Returns the key ring of the store `uuid` as `rows` have it.
    pub(super) fn get(&self, uuid: [u8; 16], tx: &StoreReader) -> Result<Arc<VersionedRing>> {
        let version = signing_key::ring_version(tx)?;
        if let Some(known) = self.0.load_full().filter(|known| known.0 == version) {
            return Ok(known);
        }
        let mut keys = Vec::new();
        for (id, record) in signing_key::list(tx)? {
            // Those that only verify are older than the one that signs, whenever they were made.
            let rank =
                if record.signs { u64::MAX } else { u64::try_from(record.created.unix()).unwrap_or(0) };
            keys.push(Key::new(id, record.secret.clone(), rank)?);
        }
        let mut ring = KeyRing::new(uuid, keys)?;
        for secret in signing_key::foreign(tx)? {
            ring = ring.verifying_cloudreve(secret);
        }
        let ring = Arc::new((version, ring));
        self.0.store(Some(ring.clone()));
        Ok(ring)
    }
}
