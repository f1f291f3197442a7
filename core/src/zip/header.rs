//! The records of a zip, as bytes. Every number is little-endian (4.4.1.1).

use super::member::Member;
use crate::Kind;

/// Signature, versions, sizes and so on of a local header, before the name (4.3.7).
const LOCAL_FIXED: u64 = 30;
/// The same of a central directory record (4.3.12).
const CENTRAL_FIXED: u64 = 46;
/// End of central directory record without a comment (4.3.16).
const END: u64 = 22;
/// Zip64 end record (4.3.14) and its locator (4.3.15).
const END64: u64 = 56 + 20;
/// Extended timestamp: id, length, flags, one time.
const TIME_EXTRA: u64 = 9;
/// NTFS (4.5.5): id, length, reserved, and one attribute of three times.
const NTFS_EXTRA: u64 = 4 + 4 + 4 + 3 * 8;
/// Zip64 in a local header (4.5.3): id, length, both lengths.
const ZIP64_EXTRA: u64 = 4 + 2 * 8;

/// A 32-bit field that holds this sends the reader to the zip64 field (4.4.1.4).
pub(super) const MARK32: u64 = 0xFFFF_FFFF;
/// The same of a 16-bit field.
const MARK16: u64 = 0xFFFF;

/// UTF-8 name (4.4.4, bit 11); no encryption.
const FLAGS: u16 = 1 << 11;
/// A data descriptor follows the content (4.4.4, bit 3).
#[cfg(feature = "deflate")]
const DESCRIPTOR: u16 = 1 << 3;
/// Methods (4.4.5).
const STORED: u16 = 0;
#[cfg(feature = "deflate")]
const DEFLATED: u16 = 8;
/// Folders need version 2.0, zip64 needs 4.5 (4.4.3.2).
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// Made on UNIX (4.4.2.2), whose mode bits stand in the external attributes, by version 4.5.
const MADE_BY: u16 = 3 << 8 | VERSION_ZIP64;

const ZIP64_ID: u16 = 0x0001;
const TIME_ID: u16 = 0x5455;
const NTFS_ID: u16 = 0x000A;

const FILE_ATTRIBUTES: u32 = 0o100_644 << 16;
const EXECUTABLE_ATTRIBUTES: u32 = 0o100_755 << 16;
/// A folder to UNIX, and a folder to DOS.
const FOLDER_ATTRIBUTES: u32 = 0o040_755 << 16 | 0x10;

/// Seconds from 1970 to 1980-01-01 and to 2107-12-31 23:59:58, the ends of MS-DOS time.
const DOS_FIRST: i64 = 315_532_800;
const DOS_LAST: i64 = 4_354_819_198;
/// Seconds from 1601, when NTFS time begins, to 1970.
const NTFS_TO_UNIX: i64 = 11_644_473_600;

/// What decides how long the headers of a member are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Length of the name in bytes.
    pub(super) name_len: u64,
    /// Length of the content in bytes.
    pub(super) size: u64,
    /// Modification time in seconds since 1970-01-01 UTC.
    pub(super) modified: i64,
    /// Whether there are no extra fields but those without which it could not be read.
    pub(super) bare: bool,
}

/// How the content of a member lies in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// As it is.
    Stored,
    /// Deflated to so many bytes, which a data descriptor follows.
    #[cfg(feature = "deflate")]
    Deflated(u64),
}

impl Packing {
    fn len(self, size: u64) -> u64 {
        match self {
            Packing::Stored => size,
            #[cfg(feature = "deflate")]
            Packing::Deflated(len) => len,
        }
    }
}

impl Member<'_> {
    pub(super) fn shape(&self) -> Shape {
        let name_len = u64::try_from(self.name.len()).unwrap_or(u64::MAX);
        let bare = is_bare(self.offset, self.name, self.size);
        Shape { name_len, size: self.size, modified: self.modified, bare }
    }
}

