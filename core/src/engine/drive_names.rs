//! The ids of drives by name, where rows are far away.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::id::DriveId;
use crate::machine::lock;

/// Names that are cached at most.
const MAX: usize = 1 << 16;

/// Drives that this process has used. None is ever renamed, and no id is given out twice.
#[derive(Debug, Default)]
pub(crate) struct DriveNames(Mutex<HashMap<String, DriveId>>);

impl DriveNames {
    /// Returns the drive of a name, if it was cached.
    pub(crate) fn get(&self, name: &str) -> Option<DriveId> {
        lock(&self.0).get(name).copied()
    }

    /// Caches a name.
    pub(crate) fn keep(&self, name: &str, id: DriveId) {
        let mut names = lock(&self.0);
        if names.len() >= MAX {
            names.clear();
        }
        names.insert(name.to_owned(), id);
    }
}
