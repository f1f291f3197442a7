//! Where the content of an entity is, in the folders that were named and nowhere else.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use holdall::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags, open, openat};
#[cfg(target_os = "linux")]
use rustix::fs::{ResolveFlags, openat2};
#[cfg(target_os = "linux")]
use rustix::io::Errno;

use super::crypt::MasterKey;
use super::database::{Database, Entity};
use super::looks::{ENOUGH, looks_right};
use super::mutant::{self, Mutant, is_active};
use super::report::Cause;

/// How many contents decide where a root is.
const SAMPLE: usize = 256;

/// How many threads look for contents at most.
const THREADS: usize = 8;

/// The folders of contents. What is in them was put there by the old server's users, or by whoever
/// could write there: no link in them is followed, whether it is a file or a folder on the way to one.
pub(super) struct Uploads {
    path: PathBuf,
    folder: OwnedFd,
    /// Beginnings of paths and the folders that they are now, the longest first.
    maps: Vec<(String, OwnedFd)>,
    roots: Vec<Root>,
    master: Option<MasterKey>,
    /// Whether no content looks right under that key.
    wrong: bool,
}

/// What the paths of contents begin with.
struct Root {
    /// With a slash at its end.
    beginning: String,
    /// Its last folders that are below the one that was named, without a slash at the end.
    tail: Option<String>,
}

impl Uploads {
    /// Opens the folders, which may be named through links by whoever runs the import, and finds out
    /// which part of the paths in the database they stand for.
    ///
    /// # Errors
    /// `Io` and `NotFound` when one is not there or is not a folder.
    pub(super) fn open(
        database: &Database,
        path: &Path,
        maps: &[(String, PathBuf)],
        master: Option<MasterKey>,
    ) -> Result<Uploads> {
        let mut opened = Vec::with_capacity(maps.len());
        for (old, new) in maps {
            opened.push((plain(old).trim_end_matches('/').to_owned(), folder(new)?));
        }
        opened.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
        let mut uploads = Uploads {
            path: path.to_owned(),
            folder: folder(path)?,
            maps: opened,
            roots: Vec::new(),
            master,
            wrong: false,
        };
        uploads.find_roots(database);
        uploads.wrong = uploads.is_wrong_key(database);
        Ok(uploads)
    }

    /// Finds where each root is: the same for all that begins with it, and no two in one place, since
    /// other content of the same name and length may be there.
    fn find_roots(&mut self, database: &Database) {
        let wanted: Vec<&Entity> = wanted(database).filter(|entity| readable(entity).is_ok()).collect();
        let sources: Vec<(Cow<'_, str>, u64)> = wanted
            .iter()
            .map(|entity| (plain(&entity.source), entity.size))
            .filter(|(source, _)| self.mapped(source).is_none())
            .collect();
        let mut of_root: BTreeMap<String, Vec<&(Cow<'_, str>, u64)>> = BTreeMap::new();
        let beginnings = roots(database, sources.iter().map(|(source, _)| &**source));
        for one in &sources {
            if let Some(root) = beginnings.iter().find(|root| one.0.starts_with(*root)) {
                match of_root.get_mut(root) {
                    Some(sources) => sources.push(one),
                    None => drop(of_root.insert(root.clone(), vec![one])),
                }
            }
        }
        let mut of_root: Vec<_> = of_root.into_iter().collect();
        of_root.sort_by_key(|(_, sources)| std::cmp::Reverse(sources.len()));
        let mut taken = HashSet::new();
        for (beginning, sources) in of_root {
            let step = sources.len().div_ceil(SAMPLE).max(1);
            let hits = |tail: &String| {
                let sample = sources.iter().step_by(step);
                let rest =
                    sample.filter_map(|(source, size)| Some((source.strip_prefix(&beginning)?, *size)));
                rest.filter(|(rest, size)| self.look(&self.folder, &join(tail, rest), *size).is_ok()).count()
            };
            let mut tails: Vec<(usize, String)> = tails(&beginning)
                .filter(|tail| !taken.contains(tail))
                .map(|tail| (hits(&tail), tail))
                .collect();
            // Of equals the first, which is the longest.
            tails.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
            let tail = tails.into_iter().find(|(hits, _)| *hits > 0).map(|(_, tail)| tail);
            taken.extend(tail.clone());
            self.roots.push(Root { beginning, tail });
        }
    }

    /// Opens the content of an entity.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn find(&self, entity: &Entity) -> std::result::Result<Box<dyn Read>, Cause> {
        readable(entity)?;
        let source = plain(&entity.source);
        let file = match self.mapped(&source) {
            Some((folder, rest)) => self.look(folder, rest, entity.size)?,
            None => {
                let rest = self
                    .roots
                    .iter()
                    .find_map(|root| Some(join(root.tail.as_ref()?, source.strip_prefix(&root.beginning)?)));
                self.look(&self.folder, &rest.ok_or(Cause::Missing)?, entity.size)?
            }
        };
        Ok(match (&entity.envelope, &self.master) {
            (None, _) => Box::new(file),
            (Some(_), None) => return Err(Cause::MasterKey),
            (Some(_), Some(_)) if self.wrong => return Err(Cause::WrongKey),
            (Some(envelope), Some(master)) => Box::new(master.open(envelope, file).ok_or(Cause::Encryption)?),
        })
    }

    /// Says whether there are contents that would look right under the right key, and none does.
    fn is_wrong_key(&self, database: &Database) -> bool {
        let encrypted = wanted(database).filter(|entity| entity.envelope.is_some());
        let mut judged = encrypted.filter_map(|entity| {
            let mut beginning = Vec::new();
            let content = self.find(entity).ok()?;
            content.take(u64::try_from(ENOUGH).ok()?).read_to_end(&mut beginning).ok()?;
            looks_right(&entity.source, &beginning)
        });
        let first = judged.by_ref().take(SAMPLE).collect::<Vec<_>>();
        !first.is_empty() && !first.contains(&true)
    }

    /// Returns the folder that the beginning of a path was mapped to, and the rest of the path.
    fn mapped<'a>(&self, source: &'a str) -> Option<(&OwnedFd, &'a str)> {
        self.maps.iter().find_map(|(old, new)| {
            let rest = source.strip_prefix(old.as_str())?;
            Some((new, rest.strip_prefix('/')?))
        })
    }

