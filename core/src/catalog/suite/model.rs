//! Random work on the catalog, beside a model too simple to be wrong.

use crate::catalog::search::{self, Wanted};
use crate::catalog::{node, stat, state};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Everything at its path.
type Tree = BTreeMap<String, Item>;

#[derive(Clone, Debug)]
struct Item {
    /// Tells folders apart whatever their path.
    label: u64,
    /// None for a folder.
    file: Option<Content>,
    /// The value of the one attribute that is set.
    tag: Option<String>,
}

#[derive(Clone, Debug)]
struct Content {
    /// Content and whether it is kept, by number.
    versions: BTreeMap<u32, (u8, bool)>,
    current: u32,
    next: u32,
}

#[derive(Clone, Debug)]
struct Trashed {
    id: FileId,
    parent: u64,
    path: String,
    /// By path from the top, which is "".
    below: Tree,
}

#[derive(Default)]
struct Model {
    tree: Tree,
    trash: Vec<Trashed>,
    max_versions: u32,
    labels: u64,
}

#[derive(Clone, Debug)]
enum Op {
    Put(String, u8, Hope),
    Mkdir(String),
    Move(String, String, bool),
    Copy(String, String, bool, usize),
    Trash(String),
    Restore(usize, Option<String>),
    Purge(usize),
    Delete(String),
    SetCurrent(String, u32),
    Remove(String, u32),
    Keep(String, u32, bool),
    Limit(u32),
    Tag(String, Option<String>),
    Step(usize),
    Collect,
}

#[derive(Clone, Copy, Debug)]
enum Hope {
    Any,
    Absent,
    Right,
    Wrong,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let path = || "[abc](/[abc]){0,3}";
    let hope = prop_oneof![
        6 => Just(Hope::Any), 1 => Just(Hope::Absent), 1 => Just(Hope::Right), 1 => Just(Hope::Wrong)
    ];
    let op = prop_oneof![
        8 => (path(), 0..5_u8, hope).prop_map(|(path, content, hope)| Op::Put(path, content, hope)),
        2 => path().prop_map(Op::Mkdir),
        4 => (path(), path(), any::<bool>()).prop_map(|(from, to, replace)| Op::Move(from, to, replace)),
        3 => (path(), path(), any::<bool>(), 1..4_usize)
            .prop_map(|(from, to, all, limit)| Op::Copy(from, to, all, limit)),
        3 => path().prop_map(Op::Trash),
        3 => (0..4_usize, prop::option::of(path())).prop_map(|(which, to)| Op::Restore(which, to)),
        1 => (0..4_usize).prop_map(Op::Purge),
        2 => path().prop_map(Op::Delete),
        2 => (path(), 1..5_u32).prop_map(|(path, number)| Op::SetCurrent(path, number)),
        2 => (path(), 1..5_u32).prop_map(|(path, number)| Op::Remove(path, number)),
        1 => (path(), 1..5_u32, any::<bool>()).prop_map(|(path, number, keep)| Op::Keep(path, number, keep)),
        1 => (0..4_u32).prop_map(Op::Limit),
        4 => (path(), prop::option::of("[ab]{0,3}")).prop_map(|(path, tag)| Op::Tag(path, tag)),
        2 => (1..5_usize).prop_map(Op::Step),
        1 => Just(Op::Collect),
    ];
    prop::collection::vec(op, 1..50)
}

pub(super) fn random_work_agrees_with_a_naive_model<K: Kv>(make: &impl Fn() -> K, histories: u32) {
    let config = Config { cases: histories, failure_persistence: None, ..Config::default() };
    let tested = TestRunner::new(config).run(&ops(), |ops| {
        let (mut store, mut model) = (Store::new(make), Model::default());
        for op in ops {
            step(&mut store, &mut model, &op);
            agree(&store, &model);
        }
        store.clear(3);
        agree(&store, &model);
        let everything = || model.everything().flat_map(|content| content.versions.values());
        for content in 0..5 {
            let refs = everything().filter(|(have, _)| *have == content).count() as u64;
            assert_eq!(store.refs(content), refs, "content {content}");
        }
        let bytes: u64 = everything().map(|(content, _)| 10 * u64::from(*content)).sum();
        assert_eq!(store.usage(), (model.everything().count() as u64, bytes));
        Ok(())
    });
    if let Err(error) = tested {
        panic!("{error}");
    }
}

