//! Where the content of an entity is, in the folder of uploads and nowhere else.

use std::path::{Component, Path, PathBuf};

use super::database::{Database, Entity};

/// Finds the file of an entity; none where it is not there, or not as long as it should be.
pub(super) fn find(uploads: &Path, entity: &Entity) -> Option<PathBuf> {
    let source = Path::new(&entity.source);
    let inside = source.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || !entity.usable {
        return None;
    }
    // The folder may be the server's own, its data folder, or that of the uploads alone.
    let tails = ["", "data", "data/uploads", "uploads"];
    tails.iter().filter_map(|tail| source.strip_prefix(tail).ok()).map(|tail| uploads.join(tail)).find(
        |path| {
            // A link in there could lead to anything.
            std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == entity.size)
        },
    )
}

/// Lists what cannot be imported of the contents that files have: the entity and where it should be.
pub(super) fn missing(database: &Database, uploads: &Path) -> Vec<String> {
    let mut missing = Vec::new();
    for entity in database.contents.values().flatten().filter_map(|id| database.entities.get(id)) {
        if entity.kind == 0 && find(uploads, entity).is_none() {
            missing.push(format!("entity {} at {}", entity.id, entity.source));
        }
    }
    missing.dedup();
    missing
}
