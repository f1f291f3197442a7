//! The statements of a dump: those that make tables and those that add rows; all others are passed
//! over.

use std::io::BufRead;

use rusqlite::Connection;

use super::error::Fault;
use super::tables::{Table, Tables, Value};
use super::text::{MAX, System, Text, Token};
use super::{mysql, postgres};

/// Reads a dump.
///
/// # Errors
/// It cannot be read, is cut short, or says something that no dump says of these tables.
pub(super) fn load(
    read: impl BufRead,
    system: System,
    wanted: &'static [Table],
) -> Result<Connection, Fault> {
    let mut script = Script {
        text: Text::new(read, system),
        system,
        tables: Tables::new(wanted)?,
        database: String::new(),
    };
    while script.statement()? {}
    if !script.text.whole {
        return Err("its last line, which says that it is complete, is missing".into());
    }
    script.tables.finish()
}

struct Script<R> {
    text: Text<R>,
    system: System,
    tables: Tables,
    /// The database that the dump is in, where it says it.
    database: String,
}

/// What begins an item of a table that is not a column, where it stands bare.
const NO_COLUMN: [&str; 10] =
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "FOREIGN", "CHECK", "EXCLUDE"];

impl<R: BufRead> Script<R> {
    /// Reads a statement; returns whether there was one.
    fn statement(&mut self) -> Result<bool, Fault> {
        let word = match self.text.token()? {
            Token::End => return Ok(false),
            Token::Mark(b';') => return Ok(true),
            Token::Mark(b'\\') => {
                self.command()?;
                return Ok(true);
            }
            Token::Word(word) => word.to_ascii_uppercase(),
            _ => String::new(),
        };
        if self.text.whole {
            return Err(self.text.fault("more stands behind its end; give one dump alone"));
        }
        match (word.as_str(), self.system) {
            ("CREATE", _) => self.create()?,
            ("INSERT" | "REPLACE", _) => self.insert()?,
            ("COPY", System::Postgres) => self.copy()?,
            ("SET", System::Postgres) => self.set()?,
            ("USE", System::MySql) => {
                self.database = self.name()?.1;
                self.rest()?;
            }
            ("DELIMITER", System::MySql) => self.delimited()?,
            _ => self.rest()?,
        }
        // A comment within a statement is not the last one.
        self.text.whole = false;
        Ok(true)
    }

    /// Reads a command of psql, which ends with its line.
    fn command(&mut self) -> Result<(), Fault> {
        let mut line = Vec::new();
        self.text.line(&mut line, 1024)?;
        if line.starts_with(b"connect ") {
            self.database = String::from_utf8_lossy(&line).into_owned();
        }
        Ok(())
    }

    /// Passes over triggers and routines, which have semicolons within.
    fn delimited(&mut self) -> Result<(), Fault> {
        let mut line = Vec::new();
        while line.trim_ascii() != b"DELIMITER ;" {
            line.clear();
            if !self.text.line(&mut line, 1024)? && line.is_empty() {
                return Err("its DELIMITER is never set back".into());
            }
        }
        Ok(())
    }

    fn set(&mut self) -> Result<(), Fault> {
        let Token::Word(name) = self.text.token()? else { return self.rest() };
        let (_, value) = (self.text.token()?, self.text.token()?);
        let value = match value {
            Token::Word(value) => value,
            Token::Text(value) => String::from_utf8_lossy(&value).into_owned(),
            other => {
                self.text.put_back(other);
                String::new()
            }
        };
        match (name.as_str(), value.as_str()) {
            ("client_encoding", value) if !matches!(value, "UTF8" | "SQL_ASCII") => {
                Err("its text is not UTF-8; give pg_dump --encoding=UTF8".into())
            }
            ("standard_conforming_strings", "off") => {
                Err("its text is made for standard_conforming_strings = off; turn that on in the server"
                    .into())
            }
            _ => self.rest(),
        }
    }

    fn create(&mut self) -> Result<(), Fault> {
        loop {
            match self.text.token()? {
                Token::Word(word) if word.eq_ignore_ascii_case("TABLE") => break,
                Token::Word(word) if word.eq_ignore_ascii_case("UNLOGGED") => {}
                other => {
                    self.text.put_back(other);
                    return self.rest();
                }
            }
        }
        if self.word("IF")? {
            self.word("NOT")?;
            self.word("EXISTS")?;
        }
        let (full, name) = self.name()?;
        if !self.tables.wants(&name) {
            return self.rest();
        }
        self.expect(b'(')?;
        let mut columns = Vec::new();
        loop {
            match self.text.token()? {
                Token::Name(column) => columns.push(column),
                Token::Word(word) if !NO_COLUMN.iter().any(|no| word.eq_ignore_ascii_case(no)) => {
                    columns.push(word);
                }
                Token::Word(_) => {}
                _ => return Err(self.text.fault("a table is not made of columns")),
            }
            if !self.item()? {
                break;
            }
        }
        self.tables.create(&name, &full, columns)?;
        self.rest()
    }

    /// Passes over the rest of an item in parentheses; returns whether there is another.
    fn item(&mut self) -> Result<bool, Fault> {
        let mut depth = 0_u32;
        loop {
            match self.text.skip()? {
                Token::Mark(b'(') => depth += 1,
                Token::Mark(b')') if depth == 0 => return Ok(false),
                Token::Mark(b')') => depth -= 1,
                Token::Mark(b',') if depth == 0 => return Ok(true),
                Token::End => return Err(self.text.fault("it ends within a table")),
                _ => {}
            }
        }
    }

