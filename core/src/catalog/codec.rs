//! Every record's codec by number, for the fuzzer and the tests.

use super::grace::GraceRecord;
use super::history::{CopyRecord, SessionRecord, TimelineRecord};
use super::record::{
    ArchiveRecord, BlobRecord, ChildRecord, DriveRecord, FileRecord, KeyRecord, LinkRecord, MembersRecord,
    NoteRecord, PartRecord, Record, SegmentRecord, ShareRecord, TrashRecord, UploadRecord, UseRecord,
    VersionRecord,
};
use super::segment::{FloorRecord, ModeRecord, OpenRecord};
use super::usage::SweptRecord;
use crate::{ErrorKind, Result};

macro_rules! codecs {
    ($($record:ident)*) => {
        /// What each record is called, and how its codec is checked.
        const CODECS: &[(&str, fn(&[u8]) -> Result<bool>)] = &[$(($record::NOUN, check::<$record>)),*];
    };
}

codecs! {
    DriveRecord FileRecord ChildRecord VersionRecord BlobRecord SegmentRecord TrashRecord LinkRecord
    ShareRecord ArchiveRecord MembersRecord KeyRecord UseRecord UploadRecord PartRecord NoteRecord
    OpenRecord ModeRecord FloorRecord SessionRecord CopyRecord TimelineRecord SweptRecord GraceRecord
}

/// Returns the noun of every record.
pub fn nouns() -> impl Iterator<Item = &'static str> {
    CODECS.iter().map(|(noun, _)| *noun)
}

/// Decodes `bytes`, a version byte and what follows, as the record of that number (modulo how many there
/// are). Returns whether they are such a record and its encoding is read as the same again; None when
/// they are none.
///
/// # Errors
/// Whatever decoding or encoding says that no row's bytes may bring about, of which kinds `Corrupt`,
/// `Unsupported` and `Gone` are none.
pub fn round_trip(number: usize, bytes: &[u8]) -> Result<Option<bool>> {
    let Some((_, check)) = CODECS.get(number % CODECS.len()) else { return Ok(None) };
    match check(bytes) {
        Ok(same) => Ok(Some(same)),
        Err(error)
            if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Gone) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn check<T: Record + PartialEq>(bytes: &[u8]) -> Result<bool> {
    let record = T::decode(bytes)?;
    let encoded = record.encode()?;
    // Decoding what was encoded may fail in no way.
    let again = T::decode(&encoded).ok();
    Ok(again.is_some_and(|again| again == record && again.encode().is_ok_and(|bytes| bytes == encoded)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_read_back_from_its_encoding() {
        for (number, noun) in nouns().enumerate() {
            let read = |byte: u8| {
                (1..=2).filter_map(move |version| {
                    let mut bytes = vec![byte; 300];
                    bytes[0] = version;
                    round_trip(number, &bytes).unwrap()
                })
            };
            assert_eq!(read(0).next(), Some(true), "a {noun} of zeros");
            assert!(read(1).all(|same| same), "a {noun} of ones");
            assert_eq!(round_trip(number, &[]).unwrap(), None, "a {noun} of nothing");
        }
    }
}
