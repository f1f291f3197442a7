//! What is tried at the end of each history: ids counted from 1 on, every URL used, and the store
//! compared with the model, so that no call changed what it should not.

use holdall::token::HashKind;
use holdall::{FileId, Kind, VersionId};
use serde_json::json;

use crate::marks::Secret;
use crate::model::DRIVES;
use crate::world::{IMPORTED, Who, World};

/// How far an attacker counts.
fn counted(world: &World) -> u64 {
    let ids = world.model.nodes.iter().map(|node| node.id).filter(|id| *id < 1 << 32);
    ids.max().unwrap_or(0) + 20
}

/// A stranger counts the ids of shares and direct links: what was handed to nobody else is found by
/// nobody else.
pub fn count_ids(world: &mut World) {
    let end = counted(world);
    for number in IMPORTED + 1..end {
        world.begin(Who::Stranger, "counted ids of shares");
        let id = holdall::ShareId(number).to_string();
        let answer = world.pds("/share_link/get_share_token", &json!({ "share_id": id }), &[]);
        if answer.ok() {
            world.find("a share is found by counting", format!("share {id}"));
            break;
        }
    }
    let numbers: Vec<u64> = (IMPORTED + 1..end).collect();
    for some in numbers.chunks(500) {
        let uris: Vec<String> = some
            .iter()
            .map(|number| format!("cloudreve://{}@share", world.hash(*number, HashKind::Share)))
            .collect();
        let answer =
            world.send("POST", "/api/v4/file/url", &[], json!({ "uris": uris }).to_string().as_bytes());
        // What there is not is 404; a share of a folder has no content itself, and says so.
        let is_there = |uri: &&String| answer.json["aggregated_error"][uri.as_str()]["code"] != json!(404);
        if let Some(uri) = uris.iter().find(is_there) {
            world.find("a share is found by counting", uri.clone());
        }
    }
    let mut names: Vec<String> = world.model.links.iter().map(|link| link.name.clone()).collect();
    names.truncate(2);
    for name in names {
        for number in IMPORTED + 1..end {
            world.begin(Who::Stranger, "counted ids of links");
            let hash = world.hash(number, HashKind::SourceLink);
            let id = holdall::LinkId(number);
            for target in [format!("/f/{hash}/{name}"), format!("/files/f/{id}/{name}")] {
                let answer = world.send("GET", &target, &[], b"");
                if answer.location.is_some()
                    || answer.seen.iter().any(|secret| matches!(secret, Secret::Bytes(_)))
                {
                    world.find("a direct link is found by counting", target);
                    return;
                }
            }
        }
    }
}

/// Everybody who has a drive asks for archives by counted ids, and by those that were seen.
pub fn count_archives(world: &mut World) {
    let end = counted(world);
    for who in [Who::Alice, Who::Bob, Who::Carl] {
        let drive = who.drive().unwrap_or(0);
        for number in IMPORTED + 1..end {
            world.begin(who, "counted ids of archives");
            let id = holdall::ArchiveId(number).to_string();
            let body = json!({ "drive_id": world.drive_id(drive), "file_id": id });
            let answer = world.pds("/file/get_download_url", &body, &[]);
            if !answer.ok() {
                continue;
            }
            match world.model.archives.iter().position(|archive| archive.id == id) {
                Some(archive) => world.judge_archive(who, archive, &answer),
                None => world
                    .find("an archive that was refused to everybody", format!("archive {id}, to {who:?}")),
            }
        }
    }
}

/// Everybody who has a drive asks for every archive by its id.
pub fn ask_for_archives(world: &mut World) {
    for archive in 0..world.model.archives.len() {
        if world.model.archives[archive].id.is_empty() {
            continue;
        }
        for who in [Who::Alice, Who::Bob, Who::Carl] {
            world.begin(who, "/file/get_download_url, an archive");
            let id = world.model.archives[archive].id.clone();
            let body = json!({ "drive_id": world.drive_id(who.drive().unwrap_or(0)), "file_id": id });
            let answer = world.pds("/file/get_download_url", &body, &[]);
            world.judge_archive(who, archive, &answer);
        }
    }
}

pub fn use_all_urls(world: &mut World) {
    for number in 0..world.urls.len() {
        crate::urls::use_one(world, number);
    }
}

/// Compares every drive with the model.
pub fn compare(world: &mut World) {
    world.begin(Who::Administrator, "the store itself");
    for (drive, name) in DRIVES.iter().enumerate() {
        let mut found: Vec<(String, u64, Kind)> = Vec::new();
        let walked = world.drives[drive].walk("", |path, row| {
            found.push((path.to_owned(), row.file.0, row.kind));
            Ok(true)
        });
        walked.expect("a drive is walked");
        let mut known: Vec<(String, u64, Kind)> = (0..world.model.nodes.len())
            .filter(|node| {
                let one = &world.model.nodes[*node];
                one.drive == drive && !one.root && world.model.live(*node)
            })
            .map(|node| {
                let one = &world.model.nodes[node];
                (world.model.path(node), one.id, if one.folder { Kind::Folder } else { Kind::File })
            })
            .collect();
        found.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        known.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        if found != known {
            world.find("a drive is not as it was left", format!("{name}: {found:?} and not {known:?}"));
        }
    }
    for node in 0..world.model.nodes.len() {
        let known = world.model.nodes[node].clone();
        if known.folder || !world.model.live(node) {
            continue;
        }
        let info = world.store.file(FileId(known.id)).expect("a file");
        let current = known.versions[known.current].id;
        let there = info.current.map(|version| version.id.0);
        let versions: Vec<bool> =
            known.versions.iter().map(|one| world.store.version(VersionId(one.id)).is_err()).collect();
        let removed: Vec<bool> = known.versions.iter().map(|one| one.removed).collect();
        if there != Some(current) || versions != removed {
            world.find("a file is not as it was left", format!("node {node}"));
        }
    }
}
