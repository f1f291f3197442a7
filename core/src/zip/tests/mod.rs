//! Tests of the archive as a whole, with readers written by others as oracles.

mod deflated;
mod names;
mod oracle;
mod shape;
mod strict;
mod zip64;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::body::{Segment, Source};
use crate::{Error, Result};

/// 2021-06-05 12:34:56 UTC.
const TIME: i64 = 1_622_896_496;

/// Contents in memory; the key is the index. Hands out runs of at most `run` bytes.
#[derive(Clone)]
struct Memory {
    blobs: Vec<Bytes>,
    run: usize,
}

impl Memory {
    fn new(blobs: impl IntoIterator<Item = Vec<u8>>) -> Memory {
        Memory { blobs: blobs.into_iter().map(Bytes::from).collect(), run: usize::MAX }
    }
}

impl Contents for Memory {
    fn segment(&self, _index: usize, content: u64, offset: u64, limit: u64) -> Result<Segment> {
        let blob = self.blobs.get(content as usize).ok_or_else(|| Error::not_found("no such blob"))?;
        let start = (offset as usize).min(blob.len());
        let end = blob.len().min(start.saturating_add(self.run)).min(start.saturating_add(limit as usize));
        Ok(Segment { data: blob.slice(start..end), file: None })
    }
}

/// Contents of zeros, however many.
struct Zeros;

impl Contents for Zeros {
    fn segment(&self, _index: usize, _content: u64, _offset: u64, limit: u64) -> Result<Segment> {
        Ok(Segment { data: Bytes::from(vec![0; limit.min(1 << 16) as usize]), file: None })
    }
}

fn file(name: &str, content: u64, bytes: &[u8]) -> Entry {
    Entry {
        name: name.to_owned(),
        kind: Kind::File,
        size: bytes.len() as u64,
        crc32: crc32fast::hash(bytes),
        modified: TIME + content as i64,
        executable: false,
        content,
    }
}

fn folder(name: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        kind: Kind::Folder,
        size: 0,
        crc32: 0,
        modified: TIME,
        executable: false,
        content: u64::MAX,
    }
}

fn unlimited() -> ArchiveLimits {
    ArchiveLimits { max_entries: u64::MAX, max_bytes: None }
}

/// Makes the archive of `files`, in which a name that ends with `/` is a folder.
fn archive(files: &[(&str, &[u8])]) -> ZipSource<Memory> {
    let entries = files.iter().enumerate().map(|(index, (name, bytes))| match name.ends_with('/') {
        true => folder(name),
        false => file(name, index as u64, bytes),
    });
    let plan = Plan::new(entries, &unlimited()).unwrap();
    ZipSource::new(plan.shared(), Memory::new(files.iter().map(|(_, bytes)| bytes.to_vec())))
}

/// An archive with one of everything, under 2 kB.
fn sampler() -> ZipSource<Memory> {
    archive(&[
        ("a.txt", b"alpha"),
        ("empty", b""),
        ("folder/", b""),
        ("folder/b.bin", &[0, 1, 2, 3, 255]),
        ("\u{E4}\u{F6}\u{FC}/\u{65E5}\u{672C}\u{8A9E}.txt", "gr\u{FC}\u{DF}e".as_bytes()),
        ("also empty", b""),
        ("A.TXT", b"a name that differs by case"),
        ("PK", b"PK\x05\x06 and PK\x01\x02 in content mislead nobody"),
    ])
}

/// Reads `source` from `offset` to its end in segments of `limit` at most.
fn read_from(source: &impl Source, offset: u64, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while offset + (bytes.len() as u64) < source.len() {
        let segment = source.segment(offset + bytes.len() as u64, limit)?;
        assert!(!segment.data.is_empty() && segment.data.len() as u64 <= limit);
        bytes.extend_from_slice(&segment.data);
    }
    assert_eq!(offset + bytes.len() as u64, source.len());
    Ok(bytes)
}

fn read(source: &impl Source) -> Vec<u8> {
    read_from(source, 0, u64::MAX).unwrap()
}

/// Runs a Python script with `input` on its standard input, and returns what it prints.
fn python(script: &str, input: &str) -> String {
    let mut child = Command::new("python3")
        .args(["-X", "utf8", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is required for these tests");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs another program over an archive if it is installed, and expects it to be content.
fn tool(name: &str, arguments: &[&str]) {
    match Command::new(name).args(arguments).stdin(Stdio::null()).output() {
        Err(_) => println!("skipped: {name} is not installed"),
        Ok(output) => assert!(
            output.status.success(),
            "{name} {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}
