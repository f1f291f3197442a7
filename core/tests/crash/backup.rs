//! Power loss while a backup is made: the earlier backup is whole until the new one is, and a first
//! one that was cut off is not a store. Row S1 of the reliability table.

use std::sync::Arc;

use holdall::vfs::{Fault, Policy, SimVfs, Times, Vfs};
use holdall::{CheckOptions, Error, ErrorKind, Mode, Put, Store};

use crate::model::{Model, View};
use crate::power::{DRIVE, Script, Wrap, counting_panics, options};
use crate::rng::Rng;

/// Lengths of the script at which a backup is made, one after the other in the same place.
const BACKUPS: usize = 3;

/// What the states of some seeds came to.
#[derive(Default)]
pub struct Outcome {
    pub states: u64,
    pub failures: Vec<String>,
}

/// A script with backups in it, and the target that they were made on.
struct Played {
    target: SimVfs,
    /// The drive as it was at each backup that was acknowledged.
    acked: Vec<Model>,
    /// As it was at the one that failed.
    under_way: Option<Model>,
}

/// Plays the script on a disk that is never cut, and backs it up on one that may be.
fn play(script: &Script, target: SimVfs, wrap: &Wrap) -> Result<Played, String> {
    let says = |error: holdall::Error| error.to_string();
    let source: Arc<dyn Vfs> = Arc::new(SimVfs::new(1));
    let drive = Store::open_on(source, options(script.mode)).map_err(says)?.drive(DRIVE).map_err(says)?;
    let onto = wrap(target.clone());
    let mut played = Played { target, acked: Vec::new(), under_way: None };
    let stride = script.steps.len().div_ceil(BACKUPS).max(1);
    for (number, step) in script.steps.iter().enumerate() {
        step.run(&drive).map_err(says)?;
        if (number + 1) % stride == 0 || number + 1 == script.steps.len() {
            let model = script.models[number + 1].clone();
            if drive.store().backup_on(&onto, &mut |_| Ok(())).is_err() {
                played.under_way = Some(model);
                break;
            }
            played.acked.push(model);
        }
    }
    Ok(played)
}

/// Opens what a power loss left of a backup, and holds it to the models.
fn look(played: &Played, disk: SimVfs, mode: Mode) -> Result<(), String> {
    let says = |error: holdall::Error| error.to_string();
    let made = disk.files().contains_key("STORE");
    let newest = played.acked.last();
    if !made {
        return match newest {
            None => Ok(()),
            Some(_) => Err("an acknowledged backup is not a store any more".into()),
        };
    }
    let store = Store::open_on(Arc::new(disk), options(mode)).map_err(says)?;
    let seen = View::of(&store.drive(DRIVE).map_err(says)?).map_err(says)?;
    let wanted: Vec<View> = newest.into_iter().chain(&played.under_way).map(Model::view).collect();
    if !wanted.contains(&seen) {
        let near = wanted.last().map(|view| seen.differs(view)).unwrap_or_default();
        return Err(format!("the backup is none that was made: {near}"));
    }
    let report = store.check(CheckOptions::new().content(true)).map_err(says)?;
    if report.problems.is_empty() && report.damaged.is_empty() {
        return Ok(());
    }
    Err(format!("the check of the backup found {:?}, {:?}", report.problems, report.damaged))
}

/// Backs scripts up, cuts the power of the target each time, and looks at what is left.
pub fn explore(first: u64, states: u64, wrap: &Wrap) -> Outcome {
    let mut outcome = Outcome::default();
    for seed in first.. {
        if outcome.states >= states || !outcome.failures.is_empty() {
            break;
        }
        let mut rng = Rng::new(seed);
        let script = Script::draw(&mut rng);
        let whole = match play(&script, SimVfs::new(seed), wrap) {
            Ok(played) => played,
            Err(why) => {
                outcome.failures.push(format!("HOLDALL_SEED={seed}: {why}"));
                break;
            }
        };
        let len = whole.target.op_count();
        for number in 0..12 {
            let target = SimVfs::new(seed);
            // The first cut is after the last operation.
            let cut = if number == 0 { len } else { rng.below(len) };
            target.power_cut_at(cut);
            let Ok(played) = play(&script, target, wrap) else { continue };
            for policy in Policy::ALL {
                let disk = played.target.crash(policy);
                outcome.states += 1;
                if let Err(why) = counting_panics(|| look(&played, disk, script.mode)) {
                    outcome.failures.push(format!(
                        "HOLDALL_SEED={seed}, {policy:?}, power cut at operation {cut} of {len}, after {} backups: {why}",
                        played.acked.len()
                    ));
                }
            }
        }
    }
    outcome
}

#[test]
fn s1_power_loss_during_a_backup_leaves_the_earlier_one_or_the_new_one() {
    let Outcome { states, failures } = explore(1, 3000, &|disk| Arc::new(disk));
    crate::figure(&format!("power loss while a backup is made: {states} states, {} bad", failures.len()));
    assert!(states >= 3000);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_backup_makes_durable_what_one_that_was_cut_off_left() {
    let source: Arc<dyn Vfs> = Arc::new(SimVfs::new(1));
    let drive = Store::open_on(source, options(Mode::Shared)).unwrap().drive(DRIVE).unwrap();
    for number in 0..3_u8 {
        drive.put(&format!("f{number}"), &vec![number; 9000][..], Put::new()).unwrap();
    }
    let target = SimVfs::new(2);
    let onto: Arc<dyn Vfs> = Arc::new(target.clone());
    let mut steps = 0;
    let cut = drive.store().backup_on(&onto, &mut |_| {
        steps += 1;
        if steps < 3 { Ok(()) } else { Err(Error::new(ErrorKind::Io, "the process ends")) }
    });
    assert!(cut.is_err());
    drive.store().backup_on(&onto, &mut |_| Ok(())).unwrap();
    let copy = Store::open_on(Arc::new(target.crash(Policy::LoseAll)), options(Mode::Shared)).unwrap();
    let report = copy.check(CheckOptions::new().content(true)).unwrap();
    assert!(report.damaged.is_empty(), "{:?}", report.damaged);
}

#[test]
fn a_copy_that_was_written_to_is_refused_though_it_cannot_be_read() {
    let open = |disk: &SimVfs| Store::open_on(Arc::new(disk.clone()), options(Mode::Shared)).unwrap();
    let drive = open(&SimVfs::new(1)).drive(DRIVE).unwrap();
    drive.put("f", &b"content"[..], Put::new()).unwrap();
    let back_up = |disk: &SimVfs| {
        let onto: Arc<dyn Vfs> = Arc::new(disk.clone());
        drive.store().backup_on(&onto, &mut |_| Ok(())).map(drop)
    };
    let copy = SimVfs::new(2);
    back_up(&copy).unwrap();
    open(&copy).drive(DRIVE).unwrap().put("g", &b"other"[..], Put::new()).unwrap();
    let copy = copy.crash(Policy::KeepAll);
    let mut failures = 0;
    for index in 0.. {
        let disk = copy.copy();
        let begun = disk.op_count();
        disk.fail_at(begun + index, Fault::Eio, Times::Once);
        assert!(back_up(&disk).is_err(), "operation {index} failed, and the backup was made");
        if index >= disk.op_count() - begun {
            break;
        }
        let kept = open(&disk).drive(DRIVE).unwrap();
        assert!(kept.open_file("g").is_ok(), "operation {index} failed, and the copy was replaced");
        failures += 1;
    }
    assert!(failures > 10, "{failures} operations");
}
