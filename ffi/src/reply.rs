//! Serving: a request in, a reply out.

use std::borrow::Cow;
use std::ffi::c_char;
use std::net::IpAddr;

use holdall::body::Body;
use holdall::http::Disposition;
use holdall::{Error, ErrorKind, Reply, Request, Result, Time};

use crate::body::holdall_body;
use crate::code::kind;
use crate::lines::{Lines, fill, fill_cut, holdall_header};
use crate::pointer::{Caller, entry, handle};
use crate::sized::records;
use crate::store::holdall_store;

/// What to send: a status, headers and a body of known length.
pub struct holdall_reply {
    _opaque: [u8; 0],
}

handle!(holdall_reply: Answer);

/// A reply, with its headers as C reads them.
pub(crate) struct Answer {
    status: u16,
    headers: Lines,
    body: Body,
    pace: Option<u64>,
}

/// A request for a URL of a store, or an API call. Bytes that are not UTF-8 are not an error; they match
/// nothing.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_request {
    /// sizeof this
    pub size: usize,
    /// The method in upper case.
    pub method: *const c_char,
    /// Its length.
    pub method_len_bytes: usize,
    /// The URL as it came, whole or from its path on.
    pub target: *const c_char,
    /// Its length.
    pub target_len_bytes: usize,
    /// All there are. For a URL: Range, If-*, Origin. Names in any case.
    pub headers: *const holdall_header,
    /// How many there are.
    pub header_count: usize,
    /// Its address, such as "192.0.2.1"; NULL if not known.
    pub client: *const c_char,
    /// Its length.
    pub client_len_bytes: usize,
    /// When the request arrived; NULL is now.
    pub now_unix_us: *const i64,
}

/// Save as a file.
pub const HOLDALL_ATTACHMENT: i32 = 0;
/// Show in the browser.
pub const HOLDALL_INLINE: i32 = 1;

/// What a verified URL permits.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_grant {
    /// sizeof this
    pub size: usize,
    /// Length of the content.
    pub len_bytes: u64,
    /// The rate limit in the URL; 0 is unlimited.
    pub pace_bytes_per_s: u64,
    /// HOLDALL_ATTACHMENT or HOLDALL_INLINE.
    pub disposition: i32,
    /// The entity tag of a reply, without quotes.
    pub etag: [c_char; 256],
    /// The name to save it under.
    pub name: [c_char; 256],
    /// The media type of a reply.
    pub media_type: [c_char; 256],
}

records!(
    holdall_request {
        size,
        method,
        method_len_bytes,
        target,
        target_len_bytes,
        headers,
        header_count,
        client,
        client_len_bytes,
        now_unix_us
    },
    holdall_grant { size, len_bytes, pace_bytes_per_s, disposition, etag, name, media_type },
);

/// What of a request is not UTF-8 is replaced; no URL or entity tag of a store looks so.
pub(crate) fn lossy<'a>(
    caller: &'a Caller,
    what: &str,
    data: *const c_char,
    len: usize,
) -> Result<Cow<'a, str>> {
    Ok(String::from_utf8_lossy(caller.array(what, data.cast::<u8>(), len)?))
}

