//! The rows of a dump in a database in memory: the tables and columns that are read, and no others.

use std::collections::HashMap;

use rusqlite::{Connection, ToSql, params_from_iter, types::Value as Cell};

use super::error::Fault;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Number,
    Text,
    Bytes,
    /// `t` and `f` in `PostgreSQL`, 1 and 0 in the others.
    Flag,
}

/// A table, and the columns of it that are read.
pub(in super::super) type Table = (&'static str, &'static [(&'static str, Kind)]);

/// A value as a dump has it; none is NULL.
pub(super) type Value = Option<Vec<u8>>;

/// The tables, as far as they were met.
pub(super) struct Tables {
    db: Connection,
    wanted: &'static [Table],
    met: HashMap<&'static str, Met>,
}

/// A table that was met.
struct Met {
    /// Its name with what stands before it.
    name: String,
    /// All its columns in their order, where the dump says them.
    columns: Vec<String>,
}

/// Where the values of rows go.
pub(super) struct Rows {
    table: &'static str,
    insert: String,
    /// For each value of a row its column, if it is one that is read.
    columns: Vec<Option<(&'static str, Kind)>>,
}

impl Tables {
    pub(super) fn new(wanted: &'static [Table]) -> Result<Tables, Fault> {
        let db = Connection::open_in_memory()?;
        db.execute_batch("BEGIN")?;
        Ok(Tables { db, wanted, met: HashMap::new() })
    }

    /// Says whether a table of that name is read.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wanted.iter().any(|(table, _)| *table == name)
    }

    /// Makes a table, of the columns that it has and that are read.
    ///
    /// # Errors
    /// It was made before: the dump holds several databases, whose rows would be mixed.
    pub(super) fn create(&mut self, name: &str, full: &str, columns: Vec<String>) -> Result<(), Fault> {
        let Some((table, wanted)) = self.wanted.iter().find(|(table, _)| *table == name) else {
            return Ok(());
        };
        if self.met.contains_key(table) {
            return Err(several(table));
        }
        let has = |column: &&(&str, Kind)| columns.iter().any(|name| name == column.0);
        let list: Vec<&str> = wanted.iter().filter(has).map(|(column, _)| *column).collect();
        if list.is_empty() {
            return Err(format!("the table {table} has none of the needed columns").into());
        }
        // Without types: values are stored as they are.
        self.db.execute_batch(&format!("CREATE TABLE {table} ({})", list.join(", ")))?;
        self.met.insert(table, Met { name: full.to_owned(), columns });
        Ok(())
    }

    /// Says where the rows of a table go, whose values are of these columns, or of all.
    ///
    /// # Errors
    /// The dump does not say what columns there are, or the table was met as another one's.
    pub(super) fn rows(
        &mut self,
        name: &str,
        full: &str,
        columns: Option<Vec<String>>,
    ) -> Result<Rows, Fault> {
        if let (Some(columns), false) = (&columns, self.met.contains_key(name)) {
            self.create(name, full, columns.clone())?;
        }
        let found = self.wanted.iter().find(|(table, _)| *table == name).zip(self.met.get(name));
        let Some(((table, wanted), met)) = found else {
            return Err(format!("it does not say what columns {name} has").into());
        };
        if met.name != full {
            return Err(several(table));
        }
        let columns = columns.as_ref().unwrap_or(&met.columns);
        let columns: Vec<_> =
            columns.iter().map(|name| wanted.iter().find(|(column, _)| column == name).copied()).collect();
        let list: Vec<&str> = columns.iter().flatten().map(|(column, _)| *column).collect();
        let marks = vec!["?"; list.len()].join(", ");
        let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", list.join(", "));
        Ok(Rows { table, insert, columns })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// It has more or fewer values than there are columns, or one that its column cannot have.
    pub(super) fn add(&self, rows: &Rows, values: Vec<Value>) -> Result<(), Fault> {
        if values.len() != rows.columns.len() {
            let counts = format!("{} values for {} columns", values.len(), rows.columns.len());
            return Err(format!("a row of {} has {counts}", rows.table).into());
        }
        let cells = rows.columns.iter().zip(values).filter_map(|(column, value)| Some(((*column)?, value)));
        let cells: Vec<Cell> = cells
            .map(|((name, kind), value)| {
                cell(kind, value)
                    .ok_or_else(|| format!("{}.{name} is not what it should be", rows.table).into())
            })
            .collect::<Result<_, Fault>>()?;
        let cells = cells.iter().map(|cell| cell as &dyn ToSql);
        self.db.prepare_cached(&rows.insert)?.execute(params_from_iter(cells))?;
        Ok(())
    }

    /// Returns the database of what was added.
    pub(super) fn finish(self) -> Result<Connection, Fault> {
        self.db.execute_batch("COMMIT")?;
        Ok(self.db)
    }
}

fn several(table: &str) -> Fault {
    format!("it holds several tables {table}; make a dump of Cloudreve's database alone").into()
}

/// Makes a value of what a dump has; none of what cannot be one.
fn cell(kind: Kind, value: Value) -> Option<Cell> {
    let Some(bytes) = value else { return Some(Cell::Null) };
    Some(match kind {
        Kind::Text => Cell::Text(String::from_utf8(bytes).ok()?),
        Kind::Bytes => Cell::Blob(bytes),
        Kind::Number => Cell::Integer(std::str::from_utf8(&bytes).ok()?.parse().ok()?),
        Kind::Flag => Cell::Integer(match bytes.as_slice() {
            b"t" | b"true" | b"1" | b"\x01" => 1,
            b"f" | b"false" | b"0" | b"\0" => 0,
            _ => return None,
        }),
    })
}
