//! Forms with files: `multipart/form-data`, RFC 7578, read as it arrives.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use holdall::{Drive, Put, VersionInfo};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::memmem;

use crate::upload::{PutError, Upload, next};

/// The longest header of a part, and the longest text before the first part, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// The files of a form that a browser or `curl -F` sends, read from a request's body as it arrives.
///
/// Nothing but the frame in hand is kept in memory, and the client is read from only when the next bytes are asked
/// for. Fields that are no files are skipped.
///
/// ```
/// # use holdall::{Options, Put, Store};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), holdall_http::PutError> {
/// # let dir = std::env::temp_dir().join(format!("holdall-http-form-{}", std::process::id()));
/// # let drive = Store::open(&dir, Options::new())?.drive("alice")?;
/// # let body = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--b--\r\n".to_owned();
/// # let request = http::Request::post("/").header("Content-Type", "multipart/form-data; boundary=b").body(body).unwrap();
/// let (head, body) = request.into_parts();
/// let mut form = holdall_http::Form::new(&head.headers, body)?;
/// while let Some(name) = form.next_file().await? {
///     let version = form.put(&drive, &format!("inbox/{name}"), Put::new()).await?;
///     assert_eq!((name.as_str(), version.size), ("a.txt", 5));
/// }
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok(())
/// # }
/// ```
pub struct Form<B> {
    body: Pin<Box<B>>,
    /// What ends a part: a line break, two dashes and the boundary.
    delimiter: Vec<u8>,
    /// What arrived and was not yet given out.
    held: Bytes,
    at: At,
}

/// Where in the form the next byte is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    /// Before the first delimiter.
    Preamble,
    /// In the content of a part.
    Content,
    /// Behind a delimiter.
    Delimiter,
    /// Behind the last.
    End,
}

impl<B> Form<B>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Reads a request's body as a form.
    ///
    /// # Errors
    /// [`PutError::Body`] where `Content-Type` is not `multipart/form-data` with a boundary.
    pub fn new(headers: &HeaderMap, body: B) -> Result<Form<B>, PutError> {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let boundary = boundary(kind).ok_or_else(|| {
            PutError::Body("the content type is not multipart/form-data with a boundary".into())
        })?;
        // The first delimiter has no line break before it where nothing else is.
        let held = Bytes::from_static(b"\r\n");
        Ok(Form {
            body: Box::pin(body),
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            held,
            at: At::Preamble,
        })
    }

    /// Goes to the next file, over what is left of this one, and returns its name: what follows the last `/` or `\`
    /// of what the client sent (RFC 7578 section 4.2). A file without a name is skipped, as a browser sends it where
    /// none was chosen. `None` is the end of the form.
    ///
    /// # Errors
    /// [`PutError::Body`] when the body broke off, or is not what it says.
    pub async fn next_file(&mut self) -> Result<Option<String>, PutError> {
        loop {
            while self.chunk().await?.is_some() {}
            if self.at == At::End {
                return Ok(None);
            }
            let Some(head) = self.head().await? else { continue };
            let head = std::str::from_utf8(&head)
                .map_err(|_| PutError::Body("the header of a part is not UTF-8".into()))?;
            if let Some(name) = file_name(head)? {
                return Ok(Some(name));
            }
        }
    }

    /// Returns the next bytes of the file, `None` at its end.
    ///
    /// # Errors
    /// [`PutError::Body`] when the body broke off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, PutError> {
        let mut skipped = 0;
        while matches!(self.at, At::Preamble | At::Content) {
            if let Some(end) = memmem::find(&self.held, &self.delimiter) {
                let mut content = self.held.split_to(end.saturating_add(self.delimiter.len()));
                content.truncate(end);
                let was = std::mem::replace(&mut self.at, At::Delimiter);
                return Ok(Some(content).filter(|content| was == At::Content && !content.is_empty()));
            }
            let content =
                self.held.split_to(self.held.len().saturating_sub(overlap(&self.held, &self.delimiter)));
            if self.at == At::Content && !content.is_empty() {
                return Ok(Some(content));
            }
            skipped += content.len();
            if skipped > MAX_HEAD {
                return Err(PutError::Body("the form has no beginning".into()));
            }
            self.more().await?;
        }
        Ok(None)
    }

    /// Puts what is left of the file at a path of a drive.
    ///
    /// # Errors
    /// [`PutError::Store`] as [`PutWriter`](holdall::PutWriter) says; [`PutError::Body`] when the body broke off:
    /// nothing is stored then.
    pub async fn put(&mut self, drive: &Drive, path: &str, put: Put) -> Result<VersionInfo, PutError> {
        let mut upload = Upload::begin(drive, path, put).await?;
        while let Some(chunk) = self.chunk().await? {
            upload.write(chunk).await?;
        }
        Ok(upload.commit().await?)
    }

    /// Reads the rest of a delimiter's line and the header of the part behind it; `None` behind the last part.
    async fn head(&mut self) -> Result<Option<Bytes>, PutError> {
        while self.held.len() < 2 {
            self.more().await?;
        }
        if self.held.starts_with(b"--") {
            self.at = At::End;
            return Ok(None);
        }
        loop {
            if let Some(end) = memmem::find(&self.held, b"\r\n\r\n") {
                let head = self.held.split_to(end);
                self.held.advance(4);
                self.at = At::Content;
                return Ok(Some(head));
            }
            if self.held.len() > MAX_HEAD {
                return Err(PutError::Body("the header of a part is longer than 16 KiB".into()));
            }
            self.more().await?;
        }
    }

    /// Waits for the next bytes.
    async fn more(&mut self) -> Result<(), PutError> {
        let bytes = next(self.body.as_mut()).await?;
        let bytes = bytes.ok_or_else(|| PutError::Body("the form ended before its last part".into()))?;
        self.held = if self.held.is_empty() {
            bytes
        } else {
            let mut joined = BytesMut::with_capacity(self.held.len().saturating_add(bytes.len()));
            joined.extend_from_slice(&self.held);
            joined.extend_from_slice(&bytes);
            joined.freeze()
        };
        Ok(())
    }
}

