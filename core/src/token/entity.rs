//! What names a version in a URL of the Cloudreve form. Pure.
//!
//! The form signs a path and an expiry, and has one place for an id: the entity, a hash id that clients
//! pass on as it is. A hash id holds any count of numbers, so this one holds what a URL must be held to:
//!
//! | numbers, before the kind | is |
//! |---|---|
//! | version | a version that was never revoked; an imported entity; or 0, no content |
//! | version, revocations | a version, with the counters of revocations it had |
//! | version, revocations, kind, high, low | the same, while a share or direct link leads to it |
//!
//! A version beyond [`HashIds::MAX_ID`], which no hash id holds as one number, is its halves of 32 bits, high
//! and low; its revocations follow always, also where they are 0.

use super::{HashIds, HashKind};
use crate::id::{LinkId, ShareId, VersionId};

/// The lower half of a number.
const LOW: u64 = (1 << 32) - 1;

/// Joins the halves of a number; none if one is too long.
fn joined(high: u64, low: u64) -> Option<u64> {
    (high.max(low) <= LOW).then_some(high << 32 | low)
}

/// What names a version in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    /// The version's number, here or in the system that it was imported from.
    pub(crate) number: u64,
    /// The revocation counters of the version and of what it was reached through, summed.
    pub(crate) epoch: u64,
    pub(crate) through: Option<Through>,
}

/// What a URL of a version was given through, and ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    Share(ShareId),
    Link(LinkId),
}

impl Through {
    /// Reads it from the number of its kind and the halves of its id.
    fn read(kind: u64, high: u64, low: u64) -> Option<Through> {
        let id = joined(high, low)?;
        match kind {
            kind if kind == u64::from(HashKind::Share.number()) => Some(Through::Share(ShareId(id))),
            kind if kind == u64::from(HashKind::SourceLink.number()) => Some(Through::Link(LinkId(id))),
            _ => None,
        }
    }
}

impl Entity {
    pub(crate) fn new(version: VersionId, epoch: u64, through: Option<Through>) -> Entity {
        Entity { number: version.0, epoch, through }
    }

    /// Returns whether it names the entity 0, which is that of a file without content.
    pub(crate) fn is_empty(&self) -> bool {
        self.number == 0 && self.is_plain()
    }

    /// Returns whether it says no more than a number, as all that were imported do.
    pub(crate) fn is_plain(&self) -> bool {
        self.epoch == 0 && self.through.is_none()
    }

    /// Returns the hash id.
    pub(crate) fn text(&self, ids: &HashIds) -> String {
        let Entity { number, epoch, through } = *self;
        let is_long = number > HashIds::MAX_ID;
        let mut numbers = if is_long { vec![number >> 32, number & LOW] } else { vec![number] };
        if is_long || epoch > 0 || through.is_some() {
            numbers.push(epoch);
        }
        if let Some(through) = through {
            let (kind, id) = match through {
                Through::Share(id) => (HashKind::Share, id.0),
                Through::Link(id) => (HashKind::SourceLink, id.0),
            };
            numbers.extend([kind.number().into(), id >> 32, id & LOW]);
        }
        ids.encode_list(&numbers, HashKind::Entity)
    }

    /// Reads a hash id; none if it is no entity's.
    pub(crate) fn read(ids: &HashIds, text: &str) -> Option<Entity> {
        let numbers = ids.decode_list(text, HashKind::Entity).ok()?;
        // One spelling only: what fits into one number is one.
        let long = |high, low| joined(high, low).filter(|number| *number > HashIds::MAX_ID);
        match *numbers.as_slice() {
            [number] => Some(Entity { number, epoch: 0, through: None }),
            // What was never revoked has no counter.
            [number, epoch] if epoch > 0 => Some(Entity { number, epoch, through: None }),
            [high, low, epoch] => Some(Entity { number: long(high, low)?, epoch, through: None }),
            [number, epoch, kind, high, low] => {
                Some(Entity { number, epoch, through: Some(Through::read(kind, high, low)?) })
            }
            [first, second, epoch, kind, high, low] => {
                let through = Some(Through::read(kind, high, low)?);
                Some(Entity { number: long(first, second)?, epoch, through })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FileId;

    #[test]
    fn an_entity_reads_back_and_has_one_spelling() {
        let ids = HashIds::new("salt").unwrap();
        let first_long = VersionId(HashIds::MAX_ID + 1);
        let versions = [
            VersionId::new(FileId(1 << 39), 77),
            VersionId(HashIds::MAX_ID),
            first_long,
            VersionId::new(FileId(1 << 41), 1),
            VersionId(u64::MAX),
        ];
        let through = [
            None,
            Some(Through::Share(ShareId(u64::MAX))),
            Some(Through::Share(ShareId(7))),
            Some(Through::Link(LinkId(0x0123_4567_89ab_cdef))),
        ];
        for through in through {
            for epoch in [0, 1, u64::from(u32::MAX), 3 << 32] {
                for version in versions {
                    let entity = Entity::new(version, epoch, through);
                    let text = entity.text(&ids);
                    assert_eq!(Entity::read(&ids, &text), Some(entity), "{version} {text}");
                    assert_eq!(entity.is_plain(), epoch == 0 && through.is_none());
                    assert!(!entity.is_empty(), "{text}");
                }
                let nameless = Entity::new(VersionId(0), epoch, through);
                assert_eq!(nameless.is_empty(), nameless.is_plain());
            }
        }
        let long = [first_long.0 >> 32, first_long.0 & LOW];
        for numbers in [
            &[1, 0][..],
            &[1, 2, 3],
            &[1, 0, 0, 1 << 32, 0],
            &[1, 0, 5, 1, 1],
            &[1, 2, 0, 1, 1, 1],
            &[1, 2, 0, 0, 1, 1],
            &[long[0], 1 << 32, 0],
            &[long[0], long[1], 0, 0],
            &[long[0], long[1], 0, 1, 1, 1],
            &[long[0], long[1], 0, 0, 1, 1 << 32],
        ] {
            assert_eq!(Entity::read(&ids, &ids.encode_list(numbers, HashKind::Entity)), None, "{numbers:?}");
        }
        assert_eq!(Entity::read(&ids, &ids.encode_list(&[1, 1], HashKind::Share)), None);
    }
}
