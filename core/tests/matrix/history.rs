//! What happens to a store, at random: the verbs of the host.

use std::time::Duration;

use holdall::{Alias, FileId, LinkInfo, Put, Share as Terms, Time, VersionId};

use crate::marks::ContentId;
use crate::model::{Link, Model, Node, NodeId, Share, Version};
use crate::world::{IMPORTED, SECRET, World};

type Event = fn(&mut World) -> Option<()>;

/// The events and how often each comes.
const EVENTS: &[(&str, u64, Event)] = &[
    ("put", 6, |world| world.put_new(None).map(drop)),
    ("put in a folder", 4, |world| {
        let folder = world.pick(|model, node| model.nodes[node].folder && model.live(node))?;
        world.put_new(Some(folder)).map(drop)
    }),
    ("re-create", 3, World::put_again_by_name),
    ("replace", 4, World::replace),
    ("make a folder", 2, World::make_folder),
    ("rename", 2, |world| world.relocate(false)),
    ("move", 3, |world| world.relocate(true)),
    ("trash", 3, World::trash),
    ("restore", 3, World::restore),
    ("delete", 2, World::delete),
    ("set current", 1, World::set_current),
    ("remove a version", 2, World::remove_version),
    ("revoke a version", 1, World::revoke_version),
    ("revoke a file", 2, |world| world.revoke_node(false)),
    ("revoke a folder", 2, |world| world.revoke_node(true)),
    ("revoke a share", 2, World::revoke_share),
    ("revoke a drive", 1, World::revoke_drive),
    ("revoke an archive", 1, World::revoke_archive),
    ("share", 6, World::make_share),
    ("unshare", 2, World::unshare),
    ("change a password", 1, World::change_password),
    ("link", 2, World::make_link),
    ("unlink", 1, World::unlink),
    ("rotate the key", 1, |world| world.store.rotate_key().ok().map(drop)),
    ("remove a key", 1, World::remove_key),
    ("import an alias", 2, World::import_alias),
    ("take the imported secret away", 1, World::switch_secret),
    ("take a group's rights", 1, World::switch_rights),
    ("hand URLs out", 8, World::hand_out),
];

/// Lets something happen.
pub fn step(world: &mut World) {
    let all: u64 = EVENTS.iter().map(|(_, weight, _)| weight).sum();
    let mut thrown = world.rng.below(all);
    for (name, weight, event) in EVENTS {
        if thrown < *weight {
            world.say(format!("- {name}"));
            if event(world).is_some() {
                world.last_event = name;
            }
            return;
        }
        thrown -= weight;
    }
}

/// Returns how many kinds of events there are.
pub fn kinds() -> usize {
    EVENTS.len()
}

fn shared(model: &Model, node: NodeId) -> bool {
    model.live(node) && !model.nodes[node].root
}

impl World {
    pub fn new_content(&mut self) -> ContentId {
        let zeros = self.rng.one_in(6);
        self.marks.content(zeros)
    }

    /// Tells the model of a file that is there now.
    pub fn add_file(
        &mut self,
        folder: NodeId,
        name: &str,
        file: FileId,
        version: VersionId,
        content: ContentId,
    ) -> NodeId {
        let drive = self.model.nodes[folder].drive;
        self.model.nodes.push(Node {
            id: file.0,
            drive,
            parent: Some(folder),
            name: name.to_owned(),
            folder: false,
            root: false,
            trashed: false,
            deleted: false,
            versions: vec![Version { content, id: version.0, removed: false, revoked: 0 }],
            current: 0,
            revoked: 0,
        });
        let node = self.model.nodes.len() - 1;
        self.model.named.push((name.to_owned(), node));
        self.model.event();
        node
    }

    pub fn add_version(&mut self, node: NodeId, version: VersionId, content: ContentId) {
        self.model.event();
        self.model.nodes[node].versions.push(Version { content, id: version.0, removed: false, revoked: 0 });
        self.model.nodes[node].current = self.model.nodes[node].versions.len() - 1;
    }

    pub fn add_folder(&mut self, parent: NodeId, name: &str, id: FileId) -> NodeId {
        let node = self.add_file(parent, name, id, VersionId(0), 0);
        let known = &mut self.model.nodes[node];
        (known.folder, known.versions) = (true, Vec::new());
        node
    }

