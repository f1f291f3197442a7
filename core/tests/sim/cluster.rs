//! Processes on hosts of their own, whose store is in a simulated database and simulated object storage.
//!
//! Left out is what only a directory can do: exclusive mode, backups and copies, rebuilding from the log, the power
//! and the faults of a disk, forks. The cache of each host is a directory in memory, of which nothing is lost.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use holdall::machine::run_on;
use holdall::simulated::{Peer, SimDatabase, SimHost, SimObjects};
use holdall::{FileId, Mode, Put, Store};

use crate::calls::{self, DRIVE, Do, GRACE, SEGMENT};
use crate::content;
use crate::run::{PROBED, Run};
use crate::scheduler::{Chances, Servers, Turns};
use crate::world::{PROBE, Verb};

/// Longer than what no row speaks of is left in the object storage.
const UNTIL_SWEPT: Duration = Duration::from_secs(50 * 3600);

/// The servers of a run, and the caches of its hosts.
pub struct Cluster {
    pub database: SimDatabase,
    pub objects: SimObjects,
    caches: tempfile::TempDir,
}

/// Makes a directory in memory, where there is one.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

fn host(turns: &Arc<Turns>, cluster: &Cluster, number: usize, staleness: Duration) -> SimHost {
    let (database, objects) = (cluster.database.clone(), cluster.objects.clone());
    let cache: PathBuf = cluster.caches.path().join(number.to_string());
    SimHost { database, objects, network: turns.network(), cache, staleness }
}

/// Servers with a store that holds the probe alone, whose id is returned.
fn template() -> &'static (SimDatabase, SimObjects, FileId) {
    static TEMPLATE: OnceLock<(SimDatabase, SimObjects, FileId)> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let turns = Turns::new(0, 1, 1, false);
        let _running = run_on(turns.clone());
        let (database, objects) = (SimDatabase::default(), SimObjects::default());
        let cluster = Cluster { database, objects, caches: directory() };
        let host = host(&turns, &cluster, 0, Duration::ZERO);
        let store = Store::open_simulated(&host, calls::options(Mode::Shared)).expect("a store is made");
        let drive = store.drive(DRIVE).expect("a drive is made");
        let probe = drive.put(PROBE, &content::bytes(PROBED)[..], Put::new()).expect("a file is put");
        store.close().expect("the store is closed");
        (cluster.database.copy(), cluster.objects.copy(), probe.id.file())
    })
}

impl Cluster {
    /// Makes servers with a store that holds the probe alone, and returns its id.
    pub fn new() -> (Cluster, FileId) {
        let (database, objects, probe) = template();
        (Cluster { database: database.copy(), objects: objects.copy(), caches: directory() }, *probe)
    }

    /// Returns the hosts of so many processes, from number 1 on.
    pub fn hosts(&self, turns: &Arc<Turns>, processes: usize, staleness: Duration) -> Vec<SimHost> {
        (0..=processes).map(|number| host(turns, self, number, staleness)).collect()
    }

    /// Returns the servers, for the scheduler.
    pub fn servers(&self, database_ahead: i64, objects_ahead: i64) -> Servers {
        Servers { database: self.database.clone(), database_ahead, objects_ahead, away_until: Duration::ZERO }
    }
}

impl Run {
    /// Lets what is still on its way arrive, or be lost; from then on it is decided what took effect.
    pub fn settle_network(&mut self) {
        let Some(cluster) = &self.cluster else { return };
        let lost = self.rng.one_in(2);
        let (rows, objects) = (cluster.database.on_their_way(), cluster.objects.on_their_way());
        if rows > 0 && lost {
            self.turns.restart();
            self.turns.pass_time(Duration::from_secs(120));
        }
        cluster.database.settle();
        cluster.objects.settle(self.turns.network().server_clock(Peer::Objects));
        if rows + objects > 0 {
            let became = if lost { "lost" } else { "executed" };
            self.turns.note(|| {
                format!("{rows} statements that were on their way are {became}, {objects} requests executed")
            });
        }
        self.decide_all();
    }

