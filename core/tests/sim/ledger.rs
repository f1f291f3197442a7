//! What was handed out, for ever: ids, URLs, archives. None of it may come to mean something else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdall::{ArchiveId, VersionId};

use crate::content::Hash;
use crate::world::{Node, Tree};

/// A URL that was handed out.
#[derive(Clone, Debug)]
pub struct Url {
    pub text: String,
    pub version: VersionId,
    pub content: u64,
    /// How often it may be used, and was.
    pub limit: Option<(u32, u32)>,
}

/// An archive as it was first read.
#[derive(Clone, Debug)]
pub struct Frozen {
    pub bytes: Arc<Vec<u8>>,
    pub expires: i64,
}

#[derive(Debug, Default)]
pub struct Ledger {
    versions: BTreeMap<u64, u64>,
    others: BTreeSet<(&'static str, u64)>,
    pub urls: Vec<Url>,
    pub archives: BTreeMap<ArchiveId, Frozen>,
    /// The latest time that the clock ever showed.
    pub latest: i64,
}

impl Ledger {
    /// Notes what a version's id was said to stand for.
    pub fn version(&mut self, id: VersionId, content: u64) -> Result<(), String> {
        if content == crate::content::UNKNOWN {
            return Err(format!("version {id} has bytes that nobody put"));
        }
        match self.versions.insert(id.0, content) {
            Some(before) if before != content => {
                Err(format!("version {id} was content {before}, and is content {content}"))
            }
            _ => Ok(()),
        }
    }

    /// Returns what a version's id stands for.
    pub fn content(&self, id: VersionId) -> Option<u64> {
        self.versions.get(&id.0).copied()
    }

    /// Notes a new id.
    pub fn id(&mut self, kind: &'static str, id: u64) -> Result<(), String> {
        match self.others.insert((kind, id)) {
            true => Ok(()),
            false => Err(format!("the id {id:#x} was given to two of kind {kind}")),
        }
    }

    /// Notes all versions of what was read.
    pub fn tree(&mut self, tree: &Tree) -> Result<(), String> {
        tree.values().try_for_each(|node| self.node(node))
    }

    pub fn node(&mut self, node: &Node) -> Result<(), String> {
        let Node::File(file) = node else { return Ok(()) };
        let Some(id) = file.id else { return Ok(()) };
        file.versions.iter().try_for_each(|(number, content)| {
            self.version(VersionId::new(holdall::FileId(id), *number), *content)
        })
    }

    /// Holds a reply to the URL that was asked for.
    pub fn reply(&mut self, text: &str, status: u16, hash: &Hash, must: bool) -> Result<(), String> {
        let Some(url) = self.urls.iter_mut().find(|url| url.text == text) else { return Ok(()) };
        if status != 200 {
            return match must && url.limit.is_none() {
                true => Err(format!("a url of version {}, which is there, gave {status}", url.version)),
                false => Ok(()),
            };
        }
        if *hash != crate::content::hash(url.content) {
            return Err(format!("a url of version {} gave the bytes of another", url.version));
        }
        if let Some((limit, used)) = &mut url.limit {
            *used += 1;
            if used > limit {
                return Err(format!("a url for {limit} uses served the {used}th"));
            }
        }
        Ok(())
    }
}