/// Returns whether a member has no extra fields: the file `mimetype` if it is the first, by which readers of
/// EPUB (OCF 3.3 section 4.3) and ODF (1.3 part 2 section 3.3) know the kind of the archive.
pub(super) fn is_bare(offset: u64, name: &str, size: u64) -> bool {
    offset == 0 && name == "mimetype" && size < MARK32
}

/// Returns the length of the local header, in bytes.
pub(super) fn local_len(shape: Shape) -> u64 {
    let zip64 = if shape.size >= MARK32 { ZIP64_EXTRA } else { 0 };
    LOCAL_FIXED + shape.name_len + time_len(shape) + zip64
}

/// Returns the length of the content of a stored member whose local header and content take `total` bytes,
/// in bytes. The size in `shape` is not looked at.
pub(super) fn size_within(total: u64, shape: Shape) -> Option<u64> {
    let rest = total.checked_sub(local_len(Shape { size: 0, ..shape }))?;
    // The shortest content with a zip64 field takes more than the longest without.
    Some(if rest < MARK32 { rest } else { rest - ZIP64_EXTRA })
}

/// Returns the length of the central directory record of a stored member, in bytes.
pub(super) fn central_len(shape: Shape, offset: u64) -> u64 {
    CENTRAL_FIXED + shape.name_len + time_len(shape) + central_zip64_len([shape.size, shape.size, offset])
}

/// Returns the length of everything after the central directory, in bytes.
pub(super) fn end_len(entries: u64, central_offset: u64, central_len: u64) -> u64 {
    END + if end_is_zip64(entries, central_offset, central_len) { END64 } else { 0 }
}

fn time_len(shape: Shape) -> u64 {
    match shape.modified {
        _ if shape.bare => 0,
        modified if extended(modified).is_some() => TIME_EXTRA,
        modified if ntfs(modified).is_some() => NTFS_EXTRA,
        _ => 0,
    }
}

/// The field holds just the numbers that do not fit their own fields (4.5.3).
fn central_zip64_len(numbers: [u64; 3]) -> u64 {
    let [a, b, c] = numbers.map(|number| u64::from(number >= MARK32));
    match a + b + c {
        0 => 0,
        count => 4 + 8 * count,
    }
}

fn end_is_zip64(entries: u64, central_offset: u64, central_len: u64) -> bool {
    entries >= MARK16 || central_offset >= MARK32 || central_len >= MARK32
}

/// Appends the local header of a stored member (4.3.7). `minutes` is what the DOS time is ahead of UTC.
pub(super) fn put_local(out: &mut Vec<u8>, member: &Member<'_>, minutes: i16) {
    let shape = member.shape();
    let extra = local_len(Shape { name_len: 0, ..shape }) - LOCAL_FIXED;
    put32(out, 0x0403_4b50);
    put_shared(out, member, Packing::Stored, [member.size, member.size], extra, minutes);
    out.extend_from_slice(member.name.as_bytes());
    if member.size >= MARK32 {
        put16(out, ZIP64_ID);
        put16(out, 16);
        put64(out, member.size);
        put64(out, member.size);
    }
    put_time(out, shape);
}

/// Appends the local header of a deflated member, which its data descriptor completes. Its lengths
/// stand there in 8 bytes each if a zip64 field announces it (4.3.9.2), and that is only where the
/// content is longer than 32 bits hold: by that alone JDK 17's `ZipInputStream` tells the two.
#[cfg(feature = "deflate")]
pub(super) fn put_local_deflated(out: &mut Vec<u8>, member: &Member<'_>, minutes: i16) {
    let shape = member.shape();
    let zip64 = member.size > MARK32;
    let mark = if zip64 { MARK32 } else { 0 };
    put32(out, 0x0403_4b50);
    let extra = time_len(shape) + if zip64 { 20 } else { 0 };
    let unknown = Member { crc32: 0, ..*member };
    put_shared(out, &unknown, Packing::Deflated(0), [mark, mark], extra, minutes);
    out.extend_from_slice(member.name.as_bytes());
    if zip64 {
        put16(out, ZIP64_ID);
        put16(out, 16);
        put64(out, 0);
        put64(out, 0);
    }
    put_time(out, shape);
}