    /// Opens a file that must have a length.
    fn look(&self, folder: &OwnedFd, path: &str, size: u64) -> std::result::Result<File, Cause> {
        let file = beneath(folder, Path::new(path)).ok_or(Cause::Missing)?;
        match file.metadata() {
            Ok(found) if found.is_file() && found.len() == size => Ok(file),
            Ok(found) if found.is_file() => Err(Cause::Length),
            _ => Err(Cause::Missing),
        }
    }

    /// Returns those of some contents that cannot be read, and why. To look for one is to wait for the
    /// disk, so several threads look for many.
    fn faults<'e>(&self, entities: &[&'e Entity]) -> Vec<(&'e Entity, Cause)> {
        let look = |entities: &[&'e Entity]| -> Vec<(&'e Entity, Cause)> {
            entities.iter().filter_map(|entity| Some((*entity, self.find(entity).err()?))).collect()
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let share = entities.len().div_ceil(threads).max(SAMPLE);
        if entities.len() <= share {
            return look(entities);
        }
        std::thread::scope(|scope| {
            let begun: Vec<_> = entities
                .chunks(share)
                .map(|chunk| {
                    let carried = mutant::carried();
                    scope.spawn(move || {
                        carried();
                        look(chunk)
                    })
                })
                .collect();
            begun
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }

    /// Checks that the contents of the database are there; single ones may be missing where that was
    /// allowed.
    ///
    /// # Errors
    /// `NotFound`, with what to try.
    pub(super) fn check(&self, database: &Database, may_miss: bool) -> Result<()> {
        let mut faults: BTreeMap<Cause, Vec<&Entity>> = BTreeMap::new();
        let looked: Vec<&Entity> = wanted(database).filter(|entity| !entity.uploading).collect();
        let all = looked.len();
        for (entity, cause) in self.faults(&looked) {
            faults.entry(cause).or_default().push(entity);
        }
        let gone: usize = faults.values().map(Vec::len).sum();
        let elsewhere = faults.get(&Cause::Storage).map_or(0, Vec::len);
        let (here, lost) = (all.saturating_sub(elsewhere), gone.saturating_sub(elsewhere));
        // Where one in ten or less is there, the folder or the key is wrong and not the content.
        let wrong = lost > 0 && lost.saturating_mul(10) >= here.saturating_mul(9);
        if gone == 0 || (may_miss && !wrong) {
            return Ok(());
        }
        let mut message = format!("{gone} of {all} contents cannot be read");
        for (cause, entities) in &faults {
            let some: Vec<String> = entities
                .iter()
                .take(3)
                .map(|entity| format!("entity {} at {}", entity.id, entity.source))
                .collect();
            message.push_str(&format!("; {}: {} ({})", cause.text(), entities.len(), some.join(", ")));
        }
        let mut remedies = Vec::new();
        if faults.contains_key(&Cause::Missing) || faults.contains_key(&Cause::Length) {
            let from = self.roots.iter().find(|root| root.tail.is_none()).or_else(|| self.roots.first());
            let from = from.map_or("OLD", |root| root.beginning.trim_end_matches('/'));
            remedies.push(format!(
                "they were looked for in {}: give the folder that holds them as --uploads DIR, or --map \
                 {from}=DIR",
                self.path.display()
            ));
        }
        if faults.contains_key(&Cause::MasterKey) || faults.contains_key(&Cause::WrongKey) {
            remedies.push("give --master-key FILE, or set CR_ENCRYPT_MASTER_KEY".to_owned());
        }
        if !wrong {
            remedies.push("or --skip-missing to leave them out".to_owned());
        }
        Err(Error::new(ErrorKind::NotFound, format!("{message}; {}", remedies.join(", "))))
    }
}

/// Returns the contents that files have, each once: neither thumbnails nor what belongs to nothing.
fn wanted(database: &Database) -> impl Iterator<Item = &Entity> {
    let mut seen = HashSet::new();
    let ids = database.contents.values().flatten().filter(move |id| seen.insert(**id));
    ids.filter_map(|id| database.entities.get(id)).filter(|entity| entity.kind == 0)
}

/// Says what stands against reading content, whether or not it is there.
fn readable(entity: &Entity) -> std::result::Result<(), Cause> {
    match entity {
        entity if entity.uploading => Err(Cause::Unfinished),
        entity if !entity.local => Err(Cause::Storage),
        _ => Ok(()),
    }
}

/// Returns what the paths begin with, by the rules of the storage policies or, where a rule was changed
/// since, by the folder that holds the data of every server; none of them begins with another.
fn roots<'a>(database: &Database, sources: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: HashSet<String> = HashSet::new();
    for rule in &database.roots {
        let rule = plain(rule);
        let fixed = rule.split('{').next().unwrap_or_default();
        if let Some((root, _)) = fixed.rsplit_once('/').filter(|(root, _)| !root.is_empty()) {
            found.insert(format!("{root}/"));
        }
    }
    for source in sources {
        if found.iter().any(|root| source.starts_with(root)) {
            continue;
        }
        let absolute = ["/data/uploads/", "/data/"].iter().find_map(|folder| {
            let at = source.find(folder)?;
            source.get(..at + folder.len())
        });
        let relative =
            ["data/uploads/", "data/", "uploads/"].into_iter().find(|root| source.starts_with(root));
        if let Some(root) = relative.or(absolute) {
            found.insert(root.to_owned());
        }
    }
    let mut found: Vec<String> = found.into_iter().collect();
    found.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    let mut roots: Vec<String> = Vec::new();
    for root in found {
        if !roots.iter().any(|above| root.starts_with(above)) {
            roots.push(root);
        }
    }
    roots
}

/// Returns the ends of a root, from all of its folders to none.
fn tails(root: &str) -> impl Iterator<Item = String> {
    let names: Vec<&str> = root.split('/').filter(|name| !name.is_empty()).collect();
    let tails: Vec<String> =
        (0..=names.len()).filter_map(|from| Some(names.get(from..)?.join("/"))).collect();
    tails.into_iter()
}

fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

/// Writes a path with slashes: no name holds a backslash, which Windows has in their place.
fn plain(path: &str) -> Cow<'_, str> {
    let path = path.strip_prefix("./").or_else(|| path.strip_prefix(".\\")).unwrap_or(path);
    match path.contains('\\') {
        true => Cow::Owned(path.replace('\\', "/")),
        false => Cow::Borrowed(path),
    }
}

