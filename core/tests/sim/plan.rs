//! What kind of run a seed makes: how many processes, what they mostly do, what goes wrong.

use std::time::Duration;

use holdall::Mode;
use holdall::vfs::Fault;

use crate::rng::Rng;
#[cfg(feature = "remote")]
use crate::scheduler::NET_FAULTS;
use crate::scheduler::{Chances, NetChances};

/// What processes do, for the weights of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Put,
    Batch,
    Again,
    Rename,
    Copy,
    CopyAll,
    Trash,
    Restore,
    Delete,
    SetCurrent,
    RemoveVersion,
    Look,
    OpenFile,
    Sign,
    SignLimited,
    Serve,
    Share,
    Freeze,
    ReadArchive,
    Send,
    Gc,
    Compact,
    Repair,
    Close,
    Backup,
    StepClock,
    Rest,
    Kill,
    Power,
    Rebuild,
    TestCopy,
    /// As that, and something is put in it.
    WriteCopy,
    SetBack,
    /// A batch of many contents that have a file each.
    Large,
    /// A repair that runs out of descriptors.
    Short,
    /// A bit of the log flips.
    Decay,
    /// A rebuild is cut off.
    CutRebuild,
    /// A backup into the copy is cut off.
    CutBackup,
    /// The disk is nearly full until everybody rests.
    Full,
    /// A process dies while it commits, another goes on, and the rows are made anew.
    Successor,
    /// A process closes the store while it sends an archive, and another collects.
    Parting,
    /// The same files are put, deleted and collected several times.
    Churn,
    /// Large contents are put by a process that is suspended now and then, while another collects.
    SlowPut,
    /// A process forks.
    Fork,
    /// The database is restarted.
    #[cfg(feature = "remote")]
    Restart,
    /// A content is put that is stored in several parts.
    #[cfg(feature = "remote")]
    Huge,
}

const KINDS: [(Kind, u64); 44] = [
    (Kind::Put, 12),
    (Kind::Batch, 3),
    (Kind::Again, 8),
    (Kind::Rename, 4),
    (Kind::Copy, 2),
    (Kind::CopyAll, 3),
    (Kind::Trash, 2),
    (Kind::Restore, 2),
    (Kind::Delete, 6),
    (Kind::SetCurrent, 2),
    (Kind::RemoveVersion, 2),
    (Kind::Look, 4),
    (Kind::OpenFile, 3),
    (Kind::Sign, 3),
    (Kind::SignLimited, 1),
    (Kind::Serve, 4),
    (Kind::Share, 1),
    (Kind::Freeze, 2),
    (Kind::ReadArchive, 2),
    (Kind::Send, 4),
    (Kind::Gc, 5),
    (Kind::Compact, 2),
    (Kind::Repair, 1),
    (Kind::Close, 3),
    (Kind::Backup, 2),
    (Kind::StepClock, 3),
    (Kind::Rest, 3),
    (Kind::Kill, 1),
    (Kind::Power, 1),
    (Kind::Rebuild, 1),
    (Kind::TestCopy, 1),
    (Kind::WriteCopy, 1),
    (Kind::SetBack, 1),
    (Kind::Large, 1),
    (Kind::Short, 1),
    (Kind::Decay, 1),
    (Kind::CutRebuild, 1),
    (Kind::CutBackup, 1),
    (Kind::Full, 1),
    (Kind::Successor, 1),
    (Kind::Parting, 1),
    (Kind::Churn, 1),
    (Kind::SlowPut, 1),
    (Kind::Fork, 2),
];

/// What only a store in a directory does.
#[cfg(feature = "remote")]
const OF_DIRECTORIES: [Kind; 16] = [
    Kind::Backup,
    Kind::Power,
    Kind::Rebuild,
    Kind::TestCopy,
    Kind::WriteCopy,
    Kind::SetBack,
    Kind::Large,
    Kind::Short,
    Kind::Decay,
    Kind::CutRebuild,
    Kind::CutBackup,
    Kind::Full,
    Kind::Successor,
    Kind::Parting,
    Kind::Churn,
    Kind::Fork,
];

/// Servers, and how hosts use them.
#[derive(Clone, Debug)]
pub struct ClusterPlan {
    /// How old rows may be that are read.
    pub staleness: Duration,
    /// What the clocks of processes are ahead, by their numbers, in microseconds.
    pub ahead: Vec<i64>,
    pub database_ahead: i64,
    pub objects_ahead: i64,
}

#[derive(Clone, Debug)]
pub struct Plan {
    /// The servers that the store is on; none where it is a directory.
    pub cluster: Option<ClusterPlan>,
    pub processes: usize,
    /// Threads of each.
    pub threads: usize,
    /// None for any.
    pub mode: Option<Mode>,
    pub calls: u64,
    pub chances: Chances,
    weights: Vec<(Kind, u64)>,
    /// Files in one folder.
    pub names: u64,
    /// Batches fill segments.
    pub bulky: bool,
    /// All contents have a file each.
    pub large: bool,
}

