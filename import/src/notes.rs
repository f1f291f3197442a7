//! What is said of files, and what has no place in a store.

use std::collections::{BTreeMap, HashMap};

use holdall::Result;
use serde_json::{Value, json};

use super::database::{Database, Group, User};
use super::report::Report;

/// The bit of a group's permissions that lets its users make archives.
const ARCHIVE: usize = 4;

/// Returns what is said of each file: tags, colors, emoji, properties. What the server says for itself
/// is not an attribute.
pub(super) fn attributes(database: &Database) -> HashMap<u64, BTreeMap<String, String>> {
    let mut attributes: HashMap<u64, BTreeMap<String, String>> = HashMap::new();
    for note in database.notes.iter().filter(|note| !note.name.starts_with("sys:")) {
        attributes.entry(note.file).or_default().insert(note.name.clone(), note.value.clone());
    }
    attributes
}

/// Tells what has no place.
///
/// # Errors
/// As [`Report::no_place`].
pub(super) fn tell(database: &Database, report: &mut Report) -> Result<()> {
    for user in &database.users {
        report.no_place("limits of users", Some(&limits(user, database)))?;
        let settings = json(user.settings.as_deref());
        // The server spells it so.
        for _ in settings.get("pined").and_then(Value::as_array).into_iter().flatten() {
            report.no_place("pins", None)?;
        }
        if settings.as_object().is_some_and(|settings| !settings.is_empty()) {
            report.no_place("settings of users", None)?;
        }
        if user.avatar {
            report.no_place("avatars", None)?;
        }
    }
    for _ in database.nodes.iter().filter(|node| node.view) {
        report.no_place("views of folders", None)?;
    }
    for share in &database.shares {
        if json(share.props.as_deref()).as_object().is_some_and(|props| !props.is_empty()) {
            report.no_place("settings of shares", None)?;
        }
    }
    for note in &database.notes {
        if note.name.starts_with("sys:") && note.name != "sys:restore_uri" {
            report.no_place("notes of the server's own", None)?;
        }
    }
    for (table, count) in &database.counted {
        let kind = match *table {
            "dav_accounts" => "WebDAV accounts",
            "passkeys" => "passkeys",
            _ => "OAuth grants",
        };
        for _ in 0..*count {
            report.no_place(kind, None)?;
        }
    }
    Ok(())
}

/// Returns what a user might do, in the words of the caller's limits.
fn limits(user: &User, database: &Database) -> Value {
    let none = Group {
        name: String::new(),
        max_storage: None,
        speed: None,
        permissions: Vec::new(),
        settings: None,
    };
    let group = user.group.and_then(|id| database.groups.get(&id)).unwrap_or(&none);
    let settings = json(group.settings.as_deref());
    let bit = |at: usize| group.permissions.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
    json!({
        "kind": "user", "id": user.id, "owner": user.email, "status": user.status, "group": group.name,
        "cause": "no-place", "message": "the limits of a user are the host's",
        "archive": bit(ARCHIVE), "links_at_once": settings.get("source_batch"),
        "redirected_links": settings.get("redirected_source"), "max_files": settings.get("max_walked_files"),
        "trash_retention_seconds": settings.get("trash_retention"),
        "speed_bytes_per_second": group.speed, "quota_bytes": group.max_storage,
    })
}

fn json(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}
