//! The wire formats of Cloudreve v4 and of PDS.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use holdall::{Api, Limits, RapidUploads, Result, ShareId};

use crate::archive::holdall_string;
use crate::callback::holdall_source;
use crate::code::c_text;
use crate::pointer::{Caller, entry, handle};
use crate::reply::{answer, holdall_reply, holdall_request, lossy, request};
use crate::sized::records;
use crate::store::holdall_store;
use crate::text::holdall_text;

/// Answers calls of Cloudreve v4 and PDS; keeps its store open.
pub struct holdall_api {
    _opaque: [u8; 0],
}

handle!(holdall_api: Api);

/// A direct link serves the content itself instead of redirecting to a signed URL.
pub const HOLDALL_API_DIRECT: u32 = 1;
/// Replies say what went wrong internally.
pub const HOLDALL_API_DEBUG: u32 = 2;

/// PDS rapid upload is off: content is always sent.
pub const HOLDALL_API_NO_RAPID: u32 = 4;
/// Rapid upload also finds content of other drives, with a holdall-1 proof.
pub const HOLDALL_API_RAPID_ACROSS: u32 = 8;

/// Options for answering calls. 0 or NULL selects the default. Times and counts apply to Cloudreve's
/// calls.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_api_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_API_* combined with |.
    pub flags: u32,
    /// The most URIs of one call: 3,000 by default.
    pub max_batched_files: u32,
    /// The path under which the host serves them, such as "/files".
    pub prefix: *const c_char,
    /// Its length.
    pub prefix_len_bytes: usize,
    /// The base of URLs, such as "https://files.example".
    pub site: *const c_char,
    /// Its length.
    pub site_len_bytes: usize,
    /// Other bases that a request may name.
    pub secondary_sites: *const holdall_string,
    /// How many there are.
    pub secondary_site_count: usize,
    /// The base of URLs in the host's own network.
    pub internal_base: *const c_char,
    /// Its length.
    pub internal_base_len_bytes: usize,
    /// The base of URLs on a content delivery network.
    pub cdn_base: *const c_char,
    /// Its length.
    pub cdn_base_len_bytes: usize,
    /// The longest lifetime of a URL: 1 hour by default.
    pub url_life_s: u64,
    /// The least lifetime left when a URL is issued: a sixth by default.
    pub url_margin_s: u64,
    /// The lifetime of an archive: 10 minutes by default.
    pub archive_life_s: u64,
    /// How long caches may keep content: 1 day by default.
    pub max_age_s: u64,
    /// Where the host shows a share, with {uri} for its URI: /s/<id> and /s/<id>/<password> lead there.
    pub share_page: *const c_char,
    /// Its length.
    pub share_page_len_bytes: usize,
}

/// Has an administrator's rights, and may create 1,000 links.
pub const HOLDALL_CALLER_ADMINISTRATOR: u32 = 1;
/// May not create zips of several files.
pub const HOLDALL_CALLER_NO_ARCHIVE: u32 = 2;
/// May not download from shares of others.
pub const HOLDALL_CALLER_NO_SHARES: u32 = 4;
/// May not create direct links.
pub const HOLDALL_CALLER_NO_LINKS: u32 = 8;
/// Always gets a new direct link, even if an equal one exists.
pub const HOLDALL_CALLER_NEW_LINKS: u32 = 16;
/// May create zips though anonymous: they take space in the store.
pub const HOLDALL_CALLER_ARCHIVE: u32 = 32;

/// The caller, as the host has authenticated it; nothing else is trusted. NULL is an anonymous caller.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_caller {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_CALLER_* combined with |.
    pub flags: u32,
    /// Direct links that one call may create: 10 by default, none for an anonymous caller.
    pub max_links: u32,
    /// The name of the caller's drive; NULL for an anonymous caller.
    pub drive: *const c_char,
    /// Its length.
    pub drive_len_bytes: usize,
    /// The access token that the caller sent, for proofs of content.
    pub token: *const c_char,
    /// Its length.
    pub token_len_bytes: usize,
    /// The caller's rate limit; 0 is unlimited.
    pub pace_bytes_per_s: u64,
}

