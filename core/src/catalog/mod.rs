//! The catalog: every table, its codec and its transactions, over any [`crate::kv`] driver.
//!
//! The verbs are free functions over a transaction. Each looks at everything it needs before it
//! writes, so that a call that fails because of its arguments has written nothing and others in the
//! same transaction stand; after an error of kind `Corrupt`, `Io` or `Bug` the transaction is to
//! be dropped.

pub(crate) mod alias;
pub(crate) mod archive;
pub(crate) mod archive_access;
pub(crate) mod attribute;
pub(crate) mod blob;
pub(crate) mod check;
#[cfg(feature = "sim")]
pub mod codec;
pub(crate) mod copy;
pub(crate) mod counter;
pub(crate) mod delete;
pub(crate) mod depth;
pub(crate) mod drive;
pub(crate) mod dump;
pub(crate) mod free_name;
pub(crate) mod grace;
mod hash_index;
pub(crate) mod history;
pub(crate) mod id_sequence;
pub(crate) mod info;
pub(crate) mod link;
pub(crate) mod listing;
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
pub(crate) mod moving;
pub(crate) mod node;
pub(crate) mod note;
// Rows of stores that are no directory.
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
pub(crate) mod object;
pub(crate) mod path;
pub(crate) mod position;
// What the embedded driver has no use for.
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
pub(crate) mod prefetch;
pub(crate) mod prefix;
pub(crate) mod put;
pub(crate) mod record;
pub(crate) mod refcount;
pub(crate) mod rename;
pub(crate) mod revocation;
pub(crate) mod row;
pub(crate) mod search;
pub(crate) mod segment;
pub(crate) mod sha1_index;
pub(crate) mod share;
pub(crate) mod share_access;
pub(crate) mod signing_key;
pub(crate) mod stat;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod trash;
pub(crate) mod upload;
pub(crate) mod usage;
pub(crate) mod version;

#[cfg(test)]
pub(crate) mod suite;
#[cfg(test)]
pub(crate) mod suite_public;
#[cfg(test)]
pub(crate) mod suite_state;

pub use alias::Alias;
pub use copy::CopyVersions;
pub use info::{AttributeMatch, DriveInfo, FileInfo, Row, TrashInfo, VersionInfo};
pub use link::LinkInfo;
pub use put::Expect;
pub use share::ShareInfo;
