//! What every driver must pass: links, shares and archives.

use std::sync::Barrier;
use std::thread;

use crate::catalog::counter::{self, Counter};
use crate::catalog::record::{ArchiveRecord, FileRecord, Kind, MemberRecord, Owner, Record, ShareRecord};
use crate::catalog::share::Terms;
use crate::catalog::{archive, dump, link, row, share, table};
use crate::id::{ArchiveId, BlobId, DriveId, FileId, LinkId, ShareId};
use crate::kv::{Commit, Kv, Read, Write};
use crate::time::Time;
use crate::{ErrorKind, Result};

/// Makes `run`, for any driver, and one test of each case over the driver in memory.
macro_rules! cases {
    ($($name:ident)*) => {
        /// Runs every case, each over a new store.
        pub(crate) fn run<K: crate::kv::Kv>(make: impl Fn() -> K) {
            $($name(&make());)*
        }

        mod memory {
            $(#[test]
            fn $name() {
                super::$name(&crate::kv::memory::MemoryKv::default());
            })*
        }
    };
}
pub(crate) use cases;

/// Writes in one transaction, committed when the work succeeds.
pub(crate) fn write<K: Kv, R>(kv: &K, work: impl FnOnce(&mut K::Writer) -> Result<R>) -> Result<R> {
    let mut writer = kv.writer()?;
    let done = work(&mut writer)?;
    kv.commit(writer, Commit::Synced)?;
    Ok(done)
}

