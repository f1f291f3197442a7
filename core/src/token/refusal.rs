//! Why a token was refused: for the host, not for the client.

use std::fmt;

use crate::{Error, ErrorKind};

/// Why a native token was refused.
///
/// This is for the host's log. What a client may see is the [`Error`] that it turns into: one
/// sentence for everything that is wrong, so that an answer teaches nothing to someone who is
/// guessing. Only expiry and another name are distinguished, because only a holder of a genuine token
/// gets that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Too long, too short, not base64url in its one spelling, or of an unknown version.
    Malformed,
    /// The signature is not of this store, key and purpose.
    BadSignature,
    /// Genuine, but the name beside it is not the one that it was signed with.
    OtherName,
    /// No key of that id is in the ring: never was, or was removed.
    UnknownKey,
    /// Genuine, but made for another purpose.
    WrongPurpose,
    /// Genuine, but its time is over.
    Expired,
    /// Genuine, but the client is in another network, or its address is not known.
    WrongNetwork,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Malformed => "the token is malformed",
            Refusal::BadSignature => "the signature of the token does not match",
            Refusal::OtherName => "the name after the token is not the one that was signed",
            Refusal::UnknownKey => "the token names a key that is not in the ring",
            Refusal::WrongPurpose => "the token was made for another purpose",
            Refusal::Expired => "the token has expired",
            Refusal::WrongNetwork => "the token is bound to another network",
        })
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    /// Makes what a client may see; the detail is dropped on purpose.
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Expired => Error::new(ErrorKind::Expired, "the URL has expired: ask for a new one"),
            Refusal::OtherName => Error::not_found("there is nothing of this name at the URL"),
            _ => Error::new(ErrorKind::Denied, "the URL is not valid"),
        }
    }
}
