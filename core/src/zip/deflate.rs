//! The deflated archive: smaller, streamed, with no length ahead and no resume.

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::header::{MARK32, Packing, put_central, put_descriptor, put_end, put_local_deflated};
use super::member::Member;
use super::plan::{Plan, shown};
use super::source::{Contents, content};
use crate::{Error, Kind, Result};

/// Content of this many bytes and fewer than 4 GiB is stored, because deflate can make it longer, by 5 bytes in
/// every 16,383 at the very worst: then it is not known, before its data descriptor, whether the lengths in it
/// have 4 bytes or 8.
const LARGE: u64 = 0xFFE0_0000;

/// Bytes of content asked for at a time.
const RUN: u64 = 1 << 20;
/// Bytes of deflated content, or of headers, that are written at once.
const BLOCK: usize = 64 << 10;

/// Writes the planned members to `out` as a deflated zip, with the same names and headers as the stored one.
///
/// The length of what is deflated stands behind it (data descriptors, 4.3.9), because `out` cannot be
/// sought. Stored are folders, empty files, the file `mimetype` if it is the first member, and content of
/// 0xFFE00000 to 0xFFFFFFFF bytes. Every content is checked against the plan as it is read. After any error,
/// nothing more is written: what `out` has got then is never a complete zip.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if a content is shorter than planned or has another
/// CRC-32; [`ErrorKind::Io`](crate::ErrorKind::Io) if `out` refuses a write; whatever `contents` returns.
pub fn write_deflated(plan: &Plan, contents: &impl Contents, out: &mut impl Write) -> Result<()> {
    let mut out = CountedOutput { out, written: 0 };
    let mut deflater = Deflater::new();
    let mut members = Vec::new();
    for (index, member) in plan.members().enumerate() {
        let offset = out.written;
        let packing = match is_stored(plan, index, &member) {
            true => write_stored(&mut out, (plan, contents), (index, &member))?,
            false => write_member(&mut out, &mut deflater, (plan, contents), (index, &member))?,
        };
        members.push((offset, packing));
    }
    let central_offset = out.written;
    let mut headers = Vec::with_capacity(2 * BLOCK);
    for (member, (offset, packing)) in plan.members().zip(&members) {
        put_central(&mut headers, &Member { offset: *offset, ..member }, *packing, plan.utc_offset());
        if headers.len() >= BLOCK {
            out.write(&headers)?;
            headers.clear();
        }
    }
    out.write(&headers)?;
    headers.clear();
    put_end(&mut headers, plan.entries(), central_offset, out.written - central_offset);
    out.write(&headers)?;
    out.out.flush().map_err(write_error)
}

pub(super) fn is_stored(plan: &Plan, index: usize, member: &Member<'_>) -> bool {
    let uncertain = (LARGE..=MARK32).contains(&member.size);
    member.kind == Kind::Folder || member.size == 0 || uncertain || plan.is_bare(index)
}

fn write_stored<W: Write>(
    out: &mut CountedOutput<'_, W>,
    (plan, contents): (&Plan, &impl Contents),
    (index, member): (usize, &Member<'_>),
) -> Result<Packing> {
    let mut header = Vec::with_capacity(128);
    plan.put_local(&mut header, &Member { offset: out.written, ..*member });
    out.write(&header)?;
    read(plan, contents, index, member, |run| out.write(run))?;
    Ok(Packing::Stored)
}

fn write_member<W: Write>(
    out: &mut CountedOutput<'_, W>,
    deflater: &mut Deflater,
    (plan, contents): (&Plan, &impl Contents),
    (index, member): (usize, &Member<'_>),
) -> Result<Packing> {
    let mut header = Vec::with_capacity(128);
    put_local_deflated(&mut header, &Member { offset: out.written, ..*member }, plan.utc_offset());
    out.write(&header)?;
    let start = out.written;
    deflater.compress.reset();
    read(plan, contents, index, member, |run| deflater.push(run, FlushCompress::None, out))?;
    deflater.push(&[], FlushCompress::Finish, out)?;
    let len = out.written - start;
    header.clear();
    put_descriptor(&mut header, member, len);
    out.write(&header)?;
    Ok(Packing::Deflated(len))
}

/// Reads the content of a member, and refuses one that is not as it was planned.
fn read(
    plan: &Plan,
    contents: &impl Contents,
    index: usize,
    member: &Member<'_>,
    mut visit: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut crc = crc32fast::Hasher::new();
    let mut offset = 0;
    while offset < member.size {
        let run = content(contents, plan, index, offset, RUN)?.data;
        crc.update(&run);
        visit(&run)?;
        offset += u64::try_from(run.len()).unwrap_or(u64::MAX);
    }
    let crc32 = crc.finalize();
    if crc32 != member.crc32 {
        return Err(Error::corrupt(format!(
            "the content of the member {} has crc32 {crc32:08x}, not {:08x}; check the store",
            shown(member.name),
            member.crc32
        )));
    }
    Ok(())
}

/// Deflates one content after the other.
struct Deflater {
    compress: Compress,
    buffer: Vec<u8>,
}

impl Deflater {
    fn new() -> Deflater {
        Deflater { compress: Compress::new(Compression::default(), false), buffer: Vec::with_capacity(BLOCK) }
    }

    fn push<W: Write>(
        &mut self,
        mut input: &[u8],
        flush: FlushCompress,
        out: &mut CountedOutput<'_, W>,
    ) -> Result<()> {
        loop {
            let before = self.compress.total_in();
            let status = self
                .compress
                .compress_vec(input, &mut self.buffer, flush)
                .map_err(|error| Error::bug(format!("deflating: {error}")))?;
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(usize::MAX);
            input = input.get(taken..).unwrap_or_default();
            let ended = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => input.is_empty(),
            };
            if !ended || flush == FlushCompress::Finish {
                out.write(&self.buffer)?;
                self.buffer.clear();
            }
            if ended {
                return Ok(());
            }
        }
    }
}

/// Counts what is written.
struct CountedOutput<'a, W> {
    out: &'a mut W,
    written: u64,
}

impl<W: Write> CountedOutput<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(write_error)?;
        self.written += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn write_error(error: std::io::Error) -> Error {
    Error::io("writing the archive", error)
}
