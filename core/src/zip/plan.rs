//! The plan of an archive: every offset and length, computed from the member list alone.

use std::sync::Arc;

use super::header::{
    Packing, Shape, central_len, end_len, is_bare, local_len, put_central, put_end, put_local, size_within,
};
use super::member::{ArchiveLimits, Entry, Member};
use super::safe_name::PATH_MAX;
use super::starts::{SAMPLE, Starts, before};
use super::unique_names::Names;
use crate::{Error, ErrorKind, Kind, Result};

/// Bits of a word.
const WORD: usize = 64;
/// Bytes of a name for which there is room in advance.
const NAME_ROOM: usize = 32;

/// An archive as numbers: 34 bytes a member, plus the names.
#[derive(Debug)]
pub struct Plan {
    names: String,
    records: Vec<PlannedMember>,
    /// Where members start, in bytes from the start of the archive.
    starts: Starts,
    /// Where their records start, in bytes from the start of the central directory.
    central_starts: Starts,
    central_offset: u64,
    central_len: u64,
    len: u64,
    /// Which members may be run, a bit each, as far as there are any.
    executable: Vec<u64>,
    /// Whether the first member has no extra fields.
    bare: bool,
    /// What the DOS times are ahead of UTC, in minutes.
    utc_offset: i16,
}

/// A member without the length of its content, which follows from where the next one starts.
#[derive(Clone, Copy, Debug)]
struct PlannedMember {
    offset: u64,
    content: u64,
    modified: i64,
    /// Where the name starts in the names; it ends where the next one starts.
    name: u32,
    crc32: u32,
}

/// Where the content of a member lies in the archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Where it starts, in bytes from the start of the archive.
    pub(super) start: u64,
    /// Its length in bytes.
    pub(super) size: u64,
    /// The caller's key to it.
    pub(super) content: u64,
}

impl Plan {
    /// Plans the archive of `entries`, in their order. No content is touched.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] if `limits` would be passed, and above 4 GiB of names;
    /// [`ErrorKind::InvalidArgument`] for a folder with content, and for an empty file whose CRC-32
    /// is not 0.
    pub fn new(entries: impl IntoIterator<Item = Entry>, limits: &ArchiveLimits) -> Result<Plan> {
        let entries = entries.into_iter();
        let expected = entries.size_hint().0;
        check_count(expected, limits)?;
        let mut plan = Plan::with_room(expected);
        let mut names = Names::default();
        for entry in entries {
            check_count(plan.records.len() + 1, limits)?;
            plan.add(&entry, &mut names, limits)?;
        }
        // As much memory as the plan itself, and not needed any more; the end allocates.
        drop(names);
        plan.end(limits)
    }