    fn put_as(&mut self, folder: NodeId, name: &str) -> Option<NodeId> {
        let content = self.new_content();
        let path = join(&self.model.path(folder), name);
        let drive = &self.drives[self.model.nodes[folder].drive];
        let made = drive.put(&path, &self.marks.get(content).bytes[..], Put::new()).expect("a put");
        Some(self.add_file(folder, name, made.id.file(), made.id, content))
    }

    /// Puts a file under a new name, at the top of a drive if no folder is named.
    pub fn put_new(&mut self, folder: Option<NodeId>) -> Option<NodeId> {
        let folder = folder.unwrap_or(self.rng.below(3) as usize);
        let name = self.marks.name(".txt");
        self.put_as(folder, &name)
    }

    /// A new file under the name of one that was there.
    fn put_again_by_name(&mut self) -> Option<()> {
        let old = self.pick(|model, node| {
            let known = &model.nodes[node];
            !known.folder && (known.deleted || known.trashed)
        })?;
        let (drive, name) = (self.model.nodes[old].drive, self.model.nodes[old].name.clone());
        let folder = self.pick(|model, node| {
            model.nodes[node].folder && model.nodes[node].drive == drive && model.live(node)
        })?;
        let taken = self.model.children(folder).iter().any(|child| self.model.nodes[*child].name == name);
        if taken { None } else { self.put_as(folder, &name).map(drop) }
    }

    fn replace(&mut self) -> Option<()> {
        let node = self.live_file()?;
        let content = self.new_content();
        let made = self.drives[self.model.nodes[node].drive]
            .put(&self.model.path(node), &self.marks.get(content).bytes[..], Put::new())
            .expect("a put");
        self.add_version(node, made.id, content);
        Some(())
    }

    fn make_folder(&mut self) -> Option<()> {
        let parent = self.pick(|model, node| {
            model.nodes[node].folder
                && model.live(node)
                && model.above(node).len() < 4
                && model.nodes[node].drive < 3
        })?;
        let name = self.marks.name("");
        let path = join(&self.model.path(parent), &name);
        let id = self.drives[self.model.nodes[parent].drive].mkdir(&path).expect("a folder");
        self.add_folder(parent, &name, id);
        Some(())
    }

    fn relocate(&mut self, elsewhere: bool) -> Option<()> {
        let node = self.pick(shared)?;
        let drive = self.model.nodes[node].drive;
        let to = match elsewhere {
            true => self.pick(|model, one| {
                let known = &model.nodes[one];
                known.folder && known.drive == drive && model.live(one) && !model.above(one).contains(&node)
            })?,
            false => self.model.nodes[node].parent?,
        };
        let name = match elsewhere && self.rng.one_in(2) {
            true => self.model.nodes[node].name.clone(),
            false => self.marks.name(".txt"),
        };
        let path = join(&self.model.path(to), &name);
        if self.model.children(to).iter().any(|child| self.model.nodes[*child].name == name) {
            return None;
        }
        self.drives[drive].rename(&self.model.path(node), &path, false).expect("a move");
        self.model.event();
        self.model.nodes[node].parent = Some(to);
        self.model.nodes[node].name.clone_from(&name);
        self.model.named.push((name, node));
        Some(())
    }

    fn trash(&mut self) -> Option<()> {
        let node = self.pick(shared)?;
        self.drives[self.model.nodes[node].drive].trash(&self.model.path(node)).expect("to the trash");
        self.trashed(node);
        Some(())
    }

    /// Tells the model that something lies in the trash.
    pub fn trashed(&mut self, node: NodeId) {
        self.model.event();
        let known = &mut self.model.nodes[node];
        (known.trashed, known.parent) = (true, None);
    }

    fn restore(&mut self) -> Option<()> {
        let node = self.pick(|model, node| model.nodes[node].trashed && !model.nodes[node].deleted)?;
        let drive = self.model.nodes[node].drive;
        let folder = self.pick(|model, one| {
            model.nodes[one].folder && model.nodes[one].drive == drive && model.live(one)
        })?;
        let name = self.model.nodes[node].name.clone();
        let path = join(&self.model.path(folder), &name);
        self.drives[drive].restore(FileId(self.model.nodes[node].id), Some(&path)).ok()?;
        self.restored(node, folder);
        Some(())
    }