/// Appends the data descriptor (4.3.9) of a member that was deflated to `len` bytes.
#[cfg(feature = "deflate")]
pub(super) fn put_descriptor(out: &mut Vec<u8>, member: &Member<'_>, len: u64) {
    put32(out, 0x0807_4b50);
    put32(out, member.crc32);
    for number in [len, member.size] {
        match member.size > MARK32 {
            true => put64(out, number),
            false => put32(out, capped32(number)),
        }
    }
}

/// Appends the central directory record (4.3.12).
pub(super) fn put_central(out: &mut Vec<u8>, member: &Member<'_>, packing: Packing, minutes: i16) {
    let shape = member.shape();
    let numbers = [member.size, packing.len(member.size), member.offset];
    let zip64 = central_zip64_len(numbers);
    put32(out, 0x0201_4b50);
    put16(out, MADE_BY);
    let [size, len, _] = numbers;
    put_shared(out, member, packing, [len, size], zip64 + time_len(shape), minutes);
    put16(out, 0); // no comment
    put16(out, 0); // on the first disk
    put16(out, 0); // internal attributes
    put32(
        out,
        match (member.kind, member.executable) {
            (Kind::Folder, _) => FOLDER_ATTRIBUTES,
            (Kind::File, true) => EXECUTABLE_ATTRIBUTES,
            (Kind::File, false) => FILE_ATTRIBUTES,
        },
    );
    put32(out, capped32(member.offset));
    out.extend_from_slice(member.name.as_bytes());
    if zip64 > 0 {
        put16(out, ZIP64_ID);
        put16(out, capped16(zip64 - 4));
        numbers.iter().filter(|number| **number >= MARK32).for_each(|number| put64(out, *number));
    }
    put_time(out, shape);
}

/// Appends what stands in both headers, from the version needed to the length of the extra field.
/// `lens` are those of what lies in the archive and of the content.
fn put_shared(
    out: &mut Vec<u8>,
    member: &Member<'_>,
    packing: Packing,
    lens: [u64; 2],
    extra: u64,
    minutes: i16,
) {
    let (flags, method) = match packing {
        Packing::Stored => (FLAGS, STORED),
        #[cfg(feature = "deflate")]
        Packing::Deflated(_) => (FLAGS | DESCRIPTOR, DEFLATED),
    };
    let zip64 = member.size >= MARK32 || member.offset >= MARK32;
    put16(out, if zip64 { VERSION_ZIP64 } else { VERSION });
    put16(out, flags);
    put16(out, method);
    put32(out, dos_time(member.modified, minutes));
    put32(out, member.crc32);
    lens.into_iter().for_each(|len| put32(out, capped32(len)));
    put16(out, u16::try_from(member.name.len()).unwrap_or(u16::MAX));
    put16(out, capped16(extra));
}

/// Appends everything after the central directory: with zip64 where it is needed, the zip64 end
/// record and its locator, and always the one end record, without a comment.
pub(super) fn put_end(out: &mut Vec<u8>, entries: u64, central_offset: u64, central_len: u64) {
    if end_is_zip64(entries, central_offset, central_len) {
        put32(out, 0x0606_4b50);
        put64(out, 44); // bytes that follow this field (4.3.14.1)
        put16(out, MADE_BY);
        put16(out, VERSION_ZIP64);
        put32(out, 0);
        put32(out, 0);
        put64(out, entries);
        put64(out, entries);
        put64(out, central_len);
        put64(out, central_offset);
        put32(out, 0x0706_4b50);
        put32(out, 0);
        put64(out, central_offset.saturating_add(central_len));
        put32(out, 1); // disks
    }
    put32(out, 0x0605_4b50);
    put16(out, 0);
    put16(out, 0);
    put16(out, capped16(entries));
    put16(out, capped16(entries));
    put32(out, capped32(central_len));
    put32(out, capped32(central_offset));
    put16(out, 0);
}