    /// Plans an archive again from the members of an earlier plan of it. Their names are taken as they
    /// are: they were made safe and unique then, which is most of the work.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a folder whose name does not end with `/` and a file whose name
    /// does, and as [`Plan::new`] does; [`ErrorKind::TooLarge`] above 4 GiB of names.
    pub fn again<'a>(members: impl IntoIterator<Item = Member<'a>>) -> Result<Plan> {
        let limits = ArchiveLimits { max_entries: u64::MAX, max_bytes: None };
        let members = members.into_iter();
        let mut plan = Plan::with_room(members.size_hint().0);
        for member in members {
            let Member { name, kind, size, crc32, .. } = member;
            check_content(name, kind, size, crc32)?;
            if name.ends_with('/') != (kind == Kind::Folder) {
                return Err(Error::invalid(format!("{} is not the name of a planned member", shown(name))));
            }
            let start = plan.names.len();
            plan.names.push_str(name);
            plan.push(start, &member, &limits)?;
        }
        plan.end(&limits)
    }

    fn with_room(members: usize) -> Plan {
        Plan {
            names: String::with_capacity(members.saturating_mul(NAME_ROOM)),
            records: Vec::with_capacity(members),
            starts: Starts::with_room(members),
            central_starts: Starts::with_room(members),
            central_offset: 0,
            central_len: 0,
            len: 0,
            executable: Vec::new(),
            bare: false,
            utc_offset: 0,
        }
    }

    /// Sets what the DOS times are ahead of UTC, in minutes: 0 by default. Readers that look at nothing
    /// else take them for their own local time.
    #[must_use]
    pub fn with_utc_offset(mut self, minutes: i16) -> Plan {
        self.utc_offset = minutes;
        self
    }

    /// Returns whether the member at `index` has no extra fields.
    pub(super) fn is_bare(&self, index: usize) -> bool {
        index == 0 && self.bare
    }

    /// Returns what the DOS times are ahead of UTC, in minutes.
    pub(super) fn utc_offset(&self) -> i16 {
        self.utc_offset
    }

    fn end(mut self, limits: &ArchiveLimits) -> Result<Plan> {
        self.names.shrink_to_fit();
        self.records.shrink_to_fit();
        self.starts.finish();
        self.central_starts.finish();
        let end = end_len(self.entries(), self.central_offset, self.central_len);
        self.len = sum([self.central_offset, self.central_len, end], limits)?;
        Ok(self)
    }

    fn add(&mut self, entry: &Entry, names: &mut Names, limits: &ArchiveLimits) -> Result<()> {
        let Entry { kind, size, crc32, modified, executable, content, .. } = *entry;
        check_content(&entry.name, kind, size, crc32)?;
        let start = self.names.len();
        names.claim(&entry.name, kind, &mut self.names)?;
        self.push(
            start,
            &Member { name: "", kind, size, crc32, modified, executable, content, offset: 0 },
            limits,
        )
    }

    /// Adds a member whose name is the end of the names, from `start` on.
    fn push(&mut self, start: usize, member: &Member<'_>, limits: &ArchiveLimits) -> Result<()> {
        let Member { size, crc32, modified, content, .. } = *member;
        let name_len = self.names.len() - start;
        if name_len > PATH_MAX {
            return Err(too_long(name_len));
        }
        let name = u32::try_from(start).map_err(|_| too_many_names())?;
        let name_len = u64::try_from(name_len).unwrap_or(u64::MAX);
        let offset = self.central_offset;
        let index = self.records.len();
        if index == 0 {
            self.bare = is_bare(offset, &self.names, size);
        }
        if member.executable {
            let word = index / WORD;
            self.executable.resize(self.executable.len().max(word + 1), 0);
            self.executable.iter_mut().skip(word).take(1).for_each(|bits| *bits |= 1 << (index % WORD));
        }
        self.starts.push(index, offset);
        self.central_starts.push(index, self.central_len);
        self.records.push(PlannedMember { offset, content, modified, name, crc32 });
        let shape = Shape { name_len, size, modified, bare: index == 0 && self.bare };
        self.central_offset = sum([offset, local_len(shape), size], limits)?;
        self.central_len += central_len(shape, offset);
        Ok(())
    }

    /// Returns the exact length of the archive, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether the archive has no member. Even then it has a length.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns how many members there are.
    pub fn entries(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }

    /// Returns the member at `index`, in the order of the archive.
    pub fn member(&self, index: usize) -> Option<Member<'_>> {
        let (record, shape) = self.shape(index)?;
        let start = usize::try_from(record.name).ok()?;
        let name = self.names.get(start..start.checked_add(usize::try_from(shape.name_len).ok()?)?)?;
        Some(Member {
            name,
            kind: if name.ends_with('/') { Kind::Folder } else { Kind::File },
            size: shape.size,
            crc32: record.crc32,
            modified: record.modified,
            executable: self.executable.get(index / WORD).is_some_and(|bits| bits >> (index % WORD) & 1 == 1),
            content: record.content,
            offset: record.offset,
        })
    }

    /// Returns the record of the member at `index` and how long its headers are, without a look at its
    /// name.
    fn shape(&self, index: usize) -> Option<(&PlannedMember, Shape)> {
        #[cfg(test)]
        super::steps::step();
        let record = self.records.get(index)?;
        let (offset, name) = match self.records.get(index + 1) {
            Some(next) => (next.offset, u64::from(next.name)),
            None => (self.central_offset, u64::try_from(self.names.len()).ok()?),
        };
        let shape = Shape {
            name_len: name.checked_sub(u64::from(record.name))?,
            size: 0,
            modified: record.modified,
            bare: self.is_bare(index),
        };
        let size = size_within(offset.checked_sub(record.offset)?, shape)?;
        Some((record, Shape { size, ..shape }))
    }

    /// Returns where the content of the member at `index` lies.
    pub(super) fn run(&self, index: usize) -> Option<Run> {
        let (record, shape) = self.shape(index)?;
        let start = record.offset + local_len(shape);
        Some(Run { start, size: shape.size, content: record.content })
    }

    /// Returns the members in the order of the archive.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        (0..self.records.len()).filter_map(|index| self.member(index))
    }

    /// Returns the memory that the plan holds, in bytes.
    pub fn memory(&self) -> usize {
        size_of::<Plan>()
            + self.names.capacity()
            + self.records.capacity() * size_of::<PlannedMember>()
            + self.starts.memory()
            + self.central_starts.memory()
            + self.executable.capacity() * size_of::<u64>()
    }

    /// Returns where the central directory starts, in bytes from the start of the archive.
    pub(super) fn central_offset(&self) -> u64 {
        self.central_offset
    }

    /// Returns the length of the central directory, in bytes.
    pub(super) fn central_len(&self) -> u64 {
        self.central_len
    }

    /// Returns the index of the member whose header or content holds the byte at `offset`, which is
    /// before the central directory.
    pub(super) fn index_at(&self, offset: u64) -> Option<usize> {
        let (first, _) = self.starts.at_or_before(offset)?;
        let near = self.records.get(first..)?;
        let near = near.get(..SAMPLE).unwrap_or(near);
        Some(first + before(near, |record| record.offset <= offset).checked_sub(1)?)
    }

    /// Returns the index of the central directory record that holds the byte at `offset` of the
    /// central directory, and where the record starts.
    pub(super) fn central_at(&self, offset: u64) -> Option<(usize, u64)> {
        let (mut index, mut start) = self.central_starts.at_or_before(offset)?;
        loop {
            let (record, shape) = self.shape(index)?;
            let next = start + central_len(shape, record.offset);
            if offset < next {
                return Some((index, start));
            }
            start = next;
            index += 1;
        }
    }

    /// Appends the local header of a member to `out`.
    pub(super) fn put_local(&self, out: &mut Vec<u8>, member: &Member<'_>) {
        put_local(out, member, self.utc_offset);
    }

    /// Appends the central directory record of a member to `out`.
    pub(super) fn put_central(&self, out: &mut Vec<u8>, member: &Member<'_>) {
        put_central(out, member, Packing::Stored, self.utc_offset);
    }

    /// Appends everything after the central directory to `out`.
    pub(super) fn put_end(&self, out: &mut Vec<u8>) {
        put_end(out, self.entries(), self.central_offset, self.central_len);
    }

    /// Returns a digest of the archive's bytes, for a strong ETag: BLAKE3 over everything the headers
    /// are made from and over the BLAKE3 of each content, which `content_hash` returns for a key. Names
    /// of versions, links or signatures have no part in it.
    ///
    /// # Errors
    /// Those of `content_hash`.
    pub fn digest(&self, mut content_hash: impl FnMut(u64) -> Result<[u8; 32]>) -> Result<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key("holdall stored zip, layout 4");
        let mut buffer = Vec::with_capacity(16 << 10);
        buffer.extend_from_slice(&self.utc_offset.to_le_bytes());
        for member in self.members() {
            buffer.extend_from_slice(&u64::try_from(member.name.len()).unwrap_or(u64::MAX).to_le_bytes());
            buffer.extend_from_slice(member.name.as_bytes());
            buffer.extend_from_slice(&member.size.to_le_bytes());
            buffer.extend_from_slice(&member.crc32.to_le_bytes());
            buffer.extend_from_slice(&member.modified.to_le_bytes());
            buffer.push(u8::from(member.executable));
            if member.size > 0 {
                buffer.extend_from_slice(&content_hash(member.content)?);
            }
            if buffer.len() >= 8 << 10 {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
        hasher.update(&buffer);
        Ok(*hasher.finalize().as_bytes())
    }

    /// Returns the CRC-64 of the whole archive without reading a content: `crc64` is that of bytes,
    /// `content_crc64` that of a content by its key, and `combine(a, b, len)` that of the
    /// concatenation of two texts with CRC-64 `a` and `b`, the second of `len` bytes.
    ///
    /// # Errors
    /// Those of `content_crc64`.
    pub fn crc64(
        &self,
        crc64: impl Fn(&[u8]) -> u64,
        combine: impl Fn(u64, u64, u64) -> u64,
        mut content_crc64: impl FnMut(u64) -> Result<u64>,
    ) -> Result<u64> {
        let mut total = crc64(&[]);
        let mut headers = Vec::with_capacity(16 << 10);
        let flush = |total: &mut u64, headers: &mut Vec<u8>| {
            *total = combine(*total, crc64(headers), u64::try_from(headers.len()).unwrap_or(u64::MAX));
            headers.clear();
        };
        for member in self.members() {
            self.put_local(&mut headers, &member);
            if member.size > 0 {
                flush(&mut total, &mut headers);
                total = combine(total, content_crc64(member.content)?, member.size);
            }
        }
        for member in self.members() {
            self.put_central(&mut headers, &member);
            if headers.len() >= 8 << 10 {
                flush(&mut total, &mut headers);
            }
        }
        self.put_end(&mut headers);
        flush(&mut total, &mut headers);
        Ok(total)
    }

    /// Shares the plan with the sources made from it.
    pub fn shared(self) -> Arc<Plan> {
        Arc::new(self)
    }
}

