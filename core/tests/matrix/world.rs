//! A store with the formats over it, the model beside it, and the one place where requests are made:
//! every reply is searched for what it tells of.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdall::token::{HashIds, HashKind};
use holdall::vfs::SimVfs;
use holdall::{Api, Caller, Drive, Limits, Mode, Options, Reply, Request, Store, Time};
use serde_json::Value;

use crate::marks::{Marks, Secret, Secrets, cursors};
use crate::model::{DRIVES, Model, Node, NodeId, Subject, Tick, Url, Verdict, Via};
use crate::rng::Rng;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Of files in her own drive the owner, of the rest another user. Her group may lose its rights.
    Alice,
    Bob,
    /// Of a group without rights.
    Carl,
    Administrator,
    Anonymous,
    /// Anonymous too, with the password of each share that has one.
    VisitorWithPassword,
    /// Anonymous too: knows the ids of shares and no password.
    VisitorWithout,
    /// Anonymous too: signs with the secret of the server that was imported.
    ForeignSecret,
    /// Anonymous too: was told nothing, and counts ids.
    Stranger,
}

pub const CALLERS: [Who; 9] = [
    Who::Alice,
    Who::Bob,
    Who::Carl,
    Who::Administrator,
    Who::Anonymous,
    Who::VisitorWithPassword,
    Who::VisitorWithout,
    Who::ForeignSecret,
    Who::Stranger,
];

impl Who {
    /// The caller's own drive.
    pub fn drive(self) -> Option<usize> {
        match self {
            Who::Alice => Some(0),
            Who::Bob => Some(1),
            Who::Carl => Some(2),
            Who::Administrator => Some(3),
            _ => None,
        }
    }

    pub fn rules(self, drive: usize) -> bool {
        self == Who::Administrator || self.drive() == Some(drive)
    }
}

/// What the histories tried came to.
#[derive(Default)]
pub struct Tried {
    pub histories: u64,
    pub requests: u64,
    pub cells: BTreeSet<(Who, &'static str, &'static str)>,
}

/// What was not as the model says.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which rule was broken: one word for the call, one for the rule.
    pub rule: String,
    pub text: String,
}

/// A reply and what it tells of.
pub struct Answer {
    pub status: u16,
    /// Whether it is content, and not an answer in JSON.
    content: bool,
    pub json: Value,
    pub seen: Secrets,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether a call did what it was asked.
    pub fn ok(&self) -> bool {
        let code = self.json["code"].as_i64().unwrap_or(0);
        matches!(self.status, 200 | 302) && code == 0 && self.json["code"].as_str().is_none()
    }
}

/// What a call is to tell.
#[derive(Default)]
pub struct Expect {
    pub may: Secrets,
    pub must: Secrets,
    /// Whether it is to be done; none where nothing was promised.
    pub ok: Option<bool>,
}

impl Expect {
    pub fn refused() -> Expect {
        Expect { ok: Some(false), ..Expect::default() }
    }

    pub fn tells(message: Secrets) -> Expect {
        Expect { may: message.clone(), must: message, ok: Some(true) }
    }

    pub fn done() -> Expect {
        Expect { ok: Some(true), ..Expect::default() }
    }
}

pub const SECRET: &[u8; 32] = b"the secret of the imported serve";
pub const SALT: &str = "matrix-salt";
/// What a URL of the Cloudreve form may be short of its longest life, in seconds.
const WINDOW: i64 = 3000;
/// Numbers up to this one are of the server that was imported.
pub const IMPORTED: u64 = 400;

pub struct World {
    pub store: Store,
    pub api: Api,
    pub drives: Vec<Drive>,
    pub model: Model,
    pub marks: Marks,
    pub rng: Rng,
    pub urls: Vec<Url>,
    pub found: Vec<Finding>,
    /// What was tried: who, which call, after which event.
    pub cells: BTreeSet<(Who, &'static str, &'static str)>,
    pub last_event: &'static str,
    pub requests: u64,
    pub trace: Vec<String>,
    pub loud: bool,
    pub ids: HashIds,
    pub next_alias: u64,
    /// Imported numbers of versions.
    pub aliases: Vec<(u64, NodeId, usize, Tick)>,
    pub uploads: Vec<crate::uploads::Upload>,
    pub tokens: Vec<crate::pds::Token>,
    who: Who,
    what: &'static str,
}

