//! The deflated archive: smaller, streamed, with no length ahead and no resume.

use std::cell::RefCell;
use std::io::{self, Write};

use ::zip::result::ZipError;
use ::zip::write::{FullFileOptions, ZipWriter};
use ::zip::{CompressionMethod, DateTime};

use super::header::{dos_time, extended};
use super::member::Member;
use super::plan::{Plan, shown};
use super::source::{Contents, content};
use crate::{Error, Kind, Result};

/// Content of this many bytes gets zip64 fields, because deflate can make it longer: by 5 bytes in
/// every 16,383 at the very worst.
const LARGE: u64 = 0xFFF0_0000;

/// Bytes of content asked for at a time.
const RUN: u64 = 1 << 20;

/// Writes the planned members to `out` as a deflated zip, with the same names as the stored one.
///
/// Lengths and checksums stand behind each content (data descriptors, 4.3.9), because `out` cannot be
/// sought. Every content is checked against the plan as it is read. After any error, nothing more
/// is written: what `out` has got then is never a complete zip.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if a content is shorter than planned or has another
/// CRC-32; [`ErrorKind::Io`](crate::ErrorKind::Io) if `out` refuses a write; whatever `contents` returns.
pub fn write_deflated(plan: &Plan, contents: &impl Contents, out: &mut impl Write) -> Result<()> {
    let fault = RefCell::new(None);
    let mut zip = ZipWriter::new_stream(Gate { out, fault: &fault });
    for (index, member) in plan.members().enumerate() {
        if let Err(error) = write_member(&mut zip, (plan, contents), (index, &member), &fault) {
            // Dropping the writer ends the archive as though it were whole: let that go nowhere.
            fault.replace(Some(io::Error::other("shut")));
            return Err(error);
        }
    }
    let mut gate = zip.finish().map_err(zip_error)?.into_inner();
    gate.flush().map_err(write_error)?;
    check(&fault)
}

fn write_member<W: Write + io::Seek>(
    zip: &mut ZipWriter<W>,
    (plan, contents): (&Plan, &impl Contents),
    (index, member): (usize, &Member<'_>),
    fault: &RefCell<Option<io::Error>>,
) -> Result<()> {
    let options = options(member)?;
    if member.kind == Kind::Folder {
        zip.add_directory(member.name, options.unix_permissions(0o755)).map_err(zip_error)?;
        return check(fault);
    }
    zip.start_file(member.name, options.unix_permissions(0o644)).map_err(zip_error)?;
    check(fault)?;
    let mut crc = crc32fast::Hasher::new();
    let mut offset = 0;
    while offset < member.size {
        let run = content(contents, plan, index, offset, RUN)?.data;
        crc.update(&run);
        zip.write_all(&run).map_err(write_error)?;
        check(fault)?;
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

fn options(member: &Member<'_>) -> Result<FullFileOptions<'static, 'static>> {
    let dos = dos_time(member.modified).to_le_bytes();
    let [time0, time1, date0, date1] = dos;
    let time =
        DateTime::try_from_msdos(u16::from_le_bytes([date0, date1]), u16::from_le_bytes([time0, time1]))
            .map_err(|error| Error::bug(format!("a dos time out of range: {error}")))?;
    let mut options = FullFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(time)
        .large_file(member.size >= LARGE);
    if let Some(seconds) = extended(member.modified) {
        let mut field = vec![1];
        field.extend_from_slice(&seconds.to_le_bytes());
        options.add_extra_field(0x5455, field, false).map_err(zip_error)?;
    }
    Ok(options)
}

fn zip_error(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => write_error(error),
        other => Error::bug(format!("writing the archive: {other}")),
    }
}

fn write_error(error: io::Error) -> Error {
    Error::io("writing the archive", error)
}

/// Returns the first error of the writer, if it had one.
fn check(fault: &RefCell<Option<io::Error>>) -> Result<()> {
    fault.take().map_or(Ok(()), |error| {
        fault.replace(Some(io::Error::other("shut")));
        Err(write_error(error))
    })
}

/// A writer that keeps its first error to itself and from then on takes bytes and passes none on.
///
/// The zip writer must not see an error: it would try to go back and mend the archive, and complain on
/// the standard error stream when it is dropped.
struct Gate<'a, W> {
    out: &'a mut W,
    fault: &'a RefCell<Option<io::Error>>,
}

impl<W: Write> Gate<'_, W> {
    fn pass(&mut self, work: impl FnOnce(&mut W) -> io::Result<()>) {
        let mut fault = self.fault.borrow_mut();
        if fault.is_none() {
            *fault = work(self.out).err();
        }
    }
}

impl<W: Write> Write for Gate<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pass(|out| out.write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(W::flush);
        Ok(())
    }
}
