//! What holds over every server.

use std::process::Command;
use std::time::Duration;

use super::*;
use crate::blobs::object::{ObjectKind, Presentation};
use crate::http::{CacheControl, Disposition};
use crate::tls::causes;
use crate::{Error, ErrorKind, machine};

/// Contents of a group: none, short ones, and one that lies behind what is fetched of a segment at once.
const SMALL: [usize; 6] = [0, 5, 4096, 300_000, 900_000, 70_000];

fn small_contents_come_back(pool: &ObjectPool) {
    let contents: Vec<_> = (1..).map(BlobId).zip(SMALL.map(|len| content(len as u64, len))).collect();
    let locations = put_segment(pool, 3, &contents).unwrap();
    for ((blob, bytes), location) in contents.iter().zip(&locations) {
        assert_eq!(bytes_of(open(pool, *blob, *location, bytes.len())).unwrap(), *bytes, "{location:?}");
    }
    let wanted: Vec<_> = contents
        .iter()
        .zip(&locations)
        .map(|((blob, bytes), location)| match location {
            Location::Segment { offset, .. } => (*blob, *offset, bytes.len() as u64),
            Location::File => panic!("a small content has a file"),
        })
        .collect();
    let read = pool.read_frames(3, &wanted).unwrap().unwrap();
    assert_eq!(read, contents.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>());
    let taken = put_segment(pool, 3, &contents[1..]).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Exists, "{taken}");
    assert!(pool.open_blob(BlobId(1), Location::Segment { segment: 4, offset: 64 }, 5).unwrap().is_none());
}

fn large_contents_come_back(pool: &ObjectPool) {
    let lens = [1_500_000, 8 << 20, (8 << 20) + 1, (26 << 20) + 12_345];
    for (blob, len) in (100..).map(BlobId).zip(lens) {
        let bytes = content(blob.0, len);
        put_large(pool, blob, &bytes).unwrap();
        let source = open(pool, blob, Location::File, len);
        assert!(bytes_of(source.clone()).unwrap() == bytes, "{len}");
        // Across the border of two chunks, and as ranges of files.
        let body = Body::new(Arc::new(source));
        let end = len as u64;
        for start in [0, (8 << 20) - 7, end - 9].into_iter().filter(|start| *start < end) {
            let stop = (start + 1_000_000).min(end);
            let part = body.slice(start..stop).unwrap().to_vec(2 << 20).unwrap();
            assert!(part == bytes[start as usize..stop as usize], "{len} from {start}");
            let Some((range, count)) = body.file_range(start, stop - start).unwrap() else {
                assert!(len > 8 << 20, "what is written behind its reader has a file later");
                continue;
            };
            let mut read = vec![0; count as usize];
            std::os::unix::fs::FileExt::read_exact_at(&*range.file, &mut read, range.offset).unwrap();
            assert!(read == part[..count as usize], "{len} from {start}");
        }
        // The same once more, as after an answer that was lost, and another under its id.
        put_large(pool, blob, &bytes).unwrap();
        let other = put_large(pool, blob, &content(1, len)).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Exists, "{other}");
        assert!(bytes_of(open(pool, blob, Location::File, len)).unwrap() == bytes);
    }
    assert!(pool.open_blob(BlobId(99), Location::File, 5).unwrap().is_none());
    assert!(pool.open_blob(BlobId(99), Location::File, 50 << 20).unwrap().is_none());
}

fn a_digest_of_another_content_is_refused(pool: &ObjectPool) {
    for len in [2 << 20, 10 << 20] {
        let mut upload = pool.begin_large(BlobId(200));
        upload.push(content(1, len)).unwrap();
        let other = upload.finish(&Digest::of(&content(2, len))).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Mismatch);
        assert!(pool.open_blob(BlobId(200), Location::File, len as u64).unwrap().is_none());
    }
}

/// Waits until all that is there is older than a live upload may be.
fn grow_old() {
    std::thread::sleep(Duration::from_secs(6));
}

