//! `/v2/file/revision/list`, `get`, `update`, `restore` and `delete`.

use serde_json::{Value, json};

use super::error::{ApiError, Fault, not_found};
use super::request::{cursor, marker};
use super::resolve::Own;
use super::{Call, DEFAULT_EXPIRE};
use crate::id::VersionId;
use crate::{ErrorKind, FileInfo, VersionInfo};

/// The most revisions of a file that are kept for ever.
const MAX_KEPT: usize = 50;

/// The revision that a call is about.
struct RevisionParams {
    own: Own,
    file: FileInfo,
    version: VersionInfo,
    note: String,
}

impl Call<'_> {
    fn named(&self) -> Result<RevisionParams, ApiError> {
        let own = self.own()?;
        let file = own.live_file(own.id(self.fields.required("file_id")?)?)?;
        let text = self.fields.required("revision_id")?;
        let absent = || Fault::revision(format!("file {} has no revision of that id", file.id));
        let id: VersionId = text.parse().map_err(|_| absent())?;
        let found = own.drive.version_of(file.id, id);
        let (version, note) = found.map_err(|error| not_found(error, Fault::revision))?;
        Ok(RevisionParams { own, file, version, note })
    }

    /// Answers `file/revision/list`: newest first, without URLs.
    pub(super) fn list_revisions(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let file = own.live_file(own.id(self.fields.required("file_id")?)?)?;
        let limit = self.limit(50, 100)?;
        let before = match cursor(&self.fields)? {
            Some(text) => Some(
                text.parse::<VersionId>().map_err(|_| Fault::invalid("marker is not one of this list"))?,
            ),
            None => None,
        };
        let mut versions = own.drive.versions_of(file.id, before, limit.saturating_add(1))?;
        let more = versions.len() > limit;
        versions.truncate(limit);
        let next = versions.last().filter(|_| more).map(|last| last.id.to_string());
        let mut items = Vec::with_capacity(versions.len());
        for version in versions {
            let (version, note) = match own.drive.version_of(file.id, version.id) {
                Err(error) if error.kind() == ErrorKind::Gone => continue,
                found => found?,
            };
            items.push(self.revision(&file, &version, &note, None, own.download())?);
        }
        Ok(json!({ "items": items, "next_marker": marker(next) }))
    }

    /// Answers `file/revision/get`.
    pub(super) fn get_revision(&self) -> Result<Value, ApiError> {
        let RevisionParams { own, file, version, note } = self.named()?;
        let expire = self.url_expire(10..=86_400)?;
        self.revision(&file, &version, &note, Some(expire), own.download())
    }

    /// Answers `file/revision/update`: whether it is kept for ever, and what is said of it.
    pub(super) fn update_revision(&self) -> Result<Value, ApiError> {
        let RevisionParams { own, file, version, .. } = self.named()?;
        let keep = self.fields.flag("keep_forever")?;
        let note = self.fields.any_text("revision_description")?;
        if note.is_some_and(|note| note.chars().count() > 1024) {
            return Err(Fault::range("revision_description is longer than 1024 characters").into());
        }
        let note = note.map(str::to_owned);
        let done = own.drive.describe_version(file.id, version.id, keep, note, MAX_KEPT);
        done.map_err(|error| match error.kind() {
            ErrorKind::TooLarge => Fault::capacity(error.to_string()).into(),
            _ => not_found(error, Fault::revision),
        })?;
        let found = own.drive.version_of(file.id, version.id);
        let (version, note) = found.map_err(|error| not_found(error, Fault::revision))?;
        self.revision(&file, &version, &note, Some(DEFAULT_EXPIRE), own.download())
    }

    /// Answers `file/revision/restore`: the old content becomes the newest revision, and no byte is
    /// copied.
    pub(super) fn restore_revision(&self) -> Result<Value, ApiError> {
        let RevisionParams { own, file, version, .. } = self.named()?;
        let restored = own.drive.put_again(file.id, version.id, self.now).map_err(latest)?;
        self.revision(&file, &restored, "", Some(DEFAULT_EXPIRE), own.download())
    }

    /// Answers `file/revision/delete`.
    pub(super) fn delete_revision(&self) -> Result<Value, ApiError> {
        let RevisionParams { version, .. } = self.named()?;
        self.api.store.remove_version(version.id).map_err(latest)?;
        Ok(json!({}))
    }
}

/// Says of the current revision that it is the current one.
fn latest(error: crate::Error) -> ApiError {
    match error.kind() {
        ErrorKind::InvalidArgument => Fault::latest(error.to_string()).into(),
        _ => not_found(error, Fault::revision),
    }
}