impl World {
    pub fn new(seed: u64, loud: bool) -> World {
        let options = Options::new().mode(Mode::Exclusive).threshold(32 << 10).base_url("/files");
        let store = Store::open_on(Arc::new(SimVfs::new(seed)), options).expect("a store is made");
        store.set_hash_salt(SALT).expect("a salt");
        store.add_cloudreve_secret(SECRET).expect("a secret");
        store.leave_room(IMPORTED, IMPORTED).expect("room");
        let drives: Vec<Drive> = DRIVES.iter().map(|name| store.drive(name).expect("a drive")).collect();
        let mut model = Model { rights: [true, true, false, true], ..Model::default() };
        for (at, drive) in drives.iter().enumerate() {
            let root = drive.stat("").expect("a root").id.0;
            model.nodes.push(Node {
                id: root,
                drive: at,
                parent: None,
                name: String::new(),
                folder: true,
                root: true,
                trashed: false,
                deleted: false,
                versions: Vec::new(),
                current: 0,
                revoked: 0,
            });
        }
        let api = Api::new(&store);
        World {
            store,
            api,
            drives,
            model,
            marks: Marks::default(),
            rng: Rng::new(seed),
            urls: Vec::new(),
            found: Vec::new(),
            cells: BTreeSet::new(),
            last_event: "nothing",
            requests: 0,
            trace: Vec::new(),
            loud,
            ids: HashIds::new(SALT).expect("a salt"),
            next_alias: 1,
            aliases: Vec::new(),
            uploads: Vec::new(),
            tokens: Vec::new(),
            who: Who::Anonymous,
            what: "",
        }
    }

    pub fn say(&mut self, text: String) {
        if self.loud {
            crate::figure(&text);
        }
        self.trace.push(text);
    }

    pub fn find(&mut self, rule: &str, text: String) {
        let rule = format!("{}: {rule}", self.what);
        self.say(format!("  FOUND {rule}: {text}"));
        self.found.push(Finding { rule, text });
    }

    /// Says who calls what from here on.
    pub fn begin(&mut self, who: Who, what: &'static str) {
        (self.who, self.what) = (who, what);
        self.cells.insert((who, what, self.last_event));
    }

    pub fn caller(&self, who: Who) -> Caller {
        let rights = |drive: usize| match self.model.rights[drive] {
            true => Limits::new(),
            false => Limits::new().archive(false).share_download(false).links(0),
        };
        match who.drive() {
            Some(drive) => {
                let caller = Caller::of(DRIVES[drive]).token(format!("token of {}", DRIVES[drive]));
                let caller = caller.limits(rights(drive));
                if who == Who::Administrator { caller.administrator() } else { caller }
            }
            None => match who {
                // A host may let visitors have archives; where it says nothing, they have none.
                Who::VisitorWithPassword | Who::VisitorWithout => {
                    Caller::anonymous().limits(Limits::new().links(0))
                }
                _ => Caller::anonymous(),
            },
        }
    }

    pub fn may_load_shares(&self, who: Who) -> bool {
        who.drive().is_none_or(|drive| self.model.rights[drive])
    }

    pub fn may_archive(&self, who: Who) -> bool {
        match who.drive() {
            Some(drive) => self.model.rights[drive],
            None => matches!(who, Who::VisitorWithPassword | Who::VisitorWithout),
        }
    }

    pub fn hash(&self, id: u64, kind: HashKind) -> String {
        self.ids.encode(id, kind)
    }