impl<B> fmt::Debug for Form<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Returns how many bytes at the end of some may be the beginning of a delimiter.
fn overlap(bytes: &[u8], delimiter: &[u8]) -> usize {
    let longest = delimiter.len().saturating_sub(1).min(bytes.len());
    let begins = |len: &usize| delimiter.get(..*len).is_some_and(|beginning| bytes.ends_with(beginning));
    (1..=longest).rev().find(begins).unwrap_or(0)
}

/// Returns the boundary in a `Content-Type`, which has at most 70 characters (RFC 2046 section 5.1.1).
fn boundary(kind: &str) -> Option<String> {
    let (media_type, parameters) = kind.split_once(';')?;
    let boundary = parameter(parameters, "boundary")?;
    (media_type.trim().eq_ignore_ascii_case("multipart/form-data") && (1..=70).contains(&boundary.len()))
        .then_some(boundary)
}

/// Returns the name of the file that a part's header tells of, without its folders.
fn file_name(head: &str) -> Result<Option<String>, PutError> {
    let mut lines = head.split("\r\n");
    // What is left of the delimiter's line may be padding alone.
    if !lines.next().unwrap_or_default().trim_matches([' ', '\t']).is_empty() {
        return Err(PutError::Body("a line begins as a delimiter does and is none".into()));
    }
    let mut values = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    let name = values.next().and_then(|value| parameter(value.split_once(';')?.1, "filename"));
    // Browsers write a quotation mark so, and nothing else that a name may have (the HTML standard,
    // "multipart/form-data encoding algorithm").
    let name = name.map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default().replace("%22", "\""));
    Ok(name.filter(|name| !name.is_empty()))
}

/// Returns the value of a parameter, `name=value` or `name="value"`, of those that `;` divides.
fn parameter(mut rest: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let (value, next) = match behind.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let (value, next) = behind.split_once(';').unwrap_or((behind, ""));
                (value.trim_end().to_owned(), next)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.trim_start().trim_start_matches(';');
    }
}

/// Splits at the quotation mark that ends a value. Only another mark is escaped by a backslash: browsers send
/// backslashes as they are.
fn quoted_value(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let (before, behind) = rest.split_once('"')?;
        match before.strip_suffix('\\') {
            Some(escaped) => value.extend([escaped, "\""]),
            None => return Some((value + before, behind)),
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_found_in_quotes_and_without() {
        for (kind, found) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a b;c\"", Some("a b;c")),
            ("multipart/form-data;boundary=abc; x=y", Some("abc")),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=\"abc", None),
            ("multipart/mixed; boundary=abc", None),
            ("", None),
        ] {
            assert_eq!(boundary(kind).as_deref(), found, "{kind}");
        }
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "b".repeat(71))), None);
    }

    #[test]
    fn a_file_s_name_has_no_folders() {
        for (value, found) in [
            ("form-data; name=\"f\"; filename=\"a b.txt\"", Some("a b.txt")),
            ("form-data; filename=a.txt; name=f", Some("a.txt")),
            ("form-data; name=\"filename=x\"", None),
            ("form-data; name=\"f\"; filename=\"\"", None),
            ("form-data; name=\"f\"; filename=\"../../etc/passwd\"", Some("passwd")),
            ("form-data; name=\"f\"; filename=\"C:\\docs\\a.txt\"", Some("a.txt")),
            ("form-data; name=\"f\"; filename=\"say \\\"hi\\\".txt\"", Some("say \"hi\".txt")),
            ("form-data; name=\"f\"; filename=\"say %22hi%22.txt\"", Some("say \"hi\".txt")),
            ("form-data; name=\"f\"; filename=\"\u{e9};=.txt\"", Some("\u{e9};=.txt")),
            ("form-data; name=\"f\"; filename=\"a.txt", None),
        ] {
            let head = format!(" \t\r\nContent-Type: text/plain\r\ncontent-disposition: {value}");
            assert_eq!(file_name(&head).unwrap().as_deref(), found, "{value}");
        }
        assert!(file_name("more\r\nContent-Disposition: form-data; filename=a").is_err());
    }

    #[test]
    fn what_may_begin_a_delimiter_is_held_back() {
        for (bytes, held) in
            [("", 0), ("abc", 0), ("abc\r", 1), ("\r\n--", 4), ("x\r\n--b", 0), ("\r\r\n", 2)]
        {
            assert_eq!(overlap(bytes.as_bytes(), b"\r\n--b"), held, "{bytes:?}");
        }
    }
}