    pub fn restored(&mut self, node: NodeId, folder: NodeId) {
        self.model.event();
        let known = &mut self.model.nodes[node];
        (known.trashed, known.parent) = (false, Some(folder));
    }

    fn delete(&mut self) -> Option<()> {
        let node = self.pick(shared)?;
        self.drives[self.model.nodes[node].drive].delete(&self.model.path(node)).expect("a deletion");
        self.model.event();
        self.model.nodes[node].deleted = true;
        Some(())
    }

    /// Picks a version that is there; one that is not the current one.
    pub fn old_version(&mut self, owner: Option<usize>) -> Option<(NodeId, usize)> {
        let node = self.pick(|model, node| {
            let known = &model.nodes[node];
            let old = |at: &usize| *at != known.current && !known.versions[*at].removed;
            model.live(node)
                && owner.is_none_or(|owner| owner == known.drive)
                && (0..known.versions.len()).any(|at| old(&at))
        })?;
        let known = &self.model.nodes[node];
        let old: Vec<usize> = (0..known.versions.len())
            .filter(|at| *at != known.current && !known.versions[*at].removed)
            .collect();
        self.rng.pick(&old).map(|version| (node, *version))
    }

    fn set_current(&mut self) -> Option<()> {
        let (node, version) = self.old_version(None)?;
        self.store.set_current(VersionId(self.model.nodes[node].versions[version].id)).expect("a version");
        self.model.event();
        self.model.nodes[node].current = version;
        Some(())
    }

    fn remove_version(&mut self) -> Option<()> {
        let (node, version) = self.old_version(None)?;
        self.store.remove_version(VersionId(self.model.nodes[node].versions[version].id)).expect("a version");
        self.model.event();
        self.model.nodes[node].versions[version].removed = true;
        Some(())
    }

    fn revoke_version(&mut self) -> Option<()> {
        let node = self.live_file()?;
        let version = self.model.nodes[node].current;
        self.store.revoke_version(VersionId(self.model.nodes[node].versions[version].id)).expect("a version");
        let drive = self.model.nodes[node].drive;
        self.model.nodes[node].versions[version].revoked = self.model.withdraw(drive);
        Some(())
    }

    /// A call that says no revokes nothing, and one that says yes all below.
    fn revoke_node(&mut self, folder: bool) -> Option<()> {
        let node = self.pick(|model, node| shared(model, node) && model.nodes[node].folder == folder)?;
        if self.store.revoke_file(FileId(self.model.nodes[node].id)).is_ok() {
            self.model.revoke(node);
        }
        Some(())
    }

    fn some_share(&mut self) -> Option<usize> {
        let all: Vec<usize> =
            (0..self.model.shares.len()).filter(|at| !self.model.shares[*at].deleted).collect();
        self.rng.pick(&all).copied()
    }

    fn revoke_share(&mut self) -> Option<()> {
        let share = self.some_share()?;
        if self.model.gone(self.model.shares[share].node) {
            return None;
        }
        self.store.revoke_share(self.model.shares[share].id).expect("a share");
        self.model.shares[share].revoked = self.model.event();
        Some(())
    }

    fn revoke_drive(&mut self) -> Option<()> {
        let drive = self.rng.below(3) as usize;
        self.drives[drive].revoke().expect("a drive");
        self.model.revoked[drive] = self.model.withdraw(drive);
        Some(())
    }

    fn revoke_archive(&mut self) -> Option<()> {
        let archive = self.rng.below(self.model.archives.len() as u64) as usize;
        let id = self.model.archives.get(archive)?.id.parse().ok()?;
        self.store.revoke_archive(id).expect("an archive");
        self.model.archives[archive].revoked = self.model.event();
        Some(())
    }

    fn make_share(&mut self) -> Option<()> {
        let node = self.pick(shared)?;
        // Each check of a password takes long on purpose, so few have one.
        let password = self.rng.one_in(8).then_some("sesame");
        self.share_with(node, password)
    }