/// Asserts that the work fails with `kind` and that its transaction has nothing in it even so.
pub(crate) fn refused<K: Kv, R>(kv: &K, kind: ErrorKind, work: impl FnOnce(&mut K::Writer) -> Result<R>) {
    let mut writer = kv.writer().unwrap();
    let before = rows(&writer);
    let error = work(&mut writer).err().expect("the work was to be refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(rows(&writer) == before, "a refused call wrote rows");
}

/// Every row there is.
pub(crate) fn rows(tx: &impl Read) -> Vec<(u8, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    dump::dump(tx, &mut |table, key, value| {
        rows.push((table.byte, key.to_vec(), value.to_vec()));
        Ok(())
    })
    .unwrap();
    rows
}

const FILE: FileId = FileId(10);
const FOLDER: FileId = FileId(11);
const NOBODY: FileId = FileId(99);
const NOW: Time = Time(1_000_000);

fn rename<K: Kv>(kv: &K, file: FileId, kind: Kind, name: &str) {
    let record = FileRecord {
        drive: DriveId(1),
        parent: Some(FileId(2)),
        name: name.into(),
        kind,
        current: 1,
        next: 2,
        created: NOW,
        modified: NOW,
        attributes: Default::default(),
        revocations: 0,
        trashed: None,
        dated: NOW.unix(),
    };
    write(kv, |tx| row::put(tx, table::FILE, &file.to_key(), &record)).unwrap();
}

fn with_files<K: Kv>(kv: &K) {
    rename(kv, FILE, Kind::File, "a.pdf");
    rename(kv, FOLDER, Kind::Folder, "photos");
}

fn shared<K: Kv>(kv: &K, id: u64, terms: Terms) -> ShareId {
    with_files(kv);
    write(kv, |tx| share::create(tx, ShareId(id), FILE, terms, NOW)).unwrap().id
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error was expected").kind()
}

cases! {
    a_link_is_made_once_for_a_file_a_name_and_a_pace
    a_link_to_what_is_no_file_is_refused
    a_link_counts_is_listed_and_deleted
    t15_a_share_is_checked_at_each_entry
    a_wrong_password_is_denied
    a_share_that_serves_nobody_is_refused
    a_share_is_revoked_listed_and_deleted
    a_download_limit_holds_to_the_last_one
    races_never_pass_a_download_limit
    control_a_count_outside_the_transaction_passes_the_limit
    s10_a_damaged_row_is_corrupt_and_a_later_one_unsupported
    an_archive_is_seen_once_it_is_published
    a7_the_members_of_a_big_archive_come_back_in_order
    a_part_that_fits_no_row_is_refused
    an_archive_with_a_part_missing_is_neither_published_nor_read
    archives_expire_in_bounded_steps
    an_archive_cut_off_in_its_making_is_removed_after_a_day
}

fn a_link_is_made_once_for_a_file_a_name_and_a_pace<K: Kv>(kv: &K) {
    with_files(kv);
    let make = |id, pace| write(kv, |tx| link::create(tx, LinkId(id), FILE, pace, NOW)).unwrap();
    let first = make(20, 0);
    assert_eq!((first.id, first.name.as_str(), first.created), (LinkId(20), "a.pdf", NOW));
    assert_eq!(make(21, 0), first);
    assert_eq!(make(22, 500).id, LinkId(22));
    rename(kv, FILE, Kind::File, "b.pdf");
    let renamed = make(23, 0);
    assert_eq!((renamed.id, renamed.name.as_str()), (LinkId(23), "b.pdf"));
    let reader = kv.reader().unwrap();
    assert_eq!(link::get(&reader, LinkId(20)).unwrap().name, "a.pdf");
    assert_eq!(link::find(&reader, FILE, "a.pdf", 500).unwrap().unwrap().id, LinkId(22));
    assert_eq!(link::find(&reader, FILE, "c.pdf", 0).unwrap(), None);
    let ids: Vec<_> = link::list(&reader, FILE).unwrap().iter().map(|link| link.id.0).collect();
    assert_eq!(ids, [20, 22, 23]);
}

fn a_link_to_what_is_no_file_is_refused<K: Kv>(kv: &K) {
    with_files(kv);
    write(kv, |tx| link::create(tx, LinkId(20), FILE, 0, NOW)).unwrap();
    refused(kv, ErrorKind::NotFound, |tx| link::create(tx, LinkId(30), NOBODY, 0, NOW));
    refused(kv, ErrorKind::InvalidArgument, |tx| link::create(tx, LinkId(30), FOLDER, 0, NOW));
    refused(kv, ErrorKind::Exists, |tx| link::create(tx, LinkId(20), FILE, 7, NOW));
    refused(kv, ErrorKind::NotFound, |tx| link::count_download(tx, LinkId(30)));
    refused(kv, ErrorKind::NotFound, |tx| link::delete(tx, LinkId(30)));
    assert_eq!(kind(link::get(&kv.reader().unwrap(), LinkId(30))), ErrorKind::NotFound);
}

fn a_link_counts_is_listed_and_deleted<K: Kv>(kv: &K) {
    with_files(kv);
    let empty = rows(&kv.reader().unwrap());
    for id in [20, 21, 22] {
        write(kv, |tx| link::create(tx, LinkId(id), FILE, id, NOW)).unwrap();
    }
    for _ in 0..3 {
        write(kv, |tx| link::count_download(tx, LinkId(21))).unwrap();
    }
    let links = link::list(&kv.reader().unwrap(), FILE).unwrap();
    assert_eq!(links.iter().map(|link| link.downloads).collect::<Vec<_>>(), [0, 3, 0]);
    write(kv, |tx| link::delete(tx, LinkId(21))).unwrap();
    assert_eq!(kind(link::get(&kv.reader().unwrap(), LinkId(21))), ErrorKind::NotFound);
    for expected in [1, 1, 0] {
        assert_eq!(write(kv, |tx| link::delete_all(tx, FILE, 1)).unwrap(), expected);
    }
    assert!(rows(&kv.reader().unwrap()) == empty);
}

fn t15_a_share_is_checked_at_each_entry<K: Kv>(kv: &K) {
    let password = share::hash_password("sesame", [1; 16]).unwrap();
    let expires = Time(2_000_000);
    let terms = Terms {
        expires: Some(expires),
        password: Some(password),
        max_downloads: Some(1),
        purchase: true,
        created: Some(Time(3)),
    };
    let id = shared(kv, 40, terms);
    let enter = |password, now| share::enter(&kv.reader().unwrap(), id, password, now);
    let info = enter(Some("sesame"), Time(1_999_999)).unwrap();
    assert_eq!((info.file, info.drive, info.created), (FILE, DriveId(1), Time(3)));
    assert!(info.has_password && info.purchase);
    assert_eq!((info.expires, info.max_downloads, info.downloads), (Some(expires), Some(1), 0));
    // The password that was right once is asked for again.
    assert_eq!(kind(enter(None, NOW)), ErrorKind::Denied);
    // From the expiry on nobody is let in, to enter or to download.
    assert_eq!(kind(enter(Some("sesame"), expires)), ErrorKind::Expired);
    refused(kv, ErrorKind::Expired, |tx| share::count_download(tx, id, expires));
    // The limit shuts the entry too.
    assert_eq!(write(kv, |tx| share::count_download(tx, id, NOW)).unwrap().downloads, 1);
    assert_eq!(kind(enter(Some("sesame"), NOW)), ErrorKind::Gone);
    write(kv, |tx| share::delete(tx, id)).unwrap();
    assert_eq!(kind(enter(Some("sesame"), NOW)), ErrorKind::NotFound);
}

fn a_wrong_password_is_denied<K: Kv>(kv: &K) {
    let password = share::hash_password("sesame", [1; 16]).unwrap();
    let id = shared(kv, 40, Terms { password: Some(password), ..Terms::default() });
    let open = write(kv, |tx| share::create(tx, ShareId(41), FILE, Terms::default(), NOW)).unwrap();
    let reader = kv.reader().unwrap();
    for wrong in ["", "Sesame", "sesame ", "sesam", "\0"] {
        let error = share::enter(&reader, id, Some(wrong), NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{wrong:?}");
        assert!(wrong.is_empty() || !error.to_string().contains(wrong));
    }
    assert_eq!(share::enter(&reader, id, Some("sesame"), NOW).unwrap().id, id);
    assert!(!share::enter(&reader, open.id, Some("whatever"), NOW).unwrap().has_password);
    assert!(share::enter(&reader, open.id, None, Time(i64::MAX)).is_ok());
}

fn a_share_that_serves_nobody_is_refused<K: Kv>(kv: &K) {
    shared(kv, 40, Terms::default());
    let create = |id, file, terms| move |tx: &mut K::Writer| share::create(tx, ShareId(id), file, terms, NOW);
    let over = Terms { expires: Some(NOW), ..Terms::default() };
    refused(kv, ErrorKind::InvalidArgument, create(41, FILE, over));
    let none = Terms { max_downloads: Some(0), ..Terms::default() };
    refused(kv, ErrorKind::InvalidArgument, create(41, FILE, none));
    refused(kv, ErrorKind::NotFound, create(41, NOBODY, Terms::default()));
    refused(kv, ErrorKind::Exists, create(40, FILE, Terms::default()));
    let nobody = ShareId(49);
    refused(kv, ErrorKind::NotFound, |tx| share::count_download(tx, nobody, NOW));
    refused(kv, ErrorKind::NotFound, |tx| share::count_view(tx, nobody));
    refused(kv, ErrorKind::NotFound, |tx| share::revoke(tx, nobody));
    refused(kv, ErrorKind::NotFound, |tx| share::delete(tx, nobody));
    assert_eq!(kind(share::enter(&kv.reader().unwrap(), nobody, None, NOW)), ErrorKind::NotFound);
}

fn a_share_is_revoked_listed_and_deleted<K: Kv>(kv: &K) {
    with_files(kv);
    let empty = rows(&kv.reader().unwrap());
    for (id, file) in [(40, FILE), (41, FILE), (42, FOLDER)] {
        write(kv, |tx| share::create(tx, ShareId(id), file, Terms::default(), NOW)).unwrap();
    }
    let id = ShareId(41);
    for expected in [1, 2] {
        write(kv, |tx| share::revoke(tx, id)).unwrap();
        assert_eq!(share::record(&kv.reader().unwrap(), id).unwrap().revocations, expected);
    }
    write(kv, |tx| share::count_view(tx, id)).unwrap();
    let shares = share::list(&kv.reader().unwrap(), FILE).unwrap();
    assert_eq!(shares.iter().map(|share| (share.id.0, share.views)).collect::<Vec<_>>(), [(40, 0), (41, 1)]);
    write(kv, |tx| share::delete(tx, id)).unwrap();
    assert_eq!(counter::get(&kv.reader().unwrap(), Counter::ShareViews(id)).unwrap(), 0);
    assert_eq!(write(kv, |tx| share::delete_all(tx, FILE, 5)).unwrap(), 1);
    assert_eq!(write(kv, |tx| share::delete_all(tx, FILE, 5)).unwrap(), 0);
    assert_eq!(write(kv, |tx| share::delete_all(tx, FOLDER, 5)).unwrap(), 1);
    assert!(rows(&kv.reader().unwrap()) == empty);
}

fn a_download_limit_holds_to_the_last_one<K: Kv>(kv: &K) {
    let id = shared(kv, 40, Terms { max_downloads: Some(3), ..Terms::default() });
    for expected in [1, 2, 3] {
        assert_eq!(write(kv, |tx| share::count_download(tx, id, NOW)).unwrap().downloads, expected);
    }
    refused(kv, ErrorKind::Gone, |tx| share::count_download(tx, id, NOW));
    assert_eq!(share::get(&kv.reader().unwrap(), id).unwrap().downloads, 3);
}

const LIMIT: u64 = 20;
const THREADS: usize = 8;

fn races_never_pass_a_download_limit<K: Kv>(kv: &K) {
    let id = shared(kv, 40, Terms { max_downloads: Some(LIMIT), ..Terms::default() });
    let barrier = Barrier::new(THREADS);
    let download = || {
        barrier.wait();
        let tries = 0..LIMIT;
        let results = tries.map(|_| write(kv, |tx| share::count_download(tx, id, NOW)));
        let (served, refused): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
        assert!(refused.into_iter().all(|result| kind(result) == ErrorKind::Gone));
        served.len()
    };
    let served: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(download)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(u64::try_from(served).unwrap(), LIMIT);
    assert_eq!(share::get(&kv.reader().unwrap(), id).unwrap().downloads, LIMIT);
}

/// The fault planted: the limit is checked in a transaction of its own, before the counting one.
fn control_a_count_outside_the_transaction_passes_the_limit<K: Kv>(kv: &K) {
    let id = shared(kv, 40, Terms { max_downloads: Some(1), ..Terms::default() });
    let barrier = Barrier::new(THREADS);
    let download = || {
        let mut record: ShareRecord = share::record(&kv.reader().unwrap(), id).unwrap();
        let allowed = record.downloads < 1;
        barrier.wait();
        record.downloads += 1;
        write(kv, |tx| row::put(tx, table::SHARE, &id.to_key(), &record)).unwrap();
        usize::from(allowed)
    };
    let served: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(download)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(served, THREADS);
}

fn s10_a_damaged_row_is_corrupt_and_a_later_one_unsupported<K: Kv>(kv: &K) {
    let id = shared(kv, 40, Terms::default());
    let whole = share::record(&kv.reader().unwrap(), id).unwrap().encode().unwrap();
    let set = |bytes: &[u8]| write(kv, |tx| tx.put(table::SHARE, &id.to_key(), bytes)).unwrap();
    for len in 0..whole.len() {
        set(&whole[..len]);
        refused(kv, ErrorKind::Corrupt, |tx| share::count_download(tx, id, NOW));
    }
    set(&[2, 0, 0]);
    refused(kv, ErrorKind::Unsupported, |tx| share::count_download(tx, id, NOW));
    assert_eq!(kind(share::list(&kv.reader().unwrap(), FILE)), ErrorKind::Unsupported);
}

fn member(number: u64) -> MemberRecord {
    MemberRecord {
        name: format!("holiday/2025/day {}/picture {number}.jpeg", number % 31),
        kind: Kind::File,
        size: number * 1_000_003,
        crc32: 0xffff_fff0,
        modified: Time(1_749_525_301_000_000 + number.cast_signed()),
        blob: BlobId(number),
        executable: number.is_multiple_of(3),
    }
}

fn planned(entries: u64, expires: Time) -> ArchiveRecord {
    ArchiveRecord {
        owner: Owner::Nobody,
        name: "all.zip".into(),
        created: NOW,
        expires,
        entries,
        len: 22,
        digest: [7; 32],
        revocations: 0,
        drives: Vec::new(),
        shares: Vec::new(),
        identity: *blake3::hash(&expires.0.to_be_bytes()).as_bytes(),
        bytes: 600,
        layout: ArchiveRecord::LAYOUT,
        utc_offset: 480,
    }
}

const LATER: Time = Time(600_000_000);

/// Writes the parts, each in a transaction of its own.
fn write_parts<K: Kv>(kv: &K, id: ArchiveId, members: &[MemberRecord]) -> u32 {
    let mut number = 0;
    for part in archive::parts(members) {
        write(kv, |tx| archive::write_part(tx, id, NOW, number, part)).unwrap();
        number += 1;
    }
    number
}

fn an_archive_is_seen_once_it_is_published<K: Kv>(kv: &K) {
    let members: Vec<_> = (0..3).map(member).collect();
    let (id, empty, quick) = (ArchiveId(60), ArchiveId(61), ArchiveId(62));
    assert_eq!(write_parts(kv, id, &members), 1);
    assert_eq!(kind(archive::get(&kv.reader().unwrap(), id, NOW)), ErrorKind::NotFound);
    assert_eq!(kind(archive::members(&kv.reader().unwrap(), id)), ErrorKind::NotFound);
    refused(kv, ErrorKind::InvalidArgument, |tx| archive::publish(tx, id, &planned(3, NOW)));
    write(kv, |tx| archive::publish(tx, id, &planned(3, LATER))).unwrap();
    write(kv, |tx| archive::publish(tx, empty, &planned(0, LATER))).unwrap();
    refused(kv, ErrorKind::InvalidArgument, |tx| archive::create(tx, quick, &planned(3, NOW), &members));
    refused(kv, ErrorKind::Mismatch, |tx| archive::create(tx, quick, &planned(2, LATER), &members));
    write(kv, |tx| archive::create(tx, quick, &planned(3, LATER), &members)).unwrap();
    refused(kv, ErrorKind::Exists, |tx| archive::create(tx, quick, &planned(3, LATER), &members));
    refused(kv, ErrorKind::Exists, |tx| archive::publish(tx, id, &planned(3, LATER)));
    refused(kv, ErrorKind::Exists, |tx| archive::write_part(tx, id, NOW, 1, &members));
    let reader = kv.reader().unwrap();
    assert_eq!(archive::members(&reader, id).unwrap(), members);
    assert_eq!(archive::members(&reader, quick).unwrap(), members);
    assert_eq!(archive::members(&reader, empty).unwrap(), []);
    assert_eq!(archive::get(&reader, id, Time(LATER.0 - 1)).unwrap(), planned(3, LATER));
    assert_eq!(kind(archive::get(&reader, id, LATER)), ErrorKind::Expired);
    write(kv, |tx| archive::revoke(tx, id)).unwrap();
    assert_eq!(archive::get(&kv.reader().unwrap(), id, NOW).unwrap().revocations, 1);
    refused(kv, ErrorKind::NotFound, |tx| archive::revoke(tx, ArchiveId(99)));
}

fn a7_the_members_of_a_big_archive_come_back_in_order<K: Kv>(kv: &K) {
    let members: Vec<_> = (0..10_000).map(member).collect();
    let id = ArchiveId(60);
    let parts = write_parts(kv, id, &members);
    assert!((10..20).contains(&parts), "{parts} parts");
    write(kv, |tx| archive::publish(tx, id, &planned(10_000, LATER))).unwrap();
    let reader = kv.reader().unwrap();
    let began = std::time::Instant::now();
    let found = archive::members(&reader, id).unwrap();
    println!("10,000 members of an archive, in {parts} parts, read in {:?}", began.elapsed());
    assert!(found == members);
}

fn a_part_that_fits_no_row_is_refused<K: Kv>(kv: &K) {
    let id = ArchiveId(60);
    let long = |len| MemberRecord { name: "x".repeat(len), ..member(1) };
    refused(kv, ErrorKind::InvalidArgument, |tx| archive::write_part(tx, id, NOW, 0, &[long(65_536)]));
    let two = [long(40_000), long(40_000)];
    refused(kv, ErrorKind::TooLarge, |tx| archive::write_part(tx, id, NOW, 0, &two));
    refused(kv, ErrorKind::TooLarge, |tx| archive::create(tx, id, &planned(2, LATER), &two));
    let members = [long(65_535), long(1), long(40_000), long(40_000), long(65_535)];
    assert_eq!(write_parts(kv, id, &members), 4);
    write(kv, |tx| archive::publish(tx, id, &planned(5, LATER))).unwrap();
    assert_eq!(archive::members(&kv.reader().unwrap(), id).unwrap(), members);
    assert_eq!(archive::parts(&[]).count(), 0);
}

fn an_archive_with_a_part_missing_is_neither_published_nor_read<K: Kv>(kv: &K) {
    let (id, members) = (ArchiveId(60), (0..9).map(member).collect::<Vec<_>>());
    for (number, part) in members.chunks(3).enumerate().filter(|(number, _)| *number != 1) {
        let number = u32::try_from(number).unwrap();
        write(kv, |tx| archive::write_part(tx, id, NOW, number, part)).unwrap();
    }
    for entries in [6, 9] {
        refused(kv, ErrorKind::Mismatch, |tx| archive::publish(tx, id, &planned(entries, LATER)));
    }
    write(kv, |tx| archive::write_part(tx, id, NOW, 1, &members[3..6])).unwrap();
    write(kv, |tx| archive::publish(tx, id, &planned(9, LATER))).unwrap();
    for number in [0, 1, 2_u32] {
        let key = [id.to_key().as_slice(), &number.to_be_bytes()].concat();
        let mut writer = kv.writer().unwrap();
        writer.del(table::ARCHIVE_PART, &key).unwrap();
        assert_eq!(kind(archive::members(&writer, id)), ErrorKind::Corrupt);
    }
}

fn archives_expire_in_bounded_steps<K: Kv>(kv: &K) {
    let members: Vec<_> = (0..12).map(member).collect();
    for (id, expires) in [(60, LATER), (61, Time(LATER.0 + 1)), (62, Time(LATER.0 + 2))] {
        for (number, part) in (0..).zip(members.chunks(2)) {
            write(kv, |tx| archive::write_part(tx, ArchiveId(id), NOW, number, part)).unwrap();
        }
        write(kv, |tx| archive::publish(tx, ArchiveId(id), &planned(12, expires))).unwrap();
    }
    let expire = |now, limit| write(kv, |tx| archive::expire(tx, now, limit)).unwrap();
    assert_eq!(expire(Time(LATER.0 - 1), 100), 0);
    // From the first step on the archive is gone as a whole.
    assert_eq!(expire(LATER, 4), 4);
    assert_eq!(kind(archive::get(&kv.reader().unwrap(), ArchiveId(60), NOW)), ErrorKind::NotFound);
    assert_eq!([expire(LATER, 4), expire(LATER, 4)], [3, 0]);
    assert_eq!(archive::members(&kv.reader().unwrap(), ArchiveId(61)).unwrap(), members);
    let steps: Vec<_> = (0..5).map(|_| expire(Time(i64::MAX), 5)).collect();
    assert_eq!(steps, [5, 5, 4, 0, 0]);
    assert!(rows(&kv.reader().unwrap()).is_empty());
}

fn an_archive_cut_off_in_its_making_is_removed_after_a_day<K: Kv>(kv: &K) {
    let day = 24 * 60 * 60 * 1_000_000;
    let members: Vec<_> = (0..4).map(member).collect();
    let (cut_off, late) = (ArchiveId(60), ArchiveId(61));
    for id in [cut_off, late] {
        write_parts(kv, id, &members);
    }
    let expire = |now| write(kv, |tx| archive::expire(tx, now, 100)).unwrap();
    assert_eq!(expire(Time(NOW.0 + day - 1)), 0);
    write(kv, |tx| archive::publish(tx, late, &planned(4, Time(i64::MAX)))).unwrap();
    assert_eq!(expire(Time(NOW.0 + day)), 2);
    refused(kv, ErrorKind::Mismatch, |tx| archive::publish(tx, cut_off, &planned(4, LATER)));
    // A deadline that was left behind does no harm to what was published meanwhile.
    write(kv, |tx| tx.put(table::ARCHIVE_EXPIRY, &row::due(NOW, late.0), &[])).unwrap();
    assert_eq!([expire(LATER), expire(LATER)], [1, 0]);
    assert_eq!(archive::members(&kv.reader().unwrap(), late).unwrap(), members);
    assert_eq!(expire(Time(i64::MAX)), 2);
    assert!(rows(&kv.reader().unwrap()).is_empty());
}