/// Does one thing to both, and holds that both did it or refused it for the same reason.
fn step<K: Kv>(store: &mut Store<K>, model: &mut Model, op: &Op) {
    let (done, expected) = match op {
        Op::Put(path, content, hope) => {
            let current =
                stat::at_path(&store.reader(), store.drive, path).ok().and_then(|info| info.current);
            let id = current.map_or(VersionId(77), |version| version.id);
            let expect = match hope {
                Hope::Any => Expect::Any,
                Hope::Absent => Expect::Absent,
                Hope::Right => Expect::Current(id),
                Hope::Wrong => Expect::Current(VersionId(id.0 + 1)),
            };
            (store.put_if(path, *content, expect).err(), model.put(path, *content, *hope))
        }
        Op::Mkdir(path) => (store.mkdir(path).err(), model.mkdir(path)),
        Op::Move(from, to, replace) => {
            (store.relocate(from, to, *replace).err(), model.relocate(from, to, *replace))
        }
        Op::Copy(from, to, all, limit) => {
            let versions = if *all { CopyVersions::All } else { CopyVersions::Current };
            (store.copy(from, to, versions, *limit).err(), model.copy(from, to, *all))
        }
        Op::Trash(path) => {
            let done = store.trash(path);
            let expected = model.trash(path, *done.as_ref().unwrap_or(&FileId(0)));
            (done.err(), expected)
        }
        Op::Restore(which, to) => {
            let id = model.trash.get(*which).map_or(FileId(999_999), |trashed| trashed.id);
            (store.restore(id, to.as_deref()).err(), model.restore(*which, to.as_deref()))
        }
        Op::Purge(which) => {
            let id = model.trash.get(*which).map_or(FileId(999_999), |trashed| trashed.id);
            let (drive, time) = (store.drive, store.time());
            let done = store.change(|tx, _| trash::purge(tx, drive, id, time));
            let expected = match model.trash.get(*which) {
                Some(_) => {
                    model.trash.remove(*which);
                    Ok(())
                }
                None => Err(ErrorKind::NotFound),
            };
            (done.err(), expected)
        }
        Op::Delete(path) => {
            (store.delete(path).err(), model.cut(path).map(|_| ()).ok_or(ErrorKind::NotFound))
        }
        Op::SetCurrent(path, number) => {
            let Some(id) = find(store, path, *number) else { return };
            let now = store.now;
            let done = store.change(|tx, _| version::set_current(tx, id, now));
            (done.err(), model.version(path, *number).map(|content| content.current = *number))
        }
        Op::Remove(path, number) => {
            let Some(id) = find(store, path, *number) else { return };
            let time = store.time();
            let done = store.change(|tx, _| version::remove(tx, id, time));
            let expected = model.version(path, *number).and_then(|content| {
                if content.current == *number {
                    return Err(ErrorKind::InvalidArgument);
                }
                content.versions.remove(number);
                Ok(())
            });
            (done.err(), expected)
        }
        Op::Keep(path, number, keep) => {
            let Some(id) = find(store, path, *number) else { return };
            let done = store.change(|tx, _| version::set_keep(tx, id, *keep));
            let expected = model.version(path, *number).map(|content| {
                content.versions.get_mut(number).unwrap().1 = *keep;
            });
            (done.err(), expected)
        }
        Op::Limit(max) => {
            let drive = store.drive;
            model.max_versions = *max;
            (store.change(|tx, _| drive::set_max_versions(tx, drive, *max)).err(), Ok(()))
        }
        Op::Tag(path, tag) => {
            let (drive, now) = (store.drive, store.now);
            let attributes: BTreeMap<_, _> = tag.iter().map(|tag| ("tag".to_owned(), tag.clone())).collect();
            let done = store.change(|tx, _| {
                let (file, _) = path::resolve(tx, drive, path)?;
                node::set_attributes(tx, file, attributes, now)
            });
            let item = model.tree.get_mut(path).ok_or(ErrorKind::NotFound);
            (done.err(), item.map(|item| item.tag.clone_from(tag)))
        }
        Op::Step(budget) => {
            let time = store.time();
            (store.change(|tx, _| delete::step(tx, time, *budget)).err(), Ok(()))
        }
        Op::Collect => {
            store.now = store.now.after(GRACE);
            store.collect();
            (None, Ok(()))
        }
    };
    let kind = done.as_ref().map(crate::Error::kind);
    assert_eq!(kind, expected.err(), "{op:?}: {done:?}");
}

/// Returns the id of a version of what is at a path, if that is a file.
fn find<K: Kv>(store: &Store<K>, path: &str, number: u32) -> Option<VersionId> {
    let (id, node) = path::resolve(&store.reader(), store.drive, path).ok()?;
    (node.kind == Kind::File).then(|| VersionId::new(id, number))
}

