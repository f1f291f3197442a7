//! The parts of an upload: `/v2/file/get_upload_url`, `/v2/file/list_uploaded_parts` and
//! `/v2/file/complete`.

use serde_json::{Value, json};

use super::error::{ApiError, Fault, not_found};
use super::receive::{PART_BITS, etag};
use super::request::Fields;
use super::resolve::Own;
use super::{Call, response, upload_base};
use crate::catalog::record::{Goal, PartRecord, UploadRecord};
use crate::catalog::upload::MAX_PARTS;
use crate::id::{DriveId, UploadId, VersionId};
use crate::mutant::{self, Mutant};
use crate::token::{Claims, DEFAULT_LIFETIME, Purpose};
use crate::{Error, ErrorKind, Result};

/// The most parts of one list.
const MAX_LIST: usize = 1000;

/// A part that a client asks a URL for.
#[derive(Debug)]
pub(super) struct RequestedPart {
    number: u32,
    content_type: Option<String>,
}

/// Reads the parts that a client asks URLs for: the first, if it names none.
pub(super) fn asked(fields: &Fields) -> Result<Vec<RequestedPart>, Fault> {
    let most = usize::try_from(MAX_PARTS).unwrap_or(usize::MAX);
    let list = fields.list("part_info_list", most)?.unwrap_or_default();
    let mut parts: Vec<RequestedPart> = Vec::with_capacity(list.len().max(1));
    for value in list {
        let part = Fields::of(value, "part_info_list")?;
        let number = part.number("part_number", 1..=u64::from(MAX_PARTS))?;
        let number = number.ok_or_else(|| Fault::missing("part_number is missing"))?;
        let number = u32::try_from(number).unwrap_or(MAX_PARTS);
        let content_type = part.text("content_type")?.map(str::to_owned);
        parts.push(RequestedPart { number, content_type });
    }
    if parts.is_empty() {
        parts.push(RequestedPart { number: 1, content_type: None });
    }
    Ok(parts)
}

