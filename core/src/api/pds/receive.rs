//! `PUT /v2/upload/<token>`: a part of an upload comes in, piece by piece.

use std::io::{self, Read};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde_json::json;

use super::DEFAULT_EXPIRE;
use super::error::{ApiError, Fault, not_found};
use super::response::json_reply;
use crate::api::Api;
use crate::catalog::upload::MAX_PARTS;
use crate::http::RequestHeaders;
use crate::id::UploadId;
use crate::serve::{Reply, Request};
use crate::store::upload::UploadPartWriter;
use crate::token::{DEFAULT_LIFETIME, Purpose, Refusal};
use crate::{Error, ErrorKind, Result};

/// The most bytes of one part: 5 GiB.
const MAX_PART: u64 = 5 << 30;
/// Bits of a token's subject that hold the number of the part.
pub(super) const PART_BITS: u32 = 14;

/// A part on its way in: the URL says which, and nobody is asked who calls.
pub(in crate::api) struct Receiver {
    writer: UploadPartWriter,
    /// The most bytes that may come.
    max: u64,
    /// How many bytes the client said that it sends.
    declared: Option<u64>,
    /// The MD5 that the client said its bytes have, and that of those that came.
    md5: Option<(String, Md5)>,
}

impl Receiver {
    /// Begins to take a part in.
    pub(super) fn new(api: &Api, request: &Request<'_>, token: &str) -> Result<Receiver, ApiError> {
        let (id, number, epoch) = part_of(api, request, token)?;
        let record = api.store.upload(id, request.now).map_err(gone)?;
        let known = api.store.upload_epoch(record.drive).map_err(gone)?;
        if known != epoch {
            return Err(Fault::denied("the URL was revoked").into());
        }
        if record.done.is_some() {
            return Err(Fault::conflict("the upload is complete").into());
        }
        let headers = RequestHeaders(&request.headers);
        let declared = headers.get("content-length").and_then(|text| text.parse::<u64>().ok());
        let max = record.size.unwrap_or(MAX_PART).min(MAX_PART);
        if declared.is_some_and(|declared| declared > max) {
            return Err(too_long(max));
        }
        let md5 = headers.get("content-md5").map(|said| (said.to_owned(), Md5::new()));
        let writer =
            api.store.part_writer(id, number, max, request.now).map_err(|error| upload_error(error, max))?;
        Ok(Receiver { writer, max, declared, md5 })
    }

    /// Takes the next bytes.
    pub(in crate::api) fn write(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.writer.write(bytes).map_err(|error| upload_error(error, self.max))?;
        if let Some((_, md5)) = &mut self.md5 {
            md5.update(bytes);
        }
        Ok(())
    }

    /// Takes the next bytes of a body and returns how many; 0 at its end.
    pub(super) fn read_from(&mut self, body: &mut dyn Read) -> Result<usize, ApiError> {
        let md5 = self.md5.as_mut().map(|(_, md5)| md5);
        self.writer.read_from(&mut Hashed { body, md5 }).map_err(|error| upload_error(error, self.max))
    }

    /// Compares what came in with what the headers said, and puts it.
    pub(in crate::api) fn finish(self) -> Result<Reply, ApiError> {
        let len = self.writer.len();
        if let Some(declared) = self.declared.filter(|declared| *declared != len) {
            let message = format!("{len} bytes came in of {declared} that were declared");
            return Err(Fault::unlike(message).into());
        }
        if let Some((said, md5)) = self.md5
            && STANDARD.encode(md5.finalize()) != said
        {
            return Err(Fault::unlike("the part has another MD5 than Content-MD5").into());
        }
        let digest = self.writer.commit().map_err(|error| upload_error(error, self.max))?;
        let mut reply = json_reply(200, &json!({}));
        reply.headers.push(("ETag", format!("\"{}\"", etag(&digest.blake3))));
        reply.headers.push(("x-oss-hash-crc64ecma", digest.crc64.to_string()));
        Ok(reply)
    }
}

/// Returns the ETag of a part: the beginning of the BLAKE3 hash of its content.
pub(super) fn etag(blake3: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*blake3).to_hex().chars().take(32).collect::<String>().to_ascii_uppercase()
}

/// Verifies the token of a part's URL.
fn part_of(api: &Api, request: &Request<'_>, token: &str) -> Result<(UploadId, u32, u64), ApiError> {
    let engine = api.store.engine()?;
    let ring = engine.ring(&engine.reader()?)?;
    let now = u64::try_from(request.now.unix()).unwrap_or(u64::MAX);
    let claims = ring.1.verify(token, Purpose::Upload, now, request.client);
    let claims = claims.map_err(|refusal| match refusal {
        Refusal::Expired => Fault::denied("Request has expired."),
        _ => Fault::denied("the URL is not valid"),
    })?;
    let number = u32::try_from(claims.subject & ((1 << PART_BITS) - 1)).unwrap_or(0);
    Ok((UploadId(claims.subject >> PART_BITS), number, claims.epoch))
}

/// Says why a part cannot be taken, or not all of it.
fn upload_error(error: Error, max: u64) -> ApiError {
    match error.kind() {
        ErrorKind::TooLarge => too_long(max),
        ErrorKind::Gone => Fault::conflict("the upload is complete").into(),
        _ => gone(error),
    }
}

fn too_long(max: u64) -> ApiError {
    Fault::range(format!("the part is longer than {max} bytes, or all parts are together")).into()
}

fn gone(error: Error) -> ApiError {
    let no_upload = |_| Fault::upload("there is no such upload, or it has expired");
    match error.kind() {
        ErrorKind::Expired => no_upload(String::new()).into(),
        _ => not_found(error, no_upload),
    }
}

/// Hashes a body as it is read.
struct Hashed<'a> {
    body: &'a mut dyn Read,
    md5: Option<&'a mut Md5>,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        if let Some(md5) = &mut self.md5 {
            md5.update(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

/// A URL of a part names an upload that fits beside the part's number.
const _: () = assert!(MAX_PARTS < 1 << PART_BITS && 44 + PART_BITS < 64);
const _: () = assert!(Duration::from_secs(DEFAULT_LIFETIME).as_secs() == DEFAULT_EXPIRE);
