//! `/v2/recyclebin/trash`, `restore` and `list`.

use serde_json::{Value, json};

use super::error::{ApiError, Fault, not_found};
use super::request::{cursor, marker};
use super::resolve::{Own, Reach};
use super::{Call, response};
use crate::FileId;

impl Call<'_> {
    /// Answers `recyclebin/trash`: done at once, whatever is in it.
    pub(super) fn trash(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let id = own.id(self.fields.required("file_id")?)?;
        self.refuse_root(&own, id)?;
        own.drive.trash_file(id, self.now).map_err(|error| not_found(error, Fault::file))?;
        Ok(self.moved(&own, id))
    }

    /// Answers `recyclebin/restore`.
    pub(super) fn restore(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let id = own.id(self.fields.required("file_id")?)?;
        own.drive.restore_file(id, self.now).map_err(|error| not_found(error, Fault::file))?;
        Ok(self.moved(&own, id))
    }

    /// Answers `recyclebin/list`, in order of id.
    pub(super) fn list_recyclebin(&self) -> Result<Value, ApiError> {
        let own = self.own()?;
        let limit = self.limit(50, 200)?;
        let after = match cursor(&self.fields)? {
            Some(text) => {
                Some(text.parse::<FileId>().map_err(|_| Fault::invalid("marker is not one of this list"))?)
            }
            None => None,
        };
        let mut trashed = own.drive.list_trash(after, limit.saturating_add(1))?;
        let more = trashed.len() > limit;
        trashed.truncate(limit);
        let next = trashed.last().filter(|_| more).map(|last| last.file.to_string());
        let reach = Reach::Own(own);
        let mut items = Vec::with_capacity(trashed.len());
        for row in trashed {
            items.push(self.file(&reach, &self.api.store.file(row.file)?, super::DEFAULT_EXPIRE)?);
        }
        Ok(json!({ "items": items, "next_marker": marker(next) }))
    }

    fn moved(&self, own: &Own, id: FileId) -> Value {
        json!({
            "domain_id": response::DOMAIN,
            "drive_id": response::drive(own.drive.id()),
            "file_id": id.to_string(),
            "async_task_id": "",
        })
    }
}
