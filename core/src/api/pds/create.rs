//! `/v2/file/create`: a folder at once, a file by an upload, or without one where its content is in
//! the store and the client proves to have it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::{ApiError, Fault, not_found};
use super::part::{self, RequestedPart};
use super::rapid::Rapid;
use super::resolve::Own;
use super::{Call, response};
use crate::catalog::record::{Goal, UploadRecord};
use crate::http::valid_media_type;
use crate::id::{FileId, VersionId};
use crate::name::check_name;
use crate::{FileInfo, Kind};

/// How long an upload may take.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most tags of a file.
const MAX_TAGS: usize = 1000;
/// The most bytes of everything that is kept with a file.
const MAX_KEPT: usize = 60 << 10;

/// What is to be made.
struct CreateParams<'a> {
    name: &'a str,
    parent: FileId,
    /// Whether a name that is taken may change.
    rename: bool,
    /// Whether a name that is taken is answered with what has it.
    refuse: bool,
}

impl Call<'_> {
    /// Answers `file/create`.
    pub(super) fn create(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let kind = self.fields.required("type")?;
        match (kind, self.fields.text("file_id")?) {
            ("folder", _) => self.create_folder(&own),
            ("file", Some(id)) => {
                let file = own.live_file(own.id(id)?)?;
                self.create_version(&own, &file)
            }
            ("file", None) => self.create_file(&own),
            _ => Err(Fault::unsupported("type is not one of file, folder").into()),
        }
    }

    fn create_params(&self, own: &Own) -> Result<CreateParams<'_>, ApiError> {
        let name = self.fields.required("name")?;
        if name.len() > 255 {
            return Err(Fault::range("name is longer than 255 bytes").into());
        }
        check_name(name).map_err(|error| Fault::format(format!("name: {error}")))?;
        let mode = self.fields.word("check_name_mode", &["ignore", "auto_rename", "refuse"])?;
        let parent = own.live(own.id(self.fields.required("parent_file_id")?)?)?;
        if parent.kind != Kind::Folder {
            return Err(Fault::unlike(format!("parent_file_id {} is a file", parent.id)).into());
        }
        let refuse = mode == Some("refuse");
        // Names in a folder are unique: where the mode lets a second one be, it gets another name.
        Ok(CreateParams { name, parent: parent.id, rename: !refuse, refuse })
    }

    /// Tells what has the name already, if it does and the client wants to know.
    fn taken(&self, own: &Own, params: &CreateParams<'_>) -> Result<Option<Value>, ApiError> {
        if !params.refuse {
            return Ok(None);
        }
        let found =
            own.drive.child(params.parent, params.name).map_err(|error| not_found(error, Fault::file))?;
        let Some(found) = found else { return Ok(None) };
        let mut answer = self.file_json(own, found.id, params.parent, &found.name, found.kind);
        if let Value::Object(fields) = &mut answer {
            fields.insert("exist".into(), json!(true));
            fields.insert("rapid_upload".into(), json!(false));
            fields.insert("status".into(), json!("available"));
            if let Some(version) = &found.current {
                fields.insert("revision_id".into(), json!(version.id.to_string()));
            }
        }
        Ok(Some(answer))
    }

    fn file_json(&self, own: &Own, file: FileId, parent: FileId, name: &str, kind: Kind) -> Value {
        json!({
            "domain_id": response::DOMAIN,
            "drive_id": response::drive(own.drive.id()),
            "file_id": file.to_string(),
            "parent_file_id": own.wire(parent),
            "file_name": name,
            "type": if kind == Kind::Folder { "folder" } else { "file" },
        })
    }

    fn create_folder(&self, own: &Own) -> Result<Value, ApiError> {
        let params = self.create_params(own)?;
        if let Some(answer) = self.taken(own, &params)? {
            return Ok(answer);
        }
        let made = own.drive.mkdir_in(params.parent, params.name, params.rename, self.now)?;
        let mut answer = self.file_json(own, made.id, params.parent, &made.name, Kind::Folder);
        if let Value::Object(fields) = &mut answer {
            fields.insert("exist".into(), json!(false));
            fields.insert("status".into(), json!("available"));
        }
        Ok(answer)
    }

    fn create_file(&self, own: &Own) -> Result<Value, ApiError> {
        let params = self.create_params(own)?;
        let parts = part::asked(&self.fields)?;
        let record = self.record(own)?;
        if let Some(answer) = self.taken(own, &params)? {
            return Ok(answer);
        }
        let name = own.drive.free_name(params.parent, params.name, params.rename, self.now)?;
        let goal = Goal::New {
            file: self.api.store.draw_file()?,
            folder: params.parent,
            name: name.clone(),
            rename: params.rename,
        };
        self.begin(own, UploadRecord { goal, ..record }, params.parent, &name, &parts)
    }

    /// A file that is there gets one more revision.
    fn create_version(&self, own: &Own, file: &FileInfo) -> Result<Value, ApiError> {
        let parts = part::asked(&self.fields)?;
        let expect = self.last_revision(file)?;
        let record = self.record(own)?;
        let goal = Goal::Version { file: file.id, expect };
        let parent = file.parent.unwrap_or(own.root);
        self.begin(own, UploadRecord { goal, ..record }, parent, &file.name, &parts)
    }

    /// Reads which revision the client thinks is the current one, and whether it is.
    pub(super) fn last_revision(&self, file: &FileInfo) -> Result<Option<VersionId>, ApiError> {
        let Some(text) = self.fields.text("last_revision_id")? else { return Ok(None) };
        let current = file.current.as_ref().map(|version| version.id);
        match text.parse::<VersionId>() {
            Ok(id) if Some(id) == current => Ok(Some(id)),
            _ => Err(Fault::conflict("another revision is the latest one; last_revision_id is not").into()),
        }
    }

    /// Reads what is said of the content and of the file.
    fn record(&self, own: &Own) -> Result<UploadRecord, ApiError> {
        let most = self.api.store.engine()?.options.max_put_bytes;
        let media_type = match self.fields.text("content_type")? {
            Some(media_type) if !valid_media_type(media_type) => {
                return Err(Fault::format("content_type is not a media type").into());
            }
            Some(media_type) => media_type.to_owned(),
            // It follows the name under which it is served.
            None => String::new(),
        };
        Ok(UploadRecord {
            drive: own.drive.id(),
            goal: Goal::Version { file: own.root, expect: None },
            media_type,
            modified: self.fields.time("local_modified_at")?,
            attributes: self.attributes()?,
            size: self.fields.number("size", 0..=most)?,
            created: self.now,
            expires: self.now.after(LIFE),
            done: None,
        })
    }

    fn attributes(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let mut kept = BTreeMap::new();
        if let Some(text) = self.fields.text("description")? {
            if text.chars().count() > 1024 {
                return Err(Fault::range("description is longer than 1024 characters").into());
            }
            kept.insert(response::attribute("description"), text.to_owned());
        }
        if let Some(time) = self.fields.time("local_created_at")? {
            kept.insert(response::attribute("local_created_at"), response::time(time));
        }
        if self.fields.flag("hidden")? == Some(true) {
            kept.insert(response::attribute("hidden"), "true".to_owned());
        }
        for tag in self.fields.list("user_tags", MAX_TAGS)?.unwrap_or_default() {
            let tag = super::Fields::of(tag, "user_tags")?;
            let value = tag.any_text("value")?.unwrap_or_default();
            kept.insert(response::attribute(&format!("tag.{}", tag.required("key")?)), value.to_owned());
        }
        let len: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
        if len > MAX_KEPT {
            return Err(Fault::range(format!("description and user_tags are over {MAX_KEPT} bytes")).into());
        }
        Ok(kept)
    }

    /// Begins an upload, unless the content is there and the client proves to have it.
    fn begin(
        &self,
        own: &Own,
        record: UploadRecord,
        parent: FileId,
        name: &str,
        parts: &[RequestedPart],
    ) -> Result<Value, ApiError> {
        let mut answer = self.file_json(own, record.goal.file(), parent, name, Kind::File);
        let rapid = match self.rapid(own, &record, parent, name)? {
            Rapid::Made(version) => Some(version),
            Rapid::None => None,
            Rapid::Asked(challenge) => {
                let Value::Object(fields) = &mut answer else { return Ok(answer) };
                fields.insert("exist".into(), json!(false));
                fields.insert("rapid_upload".into(), json!(false));
                fields.insert("proof_challenge".into(), challenge);
                return Ok(answer);
            }
        };
        let Value::Object(fields) = &mut answer else { return Ok(answer) };
        fields.insert("exist".into(), json!(false));
        fields.insert("rapid_upload".into(), json!(rapid.is_some()));
        if let Some(version) = rapid {
            let info = self.api.store.file(version.id.file())?;
            fields.insert("file_name".into(), json!(info.name));
            fields.insert("status".into(), json!("available"));
            fields.insert("revision_id".into(), json!(version.id.to_string()));
            fields.insert("upload_id".into(), json!(""));
            fields.insert("part_info_list".into(), json!([]));
            return Ok(answer);
        }
        let drive = record.drive;
        let id = self.api.store.begin_upload(record)?;
        fields.insert("status".into(), json!("uploading"));
        fields.insert("upload_id".into(), json!(id.to_string()));
        fields.insert("part_info_list".into(), self.upload_urls(id, drive, parts)?);
        Ok(answer)
    }
}
