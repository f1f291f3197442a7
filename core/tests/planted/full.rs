//! A disk that is full, or nearly: what frees or ends something still works.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use holdall::mutant::Mutant;
use holdall::vfs::{DirEntry, Open, SimVfs, Space, Vfs, VfsFile};
use holdall::{Drive, ErrorKind, Mode, Options, Put, Store};

use crate::finds;

const TOTAL: u64 = 48 << 20;

/// A simulated disk of a size. What is written behind a file's end takes room, and so does what is
/// reserved; a file's length alone takes none, as in a file with holes.
#[derive(Clone, Debug)]
struct Small {
    disk: SimVfs,
    free: Arc<Mutex<u64>>,
}

impl Small {
    fn new() -> Small {
        Small { disk: SimVfs::new(5), free: Arc::new(Mutex::new(TOTAL)) }
    }

    fn free(&self) -> MutexGuard<'_, u64> {
        self.free.lock().unwrap()
    }

    fn open_store(&self, mode: Mode, segment_bytes: u64) -> Drive {
        let options = Options::new().mode(mode).segment_bytes(segment_bytes).threshold(1 << 20);
        let options = options.cache_bytes(1 << 20).grace(Duration::ZERO);
        Store::open_on(Arc::new(self.clone()), options).unwrap().drive("alice").unwrap()
    }
}

impl Vfs for Small {
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        let file = self.disk.open(path, how)?;
        Ok(Arc::new(SmallFile { file, disk: self.clone() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let len = self.disk.open(path, Open::Read).and_then(|file| file.len()).unwrap_or(0);
        self.disk.remove(path)?;
        *self.free() += len;
        Ok(())
    }

    fn make_dir(&self, path: &str) -> io::Result<()> {
        self.disk.make_dir(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        self.disk.list(path)
    }

    fn space(&self) -> io::Result<Option<Space>> {
        Ok(Some(Space { free: *self.free(), total: TOTAL }))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.disk.sync_dir(path)
    }
}

#[derive(Debug)]
struct SmallFile {
    file: Arc<dyn VfsFile>,
    disk: Small,
}

impl SmallFile {
    /// Takes the room that a file of `len` bytes needs more. As ext4 does, what there is goes to the
    /// file even where that is not enough.
    fn grow(&self, len: u64) -> io::Result<()> {
        let (now, mut free) = (self.file.len()?, self.disk.free());
        let more = len.saturating_sub(now);
        if more > *free {
            self.file.set_len(now + *free)?;
            *free = 0;
            return Err(full());
        }
        *free -= more;
        Ok(())
    }
}

fn full() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSPC)
}

impl VfsFile for SmallFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn write_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        self.grow(offset + len as u64)?;
        self.file.write_at(offset, parts)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let now = self.file.len()?;
        *self.disk.free() += now.saturating_sub(len);
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.grow(len)?;
        self.file.allocate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        self.file.window(offset, len)
    }

    fn will_need(&self, offset: u64, len: u64) {
        self.file.will_need(offset, len);
    }

    fn file(&self) -> Option<Arc<std::fs::File>> {
        self.file.file()
    }
}

/// Makes `len` bytes that follow from `seed`, and that no other content has.
fn made_of(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Puts until that is refused, and returns how often it was not.
fn fill(drive: &Drive) -> u64 {
    for number in 0..2000 {
        match drive.put(&format!("f{number}"), &made_of(number, 90_000)[..], Put::new()) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Io, "{error}");
                return number;
            }
        }
    }
    panic!("the disk was never full");
}

