//! A content in memory, for the reply that asked for it: where the cache has no room.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::vfs::VfsFile;

/// Bytes that are read as a file is.
#[derive(Debug)]
pub(super) struct MemoryFile(Bytes);

impl MemoryFile {
    pub(super) fn new(mut parts: Vec<Bytes>) -> MemoryFile {
        if parts.len() == 1
            && let Some(only) = parts.pop()
        {
            return MemoryFile(only);
        }
        let mut whole = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
        parts.iter().for_each(|part| whole.extend_from_slice(part));
        MemoryFile(whole.freeze())
    }

    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }
}

/// Says that what is read only cannot be written.
pub(super) fn read_only<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "what is cached of an object is only read"))
}

/// The calls of a file that change it, all of which [`read_only`] refuses.
macro_rules! refuses_writes {
    () => {
        fn write_at(&self, _offset: u64, _parts: &[&[u8]]) -> io::Result<()> {
            read_only()
        }

        fn set_len(&self, _len: u64) -> io::Result<()> {
            read_only()
        }

        fn allocate(&self, _len: u64) -> io::Result<()> {
            read_only()
        }

        fn sync_data(&self) -> io::Result<()> {
            read_only()
        }

        fn try_lock(&self) -> io::Result<bool> {
            read_only()
        }
    };
}
pub(super) use refuses_writes;

impl VfsFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(&self.window(offset, out.len())?);
        Ok(())
    }

    refuses_writes!();

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        match start.checked_add(len) {
            Some(end) if end <= self.0.len() => Ok(self.0.slice(start..end)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn will_need(&self, _offset: u64, _len: u64) {}

    fn file(&self) -> Option<Arc<File>> {
        None
    }
}