fn only_what_is_old_and_not_referred_to_is_swept(pool: &ObjectPool) {
    let (kept, orphan, young) = (BlobId(0x301), BlobId(0x302), BlobId(0x303));
    for blob in [kept, orphan] {
        put_large(pool, blob, &content(blob.0, (9 << 20) + 1)).unwrap();
    }
    put_segment(pool, 50, &[(BlobId(1), content(1, 100))]).unwrap();
    // A process that ends in the middle of an upload in parts.
    let mut left = pool.begin_large(BlobId(0x304));
    left.push(content(4, 20 << 20)).unwrap();
    let began = left.began();
    std::mem::forget(left);
    assert!(pool.is_in_time(began));
    grow_old();
    assert!(!pool.is_in_time(began), "what takes so long must not be committed");
    put_large(pool, young, &content(3, 1 << 20)).unwrap();
    let mut asked = Vec::new();
    let mut is_referred = |numbers: &[u64]| {
        asked.extend_from_slice(numbers);
        Ok(numbers.iter().map(|number| *number != orphan.0).collect())
    };
    let report = pool.sweep(ObjectKind::Content, &mut is_referred).unwrap();
    assert_eq!((report.objects, report.bytes, report.failed.len()), (1, (9 << 20) + 1, 0), "{report:?}");
    assert!(asked.contains(&kept.0) && !asked.contains(&young.0), "{asked:?}");
    let len = (9 << 20) + 1;
    assert!(pool.list(ObjectKind::Outline).unwrap().iter().all(|listed| listed.number != orphan.0));
    assert!(bytes_of(open(pool, kept, Location::File, len)).unwrap() == content(kept.0, len));
    open(pool, young, Location::File, 1 << 20);
    let report = pool.sweep(ObjectKind::Segment, &mut |numbers| Ok(vec![false; numbers.len()])).unwrap();
    assert!(report.objects >= 1, "{report:?}");
    assert!(pool.list(ObjectKind::Segment).unwrap().is_empty());
    pool.remove(ObjectKind::Segment, 50).unwrap();
}

fn uploads_that_nobody_ended_are_aborted(pool: &ObjectPool) {
    let mut live = pool.begin_large(BlobId(0x305));
    live.push(content(5, 9 << 20)).unwrap();
    let report = pool.sweep_uploads().unwrap();
    assert_eq!((report.uploads, report.failed.len()), (1, 0), "{report:?}");
    assert_eq!(pool.sweep_uploads().unwrap().uploads, 0);
    live.finish(&Digest::of(&content(5, 9 << 20))).unwrap();
}

fn a_redirect_sends_what_a_reply_would(pool: &ObjectPool) {
    let (blob, name) = (BlobId(0x401), "na\u{ef}ve; plan 100%.pdf");
    let bytes = content(1, 1 << 20);
    put_large(pool, blob, &bytes).unwrap();
    let presented = |disposition| Presentation {
        name,
        media_type: "application/pdf",
        disposition,
        cache: CacheControl::Private(60),
    };
    let hour = Duration::from_secs(3600);
    assert_eq!(pool.presign(blob, presented(Disposition::Inline), hour).unwrap(), None);
    assert_eq!(pool.presign(blob, presented(Disposition::Attachment), Duration::ZERO).unwrap(), None);
    let url = pool.presign(blob, presented(Disposition::Attachment), hour).unwrap().unwrap();
    assert!(url.contains("X-Amz-Expires=60&"), "no longer than the options allow: {url}");
    let ask = |url: &str| {
        let out =
            Command::new("curl").args(["-s", "-D", "/dev/stderr", "-H", "Range: bytes=10-29", url]).output();
        let out = out.unwrap();
        (String::from_utf8_lossy(&out.stderr).to_lowercase(), out.stdout)
    };
    let (headers, body) = ask(&url);
    assert!(headers.starts_with("http/1.1 206"), "{headers}");
    assert_eq!(body, bytes[10..30]);
    let disposition = crate::http::content_disposition(Disposition::Attachment, name).to_lowercase();
    for line in [
        format!("content-disposition: {disposition}\r\n"),
        "content-type: application/pdf\r\n".to_owned(),
        "cache-control: private, max-age=60\r\n".to_owned(),
    ] {
        assert!(headers.contains(&line), "{line}: {headers}");
    }
    let (headers, _) = ask(&url.replace("application%2Fpdf", "text%2Fhtml"));
    assert!(headers.starts_with("http/1.1 403"), "a changed URL is none: {headers}");
}

fn the_servers_clock_is_asked(pool: &ObjectPool) {
    let apart = pool.server_time().unwrap().0.abs_diff(Time::from(machine::clock()).0);
    assert!(apart < 5_000_000, "{apart}");
}

#[test]
fn the_suite_holds_over_objects_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (pool, _) = in_memory(dir.path());
    small_contents_come_back(&pool);
    large_contents_come_back(&pool);
    a_digest_of_another_content_is_refused(&pool);
    only_what_is_old_and_not_referred_to_is_swept(&pool);
    the_servers_clock_is_asked(&pool);
}

