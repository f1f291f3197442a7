//! `/v2/file/get`, `/v2/file/list`, `/v2/file/delete` and the calls about drives.

use serde_json::{Value, json};

use super::error::{ApiError, Fault};
use super::request::{cursor, marker};
use super::resolve::{Own, Reach};
use super::{Call, response};
use crate::store::Drive;
use crate::{FileInfo, Kind};

/// Rows of one page, if nothing is said, and at most.
const PAGE: u64 = 50;
const MAX_PAGE: u64 = 100;
/// The most rows of a folder that are sorted by anything but the name, and that one call looks through
/// for those it wants.
const MAX_SORTED: usize = 10_000;
/// Rows that are read at once.
const STEP: usize = 500;

/// What a listing is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Name,
    Created,
    Updated,
    Size,
}

/// What a client asks of a listing.
struct ListParams<'a> {
    limit: usize,
    after: Option<String>,
    order: Order,
    descending: bool,
    kind: Option<Kind>,
    category: Option<&'a str>,
}

impl ListParams<'_> {
    fn wants(&self, info: &FileInfo) -> bool {
        self.kind.is_none_or(|kind| kind == info.kind)
            && self.category.is_none_or(|category| response::is_in(info, category))
    }

    /// Returns what a row is sorted by; names, which are unique, decide between equals.
    fn key(&self, info: &FileInfo) -> (i64, String) {
        let number = match self.order {
            Order::Name => 0,
            Order::Created => info.created.0,
            Order::Updated => info.modified.0,
            Order::Size => {
                let size = info.current.as_ref().map_or(0, |version| version.size);
                i64::try_from(size).unwrap_or(i64::MAX)
            }
        };
        (number, info.name.clone())
    }
}