records!(
    holdall_api_options {
        size,
        flags,
        max_batched_files,
        prefix,
        prefix_len_bytes,
        site,
        site_len_bytes,
        secondary_sites,
        secondary_site_count,
        internal_base,
        internal_base_len_bytes,
        cdn_base,
        cdn_base_len_bytes,
        url_life_s,
        url_margin_s,
        archive_life_s,
        max_age_s,
        share_page,
        share_page_len_bytes
    },
    holdall_caller {
        size,
        flags,
        max_links,
        drive,
        drive_len_bytes,
        token,
        token_len_bytes,
        pace_bytes_per_s
    },
);

/// Sets one of the bases of URLs, or the prefix.
type Setter = fn(Api, &str) -> Result<Api>;

/// Mounts the formats as the options say.
fn mount(caller: &Caller, api: Api, given: *const holdall_api_options) -> Result<Api> {
    let given = caller.options(given)?;
    let known = HOLDALL_API_DIRECT | HOLDALL_API_DEBUG | HOLDALL_API_NO_RAPID | HOLDALL_API_RAPID_ACROSS;
    let flags = caller.flags(given.flags, known)?;
    let rapid = match flags {
        _ if flags & HOLDALL_API_NO_RAPID != 0 => RapidUploads::Off,
        _ if flags & HOLDALL_API_RAPID_ACROSS != 0 => RapidUploads::Store,
        _ => RapidUploads::Drive,
    };
    let mut api = api
        .redirect_links(flags & HOLDALL_API_DIRECT == 0)
        .debug(flags & HOLDALL_API_DEBUG != 0)
        .rapid_uploads(rapid);
    let texts: [(&str, *const c_char, usize, Setter); 5] = [
        ("the prefix", given.prefix, given.prefix_len_bytes, Api::prefix),
        ("the site", given.site, given.site_len_bytes, Api::site),
        ("the internal base", given.internal_base, given.internal_base_len_bytes, Api::internal_base),
        ("the base of the content network", given.cdn_base, given.cdn_base_len_bytes, Api::cdn_base),
        ("the page of shares", given.share_page, given.share_page_len_bytes, Api::share_page),
    ];
    for (what, text, len, set) in texts {
        if let Some(text) = caller.optional(what, text, len)? {
            api = set(api, text)?;
        }
    }
    for site in caller.array("the secondary sites", given.secondary_sites, given.secondary_site_count)? {
        api = api.secondary_site(caller.text("a secondary site", site.data, site.len_bytes)?)?;
    }
    if given.url_life_s != 0 || given.url_margin_s != 0 {
        let life = if given.url_life_s == 0 { 3600 } else { given.url_life_s };
        let margin = if given.url_margin_s == 0 { (life / 6).max(1) } else { given.url_margin_s };
        api = api.url_life(Duration::from_secs(life), Duration::from_secs(margin))?;
    }
    if given.archive_life_s != 0 {
        api = api.archive_life(Duration::from_secs(given.archive_life_s));
    }
    if given.max_age_s != 0 {
        api = api.max_age(Duration::from_secs(given.max_age_s));
    }
    if let Some(most) = usize::try_from(given.max_batched_files).ok().filter(|most| *most != 0) {
        api = api.max_batched_file(most);
    }
    Ok(api)
}

