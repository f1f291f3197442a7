//! Uploads in parts and by proof, as the calls of PDS make them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdall::digest::Digest;
use holdall::{FileId, VersionId};
use serde_json::{Value, json};

use crate::marks::{ContentId, Secret, Secrets};
use crate::model::{DRIVES, NodeId, Tick};
use crate::world::{Expect, Who, World};

/// An upload that was begun.
#[derive(Clone, Debug)]
pub struct Upload {
    pub drive: usize,
    pub id: String,
    pub file: String,
    /// The file that gets a version, or the folder that gets a file, under a name.
    pub goal: (NodeId, Option<String>),
    pub content: ContentId,
    pub part_url: String,
    pub put: bool,
    pub done: bool,
    pub made: Tick,
    pub key: Option<u16>,
}

impl World {
    fn picked_folder(&mut self, who: Who) -> Option<NodeId> {
        let strict = self.rng.one_in(2);
        self.pick(|model, node| {
            let known = &model.nodes[node];
            known.folder && model.live(node) && known.drive < 3 && (!strict || who.rules(known.drive))
        })
    }

    pub fn pds_create_folder(&mut self, who: Who) {
        self.begin(who, "/file/create, a folder");
        let Some(parent) = self.picked_folder(who) else { return };
        let name = self.marks.name("");
        let drive = self.model.nodes[parent].drive;
        let body = json!({ "drive_id": self.drive_id(drive), "parent_file_id": self.file_id(parent), "name": name, "type": "folder" });
        let answer = self.pds("/file/create", &body, &[]);
        let expect = if who.rules(drive) { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, &format!("a folder in {}", DRIVES[drive]));
        if answer.ok() && who.rules(drive) {
            let id: FileId = text(&answer.json["file_id"]).parse().expect("the id of a folder");
            self.add_folder(parent, &name, id);
        }
    }

    /// Begins an upload of a new file, or of a version of a file that is there.
    pub fn pds_create_upload(&mut self, who: Who) {
        self.begin(who, "/file/create, an upload");
        let version = self.rng.one_in(3);
        let goal = match version {
            true => self.live_file().map(|node| (node, None)),
            false => self.picked_folder(who).map(|folder| (folder, Some(self.marks.name(".bin")))),
        };
        let Some(goal) = goal else { return };
        let content = self.new_content();
        let drive = self.model.nodes[goal.0].drive;
        let mut body = json!({
            "drive_id": self.drive_id(drive), "type": "file", "size": self.marks.get(content).bytes.len(),
            "name": goal.1.clone().unwrap_or_else(|| "x".to_owned()),
        });
        match &goal.1 {
            Some(_) => body["parent_file_id"] = json!(self.file_id(goal.0)),
            None => body["file_id"] = json!(self.file_id(goal.0)),
        }
        let answer = self.pds("/file/create", &body, &[]);
        let may = Secrets::from([Secret::Name(self.model.nodes[goal.0].name.clone())]);
        let expect = match who.rules(drive) {
            true => Expect { may, ok: Some(true), ..Expect::default() },
            false => Expect::refused(),
        };
        self.hold(&answer, &expect, &format!("an upload into {}", DRIVES[drive]));
        if !answer.ok() {
            return;
        }
        let (made, key) = (self.model.event(), self.signing_key());
        self.uploads.push(Upload {
            drive,
            id: text(&answer.json["upload_id"]),
            file: text(&answer.json["file_id"]),
            goal,
            content,
            part_url: text(&answer.json["part_info_list"][0]["upload_url"]),
            put: false,
            done: false,
            made,
            key,
        });
    }

    fn some_upload(&mut self) -> Option<usize> {
        let open: Vec<usize> = (0..self.uploads.len()).filter(|at| !self.uploads[*at].done).collect();
        self.rng.pick(&open).copied()
    }

    fn of_upload(&self, upload: &Upload) -> Value {
        json!({ "drive_id": self.drive_id(upload.drive), "file_id": upload.file, "upload_id": upload.id })
    }

    pub fn pds_get_upload_url(&mut self, who: Who) {
        self.begin(who, "/file/get_upload_url");
        let Some(at) = self.some_upload() else { return };
        let upload = self.uploads[at].clone();
        let answer = self.pds("/file/get_upload_url", &self.of_upload(&upload), &[]);
        let expect = if who.rules(upload.drive) { Expect::done() } else { Expect::refused() };
        self.hold(&answer, &expect, "a URL of a part");
        if answer.ok() {
            self.uploads[at].part_url = text(&answer.json["part_info_list"][0]["upload_url"]);
            (self.uploads[at].made, self.uploads[at].key) = (self.model.tick, self.signing_key());
        }
    }

    /// Whoever has the URL of a part may put it.
    pub fn pds_put_part(&mut self, who: Who) {
        self.begin(who, "/upload/");
        let Some(at) = self.some_upload() else { return };
        let upload = self.uploads[at].clone();
        let bytes = self.marks.get(upload.content).bytes.clone();
        let answer = self.send("PUT", &upload.part_url, &[], &bytes);
        let revoked = self.model.revoked[upload.drive] > upload.made || self.model.is_removed(upload.key);
        // It is told what it sent.
        let may = self.marks.whole(upload.content);
        let ok = match revoked {
            true => Some(false),
            false => (!self.goal_is_gone(&upload)).then_some(true),
        };
        self.hold(&answer, &Expect { may, ok, ..Expect::default() }, "a part");
        self.uploads[at].put |= answer.ok();
    }

    fn goal_is_gone(&self, upload: &Upload) -> bool {
        !self.model.live(upload.goal.0)
    }

