//! The fuzz targets over their committed corpora, by the compiler of everything else; `fuzz/README.md`
//! tells of the fuzzer.
//!
//! `HOLDALL_FUZZ_SECONDS=n` runs each target for so long besides, over the corpus changed at random:
//! less than the fuzzer can, where there is none. `HOLDALL_FUZZ_TARGET=name` runs but one.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::rng::Rng;

#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

/// Inputs and bytes of a committed corpus, at most.
const MOST: usize = 50;
const MOST_LEN: usize = 200 << 10;

fn corpus(name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    files.map(|file| file.unwrap().path()).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn asked(name: &str) -> bool {
    std::env::var("HOLDALL_FUZZ_TARGET").is_ok_and(|target| target == name)
        || std::env::var_os("HOLDALL_FUZZ_TARGET").is_none()
}

#[test]
fn every_target_holds_over_its_corpus() {
    let mut inputs = 0;
    for (name, target) in targets::ALL.into_iter().filter(|(name, _)| asked(name)) {
        let corpus = corpus(name);
        let len: usize = corpus.values().map(Vec::len).sum();
        assert!((1..=MOST).contains(&corpus.len()) && len <= MOST_LEN, "{name}: {} of {len}", corpus.len());
        target(b"");
        for (path, input) in &corpus {
            let held = catch_unwind(AssertUnwindSafe(|| target(input)));
            assert!(held.is_ok(), "{name} fails for {}", path.display());
        }
        inputs += corpus.len();
        if let Some(seconds) = std::env::var("HOLDALL_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()) {
            at_random(name, target, &corpus, Duration::from_secs(seconds));
        }
    }
    crate::figure(&format!("{inputs} inputs of the fuzz corpora hold"));
}

/// Runs a target over inputs changed at random, and fails with the first that it fails for.
fn at_random(name: &str, target: targets::Target, corpus: &BTreeMap<PathBuf, Vec<u8>>, time: Duration) {
    let mut rng = Rng::new(0x5eed);
    let known: Vec<&Vec<u8>> = corpus.values().collect();
    let (begun, mut runs) = (Instant::now(), 0_u64);
    while begun.elapsed() < time {
        let mut input = known[rng.below(known.len() as u64) as usize].clone();
        for _ in 0..=rng.below(6) {
            change(&mut input, &known, &mut rng);
        }
        let held = catch_unwind(AssertUnwindSafe(|| target(&input)));
        assert!(held.is_ok(), "{name} fails for {input:?}");
        runs += 1;
    }
    crate::figure(&format!("{name}: {runs} runs, no finding"));
}

fn change(input: &mut Vec<u8>, known: &[&Vec<u8>], rng: &mut Rng) {
    let at = rng.below(input.len() as u64 + 1) as usize;
    match rng.below(6) {
        0 => input.insert(at, rng.draw() as u8),
        1 => input.truncate(at),
        2 => {
            let other = known[rng.below(known.len() as u64) as usize];
            let from = rng.below(other.len() as u64 + 1) as usize;
            let piece: Vec<u8> = other[from..].iter().take(rng.below(40) as usize).copied().collect();
            input.splice(at..at, piece);
        }
        3 if at < input.len() => drop(input.remove(at)),
        4 if at < input.len() => input[at] = rng.draw() as u8,
        _ if at < input.len() => input[at] ^= 1 << rng.below(8),
        _ => input.push(rng.draw() as u8),
    }
    input.truncate(4 << 10);
}

#[test]
fn pythons_zipfile_reads_every_archive_of_the_corpus() {
    const ASK: &str = "import sys, zipfile\n\
        for path in sys.argv[1:]:\n    \
            with zipfile.ZipFile(path) as z:\n        \
                assert z.testzip() is None, path\n        \
                open(path + '.names', 'w').write('\\0'.join(i.filename for i in z.infolist()))\n";
    let dir = tempfile::tempdir().unwrap();
    let mut archives = Vec::new();
    for (number, input) in corpus("zip_plan").values().enumerate() {
        if let Some((bytes, members)) = targets::archive(input) {
            let path = dir.path().join(format!("{number}.zip"));
            std::fs::write(&path, bytes).unwrap();
            archives.push((path, members));
        }
    }
    assert!(archives.len() >= 5);
    let paths = archives.iter().map(|(path, _)| path);
    let asked = std::process::Command::new("python3").arg("-c").arg(ASK).args(paths).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    for (path, members) in archives {
        let names = std::fs::read_to_string(path.with_extension("zip.names")).unwrap();
        assert_eq!(names, members.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join("\0"));
    }
}
