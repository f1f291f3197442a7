//! The calls of PDS about revisions and the recycle bin, and those that take things away.

use holdall::{FileId, VersionId};
use serde_json::json;

use crate::marks::{Secret, Secrets};
use crate::model::{DRIVES, NodeId};
use crate::pds::{Aim, Reach};
use crate::uploads::text;
use crate::world::{Expect, Who, World};

impl World {
    pub fn pds_list_revisions(&mut self, who: Who) {
        self.begin(who, "/file/revision/list");
        let Some(aim) = self.aim_at_file(who) else { return };
        let answer = self.pds("/file/revision/list", &aim.body, &[]);
        let known = &self.model.nodes[aim.node];
        let mut shown = Secrets::from([Secret::Name(known.name.clone())]);
        for version in known.versions.iter().filter(|version| !version.removed) {
            shown.extend([Secret::Hash(version.content), Secret::Size(version.content)]);
        }
        let expect = self.expect(&aim, shown);
        self.hold(&answer, &expect, &format!("revisions of node {}", aim.node));
    }

    /// A file by a drive's id; calls that change something take no share.
    fn aim_at_file(&mut self, who: Who) -> Option<Aim> {
        for _ in 0..8 {
            let file =
                |world: &World, node: NodeId| !world.model.nodes[node].folder && !world.model.gone(node);
            let mut aim = self.aim(who, file)?;
            if matches!(aim.reach, Reach::Drive) {
                aim.reads = aim.reads.map(|reads| reads && self.model.live(aim.node));
                return Some(aim);
            }
        }
        None
    }

    pub fn pds_revision(&mut self, who: Who) {
        let calls = [
            "/file/revision/get",
            "/file/revision/update",
            "/file/revision/restore",
            "/file/revision/delete",
        ];
        let call = calls[self.rng.below(4) as usize];
        self.begin(who, call);
        let Some(mut aim) = self.aim_at_file(who) else { return };
        let node = aim.node;
        let at = self.rng.below(self.model.nodes[node].versions.len() as u64) as usize;
        let version = self.model.nodes[node].versions[at].clone();
        let current = self.model.nodes[node].current == at;
        aim.body["revision_id"] = json!(VersionId(version.id).to_string());
        let answer = self.pds(call, &aim.body, &[]);
        let changes = matches!(call, "/file/revision/restore" | "/file/revision/delete");
        aim.reads = aim.reads.map(|reads| reads && !version.removed && !(changes && current));
        let name = Secret::Name(self.model.nodes[node].name.clone());
        let mut expect = self.expect(
            &aim,
            Secrets::from([name, Secret::Hash(version.content), Secret::Size(version.content)]),
        );
        if call == "/file/revision/delete" {
            expect.must.clear();
        }
        self.hold(&answer, &expect, &format!("version {at} of node {node}"));
        if !answer.ok() || aim.reads != Some(true) {
            return;
        }
        match call {
            "/file/revision/restore" => {
                let id: VersionId = text(&answer.json["revision_id"]).parse().expect("a revision");
                self.add_version(node, id, version.content);
            }
            "/file/revision/delete" => {
                self.model.event();
                self.model.nodes[node].versions[at].removed = true;
            }
            _ => {}
        }
        self.keep_urls(&answer, node);
    }

    pub fn pds_trash(&mut self, who: Who) {
        // What lies in the trash already stays there, and the call says yes.
        self.change(
            who,
            "/recyclebin/trash",
            |_, _| true,
            |world, node| {
                if world.model.live(node) {
                    world.trashed(node);
                }
            },
        );
    }

    pub fn pds_delete(&mut self, who: Who) {
        let there = |world: &World, node: NodeId| world.model.live(node) || world.model.nodes[node].trashed;
        self.change(who, "/file/delete", there, |world, node| {
            world.model.event();
            world.model.nodes[node].deleted = true;
        });
    }

    fn change(
        &mut self,
        who: Who,
        call: &'static str,
        can: impl Fn(&World, NodeId) -> bool,
        done: impl Fn(&mut World, NodeId),
    ) {
        self.begin(who, call);
        let Some(node) = self.pick(|model, node| !model.nodes[node].root && !model.gone(node)) else {
            return;
        };
        let drive = self.model.nodes[node].drive;
        let body = json!({ "drive_id": self.drive_id(drive), "file_id": self.file_id(node) });
        // What others try comes often, and what is granted seldom, or nothing would be left.
        if who.rules(drive) && !self.rng.one_in(3) {
            return;
        }
        let answer = self.pds(call, &body, &[]);
        let ok = who.rules(drive) && can(self, node);
        let expect = if ok { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("node {node}"));
        if answer.ok() {
            done(self, node);
        }
    }

    pub fn pds_restore(&mut self, who: Who) {
        self.begin(who, "/recyclebin/restore");
        let there = self.pick(|model, node| model.nodes[node].trashed && !model.gone(node));
        let Some(node) = there else { return };
        let drive = self.model.nodes[node].drive;
        let body = json!({ "drive_id": self.drive_id(drive), "file_id": self.file_id(node) });
        let answer = self.pds("/recyclebin/restore", &body, &[]);
        let expect = if who.rules(drive) { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("node {node}"));
        if answer.ok() {
            self.learn_place(node);
        }
    }

    /// Asks the host where a file lies that went back by itself: its folders may have been made anew.
    fn learn_place(&mut self, node: NodeId) {
        let mut at = node;
        self.model.nodes[node].trashed = false;
        loop {
            let info = self.store.file(FileId(self.model.nodes[at].id)).expect("what was restored");
            self.model.nodes[at].name.clone_from(&info.name);
            self.marks.learn(&info.name);
            self.model.named.push((info.name.clone(), at));
            let Some(parent) = info.parent else { break };
            let known = self.model.nodes.iter().position(|one| one.id == parent.0);
            let parent_node = match known {
                Some(known) => known,
                None => {
                    let name = self.store.file(parent).expect("a folder").name;
                    self.add_folder(0, &name, parent)
                }
            };
            self.model.nodes[parent_node].drive = self.model.nodes[at].drive;
            self.model.nodes[at].parent = Some(parent_node);
            if known.is_some() {
                break;
            }
            at = parent_node;
        }
        self.model.event();
    }

    pub fn pds_list_recyclebin(&mut self, who: Who) {
        self.begin(who, "/recyclebin/list");
        let drive = self.rng.below(3) as usize;
        let answer =
            self.pds("/recyclebin/list", &json!({ "drive_id": self.drive_id(drive), "limit": 200 }), &[]);
        let trashed = |node: &NodeId| {
            let known = &self.model.nodes[*node];
            known.trashed && known.drive == drive && !self.model.gone(*node)
        };
        let shown =
            (0..self.model.nodes.len()).filter(trashed).flat_map(|node| self.model.about(node)).collect();
        let expect = if who.rules(drive) { Expect::tells(shown) } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("the bin of {}", DRIVES[drive]));
    }
}
