//! The catalog against a model: a map of paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdall::{CheckOptions, Drive, Put, Store};

use super::input::{self, Input};

/// What is at each path: the content of a file, or a folder.
type Model = BTreeMap<String, Option<Vec<u8>>>;

/// Operations at random leave what the model says, before and after the store is opened again.
pub fn model(data: &[u8]) {
    let (disk, store) = input::store();
    let drive = store.drive("alice").unwrap();
    let (mut input, mut model, mut trash) = (Input(data), Model::new(), Vec::new());
    for step in 0..100_u8 {
        if input.is_empty() {
            break;
        }
        operate(&drive, &mut model, &mut trash, &mut input, step);
        compare(&drive, &model);
    }
    let found = store.check(CheckOptions::new().content(true)).unwrap();
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    store.close().unwrap();
    drop((drive, store));
    let store = Store::open_on(Arc::new(disk), input::options()).unwrap();
    compare(&store.drive("alice").unwrap(), &model);
}

fn path(input: &mut Input<'_>) -> String {
    const PATHS: [&str; 10] = ["a", "b", "a/x", "a/y", "b/x", "a/x/1", "a/x/2", "c", "c/d/e", "A"];
    PATHS[input.below(PATHS.len())].to_owned()
}

fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn below(model: &Model, path: &str) -> Model {
    let inside =
        |other: &str| other == path || other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    model
        .iter()
        .filter(|(other, _)| inside(other))
        .map(|(other, what)| (other.clone(), what.clone()))
        .collect()
}

fn is_file(model: &Model, path: &str) -> bool {
    model.get(path).is_some_and(Option::is_some)
}

fn make_parents(model: &mut Model, path: &str) {
    for parent in parents(path) {
        model.entry(parent.to_owned()).or_insert(None);
    }
}

fn moved(model: &mut Model, from: &str, to: &str, keep: bool) {
    let tree = below(model, from);
    make_parents(model, to);
    for (path, what) in tree {
        if !keep {
            model.remove(&path);
        }
        model.insert(format!("{to}{}", &path[from.len()..]), what);
    }
}

fn operate(
    drive: &Drive,
    model: &mut Model,
    trash: &mut Vec<(holdall::FileId, String, Model)>,
    input: &mut Input<'_>,
    step: u8,
) {
    let (verb, path) = (input.byte(), path(input));
    let blocked = parents(&path).any(|parent| is_file(model, parent));
    match verb % 8 {
        0..=2 => {
            let content = vec![step; usize::from(verb) * 30];
            let may = !blocked && !model.get(&path).is_some_and(Option::is_none);
            assert_eq!(drive.put(&path, &content[..], Put::new()).is_ok(), may, "put {path}");
            if may {
                make_parents(model, &path);
                model.insert(path, Some(content));
            }
        }
        3 => {
            let may = !blocked && !is_file(model, &path);
            assert_eq!(drive.mkdir(&path).is_ok(), may, "mkdir {path}");
            if may {
                make_parents(model, &path);
                model.insert(path, None);
            }
        }
        4 => {
            assert_eq!(drive.delete(&path).is_ok(), model.contains_key(&path), "delete {path}");
            below(model, &path).keys().for_each(|gone| drop(model.remove(gone)));
        }
        5 => match (drive.trash(&path), model.contains_key(&path)) {
            (Ok(file), true) => {
                let tree = below(model, &path);
                tree.keys().for_each(|gone| drop(model.remove(gone)));
                trash.push((file, path, tree));
            }
            (Err(_), false) => {}
            (trashed, there) => panic!("trash {path}: {trashed:?}, and it is there: {there}"),
        },
        6 => {
            let Some((file, path, tree)) = trash.pop() else { return };
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            let free = !model.contains_key(&path) && !parents(&path).any(|parent| is_file(model, parent));
            match drive.restore(file, Some(&path)) {
                Ok(_) => {
                    assert!(free, "restore {path}");
                    folder.iter().for_each(|_| make_parents(model, &path));
                    model.extend(tree);
                }
                Err(error) => {
                    let there = folder.is_none_or(|folder| model.contains_key(&folder));
                    assert!(!free || !there, "restore {path}: {error}");
                }
            }
        }
        _ => {
            let to = self::path(input);
            let inside = to == path || to.starts_with(&format!("{path}/"));
            let free = !model.contains_key(&to) && !parents(&to).any(|parent| is_file(model, parent));
            let done = drive.rename(&path, &to, false);
            if model.contains_key(&path) && free && !inside {
                done.unwrap();
                moved(model, &path, &to, false);
            } else if to != path {
                assert!(done.is_err(), "rename {path} {to}");
            }
        }
    }
}

fn compare(drive: &Drive, model: &Model) {
    let mut found = Model::new();
    drive
        .walk("", |path, row| {
            found.insert(path.to_owned(), row.version.map(|_| Vec::new()));
            Ok(true)
        })
        .unwrap();
    for (path, what) in found.iter_mut().filter(|(_, what)| what.is_some()) {
        *what = Some(drive.open_file(path).unwrap().to_vec(1 << 20).unwrap());
    }
    assert!(found == *model, "{:?} is not {:?}", found.keys(), model.keys());
}
