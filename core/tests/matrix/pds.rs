//! The calls of PDS, each by whoever: what the model grants is there, and nothing else is told.

use holdall::{FileId, Time, VersionId};
use serde_json::{Value, json};

use crate::marks::{Secret, Secrets};
use crate::model::{DRIVES, NodeId, Subject, Tick, Verdict};
use crate::uploads::text;
use crate::urls::some_of_a_drive;
use crate::world::{Answer, Expect, Who, World};

/// A share token, as a visitor was given it.
#[derive(Clone, Debug)]
pub struct Token {
    pub share: usize,
    pub text: String,
    pub made: Tick,
    pub key: Option<u16>,
}

/// How a call reaches what it is about.
#[derive(Clone, Debug)]
pub enum Reach {
    /// By a drive's id.
    Drive,
    /// By a share's id and a token.
    Share(Token),
}

/// What a call is about, and what the caller may do with it.
pub struct Aim {
    pub reach: Reach,
    pub node: NodeId,
    pub body: Value,
    token: Option<String>,
    /// Whether the caller may read there; none where it depends on what nothing was promised of.
    pub reads: Option<bool>,
    /// Whether the caller may load from there, if it may read.
    loads: bool,
}

impl World {
    pub fn drive_id(&self, drive: usize) -> String {
        self.drives[drive].id().0.to_string()
    }

    pub fn file_id(&self, node: NodeId) -> String {
        match self.model.nodes[node].root {
            true => "root".to_owned(),
            false => FileId(self.model.nodes[node].id).to_string(),
        }
    }

    pub fn pds(&mut self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.send("POST", &format!("/v2{path}"), headers, body.to_string().as_bytes())
    }

    fn read_call(&mut self, path: &str, aim: &Aim) -> Answer {
        let headers: Vec<(&str, &str)> =
            aim.token.iter().map(|token| ("x-share-token", token.as_str())).collect();
        self.pds(path, &aim.body, &headers)
    }

    /// Picks something to read, by a drive or through a share.
    pub fn aim(&mut self, who: Who, wanted: impl Fn(&World, NodeId) -> bool) -> Option<Aim> {
        let all: Vec<NodeId> = (0..self.model.nodes.len()).filter(|node| wanted(self, *node)).collect();
        if self.rng.one_in(3) && !self.tokens.is_empty() {
            return self.aim_through_share(who, &all);
        }
        let node = *self.rng.pick(&all)?;
        let mut drive = self.model.nodes[node].drive;
        // Another's file, as if it were in one's own drive.
        if let Some(own) = who.drive().filter(|_| self.rng.one_in(4)) {
            drive = own;
        }
        let body = json!({ "drive_id": self.drive_id(drive), "file_id": self.file_id(node), "parent_file_id": self.file_id(node) });
        let is_in = self.model.nodes[node].drive == drive && !self.model.gone(node);
        // `root` is the root of whatever drive is named.
        let node = if self.model.nodes[node].root { drive } else { node };
        let reads = Some(who.rules(drive) && (is_in || self.model.nodes[node].root));
        Some(Aim { reach: Reach::Drive, node, body, token: None, reads, loads: true })
    }

    fn aim_through_share(&mut self, who: Who, all: &[NodeId]) -> Option<Aim> {
        let token = self.rng.pick(&self.tokens).cloned()?;
        let inside: Vec<NodeId> =
            all.iter().copied().filter(|node| self.model.holds(token.share, *node)).collect();
        let node = match self.rng.one_in(4) || inside.is_empty() {
            true => *self.rng.pick(all)?,
            false => *self.rng.pick(&inside)?,
        };
        let share = &self.model.shares[token.share];
        let drive = self.model.nodes[share.node].drive;
        let mut id = share.id;
        let mut reads = match self.model.stands(token.share, Time::now().unix()) {
            true if share.revoked > token.made || self.model.revoked[drive] > token.made => Some(false),
            true if self.model.is_removed(token.key) => Some(false),
            true if self.model.nodes[share.node].revoked > token.made => None,
            stands => Some(stands),
        };
        // The token of another share.
        if self.rng.one_in(8) {
            id = self.model.shares[self.rng.below(self.model.shares.len() as u64) as usize].id;
            if id != self.model.shares[token.share].id {
                reads = Some(false);
            }
        }
        if self.model.nodes[node].root || !self.model.holds(token.share, node) {
            reads = Some(false);
        }
        let file = FileId(self.model.nodes[node].id).to_string();
        let body = json!({ "share_id": id.to_string(), "file_id": file, "parent_file_id": file });
        let loads = self.may_load_shares(who) || who.drive() == Some(drive);
        Some(Aim { node, body, token: Some(token.text.clone()), reach: Reach::Share(token), reads, loads })
    }

