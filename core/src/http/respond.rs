//! From a request's headers and what is known of a representation to the reply's head.

use std::borrow::Cow;
use std::ops::Range;

use super::date::has_date;
use super::media::{is_bare_text, media_type_of};
use super::multipart::content_range;
use super::{
    Disposition, ETag, Multipart, Outcome, Preconditions, Ranges, RequestHeaders, Validators,
    content_disposition, entity_tag, evaluate, format_date, if_range_holds, parse, safe_inline,
    valid_media_type,
};

/// What may be sent: everything known of the bytes but the bytes.
#[derive(Clone, Debug, Default)]
pub struct Representation {
    /// Exact length in bytes.
    pub len: u64,
    /// The text between the quotes of a strong `ETag`: of the content and its media type, as
    /// [`super::entity_tag`] makes it, and of nothing else, so that a URL signed again
    /// resumes. Visible ASCII without a quote; else no tag is sent.
    pub etag: String,
    /// Last modification, unix seconds. A time to come is sent as now (RFC 9110, section 8.8.2.1);
    /// one before 1970 is not sent.
    pub last_modified: Option<i64>,
    /// Whether what the URL leads to can change. A time to come is then not sent, and no date counts:
    /// sent as now, two states could have one date.
    pub changes: bool,
    /// Media type. To change it later, use [`Representation::set_media_type`]. Sent as
    /// `application/octet-stream` unless valid; bare `text/plain`, and most text types that
    /// nobody declared, are sent with `charset=utf-8`.
    pub media_type: String,
    /// Whether nobody declared the media type, so that it follows the name under which the content is
    /// served.
    pub type_of_name: bool,
    /// What a browser is to do. Inline becomes attachment unless the media type is passive.
    pub disposition: Disposition,
    /// The name to save it under.
    pub name: String,
    /// Who may keep it, and how long.
    pub cache: CacheControl,
    /// The value of `Repr-Digest` (RFC 9530), such as `sha-256=:...:`, where one is known.
    pub repr_digest: Option<String>,
    /// More headers for the reply (`Vary`, `Access-Control-*`). They repeat none of those that
    /// [`respond()`] makes. One whose value is not visible ASCII is left out.
    pub extra: Vec<(&'static str, String)>,
}

impl Representation {
    /// Sends the content as another media type, under a tag of its own.
    pub fn set_media_type(&mut self, media_type: &str) {
        let content = self.etag.split_once('-').map_or(self.etag.as_str(), |(content, _)| content);
        self.etag = entity_tag(content, media_type);
        media_type.clone_into(&mut self.media_type);
        self.type_of_name = false;
    }

    /// Sends the content under another name, and where its type was not declared as the type of that
    /// name.
    pub fn set_name(&mut self, name: &str) {
        let media_type = media_type_of(name);
        if self.type_of_name && media_type != self.media_type {
            self.set_media_type(media_type);
            self.type_of_name = true;
        }
        name.clone_into(&mut self.name);
    }
}

/// Who may keep a reply, and how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheControl {
    /// The client, asking each time whether it is still right: `private, max-age=0, must-revalidate`.
    #[default]
    Revalidate,
    /// Nobody: `no-store`.
    NoStore,
    /// The client, for so many seconds.
    Private(u32),
    /// Every cache on the way, for so many seconds.
    Public(u32),
}

impl CacheControl {
    /// Returns the value of `Cache-Control`.
    pub fn value(self) -> String {
        match self {
            CacheControl::Revalidate => "private, max-age=0, must-revalidate".to_owned(),
            CacheControl::NoStore => "no-store".to_owned(),
            CacheControl::Private(seconds) => format!("private, max-age={seconds}"),
            CacheControl::Public(seconds) => format!("public, max-age={seconds}"),
        }
    }
}

/// The head of a reply, and what its body is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// 200, 206, 304, 405, 412 or 416.
    pub status: u16,
    /// Names and values, each name once. Values are visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
    /// The bytes to send after them.
    pub selected: Selected,
}

impl Head {
    /// Returns the value of the header of that name, compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The bytes that a reply sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// None: an answer to HEAD, or one without content.
    Nothing,
    /// The whole representation.
    Whole,
    /// One range of it; not empty.
    One(Range<u64>),
    /// Several ranges of it, each with a head of its own.
    Many(Multipart),
}