/// Appends the modification time in UTC, alike in both headers: as Info-ZIP's extended timestamp, or after
/// 2038 as NTFS keeps it. A time before 1970 is in neither.
fn put_time(out: &mut Vec<u8>, Shape { modified, bare, .. }: Shape) {
    if bare {
        return;
    }
    if let Some(time) = extended(modified) {
        put16(out, TIME_ID);
        put16(out, 5);
        out.push(1); // only the modification time follows
        put32(out, time);
    } else if let Some(time) = ntfs(modified) {
        put16(out, NTFS_ID);
        put16(out, 32);
        put32(out, 0); // reserved
        put16(out, 1); // the attribute of the times
        put16(out, 24);
        for _ in ["modified", "accessed", "created"] {
            put64(out, time);
        }
    }
}

/// Returns a time as NTFS keeps it, in units of 100 ns. Nothing before 1970, and nothing from the year 30828 on,
/// where the units pass 63 bits: at a time that Java takes for negative, `jar xf` (JDK 17 and 25) ends with
/// `Negative time`, and what follows is not extracted.
fn ntfs(modified: i64) -> Option<u64> {
    let since_1970 = Some(modified).filter(|modified| *modified >= 0)?;
    u64::try_from(since_1970.checked_add(NTFS_TO_UNIX)?.checked_mul(10_000_000)?).ok()
}

/// Returns the time of the extended timestamp, or nothing where readers disagree about it: the field
/// has 32 bits with a sign, and some readers take them without.
pub(super) fn extended(modified: i64) -> Option<u32> {
    i32::try_from(modified).ok().and_then(|time| u32::try_from(time).ok())
}

/// Returns date and time as MS-DOS keeps them (4.4.6), `minutes` ahead of UTC: the date in the upper 16
/// bits, even seconds, times outside 1980 to 2107 moved to the nearest end.
pub(super) fn dos_time(modified: i64, minutes: i16) -> u32 {
    let seconds = modified.saturating_add(i64::from(minutes) * 60).clamp(DOS_FIRST, DOS_LAST);
    let Ok(instant) = jiff::Timestamp::from_second(seconds) else { return 0x0021_0000 };
    let civil = jiff::tz::Offset::UTC.to_datetime(instant);
    let field = |value: i8| u32::try_from(value).unwrap_or(0);
    let year = u32::try_from(civil.year() - 1980).unwrap_or(0);
    let date = year << 9 | field(civil.month()) << 5 | field(civil.day());
    let time = field(civil.hour()) << 11 | field(civil.minute()) << 5 | field(civil.second() / 2);
    date << 16 | time
}

