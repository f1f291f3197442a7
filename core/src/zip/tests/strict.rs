//! A checker of a stored zip, by hand from the APPNOTE, as strict as the strictest package index: what
//! it accepts has one reading only.

use std::collections::HashSet;
use std::ops::Range;

use super::*;

/// What the checker read of one member.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) crc32: u32,
    pub(super) data: Range<usize>,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let bytes = self.bytes.get(self.at..self.at + count).ok_or("truncated")?;
        self.at += count;
        Ok(bytes)
    }

    fn number(&mut self, count: usize) -> Result<u64, String> {
        Ok(self.take(count)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn expect(&mut self, count: usize, value: u64, what: &str) -> Result<(), String> {
        let found = self.number(count)?;
        if found == value { Ok(()) } else { Err(format!("{what} is {found:#x}, not {value:#x}")) }
    }

    fn peek(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.at + 4).unwrap_or_default()
    }
}

/// What both headers say (4.3.7, 4.3.12).
#[derive(Debug, PartialEq, Clone)]
struct Shared {
    version: u64,
    dos: u64,
    crc32: u64,
    size: u64,
    name: Vec<u8>,
    time: Option<Vec<u8>>,
}

/// Reads the fields from the version needed on; returns them, the length of the raw zip64 field, and
/// the offset for a central record.
fn shared(c: &mut Cursor<'_>, central: bool) -> Result<(Shared, Option<u64>), String> {
    let version = c.number(2)?;
    c.expect(2, 1 << 11, "flags")?;
    c.expect(2, 0, "method")?;
    let dos = c.number(4)?;
    let crc32 = c.number(4)?;
    let packed = c.number(4)?;
    let size = c.number(4)?;
    if packed != size {
        return Err("stored, but two sizes".to_owned());
    }
    let name_len = c.number(2)? as usize;
    let extra_len = c.number(2)? as usize;
    let mut offset = 0;
    let mut folder = false;
    if central {
        c.expect(2, 0, "comment length")?;
        c.expect(2, 0, "disk")?;
        c.expect(2, 0, "internal attributes")?;
        folder = match c.number(4)? {
            0x81A4_0000 | 0x81ED_0000 => false,
            0x41ED_0010 => true,
            other => return Err(format!("external attributes {other:#x}")),
        };
        offset = c.number(4)?;
    }
    let name = c.take(name_len)?.to_vec();
    if central && folder != name.ends_with(b"/") {
        return Err("kind and name disagree".to_owned());
    }
    let mut extra = Cursor { bytes: c.take(extra_len)?, at: 0 };
    let mut found = Shared { version, dos, crc32, size, name, time: None };
    let mut zip64 = false;
    let mut seen = HashSet::new();
    while extra.at < extra_len {
        let id = extra.number(2)?;
        let len = extra.number(2)? as usize;
        let mut field = Cursor { bytes: extra.take(len)?, at: 0 };
        if !seen.insert(id) {
            return Err("an extra field twice".to_owned());
        }
        match id {
            0x0001 => {
                zip64 = true;
                if size == 0xFFFF_FFFF {
                    found.size = field.number(8)?;
                    field.expect(8, found.size, "zip64 packed size")?;
                    if found.size < 0xFFFF_FFFF {
                        return Err("zip64 size without need".to_owned());
                    }
                }
                if offset == 0xFFFF_FFFF {
                    offset = field.number(8)?;
                    if offset < 0xFFFF_FFFF {
                        return Err("zip64 offset without need".to_owned());
                    }
                }
                if field.at != len || len == 0 {
                    return Err("zip64 field of a wrong length".to_owned());
                }
            }
            0x5455 => {
                found.time = Some(field.bytes.to_vec());
                if len != 5 || field.bytes[0] != 1 {
                    return Err("not one time".to_owned());
                }
            }
            other => return Err(format!("extra field {other:#x}")),
        }
    }
    let marked = size == 0xFFFF_FFFF || (central && offset >= 0xFFFF_FFFF);
    if marked != zip64 {
        return Err("a mark without its zip64 field, or the other way round".to_owned());
    }
    Ok((found, central.then_some(offset)))
}