impl Call<'_> {
    /// Makes the URLs that parts are put to, each for one part.
    pub(super) fn upload_urls(
        &self,
        id: UploadId,
        drive: DriveId,
        parts: &[RequestedPart],
    ) -> Result<Value, ApiError> {
        let engine = self.api.store.engine()?;
        let ring = engine.ring(&engine.reader()?)?;
        let epoch = self.api.store.upload_epoch(drive)?;
        let now = u64::try_from(self.now.unix()).unwrap_or(0);
        let base = upload_base(self.api);
        let mut list = Vec::with_capacity(parts.len());
        for part in parts {
            let subject = id.0 << PART_BITS | u64::from(part.number);
            let claims = Claims::new(Purpose::Upload, subject, epoch, now.saturating_add(DEFAULT_LIFETIME));
            let token = ring.1.sign(&claims)?;
            let mut answer = json!({
                "part_number": part.number,
                "upload_url": format!("{base}/v2/upload/{token}"),
            });
            if let Value::Object(fields) = &mut answer {
                if let Some(internal) = &self.api.mount.internal_base {
                    let url = format!("{internal}{}/v2/upload/{token}", self.api.mount.prefix);
                    fields.insert("internal_upload_url".into(), json!(url));
                }
                if let Some(content_type) = &part.content_type {
                    fields.insert("content_type".into(), json!(content_type));
                }
            }
            list.push(answer);
        }
        Ok(Value::Array(list))
    }

    /// Finds the upload that a call is about.
    fn upload(&self, own: &Own) -> Result<(UploadId, UploadRecord), ApiError> {
        let file = own.id(self.fields.required("file_id")?)?;
        let text = self.fields.required("upload_id")?;
        let absent = || Fault::upload("the file has no such upload, or its time is over");
        let id: UploadId = text.parse().map_err(|_| absent())?;
        let record = self.api.store.upload(id, self.now).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::Expired => absent().into(),
            _ => ApiError::from(error),
        })?;
        match record.drive == own.drive.id() && record.goal.file() == file {
            true => Ok((id, record)),
            false => Err(absent().into()),
        }
    }

    /// Answers `file/get_upload_url`.
    pub(super) fn get_upload_url(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let (id, record) = self.upload(&own)?;
        if record.done.is_some() {
            return Err(Fault::conflict("the upload is complete").into());
        }
        let parts = asked(&self.fields)?;
        Ok(json!({
            "domain_id": response::DOMAIN,
            "drive_id": response::drive(record.drive),
            "file_id": record.goal.file().to_string(),
            "upload_id": id.to_string(),
            "create_at": response::time(record.created),
            "part_info_list": self.upload_urls(id, record.drive, &parts)?,
        }))
    }

    /// Answers `file/list_uploaded_parts`.
    pub(super) fn list_uploaded_parts(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let (id, record) = self.upload(&own)?;
        let limit = self.fields.number("limit", 1..=1000)?.unwrap_or(1000);
        let limit = usize::try_from(limit).unwrap_or(MAX_LIST);
        let after = self.fields.number_or_text("part_number_marker")?.unwrap_or(0);
        let after = u32::try_from(after).unwrap_or(u32::MAX);
        let mut parts = self.api.store.parts(id, after, limit.saturating_add(1))?;
        let more = parts.len() > limit;
        parts.truncate(limit);
        let next = parts.last().filter(|_| more).map(|(number, _)| number.to_string());
        let shown = |(number, part): &(u32, PartRecord)| json!({ "part_number": number, "part_size": part.len, "etag": etag(&part.blake3) });
        Ok(json!({
            "file_id": record.goal.file().to_string(),
            "upload_id": id.to_string(),
            "parallel_upload": true,
            "uploaded_parts": parts.iter().map(shown).collect::<Vec<_>>(),
            "next_part_number_marker": next.unwrap_or_default(),
        }))
    }

    /// Answers `file/complete`: the parts become one version, hashed by the engine itself.
    pub(super) fn complete(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let (id, record) = self.upload(&own)?;
        let crc64 = match self.fields.text("crc64_hash")? {
            Some(text) => Some(
                text.parse::<u64>()
                    .map_err(|_| Fault::format("crc64_hash is not a number in decimal digits"))?,
            ),
            None => None,
        };
        let sha1 = match self.fields.word("content_hash_name", &["sha1", "sha256", "none"])? {
            None | Some("sha1") => self.fields.sha1("content_hash")?,
            _ => None,
        };
        if let Some(version) = record.done {
            return self.completed(own, version);
        }
        let listed = self.listed(id)?;
        let said = Said { listed: listed.as_deref(), crc64, sha1 };
        let version = match self.complete_parts(&own, id, &record, &said) {
            Ok(version) => version,
            // Another call was quicker, and let go of the parts that this one looked for.
            Err(stop) => match self.api.store.upload(id, self.now).ok().and_then(|record| record.done) {
                Some(version) => version,
                None => return Err(stop),
            },
        };
        self.completed(own, version)
    }

    /// Looks first, by the rows alone; then one call at a time puts the parts together.
    fn complete_parts(
        &self,
        own: &Own,
        id: UploadId,
        record: &UploadRecord,
        said: &Said<'_>,
    ) -> Result<VersionId, ApiError> {
        let hasty = mutant::is_active(Mutant::CompletesBeforeLooking);
        if hasty || self.look(own, id, record, said)? <= 1 {
            // One part becomes the version as it is.
            return self.join(id, record, said);
        }
        self.api.store.claim_upload(id, self.now).map_err(|error| match error.kind() {
            ErrorKind::Locked => Fault::conflict(error.to_string()).into(),
            _ => not_found(error, Fault::upload),
        })?;
        let joined = self.join(id, record, said);
        if joined.is_err() {
            self.api.store.release_upload(id)?;
        }
        joined
    }

    /// Holds the parts of an upload to what was said of them, and where they go to what is there.
    /// Returns how many there are.
    fn look(
        &self,
        own: &Own,
        id: UploadId,
        record: &UploadRecord,
        said: &Said<'_>,
    ) -> Result<usize, ApiError> {
        let outline = self.api.store.outline(id, said.listed).map_err(missing)?;
        let len = outline.len;
        if let Some(size) = record.size.filter(|size| *size != len) {
            return Err(Fault::unlike(format!("{len} bytes were put; size said {size}")).into());
        }
        if said.listed.map_or(0, <[u32]>::len) == 0 && len == 0 && record.size.is_none_or(|size| size != 0) {
            self.refuse_nothing(id)?;
        }
        if said.crc64.is_some_and(|crc64| crc64 != outline.crc64) {
            return Err(Fault::unlike("the content has another CRC-64 than crc64_hash").into());
        }
        if let Goal::Version { file, .. } = record.goal {
            let info = own.live_file(file)?;
            self.last_revision(&info)?;
        }
        self.api.store.check_goal(record, self.now).map_err(nowhere)?;
        Ok(outline.parts)
    }

    /// Makes the parts one content, and that a version.
    fn join(&self, id: UploadId, record: &UploadRecord, said: &Said<'_>) -> Result<VersionId, ApiError> {
        let whole = self.api.store.assemble(id, said.listed).map_err(missing)?;
        let digest = *whole.digest();
        // Parts may have been put again since they were looked at.
        if record.size.is_some_and(|size| size != digest.len) {
            return Err(Fault::unlike(format!("{} bytes were put, and size said others", digest.len)).into());
        }
        if said.crc64.is_some_and(|crc64| crc64 != digest.crc64) {
            return Err(Fault::unlike("the content has another CRC-64 than crc64_hash").into());
        }
        if said.sha1.is_some_and(|sha1| sha1 != digest.sha1) {
            return Err(Fault::unlike("the content has another SHA-1 than content_hash").into());
        }
        Ok(self.api.store.complete_upload(id, whole, self.now).map_err(nowhere)?.id)
    }

    /// An upload without a single part is not an empty file, unless it was said to be one.
    fn refuse_nothing(&self, id: UploadId) -> Result<(), ApiError> {
        match self.api.store.parts(id, 0, 1)?.is_empty() {
            true => Err(Fault::unlike("no part was put").into()),
            false => Ok(()),
        }
    }

    fn completed(&self, own: Own, version: VersionId) -> Result<Value, ApiError> {
        let info = own.drive.find(version.file()).map_err(|error| not_found(error, Fault::file))?.info;
        self.shown(own, &info)
    }

    /// Reads which parts the client says there are, and checks that they are what it put.
    fn listed(&self, id: UploadId) -> Result<Option<Vec<u32>>, ApiError> {
        let most = usize::try_from(MAX_PARTS).unwrap_or(usize::MAX);
        let Some(list) = self.fields.list("part_info_list", most)?.filter(|list| !list.is_empty()) else {
            return Ok(None);
        };
        let known = self.api.store.parts(id, 0, most)?;
        let mut numbers = Vec::with_capacity(list.len());
        for value in list {
            let part = Fields::of(value, "part_info_list")?;
            let number = part.number("part_number", 1..=u64::from(MAX_PARTS))?;
            let number = number.ok_or_else(|| Fault::missing("part_number is missing"))?;
            let at = known.binary_search_by_key(&number, |(known, _)| u64::from(*known));
            let found = at.ok().and_then(|at| known.get(at));
            let Some((number, found)) = found else {
                return Err(Fault::unlike(format!("part {number} was not put")).into());
            };
            if let Some(tag) = part.text("etag")?
                && !tag.trim_matches('"').eq_ignore_ascii_case(&etag(&found.blake3))
            {
                return Err(Fault::unlike(format!("part {number} has another etag")).into());
            }
            numbers.push(*number);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Some(numbers))
    }
}

/// What a client says of the whole that its parts are.
struct Said<'a> {
    /// The numbers of the parts, if it lists them.
    listed: Option<&'a [u32]>,
    crc64: Option<u64>,
    sha1: Option<[u8; 20]>,
}

fn missing(error: Error) -> ApiError {
    match error.kind() {
        ErrorKind::NotFound => Fault::unlike(error.to_string()).into(),
        _ => error.into(),
    }
}

/// Says why an upload cannot go where it was to go.
fn nowhere(error: Error) -> ApiError {
    match error.kind() {
        ErrorKind::Gone => Fault::trashed(error.to_string()).into(),
        ErrorKind::NotFound => Fault::file(error.to_string()).into(),
        ErrorKind::Expired => Fault::upload(error.to_string()).into(),
        _ => error.into(),
    }
}