fn capped32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn capped16(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_time_is_utc_in_even_seconds_and_clamped() {
        let dos_time = |modified| super::dos_time(modified, 0);
        assert_eq!(dos_time(0), (1 << 5 | 1) << 16);
        assert_eq!(dos_time(DOS_FIRST), (1 << 5 | 1) << 16);
        assert_eq!(dos_time(i64::MIN), dos_time(DOS_FIRST));
        assert_eq!(dos_time(i64::MAX), (127 << 9 | 12 << 5 | 31) << 16 | 23 << 11 | 59 << 5 | 29);
        // 2004-02-29 12:34:57
        assert_eq!(dos_time(1_078_058_097), (24 << 9 | 2 << 5 | 29) << 16 | 12 << 11 | 34 << 5 | 28);
    }

    #[test]
    fn dos_time_is_that_of_the_offset() {
        // 2004-02-29 23:59:57 UTC is the first of March in Kathmandu, five hours and three quarters ahead.
        let time = 1_078_099_197;
        assert_eq!(dos_time(time, 0), (24 << 9 | 2 << 5 | 29) << 16 | 23 << 11 | 59 << 5 | 28);
        assert_eq!(dos_time(time, 345), (24 << 9 | 3 << 5 | 1) << 16 | 5 << 11 | 44 << 5 | 28);
        assert_eq!(dos_time(time, -300), (24 << 9 | 2 << 5 | 29) << 16 | 18 << 11 | 59 << 5 | 28);
        assert_eq!(dos_time(DOS_FIRST, -1), dos_time(DOS_FIRST, 0));
        assert_eq!(dos_time(i64::MAX, 1439), dos_time(DOS_LAST, 0));
    }

    #[test]
    fn the_extended_timestamp_stands_only_where_readers_agree() {
        assert_eq!(extended(-1), None);
        assert_eq!(extended(0), Some(0));
        assert_eq!(extended(i64::from(i32::MAX)), Some(0x7FFF_FFFF));
        assert_eq!(extended(i64::from(i32::MAX) + 1), None);
    }

    #[test]
    fn ntfs_time_is_of_what_the_extended_timestamp_does_not_hold() {
        // 2040-01-01 12:00:00, as Microsoft's FILETIME.
        let mut out = Vec::new();
        put_time(&mut out, Shape { name_len: 0, size: 0, modified: 2_209_032_000, bare: false });
        assert_eq!(out.len() as u64, NTFS_EXTRA);
        assert_eq!(out[..12], [0x0A, 0, 32, 0, 0, 0, 0, 0, 1, 0, 24, 0]);
        assert_eq!(out[12..20], 138_535_056_000_000_000_u64.to_le_bytes());
        assert_eq!(ntfs(0), Some(116_444_736_000_000_000));
        // 30828-09-14 02:48:05 is the last second whose units have 63 bits.
        assert_eq!(ntfs(910_692_730_085), Some(9_223_372_036_850_000_000));
        assert_eq!([910_692_730_086, i64::MAX].map(ntfs), [None; 2]);
    }

    #[test]
    fn no_field_has_a_time_before_1970() {
        for modified in [-1, -315_576_000, -NTFS_TO_UNIX, -NTFS_TO_UNIX - 1, i64::MIN] {
            let shape = Shape { name_len: 0, size: 0, modified, bare: false };
            let mut out = Vec::new();
            put_time(&mut out, shape);
            assert_eq!((out.len(), time_len(shape)), (0, 0), "{modified}");
        }
    }

    #[test]
    fn lengths_foretell_the_bytes_around_every_zip64_boundary() {
        let edges = [0, 1, MARK32 - 1, MARK32, MARK32 + 1, u64::MAX / 4];
        for size in edges {
            for offset in edges {
                for modified in [i64::MIN, -NTFS_TO_UNIX - 1, -1, 0, DOS_LAST, i64::MAX] {
                    let member = Member {
                        name: "n\u{E4}me",
                        kind: Kind::File,
                        size,
                        crc32: 7,
                        modified,
                        executable: false,
                        content: 0,
                        offset,
                    };
                    let mut out = Vec::new();
                    put_local(&mut out, &member, 0);
                    assert_eq!(out.len() as u64, local_len(member.shape()));
                    let unknown = Shape { size: 7, ..member.shape() };
                    assert_eq!(size_within(out.len() as u64 + size, unknown), Some(size));
                    out.clear();
                    put_central(&mut out, &member, Packing::Stored, 0);
                    assert_eq!(out.len() as u64, central_len(member.shape(), offset));
                }
                for entries in [0, MARK16 - 1, MARK16, MARK16 + 1] {
                    let mut out = Vec::new();
                    put_end(&mut out, entries, offset, size);
                    assert_eq!(out.len() as u64, end_len(entries, offset, size));
                }
            }
        }
    }
}
