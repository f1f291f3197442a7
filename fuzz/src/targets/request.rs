//! Whole requests for the URLs of a store.

use std::cell::RefCell;

use holdall::{Put, Request, Store, Time};

use super::input::{self, Input};

struct Served {
    store: Store,
    urls: Vec<String>,
    content: Vec<u8>,
}

thread_local! {
    static SERVED: RefCell<Option<Served>> = const { RefCell::new(None) };
}

fn served() -> Served {
    let store = input::store().1;
    let drive = store.drive("alice").unwrap();
    let content: Vec<u8> = (0..3000_u32).flat_map(|number| number.to_le_bytes()).collect();
    let version = drive.put("folder/na\u{ef}ve.txt", &content[..], Put::new()).unwrap();
    let urls = vec![
        store.url(&version).never_expires().sign().unwrap(),
        store.url_of_file(version.id.file()).never_expires().inline().sign().unwrap(),
        drive.archive(["folder"]).unwrap().sign().unwrap(),
        store.url(&version).sign_cloudreve().unwrap(),
    ];
    Served { store, urls, content }
}

/// Whatever is asked, the reply is one that goes on the wire, and its bytes are the file's.
pub fn request(data: &[u8]) {
    SERVED.with_borrow_mut(|served_once| {
        let Served { store, urls, content } = served_once.get_or_insert_with(served);
        let mut input = Input(data);
        let pick = input.byte();
        let method = ["GET", "HEAD", "POST", "get"][usize::from(pick >> 6)];
        let mut target = match pick & 7 {
            index @ 0..4 => urls[usize::from(index)].clone(),
            4 => String::new(),
            index => {
                let url = &urls[usize::from(index) % 4];
                url[..input.short() % (url.len() + 1)].to_owned()
            }
        };
        target.push_str(&input.text());
        const NAMES: [&str; 6] =
            ["Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"];
        let headers: Vec<(&str, String)> =
            (0..pick >> 3 & 7).map(|_| (NAMES[input.below(NAMES.len())], input.text())).collect();
        let mut request = Request::new(method, &target).at(Time::now());
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let reply = store.serve(&request).unwrap();
        for (name, value) in &reply.headers {
            assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name}: {value:?}");
        }
        let body = reply.body.to_vec(1 << 20).unwrap();
        assert_eq!(body.len() as u64, reply.body.len());
        let declared = reply.header("Content-Length").map(|len| len.parse::<u64>().unwrap());
        assert!(method != "GET" || reply.status == 304 || declared == Some(reply.body.len()));
        let whole = matches!(pick & 7, 0 | 1 | 3);
        if let Some(range) = reply.header("Content-Range").filter(|_| whole && reply.status == 206) {
            let (first, _) = range.strip_prefix("bytes ").unwrap().split_once('-').unwrap();
            let first: usize = first.parse().unwrap();
            assert_eq!(body, content[first..first + body.len()]);
        } else if whole && reply.status == 200 && method == "GET" {
            assert!(body == *content);
        }
    });
}
