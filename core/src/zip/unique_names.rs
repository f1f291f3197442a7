//! Unique names: no two members that one extractor would write to one place.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use super::case_fold::fold;
use super::safe_name::{PART_MAX, folder_fits, parts, prefix, safe_part, split_extension, split_last};
use crate::{Error, ErrorKind, Kind, Result};

/// Room that is kept for ` (4294967295)`, in bytes, when a name that needs a suffix is long.
const SUFFIX_ROOM: usize = 13;

const ROOT: u32 = 0;

/// The names given so far to the members of one archive.
///
/// Two members of one folder never share a name under case folding and NFC, whether file or folder:
/// the later one gets ` (2)`, ` (3)` and so on before its extension. Folders stay apart as the caller
/// kept them apart: the members of `a/` and of `A/` land in `a/` and in `A (2)/`; and beside a
/// file `a`, the members of a folder `a` land in `a (2)/`.
///
/// Holds hashes, not names: 10 to 20 bytes a member, and about 150 more and its name for each folder. Each
/// folder has a table of its own: members come folder by folder, and one table for all of them misses the
/// cache at every member.
/// The hashes have 64 bits and a key. Should two be equal by chance (once in 30 million archives of a
/// million members), a name gets a suffix that it did not need.
pub struct Names {
    /// The index of a folder, or the next suffix of a name.
    numbers: HashMap<u64, u32, BuildHasherDefault<Same>>,
    seed: RandomState,
    folders: Vec<Folder>,
    folder_names: String,
    /// The folder of the last member, because members come folder by folder.
    last: Last,
    part: String,
    folded: String,
}

struct Folder {
    parent: u32,
    /// Length of the whole path, in bytes, with a `/` at its end.
    path_len: u32,
    /// Where its own name starts in `folder_names`, and its length, in bytes.
    name: u64,
    name_len: u8,
    /// Whether a member stands for the folder itself.
    listed: bool,
    /// The folded names in it.
    taken: HashSet<u64, BuildHasherDefault<Same>>,
}

#[derive(Default)]
struct Last {
    given: String,
    folder: u32,
    path: String,
}

/// What a key is about, so that the three never mix.
#[derive(Clone, Copy)]
enum About {
    /// A folded name that is taken.
    Taken = 0,
    /// A folded name without its suffix, of which the next suffix is known.
    Suffix = 1,
    /// A folder as the caller spells it.
    Folder = 2,
}

/// Passes a key on as it is: it is a hash already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Default for Names {
    fn default() -> Names {
        let root = Folder {
            parent: ROOT,
            path_len: 0,
            name: 0,
            name_len: 0,
            listed: false,
            taken: HashSet::default(),
        };
        Names {
            numbers: HashMap::default(),
            seed: RandomState::new(),
            folders: vec![root],
            folder_names: String::new(),
            last: Last::default(),
            part: String::new(),
            folded: String::new(),
        }
    }
}

impl Names {
    /// Appends to `out` a safe name for `path` that is unlike every name given before; that of a
    /// folder ends with `/`.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] beyond 4,294,967,295 folders or equal names.
    pub fn claim(&mut self, path: &str, kind: Kind, out: &mut String) -> Result<()> {
        let (parent, given) = split_last(path);
        if self.last.given != parent {
            self.enter(parent)?;
        }
        let parent = self.last.folder;
        match kind {
            Kind::File => {
                self.set_part(given);
                self.take(parent, Kind::File)?;
            }
            Kind::Folder => {
                let folder = self.folder(parent, given)?;
                match usize::try_from(folder).ok().and_then(|at| self.folders.get_mut(at)) {
                    Some(own) if folder != parent && !own.listed => {
                        own.listed = true;
                        let name = folder_name(&self.folder_names, own);
                        self.part.clear();
                        self.part.push_str(name);
                    }
                    // Listed before, or too deep to be a folder of its own.
                    _ => {
                        self.set_part(given);
                        self.take(parent, Kind::Folder)?;
                    }
                }
            }
        }
        out.push_str(&self.last.path);
        out.push_str(&self.part);
        if kind == Kind::Folder {
            out.push('/');
        }
        Ok(())
    }

    /// Returns the memory held, in bytes, about.
    pub fn memory(&self) -> usize {
        let taken: usize = self.folders.iter().map(|folder| folder.taken.capacity()).sum();
        // One byte of every slot is the table's own, and at most 7 of 8 slots are used.
        (taken * 9 + self.numbers.capacity() * 17) * 8 / 7
            + self.folders.capacity() * size_of::<Folder>()
            + self.folder_names.capacity()
    }

    fn set_part(&mut self, given: &str) {
        safe_part(given, &mut self.part);
    }

