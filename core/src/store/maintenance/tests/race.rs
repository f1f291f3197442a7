//! Puts beside copies and collections, where a look and a change of another must not come between.

use std::sync::{Mutex, mpsc};
use std::thread;

use super::*;
use crate::vfs::{Open, VfsFile};
use crate::{CopyVersions, VersionInfo};

/// Hangs of the test end after this.
const LONG: Duration = Duration::from_secs(60);

type Opened = Box<dyn FnMut(&str, Open) + Send>;
type Synced = Box<dyn FnMut(&str) + Send>;

/// A file system that calls a test before and after it opens a file, and after it synced a directory.
struct Hooked {
    vfs: Arc<dyn Vfs>,
    opening: Mutex<Option<Opened>>,
    opened: Mutex<Option<Opened>>,
    synced: Mutex<Option<Synced>>,
}

impl std::fmt::Debug for Hooked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.vfs.fmt(f)
    }
}

impl Hooked {
    fn new(home: &Home) -> Arc<Hooked> {
        Arc::new(Hooked {
            vfs: home.vfs.clone(),
            opening: Mutex::default(),
            opened: Mutex::default(),
            synced: Mutex::default(),
        })
    }

    /// The hook is taken out while it runs, so that it is not called for what it does itself.
    fn call<F: ?Sized>(hook: &Mutex<Option<Box<F>>>, call: impl FnOnce(&mut F)) {
        let taken = hook.lock().unwrap().take();
        if let Some(mut taken) = taken {
            call(&mut *taken);
            hook.lock().unwrap().get_or_insert(taken);
        }
    }
}

impl Vfs for Hooked {
    fn open(&self, path: &str, how: Open) -> std::io::Result<Arc<dyn VfsFile>> {
        Hooked::call(&self.opening, |hook| hook(path, how));
        let file = self.vfs.open(path, how)?;
        Hooked::call(&self.opened, |hook| hook(path, how));
        Ok(file)
    }

    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.vfs.rename(from, to)
    }

    fn remove(&self, path: &str) -> std::io::Result<()> {
        self.vfs.remove(path)
    }

    fn make_dir(&self, path: &str) -> std::io::Result<()> {
        self.vfs.make_dir(path)
    }

    fn list(&self, path: &str) -> std::io::Result<Vec<crate::vfs::DirEntry>> {
        self.vfs.list(path)
    }

    fn sync_dir(&self, path: &str) -> std::io::Result<()> {
        self.vfs.sync_dir(path)?;
        Hooked::call(&self.synced, |hook| hook(path));
        Ok(())
    }
}

#[test]
fn s12_a_put_that_commits_while_the_sweep_looks_keeps_its_file() {
    everywhere(|home, mode| {
        let hooked = Hooked::new(home);
        let store = Store::open_on(hooked.clone(), options().mode(mode)).unwrap();
        let drive = store.drive("alice").unwrap();
        // The put waits once its file has its name, and no row speaks of it yet.
        let (placed, is_placed) = mpsc::channel();
        let (goes, go) = mpsc::channel();
        *hooked.synced.lock().unwrap() = Some(Box::new(move |path| {
            if path.starts_with("blob/") {
                placed.send(()).unwrap();
                go.recv_timeout(LONG).unwrap();
            }
        }));
        let putter = thread::spawn(move || drive.put("large", content(1, 40_000).as_slice(), Put::new()));
        is_placed.recv_timeout(LONG).unwrap();
        // The sweep has found no row; now it asks whether a process works on the file.
        let mut putter = Some(putter);
        *hooked.opened.lock().unwrap() = Some(Box::new(move |path, how| {
            let looks = path.starts_with("blob/") && how == Open::Write;
            if let Some(putter) = putter.take_if(|_| looks) {
                goes.send(()).unwrap();
                putter.join().unwrap().unwrap();
            }
        }));
        let report = store.gc_at(later()).unwrap();
        assert_eq!((report.orphans, report.failed.len()), (0, 0));
        let found = store.drive("alice").unwrap().open_file("large").unwrap();
        assert_eq!(found.to_vec(u64::MAX).unwrap(), content(1, 40_000));
        assert_sound(&store);
    });
}

/// It was compared with the bytes that came in, so that they lie nowhere else.
#[test]
fn content_that_is_collected_while_the_same_is_put_is_stored_again() {
    everywhere(|home, mode| {
        let store = Store::open_on(home.vfs.clone(), options().mode(mode)).unwrap();
        let (drive, bytes) = (store.drive("alice").unwrap(), content(1, 3_000_001));
        drive.put("first", bytes.as_slice(), Put::new()).unwrap();
        let mut again = drive.put_writer("again", Put::new()).unwrap();
        again.write(&bytes).unwrap();
        assert!(home.files("spool").is_empty(), "it is not written again");
        drive.delete("first").unwrap();
        assert_eq!(store.gc_at(later()).unwrap().blobs, 1);
        again.commit().unwrap();
        assert_eq!(drive.open_file("again").unwrap().to_vec(u64::MAX).unwrap(), bytes);
        assert_sound(&store);
    });
}

