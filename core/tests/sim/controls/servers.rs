//! Faults that are planted in the drivers of servers, and in what goes by them.

use holdall::mutant::Mutant;

use super::Control;
use crate::plan::{Kind, Plan};
use crate::scheduler::NetFault;

/// One request in so many, of those with these verbs, meets one of these faults.
fn faults(plan: &mut Plan, one_in: u64, at: &[&'static str], faults: &[NetFault]) {
    plan.chances.net.fault = one_in;
    plan.chances.net.at = at.to_vec();
    plan.chances.net.faults = faults.to_vec();
}

/// Commits meet one of these faults.
fn commits(plan: &mut Plan, met: &[NetFault]) {
    plan.hosts(2, 5);
    faults(plan, 8, &["commit"], met);
    plan.only(&[(Kind::Put, 6), (Kind::Delete, 2), (Kind::Rest, 1)]);
}

pub(super) const CONTROLS: &[Control] = &[
    Control {
        fault: 0,
        says: "a commit in which the connection is lost is taken for done",
        mutant: Mutant::LostCommitHolds,
        near: 1,
        bound: 60,
        focus: |plan| commits(plan, &[NetFault::Lost, NetFault::ReplyLost]),
    },
    Control {
        fault: 0,
        says: "a commit in which the connection is lost is made again, though it holds",
        mutant: Mutant::LostCommitFails,
        near: 1,
        bound: 60,
        focus: |plan| commits(plan, &[NetFault::Lost, NetFault::ReplyLost]),
    },
    Control {
        fault: 0,
        says: "a commit that was looked for in vain arrives after it was made again",
        mutant: Mutant::LostCommitStaysValid,
        near: 1,
        bound: 200,
        focus: |plan| commits(plan, &[NetFault::Late]),
    },
    Control {
        fault: 0,
        says: "a commit goes by a range that has changed",
        mutant: Mutant::RangesUnguarded,
        near: 195,
        bound: 1000,
        focus: |plan| {
            plan.hosts(3, 1);
            plan.names = 2;
            plan.only(&[
                (Kind::Put, 6),
                (Kind::Again, 3),
                (Kind::CopyAll, 3),
                (Kind::Delete, 4),
                (Kind::Trash, 3),
                (Kind::Restore, 3),
                (Kind::RemoveVersion, 3),
                (Kind::Gc, 3),
                (Kind::Compact, 2),
                (Kind::StepClock, 1),
                (Kind::Rest, 1),
            ]);
        },
    },
    Control {
        fault: 0,
        says: "a commit deletes a row that has changed",
        mutant: Mutant::DeletesUnguarded,
        near: 1,
        bound: 300,
        focus: |plan| {
            plan.hosts(3, 1);
            plan.names = 2;
            plan.only(&[(Kind::Put, 4), (Kind::Delete, 4), (Kind::Rename, 3), (Kind::Rest, 1)]);
        },
    },
    Control {
        fault: 0,
        says: "rows are read that are older than they may be",
        mutant: Mutant::ViewsStay,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.hosts(2, 5);
            plan.only(&[(Kind::Put, 4), (Kind::Look, 6)]);
        },
    },
    Control {
        fault: 0,
        says: "an object is swept before the rows that speak of it are committed",
        mutant: Mutant::SweepOfAnyAge,
        near: 1,
        bound: 200,
        focus: |plan| {
            plan.hosts(3, 1);
            plan.only(&[(Kind::Put, 6), (Kind::Gc, 3), (Kind::Rest, 1)]);
        },
    },
    Control {
        fault: 0,
        says: "what was swept is committed by a process that was suspended",
        mutant: Mutant::SweptIsCommitted,
        near: 1,
        bound: 300,
        focus: |plan| {
            plan.hosts(2, 5);
            plan.only(&[(Kind::Put, 1), (Kind::SlowPut, 2)]);
        },
    },
    Control {
        fault: 0,
        says: "rows are committed whose contents could not be written",
        mutant: Mutant::RowsBeforeObjects,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.hosts(1, 5);
            faults(plan, 3, &["put", "get"], &[NetFault::Lost, NetFault::Refused]);
            plan.only(&[(Kind::Put, 6), (Kind::Rest, 1)]);
        },
    },
    Control {
        fault: 0,
        says: "an object of which it is said that it exists is taken for what was to be written",
        mutant: Mutant::ExistingIsOurs,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.hosts(1, 5);
            faults(plan, 4, &["put"], &[NetFault::Refused]);
            plan.only(&[(Kind::Put, 6), (Kind::Rest, 1)]);
        },
    },
    Control {
        fault: 0,
        says: "a connection whose transaction failed goes on in it, and reads what was",
        mutant: Mutant::FailedReadsAreReused,
        near: 1,
        bound: 300,
        focus: |plan| {
            plan.hosts(2, 5);
            faults(plan, 10, &["query"], &[NetFault::Silent, NetFault::Slow]);
            plan.only(&[(Kind::Put, 4), (Kind::Look, 6)]);
        },
    },
    Control {
        fault: 0,
        says: "a process does not see what it has committed",
        mutant: Mutant::OwnCommitsUnseen,
        near: 1,
        bound: 60,
        focus: |plan| {
            plan.hosts(2, 5);
            plan.stale(1000);
            plan.only(&[(Kind::Put, 4), (Kind::Look, 6)]);
        },
    },
    Control {
        fault: 0,
        says: "a commit goes by rows that have changed, and that it does not write",
        mutant: Mutant::ReadsUnguarded,
        near: 55,
        bound: 300,
        focus: |plan| {
            plan.hosts(3, 1);
            plan.names = 2;
            plan.only(&[(Kind::Put, 6), (Kind::Delete, 3), (Kind::Rename, 4), (Kind::Rest, 1)]);
        },
    },
];
