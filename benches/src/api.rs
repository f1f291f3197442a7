//! The wire formats: a batch of the most URIs that one call takes.

use holdall::{Api, Caller, Mode, Put, Request};

use crate::measure::{Table, Want, Work, busy, turns};
use crate::place::{Contents, dir, store};

/// URIs of the call: Cloudreve's default limit.
const URIS: usize = 3000;
/// How long it may take, in milliseconds.
const MOST: f64 = 50.0;

/// Asks for the URLs of 3,000 files in one Cloudreve call, JSON in and JSON out.
pub fn cloudreve(table: &mut Table) {
    let dir = dir();
    let contents = Contents::new(40).many(URIS, 512);
    for (mode, name) in [(Mode::Exclusive, "exclusive"), (Mode::Shared, "shared")] {
        let store = store(&dir.path().join(name), mode);
        let drive = store.drive("bench").expect("a drive");
        let path = |at: usize| format!("folder {:02}/deeper/file (number {at}).bin", at % 30);
        for (batch, contents) in contents.chunks(1000).enumerate() {
            let items =
                contents.iter().enumerate().map(|(at, bytes)| (path(batch * 1000 + at), bytes.clone()));
            drive.put_many(items, &Put::new()).expect("put");
        }
        let uris: Vec<String> =
            (0..URIS).map(|at| format!("\"cloudreve://my/{}\"", path(at).replace(' ', "%20"))).collect();
        let body = format!("{{\"uris\":[{}],\"download\":true}}", uris.join(","));
        let api = Api::new(&store).site("https://files.example").expect("a site");
        let caller = Caller::of("bench");
        let ask = || {
            busy(|| {
                let request = Request::new("POST", "/api/v4/file/url");
                let reply = api.answer(&caller, &request, body.as_bytes()).expect("answered");
                assert!(reply.body.len() > URIS as u64 * 100);
            })
        };
        let works: Vec<Work<'_>> = vec![Box::new(ask)];
        let times = turns(9, works);
        let shown = times.each(&["a URI"], URIS);
        let work = format!("POST file/url of {URIS} URIs, {name}");
        table.row("-", &work, "milliseconds", times.median(0) * 1e3, Want::AtMost(MOST), &shown);
    }
}