    /// What somebody who may read it is told of a file or folder.
    pub fn shown(&self, aim: &Aim, who: Who, node: NodeId) -> Secrets {
        let mut answer = self.model.about(node);
        // Hashes go with the content: to nobody who may not load it.
        if let Reach::Share(token) = &aim.reach
            && who.drive() != Some(self.model.nodes[node].drive)
            && !(aim.loads && self.model.has_downloads(token.share, 1))
        {
            answer.retain(|secret| !matches!(secret, Secret::Hash(_)));
        }
        answer
    }

    pub fn expect(&self, aim: &Aim, answer: Secrets) -> Expect {
        match aim.reads {
            Some(true) => {
                let must =
                    answer.iter().filter(|secret| !matches!(secret, Secret::Hash(_))).cloned().collect();
                let must = if matches!(aim.reach, Reach::Drive) { answer.clone() } else { must };
                Expect { may: answer, must, ok: Some(true) }
            }
            Some(false) => Expect::refused(),
            None => Expect { may: answer, ..Expect::default() },
        }
    }

    /// Remembers the URLs that stand beside a file or revision.
    pub fn keep_urls(&mut self, answer: &Answer, node: NodeId) {
        let Ok(version) = text(&answer.json["revision_id"]).parse::<VersionId>() else { return };
        let at = self.model.nodes[node].versions.iter().position(|known| known.id == version.0);
        let Some(at) = at else { return };
        for field in ["url", "download_url"] {
            if let Some(url) = answer.json[field].as_str() {
                let expires = Some(Time::now().unix() + 901);
                self.add_url(url.to_owned(), Subject::Revision(node, at), expires);
            }
        }
    }

    pub fn pds_drives(&mut self, who: Who) {
        self.begin(who, "/drive/get");
        let drive = self.rng.below(3) as usize;
        let answer = self.pds("/drive/get", &json!({ "drive_id": self.drive_id(drive) }), &[]);
        let expect = if who.rules(drive) { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, DRIVES[drive]);
        for call in ["/drive/get_default_drive", "/drive/list_my_drives"] {
            self.begin(who, call);
            let answer = self.pds(call, &json!({}), &[]);
            let expect = if who.drive().is_some() { Expect::done() } else { Expect::refused() };
            self.hold(&answer, &expect, "the caller's drive");
        }
    }

    pub fn pds_get(&mut self, who: Who) {
        self.begin(who, "/file/get");
        let Some(aim) = self.aim(who, |world, node| !world.model.nodes[node].root) else { return };
        let answer = self.read_call("/file/get", &aim);
        let expect = self.expect(&aim, self.shown(&aim, who, aim.node));
        self.hold(&answer, &expect, &format!("{:?} of node {}", aim.reach, aim.node));
        if answer.ok() {
            self.keep_urls(&answer, aim.node);
        }
    }

    pub fn pds_list(&mut self, who: Who) {
        self.begin(who, "/file/list");
        let folder = |world: &World, node: NodeId| world.model.nodes[node].folder && world.model.live(node);
        let Some(mut aim) = self.aim(who, folder) else { return };
        if let Reach::Share(token) = &aim.reach
            && self.rng.one_in(2)
        {
            aim.body["parent_file_id"] = json!("root");
            let node = self.model.shares[token.share].node;
            // What is shared lies at the top of a share.
            aim.reads = aim.reads.map(|_| {
                let drive = self.model.nodes[node].drive;
                let share = &self.model.shares[token.share];
                aim.body["share_id"] == json!(share.id.to_string())
                    && self.model.stands(token.share, Time::now().unix())
                    && share.revoked <= token.made
                    && self.model.revoked[drive] <= token.made
                    && !self.model.is_removed(token.key)
            });
            let expect = self.expect(&aim, self.shown(&aim, who, node));
            let answer = self.read_call("/file/list", &aim);
            return self.hold(&answer, &expect, "the top of a share");
        }
        aim.body["limit"] = json!(100);
        let answer = self.read_call("/file/list", &aim);
        let shown: Secrets =
            self.model.children(aim.node).iter().flat_map(|child| self.shown(&aim, who, *child)).collect();
        let expect = self.expect(&aim, shown);
        self.hold(&answer, &expect, &format!("{:?} of node {}", aim.reach, aim.node));
    }

