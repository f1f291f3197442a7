//! The calls of Cloudreve, each by whoever: what the model grants is there, and nothing else is told.

use holdall::token::HashKind;
use holdall::{Time, VersionId};
use serde_json::json;

use crate::model::{Link, NodeId, Subject, Via};
use crate::uploads::text;
use crate::urls::path_in;
use crate::world::{Answer, Expect, Who, World};

/// A URI, what it leads to, and whether the caller gets it.
#[derive(Clone, Debug)]
struct Picked {
    uri: String,
    node: NodeId,
    share: Option<usize>,
    /// Whether the caller owns it, by whatever way it comes.
    own: bool,
    granted: bool,
}

impl World {
    fn cloudreve(&mut self, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        self.send(method, &format!("/api/v4/{path}"), &[], body.to_string().as_bytes())
    }

    /// Picks what a URI names: in the caller's drive, in another's by name, or through a share.
    fn uri(&mut self, who: Who) -> Option<Picked> {
        let through = self.rng.one_in(2) && !self.model.shares.is_empty();
        let node = self.pick(|model, node| !model.nodes[node].root && !model.gone(node))?;
        let drive = self.model.nodes[node].drive;
        let own = who.drive() == Some(drive);
        if !through {
            let live = self.model.live(node);
            let path = self.model.path(node);
            let named = match self.rng.one_in(3) {
                true => format!("{}@", self.hash(self.drives[drive].id().0, HashKind::User)),
                false => String::new(),
            };
            let uri = format!("cloudreve://{named}my/{path}");
            return Some(Picked { uri, node, share: None, own, granted: own && live });
        }
        let share = self.rng.below(self.model.shares.len() as u64) as usize;
        let node = self.pick(|model, node| model.holds(share, node)).unwrap_or(node);
        let known = self.model.shares[share].clone();
        let top = known.node;
        let path = match self.model.nodes[top].folder {
            _ if !self.model.holds(share, node) => self.model.path(node),
            true => path_in(self, share, node),
            false => self.model.nodes[node].name.clone(),
        };
        let own = who.drive() == Some(self.model.nodes[top].drive);
        let knows = who == Who::VisitorWithPassword;
        let password = match (known.password, knows) {
            (Some(password), true) => format!(":{password}"),
            (Some(_), false) if self.rng.one_in(2) => ":wrong".to_owned(),
            _ => String::new(),
        };
        let uri = format!("cloudreve://{}{password}@share/{path}", known.hash);
        let enters = own || (known.password.is_none() || knows) && self.may_load_shares(who);
        let granted = enters
            && self.model.stands(share, Time::now().unix())
            && self.model.has_downloads(share, 1)
            && self.model.holds(share, node);
        Some(Picked { uri, node, share: Some(share), own, granted })
    }

    /// Whether all of some downloads together are within what the shares have left.
    fn in_limits(&self, picked: &[Picked]) -> bool {
        (0..self.model.shares.len()).all(|share| {
            let wanted = picked.iter().filter(|one| one.share == Some(share)).count() as u64;
            wanted == 0 || self.model.has_downloads(share, wanted)
        })
    }

    fn count(&mut self, picked: &[Picked]) {
        for share in picked.iter().filter_map(|one| one.share) {
            self.model.shares[share].downloads += 1;
        }
    }

    pub fn cr_urls(&mut self, who: Who) {
        self.begin(who, "POST file/url");
        let Some(picked) = self.uri(who) else { return };
        let known = self.model.nodes[picked.node].clone();
        let file = !known.folder;
        let redirect = self.rng.one_in(4);
        let mut body = json!({ "uris": [picked.uri], "download": true, "redirect": redirect });
        let mut version = known.current;
        let mut ok = Some(picked.granted && file);
        if file && self.rng.one_in(3) {
            version = self.rng.below(known.versions.len() as u64) as usize;
            body["entity"] = json!(self.hash(known.versions[version].id, HashKind::Entity));
            if known.versions[version].removed {
                ok = Some(false);
            } else if version != known.current && !picked.own && ok == Some(true) {
                // An older version through a share: nothing was promised.
                ok = None;
            }
        }
        let answer = self.cloudreve("POST", "file/url", &body);
        self.hold(&answer, &Expect { ok, ..Expect::default() }, &format!("{picked:?}"));
        let url = answer.location.clone().unwrap_or_else(|| text(&answer.json["data"]["urls"][0]["url"]));
        if !answer.ok() || url.is_empty() {
            return;
        }
        self.count(std::slice::from_ref(&picked));
        // What an owner gets through a share of the own hangs on nothing that was promised.
        if !(picked.own && picked.share.is_some()) {
            let expires = Some(Time::now().unix() + 3601);
            let via = picked.share.map_or(Via::Nothing, Via::Share);
            self.add_url(url, Subject::Content(picked.node, version, via), expires);
        }
    }