/// Answers a request for a representation that exists and that the client may have.
///
/// `method` is GET or HEAD, in upper case; any other is answered 405. `now` is unix seconds.
/// `boundary` gives 128 random bits; it is called at most once, for an answer of several ranges
/// only. The table of [`super`] says what comes back.
pub fn respond(
    method: &str,
    headers: RequestHeaders<'_>,
    representation: &Representation,
    now: i64,
    boundary: impl FnOnce() -> u128,
) -> Head {
    let reply = ReplyDraft::new(representation, now);
    let is_get = match method {
        "GET" => true,
        "HEAD" => false,
        _ => return reply.refused(405, &[("Allow", "GET, HEAD".to_owned())]),
    };
    match reply.outcome(headers) {
        Outcome::Failed => return reply.refused(412, &[]),
        Outcome::NotModified => return reply.not_modified(),
        Outcome::Proceed => {}
    }
    if !is_get {
        return Head { selected: Selected::Nothing, ..reply.whole() };
    }
    match reply.ranges(headers, now) {
        Ranges::Whole => reply.whole(),
        Ranges::Unsatisfiable => {
            reply.refused(416, &[("Content-Range", format!("bytes */{}", representation.len))])
        }
        Ranges::Some(ranges) => match ranges.as_slice() {
            [range] => reply.one(range.clone()),
            ranges => reply.many(ranges, boundary()),
        },
    }
}

/// As many headers as an answer has, without those that the caller adds.
const MOST_HEADERS: usize = 12;

/// A representation with what of it is fit to be sent.
struct ReplyDraft<'a> {
    representation: &'a Representation,
    current: Validators<'a>,
    media_type: Cow<'a, str>,
}

impl<'a> ReplyDraft<'a> {
    fn new(representation: &'a Representation, now: i64) -> ReplyDraft<'a> {
        let declared = representation.media_type.as_str();
        ReplyDraft {
            representation,
            current: Validators {
                etag: ETag::strong(&representation.etag),
                last_modified: representation
                    .last_modified
                    .filter(|modified| !representation.changes || *modified <= now)
                    .map(|modified| modified.min(now))
                    .filter(|modified| has_date(*modified)),
            },
            media_type: match declared {
                declared if !valid_media_type(declared) => "application/octet-stream".into(),
                bare if is_bare_text(bare, representation.type_of_name) => {
                    format!("{}; charset=utf-8", bare.to_ascii_lowercase()).into()
                }
                declared => declared.into(),
            },
        }
    }

    fn outcome(&self, headers: RequestHeaders<'_>) -> Outcome {
        let if_match = headers.joined("If-Match");
        let if_unmodified_since = headers.joined("If-Unmodified-Since");
        let if_none_match = headers.joined("If-None-Match");
        let if_modified_since = headers.joined("If-Modified-Since");
        let conditions = Preconditions {
            if_match: if_match.as_deref(),
            if_unmodified_since: if_unmodified_since.as_deref(),
            if_none_match: if_none_match.as_deref(),
            if_modified_since: if_modified_since.as_deref(),
        };
        evaluate(&conditions, &self.current, true)
    }

    /// Returns what `Range` selects; an `If-Range` without one means nothing.
    fn ranges(&self, headers: RequestHeaders<'_>, now: i64) -> Ranges {
        let mut lines = headers.get_all("Range");
        // RFC 9110 section 14.2 lets a server ignore the field. It is not a list, so two lines of it are invalid.
        let (Some(range), None) = (lines.next(), lines.next()) else { return Ranges::Whole };
        match headers.joined("If-Range") {
            Some(if_range) if !if_range_holds(&if_range, &self.current, now) => Ranges::Whole,
            _ => parse(range, self.representation.len),
        }
    }

    fn whole(&self) -> Head {
        let headers = self.content(&self.media_type, self.representation.len, None);
        Head { status: 200, headers, selected: Selected::Whole }
    }

    fn one(&self, range: Range<u64>) -> Head {
        let len = range.end.saturating_sub(range.start);
        let content_range = content_range(&range, self.representation.len);
        let headers = self.content(&self.media_type, len, Some(content_range));
        Head { status: 206, headers, selected: Selected::One(range) }
    }

    /// Answers with several ranges, or with the whole where that is no longer.
    fn many(&self, ranges: &[Range<u64>], boundary: u128) -> Head {
        let whole_len = self.representation.len;
        match Multipart::new(ranges, whole_len, &self.media_type, boundary) {
            Some(multipart) if multipart.len < whole_len => Head {
                status: 206,
                headers: self.content(&multipart.content_type, multipart.len, None),
                selected: Selected::Many(multipart),
            },
            _ => self.whole(),
        }
    }

    /// The headers of an answer with content.
    fn content(
        &self,
        media_type: &str,
        len: u64,
        content_range: Option<String>,
    ) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(MOST_HEADERS.saturating_add(self.representation.extra.len()));
        headers.extend([("Content-Type", media_type.to_owned()), ("Content-Length", len.to_string())]);
        headers.extend(content_range.map(|range| ("Content-Range", range)));
        let shown = self.representation.disposition == Disposition::Inline && safe_inline(&self.media_type);
        let disposition = if shown { Disposition::Inline } else { Disposition::Attachment };
        headers.push(("Content-Disposition", content_disposition(disposition, &self.representation.name)));
        headers.push(("Accept-Ranges", "bytes".to_owned()));
        self.push_validators(&mut headers);
        headers.push(("Cache-Control", self.representation.cache.value()));
        let digest = self.representation.repr_digest.as_ref().filter(|digest| is_visible(digest));
        headers.extend(digest.map(|digest| ("Repr-Digest", digest.clone())));
        // The whole's media type, also for a reply of several ranges: a player asks for both.
        push_guards(&mut headers, if shown { policy(&self.media_type) } else { ISOLATED });
        self.push_extra(&mut headers, |_| true);
        headers
    }