#[test]
fn on_a_full_disk_things_are_removed_revoked_and_collected_and_then_there_is_room() {
    finds(Mutant::FullDiskEndsAll, || {
        for mode in [Mode::Exclusive, Mode::Shared] {
            let disk = Small::new();
            let drive = disk.open_store(mode, 32 << 20);
            let count = fill(&drive);
            assert!(count * 90_000 > TOTAL * 2 / 3, "{mode:?}: full after {count} files");
            let error = drive.put("more", &made_of(1 << 20, 90_000)[..], Put::new()).unwrap_err();
            assert!(error.to_string().contains("the disk is full"), "{error}");
            drive.revoke().unwrap();
            for number in 0..count - 3 {
                drive.delete(&format!("f{number}")).unwrap();
            }
            let report = drive.store().gc().unwrap();
            assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
            assert!(report.compaction.segments > 0, "{report:?}");
            drive.put("more", &made_of(1 << 20, 90_000)[..], Put::new()).unwrap();
            drive.store().close().unwrap();
        }
    });
}

#[test]
fn a_disk_that_one_segment_fills_has_room_after_deleting_and_collecting() {
    finds(Mutant::FullDiskEndsAll, || {
        for mode in [Mode::Exclusive, Mode::Shared] {
            let disk = Small::new();
            let drive = disk.open_store(mode, 1 << 30);
            let count = fill(&drive);
            assert_eq!(drive.store().stats().unwrap().segments, 1);
            drive.store().close().unwrap();
            // By a process that only deletes, and another that only collects.
            let drive = disk.open_store(mode, 1 << 30);
            for number in 5..count {
                drive.delete(&format!("f{number}")).unwrap();
            }
            drive.store().close().unwrap();
            let drive = disk.open_store(mode, 1 << 30);
            let mut freed = 0;
            for _ in 0..2 {
                let report = drive.store().gc().unwrap();
                assert!(
                    report.failed.is_empty() && report.compaction.failed.is_empty(),
                    "{mode:?}: {report:?}"
                );
                freed += report.compaction.bytes;
            }
            assert!(freed > TOTAL / 2, "{mode:?}: {freed} bytes were freed");
            drive.put("more", &made_of(1 << 20, 90_000)[..], Put::new()).unwrap();
            for number in 0..5 {
                let read = drive.open_file(&format!("f{number}")).unwrap().to_vec(u64::MAX).unwrap();
                assert!(read == made_of(number, 90_000));
            }
            drive.store().close().unwrap();
        }
    });
}

#[test]
fn what_the_log_took_ahead_is_used_before_a_put_is_refused() {
    finds(Mutant::FullDiskEndsAll, || {
        for mode in [Mode::Exclusive, Mode::Shared] {
            let disk = Small::new();
            let drive = disk.open_store(mode, 1 << 30);
            fill(&drive);
            let mut count = 0;
            while drive.put(&format!("small{count}"), &made_of(count, 9_000)[..], Put::new()).is_ok() {
                count += 1;
            }
            let taken = disk.disk.open("seg/0000001.seg", Open::Read).unwrap().len().unwrap();
            let spare = taken - drive.store().stats().unwrap().segment_bytes;
            assert!(
                spare + *disk.free() < TOTAL / 50 + 20_000,
                "{mode:?}: {spare} bytes, and {} free",
                disk.free()
            );
            drive.delete("f0").unwrap();
            drive.store().close().unwrap();
        }
    });
}

#[test]
fn where_others_fill_the_disk_a_collection_has_what_the_log_took_ahead() {
    for mode in [Mode::Exclusive, Mode::Shared] {
        let disk = Small::new();
        let drive = disk.open_store(mode, 1 << 30);
        for number in 0..100 {
            drive.put(&format!("f{number}"), &made_of(number, 90_000)[..], Put::new()).unwrap();
        }
        for number in 5..100 {
            drive.delete(&format!("f{number}")).unwrap();
        }
        drive.store().close().unwrap();
        *disk.free() = 0;
        let drive = disk.open_store(mode, 1 << 30);
        let report = drive.store().gc().unwrap();
        assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{mode:?}: {report:?}");
        assert_eq!(report.blobs, 95, "{mode:?}: {report:?}");
        drive.put("more", &made_of(1 << 20, 90_000)[..], Put::new()).unwrap();
        drive.store().close().unwrap();
    }
}
