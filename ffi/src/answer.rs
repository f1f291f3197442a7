//! Serving in one call, for languages to which pointers in structs and callbacks are foreign.

use std::ffi::{c_char, c_void};

use holdall::body::Body;
use holdall::{Error, Reply, Request, Result};

use crate::body::holdall_body;
use crate::code;
use crate::lines::{fill, fill_cut};
use crate::pointer::{Caller, entry};
use crate::reply::{address, lossy};
use crate::sized::records;
use crate::store::holdall_store;

/// No body is sent.
pub const HOLDALL_BODY_NONE: i32 = 0;
/// All of it is at `data`: at most 64 KiB.
pub const HOLDALL_BODY_MEMORY: i32 = 1;
/// It is one range of a file, which holdall_body_file gives in one piece.
pub const HOLDALL_BODY_FILE: i32 = 2;
/// It is made of several pieces.
pub const HOLDALL_BODY_PIECES: i32 = 3;

/// Bodies of at most so many bytes are given in memory.
const SMALL: u64 = 64 << 10;

/// A whole reply. Only `body` is to be freed.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_answer {
    /// sizeof this
    pub size: usize,
    /// The HTTP status.
    pub status: u32,
    /// HOLDALL_BODY_*.
    pub kind: i32,
    /// The length of the body; for HEAD 0.
    pub len_bytes: u64,
    /// For HOLDALL_BODY_MEMORY the bytes, valid until `body` is freed; otherwise NULL.
    pub data: *const c_void,
    /// The body, to be freed; NULL for HOLDALL_BODY_NONE.
    pub body: *mut holdall_body,
    /// The rate limit; 0 is unlimited.
    pub pace_bytes_per_s: u64,
    /// What the host must know of, such as HOLDALL_IO, with a sentence in `error`; else HOLDALL_OK.
    pub code: i32,
    /// For its log.
    pub error: [c_char; 1024],
    /// The headers, Content-Length among them: "Name: value" and CR LF each.
    pub headers: [c_char; 8192],
}

records!(holdall_answer {
    size,
    status,
    kind,
    len_bytes,
    data,
    body,
    pace_bytes_per_s,
    code,
    error,
    headers
},);

/// Answers as holdall_serve does, in one call and with one thing to free. The headers of the request are a text of
/// lines, "Range: bytes=0-9" say; the client's address may be NULL. What holdall_serve gives as a code is an answer too.
/// Codes: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_serve_text(
    store: *const holdall_store,
    method: *const c_char,
    method_len_bytes: usize,
    target: *const c_char,
    target_len_bytes: usize,
    headers: *const c_char,
    headers_len_bytes: usize,
    client: *const c_char,
    client_len_bytes: usize,
    answer: *mut holdall_answer,
) -> i32 {
    entry!(caller of store => {
        let out = caller.record(answer)?.whole()?;
        let store = caller.get(store)?;
        let method = lossy(caller, "the method", method, method_len_bytes)?;
        let target = lossy(caller, "the target", target, target_len_bytes)?;
        let lines = lossy(caller, "the headers", headers, headers_len_bytes)?;
        let mut request = Request::new(&method, &target);
        request.headers = lines.lines().filter_map(|line| line.split_once(':')).map(trimmed).collect();
        request.client = address(caller, client, client_len_bytes)?;
        let made = store.serve(&request).and_then(|reply| tell(caller, reply, None));
        out.put(made.or_else(|error| tell(caller, Reply::from_error(&error), Some(&error)))?)
    })
}

fn trimmed<'a>((name, value): (&'a str, &'a str)) -> (&'a str, &'a str) {
    (name.trim(), value.trim())
}

/// Fills in an answer, and reads what is small of its body.
fn tell(caller: &Caller, reply: Reply, error: Option<&Error>) -> Result<holdall_answer> {
    let (kind, body) = kind_of(&reply.body)?;
    let mut headers = String::with_capacity(1024);
    for (name, value) in &reply.headers {
        headers.extend([*name, ": ", value, "\r\n"]);
    }
    let mut answer = holdall_answer {
        size: 0,
        status: u32::from(reply.status),
        kind,
        len_bytes: reply.body.len(),
        data: std::ptr::null(),
        body: std::ptr::null_mut(),
        pace_bytes_per_s: reply.pace.unwrap_or(0),
        code: error.map_or(code::HOLDALL_OK, code::code),
        error: error.map_or([0; 1024], |error| fill_cut(&error.to_string())),
        headers: fill(&headers)?,
    };
    if kind == HOLDALL_BODY_MEMORY {
        // The handle keeps these bytes where they are.
        answer.data = body.segment(0, body.len())?.data.as_ptr().cast();
    }
    if kind != HOLDALL_BODY_NONE {
        answer.body = caller.hand::<holdall_body>(body)?;
    }
    Ok(answer)
}

/// Tells how a body is best sent; what is small is read.
fn kind_of(body: &Body) -> Result<(i32, Body)> {
    if body.is_empty() {
        return Ok((HOLDALL_BODY_NONE, body.clone()));
    }
    if body.len() <= SMALL {
        return Ok((HOLDALL_BODY_MEMORY, Body::from_bytes(body.to_vec(SMALL)?)));
    }
    let range = body.file_range(0, body.len())?;
    let whole = range.is_some_and(|(_, len)| len == body.len());
    Ok((if whole { HOLDALL_BODY_FILE } else { HOLDALL_BODY_PIECES }, body.clone()))
}