fn folder(path: &Path) -> Result<OwnedFd> {
    open(path, FOLDER, Mode::empty())
        .map_err(|cause| Error::io(format!("opening {}", path.display()), cause.into()))
}

/// Opens a file with no link followed at any part of its path. What is looked at is what is read: nobody can put
/// a link in the place of a folder in between.
fn beneath(folder: &OwnedFd, path: &Path) -> Option<File> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    let (last, folders) = names.split_last()?;
    // A pipe would make the opening wait.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let linked = is_active(Mutant::LinkedFolders);
    #[cfg(target_os = "linux")]
    if !linked {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match openat2(folder, path, flags, Mode::empty(), resolve) {
            // An old system, and a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => {}
            opened => return opened.ok().map(File::from),
        }
    }
    let mut inner = None;
    let plainly = if linked { FOLDER } else { FOLDER | OFlags::NOFOLLOW };
    for name in folders {
        let above = inner.as_ref().unwrap_or(folder);
        inner = Some(openat(above, *name, plainly, Mode::empty()).ok()?);
    }
    openat(inner.as_ref().unwrap_or(folder), *last, flags, Mode::empty()).ok().map(File::from)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_root_go_from_all_to_none() {
        let tails: Vec<String> = tails("/cloudreve/data/uploads/").collect();
        assert_eq!(tails, ["cloudreve/data/uploads", "data/uploads", "uploads", ""]);
    }

    #[test]
    fn a_path_of_windows_has_slashes() {
        assert_eq!(plain(r"C:\cloudreve\data\uploads\1\a.txt"), "C:/cloudreve/data/uploads/1/a.txt");
        assert_eq!(plain("./data/a"), "data/a");
    }
}