    /// Makes the folder that the caller spells `given` the last one.
    fn enter(&mut self, given: &str) -> Result<()> {
        let mut folder = ROOT;
        for part in parts(given) {
            folder = self.folder(folder, part)?;
        }
        self.last.folder = folder;
        self.last.given.clear();
        self.last.given.push_str(given);
        let mut names = Vec::new();
        while folder != ROOT {
            let Some(own) = self.at(folder) else { break };
            names.push(folder_name(&self.folder_names, own));
            folder = own.parent;
        }
        self.last.path.clear();
        for name in names.iter().rev() {
            self.last.path.push_str(name);
            self.last.path.push('/');
        }
        Ok(())
    }

    fn at(&self, folder: u32) -> Option<&Folder> {
        self.folders.get(usize::try_from(folder).ok()?)
    }

    /// Returns the folder that the caller spells `given` inside `parent`; `parent` itself where one
    /// more level would be too long a path.
    fn folder(&mut self, parent: u32, given: &str) -> Result<u32> {
        let key = self.key(About::Folder, parent, given);
        if let Some(folder) = self.numbers.get(&key) {
            return Ok(*folder);
        }
        self.set_part(given);
        let path_len = self.at(parent).map_or(0, |own| own.path_len);
        if !folder_fits(usize::try_from(path_len).unwrap_or(usize::MAX / 2), self.part.len()) {
            self.numbers.insert(key, parent);
            return Ok(parent);
        }
        self.take(parent, Kind::Folder)?;
        let index = u32::try_from(self.folders.len()).map_err(|_| too_many("folders"))?;
        let name_len = u8::try_from(self.part.len()).map_err(|_| Error::bug("a part over 255 bytes"))?;
        self.folders.push(Folder {
            parent,
            path_len: path_len + u32::from(name_len) + 1,
            name: u64::try_from(self.folder_names.len()).unwrap_or(u64::MAX),
            name_len,
            listed: false,
            taken: HashSet::default(),
        });
        self.folder_names.push_str(&self.part);
        self.numbers.insert(key, index);
        Ok(index)
    }

    /// Takes the name in `part` inside `folder`, with a suffix if it is taken, and leaves it there.
    fn take(&mut self, folder: u32, kind: Kind) -> Result<()> {
        if self.take_exactly(folder)? {
            return Ok(());
        }
        let (stem, extension) = match kind {
            Kind::File => split_extension(&self.part),
            Kind::Folder => (self.part.as_str(), ""),
        };
        let stem = prefix(stem, PART_MAX - SUFFIX_ROOM - extension.len()).to_owned();
        let extension = extension.to_owned();
        // One counter for all names with this stem and extension, cut or not, so that equal names
        // are numbered in one step each.
        self.folded.clear();
        fold(&stem, &mut self.folded);
        self.folded.push('/');
        fold(&extension, &mut self.folded);
        let counter = self.key(About::Suffix, folder, &self.folded);
        let mut number = self.numbers.get(&counter).copied().unwrap_or(2);
        loop {
            self.part.clear();
            self.part.push_str(&stem);
            self.part.push_str(&format!(" ({number})"));
            self.part.push_str(&extension);
            number = number.checked_add(1).ok_or_else(|| too_many("members of one name"))?;
            if self.take_exactly(folder)? {
                self.numbers.insert(counter, number);
                return Ok(());
            }
        }
    }

    /// Takes the name in `part` inside `folder` and returns whether it was free.
    fn take_exactly(&mut self, folder: u32) -> Result<bool> {
        self.folded.clear();
        fold(&self.part, &mut self.folded);
        let key = self.key(About::Taken, folder, &self.folded);
        let own = usize::try_from(folder).ok().and_then(|at| self.folders.get_mut(at));
        Ok(own.ok_or_else(|| Error::bug("a member of a folder that is not there"))?.taken.insert(key))
    }

    /// Hashes with SipHash and a seed of its own, so that nobody can choose names that collide.
    fn key(&self, about: About, folder: u32, text: &str) -> u64 {
        #[cfg(test)]
        super::steps::step();
        let mut hasher = self.seed.build_hasher();
        hasher.write_u64(u64::from(folder) << 8 | about as u64);
        hasher.write(text.as_bytes());
        hasher.finish()
    }
}

fn folder_name<'a>(names: &'a str, folder: &Folder) -> &'a str {
    let start = usize::try_from(folder.name).unwrap_or(usize::MAX);
    names.get(start..start.saturating_add(usize::from(folder.name_len))).unwrap_or_default()
}

fn too_many(what: &str) -> Error {
    Error::new(ErrorKind::TooLarge, format!("an archive holds at most 4294967295 {what}; make several"))
}
