//! The plan of an archive: every offset and length, computed from the member list alone.

use std::sync::Arc;

use super::header::{
    Packing, Shape, central_len, end_len, is_bare, local_len, put_central, put_end, put_local,
};
use super::member::{ArchiveLimits, Entry, Member};
use super::safe_name::PATH_MAX;
use super::unique_names::Names;
use crate::{Error, ErrorKind, Kind, Result};

/// Every how many records their places are remembered. A search among a million records misses the
/// cache at nearly every step; the samples are small enough to stay in it.
pub(super) const SAMPLE: usize = 16;
/// Bits of a word.
const WORD: usize = 64;

/// An archive as numbers: 41 bytes a member, plus the names.
#[derive(Debug)]
pub struct Plan {
    names: String,
    records: Vec<PlannedMember>,
    /// Where every 16th member starts, in bytes from the start of the archive.
    starts: Vec<u64>,
    /// Where its record starts, in bytes from the start of the central directory.
    central_starts: Vec<u64>,
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

#[derive(Clone, Copy, Debug)]
struct PlannedMember {
    offset: u64,
    size: u64,
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
        names.reserve(expected);
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
        let samples = members.div_ceil(SAMPLE);
        Plan {
            names: String::new(),
            records: Vec::with_capacity(members),
            starts: Vec::with_capacity(samples),
            central_starts: Vec::with_capacity(samples),
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
            return Err(Error::bug(format!("a member name of {name_len} bytes")));
        }
        let name = u32::try_from(start).map_err(|_| {
            Error::new(ErrorKind::TooLarge, "the names of an archive take at most 4 GiB; make several")
        })?;
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
        if index.is_multiple_of(SAMPLE) {
            self.starts.push(offset);
            self.central_starts.push(self.central_len);
        }
        self.records.push(PlannedMember { offset, size, content, modified, name, crc32 });
        let shape = Shape { name_len, size, modified, bare: index == 0 && self.bare };
        self.central_offset = sum([offset, local_len(shape), size], limits)?;
        self.central_len += central_len(shape, offset);
        sum([self.central_offset, self.central_len, 0], limits)?;
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
        #[cfg(test)]
        super::steps::step();
        let record = self.records.get(index)?;
        let start = usize::try_from(record.name).ok()?;
        let end = match self.records.get(index + 1) {
            Some(next) => usize::try_from(next.name).ok()?,
            None => self.names.len(),
        };
        let name = self.names.get(start..end)?;
        Some(Member {
            name,
            kind: if name.ends_with('/') { Kind::Folder } else { Kind::File },
            size: record.size,
            crc32: record.crc32,
            modified: record.modified,
            executable: self.executable.get(index / WORD).is_some_and(|bits| bits >> (index % WORD) & 1 == 1),
            content: record.content,
            offset: record.offset,
        })
    }

    /// Returns where the content of the member at `index` lies, without a look at its name.
    pub(super) fn run(&self, index: usize) -> Option<Run> {
        let record = self.records.get(index)?;
        let end = match self.records.get(index + 1) {
            Some(next) => u64::from(next.name),
            None => u64::try_from(self.names.len()).ok()?,
        };
        let header = local_len(Shape {
            name_len: end.checked_sub(u64::from(record.name))?,
            size: record.size,
            modified: record.modified,
            bare: index == 0 && self.bare,
        });
        Some(Run { start: record.offset + header, size: record.size, content: record.content })
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
            + (self.starts.capacity() + self.central_starts.capacity() + self.executable.capacity())
                * size_of::<u64>()
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
        let first = before(&self.starts, |start| *start <= offset).checked_sub(1)? * SAMPLE;
        let near = self.records.get(first..)?;
        let near = near.get(..SAMPLE).unwrap_or(near);
        Some(first + before(near, |record| record.offset <= offset).checked_sub(1)?)
    }

    /// Returns the index of the central directory record that holds the byte at `offset` of the
    /// central directory, and where the record starts.
    pub(super) fn central_at(&self, offset: u64) -> Option<(usize, u64)> {
        let sample = before(&self.central_starts, |start| *start <= offset).checked_sub(1)?;
        let mut start = *self.central_starts.get(sample)?;
        let mut index = sample * SAMPLE;
        loop {
            let next = start + self.member(index)?.central_len();
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
        let mut hasher = blake3::Hasher::new_derive_key("holdall stored zip, layout 3");
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

impl Member<'_> {
    /// Returns the length of the local header, in bytes.
    #[cfg(test)]
    pub(super) fn local_len(&self) -> u64 {
        local_len(self.shape())
    }

    /// Returns the length of the central directory record, in bytes.
    pub(super) fn central_len(&self) -> u64 {
        central_len(self.shape(), self.offset)
    }
}

/// Returns how many items of a sorted slice are before a place.
fn before<T>(items: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    items.partition_point(|item| {
        #[cfg(test)]
        super::steps::step();
        is_before(item)
    })
}

fn check_content(name: &str, kind: Kind, size: u64, crc32: u32) -> Result<()> {
    if size == 0 && crc32 != 0 {
        return Err(Error::invalid(format!(
            "the crc32 of the empty member {} must be 0, not {crc32:08x}",
            shown(name)
        )));
    }
    if kind == Kind::Folder && size != 0 {
        return Err(Error::invalid(format!(
            "the folder {} cannot have content ({size} bytes); name it a file",
            shown(name)
        )));
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
fn sum(parts: [u64; 3], limits: &ArchiveLimits) -> Result<u64> {
    let limit = limits.max_bytes.unwrap_or(u64::MAX);
    let total = parts.iter().try_fold(0u64, |total, part| total.checked_add(*part));
    total.filter(|total| *total <= limit).ok_or_else(|| {
        Error::new(
            ErrorKind::TooLarge,
            format!("the archive is larger than {limit} bytes; raise max_bytes or make several"),
        )
    })
}

/// Returns `name` as it may stand in an error: escaped, and not without end.
pub(super) fn shown(name: &str) -> String {
    let start: String = name.chars().take(80).collect();
    let more = if start.len() < name.len() { "..." } else { "" };
    format!("\"{}{more}\"", start.escape_debug())
}
