//! `/v2/file/get_download_url`, `/v2/file/download` and `/v2/file/archive_files`.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::{ApiError, Fault, not_found};
use super::resolve::{Download, Own, Reach};
use super::response;
use super::{Call, DEFAULT_EXPIRE, MAX_EXPIRE};
use crate::catalog::archive_access::UsableArchive;
use crate::catalog::record::Owner;
use crate::http::valid_media_type;
use crate::id::{ArchiveId, FileId, ShareId, VersionId};
use crate::mutant::{self, Mutant};
use crate::name::check_name;
use crate::serve::Reply;
use crate::store::{Archive, Url};
use crate::time::Time;
use crate::{ErrorKind, FileInfo, Kind, VersionInfo};

/// The most files and folders that one archive is asked of.
const MAX_PICKS: usize = 1000;

/// What a client asks of the URL.
struct DownloadParams<'a> {
    name: Option<&'a str>,
    media_type: Option<&'a str>,
    expire: u64,
}

/// What a URL leads to, as the answer describes it.
struct UrlContent {
    size: u64,
    crc64: u64,
    sha1: Option<[u8; 20]>,
}

impl Call<'_> {
    /// Sets what every URL of a call has: when it begins, how long it lives, how fast it goes.
    pub(super) fn url(&self, url: Url, expire: u64) -> Url {
        // `expiration` tells the second at which it is over.
        let url = url.at(Time::from_unix(self.now.unix())).expires_in(Duration::from_secs(expire));
        match self.caller.limits.speed {
            0 => url,
            speed => url.pace(speed),
        }
    }

    fn url_params(&self) -> Result<DownloadParams<'_>, ApiError> {
        let expire = self.fields.number("expire_sec", 1..=MAX_EXPIRE)?.unwrap_or(DEFAULT_EXPIRE);
        self.check_life(expire, self.api.store.engine()?.options.max_lifetime)?;
        let name = self.fields.text("file_name")?;
        if let Some(name) = name {
            if name.chars().count() > 1024 || name.len() > 255 {
                return Err(Fault::range("file_name is longer than 255 bytes").into());
            }
            check_name(name).map_err(|error| Fault::format(format!("file_name: {error}")))?;
        }
        let media_type = self.fields.text("response_content_type")?;
        if media_type.is_some_and(|media_type| !valid_media_type(media_type)) {
            return Err(Fault::format("response_content_type is not a media type").into());
        }
        Ok(DownloadParams { name, media_type, expire })
    }

    fn check_life(&self, expire: u64, most: Duration) -> Result<(), Fault> {
        match expire > most.as_secs() {
            true => Err(Fault::range(format!("expire_sec is over {} s, the most here", most.as_secs()))),
            false => Ok(()),
        }
    }

    /// Answers `get_download_url`: a file, one of its revisions, or a folder or archive as a zip.
    pub(super) fn get_download_url(&self) -> Result<Value, ApiError> {
        let reach = self.reach()?;
        let id = self.fields.required("file_id")?;
        let params = self.url_params()?;
        if let Ok(id) = id.parse::<ArchiveId>() {
            return self.archive_url(&reach, id, &params);
        }
        let revision = self.fields.text("revision_id")?;
        let info = reach.live(id)?;
        if info.kind == Kind::Folder {
            if revision.is_some() {
                return Err(Fault::revision(format!("{id} is a folder and has no revisions")).into());
            }
            let id = self.archive(&reach, &[info.id], self.zip_name(&info, &params), params.expire)?;
            return self.archive_url(&reach, id, &params);
        }
        let version = self.version(&info, revision)?;
        let url = self.file_url(&reach, &info, &version, revision.is_some(), reach.download()?)?;
        let content = UrlContent { size: version.size, crc64: version.crc64, sha1: Some(version.sha1) };
        let mut answer = self.url_json(self.made(url, &params)?, &params, &content);
        if let Value::Object(fields) = &mut answer {
            fields.insert("drive_id".into(), json!(response::drive(info.drive)));
            fields.insert("file_id".into(), json!(info.id.to_string()));
            fields.insert("revision_id".into(), json!(version.id.to_string()));
        }
        Ok(answer)
    }

    /// Finds the version that was asked for: the current one, or one of the file's.
    fn version(&self, info: &FileInfo, revision: Option<&str>) -> Result<VersionInfo, ApiError> {
        let current = info.current.clone();
        let Some(text) = revision else {
            return current.ok_or_else(|| Fault::file("the file has no content").into());
        };
        let absent = || Fault::revision(format!("file {} has no revision of that id", info.id));
        let id: VersionId = text.parse().map_err(|_| absent())?;
        if id.file() != info.id {
            return Err(absent().into());
        }
        self.api.store.version(id).map_err(|error| not_found(error, Fault::revision))
    }

    fn file_url(
        &self,
        reach: &Reach,
        info: &FileInfo,
        version: &VersionInfo,
        chosen: bool,
        _: Download<'_>,
    ) -> Result<Url, ApiError> {
        match reach {
            Reach::Own(_) => Ok(self.api.store.url_of_revision(version)),
            Reach::Share { .. } if chosen && !version.current => {
                Err(Fault::permission("a share gives the current revision alone").into())
            }
            Reach::Share { visit, .. } => Ok(visit.url_of(info.id)?),
        }
    }

    fn zip_name(&self, info: &FileInfo, params: &DownloadParams<'_>) -> String {
        match (params.name, info.name.as_str()) {
            (Some(name), _) => name.to_owned(),
            (None, "") => "archive.zip".to_owned(),
            (None, name) if name.len() > 251 => "archive.zip".to_owned(),
            (None, name) => format!("{name}.zip"),
        }
    }

    /// Makes an archive of files and folders: at once, since no content is read for it.
    fn archive(
        &self,
        reach: &Reach,
        files: &[FileId],
        name: String,
        expire: u64,
    ) -> Result<ArchiveId, ApiError> {
        self.check_archive()?;
        reach.download()?;
        self.check_life(expire, self.api.store.grace()?)?;
        let archive = match reach {
            Reach::Own(own) => Archive::of_files(&own.drive, files)?,
            Reach::Share { visit, .. } => visit.archive_of(files)?,
        };
        Ok(archive.name(name).expires_in(Duration::from_secs(expire)).create()?.id)
    }

    /// Answers for an archive that is there: its exact length and CRC-64 are known already.
    fn archive_url(
        &self,
        reach: &Reach,
        id: ArchiveId,
        params: &DownloadParams<'_>,
    ) -> Result<Value, ApiError> {
        let archive = self.find_archive(reach, id)?;
        let record = &archive.record;
        let left = record.expires.unix().saturating_sub(self.now.unix());
        let left = u64::try_from(left).unwrap_or(0).max(1);
        let params = DownloadParams { expire: params.expire.min(left), ..*params };
        let url = self.made(self.api.store.url_of_archive(id), &params)?;
        let content = UrlContent { size: record.len, crc64: self.api.store.archive_crc64(id)?, sha1: None };
        let mut answer = self.url_json(url, &params, &content);
        if let Value::Object(fields) = &mut answer {
            fields.insert("drive_id".into(), json!(response::drive(reach.drive())));
            fields.insert("file_id".into(), json!(id.to_string()));
        }
        Ok(answer)
    }

    /// Finds an archive by its id, for who made it and may still have archives.
    fn find_archive(&self, reach: &Reach, id: ArchiveId) -> Result<UsableArchive, ApiError> {
        let absent = || ApiError::from(Fault::file("there is no such archive"));
        let engine = self.api.store.engine()?;
        let found = UsableArchive::find(&engine.reader()?, id, self.now);
        let archive = found.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::Gone => absent(),
            _ => error.into(),
        })?;
        let fits = match reach {
            Reach::Own(own) => archive.record.owner == Owner::Drive(own.drive.id()),
            Reach::Share { visit, .. } => archive.record.owner == Owner::Share(visit.info().id),
        };
        if mutant::is_active(Mutant::ArchiveById) {
            return Ok(archive);
        }
        if !fits {
            return Err(absent());
        }
        self.check_archive()?;
        if !archive.record.shares.is_empty() {
            for (drive, _) in &archive.record.drives {
                self.check_share_download(*drive)?;
            }
        }
        Ok(archive)
    }

    fn check_archive(&self) -> Result<(), ApiError> {
        match self.caller.limits.archive {
            true => Ok(()),
            false => Err(Fault::permission("the caller's group may not download archives").into()),
        }
    }

    fn made(&self, url: Url, params: &DownloadParams<'_>) -> Result<String, ApiError> {
        let mut url = self.url(url, params.expire);
        if let Some(name) = params.name {
            url = url.attachment(name);
        }
        if let Some(media_type) = params.media_type {
            url = url.media_type(media_type);
        }
        Ok(url.sign()?)
    }

    fn url_json(&self, url: String, params: &DownloadParams<'_>, content: &UrlContent) -> Value {
        let mount = &self.api.mount;
        let on =
            |base: &Option<String>| base.as_ref().map(|base| self.on_base(base, &url)).unwrap_or_default();
        let expires = Time::from_unix(self.now.unix()).after(Duration::from_secs(params.expire));
        json!({
            "domain_id": response::DOMAIN,
            "url": self.on_site(&url),
            "internal_url": on(&mount.internal_base),
            "cdn_url": on(&mount.cdn_base),
            "expiration": response::time(expires),
            "method": "GET",
            "size": content.size,
            "crc64_hash": content.crc64.to_string(),
            "content_hash": content.sha1.as_ref().map(response::hash).unwrap_or_default(),
            "content_hash_name": if content.sha1.is_some() { "sha1" } else { "none" },
        })
    }

    /// Answers `archive_files`: the archive is there when the answer is.
    pub(super) fn archive_files(&self) -> Result<Value, ApiError> {
        let reach = self.reach()?;
        let mut texts = Vec::new();
        for value in self.fields.list("file_ids", MAX_PICKS)?.unwrap_or_default() {
            texts.push(
                value.as_str().ok_or_else(|| Fault::format("file_ids holds a value that is not a string"))?,
            );
        }
        let files = self.fields.list("files", MAX_PICKS)?.unwrap_or_default();
        let files: Result<Vec<_>, _> = files.iter().map(|value| super::Fields::of(value, "files")).collect();
        let files = files?;
        for file in &files {
            texts.push(file.required("file_id")?);
        }
        if texts.is_empty() {
            return Err(Fault::missing("file_ids or files is missing").into());
        }
        let mut picks = Vec::new();
        for text in texts {
            let info = reach.live(text)?;
            if !picks.contains(&info.id) {
                picks.push(info.id);
            }
        }
        let name = match self.fields.text("name")? {
            Some(name) if name.to_ascii_lowercase().ends_with(".zip") => name.to_owned(),
            Some(name) => format!("{name}.zip"),
            None => "archive.zip".to_owned(),
        };
        if name.len() > 255 {
            return Err(Fault::range("name is longer than 255 bytes").into());
        }
        check_name(&name).map_err(|error| Fault::format(format!("name: {error}")))?;
        let id = self.archive(&reach, &picks, name, DEFAULT_EXPIRE)?;
        self.task(&reach, id)
    }

    /// Answers `async_task/get` for an archive, which is done as soon as it has an id.
    pub(super) fn get_async_task(&self) -> Result<Value, ApiError> {
        let absent = || Fault::absent("there is no such task");
        let text = self.fields.required("async_task_id")?;
        let id: ArchiveId = text.parse().map_err(|_| absent())?;
        let reach = match (self.share_token(), self.caller.drive.is_some() || self.caller.administrator) {
            (Some(token), _) => {
                let share = ShareId(self.share_claims(token)?.subject);
                self.visit(token, share)?
            }
            (None, true) => {
                let engine = self.api.store.engine()?;
                let found = UsableArchive::find(&engine.reader()?, id, self.now);
                let owner = found.map_err(|error| match error.kind() {
                    ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::Gone => absent().into(),
                    _ => ApiError::from(error),
                })?;
                match owner.record.owner {
                    Owner::Drive(drive) if self.caller.administrator || self.own_drive()? == Some(drive) => {
                        Reach::Own(Own::of(self, drive)?)
                    }
                    _ => return Err(absent().into()),
                }
            }
            (None, false) => return Err(Fault::login("the access token is missing or not valid").into()),
        };
        self.task(&reach, id)
    }

    fn task(&self, reach: &Reach, id: ArchiveId) -> Result<Value, ApiError> {
        let params = DownloadParams { name: None, media_type: None, expire: DEFAULT_EXPIRE };
        let answer = self.archive_url(reach, id, &params)?;
        let of = |name: &str| answer.get(name).cloned().unwrap_or_default();
        Ok(json!({
            "async_task_id": id.to_string(),
            "state": "Succeed",
            "status": "Succeed",
            "consumed_process": 1,
            "total_process": 1,
            "url": of("url"),
            "archive_file_result": { "url": of("url"), "size": of("size"), "crc64_hash": of("crc64_hash") },
        }))
    }

    /// Answers `GET file/download`: the address of the content, behind one that never changes.
    pub(super) fn download(&self) -> Result<Reply, ApiError> {
        let answer = self.get_download_url()?;
        let url = answer.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut reply = response::json_reply(302, &json!({}));
        reply.headers.push(("Location", url));
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::file_id;
    use super::*;

    #[test]
    fn an_archive_is_distinguished_from_a_file_by_its_id() {
        assert!("a10".parse::<ArchiveId>().is_ok() && file_id("a10").is_err());
        assert!("f10".parse::<ArchiveId>().is_err() && file_id("f10").is_ok());
    }
}
