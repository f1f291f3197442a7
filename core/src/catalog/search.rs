//! Files and folders found by an attribute whose value begins so.
//!
//! A store of an earlier build has no rows of attributes: [`index_step`] makes them.

use super::attribute::{beginning, key, key_of_name, set_complete, write};
use super::info::AttributeMatch;
use super::record::{FileRecord, Record};
use super::table::{ATTRIBUTE, FILE};
use super::{node, prefix, row, state};
use crate::id::{DriveId, FileId};
use crate::kv::{Read, Write};
use crate::{Error, ErrorKind, Result};

/// Makes the rows of up to `limit` files behind `after`, and returns the last of them; none when all have
/// theirs.
pub(crate) fn index_step(tx: &mut impl Write, after: Option<FileId>, limit: usize) -> Result<Option<FileId>> {
    let after = after.map(FileId::to_key);
    let page = prefix::page(tx, FILE, &[], after.as_ref().map(<[u8; 8]>::as_slice), limit)?;
    let mut last = None;
    for (key, value) in page {
        let file = FileId(row::number(&key)?);
        let node = FileRecord::decode(&value)?;
        write(tx, file, &node)?;
        last = Some(file);
    }
    if last.is_none() {
        set_complete(tx)?;
    }
    Ok(last)
}

/// What is looked for: attributes of a name, whose value begins with `value`, of what is below `folder`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) drive: DriveId,
    /// Its path, as [`state::path_of`] gives it.
    pub(crate) folder: &'a str,
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

/// Reads up to `limit` rows behind a match, and returns what of them is wanted, with the key to go on from; none
/// at the end.
pub(crate) fn page(
    tx: &impl Read,
    wanted: Wanted<'_>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<AttributeMatch>, Option<Vec<u8>>)> {
    let named = key_of_name(wanted.drive, wanted.name);
    let within = [&named, beginning(wanted.value)].concat();
    let rows = prefix::page(tx, ATTRIBUTE, &within, after, limit)?;
    let mut found = Vec::new();
    for (suffix, _) in &rows {
        let file = FileId(row::tail(ATTRIBUTE, suffix)?);
        let node = node::record(tx, file)?;
        let value = node.attributes.get(wanted.name).filter(|value| value.starts_with(wanted.value));
        // Cut, it may be the row of another name.
        let Some(value) =
            value.filter(|value| [&within, &suffix[..]].concat() == key_of(&wanted, value, file))
        else {
            continue;
        };
        let path = match state::path_of(tx, file) {
            Ok(Some(path)) if is_below(wanted.folder, &path) => path,
            Ok(_) => continue,
            Err(error) if error.kind() == ErrorKind::TooLarge => continue,
            Err(error) => return Err(error),
        };
        found.push(AttributeMatch { file, kind: node.kind, path, value: value.clone() });
    }
    let next = rows.into_iter().next_back().map(|(suffix, _)| suffix);
    Ok((found, next))
}

fn key_of(wanted: &Wanted<'_>, value: &str, file: FileId) -> Vec<u8> {
    key(wanted.drive, wanted.name, value, file)
}

/// Returns what [`page`] goes on from behind a match.
///
/// # Errors
/// `InvalidArgument` when it is no match of what is wanted.
pub(crate) fn cursor(wanted: &Wanted<'_>, value: &str, file: FileId) -> Result<Vec<u8>> {
    let skipped = key_of_name(wanted.drive, wanted.name).len() + beginning(wanted.value).len();
    match key_of(wanted, value, file).get(skipped..) {
        Some(suffix) if value.starts_with(wanted.value) => Ok(suffix.to_vec()),
        _ => Err(Error::invalid("the search goes on from a match of another one; give the last of this")),
    }
}