/// Holds that the store has what the model has, and that its rows agree.
fn agree<K: Kv>(store: &Store<K>, model: &Model) {
    store.verify();
    let tx = store.reader();
    let root = drive::get(&tx, store.drive).unwrap().root;
    let mut found = BTreeMap::new();
    listing::walk(&tx, root, &mut |path, row| {
        assert_eq!(state::path_of(&tx, row.file)?.as_deref(), Some(path));
        found.insert(path.to_owned(), (row.file, row.version.map(VersionId::number), row.size));
        Ok(Scan::Next)
    })
    .unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), model.tree.keys().collect::<Vec<_>>());
    for (path, item) in &model.tree {
        let (id, number, size) = found[path];
        let Some(content) = &item.file else {
            assert_eq!(number, None, "{path} is a folder");
            continue;
        };
        assert_eq!(number, Some(content.current), "{path}");
        assert_eq!(size, 10 * u64::from(content.versions[&content.current].0), "{path}");
        let versions = version::list(&tx, id, None, 1000).unwrap();
        let versions: BTreeMap<_, _> = versions
            .into_iter()
            .map(|version| (version.id.number(), (version.blake3[0], version.keep)))
            .collect();
        assert_eq!(versions, content.versions, "{path}");
    }
    for (folder, value) in [("", ""), ("", "a"), ("", "ab"), ("a", ""), ("b/c", "b")] {
        let is_below = |path: &str| folder.is_empty() || path.starts_with(&format!("{folder}/"));
        let tagged = model.tree.iter().filter(|(path, _)| is_below(path));
        let tagged = tagged.filter_map(|(path, item)| Some((path.clone(), item.tag.clone()?)));
        let expected: Vec<_> = tagged.filter(|(_, tag)| tag.starts_with(value)).collect();
        let mut searched = searched(&tx, Wanted { drive: store.drive, folder, name: "tag", value });
        assert!(searched.is_sorted_by_key(|(_, tag)| tag.clone()), "{searched:?}");
        searched.sort_unstable();
        assert_eq!(searched, expected, "{value:?} below {folder:?}");
    }
    let listed = trash::list(&tx, store.drive, None, 1000).unwrap();
    let listed: BTreeMap<_, _> = listed.into_iter().map(|item| (item.file, item.path)).collect();
    let expected = model.trash.iter().map(|trashed| (trashed.id, trashed.path.clone()));
    assert_eq!(listed, expected.collect());
}

/// Returns all that is found by an attribute, in small pages.
fn searched(tx: &impl Read, wanted: Wanted<'_>) -> Vec<(String, String)> {
    let (mut all, mut behind) = (Vec::new(), None);
    loop {
        let (found, next) = search::page(tx, wanted, behind.as_deref(), 2).unwrap();
        all.extend(found.into_iter().map(|one| (one.path, one.value)));
        match next {
            Some(next) => behind = Some(next),
            None => return all,
        }
    }
}

type Outcome = Result<(), ErrorKind>;

impl Model {
    /// Returns every file, in the tree and in the trash.
    fn everything(&self) -> impl Iterator<Item = &Content> {
        let trees = std::iter::once(&self.tree).chain(self.trash.iter().map(|trashed| &trashed.below));
        trees.flat_map(|tree| tree.values().filter_map(|item| item.file.as_ref()))
    }

    fn parents(path: &str) -> Vec<String> {
        path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect()
    }

    /// Refuses a path that leads through a file.
    fn open(&self, path: &str) -> Outcome {
        let through_file = |parent: &String| self.tree.get(parent).is_some_and(|item| item.file.is_some());
        if Self::parents(path).iter().any(through_file) { Err(ErrorKind::Exists) } else { Ok(()) }
    }

    fn item(&mut self, file: Option<Content>) -> Item {
        self.labels += 1;
        Item { label: self.labels, file, tag: None }
    }

    fn make_parents(&mut self, path: &str) {
        for parent in Self::parents(path) {
            if !self.tree.contains_key(&parent) {
                let folder = self.item(None);
                self.tree.insert(parent, folder);
            }
        }
    }

    /// Takes what lies at a path out of the tree, with what is below, by path from the top.
    fn cut(&mut self, path: &str) -> Option<Tree> {
        self.tree.get(path)?;
        let below = format!("{path}/");
        let within = |key: &String| key == path || key.starts_with(&below);
        let (cut, rest) = std::mem::take(&mut self.tree).into_iter().partition(|(key, _)| within(key));
        self.tree = rest;
        let cut: Tree = cut;
        Some(cut.into_iter().map(|(key, item)| (key[path.len()..].to_owned(), item)).collect())
    }

    fn plant(&mut self, path: &str, below: Tree) {
        self.make_parents(path);
        self.tree.extend(below.into_iter().map(|(key, item)| (format!("{path}{key}"), item)));
    }

