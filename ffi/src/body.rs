//! The C functions that read the body of a reply.

use std::ffi::c_void;
use std::os::fd::AsRawFd;

use holdall::body::{Body, Segment};

use crate::care::count;
use crate::pointer::{entry, handle};
use crate::sized::records;

/// Bytes of an exact length, readable at any offset any number of times.
pub struct holdall_body {
    _opaque: [u8; 0],
}

/// Keeps the bytes of a segment valid.
pub struct holdall_pin {
    _opaque: [u8; 0],
}

handle!(holdall_body: Body);
handle!(holdall_pin: Segment);

/// A contiguous run of a body: its bytes in memory and, if they are part of a file, their position there
/// for sendfile.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_segment {
    /// sizeof this
    pub size: usize,
    /// The bytes, valid until the pin is freed.
    pub data: *const c_void,
    /// How many there are, at least 1.
    pub len_bytes: usize,
    /// Their offset in the file.
    pub offset_bytes: u64,
    /// The file, open until the pin is freed; do not close it; -1 if there is none.
    pub fd: i32,
    /// Free it when the bytes are no longer needed.
    pub pin: *mut holdall_pin,
}

/// A run of a body as a range of a file.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_file_range {
    /// sizeof this
    pub size: usize,
    /// Where in the file it begins; the descriptor is there.
    pub offset_bytes: u64,
    /// Its bytes, at least 1.
    pub len_bytes: u64,
    /// A descriptor for reading, to be closed by the caller; -1 for a run that is in no file and to be read.
    pub fd: i32,
}

records!(
    holdall_segment { size, data, len_bytes, offset_bytes, fd, pin },
    holdall_file_range { size, offset_bytes, len_bytes, fd },
);

/// The exact length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_body_len(body: *const holdall_body, len_bytes: *mut u64) -> i32 {
    entry!(caller of body => {
        let out = caller.out("the output for the length", len_bytes)?;
        out.put(caller.get(body)?.len())
    })
}

/// Fills in the contiguous bytes at an offset: at least 1, at most `limit`. To read a whole body, add
/// each segment's length to the offset until it reaches the body's length. Codes: INVALID_ARGUMENT at or
/// past the end, or with a limit of 0; READ, after which the transfer must be aborted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_body_segment(
    body: *const holdall_body,
    offset_bytes: u64,
    limit_bytes: u64,
    segment: *mut holdall_segment,
) -> i32 {
    entry!(caller of body => {
        let out = caller.record(segment)?.whole()?;
        let found = caller.get(body)?.segment(offset_bytes, limit_bytes)?;
        let (data, len_bytes) = (found.data.as_ptr().cast(), found.data.len());
        let file = found.file.as_ref().map(|file| (file.offset, file.file.as_raw_fd()));
        let (offset_bytes, fd) = file.unwrap_or((0, -1));
        let pin = caller.hand::<holdall_pin>(found)?;
        out.put(holdall_segment { size: 0, data, len_bytes, offset_bytes, fd, pin })
    })
}

/// Fills in the run of bytes that begins at an offset as a range of a file, and reads or maps nothing of it.
/// The descriptor stands for itself: it is the caller's, who closes it, and it outlives every handle.
/// Codes: as holdall_body_segment; IO when the process has no descriptor left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_body_file(
    body: *const holdall_body,
    offset_bytes: u64,
    limit_bytes: u64,
    range: *mut holdall_file_range,
) -> i32 {
    entry!(caller of body => {
        let out = caller.record(range)?.whole()?;
        let body = caller.get(body)?;
        out.put(match body.file_range(offset_bytes, limit_bytes)? {
            Some((found, len_bytes)) => {
                let fd = caller.own_descriptor(&found.file, found.offset)?;
                holdall_file_range { size: 0, offset_bytes: found.offset, len_bytes, fd }
            }
            None => {
                let len_bytes = count(&body.segment(offset_bytes, limit_bytes)?.data);
                holdall_file_range { size: 0, offset_bytes: 0, len_bytes, fd: -1 }
            }
        })
    })
}

/// Copies bytes starting at an offset and returns their number: less than the buffer holds only at the
/// end, 0 at or past it. Codes: READ, which leaves the buffer undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_body_read(
    body: *const holdall_body,
    offset_bytes: u64,
    buffer: *mut c_void,
    buffer_len_bytes: usize,
    read_bytes: *mut usize,
) -> i32 {
    entry!(caller of body => {
        let out = caller.out("the output for the count", read_bytes)?;
        let room = caller.room("the buffer", buffer, buffer_len_bytes)?;
        out.put(caller.get(body)?.read_at(offset_bytes, room)?)
    })
}

/// Gives the bytes from `start` up to and without `end` as a body. Codes: INVALID_ARGUMENT for what is no range of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_body_slice(
    body: *const holdall_body,
    start_bytes: u64,
    end_bytes: u64,
    slice: *mut *mut holdall_body,
) -> i32 {
    entry!(caller of body => {
        let out = caller.out("the output for the slice", slice)?;
        out.hand(caller.get(body)?.slice(start_bytes..end_bytes)?)
    })
}
