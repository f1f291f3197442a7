//! A disk that fails: each operation of a fixed scenario, once and for good, in every way that it
//! can. Rows S3 to S6 of the reliability table.

use std::sync::Arc;

use holdall::vfs::{Fault, Lie, Policy, SimVfs, Times};
use holdall::{Drive, ErrorKind, Mode, Put, Store};

use crate::content;
use crate::model::{Seen, View};
use crate::power::{DRIVE, Script, Templates, counting_panics, options};
use crate::script::Step;

/// What is put after a failure, to see whether the store goes on.
const PROBE: (&str, u64) = ("probe", 4);

fn scenario(mode: Mode) -> Script {
    let put = |path: &str, id| Step::Put(path.into(), id);
    Script::of(
        mode,
        vec![
            put("f0", 1),
            put("d0/f1", 8),
            put("f0", 4),
            Step::PutMany(vec![("d0/f2".into(), 7), ("f3".into(), 2), ("f3".into(), 16)]),
            Step::Copy("d0".into(), "d1".into(), true),
            Step::Rename("f3".into(), "d1/f3".into()),
            Step::Trash("d0".into()),
            Step::Reopen,
            put("f4", 20),
            Step::Restore("d0".into(), "d2".into()),
            Step::SetCurrent("f0".into(), 1),
            Step::RemoveVersion("f0".into(), 2),
            Step::Delete("d1".into()),
            Step::Gc,
            Step::Compact,
            put("f5", 23),
        ],
    )
}

fn open(disk: &SimVfs, mode: Mode) -> holdall::Result<Drive> {
    Store::open_on(Arc::new(disk.clone()), options(mode))?.drive(DRIVE)
}

fn put_probe(drive: &Drive) -> holdall::Result<()> {
    drive.put(PROBE.0, &content::bytes(PROBE.1)[..], Put::new()).map(drop)
}

/// Takes the probe out of what is seen; it must be there if its put was acknowledged.
fn without_probe(mut view: View, acknowledged: bool) -> Result<View, String> {
    match view.tree.remove(PROBE.0) {
        Some(Seen::File { versions, .. }) => {
            if versions.values().any(|hash| *hash != content::hash(PROBE.1)) {
                return Err("the probe has other bytes".into());
            }
            view.files -= 1;
            view.bytes -= versions.len() as u64 * content::bytes(PROBE.1).len() as u64;
            Ok(view)
        }
        None if !acknowledged => Ok(view),
        _ => Err("the probe was acknowledged and is not there".into()),
    }
}

fn judge(script: &Script, acked: usize, disk: &SimVfs, probed: bool, when: &str) -> Result<Drive, String> {
    let drive = open(disk, script.mode).map_err(|error| format!("opening {when}: {error}"))?;
    let seen = View::of(&drive).map_err(|error| format!("reading {when}: {error}"))?;
    match script.judge(&without_probe(seen, probed)?, acked) {
        Some(why) => Err(format!("{when}: {why}")),
        None => Ok(drive),
    }
}

/// Collects what a failure may have left lying about, and checks the store.
fn tidy(script: &Script, acked: usize, drive: &Drive, disk: &SimVfs, when: &str) -> Result<(), String> {
    script.inspect(drive, disk, acked, true).map_err(|why| format!("{when}: {why}"))
}

/// Plays the scenario with a fault planted at one operation and looks at what is left: in the same
/// process, after a restart of it, and after power loss.
fn strike(script: &Script, disk: &SimVfs, policies: &[Policy]) -> Result<(), String> {
    let (acked, drive) = script.play_on(&(Arc::new(disk.clone()) as _));
    let failed = acked < script.steps.len();
    let killed = disk.copy();
    // The process lives on, the disk is well again.
    disk.clear_faults();
    let (mut probed, mut poisoned) = (false, false);
    if let Some(drive) = drive {
        match View::of(&drive).map(|view| script.judge(&view, acked)) {
            Ok(None) => {}
            Ok(Some(why)) => return Err(format!("in the same process: {why}")),
            Err(error) if error.kind() == ErrorKind::Poisoned => poisoned = true,
            Err(error) => return Err(format!("reading in the same process: {error}")),
        }
        probed = put_probe(&drive).is_ok();
        if !probed && !failed && !poisoned {
            return Err("nothing failed, and no more can be put".into());
        }
        let _ = drive.store().close();
    }
    for policy in policies {
        let found = disk.crash(*policy);
        let when = format!("after {policy:?}");
        let drive = judge(script, acked, &found, probed, &when)?;
        tidy(script, acked, &drive, &found, &when)?;
    }
    // The process died at the failure, and the next process opens the store before the power goes.
    let drive = judge(script, acked, &killed, false, "after a restart")?;
    tidy(script, acked, &drive, &killed, "after a restart")?;
    put_probe(&drive).map_err(|error| format!("putting after a restart: {error}"))?;
    for policy in policies {
        let found = killed.crash(*policy);
        judge(script, acked, &found, true, &format!("after a restart and {policy:?}"))?;
    }
    // Only now: to drop it before the crash would close the store.
    drop(drive);
    Ok(())
}

