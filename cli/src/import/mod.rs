//! `holdall import cloudreve`: a server's users, files, versions, links and shares into a new store.
//!
//! Hash ids and signatures of the server stay good: the salt and the key come along, and each of its
//! ids becomes an alias of what it named. What cannot come along is counted and told.

mod database;
mod dump;
mod plan;
mod source;

use std::collections::{BTreeMap, HashMap, HashSet};

use holdall::{Alias, Drive, Error, ErrorKind, FileId, Put, Result, Share, Store, Time, VersionId};
use serde_json::json;

use crate::args::Cloudreve;
use crate::output::Output;

use database::{Database, Node, User};
use plan::{Item, Plan};
use source::Uploads;

/// What was imported, and what was not.
#[derive(Default)]
struct Report {
    drives: u64,
    folders: u64,
    files: u64,
    versions: u64,
    trashed: u64,
    links: u64,
    shares: u64,
    left_out: BTreeMap<&'static str, u64>,
}

impl Report {
    fn leave_out(&mut self, what: &'static str) {
        *self.left_out.entry(what).or_default() += 1;
    }
}

/// Runs an import.
pub(crate) fn run(store: &Store, args: &Cloudreve, out: Output) -> Result<()> {
    let database = Database::read(&args.database, &args.utc_offset)?;
    let (secret, salt) = keys(&database, args)?;
    let uploads = Uploads::open(&args.uploads)?;
    let missing = source::missing(&database, &uploads);
    if !missing.is_empty() && !args.skip_missing {
        let some: Vec<&str> = missing.iter().take(5).map(String::as_str).collect();
        let told = format!(
            "the content of {} entities is not in {} as the database has it ({}); give another --uploads, \
             or --skip-missing",
            missing.len(),
            args.uploads.display(),
            some.join(", ")
        );
        return Err(Error::new(ErrorKind::NotFound, told));
    }
    let (entities, others) = database.highest();
    store.leave_room(others, entities)?;
    store.set_hash_salt(&salt)?;
    store.add_cloudreve_secret(secret.as_bytes())?;

    let mut work = Work {
        store,
        uploads,
        database: &database,
        report: Report::default(),
        made: HashMap::new(),
        owners: database.nodes.iter().map(|node| (node.id, node.owner)).collect(),
        active: database.users.iter().filter(|user| user.active).map(|user| user.id).collect(),
        aliases: Vec::new(),
    };
    work.users()?;
    work.links()?;
    work.shares()?;
    // An entity that copies of a file share leads to the first of them.
    let mut seen = HashSet::new();
    let aliases = std::mem::take(&mut work.aliases);
    store.set_aliases(
        aliases.into_iter().filter(|(id, ours)| !matches!(ours, Alias::Version(_)) || seen.insert(*id)),
    )?;
    let Report { drives, folders, files, versions, trashed, links, shares, left_out } = work.report;
    let told = format!(
        "{drives} drives, {folders} folders, {files} files, {versions} versions, {trashed} in the trash, \
         {links} links, {shares} shares"
    );
    let rest: Vec<String> =
        left_out.iter().map(|(what, count)| format!("\nleft out: {count} {what}")).collect();
    let value = json!({
        "drives": drives, "folders": folders, "files": files, "versions": versions, "trashed": trashed,
        "links": links, "shares": shares, "left_out": left_out,
    });
    out.print(&value, format!("{told}{}", rest.concat()))
}

/// Returns the key that URLs are signed with, and the salt of the ids.
fn keys(database: &Database, args: &Cloudreve) -> Result<(String, String)> {
    let absent = |what: &str, option: &str| {
        Error::new(ErrorKind::NotFound, format!("the database holds no {what}; give {option}"))
    };
    let secret = match &args.secret_key {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|cause| Error::io(format!("reading {}", path.display()), cause))?
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
        None => database.settings.get("secret_key").cloned().unwrap_or_default(),
    };
    if secret.is_empty() {
        return Err(absent("secret_key", "--secret-key"));
    }
    let salt = args.hash_salt.clone().or_else(|| database.settings.get("hash_id_salt").cloned());
    Ok((secret, salt.ok_or_else(|| absent("hash_id_salt", "--hash-salt"))?))
}

/// An import under way.
struct Work<'a> {
    store: &'a Store,
    uploads: Uploads,
    database: &'a Database,
    report: Report,
    /// The files that were made, by their old ids; the path of those that are in the tree.
    made: HashMap<u64, (FileId, Drive, Option<String>)>,
    /// Whose each file is.
    owners: HashMap<u64, u64>,
    /// Users whose links and shares are followed.
    active: HashSet<u64>,
    /// Old ids and what they name here.
    aliases: Vec<(u64, Alias)>,
}

