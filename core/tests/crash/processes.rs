//! Several processes on one store: killed, forked, and shut out. Rows P1 to P6 of the reliability
//! table, on the real file system.
//!
//! Workers are this test binary again, with `HOLDALL_WORKER` set to what they are to do.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdall::{CheckOptions, Drive, ErrorKind, Mode, Put, Store};

use crate::content::{self, Hash};
use crate::power::options;
use crate::rng::Rng;

const ROLE: &str = "HOLDALL_WORKER";

pub(crate) fn open(dir: &Path, mode: Mode) -> holdall::Result<Store> {
    Store::open(dir, options(mode).lock_timeout(Duration::from_secs(30)))
}

fn mode_name(mode: Mode) -> &'static str {
    if mode == Mode::Shared { "shared" } else { "exclusive" }
}

/// Starts this binary as a worker.
pub(crate) fn start(role: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::worker", "--nocapture", "--test-threads=1"])
        .env(ROLE, role.join(" "))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Runs a worker to its end, and fails if it does.
pub(crate) fn run(role: &[&str]) {
    let output = start(role).wait_with_output().unwrap();
    assert!(output.status.success(), "{role:?}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Does what the environment asks of a worker; without it, nothing.
#[test]
fn worker() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let parts: Vec<&str> = role.split(' ').collect();
    let mode = |name: &str| if name == "shared" { Mode::Shared } else { Mode::Exclusive };
    let dir = PathBuf::from(parts[1]);
    match parts[0] {
        "puts" => puts(&dir, mode(parts[2]), parts[3].parse().unwrap(), parts[4].parse().unwrap()),
        "locked" => {
            let error = open(&dir, mode(parts[2])).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            assert!(error.to_string().contains("mode"), "no remedy is named: {error}");
        }
        "opens" => drop(open(&dir, mode(parts[2])).unwrap()),
        "shut-out" => crate::read_only::shut_out(&dir, mode(parts[2])),
        "reads" => crate::read_only::reads_beside(&dir),
        "fork-shared" => fork_shared(&dir),
        "fork-exclusive" => fork_exclusive(&dir),
        "fork-busy" => fork_busy(&dir),
        "fork-writer" => fork_writer(&dir),
        "cut" => crate::cut::cut(&dir, parts[2] == "map"),
        "fork-opening" => crate::opening::fork_opening(&dir),
        "plant-beside-close" => crate::opening::beside_the_close_planted(&dir),
        other => panic!("no worker knows {other}"),
    }
}

/// What a worker does as number `step`: a path, and its new content or that it is deleted.
fn work(drive: u64, step: u64) -> (String, Option<Bytes>) {
    let mut rng = Rng::new(drive << 32 | step);
    let path = format!("d{}/f{}", rng.below(3), rng.below(8));
    let len = if rng.one_in(5) { 5000 + rng.below(20_000) } else { rng.below(3000) };
    (path, (!rng.one_in(6)).then(|| content::made_of(rng.draw(), len as usize)))
}

/// Works until it is killed, and says what it begins and what is acknowledged.
fn puts(dir: &Path, mode: Mode, number: u64, first: u64) {
    let say = |text: String| std::io::stdout().write_all(text.as_bytes()).unwrap();
    let begun = Instant::now();
    let drive = open(dir, mode).unwrap().drive(&format!("w{number}")).unwrap();
    say(format!("\nopened {}\n", begun.elapsed().as_micros()));
    for step in first.. {
        let (path, content) = work(number, step);
        say(format!("begin {step}\n"));
        match content {
            Some(bytes) => drop(drive.put(&path, &bytes[..], Put::new()).unwrap()),
            None => match drive.delete(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
                _ => {}
            },
        }
        say(format!("done {step}\n"));
        if step % 23 == 22 {
            let report = drive.store().gc().unwrap();
            assert!(report.failed.is_empty(), "{:?}", report.failed);
        }
    }
}

/// A drive as its acknowledgements say: for each path what it may hold, none being no file.
#[derive(Default)]
struct Ledger {
    next: u64,
    paths: BTreeMap<String, Vec<Option<Hash>>>,
    opened: Vec<u64>,
    done: u64,
}

impl Ledger {
    /// Reads what a worker said before it was killed.
    fn note(&mut self, number: u64, said: &str) {
        // The last line may be cut.
        let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            let Some((verb, value)) = line.split_once(' ') else { continue };
            let Ok(value) = value.parse::<u64>() else { continue };
            let (path, content) = work(number, value);
            let after = content.map(|bytes| Hash::from(blake3::hash(&bytes)));
            match verb {
                "opened" => self.opened.push(value),
                "begin" => {
                    self.paths.entry(path).or_insert_with(|| vec![None]).push(after);
                    self.next = value + 1;
                }
                "done" => {
                    self.paths.insert(path, vec![after]);
                    self.done += 1;
                }
                _ => {}
            }
        }
    }

    /// Compares a drive with the ledger, every byte read.
    fn check(&self, drive: &Drive) -> usize {
        let mut found: BTreeMap<String, Hash> = BTreeMap::new();
        drive
            .walk("", |path, row| {
                if row.version.is_some() {
                    found.insert(path.to_owned(), [0; 32]);
                }
                Ok(true)
            })
            .unwrap();
        for (path, hash) in &mut found {
            *hash = blake3::hash(&drive.open_file(path).unwrap().to_vec(1 << 20).unwrap()).into();
            assert!(self.paths.contains_key(path), "{path} was never put");
        }
        for (path, may) in &self.paths {
            let holds = found.get(path).copied();
            assert!(may.contains(&holds), "{path}: an acknowledged change is missing");
        }
        found.len()
    }
}

struct Running {
    child: Child,
    said: JoinHandle<String>,
}

fn running(dir: &Path, mode: Mode, number: u64, first: u64) -> Running {
    let dir = dir.to_str().unwrap();
    let mut child = start(&["puts", dir, mode_name(mode), &number.to_string(), &first.to_string()]);
    let mut pipe = child.stdout.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = pipe.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    Running { child, said }
}

/// Kills workers at random times and starts them again, then holds the store to what was
/// acknowledged.
fn kill_and_check(mode: Mode, workers: u64, kills: u64, limit: Duration) {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), mode).unwrap().close().unwrap();
    let mut rng = Rng::new(7);
    let mut ledgers: Vec<Ledger> = (0..workers).map(|_| Ledger::default()).collect();
    let mut alive: Vec<Option<Running>> =
        (0..workers).map(|number| Some(running(dir.path(), mode, number, 0))).collect();
    let (begun, mut killed) = (Instant::now(), 0);
    let mut end = |worker: &mut Option<Running>, number: usize, ledger: &mut Ledger| {
        let Running { mut child, said } = worker.take().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "a worker ended by itself: {}", said.join().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        ledger.note(number as u64, &said.join().unwrap());
    };
    for _ in workers..kills {
        std::thread::sleep(Duration::from_millis(20 + rng.below(300 / workers)));
        let number = rng.below(workers) as usize;
        end(&mut alive[number], number, &mut ledgers[number]);
        alive[number] = Some(running(dir.path(), mode, number as u64, ledgers[number].next));
        if begun.elapsed() > limit {
            break;
        }
    }
    for (number, worker) in alive.iter_mut().enumerate() {
        end(worker, number, &mut ledgers[number]);
    }
    let mut files = 0;
    for mode in [mode, Mode::Shared, Mode::Exclusive] {
        let store = open(dir.path(), mode).unwrap();
        for (number, ledger) in ledgers.iter().enumerate() {
            files += ledger.check(&store.drive(&format!("w{number}")).unwrap());
        }
        let report = store.check(CheckOptions::new().content(true)).unwrap();
        assert!(report.problems.is_empty() && report.damaged.is_empty(), "{report:?}");
        store.close().unwrap();
    }
    let done: u64 = ledgers.iter().map(|ledger| ledger.done).sum();
    let mut opened: Vec<u64> = ledgers.iter().flat_map(|ledger| ledger.opened.clone()).collect();
    opened.sort_unstable();
    assert!(done > 0 && files > 0);
    let at =
        |share: usize| opened.get((opened.len() * share / 100).min(opened.len() - 1)).unwrap_or(&0) / 1000;
    crate::figure(&format!(
        "{killed} kills of {workers} processes, {}: {done} acknowledged changes, none lost, in {:.1} s; \
         reopening p50 {} ms, p99 {} ms",
        mode_name(mode),
        begun.elapsed().as_secs_f64(),
        at(50),
        at(99),
    ));
}

