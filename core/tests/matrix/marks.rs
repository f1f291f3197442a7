//! Contents that can be told apart in any reply: each has a mark that no other has, hashes, a length
//! and names of its own, and every reply is searched for all of them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use holdall::digest::Digest;
use memchr::memmem::{Finder, find_iter};

/// A content, by its place in the list of all.
pub type ContentId = usize;

/// What a reply may tell of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// Bytes of a content.
    Bytes(ContentId),
    /// A hash of a content, in any of its forms.
    Hash(ContentId),
    /// The length of a content.
    Size(ContentId),
    /// The name of a file or folder.
    Name(String),
}

pub type Secrets = BTreeSet<Secret>;

/// A content and what it is known by.
#[derive(Clone, Debug)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub digest: Digest,
    mark: String,
    hashes: Vec<Finder<'static>>,
    sizes: Vec<Finder<'static>>,
}

/// The length of the first content; each further one is longer by a step.
const SHORTEST: usize = 20_011;
const STEP: usize = 331;
/// By how much some are longer, so that a claim may be made of them; no multiple of a step.
const LONGER: usize = 64 << 10;
/// The length of a mark.
const MARK: usize = 27;

/// All contents and names of a run.
#[derive(Default)]
pub struct Marks {
    contents: Vec<Content>,
    names: Vec<(String, Finder<'static>)>,
}

impl Marks {
    /// Makes a content full of its mark, so that a range of it tells whose it is; or one of zeros that
    /// has its mark at the end alone, whose bytes are easy to guess.
    pub fn content(&mut self, zeros: bool) -> ContentId {
        let id = self.contents.len();
        let mark = format!("mark-{:016x}-{id:04}.", Digest::of(&id.to_be_bytes()).crc64);
        assert_eq!(mark.len(), MARK);
        let len = SHORTEST + STEP * id + if id % 7 == 3 { LONGER } else { 0 };
        let mut bytes = mark.as_bytes().repeat(len.div_ceil(mark.len()));
        bytes.truncate(len);
        if zeros {
            let tail = bytes.len() - 4 * mark.len();
            bytes[..tail].fill(0);
        }
        let digest = Digest::of(&bytes);
        let blake3 = digest.blake3_hex();
        let hashes = [
            digest.sha1_hex().to_ascii_lowercase(),
            STANDARD.encode(digest.sha1).to_ascii_lowercase(),
            digest.crc64_text(),
            blake3[..32].to_owned(),
        ];
        let len = bytes.len();
        let sizes = [
            format!("\"size\":{len}"),
            format!("part_size\":{len}"),
            format!("content-length: {len}\n"),
            format!("/{len}\n"),
        ];
        let (hashes, sizes) = (hashes.map(finder).to_vec(), sizes.map(finder).to_vec());
        self.contents.push(Content { bytes, digest, mark, hashes, sizes });
        id
    }

    pub fn get(&self, id: ContentId) -> &Content {
        &self.contents[id]
    }

    /// Makes a name that stands nowhere else.
    pub fn name(&mut self, end: &str) -> String {
        let number = self.names.len() as u64;
        let name = format!("n{:012x}{end}", Digest::of(&number.to_le_bytes()).crc64 >> 16);
        self.learn(&name);
        name
    }

    /// Learns a name that the store made.
    pub fn learn(&mut self, name: &str) {
        if !self.names.iter().any(|(known, _)| known == name) {
            self.names.push((name.to_owned(), finder(name.to_owned())));
        }
    }

    /// Finds what a reply tells of: bytes and names anywhere, hashes and lengths in its headers and, if
    /// it is JSON, in its body.
    pub fn seen(&self, head: &str, body: &[u8], json: bool) -> Secrets {
        let mut seen = Secrets::new();
        for at in find_iter(body, b"mark-") {
            let end = body.len().min(at + MARK);
            let known = self.contents.iter().position(|content| content.mark.as_bytes() == &body[at..end]);
            seen.extend(known.map(Secret::Bytes));
        }
        let mut text = head.to_ascii_lowercase().into_bytes();
        if json {
            text.extend(body.to_ascii_lowercase());
        }
        for (id, content) in self.contents.iter().enumerate() {
            if content.hashes.iter().any(|hash| hash.find(&text).is_some()) {
                seen.insert(Secret::Hash(id));
            }
            if content.sizes.iter().any(|size| size.find(&text).is_some()) {
                seen.insert(Secret::Size(id));
            }
        }
        for (name, finder) in &self.names {
            if finder.find(body).is_some() || finder.find(head.as_bytes()).is_some() {
                seen.insert(Secret::Name(name.clone()));
            }
        }
        seen
    }

    /// Everything that tells what content a file has, and its bytes.
    pub fn whole(&self, id: ContentId) -> Secrets {
        Secrets::from([Secret::Bytes(id), Secret::Hash(id), Secret::Size(id)])
    }
}

fn finder(text: String) -> Finder<'static> {
    Finder::new(text.as_bytes()).into_owned()
}

/// Decodes the cursors in a JSON answer, which hold names in base 64.
pub fn cursors(value: &serde_json::Value) -> Vec<u8> {
    let cursor = value["next_marker"].as_str().unwrap_or_default();
    URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default()
}
