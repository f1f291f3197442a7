//! The text of a dump as tokens, read as a stream: no more than one token is in memory.
//!
//! It knows the quotes and comments of two systems and nothing of statements. A library that parses
//! SQL would want each statement whole in memory, where a dump has statements of megabytes, and would
//! know a hundred of them, where two hold rows.

use std::io::BufRead;

use super::error::Fault;

/// The longest value, name or line of a row that is kept, in bytes. One is longer only where its end
/// is missing.
pub(super) const MAX: usize = 16 << 20;

/// How much of a comment is looked at, in bytes.
const COMMENT: usize = 128;

/// Whose dump it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    Postgres,
    /// And `MariaDB`.
    MySql,
}

/// The least that has a meaning.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, a name or a number, which stands bare.
    Word(String),
    /// A name in quotes.
    Name(String),
    /// What stood in the quotes of text.
    Text(Vec<u8>),
    /// Another character.
    Mark(u8),
    /// The end of the dump.
    End,
}

/// Reads tokens.
pub(super) struct Text<R> {
    read: R,
    system: System,
    line: u64,
    /// The line that what was read last begins in.
    begun: u64,
    back: Option<Token>,
    /// Whether the comment that a dump ends with was met.
    pub(super) whole: bool,
    /// Of a cluster, each database's end is not yet the end.
    cluster: bool,
}

impl<R: BufRead> Text<R> {
    pub(super) fn new(read: R, system: System) -> Text<R> {
        Text { read, system, line: 1, begun: 1, back: None, whole: false, cluster: false }
    }

    /// Says of what was read last what is wrong with it.
    pub(super) fn fault(&self, message: &str) -> Fault {
        format!("line {}: {message}", self.begun).into()
    }

    /// Returns the next token with what it holds.
    pub(super) fn token(&mut self) -> Result<Token, Fault> {
        self.lex(true)
    }

    /// Returns the next token; what stands in quotes is not kept.
    pub(super) fn skip(&mut self) -> Result<Token, Fault> {
        self.lex(false)
    }

    /// Puts a token back, which is the next one then.
    pub(super) fn put_back(&mut self, token: Token) {
        self.back = Some(token);
    }

    fn lex(&mut self, keep: bool) -> Result<Token, Fault> {
        if let Some(token) = self.back.take() {
            return Ok(token);
        }
        let mysql = self.system == System::MySql;
        loop {
            self.pass(|byte| byte.is_ascii_whitespace())?;
            self.begun = self.line;
            let Some(byte) = self.next()? else { return Ok(Token::End) };
            let then = self.peek()?;
            match byte {
                b'-' if then == Some(b'-') => self.line_comment()?,
                b'#' if mysql => self.line_comment()?,
                b'/' if then == Some(b'*') => self.block_comment()?,
                b'\'' => return self.quoted(byte, keep).map(Token::Text),
                b'"' => return self.name(byte).map(Token::Name),
                b'`' if mysql => return self.name(byte).map(Token::Name),
                b'$' if !mysql => return self.dollars(),
                b'0'..=b'9' => return self.number(byte).map(Token::Word),
                b'-' | b'+' if then.is_some_and(|then| then.is_ascii_digit()) => {
                    return self.number(byte).map(Token::Word);
                }
                _ if is_word(byte) => {
                    let mut word = vec![byte];
                    self.take(&mut word, is_word)?;
                    return self.utf8(word).map(Token::Word);
                }
                _ => return Ok(Token::Mark(byte)),
            }
        }
    }

    fn utf8(&self, bytes: Vec<u8>) -> Result<String, Fault> {
        String::from_utf8(bytes).map_err(|_| self.fault("a name is not UTF-8"))
    }

    fn name(&mut self, quote: u8) -> Result<String, Fault> {
        let name = self.quoted(quote, true)?;
        self.utf8(name)
    }

    fn number(&mut self, first: u8) -> Result<String, Fault> {
        let mut number = vec![first];
        loop {
            self.take(&mut number, |byte| byte.is_ascii_alphanumeric() || byte == b'.')?;
            // The sign of an exponent; there is none in 0x1E.
            let exponent = matches!(number.last(), Some(b'e' | b'E')) && number.get(1) != Some(&b'x');
            match self.peek()? {
                Some(sign @ (b'+' | b'-')) if exponent => {
                    number.push(sign);
                    self.next()?;
                }
                _ => return self.utf8(number),
            }
        }
    }

    /// Reads on to the end of what stands in quotes. Two quotes are one; in `MySQL` a backslash says
    /// that the next character is meant in another way.
    fn quoted(&mut self, quote: u8, keep: bool) -> Result<Vec<u8>, Fault> {
        let escapes = self.system == System::MySql && quote == b'\'';
        let mut kept = Vec::new();
        let plain = |byte| byte != quote && !(escapes && byte == b'\\');
        loop {
            if keep {
                self.take(&mut kept, plain)?;
            } else {
                self.pass(plain)?;
            }
            match (self.next()?, self.peek()?) {
                (Some(byte), Some(then)) if byte == quote && then == quote => {
                    self.next()?;
                    kept.push(quote);
                }
                (Some(byte), _) if byte == quote => return Ok(kept),
                (Some(_), Some(then)) => {
                    self.next()?;
                    super::mysql::unescape(then, &mut kept);
                }
                _ => return Err(self.fault("what is in quotes has no end")),
            }
            if !keep {
                kept.clear();
            }
        }
    }