    pub fn pds_get_download_url(&mut self, who: Who) {
        self.load(who, "/file/get_download_url");
    }

    pub fn pds_download(&mut self, who: Who) {
        self.load(who, "/file/download");
    }

    fn load(&mut self, who: Who, call: &'static str) {
        self.begin(who, call);
        let Some(aim) = self.aim(who, |world, node| !world.model.nodes[node].root) else { return };
        let folder = self.model.nodes[aim.node].folder;
        let answer = match call {
            "/file/download" => {
                let of = |name: &str| text(&aim.body[name]);
                let share = if aim.token.is_some() {
                    format!("share_id={}", of("share_id"))
                } else {
                    format!("drive_id={}", of("drive_id"))
                };
                let token = aim.token.clone().unwrap_or_default();
                let headers: &[(&str, &str)] =
                    if aim.token.is_some() { &[("x-share-token", &token)] } else { &[] };
                self.send(
                    "GET",
                    &format!("/v2/file/download?{share}&file_id={}", of("file_id")),
                    headers,
                    b"",
                )
            }
            _ => self.read_call(call, &aim),
        };
        let share = if let Reach::Share(token) = &aim.reach { Some(token.share) } else { None };
        let rights = aim.loads
            && share.is_none_or(|share| self.model.has_downloads(share, 1))
            && (!folder || self.may_archive(who));
        let mut expect = self.expect(&aim, self.model.about(aim.node));
        (expect.must, expect.ok) = match (expect.ok, rights && self.model.live(aim.node)) {
            (Some(true) | None, false) => {
                expect.may.clear();
                (Secrets::new(), Some(false))
            }
            (ok, _) => (Secrets::new(), ok),
        };
        self.hold(&answer, &expect, &format!("{:?} of node {}", aim.reach, aim.node));
        if !answer.ok() {
            return;
        }
        if let Some(share) = share {
            self.model.shares[share].downloads += 1;
        }
        let Some(url) = answer.location.clone().or_else(|| answer.json["url"].as_str().map(str::to_owned))
        else {
            return;
        };
        let drive = self.model.nodes[aim.node].drive;
        let subject = match (folder, share) {
            (false, None) => Subject::Revision(aim.node, self.model.nodes[aim.node].current),
            (false, Some(share)) => Subject::Share(share, aim.node),
            (true, _) => {
                let maker = if share.is_some() { who.drive() } else { Some(drive) };
                let id = text(&answer.json["file_id"]);
                Subject::Archive(self.add_archive(id, maker, &[aim.node], share.into_iter().collect(), 900))
            }
        };
        self.add_url(url, subject, Some(Time::now().unix() + 901));
    }

    pub fn pds_archive_files(&mut self, who: Who) {
        self.begin(who, "/file/archive_files");
        let Some(aim) = self.aim(who, |world, node| !world.model.nodes[node].root && world.model.live(node))
        else {
            return;
        };
        let share = if let Reach::Share(token) = &aim.reach { Some(token.share) } else { None };
        let picks = match share {
            Some(_) => vec![aim.node],
            None => some_of_a_drive(self, self.model.nodes[aim.node].drive),
        };
        let ids: Vec<String> = picks.iter().map(|pick| self.file_id(*pick)).collect();
        let aim = Aim { body: merged(&aim.body, "file_ids", json!(ids)), ..aim };
        let answer = self.read_call("/file/archive_files", &aim);
        let rights = aim.loads
            && self.may_archive(who)
            && share.is_none_or(|share| self.model.has_downloads(share, 1));
        let ok = match (aim.reads, rights) {
            (_, false) => Some(false),
            (reads, true) => reads,
        };
        self.hold(&answer, &Expect { ok, ..Expect::default() }, &format!("{:?} of {picks:?}", aim.reach));
        if !answer.ok() {
            return;
        }
        if let Some(share) = share {
            self.model.shares[share].downloads += 1;
        }
        let drive = self.model.nodes[picks[0]].drive;
        let maker = if share.is_some() { who.drive() } else { Some(drive) };
        let archive = self.add_archive(
            text(&answer.json["async_task_id"]),
            maker,
            &picks,
            share.into_iter().collect(),
            900,
        );
        self.add_url(text(&answer.json["url"]), Subject::Archive(archive), Some(Time::now().unix() + 901));
    }