    pub fn pds_list_uploaded_parts(&mut self, who: Who) {
        self.begin(who, "/file/list_uploaded_parts");
        let Some(at) = self.some_upload() else { return };
        let upload = self.uploads[at].clone();
        let answer = self.pds("/file/list_uploaded_parts", &self.of_upload(&upload), &[]);
        let may = if upload.put { self.marks.whole(upload.content) } else { Secrets::new() };
        let must = if upload.put { Secrets::from([Secret::Size(upload.content)]) } else { Secrets::new() };
        let expect = match who.rules(upload.drive) {
            true => Expect { may, must, ok: Some(true) },
            false => Expect::refused(),
        };
        self.hold(&answer, &expect, "the parts of an upload");
    }

    pub fn pds_complete(&mut self, who: Who) {
        self.begin(who, "/file/complete");
        let Some(at) = self.some_upload() else { return };
        let upload = self.uploads[at].clone();
        let answer = self.pds("/file/complete", &self.of_upload(&upload), &[]);
        let mut may = self.marks.whole(upload.content);
        let name = upload.goal.1.clone().unwrap_or_else(|| self.model.nodes[upload.goal.0].name.clone());
        may.insert(Secret::Name(name.clone()));
        let ok = match (who.rules(upload.drive), upload.put, self.goal_is_gone(&upload)) {
            (false, ..) | (true, false, _) => Some(false),
            (true, true, true) => None,
            (true, true, false) => Some(true),
        };
        let may = if who.rules(upload.drive) { may } else { Secrets::new() };
        self.hold(&answer, &Expect { may, ok, ..Expect::default() }, "an upload's end");
        if !answer.ok() || !who.rules(upload.drive) {
            return;
        }
        self.uploads[at].done = true;
        let version: VersionId = text(&answer.json["revision_id"]).parse().expect("the id of a revision");
        match upload.goal.1 {
            Some(name) => {
                self.add_file(upload.goal.0, &name, version.file(), version, upload.content);
            }
            None => self.add_version(upload.goal.0, version, upload.content),
        }
        let node = self.model.nodes.iter().position(|node| node.id == version.file().0);
        self.keep_urls(&answer, node.expect("the file that was put"));
    }

    /// Claims to have content: with the bytes that prove it, with zeros, or with the beginning alone.
    pub fn pds_rapid(&mut self, who: Who) {
        self.begin(who, "/file/create, a claim");
        let Some(drive) = who.drive().filter(|drive| *drive < 3) else { return };
        let Some(node) = self.live_file() else { return };
        let content = self.model.current(node).content;
        let own = self.model.nodes[node].drive == drive;
        let known = self.marks.get(content);
        let (bytes, digest) = (known.bytes.clone(), known.digest);
        let name = self.marks.name(".rapid");
        let mut body = json!({
            "drive_id": self.drive_id(drive), "parent_file_id": "root", "type": "file", "name": name,
            "size": bytes.len(), "content_hash_name": "sha1", "content_hash": digest.sha1_hex(), "proof_version": "v1",
        });
        let honest = self.rng.one_in(2);
        let beginning = !honest && self.rng.one_in(3);
        if honest {
            body["proof_code"] = json!(proof(&format!("token of {}", DRIVES[drive]), &bytes));
        } else if beginning {
            body["content_hash"] = Value::Null;
            body["pre_hash"] = json!(Digest::of(&bytes[..1024]).sha1_hex());
        } else {
            body["proof_code"] = json!(STANDARD.encode([0_u8; 8]));
        }
        let answer = self.pds("/file/create", &body, &[]);
        let rapid = answer.json["rapid_upload"] == json!(true);
        let about = format!("content {content} of {}, honest {honest}", DRIVES[self.model.nodes[node].drive]);
        // What nobody has in the drive is not to be told from what nobody has at all.
        if beginning && answer.json["code"] == json!("PreHashMatched") && !self.has(drive, content) {
            self.find("tells that another drive has a content", about);
            return;
        }
        // Zeros are a right guess of a content of zeros, which is why they give nobody another's.
        let right = proof(&format!("token of {}", DRIVES[drive]), &bytes);
        if rapid && body["proof_code"] != json!(right) {
            self.find("gives content for a claim without a proof", about.clone());
        }
        if rapid && !self.has(drive, content) {
            self.find("gives another drive's content for eight bytes", about.clone());
        }
        // Of what is long enough to be found so, the owner is spared to send it.
        if honest && own && bytes.len() >= 64 << 10 && answer.ok() && !rapid {
            self.find("refused what is granted", about.clone());
        }
        if rapid {
            let version: VersionId = text(&answer.json["revision_id"]).parse().expect("the id of a revision");
            self.add_file(drive, &name, version.file(), version, content);
        }
        let may = if rapid { self.marks.whole(content) } else { Secrets::new() };
        self.hold(&answer, &Expect { may, ..Expect::default() }, &about);
    }

    /// Whether a drive holds a content, in whatever place.
    fn has(&self, drive: usize, content: ContentId) -> bool {
        let nodes = self.model.nodes.iter().filter(|node| node.drive == drive);
        let put = self.uploads.iter().any(|upload| upload.drive == drive && upload.content == content);
        put || nodes.flat_map(|node| &node.versions).any(|version| version.content == content)
    }
}

/// The proof of version 1, as a client makes it.
fn proof(token: &str, bytes: &[u8]) -> String {
    let digest = <md5::Md5 as md5::Digest>::digest(token.as_bytes());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let at = (number % bytes.len() as u64) as usize;
    STANDARD.encode(&bytes[at..bytes.len().min(at + 8)])
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
