//! Responses: the JSON reply, and how drives, files and revisions are shown in it.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::resolve::{Download, Own, Reach};
use super::{Call, DEFAULT_EXPIRE};
use crate::body::Body;
use crate::catalog::state::State;
use crate::id::{DriveId, VersionId};
use crate::serve::Reply;
use crate::time::Time;
use crate::{FileInfo, Kind, Result, VersionInfo};

/// The domain that every drive of a store is in.
pub(super) const DOMAIN: &str = "holdall";

/// The attribute that a file's field is kept in.
pub(super) fn attribute(field: &str) -> String {
    format!("pds.{field}")
}

/// Formats a time: RFC 3339 in UTC, with milliseconds.
pub(super) fn time(time: Time) -> String {
    match jiff::Timestamp::from_microsecond(time.0) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => time.to_string(),
    }
}

/// Shows a SHA-1 as upper-case hexadecimal digits.
pub(super) fn hash(sha1: &[u8; 20]) -> String {
    sha1.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Shows the id of a drive: a number in decimal digits.
pub(super) fn drive(id: DriveId) -> String {
    id.0.to_string()
}

/// Tells the kind of a file from its media type.
fn category(media_type: &str) -> &'static str {
    let (top, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
    let sub = sub.split(';').next().unwrap_or_default().trim();
    match top {
        "image" => "image",
        "video" => "video",
        "audio" => "audio",
        "text" => "doc",
        _ => match sub {
            "pdf" | "msword" | "rtf" | "json" | "xml" => "doc",
            _ if sub.starts_with("vnd.openxmlformats-officedocument")
                || sub.starts_with("vnd.oasis.opendocument")
                || sub.starts_with("vnd.ms-") =>
            {
                "doc"
            }
            "zip" | "gzip" | "x-tar" | "x-7z-compressed" | "x-rar-compressed" | "vnd.rar" | "x-bzip2"
            | "zstd" => "zip",
            _ => "others",
        },
    }
}

/// Returns what stands behind the last point of a name.
fn extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

/// Whether a file belongs to a category.
pub(super) fn is_in(info: &FileInfo, wanted: &str) -> bool {
    info.current.as_ref().is_some_and(|version| category(&version.media_type) == wanted)
}

/// Tells the hashes of a version to who may download it.
fn hashes(fields: &mut Map<String, Value>, version: &VersionInfo, _: Download<'_>) {
    fields.insert("crc64_hash".into(), json!(version.crc64.to_string()));
    fields.insert("content_hash".into(), json!(hash(&version.sha1)));
    fields.insert("content_hash_name".into(), json!("sha1"));
}

fn content(fields: &mut Map<String, Value>, version: &VersionInfo) {
    fields.insert("size".into(), json!(version.size));
    fields.insert("revision_id".into(), json!(version.id.to_string()));
}

/// Makes a reply of JSON.
pub(super) fn json_reply(status: u16, value: &Value) -> Reply {
    let text = value.to_string();
    let headers = vec![
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("Content-Length", text.len().to_string()),
        ("Cache-Control", "no-store".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    Reply { status, headers, body: Body::from_bytes(text), pace: None }
}

impl Call<'_> {
    /// Shows a file or folder. The owner is given URLs of its content.
    pub(super) fn file(&self, reach: &Reach, info: &FileInfo, expire: u64) -> Result<Value, ApiError> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("domain_id", json!(DOMAIN));
        set("drive_id", json!(drive(info.drive)));
        set("file_id", json!(reach.wire(info.id)));
        let is_top = matches!(reach, Reach::Share { visit, .. } if visit.info().file == info.id);
        match info.parent {
            Some(_) if is_top => set("parent_file_id", json!("root")),
            Some(parent) => set("parent_file_id", json!(reach.wire(parent))),
            None => None,
        };
        let is_root = matches!(reach, Reach::Own(own) if own.root == info.id);
        set("name", json!(if is_root { "root" } else { info.name.as_str() }));
        set("type", json!(if info.kind == Kind::Folder { "folder" } else { "file" }));
        set("status", json!("available"));
        set("created_at", json!(time(info.created)));
        set("updated_at", json!(time(info.modified)));
        if let Some(trashed) = info.trashed {
            set("trashed_at", json!(time(trashed)));
        }
        set("trashed", json!(info.trashed.is_some()));
        for name in ["description", "local_created_at"] {
            if let Some(value) = info.attributes.get(&attribute(name)) {
                set(name, json!(value));
            }
        }
        set("hidden", json!(info.attributes.get(&attribute("hidden")).is_some_and(|text| text == "true")));
        set("starred", json!(false));
        let prefix = attribute("tag.");
        let tags: Map<String, Value> = info
            .attributes
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), json!(value))))
            .collect();
        if !tags.is_empty() {
            set("user_tags", Value::Object(tags));
        }
        if let Some(version) = &info.current {
            set("local_modified_at", json!(time(version.modified)));
            set("content_type", json!(version.media_type));
            set("mime_type", json!(version.media_type));
            set("category", json!(category(&version.media_type)));
            set("file_extension", json!(extension(&info.name)));
            set("revision_version", json!(version.id.number()));
            content(&mut fields, version);
            if let Ok(download) = reach.download() {
                hashes(&mut fields, version, download);
            }
            if let Reach::Own(own) = reach
                && self.is_live(own, info)?
            {
                self.urls(&mut fields, version.id, expire)?;
            }
        }
        Ok(Value::Object(fields))
    }

    fn is_live(&self, own: &Own, info: &FileInfo) -> Result<bool, ApiError> {
        Ok(info.trashed.is_none() && own.drive.find(info.id)?.state == State::Live)
    }

    /// Adds the URLs that show and save a version.
    fn urls(&self, fields: &mut Map<String, Value>, id: VersionId, expire: u64) -> Result<(), ApiError> {
        let url = |inline: bool| {
            let mut url = self.url(self.api.store.url_of_revision(id), expire);
            if inline {
                url = url.inline();
            }
            url.sign().map(|url| self.on_site(&url))
        };
        fields.insert("url".into(), json!(url(true)?));
        fields.insert("download_url".into(), json!(url(false)?));
        Ok(())
    }

    /// Shows a revision: the file it is of, the version, and what is said of it.
    pub(super) fn revision(
        &self,
        info: &FileInfo,
        version: &VersionInfo,
        note: &str,
        expire: Option<u64>,
        download: Download<'_>,
    ) -> Result<Value, ApiError> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("domain_id", json!(DOMAIN));
        set("drive_id", json!(drive(info.drive)));
        set("file_id", json!(info.id.to_string()));
        set("revision_name", json!(info.name));
        set("revision_version", json!(version.id.number()));
        set("revision_description", json!(note));
        set("file_extension", json!(extension(&info.name)));
        set("created_at", json!(time(version.created)));
        set("updated_at", json!(time(version.created)));
        set("keep_forever", json!(version.keep));
        set("is_latest_version", json!(version.current));
        content(&mut fields, version);
        hashes(&mut fields, version, download);
        if let Some(expire) = expire {
            self.urls(&mut fields, version.id, expire)?;
        }
        Ok(Value::Object(fields))
    }

    /// Shows a file after it was changed, with URLs of the default life.
    pub(super) fn shown(&self, own: Own, info: &FileInfo) -> Result<Value, ApiError> {
        self.file(&Reach::Own(own), info, DEFAULT_EXPIRE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_behind_the_second() {
        assert_eq!(time(Time(1_641_135_845_999_999)), "2022-01-02T15:04:05.999Z");
        assert_eq!(time(Time::from_unix(1_641_135_845)), "2022-01-02T15:04:05.000Z");
    }

    #[test]
    fn names_and_types_are_sorted() {
        assert_eq!(["a.tar.gz", "a", ".profile", "a."].map(extension), ["gz", "", "", ""]);
        let types =
            ["image/png", "text/plain; charset=utf-8", "application/pdf", "application/zip", "x/y", ""];
        assert_eq!(types.map(category), ["image", "doc", "doc", "zip", "others", "others"]);
    }
}
