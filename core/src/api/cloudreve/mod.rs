//! The wire format of Cloudreve v4: calls in JSON, and the routes that its URLs lead to.
//!
//! | method and path | is |
//! |---|---|
//! | POST `file/url` | URLs of files, or of one archive of them |
//! | PUT `file/source` | direct links, made or found |
//! | DELETE `file/source/<link>` | one direct link's end |
//! | POST `file/version/current` | an older version made current |
//! | DELETE `file/version` | a version removed |
//! | GET, HEAD, OPTIONS `file/content/<entity>/<speed>/<name>?sign=` | a version |
//! | GET, HEAD, OPTIONS `file/archive/<archive>/<name>?sign=` | an archive |
//! | GET, HEAD, OPTIONS `/f/<link>/<name>`, `/f/d/<link>/<name>` | a direct link, shown or saved |
//! | GET, HEAD `/s/<share>`, `/s/<share>/<password>` | where the host shows a share |
//!
//! A user is a drive here, an entity a version. `docs/api/cloudreve.md` in the repository shows
//! each call, and says where the behaviour differs from the original's and why.

mod anew;
mod archive;
mod content;
mod error;
mod link;
mod name;
mod request;
mod resolve;
mod response;
mod routes;
mod share;
mod share_limit;
mod signed_url;
mod source;
mod ticket;
mod uri;
mod url;
mod version;

pub(super) use routes::{answer, answer_link, answer_share};

use super::{Api, Caller};
use crate::serve::Request;

use response::Responder;

/// A call under way.
struct Call<'a> {
    api: &'a Api,
    caller: &'a Caller,
    request: &'a Request<'a>,
    answer: Responder,
}