    /// Makes a request as the caller that [`World::begin`] named.
    pub fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send_at(method, target, headers, body, Time::now())
    }

    pub fn send_at(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        now: Time,
    ) -> Answer {
        let mut request = Request::new(method, target).at(now);
        request.headers = headers.to_vec();
        self.requests += 1;
        let reply = match self.api.is_at(target) {
            true => self.api.answer(&self.caller(self.who), &request, body),
            false => self.store.serve(&request),
        };
        let asked = format!("{target} {}", String::from_utf8_lossy(&body[..body.len().min(4096)]));
        let message = match reply {
            Ok(reply) => self.read(&reply, &asked),
            Err(error) => {
                self.find("an error for the host", format!("{method} {asked}: {error}"));
                let json = Value::String(String::new());
                Answer {
                    status: 500,
                    content: false,
                    json,
                    seen: Secrets::new(),
                    location: None,
                    body: Vec::new(),
                }
            }
        };
        let shown: String = String::from_utf8_lossy(&message.body).chars().take(160).collect();
        let who = self.who;
        let shown = if message.json.is_null() { format!("{} bytes", message.body.len()) } else { shown };
        if self.loud {
            self.say(format!("  {who:?} {method} {} -> {} {shown}", cut(&asked, 300), message.status));
        }
        message
    }

    /// Reads a reply whole and searches it; what the request said itself is told by nobody.
    fn read(&mut self, reply: &Reply, asked: &str) -> Answer {
        let body = reply.body.to_vec(8 << 20).unwrap_or_else(|error| {
            self.find("a body that cannot be read", format!("{asked}: {error}"));
            Vec::new()
        });
        let mut head = String::new();
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\n"));
        }
        let is_json = reply.header("Content-Type").is_some_and(|kind| kind.starts_with("application/json"));
        let json: Value = match is_json {
            true => serde_json::from_slice(&body).unwrap_or(Value::Null),
            false => Value::Null,
        };
        let mut text = body.clone();
        text.extend(cursors(&json));
        let mut seen = self.marks.seen(&head, &text, is_json);
        let own = self.marks.seen(asked, asked.as_bytes(), true);
        seen.retain(|secret| !own.contains(secret) || matches!(secret, Secret::Bytes(_)));
        let location = reply.header("Location").map(str::to_owned);
        Answer { status: reply.status, content: !is_json, json, seen, location, body }
    }

    /// Holds a reply to what it is to tell.
    pub fn hold(&mut self, message: &Answer, expect: &Expect, about: &str) {
        let leaked: Vec<&Secret> = message.seen.difference(&expect.may).collect();
        if !leaked.is_empty() {
            let (rule, text) = (leak(leaked[0]), format!("{about} tells of {leaked:?}"));
            self.find(rule, text);
        }
        if expect.ok == Some(true) && !message.ok() {
            let shown = String::from_utf8_lossy(&message.body[..message.body.len().min(200)]).into_owned();
            self.find("refused what is granted", format!("{about}: {} {shown}", message.status));
            return;
        }
        if expect.ok == Some(false) && message.ok() {
            self.find("granted what is refused", about.to_owned());
        }
        let missing: Vec<&Secret> = expect.must.difference(&message.seen).collect();
        if message.ok() && !missing.is_empty() {
            self.find("message less than is granted", format!("{about} keeps back {missing:?}"));
        }
    }

    /// Remembers a URL. One of the Cloudreve form says itself when it ends, at some time of a window: the
    /// model holds it to that, and that to what was promised.
    pub fn add_url(&mut self, target: String, subject: Subject, expires: Option<i64>) -> usize {
        let made: Tick = self.model.tick;
        let form = matches!(subject, Subject::Content(..) | Subject::CloudreveArchive(_));
        let signed = target.rsplit([':', 'A']).next().and_then(|end| end.parse::<i64>().ok());
        let expires = match (signed.filter(|_| form), expires) {
            (Some(signed), Some(latest)) => {
                let least = if let Subject::Content(..) = subject { latest - WINDOW - 1 } else { 0 };
                if !(least..=latest + 1).contains(&signed) {
                    self.find("a Cloudreve URL has another end than was promised", format!("{signed}"));
                }
                Some(signed)
            }
            (_, expires) => expires,
        };
        let key = match subject {
            Subject::Link(_) | Subject::Imported(..) | Subject::Forged(_) => None,
            _ => self.signing_key(),
        };
        self.urls.push(Url {
            target,
            subject,
            made,
            expires,
            key,
            uses: None,
            downloaded: None,
            network: false,
        });
        self.urls.len() - 1
    }

    pub fn signing_key(&self) -> Option<u16> {
        let keys = self.store.keys().expect("keys");
        keys.into_iter().find(|(_, _, signs)| *signs).map(|(id, _, _)| id)
    }

    /// Uses a URL and holds what comes to the model.
    pub fn fetch(&mut self, number: usize, later: i64) {
        let url = self.urls[number].clone();
        let now = Time(Time::now().0 + later * 1_000_000);
        let verdict = self.model.judge(&url, now.unix());
        let about = format!("{:?} {later} s later ({verdict:?})", url.subject);
        let range = self.rng.one_in(4);
        let method = if self.rng.one_in(8) { "HEAD" } else { "GET" };
        let headers: &[(&str, &str)] = if range { &[("Range", "bytes=100-300")] } else { &[] };
        let message = self.send_at(method, &url.target, headers, b"", now);
        let served = matches!(message.status, 200 | 206) && message.content;
        if served && method == "GET" && url.uses.is_some() {
            self.urls[number].uses = url.uses.map(|(most, used)| (most, used + 1));
        }
        if served
            && method == "GET"
            && let Some(parts) = &mut self.urls[number].downloaded
        {
            // 201 bytes of a content of some thousand, or all of it.
            *parts += if message.status == 200 { 100 } else { 0 };
        }
        if let (Subject::Link(_), Some(location)) = (&url.subject, &message.location) {
            return self.follow(&url, &verdict, location.clone(), (&about, now.unix()));
        }
        let (contents, sure) = match &verdict {
            Verdict::Serves(contents) => (contents.clone(), true),
            Verdict::May(contents) => (contents.clone(), false),
            Verdict::Refuses(_) => Default::default(),
        };
        let mut may: Secrets = contents.iter().flat_map(|one| self.marks.whole(*one)).collect();
        let archive = matches!(url.subject, Subject::Archive(_) | Subject::CloudreveArchive(_));
        if let Subject::Archive(made) | Subject::CloudreveArchive(made) = &url.subject
            && !matches!(verdict, Verdict::Refuses(_))
        {
            may.extend(self.model.archives[*made].names.iter().cloned());
        } else if !contents.is_empty() {
            // The name in a reply is one that the file has or had.
            may.extend(message.seen.iter().filter(|secret| self.names_some(secret, &contents)).cloned());
        }
        let leaked: Vec<Secret> = message.seen.difference(&may).cloned().collect();
        if let Verdict::Refuses(why) = verdict
            && (served || !leaked.is_empty())
        {
            return self.find(&format!("serves though it is {why}"), about);
        }
        if !leaked.is_empty() {
            return self.find(leak(&leaked[0]), format!("{about} tells of {leaked:?}"));
        }
        if !sure {
            return;
        }
        let bytes: Secrets = contents.iter().map(|one| Secret::Bytes(*one)).collect();
        let whole = method == "GET" && !range;
        if !served || whole && !bytes.is_subset(&message.seen) && !archive {
            self.find("refused what is granted", format!("{about}: {}", message.status));
        } else if whole && archive && !bytes.is_subset(&message.seen) {
            self.find("an archive that lacks a member", about);
        } else if whole && !archive && contents.iter().all(|one| self.marks.get(*one).bytes != message.body) {
            self.find("other bytes than were put", about);
        }
    }

    /// A direct link leads to a URL of the Cloudreve form.
    fn follow(&mut self, link: &Url, verdict: &Verdict, location: String, (about, now): (&str, i64)) {
        if let Verdict::Refuses(why) = verdict {
            return self.find(&format!("serves though it is {why}"), about.to_owned());
        }
        let Subject::Link(number) = link.subject else { return };
        let node = self.model.links[number].node;
        let subject = Subject::Content(node, self.model.nodes[node].current, Via::Link(number));
        let url = self.add_url(location, subject, Some(now + 3600));
        self.fetch(url, now - Time::now().unix());
    }

    /// Whether a name is of a file that has, or had, one of these contents.
    fn names_some(&self, secret: &Secret, contents: &BTreeSet<usize>) -> bool {
        let Secret::Name(name) = secret else { return false };
        self.model.named.iter().filter(|(known, _)| known == name).any(|(_, node)| {
            self.model.nodes[*node].versions.iter().any(|version| contents.contains(&version.content))
        })
    }

    /// Picks a node for which a condition holds.
    pub fn pick(&mut self, wanted: impl Fn(&Model, NodeId) -> bool) -> Option<NodeId> {
        let all: Vec<NodeId> =
            (0..self.model.nodes.len()).filter(|node| wanted(&self.model, *node)).collect();
        self.rng.pick(&all).copied()
    }

    pub fn live_file(&mut self) -> Option<NodeId> {
        self.pick(|model, node| !model.nodes[node].folder && model.live(node))
    }
}

fn leak(secret: &Secret) -> &'static str {
    match secret {
        Secret::Bytes(_) => "leaked bytes",
        Secret::Hash(_) => "leaked a hash",
        Secret::Size(_) => "leaked a length",
        Secret::Name(_) => "leaked a name",
    }
}

pub fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
