//! Controls: each fault that was mended is planted again, and runs that mostly do what it needs must
//! find it within a bound. The table says after how many seeds.

use holdall::Mode;
use holdall::mutant::{Mutant, plant};

use crate::plan::{Kind, Plan};
use crate::run::{Outcome, Run};

/// A fault that can be planted.
struct Control {
    /// Its number among the faults that the simulation was made for; 0 for those that came later.
    fault: u32,
    says: &'static str,
    mutant: Mutant,
    /// Within so many seeds it must be found.
    bound: u64,
    focus: fn(&mut Plan),
}

const CONTROLS: &[Control] = &[
    Control {
        fault: 1,
        says: "a path that ends in a slash leads to another file",
        mutant: Mutant::FolderByText,
        bound: 60,
        focus: |plan| {
            plan.mode = Some(Mode::Exclusive);
            plan.only(&[(Kind::Put, 4), (Kind::OpenFile, 4)]);
        },
    },
    Control {
        fault: 4,
        says: "a copy with all versions takes what was put after it began",
        mutant: Mutant::CopyTakesLater,
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
        fault: 9,
        says: "a rebuild that is cut off loses what it was to set aside",
        mutant: Mutant::RebuildSetsAsideLast,
        bound: 60,
        focus: |plan| plan.only(&[(Kind::Put, 1), (Kind::CutRebuild, 2)]),
    },
    Control {
        fault: 10,
        says: "damage in the middle of the log is taken for its end",
        mutant: Mutant::DecayIsATornEnd,
        bound: 60,
        focus: |plan| plan.only(&[(Kind::Put, 1), (Kind::Decay, 2)]),
    },
    Control {
        fault: 0,
        says: "a group that a dying process left is published and then written over",
        mutant: Mutant::TailBeforeWriter,
        bound: 400,
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
        bound: 400,
        focus: |plan| {
            plan.shared(3, 2);
            plan.mode = None;
            plan.only(&[(Kind::Put, 2), (Kind::Look, 6), (Kind::Close, 3)]);
        },
    },
];

fn run(control: &Control, seed: u64, mutant: Mutant, verbose: bool) -> Outcome {
    let mut plan = Plan::of(seed);
    (control.focus)(&mut plan);
    plant(mutant);
    let outcome = Run::new(seed, Some(plan), verbose).play();
    plant(Mutant::None);
    outcome
}

/// Returns how many seeds it took to find a planted fault, and what was found; none within the bound.
/// What the sound code fails with as well is no find.
fn seeds_until_found(control: &Control) -> Option<(u64, String)> {
    (1..=control.bound).find_map(|seed| {
        let why = run(control, seed, control.mutant, false).failure?;
        match run(control, seed, Mutant::None, false).failure {
            None => Some((seed, why)),
            Some(why) => {
                crate::figure(&format!("        without it seed {seed} fails as well: {why}"));
                None
            }
        }
    })
}

/// Replays a seed of a control, and returns what came of it.
pub fn replay(mutant: &str, seed: u64, planted: bool) -> Outcome {
    let _alone = crate::PLANTED.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let is_it = |control: &&Control| format!("{:?}", control.mutant) == mutant;
    let control = CONTROLS.iter().find(is_it).expect("a control of that name");
    run(control, seed, if planted { control.mutant } else { Mutant::None }, true)
}

#[test]
fn every_fault_that_is_planted_is_found() {
    let _alone = crate::PLANTED.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut missed = Vec::new();
    crate::figure("fault  seeds  what was planted, and what was seen");
    for control in CONTROLS {
        let found = seeds_until_found(control);
        let Control { fault, says, mutant, bound, .. } = control;
        match found {
            Some((seeds, why)) => {
                let why = crate::run::short(&why);
                crate::figure(&format!("{fault:>5}  {seeds:>5}  {says} ({mutant:?}): {why}"));
            }
            None => {
                crate::figure(&format!("{fault:>5}  >{bound:>4}  {says} ({mutant:?})"));
                missed.push(format!("{mutant:?} was not seen in {bound} seeds"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
