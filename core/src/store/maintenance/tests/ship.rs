//! A store that is shipped is restored as it was, whatever is killed, damaged or set back on the way. The objects
//! are in memory; `tests/remote` has servers.

use object_store::memory::InMemory;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::super::ship::restore_over;
use super::*;
use crate::blobs::object::ObjectOptions;
use crate::store::Shipper;
use crate::store::maintenance::planted::{self, PlantedFault};
use crate::{Error, ErrorKind, Result};

const LONG: Duration = Duration::from_secs(24 * 3600);

/// Object storage, with a directory for what lies on the machine.
struct Bucket {
    memory: Arc<InMemory>,
    dir: tempfile::TempDir,
    restores: std::cell::Cell<u32>,
}

impl Bucket {
    fn new() -> Bucket {
        Bucket {
            memory: Arc::new(InMemory::new()),
            dir: tempfile::tempdir().unwrap(),
            restores: std::cell::Cell::new(0),
        }
    }

    fn options(&self) -> ObjectOptions {
        let short = Duration::from_millis(500);
        ObjectOptions {
            memory: Some(self.memory.clone()),
            patience: short,
            longest_upload: short,
            ..ObjectOptions::new("bucket", self.dir.path().join("cache"))
        }
    }

    /// Ships with small pieces, and a base for every third shipment.
    fn shipper(&self, store: &Store, keep: Duration) -> Shipper {
        let mut shipper = store.shipper_over(self.options(), keep).unwrap();
        shipper.limits.piece = 20_000;
        shipper.limits.inline = 50_000;
        shipper.limits.base_shipments = 3;
        shipper
    }

    fn restore(&self, until: Option<Time>) -> Result<Store> {
        let number = self.restores.get() + 1;
        self.restores.set(number);
        let dir = self.dir.path().join(format!("restored-{number}"));
        restore_over(self.options(), &dir, until, &mut quiet)?;
        Store::open(dir, options().create(false))
    }

    fn objects(&self) -> Vec<object_store::path::Path> {
        use futures_util::TryStreamExt as _;
        let listed = self.memory.list(None).map_ok(|meta| meta.location);
        run(listed.try_collect::<Vec<_>>()).unwrap()
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn quiet(_: crate::Progress) -> Result<()> {
    Ok(())
}

fn same(one: &Store, other: &Store) -> bool {
    rows(one) == rows(other) && everything(one) == everything(other)
}

fn put(store: &Store, name: &str, len: usize) {
    let seed = name.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    store.drive("alice").unwrap().put(name, content(seed, len).as_slice(), Put::new()).unwrap();
}

#[test]
fn what_was_shipped_is_restored_to_the_row() {
    everywhere(|home, mode| {
        let (bucket, store) = (Bucket::new(), home.open(mode));
        let mut shipper = bucket.shipper(&store, LONG);
        fill(&store);
        assert!(shipper.ship(&mut quiet).unwrap().contents >= 4);
        assert!(same(&store, &bucket.restore(None).unwrap()));
        for round in 0..8 {
            for n in 0..6 {
                put(&store, &format!("round{round}/{n}"), 1000 + 9000 * n);
            }
            thin_out_again(&store, round);
            let report = shipper.ship(&mut quiet).unwrap();
            assert!(report.failed.is_empty(), "{:?}", report.failed);
            let again = shipper.ship(&mut quiet).unwrap();
            assert_eq!((again.lsn, again.log_bytes, again.contents), (report.lsn, 0, 0), "nothing is new");
        }
        let restored = bucket.restore(None).unwrap();
        assert!(same(&store, &restored));
        assert_sound(&restored);
        // It goes on where the other was, and is shipped to the same place.
        drop(shipper);
        store.close().unwrap();
        put(&restored, "on another machine", 2000);
        let mut shipper = bucket.shipper(&restored, LONG);
        shipper.ship(&mut quiet).unwrap();
        assert!(same(&restored, &bucket.restore(None).unwrap()));
    });
}

/// Deletes, collects and compacts, so that segments and large contents go.
fn thin_out_again(store: &Store, round: u64) {
    let drive = store.drive("alice").unwrap();
    if round == 2 {
        thin_out(store);
    }
    if round > 2 {
        for n in 0..5 {
            // Not all rounds have so many.
            let _ = drive.delete(&format!("round{}/{n}", round - 3));
        }
    }
    store.gc_at(later()).unwrap();
}

/// Ships again and again, cut off after the first, the second and every later step; returns what was restored
/// after each, if anything.
fn ship_with_kills(bucket: &Bucket, store: &Store) -> Vec<Result<Rows>> {
    let mut restored = Vec::new();
    for limit in 1.. {
        put(store, &format!("before kill {limit}"), 3000);
        put(store, &format!("large before kill {limit}"), 20_000);
        let mut shipper = bucket.shipper(store, LONG);
        let mut steps = 0;
        let shipped = shipper.ship(&mut |_| {
            steps += 1;
            if steps < limit { Ok(()) } else { Err(Error::new(ErrorKind::Denied, "killed")) }
        });
        restored.push(bucket.restore(None).map(|store| rows(&store)));
        match shipped {
            Ok(_) => return restored,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Denied, "{error}"),
        }
    }
    restored
}

#[test]
fn who_is_killed_goes_on_and_nothing_half_is_ever_restored() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let ((_, home), bucket) = (Home::simulated(), Bucket::new());
        let store = home.open(mode);
        fill(&store);
        let mut before = ship_with_kills(&bucket, &store);
        assert!(before.len() > 10, "{}", before.len());
        assert_eq!(before.pop().unwrap().unwrap(), rows(&store));
        // Nothing was whole until then.
        for (n, restored) in before.into_iter().enumerate() {
            assert_eq!(restored.unwrap_err().kind(), ErrorKind::NotFound, "kill {n}");
        }
        let first = rows(&store);
        let mut seen = ship_with_kills(&bucket, &store);
        assert_eq!(seen.pop().unwrap().unwrap(), rows(&store));
        assert!(seen.into_iter().all(|restored| restored.unwrap() == first), "the state of before, wholly");
    }
}

