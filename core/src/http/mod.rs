//! HTTP semantics as pure functions: no socket, no file, no clock.
//!
//! [`respond()`] turns a request's headers and a [`Representation`] into a [`Head`]: status, headers,
//! and which bytes to send. Everything else here is a part of that, one concept a file.
//!
//! # What is answered
//! Read from the top; the first row that fits decides (RFC 9110, section 13.2.2).
//!
//! | method | request | status | bytes |
//! |---|---|---|---|
//! | other than GET, HEAD | any | 405, `Allow: GET, HEAD` | none |
//! | GET, HEAD | `If-Match`, no listed tag equals ours (strong comparison) | 412 | none |
//! | GET, HEAD | no `If-Match`; `If-Unmodified-Since` before `Last-Modified` | 412 | none |
//! | GET, HEAD | `If-None-Match` is `*`, or lists our tag (weak comparison) | 304 | none |
//! | GET, HEAD | no `If-None-Match`; `If-Modified-Since` not before `Last-Modified` | 304 | none |
//! | HEAD | any `Range` | 200, the length of the whole | none |
//! | GET | no `Range`, or one that is ignored (below) | 200 | whole |
//! | GET | `Range` and an `If-Range` that does not hold | 200 | whole |
//! | GET | `Range` of which no byte exists | 416, `Content-Range: bytes */N` | none |
//! | GET | one range, or several that coalesce into one | 206, `Content-Range` | range |
//! | GET | several ranges | 206, `multipart/byteranges` | parts, in the order asked for |
//!
//! # When a `Range` is ignored
//! It is over 4 KiB, is sent on several lines, has a unit other than `bytes` (in any case), or has
//! one malformed or reversed element; more than 16 ranges are left after coalescing; the multipart
//! body would be no shorter than the whole; or the representation is empty.
//!
//! # What every answer carries
//! | header | 200, 206 | 304 | 405, 412, 416 |
//! |---|---|---|---|
//! | `Content-Type`, `Content-Disposition` | yes | - | - |
//! | `Content-Length` | yes | - | 0 |
//! | `ETag`, `Last-Modified` | yes | yes | not with 405 |
//! | `Accept-Ranges: bytes` | yes | - | not with 405 |
//! | `Cache-Control` | as asked; `private, max-age=0, must-revalidate` | same | `no-store` |
//! | `Repr-Digest` (RFC 9530) | where known | - | - |
//! | `X-Content-Type-Options: nosniff`, `Cross-Origin-Resource-Policy: same-site` | yes | yes | yes |
//! | `Content-Security-Policy: sandbox; default-src 'none'` | yes, but as below | - | yes |
//! | headers that the caller adds | yes | not `Content-*` | not `Content-*` |
//!
//! Audio and video that are shown inline carry `sandbox allow-same-origin; default-src 'none'; media-src
//! 'self'`: a browser opens such a URL as a page of its own with a player in it, and that page may load
//! the URL. Images, text and PDF are drawn without loading anything.
//!
//! [`CrossOrigin`] decides what stands in place of `same-site`, and which scripts of other sites may read.
//!
//! # Validators
//! A tag stands for the bytes and the media type that they are sent as. A date stands for them too
//! where what the URL leads to never changes; where it does, the caller gives each state a second of
//! its own (RFC 9110, section 8.8.2.2).
//!
//! `Date` is the server's to send. No value ever holds a byte but visible ASCII and the space.

mod condition;
mod cross_origin;
mod date;
mod disposition;
mod escape;
mod etag;
mod headers;
mod media;
mod multipart;
mod range;
mod respond;
#[cfg(test)]
mod tests;

pub use condition::{Outcome, Preconditions, Validators, evaluate, if_range_holds};
pub use cross_origin::CrossOrigin;
pub(crate) use cross_origin::is_preflight;
pub use date::{format_date, parse_date};
pub use disposition::{Disposition, content_disposition};
pub(crate) use escape::escape_segment;
pub use etag::{ETag, entity_tag};
pub use headers::RequestHeaders;
pub use media::{media_type_of, safe_inline, valid_media_type};
pub use multipart::{Multipart, Part};
pub use range::{MAX_HEADER_LEN, MAX_RANGES, Ranges, parse};
pub use respond::{CacheControl, Head, Representation, Selected, respond};

/// Optional white space around list elements: space and tab (RFC 9110, section 5.6.3).
const OWS: [char; 2] = [' ', '\t'];