fn every_failure(mode: Mode, faults: &[Fault], lie: Option<Lie>) -> (u64, Vec<String>) {
    let templates = Templates::new(&|disk| Arc::new(disk));
    let script = scenario(mode);
    let whole = templates.disk(mode).copy();
    let (acked, _) = script.play_on(&(Arc::new(whole.clone()) as _));
    assert_eq!(acked, script.steps.len());
    let ops = whole.ops();
    let (mut points, mut failures) = (0, Vec::new());
    let settled = templates.disk(mode).copy();
    // The lie is about syncs.
    let answer = |op: &str| lie.is_none() || op.starts_with("sync data");
    for (index, op) in ops.iter().enumerate().filter(|(_, op)| answer(op)) {
        for fault in faults.iter().filter(|fault| fits(**fault, op)) {
            // What a failed sync leaves on the disk is a matter of chance.
            let chances = if op.starts_with("sync data") { 8 } else { 1 };
            for times in [Times::Once, Times::Always].repeat(chances) {
                let disk = settled.crash(Policy::KeepAll);
                disk.fail_at(index as u64, *fault, times);
                lie.into_iter().for_each(|lie| disk.lie(lie));
                points += 1;
                let outcome =
                    counting_panics(|| strike(&script, &disk, &[Policy::LoseAll, Policy::RandomSubset]));
                if let Err(why) = outcome {
                    failures.push(format!("{fault:?} {times:?} at {index} ({op}): {why}"));
                }
            }
        }
    }
    (points, failures)
}

fn fits(fault: Fault, op: &str) -> bool {
    let is = |verbs: &[&str]| verbs.iter().any(|verb| op.starts_with(verb));
    match fault {
        Fault::Enospc => is(&["create", "rename", "make dir", "write", "set len", "allocate"]),
        Fault::Emfile => is(&["open", "create", "list", "sync dir"]),
        Fault::ShortWrite => is(&["write"]),
        _ => true,
    }
}

fn none_lose_anything(mode: Mode, faults: &[Fault]) {
    let (points, failures) = every_failure(mode, faults, None);
    crate::figure(&format!("failing disk, {mode:?}, {faults:?}: {points} points, {} bad", failures.len()));
    let shown = failures.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {points} points:\n{shown}", failures.len());
}

#[test]
fn s3_an_io_error_anywhere_loses_nothing_exclusive() {
    none_lose_anything(Mode::Exclusive, &[Fault::Eio]);
}

#[test]
fn s3_an_io_error_anywhere_loses_nothing_shared() {
    none_lose_anything(Mode::Shared, &[Fault::Eio]);
}

#[test]
fn s4_s5_s6_a_full_disk_a_short_write_or_no_descriptor_loses_nothing() {
    for mode in [Mode::Exclusive, Mode::Shared] {
        none_lose_anything(mode, &[Fault::Enospc, Fault::ShortWrite, Fault::Emfile]);
    }
}

#[test]
fn control_a_failed_sync_that_nobody_sees_is_a_loss() {
    let (points, failures) = every_failure(Mode::Exclusive, &[Fault::Eio], Some(Lie::IgnoreFailedSync));
    assert!(!failures.is_empty(), "{points} points");
    crate::figure(&format!("control: failed syncs overlooked, {} of {points} points bad", failures.len()));
}

/// Puts a folder of two files, and does to it what deletes it while the operation of an index fails.
/// Returns what that said and whether the folder is gone; none where there are not so many operations.
fn deletes_with_a_failure(delete: fn(&Drive) -> holdall::Result<()>, index: u64) -> Option<String> {
    let disk = SimVfs::new(1);
    let drive = open(&disk, Mode::Shared).unwrap();
    drive.put("d/f", &b"content"[..], Put::new()).unwrap();
    drive.put("d/g", &b"other"[..], Put::new()).unwrap();
    let begun = disk.op_count();
    disk.fail_at(begun + index, Fault::Eio, Times::Once);
    let said = delete(&drive);
    if index >= disk.op_count() - begun {
        return None;
    }
    drop(drive);
    let drive = open(&disk, Mode::Shared).unwrap();
    let is_gone = drive.list("d", None, 10).is_err() && drive.list_trash(None, 10).unwrap().is_empty();
    drive.store().gc().unwrap();
    let left = drive.info().unwrap().files;
    Some(match said {
        Ok(()) if !is_gone => "it said that it was done, and it was not".to_owned(),
        Err(error) if is_gone && !error.to_string().contains("whether the change holds") => {
            format!("it was done, and it said: {error}")
        }
        _ if left != if is_gone { 0 } else { 2 } => format!("{left} files are counted, gone: {is_gone}"),
        _ => String::new(),
    })
}

#[test]
fn a_deletion_that_fails_has_not_deleted() {
    let empty = |drive: &Drive| {
        drive.trash("d")?;
        drive.empty_trash(holdall::Time(i64::MAX)).map(drop)
    };
    let deletions: [fn(&Drive) -> holdall::Result<()>; 2] = [|drive| drive.delete("d"), empty];
    for (number, delete) in deletions.into_iter().enumerate() {
        let said: Vec<String> = (0..).map_while(|index| deletes_with_a_failure(delete, index)).collect();
        let wrong: Vec<_> = said.iter().enumerate().filter(|(_, why)| !why.is_empty()).collect();
        assert!(said.len() > 10 && wrong.is_empty(), "{number}: of {} failures {wrong:#?}", said.len());
    }
}
