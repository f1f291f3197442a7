//! The rules: who may see what at a time. Nothing here knows how the store does it.
//!
//! A right ends by an event, and each event has a number. A URL is void when anything that it hangs on
//! was revoked, deleted or ended after it was made.

use std::collections::BTreeSet;

use crate::marks::{ContentId, Secret, Secrets};

pub type NodeId = usize;
pub type ShareNo = usize;
/// The number of an event.
pub type Tick = u64;

/// The drives, in the order of [`Model::revoked`].
pub const DRIVES: [&str; 4] = ["alice", "bob", "carl", "root"];

#[derive(Clone, Debug)]
pub struct Version {
    pub content: ContentId,
    pub id: u64,
    pub removed: bool,
    pub revoked: Tick,
}

/// A file or folder.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: u64,
    pub drive: usize,
    /// None for the root of a drive, and at the top of the trash.
    pub parent: Option<NodeId>,
    pub name: String,
    pub folder: bool,
    pub root: bool,
    pub trashed: bool,
    pub deleted: bool,
    pub versions: Vec<Version>,
    pub current: usize,
    pub revoked: Tick,
}

#[derive(Clone, Debug)]
pub struct Share {
    /// The id as the store writes it, and as Cloudreve does.
    pub id: holdall::ShareId,
    pub hash: String,
    pub node: NodeId,
    pub password: Option<&'static str>,
    pub expires: Option<i64>,
    pub max: Option<u64>,
    pub downloads: u64,
    pub deleted: bool,
    pub revoked: Tick,
}

#[derive(Clone, Debug)]
pub struct Link {
    pub id: holdall::LinkId,
    pub node: NodeId,
    pub name: String,
    pub deleted: bool,
}

#[derive(Clone, Debug)]
pub struct Archive {
    /// As it stands in URLs; unknown as long as nobody was told.
    pub id: String,
    /// The drive of who made it; none for a visitor whom nobody knows.
    pub maker: Option<usize>,
    pub members: Vec<(NodeId, usize)>,
    /// Every folder and file that was picked.
    pub picks: Vec<NodeId>,
    pub shares: Vec<ShareNo>,
    /// The names in it, frozen.
    pub names: Secrets,
    pub made: Tick,
    pub expires: i64,
    pub revoked: Tick,
}

/// What a URL of the Cloudreve form was given through: it ends with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Nothing,
    Share(ShareNo),
    Link(usize),
}

/// What a URL leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Version(NodeId, usize),
    Revision(NodeId, usize),
    File(NodeId),
    Archive(usize),
    Share(ShareNo, NodeId),
    Link(usize),
    Content(NodeId, usize, Via),
    CloudreveArchive(usize),
    /// Signed with another server's secret: of a number that was imported, or of one of the store's own.
    Imported(NodeId, usize, Tick),
    Forged(Option<ContentId>),
}

#[derive(Clone, Debug)]
pub struct Url {
    pub target: String,
    pub subject: Subject,
    pub made: Tick,
    /// Unix seconds; none for what never ends.
    pub expires: Option<i64>,
    /// The key that signed, if that can be taken away.
    pub key: Option<u16>,
    pub uses: Option<(u32, u32)>,
    /// Where one download is allowed: how many times its length the replies were together, in hundredths.
    pub downloaded: Option<u64>,
    pub network: bool,
}

/// What must happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Serves(BTreeSet<ContentId>),
    /// Nothing was promised either way.
    May(BTreeSet<ContentId>),
    Refuses(&'static str),
}

#[derive(Default)]
pub struct Model {
    pub nodes: Vec<Node>,
    pub shares: Vec<Share>,
    pub links: Vec<Link>,
    pub archives: Vec<Archive>,
    /// Every name that a file or folder has or had.
    pub named: Vec<(String, NodeId)>,
    pub removed_keys: Vec<u16>,
    pub secret_removed: bool,
    /// When the URLs of each drive were revoked.
    pub revoked: [Tick; 4],
    /// When URLs of anything in each drive were revoked.
    pub withdrawn: [Tick; 4],
    pub tick: Tick,
    /// Whether a group has its rights: by drive.
    pub rights: [bool; 4],
}