    fn mkdir(&mut self, path: &str) -> Outcome {
        self.open(path)?;
        match self.tree.get(path) {
            Some(item) if item.file.is_some() => Err(ErrorKind::Exists),
            Some(_) => Ok(()),
            None => {
                self.make_parents(&format!("{path}/"));
                Ok(())
            }
        }
    }

    fn put(&mut self, path: &str, content: u8, hope: Hope) -> Outcome {
        self.open(path)?;
        let max = self.max_versions as usize;
        match (self.tree.get_mut(path), hope) {
            (Some(item), hope) => {
                let Some(file) = &mut item.file else { return Err(ErrorKind::Exists) };
                match hope {
                    Hope::Absent => return Err(ErrorKind::Exists),
                    Hope::Wrong => return Err(ErrorKind::Mismatch),
                    Hope::Any | Hope::Right => {}
                }
                file.versions.insert(file.next, (content, false));
                file.current = file.next;
                file.next += 1;
                if max > 0 {
                    let counted = file.versions.iter().rev().filter(|(_, (_, keep))| !keep);
                    let extra: Vec<u32> = counted.skip(max).map(|(number, _)| *number).collect();
                    file.versions.retain(|number, _| !extra.contains(number));
                }
            }
            (None, Hope::Right | Hope::Wrong) => return Err(ErrorKind::Mismatch),
            (None, Hope::Any | Hope::Absent) => {
                self.make_parents(path);
                let versions = BTreeMap::from([(1, (content, false))]);
                let file = self.item(Some(Content { versions, current: 1, next: 2 }));
                self.tree.insert(path.to_owned(), file);
            }
        }
        Ok(())
    }

    fn relocate(&mut self, from: &str, to: &str, replace: bool) -> Outcome {
        let moved = self.tree.get(from).ok_or(ErrorKind::NotFound)?;
        self.open(to)?;
        if to.starts_with(&format!("{from}/")) {
            return Err(ErrorKind::InvalidArgument);
        }
        if from == to {
            return Ok(());
        }
        match self.tree.get(to) {
            Some(there) if replace && there.file.is_some() && moved.file.is_some() => {
                self.cut(to);
            }
            Some(_) => return Err(ErrorKind::Exists),
            None => {}
        }
        let moved = self.cut(from).unwrap();
        self.plant(to, moved);
        Ok(())
    }

    fn copy(&mut self, from: &str, to: &str, all: bool) -> Outcome {
        self.tree.get(from).ok_or(ErrorKind::NotFound)?;
        self.open(to)?;
        if to.starts_with(&format!("{from}/")) {
            return Err(ErrorKind::InvalidArgument);
        }
        if self.tree.contains_key(to) {
            return Err(ErrorKind::Exists);
        }
        let tree = self.tree.clone();
        let mut copied = self.cut(from).unwrap();
        self.tree = tree;
        for item in copied.values_mut() {
            *item = Item { tag: item.tag.take(), ..self.item(item.file.take()) };
            if let (false, Some(file)) = (all, &mut item.file) {
                let (content, _) = file.versions[&file.current];
                *file = Content { versions: BTreeMap::from([(1, (content, false))]), current: 1, next: 2 };
            }
        }
        self.plant(to, copied);
        Ok(())
    }

    fn trash(&mut self, path: &str, id: FileId) -> Outcome {
        let parent =
            path.rsplit_once('/').map_or(0, |(parent, _)| self.tree.get(parent).map_or(0, |item| item.label));
        let below = self.cut(path).ok_or(ErrorKind::NotFound)?;
        self.trash.push(Trashed { id, parent, path: path.to_owned(), below });
        Ok(())
    }

    fn restore(&mut self, which: usize, to: Option<&str>) -> Outcome {
        let trashed = self.trash.get(which).ok_or(ErrorKind::NotFound)?.clone();
        let name = trashed.path.rsplit('/').next().unwrap();
        let home = self.tree.iter().find(|(_, item)| item.label == trashed.parent).map(|(path, _)| path);
        let to = match (to, home) {
            (Some(to), _) => to.to_owned(),
            (None, Some(home)) => format!("{home}/{name}"),
            (None, None) => trashed.path,
        };
        self.open(&to)?;
        if self.tree.contains_key(&to) {
            return Err(ErrorKind::Exists);
        }
        self.trash.remove(which);
        self.plant(&to, trashed.below);
        Ok(())
    }

    fn version(&mut self, path: &str, number: u32) -> Result<&mut Content, ErrorKind> {
        let content = self.tree.get_mut(path).and_then(|item| item.file.as_mut()).unwrap();
        if content.versions.contains_key(&number) {
            Ok(content)
        } else if (1..content.next).contains(&number) {
            Err(ErrorKind::Gone)
        } else {
            Err(ErrorKind::NotFound)
        }
    }
}
