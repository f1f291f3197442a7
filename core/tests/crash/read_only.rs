//! A store where nothing can be written: on a read-only mount, where the tests may mount, and in directories
//! that a user without rights may only read.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use holdall::body::Body;
use holdall::{
    CheckOptions, CopyVersions, Drive, ErrorKind, Mode, Options, Put, Request, Share, Store, Time,
};
use tempfile::TempDir;

use crate::figure;
use crate::processes::run;

const MODES: [Mode; 2] = [Mode::Shared, Mode::Exclusive];
/// The user that has no rights.
const NOBODY: u32 = 65534;

fn options(mode: Mode) -> Options {
    Options::new().mode(mode).threshold(4 << 10).segment_bytes(64 << 10)
}

fn open(dir: &Path, mode: Mode) -> holdall::Result<Store> {
    Store::open(dir, options(mode).lock_timeout(Duration::from_secs(30)))
}

/// A read-only mount of a directory, for as long as the value lives.
struct Mount(PathBuf);

impl Mount {
    /// Mounts `dir` on `at`; None where this process may not.
    fn new(dir: &Path, at: &Path) -> Option<Mount> {
        fs::create_dir_all(at).unwrap();
        let mount = |args: &[&str]| {
            Command::new("mount").args(args).arg(at).output().is_ok_and(|output| output.status.success())
        };
        let mounted = mount(&["--bind", dir.to_str()?]).then(|| Mount(at.to_owned()));
        mounted.filter(|_| mount(&["-o", "remount,bind,ro"]))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// What a directory tree has: each file with its length, its time and its bytes.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (u64, SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let data = entry.metadata().unwrap();
            if data.is_dir() {
                dirs.push(entry.path());
            }
            let bytes = if data.is_dir() { Vec::new() } else { fs::read(entry.path()).unwrap() };
            found.insert(entry.path(), (data.len(), data.modified().unwrap(), bytes));
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => assert!(fs::copy(&path, &to).is_ok()),
        }
    }
}

/// Runs `look` on what may only be read of the store in `dir`: on a read-only mount, and without permission.
/// Nothing may have been written afterwards.
fn read_only(dir: &Path, look: fn(&Path)) {
    let before = tree(dir);
    let at = dir.with_extension("mount");
    let mount = Mount::new(dir, &at);
    match &mount {
        Some(_) => look(&at),
        None => figure("read-only stores: this user may not mount, so that only permissions were tried"),
    }
    drop(mount);
    without_permission(dir, look);
    assert!(before == tree(dir), "something was written to a store that was opened for reading");
}

