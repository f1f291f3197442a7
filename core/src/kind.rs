//! Files and folders.

use serde::{Deserialize, Serialize};

/// File or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Has content.
    File,
    /// Has children.
    Folder,
}
