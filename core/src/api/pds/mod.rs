//! The wire format of PDS: JSON calls under `v2`, and the parts of uploads.
//!
//! | call | who |
//! |---|---|
//! | `file/get_download_url`, `file/download`, `file/archive_files`, `async_task/get`, `file/get`, `file/list` | owner, administrator, visitor with a share token |
//! | `file/create`, `file/get_upload_url`, `file/list_uploaded_parts`, `file/complete`, `file/delete` | owner, administrator |
//! | `file/revision/list`, `get`, `update`, `restore`, `delete` | owner, administrator |
//! | `recyclebin/trash`, `restore`, `list` | owner, administrator |
//! | `drive/get`, `drive/get_default_drive`, `drive/list_my_drives` | owner, administrator |
//! | `share_link/get_share_token` | anybody with the share's password |
//! | `PUT upload/<token>` | whoever has the URL |
//!
//! Ids on the wire are the store's own; a drive's is its number in decimal digits, and `root` names the
//! top folder.

mod create;
mod download;
mod error;
mod file;
mod part;
mod proof;
mod rapid;
mod receive;
mod recyclebin;
mod request;
mod resolve;
mod response;
mod revision;
mod routes;
mod share;

pub(super) use error::ApiError;
pub(super) use receive::Receiver;
pub(super) use routes::{answer, receive, refuse};

use super::{Api, Caller};
use crate::serve::Request;
use crate::store::url::base_path;
use crate::time::Time;

use request::Fields;

/// How many seconds a URL lives if nothing is said.
const DEFAULT_EXPIRE: u64 = 900;
/// The longest that a download URL lives, in seconds: 32 hours.
const MAX_EXPIRE: u64 = 115_200;

/// A call: who makes it, and with what.
struct Call<'a> {
    api: &'a Api,
    caller: &'a Caller,
    request: &'a Request<'a>,
    fields: Fields,
    now: Time,
}

impl Call<'_> {
    /// Puts a URL of the store on the base of the site, if it has one.
    fn on_site(&self, url: &str) -> String {
        match self.api.mount.sites.first() {
            Some(site) if !site.is_empty() => self.on_base(site, url),
            _ => url.to_owned(),
        }
    }

    /// Puts a URL of the store on another base: its path stays.
    fn on_base(&self, base: &str, url: &str) -> String {
        format!("{base}{}", base_path(url))
    }

    /// Reads how long the URLs beside a file live.
    fn url_expire(&self, bounds: std::ops::RangeInclusive<u64>) -> Result<u64, ApiError> {
        let most = self.api.store.engine()?.options.max_lifetime.as_secs();
        let expire = self.fields.number("url_expire_sec", bounds)?;
        Ok(expire.unwrap_or(DEFAULT_EXPIRE).min(most))
    }
}

/// Returns the base that the parts of uploads are put to.
fn upload_base(api: &Api) -> String {
    let site = api.mount.sites.first().map(String::as_str).unwrap_or_default();
    format!("{site}{}", api.mount.prefix)
}