/// Runs `look` as a user who may read the store, and not write.
fn without_permission(dir: &Path, look: fn(&Path)) {
    let root = fs::metadata(dir).unwrap().uid() == 0;
    if root && fs::metadata(std::env::temp_dir()).unwrap().mode() & 0o3 != 0o3 {
        return figure("read-only stores: TMPDIR is not for everybody, so that permissions were not tried");
    }
    let each = |mode: [u32; 2]| {
        for path in tree(dir).into_keys().chain([dir.to_owned()]) {
            let mode = mode[usize::from(!path.is_dir())];
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    each([0o555, 0o444]);
    if root {
        fs::set_permissions(dir.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        let dir = dir.to_owned();
        let looked = std::thread::spawn(move || {
            // SAFETY: the call takes no pointers. It is the system's own, which changes this thread alone.
            let set = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
            assert_eq!(set, 0);
            look(&dir);
        });
        looked.join().unwrap();
    } else {
        look(dir);
    }
    each([0o700, 0o600]);
}

/// Makes a store with something of everything in it.
fn furnish(dir: &Path, mode: Mode) -> Store {
    let store = open(dir, mode).unwrap();
    let drive = store.drive("alice").unwrap();
    for number in 0..40_u32 {
        let path = format!("f{number}");
        drive.put(&path, &*content(number), Put::new()).unwrap();
    }
    drive.put("f0", &b"its second version"[..], Put::new()).unwrap();
    drive.put("f0", &*content(0), Put::new()).unwrap();
    drive.trash("f39").unwrap();
    drive.link("f1").unwrap();
    drive.share("f2", &Share::new()).unwrap();
    drive.share("f3", &Share::new().max_downloads(3)).unwrap();
    drive.archive(["f3", "f4"]).unwrap().create().unwrap();
    store
}

/// Below the threshold and above it.
fn content(number: u32) -> Bytes {
    crate::content::made_of(u64::from(number), 100 + 250 * number as usize)
}

fn opened(dir: &Path) -> (Store, Drive) {
    let store = open(dir, Mode::Shared).unwrap();
    let drive = store.find_drive("alice").unwrap().expect("the drive is there");
    (store, drive)
}

fn read(body: &Body) -> Bytes {
    body.to_vec(1 << 20).unwrap().into()
}

fn get(store: &Store, target: &str) -> (u16, Bytes) {
    let reply = store.serve(&Request::get(target)).unwrap();
    (reply.status, read(&reply.body))
}

/// All that was acknowledged is read and served.
fn reads(dir: &Path) {
    let (store, drive) = opened(dir);
    assert_eq!(drive.list("", None, 100).unwrap().len(), 39);
    for number in 0..39 {
        let url = drive.url(&format!("f{number}")).unwrap().sign().unwrap();
        assert!(get(&store, &url) == (200, content(number)), "f{number}");
    }
    assert_eq!(drive.versions("f0", None, 10).unwrap().len(), 3);
    assert_eq!(drive.list_trash(None, 10).unwrap().len(), 1);
    let link = drive.links("f1").unwrap().pop().unwrap();
    let share = drive.shares("f2").unwrap().pop().unwrap();
    let visited = store.visit(share.id, None).unwrap().url("").unwrap().sign().unwrap();
    assert_eq!(get(&store, &store.link_url(&link).unwrap()), (200, content(1)));
    assert_eq!(get(&store, &visited), (200, content(2)));
    let found = store.check(CheckOptions::new().content(true)).unwrap();
    assert!(found.damaged.is_empty() && found.problems.is_empty(), "{found:?}");
    assert_eq!(store.stats().unwrap().drives, 1);
    let elsewhere = tempfile::tempdir().unwrap();
    store.backup(elsewhere.path().join("copy"), &mut |_| Ok(())).unwrap();
    let copied = Store::open(elsewhere.path().join("copy"), options(Mode::Exclusive)).unwrap();
    let drive = copied.drive("alice").unwrap();
    assert_eq!(read(&drive.open_file("f7").unwrap()), content(7));
    drive.put("new", &b"x"[..], Put::new()).unwrap();
    copied.close().unwrap();
    store.close().unwrap();
}

/// Every kind of change is refused with one kind of error, and what was read before is read on.
fn refuses(dir: &Path) {
    let (store, drive) = opened(dir);
    let file = drive.stat("f5").unwrap();
    let trashed = drive.list_trash(None, 1).unwrap().remove(0);
    let limited = drive.url("f6").unwrap().max_uses(2).sign();
    let limited = limited.and_then(|url| store.serve(&Request::get(&url)).map(drop));
    let share = drive.shares("f3").unwrap().remove(0);
    let visit = store.visit(share.id, None).unwrap();
    let long = content(39);
    let outcomes: Vec<(&str, holdall::Result<()>)> = vec![
        ("a small put", drive.put("new", &b"x"[..], Put::new()).map(drop)),
        ("a long put", drive.put("new", &*long, Put::new()).map(drop)),
        ("a writer", drive.put_writer("new", Put::new()).map(drop)),
        ("a batch", drive.put_many([("new".to_owned(), content(1))], &Put::new()).map(drop)),
        ("a folder", drive.mkdir("folder").map(drop)),
        ("a move", drive.rename("f5", "f5b", false).map(drop)),
        ("a copy", drive.copy("f5", "f5b", CopyVersions::Current).map(drop)),
        ("attributes", drive.set_attributes("f5", BTreeMap::new())),
        ("a deletion", drive.delete("f5")),
        ("the trash", drive.trash("f5").map(drop)),
        ("a restored file", drive.restore(trashed.file, None).map(drop)),
        ("a link", drive.link("f5").map(drop)),
        ("a share", drive.share("f5", &Share::new()).map(drop)),
        ("an archive", drive.archive(["f5"]).unwrap().create().map(drop)),
        ("a drive", store.drive("bob").map(drop)),
        ("a version made current", store.set_current(file.current.unwrap().id).map(drop)),
        ("a revocation", store.revoke_file(file.id)),
        ("a key", store.rotate_key().map(drop)),
        ("a grace", store.set_grace(Duration::from_secs(77))),
        ("a URL for two uses", limited),
        ("a share with a limit", visit.url("").map(drop)),
        ("gc", store.gc().map(drop)),
        ("a compaction", store.compact().map(drop)),
        ("a repair", store.repair().map(drop)),
        ("an emptied trash", drive.empty_trash(Time::now()).map(drop)),
        ("a backup into it", store.backup(dir.join("seg"), &mut |_| Ok(())).map(drop)),
    ];
    for (what, outcome) in outcomes {
        let Err(error) = outcome else { panic!("{what} was taken") };
        let kinds: &[ErrorKind] = match what {
            "a backup into it" => &[ErrorKind::InvalidArgument],
            _ => &[ErrorKind::ReadOnly],
        };
        assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
    }
    assert_eq!(read(&drive.open_file("f5").unwrap()), content(5));
    let zip = read(&drive.archive(["f5"]).unwrap().open().unwrap());
    assert!(
        zip.windows(content(5).len()).any(|window| window == content(5)),
        "a zip is read without being made"
    );
    store.close().unwrap();
    let rebuilt = Store::rebuild(dir, &Options::new()).unwrap_err();
    assert_eq!(rebuilt.kind(), ErrorKind::ReadOnly, "{rebuilt}");
}

fn in_a_dir() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    (dir, store)
}

#[test]
fn a_store_that_was_closed_is_read_where_nothing_can_be_written() {
    for mode in MODES {
        let (_dir, path) = in_a_dir();
        furnish(&path, mode).close().unwrap();
        read_only(&path, reads);
        read_only(&path, refuses);
        // And it goes on as ever where it can be written.
        drop(furnish(&path, mode));
    }
}

#[test]
fn a_backup_is_read_where_nothing_can_be_written() {
    let (_dir, path) = in_a_dir();
    let copy = path.with_extension("copy");
    furnish(&path, Mode::Shared).backup(&copy, &mut |_| Ok(())).unwrap();
    assert!(!copy.join("OPEN").exists(), "this backup is to be one that nobody has opened");
    read_only(&copy, reads);
    read_only(&copy, refuses);
}

#[test]
fn all_that_was_acknowledged_is_read_though_the_session_ended_in_a_crash() {
    for mode in MODES {
        let (_dir, path) = in_a_dir();
        let crashed = path.with_extension("crashed");
        let store = furnish(&path, mode);
        copy(&path, &crashed);
        store.close().unwrap();
        if mode == Mode::Exclusive {
            let indexed =
                fs::read(crashed.join("meta.redb")).unwrap() == fs::read(path.join("meta.redb")).unwrap();
            assert!(!indexed, "the log has nothing that the index has not");
        }
        read_only(&crashed, reads);
        read_only(&crashed, refuses);
    }
}

#[test]
fn a_damaged_log_is_refused_and_named_where_nothing_can_be_written() {
    let (_dir, path) = in_a_dir();
    let crashed = path.with_extension("crashed");
    let store = furnish(&path, Mode::Exclusive);
    let drive = store.drive("alice").unwrap();
    let index = || fs::read(path.join("meta.redb")).unwrap();
    // A checkpoint, which comes once a second, would leave nothing of the log to be replayed.
    let content = |number: u64| crate::content::made_of(number, 2000);
    let mut numbers = (1000..).filter(|number| {
        let before = index();
        drive.put("last but one", &*content(*number), Put::new()).unwrap();
        drive.put("last", &number.to_le_bytes()[..], Put::new()).unwrap();
        index() == before
    });
    let damaged = content(numbers.next().unwrap());
    copy(&path, &crashed);
    store.close().unwrap();
    let at = |path: &PathBuf| memchr::memmem::find(&fs::read(path).unwrap(), &damaged);
    let mut segments = fs::read_dir(crashed.join("seg")).unwrap().map(|entry| entry.unwrap().path());
    let (segment, at) = segments.find_map(|path| at(&path).map(|at| (path, at))).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[at + 5] ^= 1;
    fs::write(&segment, bytes).unwrap();
    read_only(&crashed, |dir| {
        let error = open(dir, Mode::Shared).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("repair --rebuild"), "no remedy is named: {error}");
    });
}

#[test]
fn no_store_is_made_where_nothing_can_be_written() {
    let (_dir, path) = in_a_dir();
    fs::create_dir(&path).unwrap();
    read_only(&path, |dir| {
        let error = Store::open(dir, Options::new()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
        let error = Store::open(dir, Options::new().create(false)).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    });
}

#[test]
fn who_reads_on_a_read_only_mount_and_who_writes_beside_it_shut_each_other_out() {
    let (_dir, path) = in_a_dir();
    furnish(&path, Mode::Shared).close().unwrap();
    let at = path.with_extension("mount");
    let Some(mount) = Mount::new(&path, &at) else {
        return figure("read-only stores: this user may not mount, so that no reader met a writer");
    };
    let (writes, reads) = (path.to_str().unwrap(), at.to_str().unwrap());
    for mode in MODES {
        let writer = open(&path, mode).unwrap();
        run(&["shut-out", reads, "shared"]);
        writer.close().unwrap();
        let reader = open(&at, Mode::Shared).unwrap();
        run(&["reads", reads]);
        run(&["shut-out", writes, if mode == Mode::Shared { "shared" } else { "exclusive" }]);
        reader.close().unwrap();
        run(&["opens", writes, "exclusive"]);
    }
    drop(mount);
}

/// As a worker: reads the store beside another process.
pub(crate) fn reads_beside(dir: &Path) {
    let (_store, drive) = opened(dir);
    assert_eq!(read(&drive.open_file("f5").unwrap()), content(5));
}

/// As a worker: finds the store held by another process.
pub(crate) fn shut_out(dir: &Path, mode: Mode) {
    let options = options(mode).lock_timeout(Duration::from_millis(200));
    let error = Store::open(dir, options).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
}
