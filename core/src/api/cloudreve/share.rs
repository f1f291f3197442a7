//! The addresses of shares that users pass on: `/s/<id>` and `/s/<id>/<password>`.

use super::error::Fault;
use super::response::{Responder, redirect};
use crate::Result;
use crate::api::Api;
use crate::api::mount::URI;
use crate::serve::Reply;
use crate::serve::route::decode;
use crate::token::cloudreve::escape_query;

/// Sends whoever follows the address to the host's page of the share. Whether there is such a share is
/// that page's to say.
pub(super) fn answer(answer: &Responder, api: &Api, method: &str, path: &str) -> Result<Reply> {
    let parts: Vec<&str> = path.split('/').collect();
    let (id, password) = match *parts.as_slice() {
        [id] | [id, ""] => (id, ""),
        [id, password] => (id, password),
        _ => return answer.fault(404, &Fault::no_route()),
    };
    let (Ok(id), Ok(password), Some(page)) = (decode(id), decode(password), &api.mount.share_page) else {
        return answer.fault(404, &Fault::no_route());
    };
    if id.is_empty() {
        return answer.fault(404, &Fault::no_route());
    }
    if !matches!(method, "GET" | "HEAD") {
        return answer.not_allowed("GET, HEAD");
    }
    // A password in a URI is escaped there too.
    let password = match &*password {
        "" => String::new(),
        password => format!(":{}", escape_query(password).replace('+', "%20")),
    };
    let uri = format!("cloudreve://{id}{password}@share");
    Ok(redirect(page.replacen(URI, &escape_query(&uri), 1)))
}
