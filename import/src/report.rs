//! What came along and what did not: counted, and named in a file of JSON lines where that is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use holdall::{Error, Result};
use serde_json::{Value, json};

macro_rules! causes {
    ($($name:ident $code:literal $text:literal $doc:literal;)*) => {
        /// Why something did not come along.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Cause {
            $(#[doc = $doc] $name,)*
        }

        impl Cause {
            /// Returns the word for programs: one cause has one, and it stays.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Cause::$name => $code,)*
                }
            }

            /// Returns what it is in words.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Cause::$name => $text,)*
                }
            }
        }
    };
}

causes! {
    Unfinished "unfinished-upload" "the upload was begun and not finished"
        "The upload was begun and not finished.";
    Missing "content-missing" "the content is missing"
        "The content is missing.";
    Length "content-length" "the content is not as long as the database has it"
        "The content is not as long as the database has it.";
    Storage "other-storage" "the content is not on the server's own disk"
        "The content is not on the server's own disk.";
    MasterKey "no-master-key" "the content is encrypted, and there is no master key"
        "The content is encrypted, and there is no master key.";
    WrongKey "wrong-master-key" "the content is encrypted, and no content looks right under the master key"
        "The content is encrypted, and no content looks right under the master key.";
    Encryption "unknown-encryption" "the content is encrypted in a way that is not known"
        "The content is encrypted in a way that is not known.";
    Current "current-not-readable" "the current version of the file cannot be read"
        "The current version of the file cannot be read.";
    Thumbnail "thumbnail" "a thumbnail"
        "A thumbnail.";
    LivePhoto "live-photo" "the moving part of a live photo"
        "The moving part of a live photo.";
    Shortcut "shortcut" "stands for a folder of another user"
        "Stands for a folder of another user.";
    Deep "too-deep" "lies deeper than a path reaches"
        "Lies deeper than a path reaches.";
    Lost "in-no-folder" "lies in no folder"
        "Lies in no folder.";
    Refused "not-storable" "cannot be stored as it is"
        "Cannot be stored as it is.";
    Target "target-left-out" "leads to what was left out"
        "Leads to what was left out.";
    Trashed "target-in-trash" "leads to something in the trash"
        "Leads to something in the trash.";
    Owner "owner-not-active" "its owner is not active"
        "Its owner is not active.";
    Over "share-over" "ended, or its downloads are used up"
        "Ended, or its downloads are used up.";
    Attributes "attributes-too-long" "what is said of it is longer than there is room for"
        "What is said of it is longer than there is room for.";
}

/// What was imported, and what was not.
#[derive(Default)]
#[non_exhaustive]
pub struct Report {
    /// Drives, one for each user.
    pub drives: u64,
    /// Folders.
    pub folders: u64,
    /// Files.
    pub files: u64,
    /// Their versions.
    pub versions: u64,
    /// What lies in the trash.
    pub trashed: u64,
    /// Direct links.
    pub links: u64,
    /// Shares.
    pub shares: u64,
    /// Attributes of files and folders: tags, properties, colors.
    pub attributes: u64,
    /// What was left out, by its cause.
    pub left_out: BTreeMap<Cause, u64>,
    /// What a store does not hold, by kind, such as settings of users.
    pub no_place: BTreeMap<&'static str, u64>,
    /// Files and folders that have another name now.
    pub renamed: u64,
    lines: Option<(std::path::PathBuf, BufWriter<File>)>,
}

/// What one line is of.
#[derive(Clone, Debug)]
pub(super) struct Subject<'a> {
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
    pub(super) fn leave_out(&mut self, subject: &Subject<'_>, cause: Cause) -> Result<()> {
        *self.left_out.entry(cause).or_default() += 1;
        let Subject { kind, id, owner, path } = subject;
        self.line(&json!({
            "kind": kind, "id": id, "owner": owner, "path": path,
            "cause": cause.code(), "message": cause.text(),
        }))
    }

    /// Counts a name that was changed, and tells the new one.
    ///
    /// # Errors
    /// As [`Report::leave_out`].
    pub(super) fn rename(&mut self, subject: &Subject<'_>, name: &str) -> Result<()> {
        self.renamed += 1;
        let Subject { kind, id, owner, path } = subject;
        self.line(&json!({
            "kind": kind, "id": id, "owner": owner, "path": path,
            "cause": "renamed", "message": "came along under another name", "name": name,
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

    /// Ends the file.
    ///
    /// # Errors
    /// `Io` if it cannot be written.
    pub(super) fn end(mut self) -> Result<Report> {
        if let Some((path, mut lines)) = self.lines.take() {
            lines.flush().map_err(|cause| writing_to(&path, cause))?;
        }
        Ok(self)
    }

    /// Returns the counts as a JSON object, with the codes of causes as keys in `left_out`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let left_out: BTreeMap<&str, u64> =
            self.left_out.iter().map(|(cause, count)| (cause.code(), *count)).collect();
        json!({
            "drives": self.drives, "folders": self.folders, "files": self.files, "versions": self.versions,
            "trashed": self.trashed, "links": self.links, "shares": self.shares,
            "attributes": self.attributes, "left_out": left_out, "no_place": self.no_place,
            "renamed": self.renamed,
        })
    }
}

impl fmt::Display for Report {
    /// Writes the counts for people, a line for what came and one for each cause and kind of what did
    /// not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { drives, folders, files, versions, trashed, links, shares, attributes, .. } = self;
        write!(
            f,
            "{drives} drives, {folders} folders, {files} files, {versions} versions, {trashed} in the trash, \
             {links} links, {shares} shares, {attributes} attributes"
        )?;
        for (cause, count) in &self.left_out {
            write!(f, "\nleft out: {count} ({}): {}", cause.code(), cause.text())?;
        }
        for (kind, count) in &self.no_place {
            write!(f, "\nno place for: {count} {kind}")?;
        }
        if self.renamed > 0 {
            write!(f, "\nrenamed: {}", self.renamed)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({})", self.to_json())
    }
}

/// Returns the error of a report that cannot be written.
fn writing_to(path: &Path, cause: io::Error) -> Error {
    Error::io(format!("writing {}", path.display()), cause)
}
