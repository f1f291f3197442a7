//! Controls: each fault that was mended is planted again, and runs that mostly do what it needs must
//! find it within a bound. The table says after how many seeds.

#[cfg(feature = "remote")]
mod servers;

use holdall::Mode;
use holdall::mutant::{Mutant, plant};
use holdall::vfs::Fault;

use crate::plan::{Kind, Plan};
use crate::run::{Outcome, Run};

/// A fault that can be planted.
struct Control {
    /// Its number among the faults that the simulation was made for; 0 for those that came later.
    fault: u32,
    says: &'static str,
    mutant: Mutant,
    /// Where the search begins in a quick run: a little before a seed that is known to find it.
    near: u64,
    /// Within so many seeds from there, and from the first, it must be found.
    bound: u64,
    focus: fn(&mut Plan),
}

const CONTROLS: &[Control] = &[
    Control {
        fault: 1,
        says: "a path that ends in a slash leads to another file",
        mutant: Mutant::FolderByText,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.mode = Some(Mode::Exclusive);
            plan.only(&[(Kind::Put, 4), (Kind::OpenFile, 4)]);
        },
    },
    Control {
        fault: 2,
        says: "a collection unlinks the file of a put that commits meanwhile",
        mutant: Mutant::SweepLooksOnce,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.shared(2, 5);
            plan.only(&[(Kind::Put, 2), (Kind::SlowPut, 2)]);
        },
    },
    Control {
        fault: 3,
        says: "a change that was never acknowledged comes back by a rebuild",
        mutant: Mutant::UnpublishedGroupsStay,
        near: 1,
        bound: 400,
        focus: |plan| {
            plan.shared(2, 5);
            plan.only(&[(Kind::Put, 2), (Kind::Successor, 2)]);
        },
    },
    Control {
        fault: 4,
        says: "a copy with all versions takes what was put after it began",
        mutant: Mutant::CopyTakesLater,
        near: 1,
        bound: 300,
        focus: |plan| {
            plan.shared(3, 2);
            plan.names = 2;
            plan.only(&[
                (Kind::Put, 4),
                (Kind::Again, 4),
                (Kind::CopyAll, 4),
                (Kind::Delete, 2),
                (Kind::Rest, 1),
            ]);
        },
    },
    Control {
        fault: 5,
        says: "a backup goes over a copy that was written to since it was made",
        mutant: Mutant::BackupLooksAtNumbers,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.shared(2, 5);
            plan.only(&[(Kind::Put, 4), (Kind::Backup, 3), (Kind::WriteCopy, 2)]);
        },
    },
    Control {
        fault: 6,
        says: "the log of data that stays the same grows without bound",
        mutant: Mutant::LogOnlyGrows,
        near: 1,
        bound: 60,
        focus: |plan| plan.only(&[(Kind::Put, 2), (Kind::Churn, 1)]),
    },
    Control {
        fault: 7,
        says: "a refused put comes back after an append that failed",
        mutant: Mutant::FailedAppendStays,
        near: 1,
        bound: 200,
        focus: |plan| {
            plan.shared(1, 40);
            plan.mode = Some(Mode::Exclusive);
            plan.chances.fault = 40;
            plan.chances.faults = vec![Fault::ShortWrite, Fault::Eio];
            plan.only(&[(Kind::Put, 6), (Kind::Rest, 1), (Kind::Kill, 1)]);
        },
    },
    Control {
        fault: 8,
        says: "ids are given out again after a restore from a backup",
        mutant: Mutant::RestoredIdsRepeat,
        near: 1,
        bound: 100,
        focus: |plan| {
            plan.shared(2, 5);
            plan.only(&[(Kind::Put, 6), (Kind::Sign, 2), (Kind::Backup, 2), (Kind::SetBack, 2)]);
        },
    },
    Control {
        fault: 9,
        says: "a rebuild that is cut off loses what it was to set aside",
        mutant: Mutant::RebuildSetsAsideLast,
        near: 1,
        bound: 60,
        focus: |plan| plan.only(&[(Kind::Put, 1), (Kind::CutRebuild, 2)]),
    },
    Control {
        fault: 10,
        says: "damage in the middle of the log is taken for its end",
        mutant: Mutant::DecayIsATornEnd,
        near: 1,
        bound: 60,
        focus: |plan| plan.only(&[(Kind::Put, 1), (Kind::Decay, 2)]),
    },
    Control {
        fault: 11,
        says: "a repair takes what it cannot read for damaged",
        mutant: Mutant::UnreadIsDamaged,
        near: 1,
        bound: 60,
        focus: |plan| plan.only(&[(Kind::Put, 2), (Kind::Short, 1)]),
    },
    Control {
        fault: 12,
        says: "an opening beside the close of the last handle fails",
        mutant: Mutant::OpenBesideClose,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.shared(1, 2);
            (plan.threads, plan.mode) = (2, Some(Mode::Exclusive));
            plan.only(&[(Kind::Put, 2), (Kind::Close, 2)]);
        },
    },
    Control {
        fault: 13,
        says: "a batch of many large contents needs a descriptor for each",
        mutant: Mutant::BatchKeepsFilesOpen,
        near: 1,
        bound: 60,
        focus: |plan| plan.only(&[(Kind::Put, 2), (Kind::Large, 1)]),
    },
    Control {
        fault: 14,
        says: "an archive breaks off when its process closes and another compacts",
        mutant: Mutant::ClosePinsNothing,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.shared(2, 5);
            plan.only(&[(Kind::Put, 2), (Kind::Parting, 1)]);
        },
    },
    Control {
        fault: 0,
        says: "a group that a dying process left is published and then written over",
        mutant: Mutant::TailBeforeWriter,
        near: 1,
        bound: 1500,
        focus: |plan| {
            plan.shared(3, 5);
            plan.chances.kill = 400;
            plan.only(&[(Kind::Put, 6), (Kind::Rest, 1)]);
        },
    },
    Control {
        fault: 0,
        says: "an opening in the other mode makes readers say that the index is damaged",
        mutant: Mutant::ModesMeetInTheIndex,
        near: 1,
        bound: 400,
        focus: |plan| {
            plan.shared(3, 2);
            plan.mode = None;
            plan.only(&[(Kind::Put, 2), (Kind::Look, 6), (Kind::Close, 3)]);
        },
    },
    Control {
        fault: 0,
        says: "what a backup that was cut off has left stays beside the copy's own log",
        mutant: Mutant::ForeignSegmentsStay,
        near: 10,
        bound: 200,
        focus: |plan| {
            (plan.mode, plan.bulky) = (Some(Mode::Exclusive), true);
            plan.only(&[(Kind::Batch, 4), (Kind::Backup, 2), (Kind::CutBackup, 2)]);
        },
    },
    Control {
        fault: 0,
        says: "what a backup that was cut off has put behind the ends of segments stays there",
        mutant: Mutant::ForeignTailsStay,
        near: 18,
        bound: 200,
        focus: |plan| {
            plan.shared(2, 5);
            plan.only(&[(Kind::Put, 4), (Kind::Backup, 2), (Kind::CutBackup, 2)]);
        },
    },
    Control {
        fault: 0,
        says: "a backup goes over a copy that a process wrote to and died",
        mutant: Mutant::CopyTurnsUnsynced,
        near: 1,
        bound: 100,
        focus: |plan| {
            plan.shared(2, 5);
            plan.only(&[(Kind::Put, 4), (Kind::Backup, 2), (Kind::CutBackup, 2)]);
        },
    },
    Control {
        fault: 0,
        says: "the end of a session that read alone is appended to a copy's log",
        mutant: Mutant::QuietEndIsLogged,
        near: 1,
        bound: 1000,
        focus: |plan| {
            plan.mode = Some(Mode::Exclusive);
            plan.only(&[(Kind::Put, 4), (Kind::Backup, 2), (Kind::CutBackup, 2)]);
        },
    },
    Control {
        fault: 0,
        says: "a backup leaves an older part of a segment that was compacted meanwhile",
        mutant: Mutant::StaleSegmentsStay,
        near: 1995,
        bound: 3000,
        focus: |plan| {
            plan.shared(3, 2);
            plan.only(&[
                (Kind::Put, 6),
                (Kind::Delete, 3),
                (Kind::Backup, 4),
                (Kind::TestCopy, 2),
                (Kind::Gc, 4),
                (Kind::StepClock, 3),
            ]);
        },
    },
    Control {
        fault: 0,
        says: "a segment that has no row yet is a failure to a compaction",
        mutant: Mutant::SegmentsNeedRows,
        near: 1,
        bound: 1500,
        focus: |plan| {
            (plan.processes, plan.threads, plan.bulky) = (2, 2, true);
            plan.chances.switch = 2;
            plan.only(&[(Kind::Put, 4), (Kind::Batch, 4), (Kind::Compact, 6), (Kind::Close, 2)]);
        },
    },
];