#[test]
fn p4_four_processes_killed_at_random_lose_nothing_acknowledged() {
    kill_and_check(Mode::Shared, 4, 100, Duration::from_secs(60));
}

#[test]
fn p4_one_process_killed_in_the_middle_of_puts_loses_nothing_acknowledged() {
    kill_and_check(Mode::Exclusive, 1, 50, Duration::from_secs(40));
}

#[test]
fn p5_a_process_in_another_mode_is_shut_out_and_told_the_remedy() {
    for (ours, theirs) in [(Mode::Shared, Mode::Exclusive), (Mode::Exclusive, Mode::Shared)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        let store = open(dir.path(), ours).unwrap();
        run(&["locked", path, mode_name(theirs)]);
        if ours == Mode::Exclusive {
            run(&["locked", path, "exclusive"]);
        }
        store.drive("alice").unwrap().put("f", &b"f"[..], Put::new()).unwrap();
        store.close().unwrap();
        run(&["opens", path, mode_name(theirs)]);
    }
}

#[test]
fn p6_a_directory_opened_twice_in_a_process_is_one_store() {
    for mode in [Mode::Exclusive, Mode::Shared] {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("store"), dir.path().join("link"));
        std::fs::create_dir(&path).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let (one, two) = (open(&path, mode).unwrap(), open(&link, mode).unwrap());
        one.drive("alice").unwrap().put("f", &b"one"[..], Put::new()).unwrap();
        let drive = two.drive("alice").unwrap();
        assert_eq!(drive.open_file("f").unwrap().to_vec(9).unwrap(), b"one");
        let other = if mode == Mode::Shared { Mode::Exclusive } else { Mode::Shared };
        assert_eq!(open(&link, other).unwrap_err().kind(), ErrorKind::Locked);
        one.close().unwrap();
        assert!(drive.stat("f").is_err());
        assert_eq!(open(&link, other).unwrap().drive("alice").unwrap().stat("f").unwrap().name, "f");
    }
}

