//! Requests at random: odd targets, headers and bodies, by anybody, on one store. Whatever is asked, a
//! reply comes that is bounded and well formed, and tells of nothing that the caller was not given.
//!
//! A request is text: `caller METHOD target`, then headers, an empty line and the body. What stands in
//! braces, as `{file}`, is put in from the store. [`Site::ask`] takes any bytes, so a fuzzer can use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdall::token::{HashIds, HashKind};
use holdall::vfs::SimVfs;
use holdall::{Api, Caller, Mode, Options, Put, Reply, Request, Share, Store, Time};
use serde_json::{Value, json};

use crate::marks::{Marks, Secret, Secrets};

/// Every status that a reply may have.
const STATUSES: [u16; 14] = [200, 204, 206, 302, 304, 400, 401, 403, 404, 405, 409, 410, 412, 416];
/// The longest body of a reply here: every content in some ranges.
const MAX_BODY: u64 = 4 << 20;
const MAX_HEAD: usize = 8 << 10;

/// A store on which requests are made.
pub struct Site {
    store: Store,
    api: Api,
    marks: Marks,
    words: BTreeMap<&'static str, String>,
    /// What each caller may be told of: what is in its own drive and what is shared.
    own: BTreeMap<&'static str, Secrets>,
    shared: Secrets,
}

impl Site {
    pub fn new() -> Site {
        let options = Options::new().mode(Mode::Exclusive).base_url("/files");
        let store = Store::open_on(Arc::new(SimVfs::new(1)), options).expect("a store");
        let mut site = Site {
            api: Api::new(&store),
            store,
            marks: Marks::default(),
            words: BTreeMap::new(),
            own: BTreeMap::new(),
            shared: Secrets::new(),
        };
        site.store.set_hash_salt("requests").expect("a salt");
        for drive in ["alice", "bob", "vault"] {
            site.fill(drive);
        }
        site
    }

    fn put(&mut self, drive: &str, path: &str) -> (holdall::VersionInfo, Secrets) {
        let content = self.marks.content(false);
        let bytes = self.marks.get(content).bytes.clone();
        let made =
            self.store.drive(drive).expect("a drive").put(path, &bytes[..], Put::new()).expect("a put");
        let mut message = self.marks.whole(content);
        message.extend(path.split('/').map(|name| Secret::Name(name.to_owned())));
        (made, message)
    }

