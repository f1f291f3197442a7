//! Four engine processes on ports of their own, over one database and one object storage, while processes are killed,
//! the database is restarted under load, and the object storage refuses and stalls: nothing that was acknowledged is
//! lost, nothing that was refused comes back, and a check finds nothing.
//!
//! `tests/remote/run.sh` starts the servers. `CLUSTER_SECONDS` says how long it goes on, `HOLDALL_SEED` repeats the
//! order of faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engine;
mod load;
mod network;
mod redirects;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use holdall::{CheckOptions, Options, Store};

use engine::EngineProcess;
use load::{Client, Contents, PathModel, Tally};
use network::{Network, Weather};

const ENGINES: usize = 4;
const CLIENTS: usize = 8;

/// What is read by one engine of what another did is no older.
const STALENESS: Duration = Duration::from_millis(200);

/// A small generator, so that a run can be repeated.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Returns the value of a parameter of the address.
fn parameter<'a>(address: &'a str, name: &str) -> &'a str {
    let query = address.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

#[test]
fn nothing_is_lost_and_nothing_refused_comes_back() {
    let address = std::env::var("HOLDALL_TEST_STORE").expect("tests/remote/run.sh starts the servers");
    let restart = std::env::var("HOLDALL_TEST_RESTART").expect("tests/remote/run.sh says how to restart one");
    let seed = variable("HOLDALL_SEED", u64::from(std::process::id()));
    let length = Duration::from_secs(variable("CLUSTER_SECONDS", 25));
    println!("HOLDALL_SEED={seed} CLUSTER_SECONDS={}", length.as_secs());

    let dir = tempfile::tempdir().unwrap();
    let endpoint = parameter(&address, "endpoint").to_owned();
    let server: u16 = endpoint.rsplit(':').next().unwrap().parse().unwrap();
    let network = Network::before(server);
    let address = address
        .replace("{}", &format!("cluster-{:016x}", seed ^ u64::from(std::process::id())))
        .replace(&endpoint, &format!("http://127.0.0.1:{}", network.port));
    let address = format!("{address}&staleness_ms={}", STALENESS.as_millis());
    // Two engines are processes of one host, and share its cache; the others have one each.
    let of = |engine: usize| {
        format!("{address}&cache={}", dir.path().join(format!("host-{}", engine / 2)).display())
    };
    let engines: Vec<EngineProcess> = (0..ENGINES).map(|engine| EngineProcess::start(&of(engine))).collect();
    let ports: Vec<u16> = engines.iter().map(EngineProcess::port).collect();
    assert!((1..ENGINES).all(|engine| ports[..engine].iter().all(|port| *port != ports[engine])));

    let stop = AtomicBool::new(false);
    let mut rng = Rng::new(seed);
    let (model, tally, faults) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (engines, stop) = (&engines, &stop);
                let mut client = Client::new(client, Rng::new(seed.wrapping_add(1 + client as u64)));
                scope.spawn(move || client.run(engines, stop))
            })
            .collect();
        let faults = faults(&engines, &network, &restart, &mut rng, length);
        network.set(Weather::Clear);
        stop.store(true, Ordering::SeqCst);
        let (mut model, mut tally) = (BTreeMap::new(), Tally::default());
        for client in clients {
            let (paths, counted) = client.join().unwrap();
            model.extend(paths);
            tally.add(counted);
        }
        (model, tally, faults)
    });
    println!("{tally:?} {faults:?}");
    assert!(faults.values().all(|count| *count > 0), "{faults:?}");
    assert!(tally.acknowledged > 50 && tally.refused > 0 && tally.read > 20, "{tally:?}");

    drop(engines);
    std::thread::sleep(STALENESS);
    let store =
        Store::open(format!("{address}&cache={}", dir.path().join("judge").display()), Options::new())
            .unwrap();
    assert_eq!(wrong(&store, &model), Vec::<String>::new());
    for content in [false, true] {
        let report = store.check(CheckOptions::new().content(content)).unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
    is_noticed(&store, &model);
}

/// Does one fault after the other, and returns how many there were of each kind.
fn faults(
    engines: &[EngineProcess],
    network: &Network,
    restart: &str,
    rng: &mut Rng,
    length: Duration,
) -> BTreeMap<&'static str, u32> {
    let kinds = ["an engine is killed", "the database is restarted", "objects are refused", "objects stall"];
    let mut done: BTreeMap<&'static str, u32> = kinds.iter().map(|kind| (*kind, 0)).collect();
    let begun = Instant::now();
    let mut round = 0;
    // Each kind once at least, however slow the machine is.
    while begun.elapsed() < length || round < kinds.len() {
        std::thread::sleep(Duration::from_millis(200 + rng.below(600)));
        let kind = if round < kinds.len() { kinds[round] } else { kinds[rng.below(4) as usize] };
        round += 1;
        *done.get_mut(kind).unwrap() += 1;
        match kind {
            "an engine is killed" => engines[rng.below(ENGINES as u64) as usize].kill_and_start(),
            "the database is restarted" => {
                assert!(Command::new(restart).status().unwrap().success(), "{restart}");
            }
            "objects are refused" => {
                network.set(Weather::Refuses);
                std::thread::sleep(Duration::from_millis(3000 + rng.below(3000)));
                network.set(Weather::Clear);
            }
            _ => {
                network.set(Weather::Stalls);
                std::thread::sleep(Duration::from_millis(300 + rng.below(1500)));
                // Sometimes in the middle of what stalls.
                if rng.below(2) == 0 {
                    engines[rng.below(ENGINES as u64) as usize].kill_and_start();
                }
                network.set(Weather::Clear);
            }
        }
    }
    done
}

/// Returns what is at paths where it cannot be.
fn wrong(store: &Store, model: &BTreeMap<String, PathModel>) -> Vec<String> {
    let drive = store.drive("main").unwrap();
    let mut found = Vec::new();
    for (path, expected) in model {
        let is = match drive.open_file(path) {
            Ok(body) => {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut body.reader(), &mut bytes).unwrap();
                Some(*blake3::hash(&bytes).as_bytes())
            }
            Err(error) if error.kind() == holdall::ErrorKind::NotFound => None,
            Err(error) => panic!("{path}: {error}"),
        };
        if !expected.may_be(&is) {
            found.push(path.clone());
        }
        // Both of a pair are put by one call.
        if let Some(other) = path.strip_suffix("left").map(|base| format!("{base}right"))
            && model.contains_key(&other)
        {
            let right = drive.open_file(&other).ok().map(|body| {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut body.reader(), &mut bytes).unwrap();
                *blake3::hash(&bytes).as_bytes()
            });
            if right != is {
                found.push(format!("{path} and {other}"));
            }
        }
    }
    found
}

/// The control: what is lost, and what comes back, is found.
fn is_noticed(store: &Store, model: &BTreeMap<String, PathModel>) {
    let drive = store.drive("main").unwrap();
    let (path, _) = model.iter().find(|(path, model)| model.is_certain() && !path.contains("pair")).unwrap();
    drive.put(path, &b"what nobody put"[..], holdall::Put::new()).unwrap();
    assert_eq!(wrong(store, model), [path.clone()]);
    let mut refused = Contents::new(u64::MAX);
    drive.put(path, refused.bytes(77).as_slice(), holdall::Put::new()).unwrap();
    assert_eq!(wrong(store, model), [path.clone()]);
    drive.delete(path).unwrap();
    assert_eq!(wrong(store, model), [path.clone()]);
}