/// The machine slept just when an upload made its file, and the sweep found it first.
#[test]
fn a_file_in_the_spool_that_the_sweep_was_quicker_with_is_made_anew() {
    everywhere(|home, mode| {
        let hooked = Hooked::new(home);
        let store = Store::open_on(hooked.clone(), options().mode(mode)).unwrap();
        let drive = store.drive("alice").unwrap();
        let (vfs, mut swept) = (home.vfs.clone(), 0);
        *hooked.opened.lock().unwrap() = Some(Box::new(move |path, how| {
            if path.starts_with("spool/") && how == Open::CreateNew && swept < 2 {
                vfs.remove(path).unwrap();
                swept += 1;
            }
        }));
        drive.put("large", content(1, 40_000).as_slice(), Put::new()).unwrap();
        assert_eq!(drive.open_file("large").unwrap().to_vec(u64::MAX).unwrap(), content(1, 40_000));
        assert!(home.files("spool").is_empty());
    });
}

#[test]
fn a_segment_that_another_compaction_removes_first_is_no_failure() {
    everywhere(|home, mode| {
        let hooked = Hooked::new(home);
        let store = Store::open_on(hooked.clone(), options().mode(mode)).unwrap();
        fill(&store);
        thin_out(&store);
        let before = everything(&store);
        // One has listed the segments and is about to open the first; another does all there is to do.
        let (removed, was_removed) = mpsc::channel();
        let mut other = Some(store.clone());
        *hooked.opening.lock().unwrap() = Some(Box::new(move |path, how| {
            let opens = path == "seg/0000001.seg" && how == Open::Write;
            if let Some(other) = other.take_if(|_| opens) {
                removed.send(other.compact().unwrap()).unwrap();
            }
        }));
        let report = store.gc_at(later()).unwrap();
        let first = was_removed.try_recv().unwrap();
        assert!(first.segments >= 3 && first.failed.is_empty(), "{first:?}");
        assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
        assert!(!home.files("seg").contains(&"seg/0000001.seg".to_owned()));
        assert_eq!(everything(&store), before);
        assert_sound(&store);
    });
}

#[test]
fn an_empty_segment_that_another_collection_removes_first_is_no_failure() {
    everywhere(|home, mode| {
        let hooked = Hooked::new(home);
        let store = Store::open_on(hooked.clone(), options().mode(mode)).unwrap();
        store.drive("alice").unwrap().put("file", &b"content"[..], Put::new()).unwrap();
        // A process died when it had made a segment, and before it wrote to it.
        home.vfs.open("seg/0000000.seg", Open::CreateNew).unwrap();
        let (removed, was_removed) = mpsc::channel();
        let mut other = Some(store.clone());
        *hooked.opened.lock().unwrap() = Some(Box::new(move |path, how| {
            let opens = path == "seg/0000000.seg" && how == Open::Write;
            if let Some(other) = other.take_if(|_| opens) {
                removed.send(other.gc_at(later()).unwrap().orphans).unwrap();
            }
        }));
        let report = store.gc_at(later()).unwrap();
        assert_eq!(was_removed.try_recv().unwrap(), 1);
        assert!(report.orphans == 0 && report.failed.is_empty(), "{report:?}");
        assert_sound(&store);
    });
}

#[test]
fn puts_beside_a_copy_with_all_versions_lose_nothing() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let home = Home::simulated().1;
        let store = home.open(mode);
        let drive = store.drive("alice").unwrap();
        for n in 0..4 {
            drive.put("from", content(n, 50).as_slice(), Put::new()).unwrap();
        }
        let (over, put) =
            (std::sync::atomic::AtomicBool::new(false), std::sync::atomic::AtomicBool::new(false));
        let going = || !over.load(std::sync::atomic::Ordering::Acquire);
        let own: Vec<VersionInfo> = thread::scope(|scope| {
            scope.spawn(|| {
                for n in (1000..).take_while(|_| going()) {
                    drive.put("from", content(n, 50).as_slice(), Put::new()).unwrap();
                }
            });
            // To each copy as soon as it is there.
            let putter = scope.spawn(|| {
                let (mut own, mut copy) = (Vec::new(), 0);
                while going() {
                    if drive.stat(&format!("copy{copy}")).is_ok() {
                        let bytes = content(1_000_000 + copy, 60);
                        own.push(drive.put(&format!("copy{copy}"), &bytes[..], Put::new()).unwrap());
                        copy += 1;
                        put.store(true, std::sync::atomic::Ordering::Release);
                    }
                }
                own
            });
            for copy in 0..600 {
                if copy >= 60 && put.load(std::sync::atomic::Ordering::Acquire) {
                    break;
                }
                drive.copy("from", &format!("copy{copy}"), CopyVersions::All).unwrap();
            }
            over.store(true, std::sync::atomic::Ordering::Release);
            putter.join().unwrap()
        });
        for put in &own {
            assert_eq!(store.version(put.id).unwrap().blake3, put.blake3);
        }
        assert!(!own.is_empty());
        assert_sound(&store);
    }
}

#[test]
fn a_batch_opens_a_bounded_number_of_files() {
    let home = Home::real();
    let hooked = Hooked::new(&home);
    let store = Store::open_on(hooked.clone(), options().threshold(4 << 10)).unwrap();
    let drive = store.drive("alice").unwrap();
    let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = made.clone();
    *hooked.opened.lock().unwrap() = Some(Box::new(move |path, how| {
        if path.starts_with("spool/") && how == Open::CreateNew {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }));
    let items = (0..1500).map(|n| (format!("f{n}"), content(n, 5000).into()));
    drive.put_many(items, &Put::new()).unwrap();
    assert!(made.load(std::sync::atomic::Ordering::Relaxed) <= 100, "each is open until the group");
    for n in 0..1500 {
        let found = drive.open_file(&format!("f{n}")).unwrap().to_vec(u64::MAX).unwrap();
        assert_eq!(found, content(n, 5000));
    }
    assert_sound(&store);
}