    fn insert(&mut self) -> Result<(), Fault> {
        while !self.word("INTO")? {
            let Token::Word(_) = self.text.token()? else {
                return Err(self.text.fault("rows are added to nothing"));
            };
        }
        let (full, name) = self.name()?;
        if !self.tables.wants(&name) {
            return self.rest();
        }
        let columns = self.columns()?;
        while !self.word("VALUES")? {
            // What may stand before it says nothing of the rows.
            let Token::Word(_) = self.text.token()? else {
                return Err(self.text.fault("rows are added that are not there"));
            };
        }
        let rows = self.tables.rows(&name, &full, columns)?;
        loop {
            self.expect(b'(')?;
            let mut values = Vec::new();
            loop {
                values.push(self.value()?);
                match self.text.token()? {
                    Token::Mark(b',') => {}
                    Token::Mark(b')') => break,
                    _ => return Err(self.text.fault("a value is not followed by a comma")),
                }
            }
            self.tables.add(&rows, values).map_err(|fault| self.text.fault(&fault.to_string()))?;
            match self.text.token()? {
                Token::Mark(b',') => {}
                other => {
                    self.text.put_back(other);
                    return self.rest();
                }
            }
        }
    }

    /// Reads a value that is written out; no expression is one.
    fn value(&mut self) -> Result<Value, Fault> {
        let word = match self.text.token()? {
            Token::Text(text) => return Ok(Some(text)),
            Token::Word(word) => word,
            _ => return Err(self.text.fault("a value is malformed")),
        };
        let mysql = self.system == System::MySql;
        match word.to_ascii_lowercase().as_str() {
            "null" => Ok(None),
            word @ ("true" | "false") => Ok(Some(word.as_bytes().to_vec())),
            // The character set of what follows.
            word if mysql && word.starts_with('_') => self.value(),
            word if mysql && word.starts_with("0x") => {
                mysql::hex(word.get(2..).unwrap_or_default()).map(Some)
            }
            "x" if mysql => match self.text.token()? {
                Token::Text(digits) => mysql::hex(&String::from_utf8_lossy(&digits)).map(Some),
                _ => Err(self.text.fault("a value is malformed")),
            },
            word if word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') => {
                Ok(Some(word.as_bytes().to_vec()))
            }
            _ => Err(self.text.fault("a value is malformed")),
        }
    }

    fn copy(&mut self) -> Result<(), Fault> {
        let (full, name) = self.name()?;
        let columns = self.columns()?;
        self.rest()?;
        let mut line = Vec::new();
        self.text.line(&mut line, MAX)?;
        let rows =
            if self.tables.wants(&name) { Some(self.tables.rows(&name, &full, columns)?) } else { None };
        let most = if rows.is_some() { MAX } else { 16 };
        loop {
            line.clear();
            let whole = self.text.line(&mut line, most)?;
            let row = line.strip_suffix(b"\r").unwrap_or(&line);
            if row == b"\\." {
                return Ok(());
            }
            match &rows {
                _ if !whole && line.len() < most => {
                    return Err(self.text.fault(&format!("it ends within the rows of {name}")));
                }
                None => {}
                Some(_) if !whole => return Err(self.text.fault("a row is too long")),
                Some(rows) => {
                    let added = postgres::row(row).and_then(|values| self.tables.add(rows, values));
                    added.map_err(|fault| self.text.fault(&fault.to_string()))?;
                }
            }
        }
    }

    /// Reads a list of columns, if there is one.
    fn columns(&mut self) -> Result<Option<Vec<String>>, Fault> {
        match self.text.token()? {
            Token::Mark(b'(') => {}
            other => {
                self.text.put_back(other);
                return Ok(None);
            }
        }
        let mut columns = Vec::new();
        loop {
            match self.text.token()? {
                Token::Name(column) | Token::Word(column) => columns.push(column),
                Token::Mark(b',') => {}
                Token::Mark(b')') => return Ok(Some(columns)),
                _ => return Err(self.text.fault("a list of columns holds something else")),
            }
        }
    }

    /// Reads the name of a table; returns it with all that stands before it, and alone.
    fn name(&mut self) -> Result<(String, String), Fault> {
        let mut full = self.database.clone();
        loop {
            let (Token::Name(name) | Token::Word(name)) = self.text.token()? else {
                return Err(self.text.fault("a name is missing"));
            };
            full.push('.');
            full.push_str(&name);
            match self.text.token()? {
                Token::Mark(b'.') => {}
                other => {
                    self.text.put_back(other);
                    return Ok((full, name));
                }
            }
        }
    }

    /// Passes over a keyword, if it is next; returns whether it was.
    fn word(&mut self, keyword: &str) -> Result<bool, Fault> {
        match self.text.token()? {
            Token::Word(word) if word.eq_ignore_ascii_case(keyword) => Ok(true),
            other => {
                self.text.put_back(other);
                Ok(false)
            }
        }
    }

    fn expect(&mut self, mark: u8) -> Result<(), Fault> {
        if self.text.token()? == Token::Mark(mark) {
            return Ok(());
        }
        Err(self.text.fault(&format!("there should be a {}", char::from(mark))))
    }

    /// Passes over the rest of a statement, to its semicolon.
    fn rest(&mut self) -> Result<(), Fault> {
        let mut depth = 0_u32;
        loop {
            match self.text.skip()? {
                Token::Mark(b'(') => depth += 1,
                Token::Mark(b')') => depth = depth.saturating_sub(1),
                Token::Mark(b';') if depth == 0 => return Ok(()),
                Token::End => return Err(self.text.fault("it ends within a statement")),
                _ => {}
            }
        }
    }
}