fn run(control: &Control, seed: u64, mutant: Mutant, verbose: bool) -> Outcome {
    #[cfg(feature = "remote")]
    let on_servers = servers::CONTROLS.iter().any(|other| other.mutant == control.mutant);
    #[cfg(not(feature = "remote"))]
    let on_servers = false;
    let mut plan = match on_servers {
        #[cfg(feature = "remote")]
        true => Plan::of_cluster(seed),
        _ => Plan::of(seed),
    };
    (control.focus)(&mut plan);
    let run = match on_servers {
        #[cfg(feature = "remote")]
        true => Run::on_servers(seed, Some(plan), verbose),
        _ => Run::new(seed, Some(plan), verbose),
    };
    plant(mutant);
    let outcome = run.play();
    plant(Mutant::None);
    outcome
}

/// Returns how many seeds it took to find a planted fault, and what was found; none within the bound.
///
/// # Errors
/// What the sound code fails with.
fn seeds_until_found(control: &Control, first: u64) -> Result<Option<(u64, String)>, String> {
    let found = (first..first + control.bound)
        .find_map(|seed| Some((seed, run(control, seed, control.mutant, false).failure?)));
    let Some((seed, why)) = found else { return Ok(None) };
    match run(control, seed, Mutant::None, false).failure {
        None => Ok(Some((seed, why))),
        Some(why) => Err(format!("{:?}: seed {seed} fails without it: {why}", control.mutant)),
    }
}