impl Work<'_> {
    fn users(&mut self) -> Result<()> {
        let mut drives = self.drives()?;
        let mut nodes: HashMap<u64, Vec<&Node>> = HashMap::new();
        for node in &self.database.nodes {
            nodes.entry(node.owner).or_default().push(node);
        }
        for user in &self.database.users {
            let drive = drives.remove(&user.id).ok_or_else(|| no_drive(user.id))?;
            self.aliases.push((user.id, Alias::Drive(drive.id())));
            self.report.drives += 1;
            let own = nodes.remove(&user.id).unwrap_or_default();
            let plan = Plan::of(&own, &self.database.trashed);
            for _ in 0..plan.symbolic {
                self.report.leave_out("folders that stand for another user's");
            }
            for _ in 0..plan.deep {
                self.report.leave_out("files and folders that lie deeper than a path reaches");
            }
            for _ in 0..plan.lost {
                self.report.leave_out("files and folders that lie in no folder");
            }
            for item in &plan.items {
                self.item(&drive, item)?;
            }
            for top in &plan.trash {
                for item in &top.items {
                    self.item(&drive, item)?;
                }
                if let Some(item) = top.items.first().filter(|item| drive.stat(&item.path).is_ok()) {
                    drive.trash(&item.path)?;
                    self.report.trashed += 1;
                    for item in &top.items {
                        if let Some(made) = self.made.get_mut(&item.id) {
                            made.2 = None;
                        }
                    }
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
        let plain = |user: &&User| holdall::name::check_name(&user.email).is_ok();
        // Addresses first, so that each user who has one gets a drive of that name.
        let (named, others): (Vec<_>, Vec<_>) = self.database.users.iter().partition(plain);
        for user in named.into_iter().chain(others) {
            let own = plain(&user).then(|| user.email.clone());
            let made = (1..).map(|count: u64| match count {
                1 => format!("user-{}", user.id),
                _ => format!("user-{} ({count})", user.id),
            });
            for name in own.into_iter().chain(made) {
                if self.store.find_drive(&name)?.is_none() && taken.insert(name.clone()) {
                    drives.insert(user.id, self.store.drive(&name)?);
                    break;
                }
            }
        }
        Ok(drives)
    }

    /// Makes a file or folder. One that cannot be stored is left out, and the rest goes on.
    fn item(&mut self, drive: &Drive, item: &Item) -> Result<()> {
        let made = match item.folder {
            true => drive.mkdir(&item.path).map(Some),
            false => self.file(drive, item),
        };
        let file = match made {
            Ok(file) => file,
            Err(error) if is_of_one(&error) => {
                self.report.leave_out("files and folders that cannot be stored as they are");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.report.folders += u64::from(item.folder);
        if let Some(file) = file {
            self.made.insert(item.id, (file, drive.clone(), Some(item.path.clone())));
        }
        Ok(())
    }

    /// Puts the versions of a file, oldest first; none where all its content is missing.
    fn file(&mut self, drive: &Drive, item: &Item) -> Result<Option<FileId>> {
        let ids = self.database.contents.get(&item.id).map(Vec::as_slice).unwrap_or_default();
        let (mut last, mut primary, mut aliases, mut lost) = (None::<VersionId>, None, Vec::new(), false);
        for entity in ids.iter().filter_map(|id| self.database.entities.get(id)) {
            if entity.kind != 0 {
                self.report.leave_out("thumbnails and live photos");
                continue;
            }
            let Some(content) = self.uploads.find(entity) else {
                self.report.leave_out("contents that are not there, or not to be read");
                lost = true;
                continue;
            };
            let put = Put::new().len(entity.size).modified(entity.modified.unwrap_or_else(Time::now));
            let version = drive.put(&item.path, content, put)?.id;
            self.report.versions += 1;
            aliases.push((entity.id, Alias::Version(version)));
            last = Some(version);
            if item.primary == Some(entity.id) {
                primary = Some(version);
            }
        }
        if last.is_none() && !lost && item.primary.is_none() {
            // A file without any content is an empty one.
            last = Some(drive.put(&item.path, std::io::empty(), Put::new())?.id);
            self.report.versions += 1;
        }
        let Some(last) = last else { return Ok(None) };
        if let Some(primary) = primary.filter(|primary| *primary != last) {
            self.store.set_current(primary)?;
        }
        self.aliases.append(&mut aliases);
        self.report.files += 1;
        Ok(Some(last.file()))
    }

    fn is_active(&self, file: u64) -> bool {
        self.owners.get(&file).is_some_and(|owner| self.active.contains(owner))
    }

    fn links(&mut self) -> Result<()> {
        for link in &self.database.links {
            let made = self.made.get(&link.file).filter(|_| self.is_active(link.file));
            let made =
                made.map(|(file, ..)| self.store.import_link(*file, &link.name, link.speed, link.downloads));
            match made {
                Some(Ok(info)) => {
                    self.aliases.push((link.id, Alias::Link(info.id)));
                    self.report.links += 1;
                }
                Some(Err(error)) if error.kind() != ErrorKind::InvalidArgument => return Err(error),
                _ => self.report.leave_out("links to what was left out, or of users that are not active"),
            }
        }
        Ok(())
    }

    fn shares(&mut self) -> Result<()> {
        let now = Time::now();
        for share in &self.database.shares {
            let left = share.expires.map(|ends| u64::try_from(ends.0.saturating_sub(now.0)).unwrap_or(0));
            if left == Some(0) || share.remain.is_some_and(|remain| remain <= 0) {
                self.report.leave_out("shares that are over");
                continue;
            }
            let made = self.made.get(&share.file).filter(|_| self.is_active(share.file));
            let Some((_, drive, Some(path))) = made else {
                self.report
                    .leave_out("shares of what was left out or is in the trash, or of users not active");
                continue;
            };
            let mut terms = Share::new().counted(share.views, share.downloads);
            if !share.password.is_empty() {
                terms = terms.password(&share.password);
            }
            if let Some(left) = left {
                terms = terms.expires_in(std::time::Duration::from_micros(left));
            }
            if let Some(remain) = share.remain.and_then(|remain| u64::try_from(remain).ok()) {
                terms = terms.max_downloads(remain.saturating_add(share.downloads));
            }
            let info = match drive.share(path, &terms) {
                Ok(info) => info,
                Err(error) if is_of_one(&error) => {
                    self.report.leave_out("shares that cannot be made as they were");
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.aliases.push((share.id, Alias::Share(info.id)));
            self.report.shares += 1;
        }
        Ok(())
    }
}

/// Whether an error is of the one thing that was to be made, and not of the store or the disk.
fn is_of_one(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Exists | ErrorKind::TooLarge)
}

fn no_drive(user: u64) -> Error {
    Error::new(ErrorKind::NotFound, format!("no drive was made for user {user}"))
}