impl Model {
    /// Numbers an event.
    pub fn event(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    /// The file or folder and what it lies in, from below.
    pub fn above(&self, node: NodeId) -> Vec<NodeId> {
        let mut all = vec![node];
        while let Some(parent) = self.nodes[all[all.len() - 1]].parent {
            all.push(parent);
        }
        all
    }

    /// Everything that lies in a folder, itself too.
    pub fn below(&self, node: NodeId) -> Vec<NodeId> {
        (0..self.nodes.len()).filter(|one| self.above(*one).contains(&node)).collect()
    }

    pub fn children(&self, node: NodeId) -> Vec<NodeId> {
        let child = |one: &NodeId| self.nodes[*one].parent == Some(node) && !self.nodes[*one].deleted;
        (0..self.nodes.len()).filter(child).collect()
    }

    /// Whether a path leads to it.
    pub fn live(&self, node: NodeId) -> bool {
        let above = self.above(node);
        let top = &self.nodes[above[above.len() - 1]];
        top.root && above.iter().all(|one| !self.nodes[*one].trashed && !self.nodes[*one].deleted)
    }

    /// Whether it was deleted for good, or what it lay in was.
    pub fn gone(&self, node: NodeId) -> bool {
        self.above(node).iter().any(|one| self.nodes[*one].deleted)
    }

    pub fn path(&self, node: NodeId) -> String {
        let mut names: Vec<&str> =
            self.above(node).iter().map(|one| self.nodes[*one].name.as_str()).collect();
        names.pop();
        names.reverse();
        names.join("/")
    }

    pub fn current(&self, node: NodeId) -> &Version {
        &self.nodes[node].versions[self.nodes[node].current]
    }

    /// Revokes the URLs of a file, or of all that lies in a folder.
    pub fn revoke(&mut self, node: NodeId) {
        let tick = self.withdraw(self.nodes[node].drive);
        for one in self.below(node) {
            self.nodes[one].revoked = tick;
        }
    }

    pub fn stands(&self, share: ShareNo, at: i64) -> bool {
        let share = &self.shares[share];
        !share.deleted && share.expires.is_none_or(|expires| at < expires) && self.live(share.node)
    }

    pub fn has_downloads(&self, share: ShareNo, wanted: u64) -> bool {
        let share = &self.shares[share];
        share.max.is_none_or(|max| share.downloads + wanted <= max)
    }

    pub fn holds(&self, share: ShareNo, node: NodeId) -> bool {
        self.live(node) && self.above(node).contains(&self.shares[share].node)
    }

    /// What the metadata of a file or folder tells.
    pub fn about(&self, node: NodeId) -> Secrets {
        let mut answer = Secrets::from([Secret::Name(self.nodes[node].name.clone())]);
        if !self.nodes[node].folder {
            let content = self.current(node).content;
            answer.extend([Secret::Hash(content), Secret::Size(content)]);
        }
        answer
    }

    fn file_revoked(&self, node: NodeId, since: Tick) -> bool {
        self.nodes[node].revoked > since || self.revoked[self.nodes[node].drive] > since
    }

    fn version_revoked(&self, node: NodeId, version: usize, since: Tick) -> bool {
        self.nodes[node].versions[version].revoked > since || self.file_revoked(node, since)
    }

    fn one_version(&self, node: NodeId, version: usize, since: Tick) -> Verdict {
        let known = &self.nodes[node].versions[version];
        if self.gone(node) || known.removed {
            return Verdict::Refuses("deleted");
        }
        if self.version_revoked(node, version, since) {
            return Verdict::Refuses("revoked");
        }
        Verdict::Serves(BTreeSet::from([known.content]))
    }

    fn archive(&self, archive: &Archive, since: Tick, at: i64) -> Verdict {
        if at >= archive.expires || archive.revoked > since {
            return Verdict::Refuses("the archive is over");
        }
        if archive.maker.is_some_and(|drive| self.revoked[drive] > since) {
            return Verdict::Refuses("the drive was revoked");
        }
        for share in &archive.shares {
            if !self.stands(*share, at) || self.shares[*share].revoked > since {
                return Verdict::Refuses("a share of the archive ended");
            }
        }
        let mut sure = true;
        for (node, version) in &archive.members {
            if self.version_revoked(*node, *version, archive.made) {
                return Verdict::Refuses("a member of the archive was revoked");
            }
            let known = &self.nodes[*node].versions[*version];
            sure &= self.live(*node) && !known.removed;
        }
        // One revocation in a drive may end every archive that was made of it.
        sure &= archive.picks.iter().all(|node| self.withdrawn[self.nodes[*node].drive] <= archive.made);
        let in_shares = |node: NodeId| archive.shares.iter().any(|share| self.holds(*share, node));
        sure &= archive.shares.is_empty()
            || archive
                .picks
                .iter()
                .all(|node| archive.maker == Some(self.nodes[*node].drive) || in_shares(*node));
        let contents =
            archive.members.iter().map(|(node, version)| self.nodes[*node].versions[*version].content);
        if sure { Verdict::Serves(contents.collect()) } else { Verdict::May(contents.collect()) }
    }

    pub fn is_removed(&self, key: Option<u16>) -> bool {
        key.is_some_and(|key| self.removed_keys.contains(&key))
    }

    /// Judges a URL at a time.
    pub fn judge(&self, url: &Url, at: i64) -> Verdict {
        if url.expires.is_some_and(|expires| at > expires) {
            return Verdict::Refuses("expired");
        }
        if self.is_removed(url.key) {
            return Verdict::Refuses("its key was removed");
        }
        if url.uses.is_some_and(|(most, used)| used >= most) {
            return Verdict::Refuses("used up");
        }
        match url.downloaded {
            Some(parts) if parts >= 400 => return Verdict::Refuses("downloaded"),
            // Whether the whole is still given, or a part of it, the length of the request decides.
            Some(parts) if parts >= 200 => {
                return match self.judge(&Url { downloaded: None, ..url.clone() }, at) {
                    Verdict::Serves(contents) => Verdict::May(contents),
                    other => other,
                };
            }
            _ => {}
        }
        if url.network {
            return Verdict::Refuses("of another network");
        }
        let since = url.made;
        match url.subject {
            Subject::Version(node, version) => match self.one_version(node, version, since) {
                Verdict::Serves(contents) if !self.live(node) => Verdict::May(contents),
                verdict => verdict,
            },
            Subject::Revision(node, version) => match self.live(node) {
                true => self.one_version(node, version, since),
                false => Verdict::Refuses("not in its tree"),
            },
            Subject::File(node) => self.current_version(node, since),
            Subject::Archive(archive) | Subject::CloudreveArchive(archive) => {
                self.archive(&self.archives[archive], since, at)
            }
            Subject::Share(share, node) => {
                if !self.stands(share, at) || self.shares[share].revoked > since {
                    return Verdict::Refuses("the share ended");
                }
                match self.holds(share, node) {
                    true => self.current_version(node, since),
                    false => Verdict::Refuses("not in the share"),
                }
            }
            Subject::Link(link) => {
                let link = &self.links[link];
                if link.deleted {
                    return Verdict::Refuses("the link was deleted");
                }
                // A permanent address: revoking ends what was signed.
                match self.live(link.node) {
                    true => Verdict::Serves(BTreeSet::from([self.current(link.node).content])),
                    false => Verdict::Refuses("not in its tree"),
                }
            }
            Subject::Content(node, version, via) => self.content(node, version, via, since, at),
            Subject::Imported(node, version, imported) => {
                if self.secret_removed {
                    return Verdict::Refuses("the secret was removed");
                }
                // Such a URL says when it ends and not when it was signed, and the server that signed it
                // revokes nothing. So it counts from when its number came along: what was revoked here
                // after that ends it for good, also where that server signs it anew, and what was revoked
                // before was known to who added the number.
                match self.one_version(node, version, imported) {
                    Verdict::Serves(contents) if !self.live(node) => Verdict::May(contents),
                    verdict => verdict,
                }
            }
            Subject::Forged(_) => Verdict::Refuses("never imported"),
        }
    }

    fn current_version(&self, node: NodeId, since: Tick) -> Verdict {
        if !self.live(node) {
            return Verdict::Refuses("not in its tree");
        }
        if self.file_revoked(node, since) {
            return Verdict::Refuses("revoked");
        }
        let current = self.current(node);
        let contents = BTreeSet::from([current.content]);
        if current.revoked > since { Verdict::May(contents) } else { Verdict::Serves(contents) }
    }

    fn content(&self, node: NodeId, version: usize, via: Via, since: Tick, at: i64) -> Verdict {
        match via {
            Via::Share(share) if !self.stands(share, at) || self.shares[share].revoked > since => {
                return Verdict::Refuses("the share of a Cloudreve URL ended");
            }
            Via::Share(share) if !self.holds(share, node) => {
                return Verdict::Refuses("not in the share of a Cloudreve URL");
            }
            Via::Link(link) if self.links[link].deleted || !self.live(node) => {
                return Verdict::Refuses("the direct link of a Cloudreve URL ended");
            }
            _ => {}
        }
        match self.one_version(node, version, since) {
            Verdict::Refuses("revoked") => Verdict::Refuses("a Cloudreve URL was revoked"),
            Verdict::Serves(contents) if !self.live(node) => Verdict::May(contents),
            verdict => verdict,
        }
    }

    /// Notes that URLs of something in a drive were revoked.
    pub fn withdraw(&mut self, drive: usize) -> Tick {
        self.withdrawn[drive] = self.event();
        self.tick
    }
}