/// Checks every byte of a stored zip.
pub(super) fn check(bytes: &[u8]) -> Result<Vec<Found>, String> {
    let mut c = Cursor { bytes, at: 0 };
    let mut locals = Vec::new();
    while c.peek() == b"PK\x03\x04" {
        let start = c.at as u64;
        c.take(4)?;
        let (local, _) = shared(&mut c, false)?;
        let data = c.at..c.at + local.size as usize;
        let content = c.take(local.size as usize)?;
        if u64::from(crc32fast::hash(content)) != local.crc32 {
            return Err("crc32 is wrong".to_owned());
        }
        locals.push((start, local, data));
    }
    let central_start = c.at as u64;
    let mut names = HashSet::new();
    let mut found = Vec::new();
    for (start, local, data) in &locals {
        c.expect(4, 0x0201_4b50, "central signature")?;
        c.expect(2, 0x032D, "made by")?;
        let (central, offset) = shared(&mut c, true)?;
        if central != *local {
            return Err("local and central header differ".to_owned());
        }
        if offset != Some(*start) {
            return Err("an offset is wrong".to_owned());
        }
        let zip64 = local.size >= 0xFFFF_FFFF || *start >= 0xFFFF_FFFF;
        if local.version != if zip64 { 45 } else { 20 } {
            return Err("version needed is wrong".to_owned());
        }
        if !names.insert(local.name.clone()) {
            return Err("a name twice".to_owned());
        }
        let name = String::from_utf8(local.name.clone()).map_err(|_| "not utf-8")?;
        found.push(Found { name, size: local.size, crc32: local.crc32 as u32, data: data.clone() });
    }
    let central_len = c.at as u64 - central_start;
    let entries = locals.len() as u64;
    if entries >= 0xFFFF || central_start >= 0xFFFF_FFFF || central_len >= 0xFFFF_FFFF {
        let end64 = c.at as u64;
        c.expect(4, 0x0606_4b50, "zip64 end signature")?;
        c.expect(8, 44, "zip64 end size")?;
        c.expect(2, 0x032D, "made by")?;
        c.expect(2, 45, "version needed")?;
        c.expect(8, 0, "disks")?;
        c.expect(8, entries, "entries here")?;
        c.expect(8, entries, "entries")?;
        c.expect(8, central_len, "central length")?;
        c.expect(8, central_start, "central offset")?;
        c.expect(4, 0x0706_4b50, "locator signature")?;
        c.expect(4, 0, "disk")?;
        c.expect(8, end64, "zip64 end offset")?;
        c.expect(4, 1, "disks")?;
    }
    c.expect(4, 0x0605_4b50, "end signature")?;
    c.expect(4, 0, "disks")?;
    c.expect(2, entries.min(0xFFFF), "entries here")?;
    c.expect(2, entries.min(0xFFFF), "entries")?;
    c.expect(4, central_len.min(0xFFFF_FFFF), "central length")?;
    c.expect(4, central_start.min(0xFFFF_FFFF), "central offset")?;
    c.expect(2, 0, "comment length")?;
    if c.at == bytes.len() { Ok(found) } else { Err("trailing bytes".to_owned()) }
}

#[test]
fn a11_every_byte_of_an_archive_is_accounted_for() {
    for zip in [sampler(), archive(&[]), archive(&[("x", b"")]), archive(&[("x/", b"")])] {
        let bytes = read(&zip);
        let found = check(&bytes).unwrap();
        let planned: Vec<_> = zip.plan().members().map(|m| (m.name.to_owned(), m.size, m.crc32)).collect();
        let read: Vec<_> = found.iter().map(|f| (f.name.clone(), f.size, f.crc32)).collect();
        assert_eq!(read, planned);
    }
}

#[test]
fn a11_control_the_checker_refuses_any_changed_cut_or_added_byte() {
    let bytes = read(&sampler());
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x20;
        let same = check(&damaged).is_ok_and(|found| found == check(&bytes).unwrap());
        assert!(!same, "byte {at} may be anything");
        assert!(check(&bytes[..at]).is_err());
        let mut gap = bytes.clone();
        gap.insert(at, 0);
        assert!(check(&gap).is_err());
    }
    let twice = [bytes.as_slice(), bytes.as_slice()].concat();
    assert!(check(&twice).is_err());
}