impl Call<'_> {
    /// Reads how many rows a page has.
    pub(super) fn limit(&self, default: u64, most: u64) -> Result<usize, Fault> {
        let limit = self.fields.number("limit", 1..=most)?.unwrap_or(default);
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// Answers `file/get`: also for what lies in the recycle bin, which it says.
    pub(super) fn get(&self) -> Result<Value, ApiError> {
        let reach = self.reach()?;
        let id = self.fields.required("file_id")?;
        let expire = self.url_expire(10..=14_400)?;
        let info = match &reach {
            Reach::Own(own) => {
                let found = own.drive.find(own.id(id)?);
                found.map_err(|error| super::error::not_found(error, Fault::file))?.info
            }
            Reach::Share { .. } => reach.live(id)?,
        };
        self.file(&reach, &info, expire)
    }

    /// Answers `file/list`: a page of a folder.
    pub(super) fn list(&self) -> Result<Value, ApiError> {
        let reach = self.reach()?;
        let parent = self.fields.text("parent_file_id")?.unwrap_or("root");
        let params = self.list_params()?;
        let expire = self.url_expire(10..=14_400)?;
        let mut infos = Vec::new();
        let next = match &reach {
            // What is shared is what lies at the top of a share.
            Reach::Share { visit, .. } if parent == "root" => {
                infos.push(visit.file(visit.info().file)?);
                infos.retain(|info| params.wants(info) && params.after.is_none());
                None
            }
            Reach::Share { visit, .. } => {
                let drive = Drive::with_id(&self.api.store, visit.info().drive);
                self.page(&drive, &reach.live(parent)?, &params, &mut infos)?
            }
            Reach::Own(own) => self.page(&own.drive, &reach.live(parent)?, &params, &mut infos)?,
        };
        let items: Result<Vec<Value>, ApiError> =
            infos.iter().map(|info| self.file(&reach, info, expire)).collect();
        Ok(json!({ "items": items?, "next_marker": marker(next) }))
    }

    fn list_params(&self) -> Result<ListParams<'_>, ApiError> {
        let order = match self.fields.word("order_by", &["name", "created_at", "updated_at", "size"])? {
            Some("created_at") => Order::Created,
            Some("updated_at") => Order::Updated,
            Some("size") => Order::Size,
            _ => Order::Name,
        };
        let kind = self.fields.word("type", &["file", "folder", "all"])?;
        Ok(ListParams {
            limit: self.limit(PAGE, MAX_PAGE)?,
            after: cursor(&self.fields)?,
            order,
            descending: self.fields.word("order_direction", &["ASC", "DESC"])? == Some("DESC"),
            kind: match kind {
                Some("file") => Some(Kind::File),
                Some("folder") => Some(Kind::Folder),
                _ => None,
            },
            category: self.fields.text("category")?,
        })
    }

    /// Adds a page of a folder to `infos` and returns the cursor of the next.
    fn page(
        &self,
        drive: &Drive,
        folder: &FileInfo,
        params: &ListParams<'_>,
        infos: &mut Vec<FileInfo>,
    ) -> Result<Option<String>, ApiError> {
        if folder.kind != Kind::Folder {
            return Err(Fault::unsupported(format!("{} is a file and has no listing", folder.id)).into());
        }
        match (params.order, params.descending) {
            (Order::Name, false) => self.page_by_name(drive, folder, params, infos),
            _ => self.page_sorted(drive, folder, params, infos),
        }
    }

    /// In the order that names lie in: each page begins where the one before ended.
    fn page_by_name(
        &self,
        drive: &Drive,
        folder: &FileInfo,
        params: &ListParams<'_>,
        infos: &mut Vec<FileInfo>,
    ) -> Result<Option<String>, ApiError> {
        let (mut after, mut seen) = (params.after.clone(), 0_usize);
        loop {
            let step = if params.kind.is_none() && params.category.is_none() { params.limit } else { STEP };
            let rows = drive.list_in(folder.id, after.as_deref(), step)?;
            let ended = rows.len() < step;
            for row in rows {
                seen += 1;
                after = Some(row.name);
                let Ok(info) = self.api.store.file(row.file) else { continue };
                if params.wants(&info) {
                    infos.push(info);
                }
                if infos.len() == params.limit {
                    let more = !drive.list_in(folder.id, after.as_deref(), 1)?.is_empty();
                    return Ok(after.filter(|_| more));
                }
            }
            if ended {
                return Ok(None);
            }
            if seen >= MAX_SORTED {
                return Ok(after);
            }
        }
    }

    /// In another order: the folder is read whole and sorted.
    fn page_sorted(
        &self,
        drive: &Drive,
        folder: &FileInfo,
        params: &ListParams<'_>,
        infos: &mut Vec<FileInfo>,
    ) -> Result<Option<String>, ApiError> {
        let rows = drive.list_in(folder.id, None, MAX_SORTED + 1)?;
        if rows.len() > MAX_SORTED {
            let message = format!("a folder of more than {MAX_SORTED} is listed in order of name ASC alone");
            return Err(Fault::unsupported(message).into());
        }
        let after: Option<(i64, String)> = match &params.after {
            Some(text) => Some(
                serde_json::from_str(text)
                    .map_err(|_| Fault::invalid("marker is of a listing in another order"))?,
            ),
            None => None,
        };
        let mut sorted: Vec<((i64, String), FileInfo)> = rows
            .iter()
            .filter_map(|row| self.api.store.file(row.file).ok())
            .filter(|info| params.wants(info))
            .map(|info| (params.key(&info), info))
            .filter(|(key, _)| {
                after.as_ref().is_none_or(|after| if params.descending { key < after } else { key > after })
            })
            .collect();
        sorted
            .sort_by(|(one, _), (other, _)| if params.descending { other.cmp(one) } else { one.cmp(other) });
        let more = sorted.len() > params.limit;
        sorted.truncate(params.limit);
        let last = sorted.last().filter(|_| more).map(|(key, _)| json!([key.0, key.1]).to_string());
        infos.extend(sorted.into_iter().map(|(_, info)| info));
        Ok(last)
    }

    /// Answers `file/delete`: for good, and not to the recycle bin.
    pub(super) fn delete(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let id = own.id(self.fields.required("file_id")?)?;
        self.refuse_root(&own, id)?;
        own.drive.delete_file(id, self.now).map_err(|error| super::error::not_found(error, Fault::file))?;
        Ok(json!({
            "domain_id": response::DOMAIN,
            "drive_id": response::drive(own.drive.id()),
            "file_id": id.to_string(),
            "async_task_id": "",
        }))
    }

    pub(super) fn refuse_root(&self, own: &Own, id: crate::FileId) -> Result<(), ApiError> {
        match id == own.root {
            true => Err(Fault::forbidden("the root of a drive stays where it is").into()),
            false => Ok(()),
        }
    }

    /// Answers `drive/get`.
    pub(super) fn get_drive(&self) -> Result<Value, ApiError> {
        self.shown_drive(&self.own()?.drive)
    }

    /// Answers `drive/get_default_drive`: the caller's own, created if there is none yet.
    pub(super) fn get_default_drive(&self) -> Result<Value, ApiError> {
        let Some(name) = &self.caller.drive else {
            return Err(Fault::login("the access token is missing or not valid").into());
        };
        self.shown_drive(&self.api.store.drive(name)?)
    }

    /// Answers `drive/list_my_drives`.
    pub(super) fn list_my_drives(&self) -> Result<Value, ApiError> {
        Ok(json!({ "items": [self.get_default_drive()?], "next_marker": "" }))
    }

    fn shown_drive(&self, drive: &Drive) -> Result<Value, ApiError> {
        let info = drive.info()?;
        Ok(json!({
            "domain_id": response::DOMAIN,
            "drive_id": response::drive(info.id),
            "drive_name": info.name,
            "drive_type": "normal",
            "owner": info.name,
            "owner_type": "user",
            "created_at": response::time(info.created),
            "status": "enabled",
            "total_size": 0,
            "used_size": info.bytes,
        }))
    }
}