impl Plan {
    pub fn draw(rng: &mut Rng) -> Plan {
        // To look behind a fault that is known.
        let without = std::env::var("HOLDALL_WITHOUT").unwrap_or_default();
        let without: Vec<String> = without.split(',').map(str::to_owned).collect();
        let processes = 1 + rng.below(3) as usize;
        let mode = match rng.below(if processes == 1 { 2 } else { 5 }) {
            0 => Some(Mode::Exclusive),
            1 if !without.iter().any(|kind| kind == "Mixed") => None,
            _ => Some(Mode::Shared),
        };
        let pick = |rng: &mut Rng, from: &[u64]| from[rng.below(from.len() as u64) as usize];
        let faults: Vec<Fault> = [Fault::Eio, Fault::Enospc, Fault::Emfile, Fault::ShortWrite]
            .into_iter()
            .filter(|_| rng.one_in(2))
            .collect();
        let chances = Chances {
            switch: pick(rng, &[2, 5, 12, 40]),
            kill: pick(rng, &[0, 0, 6000, 1500, 500]),
            power: pick(rng, &[0, 0, 0, 6000, 2000]),
            fault: if faults.is_empty() { 0 } else { pick(rng, &[0, 0, 0, 900, 250]) },
            stall: pick(rng, &[0, 0, 0, 3000, 600]),
            stall_at_blobs: false,
            faults,
            net: NetChances::default(),
        };
        let weights = KINDS
            .iter()
            .map(|(kind, weight)| (*kind, weight * pick(rng, &[0, 1, 1, 2, 5])))
            .filter(|(kind, weight)| *weight > 0 && !without.contains(&format!("{kind:?}")))
            .chain([(Kind::Put, 4)])
            .collect();
        let most = if rng.one_in(8) { 200 } else { 60 };
        let calls = 15 + rng.below(most);
        let (names, bulky) = (2 + rng.below(5), rng.one_in(3));
        let large = rng.one_in(8);
        let threads = if processes < 3 && rng.one_in(3) { 2 } else { 1 };
        Plan { cluster: None, processes, threads, mode, calls, chances, weights, names, bulky, large }
    }

    /// Draws what a run over servers is.
    #[cfg(feature = "remote")]
    pub fn draw_cluster(rng: &mut Rng) -> Plan {
        let mut plan = Plan::draw(rng);
        plan.processes = 1 + rng.below(4) as usize;
        plan.threads = if plan.processes < 3 && rng.one_in(3) { 2 } else { 1 };
        plan.mode = Some(Mode::Shared);
        let pick = |rng: &mut Rng, from: &[u64]| from[rng.below(from.len() as u64) as usize];
        plan.weights.retain(|(kind, _)| !OF_DIRECTORIES.contains(kind));
        plan.weights.push((Kind::Restart, pick(rng, &[0, 0, 1])));
        if rng.one_in(12) {
            plan.weights.push((Kind::Huge, 4));
        }
        let faults = NET_FAULTS.into_iter().filter(|_| !rng.one_in(3)).collect::<Vec<_>>();
        let net = NetChances {
            fault: if faults.is_empty() { 0 } else { pick(rng, &[0, 0, 200, 60, 20]) },
            faults,
            at: Vec::new(),
            restart: pick(rng, &[0, 0, 0, 1000, 300]),
            old_lists: rng.one_in(2),
        };
        plan.chances = Chances {
            switch: pick(rng, &[1, 2, 4, 12]),
            kill: pick(rng, &[0, 0, 1000, 300, 80]),
            stall: pick(rng, &[0, 0, 0, 500, 100]),
            net,
            ..Chances::default()
        };
        // Clocks of hosts are half a minute off at most, those of servers hours.
        let seconds = |rng: &mut Rng, most: u64| 1_000_000 * (rng.below(2 * most + 1) as i64 - most as i64);
        let ahead = (0..=plan.processes).map(|_| seconds(rng, 30)).collect();
        let (database_ahead, objects_ahead) = (seconds(rng, 7200), seconds(rng, 7200));
        let staleness = Duration::from_millis(pick(rng, &[0, 0, 0, 1000]));
        if !staleness.is_zero() {
            plan.be_stale();
        }
        plan.cluster = Some(ClusterPlan { staleness, ahead, database_ahead, objects_ahead });
        plan
    }

    /// Leaves out what tells several processes something at once.
    #[cfg(feature = "remote")]
    pub fn be_stale(&mut self) {
        self.threads = 1;
        self.weights.retain(|(kind, _)| *kind != Kind::SlowPut);
    }

    /// Rows may be so many milliseconds old.
    #[cfg(feature = "remote")]
    pub fn stale(&mut self, millis: u64) {
        self.be_stale();
        if let Some(cluster) = &mut self.cluster {
            cluster.staleness = Duration::from_millis(millis);
        }
    }

    /// So many hosts share the servers, with nothing that goes wrong, and take turns about every so many requests.
    #[cfg(feature = "remote")]
    pub fn hosts(&mut self, processes: usize, switch: u64) {
        self.shared(processes, switch);
        if let Some(cluster) = &mut self.cluster {
            cluster.ahead.resize(processes + 1, 0);
            cluster.staleness = Duration::ZERO;
        }
    }

    /// Returns what kind of run over servers a seed makes.
    #[cfg(feature = "remote")]
    pub fn of_cluster(seed: u64) -> Plan {
        Plan::draw_cluster(&mut Rng::new(seed ^ 0xc105_7e00))
    }

    /// Returns what kind of run a seed makes.
    pub fn of(seed: u64) -> Plan {
        Plan::draw(&mut Rng::new(seed))
    }

    /// Lets processes do these things alone.
    pub fn only(&mut self, weights: &[(Kind, u64)]) {
        self.weights = weights.to_vec();
    }

    /// So many processes share the store, and take turns about every so many operations.
    pub fn shared(&mut self, processes: usize, switch: u64) {
        (self.processes, self.threads, self.mode) = (processes, 1, Some(Mode::Shared));
        self.chances = Chances { switch, ..Chances::default() };
    }

    pub fn kind(&self, rng: &mut Rng) -> Kind {
        let total = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut at = rng.below(total);
        for (kind, weight) in &self.weights {
            if at < *weight {
                return *kind;
            }
            at -= weight;
        }
        Kind::Put
    }

    pub fn mode(&self, rng: &mut Rng) -> Mode {
        let thrown = if rng.one_in(2) { Mode::Shared } else { Mode::Exclusive };
        self.mode.unwrap_or(thrown)
    }
}
