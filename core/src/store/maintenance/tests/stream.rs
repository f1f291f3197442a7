//! What is being sent goes on, whatever becomes of the store that it is of.

use super::*;

#[test]
fn an_archive_goes_on_when_its_process_closes_the_store_and_another_compacts() {
    for read_before in [0, 20_000] {
        let home = Home::real();
        let grace = Duration::from_secs(3600);
        let open = || {
            let dir = home._dir.as_ref().unwrap().path();
            let vfs = Arc::new(RealVfs::new(dir).unwrap());
            Store::open_on(vfs, options().grace(grace)).unwrap()
        };
        let ours = open();
        fill(&ours);
        let drive = ours.drive("alice").unwrap();
        let kept = (0..60).filter(|n| n % 6 == 0).map(|n| format!("dir{}/file{n}", n % 4));
        let archive = drive.archive(kept.chain(["large/0".to_owned()])).unwrap().create().unwrap();
        let whole = ours.open_archive(archive.id).unwrap().to_vec(u64::MAX).unwrap();
        let body = ours.open_archive(archive.id).unwrap();
        let first = body.slice(0..read_before).unwrap().to_vec(u64::MAX).unwrap();
        // As another process would.
        let theirs = open();
        thin_out(&theirs);
        ours.close().unwrap();
        let before = home.files("seg");
        let report = theirs.gc_at(later()).unwrap();
        assert!(report.compaction.segments > 1, "{report:?}");
        assert!(home.files("seg").len() < before.len());
        let rest = body.slice(read_before..body.len()).unwrap().to_vec(u64::MAX).unwrap();
        assert!([first, rest].concat() == whole);
        assert_sound(&theirs);
    }
}