    /// Passes over text between two `$tag$` of `PostgreSQL`, the bodies of functions, which hold no rows.
    fn dollars(&mut self) -> Result<Token, Fault> {
        let mut tag = Vec::new();
        self.take(&mut tag, is_word)?;
        if self.peek()? != Some(b'$') {
            return Ok(Token::Mark(b'$'));
        }
        self.next()?;
        loop {
            self.pass(|byte| byte != b'$')?;
            if self.next()?.is_none() {
                return Err(self.fault("the body of a function has no end"));
            }
            let mut end = Vec::new();
            self.take(&mut end, is_word)?;
            if end == tag && self.peek()? == Some(b'$') {
                self.next()?;
                return Ok(Token::Text(Vec::new()));
            }
        }
    }

    fn line_comment(&mut self) -> Result<(), Fault> {
        let mut comment = Vec::new();
        self.line(&mut comment, COMMENT)?;
        let comment = String::from_utf8_lossy(&comment);
        let comment = comment.trim_start_matches('-').trim();
        let end = match self.system {
            System::MySql => "Dump completed",
            System::Postgres if self.cluster => "PostgreSQL database cluster dump complete",
            System::Postgres => "PostgreSQL database dump complete",
        };
        if comment.starts_with(end) {
            self.whole = true;
        } else if comment == "PostgreSQL database cluster dump" {
            self.cluster = true;
        }
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), Fault> {
        let mut comment = Vec::new();
        self.next()?;
        loop {
            let mut part = Vec::new();
            self.take(&mut part, |byte| byte != b'*')?;
            comment.extend(part.into_iter().take(COMMENT.saturating_sub(comment.len())));
            if self.next()?.is_none() {
                return Err(self.fault("a comment has no end"));
            }
            if self.peek()? == Some(b'/') {
                self.next()?;
                break;
            }
        }
        let comment = String::from_utf8_lossy(&comment);
        match comment.split_once(" SET NAMES ").map(|(_, set)| set.trim()) {
            Some(set) if self.system == System::MySql && !set.starts_with("utf8") && set != "binary" => {
                Err("its text is not UTF-8; give the command --default-character-set=utf8mb4".into())
            }
            _ => Ok(()),
        }
    }

    /// Appends the line that reading is in, without its end, as much of it as `most` bytes; returns
    /// whether it has an end and was no longer.
    pub(super) fn line(&mut self, to: &mut Vec<u8>, most: usize) -> Result<bool, Fault> {
        let (mut room, mut short) = (most, true);
        self.begun = self.line;
        loop {
            let bytes = self.read.fill_buf()?;
            let len = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
            let (line, end) = (bytes.get(..len).unwrap_or_default(), len < bytes.len());
            to.extend(line.iter().take(room));
            short &= len <= room;
            room = room.saturating_sub(len);
            let over = end || bytes.is_empty();
            self.read.consume(len + usize::from(end));
            self.line += u64::from(end);
            if over {
                return Ok(end && short);
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        Ok(self.read.fill_buf()?.first().copied())
    }

    fn next(&mut self) -> Result<Option<u8>, Fault> {
        let byte = self.peek()?;
        self.read.consume(usize::from(byte.is_some()));
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }

    /// Appends the bytes that are wanted, up to one that is not.
    fn take(&mut self, to: &mut Vec<u8>, wanted: impl Fn(u8) -> bool) -> Result<(), Fault> {
        loop {
            let bytes = self.read.fill_buf()?;
            let len = bytes.iter().position(|byte| !wanted(*byte)).unwrap_or(bytes.len());
            let (part, over) = (bytes.get(..len).unwrap_or_default(), len < bytes.len() || bytes.is_empty());
            to.extend_from_slice(part);
            self.line += lines(part);
            self.read.consume(len);
            if to.len() > MAX {
                return Err(self.fault("what is in quotes is too long, or has no end"));
            }
            if over {
                return Ok(());
            }
        }
    }

    /// Passes over the bytes that are wanted, up to one that is not.
    fn pass(&mut self, wanted: impl Fn(u8) -> bool) -> Result<(), Fault> {
        loop {
            let bytes = self.read.fill_buf()?;
            let len = bytes.iter().position(|byte| !wanted(*byte)).unwrap_or(bytes.len());
            let (part, over) = (bytes.get(..len).unwrap_or_default(), len < bytes.len() || bytes.is_empty());
            self.line += lines(part);
            self.read.consume(len);
            if over {
                return Ok(());
            }
        }
    }
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}