    fn share_with(&mut self, node: NodeId, password: Option<&'static str>) -> Option<()> {
        let mut terms = Terms::new();
        if let Some(password) = password {
            terms = terms.password(password);
        }
        let ends = self.rng.one_in(3);
        if ends {
            terms = terms.expires_in(Duration::from_secs(600));
        }
        let max = self.rng.one_in(3).then(|| 1 + self.rng.below(3));
        if let Some(max) = max {
            terms = terms.max_downloads(max);
        }
        let made =
            self.drives[self.model.nodes[node].drive].share(&self.model.path(node), &terms).expect("a share");
        let uri = self.api.share_uri(made.id).expect("a share's URI");
        let hash = uri.trim_start_matches("cloudreve://").trim_end_matches("@share").to_owned();
        self.model.event();
        self.model.shares.push(Share {
            id: made.id,
            hash,
            node,
            password,
            expires: made.expires.map(Time::unix),
            max,
            downloads: 0,
            deleted: false,
            revoked: 0,
        });
        Some(())
    }

    fn unshare(&mut self) -> Option<()> {
        let share = self.some_share()?;
        let gone = self.model.gone(self.model.shares[share].node);
        let done = self.store.unshare(self.model.shares[share].id);
        assert!(gone || done.is_ok(), "unshare");
        self.model.event();
        self.model.shares[share].deleted = true;
        Some(())
    }

    /// A share has one password for its life: a new one is a new share.
    fn change_password(&mut self) -> Option<()> {
        let share = self.some_share()?;
        let node = self.model.shares[share].node;
        if !self.model.live(node) {
            return None;
        }
        self.store.unshare(self.model.shares[share].id).expect("a share");
        self.model.shares[share].deleted = true;
        self.share_with(node, Some("tahini"))
    }

    fn make_link(&mut self) -> Option<()> {
        let node = self.live_file()?;
        let made = self.drives[self.model.nodes[node].drive].link(&self.model.path(node)).expect("a link");
        self.add_link(node, &made);
        Some(())
    }

    /// Tells the model of a link, if it is new, and remembers its URLs.
    fn add_link(&mut self, node: NodeId, made: &LinkInfo) {
        if self.model.links.iter().any(|link| link.id == made.id) {
            return;
        }
        let (name, id) = (made.name.clone(), made.id);
        self.model.event();
        let link = self.new_link(Link { id, node, name: name.clone(), deleted: false });
        let native = self.store.link_url(made).expect("a link's URL");
        for target in [native, format!("/f/{}/{name}", made.id)] {
            self.add_url(target, crate::model::Subject::Link(link), None);
        }
    }

    pub fn new_link(&mut self, link: Link) -> usize {
        self.model.links.push(link);
        self.model.links.len() - 1
    }

    fn unlink(&mut self) -> Option<()> {
        let live: Vec<usize> = (0..self.model.links.len())
            .filter(|at| !self.model.links[*at].deleted && !self.model.gone(self.model.links[*at].node))
            .collect();
        let link = *self.rng.pick(&live)?;
        self.store.unlink(self.model.links[link].id).expect("a link");
        self.model.event();
        self.model.links[link].deleted = true;
        Some(())
    }

    fn remove_key(&mut self) -> Option<()> {
        let keys = self.store.keys().expect("keys");
        let old: Vec<u16> = keys.iter().filter(|(_, _, signs)| !signs).map(|(id, _, _)| *id).collect();
        let key = *self.rng.pick(&old)?;
        self.store.remove_key(key).expect("a key");
        self.model.event();
        self.model.removed_keys.push(key);
        Some(())
    }

    fn import_alias(&mut self) -> Option<()> {
        let node = self.live_file()?;
        let (version, number) = (self.model.nodes[node].current, self.next_alias);
        if number > IMPORTED {
            return None;
        }
        let ours = Alias::Version(VersionId(self.model.nodes[node].versions[version].id));
        self.store.set_aliases([(number, ours)]).expect("an alias");
        self.next_alias += 1;
        let now = self.model.event();
        self.aliases.push((number, node, version, now));
        Some(())
    }

    fn switch_secret(&mut self) -> Option<()> {
        self.model.event();
        match self.model.secret_removed {
            false => self.store.remove_cloudreve_secrets().expect("a secret"),
            true => self.store.add_cloudreve_secret(SECRET).expect("a secret"),
        }
        self.model.secret_removed = !self.model.secret_removed;
        Some(())
    }

    fn switch_rights(&mut self) -> Option<()> {
        let drive = self.rng.below(2) as usize;
        self.model.event();
        self.model.rights[drive] = !self.model.rights[drive];
        Some(())
    }

    fn hand_out(&mut self) -> Option<()> {
        crate::urls::hand_out(self)
    }
}

pub fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