    /// Two versions of a file, one in the trash, a folder with a file; and what there is of them to ask
    /// for. Only what alice shares is for others.
    fn fill(&mut self, name: &'static str) {
        let names = [".txt", ".html", "", ".bin"].map(|end| self.marks.name(end));
        let [file, trashed, folder, inner] = names;
        let inner = format!("{folder}/{inner}");
        let ids = HashIds::new("requests").expect("a salt");
        let (old, mut own) = self.put(name, &file);
        for (path, _) in [(&file, 0), (&trashed, 0), (&inner, 0)] {
            own.extend(self.put(name, path).1);
        }
        let drive = self.store.drive(name).expect("a drive");
        let trashed_id = drive.trash(&trashed).expect("to the trash");
        let shared = drive.share(&folder, &Share::new()).expect("a share");
        let archive = drive.archive([&file]).expect("an archive").create().expect("an archive");
        let stat = |path: &str| drive.stat(path).expect("a file");
        let (current, of_folder, of_inner) = (stat(&file), stat(&folder), stat(&inner));
        let link = drive.link(&inner).expect("a link");
        let version = current.current.clone().expect("a version");
        let words: Vec<(&str, String)> = vec![
            ("drive", drive.id().0.to_string()),
            ("file", current.id.to_string()),
            ("name", file.clone()),
            ("trashed", trashed_id.to_string()),
            ("folder", of_folder.id.to_string()),
            ("inner", of_inner.id.to_string()),
            ("path", inner.clone()),
            ("version", version.id.to_string()),
            ("old", old.id.to_string()),
            ("entity", ids.encode(version.id.0, HashKind::Entity)),
            ("old-entity", ids.encode(old.id.0, HashKind::Entity)),
            ("user", ids.encode(drive.id().0, HashKind::User)),
            ("share", shared.id.to_string()),
            ("share-uri", self.api.share_uri(shared.id).expect("a URI")),
            ("archive", archive.id.to_string()),
            ("link", ids.encode_random(link.id.0, HashKind::SourceLink)),
            ("link-name", link.name.clone()),
            ("sha1", version_sha1(&version)),
            ("size", version.size.to_string()),
            ("url", self.store.url(&version).sign().expect("a URL")),
            ("file-url", self.store.url_of_file(of_inner.id).sign().expect("a URL")),
            ("archive-url", self.store.url_of_archive(archive.id).sign().expect("a URL")),
            ("archive-form-url", self.store.url_of_archive(archive.id).sign_cloudreve().expect("a URL")),
            (
                "form-url",
                self.store.url(of_inner.current.expect("a version").id).sign_cloudreve().expect("a URL"),
            ),
        ];
        for (word, value) in words {
            // Who has a URL or the id of a share was given it; nobody has those of the vault.
            let given = ["url", "share", "link"].iter().any(|kind| word.contains(kind));
            let key: &'static str = Box::leak(format!("{name}-{word}").into_boxed_str());
            if name != "vault" || !given {
                self.words.insert(key, value.clone());
            }
            if name == "alice" {
                self.words.insert(Box::leak(word.to_owned().into_boxed_str()), value);
            }
        }
        let body = json!({ "share_id": shared.id.to_string() }).to_string();
        let request = Request::new("POST", "/v2/share_link/get_share_token");
        let reply = self.api.answer(&Caller::anonymous(), &request, body.as_bytes()).expect("a token");
        let message: Value =
            serde_json::from_slice(&reply.body.to_vec(1 << 16).expect("a body")).expect("JSON");
        if name != "vault" {
            self.words.insert(
                Box::leak(format!("{name}-token").into_boxed_str()),
                crate::uploads::text(&message["share_token"]),
            );
            // Whoever uses a URL or a share of theirs sees these; what else they have is theirs.
            let given = [&file, &folder].map(|name| Secret::Name(name.clone()));
            self.shared.extend(given);
            self.shared.extend(self.own_of(&drive, &[file.as_str(), inner.as_str()]));
        }
        self.own.insert(name, own);
    }

    fn own_of(&self, drive: &holdall::Drive, paths: &[&str]) -> Secrets {
        let mut message = Secrets::new();
        for path in paths {
            let body = drive.open_file(path).expect("a file").to_vec(1 << 20).expect("its content");
            for secret in self.marks.seen("", &body, false) {
                if let Secret::Bytes(content) = secret {
                    message.extend(self.marks.whole(content));
                }
            }
            message.extend(path.split('/').map(|name| Secret::Name(name.to_owned())));
        }
        message
    }