#[test]
fn kills_would_show_a_shipment_that_speaks_of_what_is_not_there() {
    let ((_, home), bucket) = (Home::simulated(), Bucket::new());
    let store = home.open(Mode::Shared);
    fill(&store);
    let seen = planted::with(PlantedFault::SpeaksFirst, || ship_with_kills(&bucket, &store));
    assert!(
        seen.iter()
            .any(|restored| { restored.as_ref().is_err_and(|error| error.kind() == ErrorKind::Corrupt) })
    );
}

/// Ships a store nine times, with changes in between; returns when it was as what, and whether it was just shipped.
fn shipped_states(bucket: &Bucket, collects: bool) -> Vec<(Time, Rows, bool)> {
    let (_, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    let mut shipper = bucket.shipper(&store, LONG);
    fill(&store);
    let mut states = Vec::new();
    let mut note = |store: &Store, shipped| {
        std::thread::sleep(Duration::from_millis(2));
        states.push((Time::now(), rows(store), shipped));
        std::thread::sleep(Duration::from_millis(2));
    };
    for round in 0..9 {
        shipper.ship(&mut quiet).unwrap();
        note(&store, true);
        for n in 0..3 {
            put(&store, &format!("round{round}/{n}"), 1000 + 9000 * n);
            note(&store, false);
        }
        match collects {
            true => thin_out_again(&store, round),
            false => drop(store.drive("alice").unwrap().delete(&format!("dir1/file{}", 4 * round + 9))),
        }
        note(&store, false);
    }
    shipper.ship(&mut quiet).unwrap();
    states
}

#[test]
fn a_store_is_restored_as_it_was_at_any_time_also_between_two_shipments() {
    let (bucket, early) = (Bucket::new(), Time::now());
    std::thread::sleep(Duration::from_millis(2));
    let states = shipped_states(&bucket, false);
    assert_eq!(states.len(), 45);
    for (n, (time, then, _)) in states.iter().enumerate() {
        let restored = bucket.restore(Some(*time)).unwrap_or_else(|error| panic!("state {n}: {error}"));
        assert!(rows(&restored) == *then, "state {n}");
    }
    assert_eq!(bucket.restore(Some(early)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn where_the_log_was_compacted_meanwhile_a_store_is_restored_as_it_was_shipped() {
    let bucket = Bucket::new();
    let states = shipped_states(&bucket, true);
    let mut whole = 0;
    for (n, (time, then, shipped)) in states.iter().enumerate() {
        // Its content is checked by the restore.
        let restored = bucket.restore(Some(*time)).unwrap_or_else(|error| panic!("state {n}: {error}"));
        let same = rows(&restored) == *then;
        assert!(same || !shipped, "state {n}");
        whole += usize::from(same);
    }
    assert!(whole >= 18, "{whole}");
}

/// Ships, damages one object after the other, and returns for each what a restore gave.
fn restored_from_damage(bucket: &Bucket, damage: impl Fn(&mut Vec<u8>)) -> Vec<(String, Result<Rows>)> {
    let mut seen = Vec::new();
    for key in bucket.objects() {
        let got = run(async { bucket.memory.get(&key).await.unwrap().bytes().await.unwrap() });
        let mut bytes = got.to_vec();
        damage(&mut bytes);
        run(bucket.memory.put(&key, bytes.into())).unwrap();
        let restored = bucket.restore(None).map(|store| rows(&store));
        seen.push((key.to_string(), restored));
        run(bucket.memory.put(&key, got.into())).unwrap();
    }
    seen
}

fn shipped_in_parts(bucket: &Bucket) -> Rows {
    let (_, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    let mut shipper = bucket.shipper(&store, LONG);
    for name in ["first", "second", "third"] {
        put(&store, name, 3000);
        put(&store, &format!("large {name}"), 20_000);
        shipper.ship(&mut quiet).unwrap();
    }
    rows(&store)
}

#[test]
fn damage_to_any_object_is_found_or_does_no_harm() {
    let bucket = Bucket::new();
    let sound = shipped_in_parts(&bucket);
    type Harm = fn(&mut Vec<u8>);
    let harms: [Harm; 4] = [
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| *bytes.first_mut().unwrap() ^= 1,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x80;
        },
        |bytes| bytes.truncate(bytes.len() - 1),
    ];
    for (harm, damage) in harms.into_iter().enumerate() {
        let seen = restored_from_damage(&bucket, damage);
        assert!(seen.len() > 6);
        for (key, restored) in seen {
            match restored {
                Ok(restored) => assert!(restored == sound, "harm {harm} of {key}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "harm {harm} of {key}: {error}"),
            }
        }
    }
    for key in bucket.objects() {
        let got = run(async { bucket.memory.get(&key).await.unwrap().bytes().await.unwrap() });
        run(bucket.memory.delete(&key)).unwrap();
        match bucket.restore(None) {
            // Without the newest shipment the one before is the newest.
            Ok(restored) => assert!(rows(&restored) == sound || key.as_ref().starts_with("m/"), "{key}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{key}: {error}"),
        }
        run(bucket.memory.put(&key, got.into())).unwrap();
    }
}

#[test]
fn damage_would_be_restored_by_who_trusts_the_objects() {
    let bucket = Bucket::new();
    let sound = shipped_in_parts(&bucket);
    let seen = planted::with(PlantedFault::TrustsObjects, || {
        restored_from_damage(&bucket, |bytes| {
            let end = bytes.len().saturating_sub(100);
            bytes[end] ^= 1;
        })
    });
    assert!(seen.into_iter().any(|(_, restored)| restored.is_ok_and(|restored| restored != sound)));
}

/// Ships a store, and then one that was set back to before, and has written something else since.
fn ship_set_back(bucket: &Bucket) -> Result<()> {
    let (disk, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    fill(&store);
    bucket.shipper(&store, LONG).ship(&mut quiet)?;
    let earlier = Home::on(disk.copy());
    put(&store, "what is lost", 3000);
    bucket.shipper(&store, LONG).ship(&mut quiet)?;
    let earlier = earlier.open(Mode::Shared);
    for n in 0..3 {
        put(&earlier, &format!("what is put instead {n}"), 3000);
    }
    bucket.shipper(&earlier, LONG).ship(&mut quiet).map(drop)
}

#[test]
fn a_store_that_was_set_back_or_is_another_one_is_not_shipped_over_what_is_there() {
    let bucket = Bucket::new();
    assert_eq!(ship_set_back(&bucket).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let restored = bucket.restore(None).unwrap();
    assert!(restored.drive("alice").unwrap().stat("what is lost").is_ok());
    let (_, home) = Home::simulated();
    let other = home.open(Mode::Shared);
    put(&other, "other", 10);
    let refused = bucket.shipper(&other, LONG).ship(&mut quiet).unwrap_err();
    assert!(refused.kind() == ErrorKind::InvalidArgument && refused.to_string().contains("another store"));
}

#[test]
fn a_store_that_was_set_back_would_be_shipped_without_the_look_at_its_sessions() {
    let bucket = Bucket::new();
    let shipped = planted::with(PlantedFault::ShipsWhatWasSetBack, || ship_set_back(&bucket));
    let lost = bucket.restore(None).and_then(|store| store.drive("alice")?.stat("what is lost"));
    assert!(shipped.is_ok() && lost.is_err(), "{shipped:?}");
}

#[test]
fn of_two_that_ship_to_one_place_one_is_refused_and_nothing_is_lost() {
    let ((_, home), bucket) = (Home::simulated(), Bucket::new());
    let store = home.open(Mode::Shared);
    fill(&store);
    let mut shippers = [bucket.shipper(&store, LONG), bucket.shipper(&store, LONG)];
    let mut refused = 0;
    for round in 0..8 {
        put(&store, &format!("round{round}"), 3000);
        put(&store, &format!("large round{round}"), 20_000);
        for shipper in &mut shippers {
            put(&store, "between", 500);
            match shipper.ship(&mut quiet) {
                Ok(report) => assert!(report.failed.is_empty()),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
                    refused += 1;
                    shipper.ship(&mut quiet).unwrap();
                }
            }
            assert!(same(&store, &bucket.restore(None).unwrap()));
        }
    }
    assert!(refused > 5, "{refused}");
}

/// Ships a store from which content goes; returns the time and rows of when it was there.
fn ship_what_goes(bucket: &Bucket, store: &Store, keep: Duration) -> (Time, Rows) {
    let mut shipper = bucket.shipper(store, keep);
    fill(store);
    shipper.ship(&mut quiet).unwrap();
    std::thread::sleep(Duration::from_millis(2));
    let then = (Time::now(), rows(store));
    std::thread::sleep(Duration::from_millis(2));
    thin_out(store);
    store.gc_at(later()).unwrap();
    // Old enough to be taken for left behind.
    std::thread::sleep(Duration::from_millis(1100));
    for n in 0..12 {
        put(store, &format!("later {n}"), 30_000);
        let report = shipper.ship(&mut quiet).unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
    }
    then
}

#[test]
fn what_goes_in_the_store_stays_for_as_long_as_it_is_to_be_kept() {
    let ((_, home), bucket) = (Home::simulated(), Bucket::new());
    let store = home.open(Mode::Shared);
    let (then, rows_then) = ship_what_goes(&bucket, &store, LONG);
    assert!(rows(&bucket.restore(Some(then)).unwrap()) == rows_then);
    assert!(same(&store, &bucket.restore(None).unwrap()));
    let kept = bucket.objects().len();

    let ((_, home), bucket) = (Home::simulated(), Bucket::new());
    let store = home.open(Mode::Shared);
    let (then, _) = ship_what_goes(&bucket, &store, Duration::ZERO);
    assert!(bucket.objects().len() + 10 < kept, "{} of {kept}", bucket.objects().len());
    assert!(same(&store, &bucket.restore(None).unwrap()));
    assert_eq!(bucket.restore(Some(then)).unwrap_err().kind(), ErrorKind::NotFound);

    let ((_, home), bucket) = (Home::simulated(), Bucket::new());
    let store = home.open(Mode::Shared);
    let (then, _) = planted::with(PlantedFault::KeepsNothing, || ship_what_goes(&bucket, &store, LONG));
    assert!(bucket.restore(Some(then)).is_err(), "what is removed too early is missed");
}

/// Ships a store behind whose log lies a group that its process died in, before its rows were committed; returns
/// whether the restored store has it.
fn ship_unpublished(bucket: &Bucket) -> bool {
    let (disk, home) = Home::simulated();
    let ahead = home.open(Mode::Shared);
    put(&ahead, "published", 3000);
    let behind = Home::on(disk.copy());
    // Opened first, as an opening voids what lies there.
    let store = behind.open(Mode::Shared);
    put(&ahead, "unpublished", 3000);
    for path in behind.files("seg") {
        let from = home.vfs.open(&path, crate::vfs::Open::Read).unwrap();
        let to = behind.vfs.open(&path, crate::vfs::Open::Write).unwrap();
        let mut bytes = vec![0; usize::try_from(from.len().unwrap()).unwrap()];
        from.read_at(0, &mut bytes).unwrap();
        to.write_at(0, &[&bytes]).unwrap();
    }
    bucket.shipper(&store, LONG).ship(&mut quiet).unwrap();
    let restored = bucket.restore(None).unwrap();
    restored.drive("alice").unwrap().stat("unpublished").is_ok()
}

#[test]
fn what_was_never_published_is_not_shipped() {
    assert!(!ship_unpublished(&Bucket::new()));
    assert!(
        planted::with(PlantedFault::ShipsUnpublished, || ship_unpublished(&Bucket::new())),
        "it could be"
    );
}

#[test]
fn damage_in_the_store_is_said_and_holds_nothing_else_up() {
    let ((_, home), bucket) = (Home::simulated(), Bucket::new());
    let store = home.open(Mode::Shared);
    fill(&store);
    let large = home.large_files().pop().unwrap();
    home.vfs.open(&large, crate::vfs::Open::Write).unwrap().write_at(9, &[b"damage"]).unwrap();
    let mut shipper = bucket.shipper(&store, LONG);
    for n in 0..2 {
        put(&store, &format!("sound {n}"), 20_000);
        let report = shipper.ship(&mut quiet).unwrap();
        assert_eq!(report.failed.len(), 1, "{:?}", report.failed);
    }
    let refused = bucket.restore(None).unwrap_err();
    assert!(
        refused.kind() == ErrorKind::Corrupt && refused.to_string().contains("was not shipped"),
        "{refused}"
    );
}