fn is_below(folder: &str, path: &str) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) if folder.is_empty() => !rest.is_empty(),
        Some(rest) => rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::attribute::is_complete;
    use crate::catalog::drive;
    use crate::catalog::id_sequence::NewId;
    use crate::catalog::path::mkdir;
    use crate::catalog::table::META;
    use crate::kv::{Kv, memory::MemoryKv};
    use crate::time::Time;

    struct Counting(u64);
    impl NewId for Counting {
        fn next(&mut self) -> Result<u64> {
            self.0 += 1;
            Ok(self.0)
        }
    }

    fn found(tx: &impl Read, drive: DriveId, name: &str, value: &str) -> Vec<String> {
        let wanted = Wanted { drive, folder: "", name, value };
        let (found, _) = page(tx, wanted, None, 1000).unwrap();
        found.into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn names_and_values_longer_than_a_key_are_compared_as_a_whole() {
        let mut tx = MemoryKv::default().writer().unwrap();
        let mut ids = Counting(0);
        let drive = drive::open(&mut tx, "alice", &mut ids, Time(0)).unwrap();
        let (one, two) = (format!("{}1", "n".repeat(200)), format!("{}2", "n".repeat(200)));
        let long = "\u{e9}".repeat(200);
        for (path, name, value) in [
            ("a", one.as_str(), long.clone()),
            ("b", two.as_str(), long.clone()),
            ("c", one.as_str(), format!("{long}c")),
            ("d", "n", long.clone()),
        ] {
            let id = mkdir(&mut tx, drive, path, &mut ids, Time(0)).unwrap();
            let attributes = BTreeMap::from([(name.to_owned(), value)]);
            node::set_attributes(&mut tx, id, attributes, Time(0)).unwrap();
        }
        assert_eq!(found(&tx, drive, &one, ""), ["a", "c"]);
        assert_eq!(found(&tx, drive, &one, &long), ["a", "c"]);
        assert_eq!(found(&tx, drive, &one, &format!("{long}c")), ["c"]);
        assert_eq!(found(&tx, drive, &two, "\u{e9}"), ["b"]);
        assert_eq!(found(&tx, drive, "n", ""), ["d"]);
        assert!(found(&tx, drive, "", "").is_empty());
        // Both of one file, which are cut to one key.
        let id = mkdir(&mut tx, drive, "a", &mut ids, Time(0)).unwrap();
        for names in [vec![&one, &two], vec![&two], vec![]] {
            let attributes: BTreeMap<String, String> =
                names.iter().map(|name| ((*name).clone(), long.clone())).collect();
            node::set_attributes(&mut tx, id, attributes, Time(0)).unwrap();
            let has = |name| found(&tx, drive, name, &long).contains(&"a".to_owned());
            assert_eq!((has(&one), has(&two)), (names.contains(&&one), names.contains(&&two)), "{names:?}");
        }
    }

    #[test]
    fn the_rows_of_an_earlier_build_are_made_in_steps() {
        let mut tx = MemoryKv::default().writer().unwrap();
        let mut ids = Counting(0);
        let drive = drive::open(&mut tx, "alice", &mut ids, Time(0)).unwrap();
        for path in ["a", "b", "c"] {
            let id = mkdir(&mut tx, drive, path, &mut ids, Time(0)).unwrap();
            let attributes = BTreeMap::from([("k".to_owned(), path.to_owned())]);
            node::set_attributes(&mut tx, id, attributes, Time(0)).unwrap();
        }
        assert!(is_complete(&tx).unwrap());
        for (key, _) in prefix::page(&tx, ATTRIBUTE, &[], None, 10).unwrap() {
            tx.del(ATTRIBUTE, &key).unwrap();
        }
        tx.del(META, b"attributes-indexed").unwrap();
        assert!(found(&tx, drive, "k", "").is_empty());
        let (mut after, mut steps) = (None, 0);
        loop {
            after = index_step(&mut tx, after, 2).unwrap();
            steps += 1;
            assert_eq!(is_complete(&tx).unwrap(), after.is_none());
            if after.is_none() {
                break;
            }
        }
        assert_eq!(
            (steps, found(&tx, drive, "k", "")),
            (3, vec!["a".to_owned(), "b".to_owned(), "c".to_owned()])
        );
    }
}