#[cfg(test)]
impl Member<'_> {
    /// Returns the length of the local header, in bytes.
    pub(super) fn local_len(&self) -> u64 {
        local_len(self.shape())
    }

    /// Returns the length of the central directory record, in bytes.
    pub(super) fn central_len(&self) -> u64 {
        central_len(self.shape(), self.offset)
    }
}

fn check_content(name: &str, kind: Kind, size: u64, crc32: u32) -> Result<()> {
    if size == 0 && crc32 != 0 {
        return Err(crc_of_nothing(name, crc32));
    }
    if kind == Kind::Folder && size != 0 {
        return Err(folder_with_content(name, size));
    }
    Ok(())
}

fn check_count(entries: usize, limits: &ArchiveLimits) -> Result<()> {
    if u64::try_from(entries).unwrap_or(u64::MAX) <= limits.max_entries {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        format!(
            "the archive has more than {} members; raise max_entries or make several",
            limits.max_entries
        ),
    ))
}

/// Returns the sum, if it is within the limit.
fn sum([a, b, c]: [u64; 3], limits: &ArchiveLimits) -> Result<u64> {
    let limit = limits.max_bytes.unwrap_or(u64::MAX);
    match a.checked_add(b).and_then(|sum| sum.checked_add(c)) {
        Some(total) if total <= limit => Ok(total),
        _ => Err(too_large(limit)),
    }
}