    /// An archive by its id: its maker gets it, while the group may have archives, and nobody else.
    pub fn pds_archive_by_id(&mut self, who: Who) {
        let task = self.rng.one_in(2);
        self.begin(who, if task { "/async_task/get" } else { "/file/get_download_url, an archive" });
        let archive = self.rng.below(self.model.archives.len() as u64) as usize;
        let known = self.model.archives.get(archive).filter(|known| !known.id.is_empty()).cloned();
        let Some(known) = known else { return };
        let drive = who.drive().or(known.maker).unwrap_or(0);
        let body =
            json!({ "async_task_id": known.id, "drive_id": self.drive_id(drive), "file_id": known.id });
        let answer = self.pds(if task { "/async_task/get" } else { "/file/get_download_url" }, &body, &[]);
        self.judge_archive(who, archive, &answer);
    }

    pub fn judge_archive(&mut self, who: Who, archive: usize, answer: &Answer) {
        let known = self.model.archives[archive].clone();
        let mut url = crate::model::Url {
            target: String::new(),
            subject: Subject::Archive(archive),
            made: known.made,
            expires: None,
            key: None,
            uses: None,
            downloaded: None,
            network: false,
        };
        let verdict = self.model.judge(&url, Time::now().unix());
        let is_maker = known.maker.is_some() && known.maker == who.drive();
        let about = format!("archive {archive} of {known:?}");
        if !is_maker || !self.may_archive(who) {
            if answer.ok() && who != Who::Administrator {
                let rule = if is_maker {
                    "an archive past the group's rights"
                } else {
                    "another's archive by its id"
                };
                self.find(rule, about);
            }
        } else if answer.ok() && matches!(verdict, Verdict::Refuses(_)) {
            // A new URL says that it is anew: what was revoked by a drive's owner may be handed out again.
            let over = known.shares.iter().any(|share| !self.model.stands(*share, Time::now().unix()));
            if over {
                self.find("an archive whose share ended, by its id", about);
            }
        } else if !answer.ok() && matches!(verdict, Verdict::Serves(_)) && known.shares.is_empty() {
            self.find("refused what is granted", format!("{about}: {}", answer.status));
        }
        if answer.ok()
            && let Some(target) = answer.json["url"].as_str()
        {
            url.target = target.to_owned();
            let number =
                self.add_url(target.to_owned(), Subject::Archive(archive), Some(Time::now().unix() + 901));
            self.fetch(number, 0);
        }
    }

    pub fn pds_share_token(&mut self, who: Who) {
        self.begin(who, "/share_link/get_share_token");
        let share = self.rng.below(self.model.shares.len() as u64) as usize;
        let Some(known) = self.model.shares.get(share).cloned() else { return };
        let mut body = json!({ "share_id": known.id.to_string() });
        let knows = who == Who::VisitorWithPassword;
        if known.password.is_some() {
            body["share_pwd"] = json!(if knows { known.password } else { Some("wrong") });
        }
        let answer = self.pds("/share_link/get_share_token", &body, &[]);
        let now = Time::now().unix();
        let ok = self.model.stands(share, now)
            && self.model.has_downloads(share, 1)
            && (known.password.is_none() || knows);
        let expect = if ok { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("share {share}"));
        if answer.ok() {
            let (made, key) = (self.model.tick, self.signing_key());
            self.tokens.push(Token { share, text: text(&answer.json["share_token"]), made, key });
        }
    }
}

fn merged(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}