    /// One zip of several: of the own drive, of others' shares, or of both.
    pub fn cr_archive(&mut self, who: Who) {
        self.begin(who, "POST file/url, an archive");
        let mut picked: Vec<Picked> = Vec::new();
        for _ in 0..1 + self.rng.below(3) {
            let Some(one) = self.uri(who) else { return };
            let related = |known: &Picked| {
                self.model.above(one.node).contains(&known.node)
                    || self.model.above(known.node).contains(&one.node)
            };
            let is_top = one.share.is_some_and(|share| {
                self.model.shares[share].node == one.node && self.model.nodes[one.node].folder
            });
            // Most are of things that the caller gets, or hardly any zip would come about.
            let wanted = one.granted || self.rng.one_in(5);
            let own_by_share = one.own && one.share.is_some();
            let unfit = is_top || own_by_share || picked.iter().any(related);
            if wanted && !unfit {
                picked.push(one);
            }
        }
        if picked.is_empty() {
            return;
        }
        let uris: Vec<&str> = picked.iter().map(|one| one.uri.as_str()).collect();
        let answer = self.cloudreve("POST", "file/url", &json!({ "uris": uris, "archive": true }));
        let ok = self.may_archive(who) && picked.iter().all(|one| one.granted) && self.in_limits(&picked);
        let expect = if ok { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("{picked:?}"));
        let url = text(&answer.json["data"]["urls"][0]["url"]);
        if !answer.ok() || url.is_empty() {
            return;
        }
        self.count(&picked);
        let nodes: Vec<NodeId> = picked.iter().map(|one| one.node).collect();
        let mut shares: Vec<usize> = picked.iter().filter_map(|one| one.share).collect();
        shares.sort_unstable();
        shares.dedup();
        let id = url.split("/file/archive/").nth(1).and_then(|rest| rest.split(['/', '.']).next());
        let id = id.unwrap_or_default().to_owned();
        let archive = self.add_archive(id, who.drive(), &nodes, shares, 600);
        // One that is there already, and lives longer, does.
        let expires = self.model.archives[archive].expires;
        self.add_url(url, Subject::CloudreveArchive(archive), Some(expires + 1));
    }

    pub fn cr_make_link(&mut self, who: Who) {
        self.begin(who, "PUT file/source");
        let Some(picked) = self.uri(who) else { return };
        let answer = self.cloudreve("PUT", "file/source", &json!({ "uris": [picked.uri] }));
        let administrator = who == Who::Administrator;
        let links = self.caller(who).drive().is_some() && who != Who::Carl;
        let links = links && who.drive().is_none_or(|drive| self.model.rights[drive]);
        let ok =
            links && picked.granted && (picked.own || administrator) && !self.model.nodes[picked.node].folder;
        let expect = if ok { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("{picked:?}"));
        let link = text(&answer.json["data"][0]["link"]);
        if !answer.ok() || link.is_empty() {
            return;
        }
        let drive = &self.drives[self.model.nodes[picked.node].drive];
        let made = drive.links(&self.model.path(picked.node)).expect("the links of a file");
        let Some(made) =
            made.into_iter().find(|known| self.model.links.iter().all(|link| link.id != known.id))
        else {
            return;
        };
        self.model.event();
        let (id, name) = (made.id, made.name);
        let number = self.new_link(Link { id, node: picked.node, name, deleted: false });
        self.add_url(link, Subject::Link(number), None);
    }

    pub fn cr_delete_link(&mut self, who: Who) {
        self.begin(who, "DELETE file/source/_");
        let link = self.rng.below(self.model.links.len() as u64) as usize;
        let Some(known) = self.model.links.get(link).cloned() else { return };
        let own = who.drive() == Some(self.model.nodes[known.node].drive);
        if own && !self.rng.one_in(3) {
            return;
        }
        let answer = self.cloudreve("DELETE", &format!("file/source/{}", known.id), &json!(null));
        let ok = own && !known.deleted && !self.model.gone(known.node);
        let expect = if ok { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("link {link}"));
        if answer.ok() {
            self.model.event();
            self.model.links[link].deleted = true;
        }
    }

    pub fn cr_version(&mut self, who: Who) {
        let delete = self.rng.one_in(2);
        self.begin(who, if delete { "DELETE file/version" } else { "POST file/version/current" });
        let Some(picked) = self.uri(who) else { return };
        let known = self.model.nodes[picked.node].clone();
        if known.folder {
            return;
        }
        let at = self.rng.below(known.versions.len() as u64) as usize;
        let version = VersionId(known.versions[at].id).0;
        let body = json!({ "uri": picked.uri, "version": self.hash(version, HashKind::Entity) });
        let (method, path) =
            if delete { ("DELETE", "file/version") } else { ("POST", "file/version/current") };
        let answer = self.cloudreve(method, path, &body);
        let ok =
            picked.granted && picked.own && !known.versions[at].removed && !(delete && at == known.current);
        let expect = if ok { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("version {at} of {picked:?}"));
        if !answer.ok() {
            return;
        }
        self.model.event();
        match delete {
            true => self.model.nodes[picked.node].versions[at].removed = true,
            false => self.model.nodes[picked.node].current = at,
        }
    }

    /// What a browser asks before it asks for the content tells nothing, whatever the URL.
    pub fn cr_options(&mut self, who: Who) {
        self.begin(who, "OPTIONS file/content");
        let number = self.rng.below(self.urls.len() as u64) as usize;
        let Some(url) = self.urls.get(number).cloned() else { return };
        for method in ["OPTIONS", "POST", "DELETE"] {
            let answer = self.send(method, &url.target, &[], b"");
            self.hold(&answer, &Expect::default(), "a method that reads nothing");
        }
    }
}