    /// Lets a process be suspended for long while it puts, and another collect: what is not committed yet is no
    /// orphan, or cannot be committed any more.
    pub fn put_slowly_elsewhere(&mut self) {
        self.calm();
        let (first, other) = (1, self.slots.len() - 1);
        if !self.goes_on() || self.turns.mates(first).contains(&other) || first == other {
            return;
        }
        self.at_peace(|run| {
            run.close_all();
            for task in [first, other] {
                if run.goes_on() && run.open(task, Mode::Shared).is_none() {
                    return;
                }
            }
            run.turns.set_chances(Chances {
                stall: 4,
                stall_at_blobs: true,
                switch: 3,
                ..Chances::default()
            });
            for _ in 0..6 {
                if run.goes_on() {
                    let drawn = content::draw(&mut run.rng);
                    let large = content::draw_large(&mut run.rng);
                    let content = if run.rng.one_in(2) { drawn } else { large };
                    let items = vec![(run.path(false), content)];
                    run.tell(first, Do::Put(items.clone()), Some(Verb::Put(items)));
                    run.tell(other, Do::Gc, None);
                    run.calm();
                }
            }
            run.turns.set_chances(Chances::default());
            if run.goes_on() {
                run.look_around();
            }
        });
    }

    /// Ends a run over servers: reads all, collects, and reads all again.
    pub fn finish_cluster(&mut self) {
        self.rest();
        self.plan.chances = Chances { switch: self.plan.chances.switch, ..Chances::default() };
        self.turns.set_chances(self.plan.chances.clone());
        self.close_all();
        self.step_over(GRACE);
        if let Some(task) = self.well().filter(|_| self.goes_on()) {
            self.must_be_done(task, Do::Gc);
            self.step_over(GRACE.max(UNTIL_SWEPT));
            self.must_be_done(task, Do::Gc);
            self.troubled = false;
            self.look_around();
            if self.goes_on() {
                self.nothing_is_left();
            }
        }
        self.close_all();
        let open = self.cluster.as_ref().map_or(0, |cluster| cluster.database.open_transactions());
        if self.goes_on() && open > 0 {
            self.fail(format!("{open} transactions are open, and every process has closed the store"));
        }
    }

    /// Holds the objects to what lives, when all was collected that nothing refers to.
    fn nothing_is_left(&mut self) {
        let Some(cluster) = &self.cluster else { return };
        let (keys, uploads) = (cluster.objects.keys(), cluster.objects.open_uploads());
        let world = self.history.guess();
        if world.is_loose() {
            return;
        }
        let large: BTreeSet<content::Hash> = world.large().collect();
        let huge = large.iter().filter(|hash| content::bytes(content::number(hash)).len() > 8 << 20).count();
        let count = |kind: &str| keys.keys().filter(|key| key.contains(kind)).count();
        let (contents, outlines) = (count("/c/"), count("/o/"));
        let small: u64 = keys.iter().filter(|(key, _)| key.contains("/s/")).map(|(_, len)| len).sum();
        let bound = 5 * world.live() / 2 + SEGMENT;
        if contents != large.len() {
            let (found, wanted) = (contents, large.len());
            self.fail(format!("{found} objects of large contents are there, and {wanted} contents"));
        } else if outlines != huge {
            self.fail(format!("{outlines} outlines are there, and {huge} contents of several parts"));
        } else if small > bound {
            self.fail(format!("segments take {small} bytes; {bound} are the bound"));
        } else if uploads > 0 {
            self.fail(format!("{uploads} uploads in parts are open"));
        } else if let Some(key) =
            keys.keys().find(|key| !["/c/", "/o/", "/s/"].iter().any(|kind| key.contains(kind)))
        {
            self.fail(format!("the object {key} is left"));
        }
    }
}
