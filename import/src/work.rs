//! An import under way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use holdall::{
    Alias, Drive, Error, ErrorKind, FileId, Kind, Origin, Put, Result, Share, Store, Time, VersionId,
};

use super::database::{Database, Entity, Node};
use super::mutant::{Mutant, is_active};
use super::notes;
use super::plan::{Item, Plan, old_path};
use super::progress::{Meter, Progress};
use super::put::{Batch, Of, Writer, is_of_one};
use super::report::{Cause, Report, Subject};
use super::source::Uploads;

/// The versions of a file whose contents are kept open between the look at them and their put.
const OPEN_AT_ONCE: usize = 16;

/// Counts a content that is done, by its length.
type Add<'a> = &'a mut dyn FnMut(u64) -> Result<()>;

/// An import under way.
pub(super) struct Work<'a> {
    store: &'a Store,
    uploads: &'a Uploads,
    database: &'a Database,
    report: Report,
    /// Whether an older version stands in for a current one that cannot be read.
    older: bool,
    /// The files that were made, by their old ids; the path of those that are in the tree.
    made: HashMap<u64, (FileId, Drive, Option<String>)>,
    nodes: HashMap<u64, &'a Node>,
    /// Where what lies in the trash was, as a URI.
    trashed: HashMap<u64, String>,
    /// The address of each user.
    owners: HashMap<u64, &'a str>,
    /// Users whose links and shares are followed.
    active: HashSet<u64>,
    /// What is said of each file.
    attributes: HashMap<u64, BTreeMap<String, String>>,
    /// Old ids and what they name here.
    aliases: Vec<(u64, Alias)>,
    /// Entities that several files have.
    shared: HashSet<u64>,
    /// What those are here, each with the file that it is a version of.
    entities: Vec<(u64, u64, VersionId)>,
    origins: Vec<Origin>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        store: &'a Store,
        database: &'a Database,
        uploads: &'a Uploads,
        report: Report,
        older: bool,
    ) -> Work<'a> {
        Work {
            store,
            uploads,
            database,
            report,
            older,
            made: HashMap::new(),
            trashed: database.trashed(),
            nodes: database.nodes.iter().map(|node| (node.id, node)).collect(),
            owners: database.users.iter().map(|user| (user.id, user.email.as_str())).collect(),
            active: database.users.iter().filter(|user| user.is_active()).map(|user| user.id).collect(),
            attributes: notes::attributes(database),
            aliases: Vec::new(),
            shared: shared(database),
            entities: Vec::new(),
            origins: Vec::new(),
        }
    }

    /// Makes the drives of all users, with what is in them.
    pub(super) fn users(&mut self, progress: impl FnMut(&Progress<'_>) -> Result<()>) -> Result<()> {
        let entities = self.database.contents.values().flatten();
        let entities = entities.filter_map(|id| self.database.entities.get(id));
        let lengths = entities.filter(|entity| entity.kind == 0).map(|entity| entity.size);
        let mut meter = Meter::new(lengths, progress);
        let mut drives = self.drives()?;
        let mut nodes: HashMap<u64, Vec<&Node>> = HashMap::new();
        for node in &self.database.nodes {
            nodes.entry(node.owner).or_default().push(node);
        }
        let mut writer = Writer::begin()?;
        for user in &self.database.users {
            let drive = drives.remove(&user.id).ok_or_else(|| no_drive(user.id))?;
            self.aliases.push((user.id, Alias::Drive(drive.id())));
            self.report.drives += 1;
            meter.begin(&user.email)?;
            let plan = Plan::of(&nodes.remove(&user.id).unwrap_or_default(), &self.trashed);
            for (ids, cause) in
                [(&plan.symbolic, Cause::Shortcut), (&plan.deep, Cause::Deep), (&plan.lost, Cause::Lost)]
            {
                for id in ids {
                    self.leave_out_node(*id, cause)?;
                }
            }
            self.drive(&drive, &plan, &mut writer, &mut |len| meter.add(len))?;
        }
        Ok(())
    }

    /// Makes all of a drive.
    fn drive(&mut self, drive: &Drive, plan: &Plan, writer: &mut Writer, add: Add<'_>) -> Result<()> {
        let mut batch = Batch::new(drive, writer);
        let all = || plan.items.iter().chain(plan.trash.iter().flat_map(|top| &top.items));
        for item in all().filter(|item| !item.folder) {
            self.file(&mut batch, item, add)?;
        }
        batch.finish()?;
        for item in all() {
            match item.folder {
                true => self.folder(drive, item)?,
                false => self.restore_current(drive, &mut batch, item)?,
            }
        }
        for of in std::mem::take(&mut batch.refused) {
            self.leave_out_node(of.file, Cause::Refused)?;
        }
        for top in &plan.trash {
            let Some(item) = top.items.first().filter(|item| drive.stat(&item.path).is_ok()) else {
                continue;
            };
            drive.trash(&item.path)?;
            self.report.trashed += 1;
            for item in &top.items {
                if let Some(made) = self.made.get_mut(&item.id) {
                    made.2 = None;
                }
            }
        }
        Ok(())
    }

    /// Makes a drive for each user, which is nobody else's: neither another user's, whose address may
    /// be what a drive is called for want of one, nor one that was in the store before.
    fn drives(&self) -> Result<HashMap<u64, Drive>> {
        let mut taken = HashSet::new();
        let mut drives = HashMap::new();
        let plain = |user: &&super::database::User| holdall::name::check_name(&user.email).is_ok();
        // Addresses first, so that each user who has one gets a drive of that name.
        let (named, others): (Vec<_>, Vec<_>) = self.database.users.iter().partition(plain);
        for user in named.into_iter().chain(others) {
            let own = plain(&user).then(|| user.email.clone());
            let made = (1..).map(|count: u64| match count {
                1 => format!("user-{}", user.id),
                _ => format!("user-{} ({count})", user.id),
            });
            for name in own.into_iter().chain(made) {
                let free = self.store.find_drive(&name)?.is_none() && taken.insert(name.clone());
                if free || is_active(Mutant::SharedDrives) {
                    drives.insert(user.id, self.store.drive(&name)?);
                    break;
                }
            }
        }
        Ok(drives)
    }

    /// Finds the folder that a put has made, or makes it.
    fn folder(&mut self, drive: &Drive, item: &Item) -> Result<()> {
        let made = drive.stat(&item.path).ok().filter(|found| found.kind == Kind::Folder);
        match made.map_or_else(|| drive.mkdir(&item.path), |found| Ok(found.id)) {
            Ok(folder) => {
                self.report.folders += 1;
                self.origin(item, folder)?;
                self.came(drive, item, folder)
            }
            Err(error) if is_of_one(&error) => self.leave_out_node(item.id, Cause::Refused),
            Err(error) => Err(error),
        }
    }

    /// Sees whether a content is there, and keeps it open if it is to.
    fn look<'e>(&self, entity: &'e Entity, keep: bool) -> Candidate<'e> {
        match self.uploads.find(entity) {
            Ok(content) => Candidate { entity, fault: None, content: keep.then_some(content) },
            Err(cause) => Candidate { entity, fault: Some(cause), content: None },
        }
    }

    /// Puts the versions of a file, oldest first. One whose current version cannot be read is left out:
    /// what was older would be served in its place.
    fn file(&mut self, batch: &mut Batch<'_>, item: &Item, add: Add<'_>) -> Result<()> {
        let database = self.database;
        let ids = database.contents.get(&item.id).map(Vec::as_slice).unwrap_or_default();
        let entities = ids.iter().filter_map(|id| database.entities.get(id));
        let (versions, others): (Vec<&Entity>, Vec<&Entity>) = entities.partition(|entity| entity.kind == 0);
        for entity in others {
            let cause = if entity.kind == 1 { Cause::Thumbnail } else { Cause::LivePhoto };
            self.leave_out("version", entity.id, item, cause)?;
        }
        // What was opened to see that it is there is what is put, but for too many files at once.
        let few = versions.len() <= OPEN_AT_ONCE;
        let found: Vec<Candidate<'_>> = versions.into_iter().map(|entity| self.look(entity, few)).collect();
        let current = item.primary.and_then(|primary| found.iter().find(|found| found.entity.id == primary));
        // One that the server itself does not know any more is not there either.
        let fault = match (current, item.primary) {
            (Some(found), _) => found.fault,
            (None, Some(_)) => Some(Cause::Missing),
            (None, None) => None,
        };
        let any = found.iter().any(|found| found.fault.is_none());
        // What was made by name alone has no content; of an upload that is not finished it is not whole.
        let empty = item.primary.is_none() && found.is_empty();
        let out = match fault {
            Some(fault) if !(self.older && any) => Some(fault),
            None if !any && !empty => found.iter().find_map(|found| found.fault),
            _ => None,
        };
        for Candidate { entity, fault, .. } in &found {
            if let Some(cause) = fault.or(out.map(|_| Cause::Current)) {
                self.leave_out("version", entity.id, item, cause)?;
                add(entity.size)?;
            }
        }
        if let Some(cause) = out {
            return self.leave_out_node(item.id, cause);
        }
        if empty {
            let (of, put) = (Of { file: item.id, entity: None }, self.said(item, item.modified));
            return batch.put(of, &item.path, 0, Box::new(std::io::empty()), put);
        }
        for Candidate { entity, content, .. } in found.into_iter().filter(|found| found.fault.is_none()) {
            let content = match content {
                Some(content) => content,
                None => self.uploads.find(entity).map_err(|cause| went(entity, cause))?,
            };
            let modified = match item.primary == Some(entity.id) {
                true => item.modified.or(entity.modified),
                // Copying a file touches the time of change of what both are of.
                false => entity.created.into_iter().chain(entity.modified).min(),
            };
            let mut put = self.said(item, modified);
            if let Some(created) = entity.created {
                put = put.created(created);
            }
            if !self.shared.contains(&entity.id) {
                put = put.alias(entity.id);
            }
            let of = Of { file: item.id, entity: Some(entity.id) };
            batch.put(of, &item.path, entity.size, content, put)?;
            add(entity.size)?;
        }
        Ok(())
    }

    /// Says what is known of a file with the content that is put.
    fn said(&self, item: &Item, modified: Option<Time>) -> Put {
        let put = Put::new().modified(modified.unwrap_or_else(Time::now));
        let put = put.file_times(item.created, item.modified);
        let with = self.attributes.get(&item.id).and_then(|all| put.clone().attributes(all.clone()).ok());
        with.unwrap_or(put)
    }

    /// Lets the version be current that was, once all are there.
    fn restore_current(&mut self, drive: &Drive, batch: &mut Batch<'_>, item: &Item) -> Result<()> {
        let Some(versions) = batch.made.remove(&item.id) else { return Ok(()) };
        let Some((_, last)) = versions.last().copied() else { return Ok(()) };
        let primary = versions.iter().find(|(entity, _)| entity.is_some() && *entity == item.primary);
        if let Some((_, primary)) = primary.filter(|(_, version)| *version != last) {
            self.store.set_current(*primary)?;
            // Which is a change of the file.
            self.origins.extend(item.modified.map(|modified| Origin::file(last.file()).modified(modified)));
        }
        for (entity, version) in versions {
            self.report.versions += 1;
            if let Some(entity) = entity.filter(|entity| self.shared.contains(entity)) {
                self.entities.push((entity, item.id, version));
            }
        }
        self.report.files += 1;
        if let Some(attributes) = self.attributes.remove(&item.id) {
            let count = attributes.len();
            self.attributed(item, count, Put::new().attributes(attributes).is_ok())?;
        }
        self.came(drive, item, last.file())
    }

    /// Makes a note of attributes, which come along unless they are too long.
    fn attributed(&mut self, item: &Item, count: usize, fit: bool) -> Result<()> {
        if !fit {
            return self.leave_out("attributes", item.id, item, Cause::Attributes);
        }
        self.report.attributes += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Makes a note of the times of a folder, and of what is said of it.
    fn origin(&mut self, item: &Item, folder: FileId) -> Result<()> {
        let mut origin = Origin::file(folder);
        if let Some(created) = item.created {
            origin = origin.created(created);
        }
        if let Some(modified) = item.modified {
            origin = origin.modified(modified);
        }
        if let Some(attributes) = self.attributes.remove(&item.id) {
            let (count, said) = (attributes.len(), origin.clone().attributes(attributes));
            self.attributed(item, count, said.is_ok())?;
            origin = said.unwrap_or(origin);
        }
        self.origins.push(origin);
        Ok(())
    }

    /// Makes a note that a file or folder came along.
    fn came(&mut self, drive: &Drive, item: &Item, file: FileId) -> Result<()> {
        self.made.insert(item.id, (file, drive.clone(), Some(item.path.clone())));
        if let Some(name) = item.renamed.then(|| item.path.rsplit('/').next().unwrap_or_default()) {
            let subject =
                Subject { kind: kind(item), id: item.id, owner: self.owner(item.id), path: &item.was };
            self.report.rename(&subject, name)?;
        }
        Ok(())
    }

    fn owner(&self, node: u64) -> &'a str {
        let node = self.nodes.get(&node);
        node.and_then(|node| self.owners.get(&node.owner)).copied().unwrap_or_default()
    }

    fn leave_out(&mut self, kind: &'static str, id: u64, item: &Item, cause: Cause) -> Result<()> {
        let owner = self.owner(item.id);
        self.report.leave_out(&Subject { kind, id, owner, path: &item.was }, cause)
    }

    fn leave_out_node(&mut self, id: u64, cause: Cause) -> Result<()> {
        let kind = if self.nodes.get(&id).is_some_and(|node| node.folder) { "folder" } else { "file" };
        let (owner, path) = (self.owner(id), self.path(id));
        self.report.leave_out(&Subject { kind, id, owner, path: &path }, cause)
    }

    /// Returns the path of a file or folder in the database; in the trash, the one that it had.
    fn path(&self, id: u64) -> String {
        let mut names = Vec::new();
        let (mut at, mut seen) = (Some(id), HashSet::new());
        while let Some(node) = at.filter(|id| seen.insert(*id)).and_then(|id| self.nodes.get(&id)) {
            let trashed = self.trashed.get(&node.id).filter(|_| node.parent.is_none());
            names.push(trashed.map_or_else(|| node.name.clone(), |restore| old_path(restore)));
            at = node.parent;
        }
        names.retain(|name| !name.is_empty());
        names.reverse();
        names.join("/")
    }

    fn is_active(&self, file: u64) -> bool {
        self.nodes.get(&file).is_some_and(|node| self.active.contains(&node.owner))
    }

    /// Makes the direct links.
    pub(super) fn links(&mut self) -> Result<()> {
        for link in &self.database.links {
            let made = self.made.get(&link.file).map(|(file, ..)| *file);
            let cause = match made {
                Some(_) if !self.is_active(link.file) => Cause::Owner,
                None => Cause::Target,
                Some(file) => {
                    match self.store.import_link(file, &link.name, link.speed, link.downloads, link.created) {
                        Ok(info) => {
                            self.aliases.push((link.id, Alias::Link(info.id)));
                            self.report.links += 1;
                            continue;
                        }
                        Err(error) if error.kind() == ErrorKind::InvalidArgument => Cause::Refused,
                        Err(error) => return Err(error),
                    }
                }
            };
            let (owner, path) = (self.owner(link.file), self.path(link.file));
            self.report.leave_out(&Subject { kind: "link", id: link.id, owner, path: &path }, cause)?;
        }
        Ok(())
    }

    /// Makes the shares that are not over.
    pub(super) fn shares(&mut self) -> Result<()> {
        let now = Time::now();
        for share in &self.database.shares {
            if let Some(cause) = self.share(share, now)? {
                let (owner, path) = (self.owner(share.file), self.path(share.file));
                self.report.leave_out(&Subject { kind: "share", id: share.id, owner, path: &path }, cause)?;
            }
        }
        Ok(())
    }

    /// Makes a share; returns why it is left out, if it is.
    fn share(&mut self, share: &super::database::Share, now: Time) -> Result<Option<Cause>> {
        if share.expires.is_some_and(|ends| ends <= now) || share.remain.is_some_and(|remain| remain <= 0) {
            return Ok(Some(Cause::Over));
        }
        let (drive, path) = match self.made.get(&share.file) {
            Some(_) if !self.is_active(share.file) => return Ok(Some(Cause::Owner)),
            Some((_, drive, Some(path))) => (drive, path),
            Some((_, _, None)) => return Ok(Some(Cause::Trashed)),
            None => return Ok(Some(Cause::Target)),
        };
        let mut terms = Share::new().counted(share.views, share.downloads);
        if let Some(created) = share.created {
            terms = terms.created(created);
        }
        if !share.password.is_empty() {
            terms = terms.password(&share.password);
        }
        if let Some(ends) = share.expires {
            terms = terms.expires_at(ends);
        }
        if let Some(remain) = share.remain.and_then(|remain| u64::try_from(remain).ok()) {
            terms = terms.max_downloads(remain.saturating_add(share.downloads));
        }
        let info = match drive.share(path, &terms) {
            Ok(info) => info,
            Err(error) if is_of_one(&error) => return Ok(Some(Cause::Refused)),
            Err(error) => return Err(error),
        };
        self.aliases.push((share.id, Alias::Share(info.id)));
        self.report.shares += 1;
        Ok(None)
    }

    /// Writes down the old ids and times, and returns the notes for the user.
    pub(super) fn end(mut self) -> Result<Report> {
        self.store.set_origins(std::mem::take(&mut self.origins))?;
        // An entity that copies of a file share leads to the one that was there first.
        self.entities.sort_unstable();
        self.entities.dedup_by_key(|(entity, ..)| *entity);
        let entities = self.entities.iter().map(|(entity, _, version)| (*entity, Alias::Version(*version)));
        self.store.set_aliases(entities.chain(self.aliases.iter().copied()))?;
        notes::tell(self.database, &mut self.report)?;
        Ok(self.report)
    }
}

/// A version of a file, and whether its content can be read.
struct Candidate<'e> {
    entity: &'e Entity,
    fault: Option<Cause>,
    /// What was opened and not closed again.
    content: Option<Box<dyn Read>>,
}

fn kind(item: &Item) -> &'static str {
    if item.folder { "folder" } else { "file" }
}

/// Returns the entities that more than one file has: copies share them.
fn shared(database: &Database) -> HashSet<u64> {
    let mut seen = HashSet::with_capacity(database.entities.len());
    database.contents.values().flatten().copied().filter(|entity| !seen.insert(*entity)).collect()
}

fn went(entity: &Entity, cause: Cause) -> Error {
    let message = format!("the content of entity {} changed during the import: {}", entity.id, cause.text());
    Error::new(ErrorKind::Mismatch, message)
}

fn no_drive(user: u64) -> Error {
    Error::new(ErrorKind::NotFound, format!("no drive was made for user {user}"))
}
