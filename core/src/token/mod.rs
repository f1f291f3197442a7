//! Tokens: what a URL permits, as signed text.
//!
//! Two forms, both pure: the clock and the client's address are arguments, and nothing is stored.
//!
//! - **Native.** One opaque base64url text (RFC 4648 section 5, no padding) holds everything that
//!   changes the reply, so there is no query to canonicalise and an extra parameter changes nothing.
//!   [`KeyRing::sign`] makes it from [`Claims`], [`KeyRing::verify`] gives them back or a [`Refusal`].
//! - **Cloudreve.** A path and an expiry signed into one query value, compatible to the byte:
//!   [`cloudreve`], and its short public ids: [`HashIds`].
//!
//! # Layout of a native token, version 1
//!
//! | field | bytes | |
//! |---|---|---|
//! | version | 1 | 1 |
//! | key id | 2 | big-endian |
//! | purpose | 1 | 1 version, 2 file, 3 archive, 4 share, 5 upload, 6 revision; bit 7: more flags follow |
//! | flags | 1 | bits 0 to 7: never expires, inline, public cache, name, media type, network, uses, pace |
//! | more flags | 1 | where the purpose says so, and then not 0: bit 0 each request is a use, bit 1 cross-origin policy |
//! | expires | varint | unix seconds; absent if it never expires |
//! | subject | varint | |
//! | epoch | varint | |
//! | file | varint | of a share only: the file in it |
//! | name | 1 + n | its length and bytes, if flagged; likewise all below |
//! | media type | 1 + n | |
//! | network | 2 + n | 4 or 6, prefix length in bits, then only the bytes that the prefix touches |
//! | uses | varint + 16 | limit, then the id of its counter |
//! | pace | varint | bytes each second |
//! | cross-origin policy | 1 + n | its text, as [`CrossOrigin`](crate::CrossOrigin) writes it |
//! | mac | 32 | HMAC-SHA256 (RFC 2104) over all bytes before it; see below for a token beside a name |
//!
//! A varint is little-endian base 128 in its shortest form. There is exactly one text for given
//! claims and key; every other spelling is refused.
//!
//! In a URL `d/<token>/<name>` the name is signed and not stored: of the mac, bytes 0 to 15 are those of
//! the HMAC over all bytes before it, and bytes 16 to 31 are those of the HMAC over these, a NUL and the
//! name. So a genuine token beside another name is distinguished from a forged one: the first is 404, because
//! clients try names beside a URL (`.aux.xml`, an index), the second 403. No name is good but the one
//! that was signed, [`KeyRing::sign_named`].
//!
//! The key of the MAC is a sub-key: HMAC-SHA256 with the ring's secret over `holdall/v1/`, the name of
//! the purpose and the 16 bytes of the store's uuid. So a token serves one purpose in one store, even
//! where two stores share a secret. Version, key id and purpose choose the key and are therefore read
//! before the MAC is checked; nothing else is.

mod claims;
#[cfg(feature = "cloudreve")]
pub mod cloudreve;
mod codec;
#[cfg(feature = "cloudreve")]
mod entity;
#[cfg(feature = "cloudreve")]
mod hashids;
mod lifetime;
mod mac;
mod network;
mod refusal;
mod ring;
#[cfg(test)]
mod tests;

pub use claims::{Claims, Purpose, Purposes, UseLimit};
#[cfg(feature = "cloudreve")]
pub(crate) use entity::{Entity, Through};
#[cfg(feature = "cloudreve")]
pub use hashids::{HashIds, HashKind};
pub use lifetime::{DEFAULT_LIFETIME, expiry, stable_expiry};
pub use network::Network;
pub use refusal::Refusal;
pub use ring::{Key, KeyRing, MAX_TOKEN, Signer};

pub use crate::http::Disposition;
