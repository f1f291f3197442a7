//! What redb alone takes for rows of the lengths of an index: the limit for what fills one.

use redb::{Database, TableDefinition};

use crate::growth::most_files;
use crate::measure::{Table, Want, busy, unit};
use crate::place::{Contents, dir};

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Rows of a file, a version, a blob, what a folder lists and a hash, with the bytes of their keys and values.
const TABLES: [(Rows, usize, usize); 5] = [
    (Rows::new("file"), 6, 20),
    (Rows::new("version"), 6, 30),
    (Rows::new("blob"), 6, 75),
    (Rows::new("child"), 20, 8),
    (Rows::new("hash"), 6, 8),
];
/// The table of hashes.
const HASH: usize = 4;
/// Files of one commit: about what a checkpoint brings.
const GROUP: u64 = 5000;

/// The keys of hashes, as numbers: where they fall, or one behind the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hashes {
    Anywhere,
    InOrder,
}

/// Fills tables with the rows of files, and measures the cost of a file.
pub fn btree(table: &mut Table) {
    let most = most_files();
    let dir = dir();
    let database = || {
        let path = dir.path().join("rows.redb");
        let _absent = std::fs::remove_file(&path);
        Database::create(path).expect("a database")
    };
    let filled = database();
    let took = busy(|| fill(&filled, 0..most, most, Hashes::InOrder)).as_secs_f64() / most as f64;
    drop(filled);
    let work = format!("redb alone, the rows of {most} files in order, one commit");
    table.row("24", &work, "", took * 1e6, Want::Shown, &format!("{} a file", unit(took)));
    for (name, hashes) in [("anywhere", Hashes::Anywhere), ("in order", Hashes::InOrder)] {
        let database = database();
        let costs = [most / 10, most].map(|size| {
            let (begin, counted) = (if size == most { most / 10 } else { 0 }, size / 10);
            fill(&database, begin..size - counted, GROUP, hashes);
            let took = busy(|| fill(&database, size - counted..size, GROUP, hashes));
            took.as_secs_f64() / counted as f64
        });
        let work = format!("redb alone, the rows of a file at {most}, hashes {name}");
        let shown = format!("{}, {}", unit(costs[1]), unit(costs[0]));
        table.row("19", &work, &format!("at {}", most / 10), costs[1] / costs[0], Want::Shown, &shown);
    }
}

fn fill(database: &Database, files: std::ops::Range<u64>, group: u64, hashes: Hashes) {
    let mut done = files.start;
    while done < files.end {
        let end = files.end.min(done + group);
        let change = database.begin_write().expect("a change");
        for (at, (name, key_len, value_len)) in TABLES.into_iter().enumerate() {
            let mut rows = change.open_table(name).expect("a table");
            let (mut key, value) = (vec![7; key_len], vec![1; value_len]);
            let falls = at == HASH && hashes == Hashes::Anywhere;
            let mut numbers: Vec<u64> = (done..end)
                .map(|number| if falls { Contents::new(number).number() >> 16 } else { number })
                .collect();
            numbers.sort_unstable();
            for number in numbers {
                key[key_len - 6..].copy_from_slice(&number.to_be_bytes()[2..]);
                rows.insert(key.as_slice(), value.as_slice()).expect("a row");
            }
        }
        change.commit().expect("committed");
        done = end;
    }
}