/// Returns the controls of both kinds.
fn all() -> impl Iterator<Item = &'static Control> {
    #[cfg(feature = "remote")]
    return CONTROLS.iter().chain(servers::CONTROLS);
    #[cfg(not(feature = "remote"))]
    CONTROLS.iter()
}

fn named(mutant: &str) -> &'static Control {
    let is_it = |control: &&Control| format!("{:?}", control.mutant) == mutant;
    all().find(is_it).expect("a control of that name")
}

/// Replays a seed of a control, and returns what came of it.
pub fn replay(mutant: &str, seed: u64, planted: bool) -> Outcome {
    let _alone = crate::PLANTED.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let control = named(mutant);
    run(control, seed, if planted { control.mutant } else { Mutant::None }, true)
}

#[test]
fn every_fault_that_is_planted_is_found() {
    find(CONTROLS);
}

#[cfg(feature = "remote")]
#[test]
fn every_fault_that_is_planted_in_a_store_on_servers_is_found() {
    find(servers::CONTROLS);
}

/// Looks for each fault, and says after how many seeds it was found.
fn find(controls: &'static [Control]) {
    let _alone = crate::PLANTED.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let only = std::env::var("HOLDALL_CONTROL").ok();
    if crate::number("HOLDALL_SEED").is_some() {
        return;
    }
    // The honest figure counts from the first seed; a quick run begins near one that is known.
    let from_the_first = std::env::var_os("HOLDALL_TABLE").is_some();
    let mut wrong = Vec::new();
    crate::figure("fault   seed  what was planted, and what was seen");
    let wanted =
        |control: &&Control| only.as_ref().is_none_or(|only| format!("{:?}", control.mutant) == *only);
    for control in controls.iter().filter(wanted) {
        let Control { fault, says, mutant, near, bound, .. } = control;
        let first = if from_the_first { 1 } else { *near };
        match seeds_until_found(control, first) {
            Ok(Some((seed, why))) => {
                let why = crate::run::short(&why);
                crate::figure(&format!("{fault:>5}  {seed:>5}  {says} ({mutant:?}): {why}"));
            }
            Ok(None) => {
                crate::figure(&format!("{fault:>5}      -  {says} ({mutant:?})"));
                wrong.push(format!("{mutant:?} was not seen in the {bound} seeds from {first} on"));
            }
            Err(why) => wrong.push(why),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
