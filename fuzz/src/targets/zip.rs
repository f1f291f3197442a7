//! Plans of archives, against readers that others wrote.

use std::collections::HashSet;
use std::io::{Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;
use holdall::body::{Body, Segment};
use holdall::zip::{ArchiveLimits, Contents, Entry, Plan, ZipSource};
use holdall::{Kind, Result};

use super::input::Input;

struct Memory(Vec<Bytes>);

impl Contents for Memory {
    fn segment(&self, _index: usize, content: u64, offset: u64, limit: u64) -> Result<Segment> {
        let blob = &self.0[content as usize];
        let start = (offset as usize).min(blob.len());
        let end = blob.len().min(start.saturating_add(limit.min(100) as usize));
        Ok(Segment { data: blob.slice(start..end), file: None })
    }
}

/// Names and contents, in order.
pub type Members = Vec<(String, Bytes)>;

/// Makes the archive that an input describes, with its members' names and contents.
pub fn archive(data: &[u8]) -> Option<(Vec<u8>, Members)> {
    let mut input = Input(data);
    let (mut entries, mut blobs) = (Vec::new(), Vec::new());
    while !input.is_empty() && entries.len() < 64 {
        let how = input.byte();
        let kind = if how % 5 == 0 { Kind::Folder } else { Kind::File };
        let modified = i64::from(input.short() as u32) << (how % 24) | i64::from(how);
        let name = input.text();
        let len = if kind == Kind::File { usize::from(how) * 3 % 300 } else { 0 };
        let blob = Bytes::from(vec![how; len]);
        let crc32 = crc32fast::hash(&blob);
        let content = blobs.len() as u64;
        entries.push(Entry {
            name,
            kind,
            size: len as u64,
            crc32,
            modified,
            executable: how % 7 == 3,
            content,
        });
        blobs.push(blob);
    }
    let plan = Plan::new(entries, &ArchiveLimits::default())
        .ok()?
        .with_utc_offset(data.first().map_or(0, |byte| i16::from(*byte) * 5))
        .shared();
    let members =
        plan.members().map(|member| (member.name.to_owned(), blobs[member.content as usize].clone()));
    let members: Members = members.collect();
    let body = Body::new(Arc::new(ZipSource::new(plan.clone(), Memory(blobs))));
    let bytes = body.to_vec(1 << 24).unwrap();
    assert_eq!(bytes.len() as u64, plan.len());
    let cut = (bytes.len() / 3) as u64;
    let tail = body.slice(cut..body.len()).unwrap().to_vec(1 << 24).unwrap();
    assert!(tail == bytes[cut as usize..], "a range is not the bytes of the whole");
    Some((bytes, members))
}

/// Names are safe and unique, and the zip and rawzip crates read what was put in. (Python's zipfile
/// reads the archives of the corpus.)
pub fn zip_plan(data: &[u8]) {
    let Some((bytes, members)) = archive(data) else { return };
    let mut seen = HashSet::new();
    for (name, _) in &members {
        let path = name.strip_suffix('/').unwrap_or(name);
        let safe =
            |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0']);
        assert!(path.split('/').all(safe), "{name:?}");
        assert!(seen.insert(name.to_lowercase()), "{name:?} twice");
    }
    let mut theirs = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(theirs.len(), members.len());
    for (index, (name, content)) in members.iter().enumerate() {
        let mut file = theirs.by_index(index).unwrap();
        assert_eq!(file.name().unwrap(), name.as_str());
        let mut found = Vec::new();
        file.read_to_end(&mut found).unwrap();
        assert!(found == *content, "{name:?}");
    }
    let theirs = rawzip::ZipArchive::from_slice(&bytes).unwrap();
    let mut entries = theirs.entries();
    for (name, content) in &members {
        let entry = entries.next_entry().unwrap().unwrap();
        assert_eq!(entry.file_path().as_ref(), name.as_bytes());
        assert_eq!(theirs.get_entry(entry.wayfinder()).unwrap().data(), content);
    }
    assert!(entries.next_entry().unwrap().is_none());
}
