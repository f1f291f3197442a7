//! What came along and what did not: counted, and named in a file of JSON lines where that is asked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use holdall::Result;
use serde_json::{Value, json};

use crate::output::{Output, writing_to};

macro_rules! causes {
    ($($name:ident $code:literal $text:literal;)*) => {
        /// Why something did not come along.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Cause {
            $(#[doc = $text] $name,)*
        }

        impl Cause {
            /// Returns the word for programs: one cause has one, and it stays.
            pub(super) fn code(self) -> &'static str {
                match self {
                    $(Cause::$name => $code,)*
                }
            }

            /// Returns what it is in words.
            pub(super) fn text(self) -> &'static str {
                match self {
                    $(Cause::$name => $text,)*
                }
            }
        }
    };
}

causes! {
    Unfinished "unfinished-upload" "the upload was begun and not finished";
    Missing "content-missing" "the content is not there";
    Length "content-length" "the content is not as long as the database has it";
    Storage "other-storage" "the content is not on the server's own disk";
    MasterKey "no-master-key" "the content is encrypted, and there is no master key";
    Encryption "unknown-encryption" "the content is encrypted in a way that is not known";
    Current "current-not-readable" "the current version of the file cannot be read";
    Thumbnail "thumbnail" "a thumbnail";
    LivePhoto "live-photo" "the moving part of a live photo";
    Shortcut "shortcut" "stands for a folder of another user";
    Deep "too-deep" "lies deeper than a path reaches";
    Lost "in-no-folder" "lies in no folder";
    Refused "not-storable" "cannot be stored as it is";
    Target "target-left-out" "leads to what was left out";
    Trashed "target-in-trash" "leads to what lies in the trash";
    Owner "owner-not-active" "its owner is not active";
    Over "share-over" "ended, or its downloads are used up";
    Attributes "attributes-too-long" "what is said of it is longer than there is room for";
}

/// What has no place in a store, and what was changed on the way: by kind.
pub(super) type Counts = BTreeMap<&'static str, u64>;

/// What was imported, and what was not.
#[derive(Default)]
pub(super) struct Report {
    pub(super) drives: u64,
    pub(super) folders: u64,
    pub(super) files: u64,
    pub(super) versions: u64,
    pub(super) trashed: u64,
    pub(super) links: u64,
    pub(super) shares: u64,
    pub(super) attributes: u64,
    left_out: BTreeMap<Cause, u64>,
    /// Kinds of things that no store has.
    pub(super) no_place: Counts,
    /// Names that were changed.
    renamed: u64,
    lines: Option<(std::path::PathBuf, BufWriter<File>)>,
}

/// What one line is of.
#[derive(Clone, Debug)]
pub(super) struct Thing<'a> {
    /// `file`, `folder`, `version`, `link` or `share`.
    pub(super) kind: &'static str,
    /// Its number in the database.
    pub(super) id: u64,
    /// The address of its owner.
    pub(super) owner: &'a str,
    pub(super) path: &'a str,
}

impl Report {
    /// Begins a report, with lines in a file where one is named.
    ///
    /// # Errors
    /// `Io` if the file cannot be made.
    pub(super) fn begin(path: Option<&Path>) -> Result<Report> {
        let open = |path: &Path| -> Result<_> {
            let file = File::create(path).map_err(|cause| writing_to(path, cause))?;
            Ok((path.to_owned(), BufWriter::new(file)))
        };
        Ok(Report { lines: path.map(open).transpose()?, ..Report::default() })
    }

    /// Counts something that is left out, and names it.
    ///
    /// # Errors
    /// `Io` if the line cannot be written.
    pub(super) fn leave_out(&mut self, thing: &Thing<'_>, cause: Cause) -> Result<()> {
        *self.left_out.entry(cause).or_default() += 1;
        let Thing { kind, id, owner, path } = thing;
        self.line(&json!({
            "kind": kind, "id": id, "owner": owner, "path": path,
            "cause": cause.code(), "told": cause.text(),
        }))
    }

    /// Counts a name that was changed, and tells the new one.
    ///
    /// # Errors
    /// As [`Report::leave_out`].
    pub(super) fn rename(&mut self, thing: &Thing<'_>, name: &str) -> Result<()> {
        self.renamed += 1;
        let Thing { kind, id, owner, path } = thing;
        self.line(&json!({
            "kind": kind, "id": id, "owner": owner, "path": path,
            "cause": "renamed", "told": "came along under another name", "name": name,
        }))
    }

    /// Tells of something that has no place in a store.
    ///
    /// # Errors
    /// As [`Report::leave_out`].
    pub(super) fn no_place(&mut self, kind: &'static str, line: Option<&Value>) -> Result<()> {
        *self.no_place.entry(kind).or_default() += 1;
        line.map_or(Ok(()), |line| self.line(line))
    }

    fn line(&mut self, line: &Value) -> Result<()> {
        let Some((path, lines)) = &mut self.lines else { return Ok(()) };
        writeln!(lines, "{line}").map_err(|cause| writing_to(path, cause))
    }

    /// Prints the counts, and ends the file.
    ///
    /// # Errors
    /// `Io` if it cannot be written.
    pub(super) fn end(mut self, out: Output) -> Result<()> {
        if let Some((path, lines)) = &mut self.lines {
            lines.flush().map_err(|cause| writing_to(path, cause))?;
        }
        let Report { drives, folders, files, versions, trashed, links, shares, attributes, .. } = self;
        let mut told = format!(
            "{drives} drives, {folders} folders, {files} files, {versions} versions, {trashed} in the trash, \
             {links} links, {shares} shares, {attributes} attributes"
        );
        for (cause, count) in &self.left_out {
            told.push_str(&format!("\nleft out: {count} ({}): {}", cause.code(), cause.text()));
        }
        for (kind, count) in &self.no_place {
            told.push_str(&format!("\nno place for: {count} {kind}"));
        }
        if self.renamed > 0 {
            told.push_str(&format!("\nrenamed: {}", self.renamed));
        }
        let left_out: BTreeMap<&str, u64> =
            self.left_out.iter().map(|(cause, count)| (cause.code(), *count)).collect();
        let value = json!({
            "drives": drives, "folders": folders, "files": files, "versions": versions, "trashed": trashed,
            "links": links, "shares": shares, "attributes": attributes, "left_out": left_out,
            "no_place": self.no_place, "renamed": self.renamed,
        });
        out.print(&value, told)
    }
}
