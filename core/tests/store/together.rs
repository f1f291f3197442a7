//! Many threads at once on one store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use holdall::{Put, Request};

use crate::{MODES, noise, read, test_store};

#[test]
fn eight_threads_put_serve_and_delete_and_every_byte_is_right() {
    for mode in MODES {
        let test = test_store(mode);
        let (drive, served) = (test.drive(), AtomicUsize::new(0));
        let end = Instant::now() + Duration::from_millis(1500);
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (drive, served, test) = (drive.clone(), &served, &test);
                scope.spawn(move || {
                    let mut round = 0_u64;
                    while Instant::now() < end {
                        round += 1;
                        // Some content is one thread's own, some is everybody's at once.
                        let seed = if round.is_multiple_of(3) { round } else { round * 8 + thread };
                        let len = [0, 100, 5000, 40_000][(round % 4) as usize];
                        let bytes = noise(len, seed);
                        let path = format!("t{thread}/{}", round % 5);
                        let v = drive.put(&path, &bytes[..], Put::new()).unwrap();
                        let url = test.store.url(&v).sign().unwrap();
                        let reply = test.store.serve(&Request::get(&url)).unwrap();
                        assert!(reply.status == 200 && read(&reply.body) == bytes);
                        let zip = drive.archive([path.as_str()]).unwrap().sign().unwrap();
                        let body = test.store.serve(&Request::get(&zip)).unwrap().body;
                        if round % 4 == 1 {
                            drive.delete(&path).unwrap();
                            assert_eq!(test.status(&url), 410);
                        }
                        let zip = read(&body);
                        assert!(len == 0 || zip.windows(len).any(|window| window == bytes));
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert!(served.into_inner() > 16);
        let mut files = 0;
        drive
            .walk("", |path, row| {
                if row.version.is_some() {
                    let version = drive.stat(path)?.current.unwrap();
                    let bytes = read(&drive.open_file(path)?);
                    assert_eq!(version.blake3, *blake3::hash(&bytes).as_bytes());
                    files += 1;
                }
                Ok(true)
            })
            .unwrap();
        assert_eq!(drive.info().unwrap().files, files);
        assert_eq!(test.spooled(), 0);
    }
}

#[test]
fn one_path_put_by_many_gets_a_version_from_each() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let drive = drive.clone();
                scope.spawn(move || {
                    for round in 0..10_u8 {
                        drive.put("same/path", &[thread, round][..], Put::new()).unwrap();
                    }
                });
            }
        });
        let versions = drive.versions("same/path", None, 100).unwrap();
        assert_eq!(versions.len(), 80);
        let contents: std::collections::HashSet<Vec<u8>> =
            versions.iter().map(|v| read(&test.store.open_version(v.id).unwrap())).collect();
        assert_eq!(contents.len(), 80);
    }
}