/// Forks; the child does `work`, and its status is 0 if that returns true.
pub(crate) fn fork(work: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child ends in `_exit`, without this process's exit handlers. It allocates, which
    // the C library allows after a fork.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            let well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::from(!well)) }
        }
        child => child,
    }
}

fn ended_well(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: `child` is a child of this process, waited for once; `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child ended with {status}");
}

fn put_all(drive: &Drive, prefix: &str, count: u64) {
    for number in 0..count {
        let len = if number % 4 == 0 { 6000 } else { 500 };
        let bytes = content::made_of(number, len);
        drive.put(&format!("{prefix}{number}"), &bytes[..], Put::new()).unwrap();
    }
}

fn have_all(drive: &Drive, prefix: &str, count: u64) {
    for number in 0..count {
        let len = if number % 4 == 0 { 6000 } else { 500 };
        let found = drive.open_file(&format!("{prefix}{number}")).unwrap().to_vec(1 << 20).unwrap();
        assert_eq!(found, content::made_of(number, len), "{prefix}{number}");
    }
}

/// P1: children and parent go on with a store that was opened before the fork.
fn fork_shared(dir: &Path) {
    let store = open(dir, Mode::Shared).unwrap();
    let drive = store.drive("alice").unwrap();
    put_all(&drive, "before/", 5);
    let body = drive.open_file("before/0").unwrap();
    let children = ["one/", "two/"].map(|prefix| {
        fork(|| {
            assert_eq!(body.to_vec(1 << 20).unwrap(), content::made_of(0, 6000));
            put_all(&drive, prefix, 20);
            have_all(&drive, prefix, 20);
            have_all(&drive, "before/", 5);
            true
        })
    });
    put_all(&drive, "parent/", 20);
    children.into_iter().for_each(ended_well);
    put_all(&drive, "after/", 5);
    for (prefix, count) in [("before/", 5), ("one/", 20), ("two/", 20), ("parent/", 20), ("after/", 5)] {
        have_all(&drive, prefix, count);
    }
    store.close().unwrap();
    drop((drive, store));
    let store = open(dir, Mode::Exclusive).unwrap();
    let drive = store.drive("alice").unwrap();
    for (prefix, count) in [("before/", 5), ("one/", 20), ("two/", 20), ("parent/", 20), ("after/", 5)] {
        have_all(&drive, prefix, count);
    }
}

/// P2: a child of an exclusive session is shut out, and its end frees nothing of its parent's.
fn fork_exclusive(dir: &Path) {
    let path = dir.to_str().unwrap();
    let store = open(dir, Mode::Exclusive).unwrap();
    let drive = store.drive("alice").unwrap();
    put_all(&drive, "before/", 5);
    for _ in 0..3 {
        let (store, drive) = (store.clone(), drive.clone());
        ended_well(fork(move || {
            let refused = drive.put("child", &b"child"[..], Put::new()).map(drop);
            drop((drive, store));
            refused.is_err_and(|error| error.kind() == ErrorKind::Locked)
        }));
        run(&["locked", path, "exclusive"]);
        run(&["locked", path, "shared"]);
    }
    put_all(&drive, "after/", 5);
    have_all(&drive, "before/", 5);
    have_all(&drive, "after/", 5);
    assert!(drive.stat("child").is_err());
}

/// P3: forks beside a thread that puts; the children live on, and hold no lock after the parent
/// has closed the store.
fn fork_busy(dir: &Path) {
    let path = dir.to_str().unwrap();
    let store = open(dir, Mode::Exclusive).unwrap();
    let drive = store.drive("alice").unwrap();
    let stop = AtomicBool::new(false);
    let mut children = Vec::new();
    let (answer, tell) = std::io::pipe().unwrap();
    std::thread::scope(|scope| {
        let putter = scope.spawn(|| {
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) || rounds == 0 {
                put_all(&drive, &format!("r{rounds}/"), 8);
                rounds += 1;
            }
            rounds
        });
        for pause in 0..12 {
            std::thread::sleep(Duration::from_millis(3 + pause));
            children.push(fork(|| {
                // SAFETY: the child closes its copy of the end that only the parent is to hold.
                unsafe { libc::close(std::os::fd::AsRawFd::as_raw_fd(&tell)) };
                (&answer).read(&mut [0]).is_ok()
            }));
        }
        stop.store(true, Ordering::Relaxed);
        let rounds = putter.join().unwrap();
        for round in 0..rounds {
            have_all(&drive, &format!("r{round}/"), 8);
        }
    });
    run(&["locked", path, "exclusive"]);
    store.close().unwrap();
    drop((drive, store));
    run(&["opens", path, "exclusive"]);
    drop(tell);
    children.into_iter().for_each(ended_well);
}

/// A put that was begun before the fork is the parent's.
fn fork_writer(dir: &Path) {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let dir = dir.join(mode_name(mode));
        let store = open(&dir, mode).unwrap();
        let drive = store.drive("alice").unwrap();
        for len in [100, 20_000, 3 << 20] {
            let content = content::made_of(9, len);
            let (first, rest) = content.split_at(len / 2);
            let path = format!("f{len}");
            let mut writer = drive.put_writer(&path, Put::new()).unwrap();
            writer.write(first).unwrap();
            let mut inherited = Some(writer);
            let child = fork(|| {
                let mut writer = inherited.take().unwrap();
                let forked = |error: holdall::Error| error.kind() == ErrorKind::Forked;
                writer.write(b"child").is_err_and(forked) && writer.commit().is_err_and(forked)
            });
            ended_well(child);
            let mut dropped = Some(drive.put_writer("dropped", Put::new()).unwrap());
            dropped.as_mut().unwrap().write(&content).unwrap();
            ended_well(fork(|| dropped.take().is_some()));
            let mut writer = inherited.take().unwrap();
            writer.write(rest).unwrap();
            writer.commit().unwrap();
            dropped.take().unwrap().commit().unwrap();
            for path in [path.as_str(), "dropped"] {
                assert_eq!(drive.open_file(path).unwrap().to_vec(1 << 30).unwrap(), content, "{path}");
            }
        }
    }
}

fn forks(role: &str) {
    let dir = tempfile::tempdir().unwrap();
    run(&[role, dir.path().to_str().unwrap()]);
}

#[test]
fn p1_a_store_used_on_both_sides_of_a_fork_loses_nothing() {
    (0..3).for_each(|_| forks("fork-shared"));
}

#[test]
fn p2_the_end_of_a_child_leaves_the_parents_lock() {
    forks("fork-exclusive");
}

#[test]
fn p3_children_forked_beside_puts_keep_no_lock() {
    (0..3).for_each(|_| forks("fork-busy"));
}

#[test]
fn p1_a_put_begun_before_a_fork_is_the_parents() {
    forks("fork-writer");
}