    fn not_modified(&self) -> Head {
        let mut headers = Vec::new();
        self.push_validators(&mut headers);
        headers.push(("Cache-Control", self.representation.cache.value()));
        push_guards(&mut headers, ISOLATED);
        headers.retain(|(name, _)| !is_about_content(name));
        self.push_extra(&mut headers, |name| !is_about_content(name));
        Head { status: 304, headers, selected: Selected::Nothing }
    }

    /// An answer that sends nothing because the request asks for what cannot be.
    fn refused(&self, status: u16, why: &[(&'static str, String)]) -> Head {
        let mut headers = why.to_vec();
        headers.push(("Content-Length", "0".to_owned()));
        if status != 405 {
            headers.push(("Accept-Ranges", "bytes".to_owned()));
            self.push_validators(&mut headers);
        }
        headers.push(("Cache-Control", CacheControl::NoStore.value()));
        push_guards(&mut headers, ISOLATED);
        self.push_extra(&mut headers, |name| !is_about_content(name));
        Head { status, headers, selected: Selected::Nothing }
    }

    fn push_validators(&self, headers: &mut Vec<(&'static str, String)>) {
        headers.extend(self.current.etag.map(|etag| ("ETag", etag.text())));
        let date = self.current.last_modified.and_then(format_date);
        headers.extend(date.map(|date| ("Last-Modified", date)));
    }

    /// The headers that the caller adds, as far as `fits` says yes to their names.
    fn push_extra(&self, headers: &mut Vec<(&'static str, String)>, fits: impl Fn(&str) -> bool) {
        let extra = self.representation.extra.iter();
        headers.extend(extra.filter(|(name, value)| fits(name) && is_visible(value)).cloned());
    }
}

/// Content loads nothing, runs nothing, and has an origin of its own.
const ISOLATED: &str = "sandbox; default-src 'none'";

/// A page that a browser makes around audio or video loads its own URL, and nothing else.
///
/// The page has to keep its origin for that: Chromium 156 refuses the media of a page whose origin is
/// opaque. Without `allow-scripts` nothing runs in it.
const PLAYER: &str = "sandbox allow-same-origin; default-src 'none'; media-src 'self'";

/// Returns the policy under which a browser shows content of a valid media type as a page.
fn policy(media_type: &str) -> &'static str {
    let top = media_type.split('/').next().unwrap_or_default();
    let played = ["audio", "video"].iter().any(|kind| top.eq_ignore_ascii_case(kind));
    if played { PLAYER } else { ISOLATED }
}

/// The headers that keep content from acting on the store's origin.
fn push_guards(headers: &mut Vec<(&'static str, String)>, policy: &str) {
    headers.push(("X-Content-Type-Options", "nosniff".to_owned()));
    headers.push(("Content-Security-Policy", policy.to_owned()));
    headers.push(("Cross-Origin-Resource-Policy", "same-site".to_owned()));
}

fn is_visible(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// Returns whether a header describes content, and so has no place beside a 304.
fn is_about_content(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
}