    fn caller(who: &str) -> (Caller, &'static str) {
        match who {
            "alice" => (Caller::of("alice").token("token of alice"), "alice"),
            "bob" => (Caller::of("bob").token("token of bob"), "bob"),
            _ => (Caller::anonymous(), ""),
        }
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, value) in &self.words {
            if text.contains('{') {
                text = text.replace(&format!("{{{word}}}"), value);
            }
        }
        text
    }

    /// Makes the request that a text says, and returns what was wrong with the reply.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn ask(&self, bytes: &[u8]) -> Result<u16, String> {
        let text = self.filled(&String::from_utf8_lossy(bytes));
        let (who, request, body) = read(&text);
        let (method, target) = (request.method, request.target);
        let (caller, drive) = Site::caller(who);
        let reply = self.answer(&caller, &request, body);
        let reply = reply.map_err(|error| format!("an error for the host: {error}"))?;
        let status = reply.status;
        if !STATUSES.contains(&status) {
            return Err(format!("the status {status}"));
        }
        if reply.body.len() > MAX_BODY {
            return Err(format!("a body of {} bytes", reply.body.len()));
        }
        let mut head = String::new();
        for (name, value) in &reply.headers {
            if value.bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
                return Err(format!("the header {name}: {value:?}"));
            }
            head.push_str(&format!("{name}: {value}\n"));
        }
        if head.len() > MAX_HEAD + target.len() * 3 {
            return Err(format!("a head of {} bytes", head.len()));
        }
        let body =
            reply.body.to_vec(MAX_BODY).map_err(|error| format!("a body that cannot be read: {error}"))?;
        let len = reply.header("Content-Length").map(|text| text.parse::<u64>());
        let bare = method == "HEAD" || matches!(status, 204 | 304);
        if bare != body.is_empty() && !(body.is_empty() && len == Some(Ok(0))) {
            return Err(format!("{status} to {method} with a body of {} bytes", body.len()));
        }
        if !bare && len != Some(Ok(body.len() as u64)) {
            return Err(format!("Content-Length {len:?} for {} bytes", body.len()));
        }
        let is_json = reply.header("Content-Type").is_some_and(|kind| kind.starts_with("application/json"));
        if is_json && !bare && serde_json::from_slice::<Value>(&body).is_err() {
            return Err("an answer that is not JSON".to_owned());
        }
        self.message(drive, &text, (&head, &body), is_json)?;
        Ok(status)
    }

    /// Whether what a request asks for is there: Cloudreve says no with 200 as well.
    ///
    /// # Errors
    /// What was told instead.
    pub fn gives(&self, bytes: &[u8]) -> Result<(), String> {
        let text = self.filled(&String::from_utf8_lossy(bytes));
        let (who, request, body) = read(&text);
        let reply = self.answer(&Site::caller(who).0, &request, body).expect("a reply");
        let message = reply.body.to_vec(MAX_BODY).expect("a body");
        let code =
            serde_json::from_slice::<Value>(&message).ok().and_then(|message| message["code"].as_i64());
        match reply.status < 400 && code.unwrap_or(0) == 0 {
            true => Ok(()),
            false => Err(format!("{} {}", reply.status, String::from_utf8_lossy(&message))),
        }
    }

    fn answer(&self, caller: &Caller, request: &Request<'_>, body: &str) -> holdall::Result<Reply> {
        match self.api.is_at(request.target) {
            true => self.api.answer(caller, request, body.as_bytes()),
            false => self.store.serve(request),
        }
    }

    /// Whether a reply with the bytes of the vault would be found.
    pub fn tells_of_other(&self) -> bool {
        let all = self.own["vault"].iter().filter_map(|secret| match secret {
            Secret::Bytes(content) => Some(self.marks.get(*content).bytes.clone()),
            _ => None,
        });
        ["alice", "bob", ""]
            .iter()
            .all(|drive| all.clone().all(|body| self.message(drive, "", ("", &body), false).is_err()))
    }

    /// Searches a reply for what the caller was never given.
    fn message(
        &self,
        drive: &str,
        asked: &str,
        (head, body): (&str, &[u8]),
        is_json: bool,
    ) -> Result<(), String> {
        let seen = self.marks.seen(head, body, is_json);
        if seen.is_empty() {
            return Ok(());
        }
        let mut may = self.marks.seen(asked, asked.as_bytes(), true);
        may.extend(self.shared.iter().cloned());
        may.extend(self.own.get(drive).into_iter().flatten().cloned());
        match seen.difference(&may).next() {
            Some(secret) => Err(format!("it tells of {secret:?}")),
            None => Ok(()),
        }
    }
}

/// Reads a request: `caller METHOD target`, headers, an empty line and the body.
fn read(text: &str) -> (&str, Request<'_>, &str) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
    let mut next = || first.next().unwrap_or_default();
    let (who, method, target) = (next(), next(), next());
    let mut request = Request::new(method, target).at(Time::now());
    request.headers = lines.filter_map(|line| line.split_once(": ")).collect();
    (who, request, body)
}

fn version_sha1(version: &holdall::VersionInfo) -> String {
    version.sha1.iter().map(|byte| format!("{byte:02X}")).collect()
}