/// Reads who calls.
fn who(caller: &Caller, given: *const holdall_caller) -> Result<holdall::Caller> {
    let given = caller.options(given)?;
    let known = HOLDALL_CALLER_ADMINISTRATOR
        | HOLDALL_CALLER_NO_ARCHIVE
        | HOLDALL_CALLER_NO_SHARES
        | HOLDALL_CALLER_NO_LINKS
        | HOLDALL_CALLER_NEW_LINKS
        | HOLDALL_CALLER_ARCHIVE;
    let flags = caller.flags(given.flags, known)?;
    let drive = caller.optional("the caller's drive", given.drive, given.drive_len_bytes)?;
    let is_known = drive.is_some() || flags & HOLDALL_CALLER_ADMINISTRATOR != 0;
    let archive = is_known || flags & HOLDALL_CALLER_ARCHIVE != 0;
    let mut limits = Limits::new()
        .speed(given.pace_bytes_per_s)
        .archive(archive && flags & HOLDALL_CALLER_NO_ARCHIVE == 0)
        .share_download(flags & HOLDALL_CALLER_NO_SHARES == 0)
        .unique_links(flags & HOLDALL_CALLER_NEW_LINKS != 0);
    let mut who = match drive {
        Some(drive) => holdall::Caller::of(drive),
        None => holdall::Caller::anonymous(),
    };
    let chosen = match given.max_links {
        _ if flags & HOLDALL_CALLER_NO_LINKS != 0 => Some(0),
        0 => None,
        links => Some(links),
    };
    if drive.is_none() {
        limits = limits.links(0);
    }
    who = who.limits(limits.clone());
    if flags & HOLDALL_CALLER_ADMINISTRATOR != 0 {
        who = who.administrator();
    }
    if let Some(links) = chosen {
        who = who.limits(limits.links(links));
    }
    // An empty token is none: what is proven with it is proven to anybody.
    let token = caller.optional("the caller's token", given.token, given.token_len_bytes)?;
    if let Some(token) = token.filter(|token| !token.is_empty()) {
        who = who.token(token);
    }
    Ok(who)
}

/// Creates a handle that answers calls of Cloudreve v4 and PDS. Codes: INVALID_ARGUMENT for an invalid
/// option.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_api_new(
    store: *const holdall_store,
    options: *const holdall_api_options,
    api: *mut *mut holdall_api,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the api", api)?;
        out.hand(mount(caller, Api::new(&*caller.get(store)?), options)?)
    })
}

/// Answers a call, or a request for a URL that a call issued, as holdall_serve does. The body is the
/// given bytes followed by what `source` yields, which may be NULL. An upload's part is stored as it
/// arrives; at most 4 MiB of JSON are read; the rest is left unread. Codes: as holdall_serve; the
/// callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_api_answer(
    api: *const holdall_api,
    who: *const holdall_caller,
    request: *const holdall_request,
    body: *const c_void,
    body_len_bytes: usize,
    source: holdall_source,
    source_context: *mut c_void,
    reply: *mut *mut holdall_reply,
) -> i32 {
    entry!(caller of api => {
        let out = caller.out("the output for the reply", reply)?;
        let (api, who) = (caller.get(api)?, self::who(caller, who)?);
        let begun = caller.bytes("the body", body, body_len_bytes)?;
        let mut source = caller.source(begun, source, source_context);
        let made = self::request(caller, request, |request| api.answer(&who, request, &mut source));
        // Whatever became of a body that broke off, the host gets the reason.
        source.check()?;
        out.hand(answer(made?))
    })
}

/// Returns whether a target belongs to the API; if not, holdall_serve may answer it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_api_is_at(
    api: *const holdall_api,
    target: *const c_char,
    target_len_bytes: usize,
    is_at: *mut bool,
) -> i32 {
    entry!(caller of api => {
        let out = caller.out("the output for the answer", is_at)?;
        let target = lossy(caller, "the target", target, target_len_bytes)?;
        out.put(caller.get(api)?.is_at(&target))
    })
}

/// Returns the URI by which Cloudreve clients name a share; "/" and a path in it may follow.
/// Codes: NOT_FOUND, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_api_share_uri(
    api: *const holdall_api,
    share_id: u64,
    uri: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of api => {
        let out = caller.out("the output for the uri", uri)?;
        out.hand(c_text(caller.get(api)?.share_uri(ShareId(share_id))?))
    })
}

/// Makes the ticket (X-Cr-Purchase-Ticket) that opens a share that must be paid for. Codes: NOT_FOUND, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_api_ticket(
    api: *const holdall_api,
    share_id: u64,
    lifetime_s: u64,
    ticket: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of api => {
        let out = caller.out("the output for the ticket", ticket)?;
        let made = caller.get(api)?.ticket(ShareId(share_id), Duration::from_secs(lifetime_s))?;
        out.hand(c_text(made))
    })
}
