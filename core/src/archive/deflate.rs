//! The deflated archive: smaller, streamed, with no length ahead and no resume.

use std::cell::Cell;
use std::io::{self, Write};

use zip::result::ZipError;
use zip::write::{FullFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::header::{dos_time, extended};
use super::plan::{Kind, Member, Plan, shown};
use super::rope::{Contents, content};
use crate::{Error, Result};

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
    let shut = Cell::new(false);
    let mut zip = ZipWriter::new_stream(Gate { out, shut: &shut });
    for member in plan.members() {
        if let Err(error) = write_member(&mut zip, contents, &member) {
            // Dropping the writer would end the archive as though it were whole.
            shut.set(true);
            return Err(error);
        }
    }
    match zip.finish() {
        Ok(stream) => stream.into_inner().flush().map_err(|error| Error::io("writing the archive", error)),
        Err(error) => {
            shut.set(true);
            Err(zip_error(error))
        }
    }
}

fn write_member<W: Write + io::Seek>(
    zip: &mut ZipWriter<W>,
    contents: &impl Contents,
    member: &Member<'_>,
) -> Result<()> {
    let options = options(member)?;
    if member.kind == Kind::Folder {
        return zip.add_directory(member.name, options.unix_permissions(0o755)).map_err(zip_error);
    }
    zip.start_file(member.name, options.unix_permissions(0o644)).map_err(zip_error)?;
    let mut crc = crc32fast::Hasher::new();
    let mut offset = 0;
    while offset < member.size {
        let run = content(contents, member, offset, RUN.min(member.size - offset))?.data;
        crc.update(&run);
        zip.write_all(&run).map_err(|error| Error::io("writing the archive", error))?;
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
    let time = DateTime::try_from_msdos(u16::from_le_bytes([date0, date1]), u16::from_le_bytes([time0, time1]))
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
        ZipError::Io(error) => Error::io("writing the archive", error),
        other => Error::bug(format!("writing the archive: {other}")),
    }
}

/// A writer that can be shut: from then on it takes bytes and passes none on.
struct Gate<'a, W> {
    out: &'a mut W,
    shut: &'a Cell<bool>,
}

impl<W: Write> Write for Gate<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shut.get() {
            return Ok(bytes.len());
        }
        // A writer that failed once is not to be asked again while the zip is being dropped.
        self.out.write(bytes).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.shut.set(true);
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.shut.get() { Ok(()) } else { self.out.flush() }
    }
}