fn suite(server: &servers::ObjectServer) {
    let dir = tempfile::tempdir().unwrap();
    let pool = ObjectPool::open(STORE, server.options(dir.path())).unwrap();
    small_contents_come_back(&pool);
    large_contents_come_back(&pool);
    a_digest_of_another_content_is_refused(&pool);
    a_redirect_sends_what_a_reply_would(&pool);
    the_servers_clock_is_asked(&pool);
    only_what_is_old_and_not_referred_to_is_swept(&pool);
    uploads_that_nobody_ended_are_aborted(&pool);
}

#[test]
fn the_suite_holds_over_seaweedfs() {
    suite(&servers::ObjectServer::seaweedfs());
}

#[test]
fn a_server_is_believed_by_its_certificate_and_its_name() {
    let Some(server) = servers::ObjectServer::versitygw_tls() else { return };
    let dir = tempfile::tempdir().unwrap();
    let known = server.options(dir.path());
    let pool = ObjectPool::open(STORE, known.clone()).unwrap();
    small_contents_come_back(&pool);
    large_contents_come_back(&pool);
    let unknown = ObjectOptions { root_certificates: None, ..known.clone() };
    let other = known.endpoint.as_ref().map(|url| url.replace("localhost", "127.0.0.1"));
    let other = ObjectOptions { endpoint: other, ..known.clone() };
    let expired = servers::ObjectServer::versitygw_expired().unwrap();
    let plain = servers::ObjectServer::versitygw().unwrap();
    let plain = plain.options(dir.path()).endpoint.map(|url| url.replace("http:", "https:"));
    let plain = ObjectOptions { endpoint: plain, ..known.clone() };
    for (options, why) in [
        (unknown, "invalid peer certificate"),
        (other, "not valid for name"),
        (expired.options(dir.path()), "xpired"),
        (plain, "corrupt message"),
    ] {
        is_refused_at_once(options, ErrorKind::Io, why);
    }
}

/// Whatever is asked of a server that has refused it for good ends at once, and says why.
fn is_refused_at_once(options: ObjectOptions, kind: ErrorKind, why: &str) {
    // Long enough for all attempts that there could be.
    let patience = Duration::from_secs(30);
    let pool =
        ObjectPool::open(STORE, ObjectOptions { patience, longest_upload: patience, ..options }).unwrap();
    let asks: [(&str, &dyn Fn() -> Error); 5] = [
        ("time", &|| pool.server_time().unwrap_err()),
        ("small", &|| put_segment(&pool, 9, &[(BlobId(1), content(1, 10))]).unwrap_err()),
        ("large", &|| put_large(&pool, BlobId(1), &content(1, 9 << 20)).unwrap_err()),
        ("open", &|| pool.open_blob(BlobId(77), Location::File, 5).map(drop).unwrap_err()),
        ("list", &|| pool.sweep_uploads().map(drop).unwrap_err()),
    ];
    for (what, ask) in asks {
        let begun = machine::uptime();
        let error = ask();
        let took = machine::uptime() - begun;
        let said = causes(&error);
        assert!(said.contains(why), "{what}: {said}");
        assert_eq!(error.kind(), kind, "{what}: {said}");
        // The first of the pauses between attempts alone would be longer together.
        assert!(took < Duration::from_secs(5), "{what} took {took:?}: {said}");
        assert!(!said.contains("a-secret-of-nobody"), "{said}");
    }
}

#[test]
fn what_the_server_refuses_for_good_is_an_error_at_once() {
    let servers =
        std::iter::once(servers::ObjectServer::seaweedfs()).chain(servers::ObjectServer::versitygw());
    for server in servers {
        let dir = tempfile::tempdir().unwrap();
        let known = server.options(dir.path());
        let credentials =
            |id: &str| Some((id.to_owned(), "a-secret-of-nobody-that-is-long-enough".to_owned()));
        let (key, _) = known.credentials.clone().unwrap();
        let wrong_secret = ObjectOptions { credentials: credentials(&key), ..known.clone() };
        let unknown_key = ObjectOptions { credentials: credentials("nobody"), ..known.clone() };
        let unknown_bucket = ObjectOptions { bucket: "nowhere".to_owned(), ..known };
        is_refused_at_once(wrong_secret, ErrorKind::Io, "SignatureDoesNotMatch");
        is_refused_at_once(unknown_key, ErrorKind::Io, "ccess");
        // The other server makes a bucket that it is asked for.
        if server.makes_no_buckets() {
            is_refused_at_once(unknown_bucket, ErrorKind::Io, "NoSuchBucket");
        }
    }
}

#[test]
fn the_suite_holds_over_versitygw() {
    let Some(server) = servers::ObjectServer::versitygw() else { return };
    suite(&server);
}