// Errors are made out of line, so that planning a member stays short enough to be inlined.

#[cold]
fn too_large(limit: u64) -> Error {
    let message = format!("the archive is larger than {limit} bytes; raise max_bytes or make several");
    Error::new(ErrorKind::TooLarge, message)
}

#[cold]
fn too_many_names() -> Error {
    Error::new(ErrorKind::TooLarge, "the names of an archive take at most 4 GiB; make several")
}

#[cold]
fn too_long(name_len: usize) -> Error {
    Error::bug(format!("a member name of {name_len} bytes"))
}

#[cold]
fn crc_of_nothing(name: &str, crc32: u32) -> Error {
    let shown = shown(name);
    Error::invalid(format!("the crc32 of the empty member {shown} must be 0, not {crc32:08x}"))
}

#[cold]
fn folder_with_content(name: &str, size: u64) -> Error {
    let shown = shown(name);
    Error::invalid(format!("the folder {shown} cannot have content ({size} bytes); name it a file"))
}

/// Returns `name` as it may stand in an error: escaped, and not without end.
pub(super) fn shown(name: &str) -> String {
    let start: String = name.chars().take(80).collect();
    let more = if start.len() < name.len() { "..." } else { "" };
    format!("\"{}{more}\"", start.escape_debug())
}
