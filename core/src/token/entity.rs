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

use super::{HashIds, HashKind};
use crate::id::{LinkId, ShareId, VersionId};

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
        let (kind, id) = match through {
            None if epoch == 0 => return ids.encode(number, HashKind::Entity),
            None => return ids.encode_list(&[number, epoch], HashKind::Entity),
            Some(Through::Share(id)) => (HashKind::Share, id.0),
            Some(Through::Link(id)) => (HashKind::SourceLink, id.0),
        };
        let numbers = [number, epoch, kind.number().into(), id >> 32, id & u64::from(u32::MAX)];
        ids.encode_list(&numbers, HashKind::Entity)
    }

    /// Reads a hash id; none if it is no entity's.
    pub(crate) fn read(ids: &HashIds, text: &str) -> Option<Entity> {
        let numbers = ids.decode_list(text, HashKind::Entity).ok()?;
        match *numbers.as_slice() {
            [number] => Some(Entity { number, epoch: 0, through: None }),
            // One spelling only: what was never revoked has no counter.
            [number, epoch] if epoch > 0 => Some(Entity { number, epoch, through: None }),
            [number, epoch, kind, high, low] if high.max(low) <= u64::from(u32::MAX) => {
                let id = high << 32 | low;
                let through = match kind {
                    kind if kind == u64::from(HashKind::Share.number()) => Through::Share(ShareId(id)),
                    kind if kind == u64::from(HashKind::SourceLink.number()) => Through::Link(LinkId(id)),
                    _ => return None,
                };
                Some(Entity { number, epoch, through: Some(through) })
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
        let version = VersionId::new(FileId(1 << 39), 77);
        let through = [
            None,
            Some(Through::Share(ShareId(u64::MAX))),
            Some(Through::Share(ShareId(7))),
            Some(Through::Link(LinkId(0x0123_4567_89ab_cdef))),
        ];
        for through in through {
            for epoch in [0, 1, u64::from(u32::MAX)] {
                let entity = Entity::new(version, epoch, through);
                let text = entity.text(&ids);
                assert_eq!(Entity::read(&ids, &text), Some(entity), "{text}");
                assert_eq!(entity.is_plain(), epoch == 0 && through.is_none());
                assert!(!entity.is_empty(), "{text}");
                let nameless = Entity::new(VersionId(0), epoch, through);
                assert_eq!(nameless.is_empty(), nameless.is_plain(), "{text}");
            }
        }
        for numbers in
            [&[1, 0][..], &[1, 2, 3], &[1, 0, 0, 1 << 32, 0], &[1, 0, 5, 1, 1], &[1, 2, 0, 1, 1, 1]]
        {
            assert_eq!(Entity::read(&ids, &ids.encode_list(numbers, HashKind::Entity)), None, "{numbers:?}");
        }
        assert_eq!(Entity::read(&ids, &ids.encode_list(&[1, 1], HashKind::Share)), None);
    }
}