/// Reads a request and does something with it.
pub(crate) fn request<T>(
    caller: &Caller,
    given: *const holdall_request,
    act: impl FnOnce(&Request<'_>) -> Result<T>,
) -> Result<T> {
    if given.is_null() {
        return Err(Error::new(ErrorKind::InvalidArgument, "the request is NULL"));
    }
    let given = caller.options(given)?;
    let method = lossy(caller, "the method", given.method, given.method_len_bytes)?;
    let target = lossy(caller, "the target", given.target, given.target_len_bytes)?;
    let mut headers = Vec::new();
    for header in caller.array("the headers", given.headers, given.header_count)? {
        headers.push((
            lossy(caller, "the name of a header", header.name, header.name_len_bytes)?,
            lossy(caller, "the value of a header", header.value, header.value_len_bytes)?,
        ));
    }
    let mut request = Request::new(&method, &target);
    request.headers = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    request.client = address(caller, given.client, given.client_len_bytes)?;
    if let Some(now) = caller.value("the time of the request", given.now_unix_us)? {
        request.now = Time(now);
    }
    act(&request)
}

/// Reads the address of a client; NULL is none.
pub(crate) fn address(caller: &Caller, client: *const c_char, len: usize) -> Result<Option<IpAddr>> {
    let client = caller.optional("the client's address", client, len)?;
    let wrong = |client: &str| {
        Error::new(ErrorKind::InvalidArgument, format!("'{}' is not an IP address", client.escape_debug()))
    };
    client.map(|client| client.parse().map_err(|_| wrong(client))).transpose()
}

/// Makes a reply one that C can read.
pub(crate) fn answer(reply: Reply) -> Answer {
    Answer { status: reply.status, headers: Lines::new(reply.headers), body: reply.body, pace: reply.pace }
}

/// Answers a request for a URL of the store. A bad request or URL gives a reply, too, to be sent like any
/// other. Only errors that concern the host are codes; holdall_reply_of_code turns them into replies.
/// Codes: WRITE; INVALID_ARGUMENT for a client that is not an address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_serve(
    store: *const holdall_store,
    request: *const holdall_request,
    reply: *mut *mut holdall_reply,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the reply", reply)?;
        let store = caller.get(store)?;
        out.hand(answer(self::request(caller, request, |request| store.serve(request))?))
    })
}

/// Fills in what a URL permits; nothing is counted. Codes: as holdall_serve; DENIED, EXPIRED, NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_verify(
    store: *const holdall_store,
    request: *const holdall_request,
    grant: *mut holdall_grant,
) -> i32 {
    entry!(caller of store => {
        let out = caller.record(grant)?;
        let store = caller.get(store)?;
        let found = self::request(caller, request, |request| store.verify(request))?;
        out.put(holdall_grant {
            size: 0,
            len_bytes: found.len,
            pace_bytes_per_s: found.pace.unwrap_or(0),
            disposition: match found.disposition {
                Disposition::Attachment => HOLDALL_ATTACHMENT,
                Disposition::Inline => HOLDALL_INLINE,
            },
            etag: fill(&found.etag)?,
            // A name in a URL of another system may be longer than any of a store's.
            name: fill_cut(&found.name),
            media_type: fill(&found.media_type)?,
        })
    })
}

/// Makes the reply that reports a code to a client in a short text. Codes: INVALID_ARGUMENT for
/// OK or an unknown code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_reply_of_code(code: i32, reply: *mut *mut holdall_reply) -> i32 {
    entry!(caller => {
        let out = caller.out("the output for the reply", reply)?;
        let wrong = || Error::new(ErrorKind::InvalidArgument, format!("{code} is not an error code"));
        let kind = kind(code).ok_or_else(wrong)?;
        out.hand(answer(Reply::from_error(&Error::new(kind, "the host gave this kind"))))
    })
}

/// The HTTP status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_reply_status(reply: *const holdall_reply, status: *mut u32) -> i32 {
    entry!(caller of reply => {
        let out = caller.out("the output for the status", status)?;
        out.put(u32::from(caller.get(reply)?.status))
    })
}

/// Returns the headers, including Content-Length, in the order to send them; visible ASCII, each text
/// NUL-terminated. The array is valid until the reply is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_reply_headers(
    reply: *const holdall_reply,
    headers: *mut *const holdall_header,
    count: *mut usize,
) -> i32 {
    entry!(caller of reply => {
        let out = caller.out("the output for the headers", headers)?;
        let second = caller.out("the output for the count", count)?;
        let answer = caller.get(reply)?;
        out.put(answer.headers.pairs().as_ptr())?;
        second.put(answer.headers.pairs().len())
    })
}

/// Returns the body, which is freed separately; it outlives the reply and the store. It is empty for
/// HEAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_reply_body(
    reply: *const holdall_reply,
    body: *mut *mut holdall_body,
) -> i32 {
    entry!(caller of reply => {
        let out = caller.out("the output for the body", body)?;
        out.hand(caller.get(reply)?.body.clone())
    })
}

/// The rate limit; 0 is unlimited.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_reply_pace(reply: *const holdall_reply, bytes_per_s: *mut u64) -> i32 {
    entry!(caller of reply => {
        let out = caller.out("the output for the pace", bytes_per_s)?;
        out.put(caller.get(reply)?.pace.unwrap_or(0))
    })
}
