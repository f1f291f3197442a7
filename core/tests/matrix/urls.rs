//! Every kind of URL, as a host hands it out or as somebody forges it, and its use.

use std::time::Duration;

use holdall::token::{HashKind, cloudreve};
use holdall::{FileId, ShareId, Time, Url, VersionId};

use crate::marks::{Secret, Secrets};
use crate::model::{Archive, NodeId, Subject, Via};
use crate::world::{SECRET, Who, World};

type Kind = fn(&mut World) -> Option<()>;

/// The kinds of URLs: what they are in the store's terms, and how one is made.
pub const KINDS: &[(&str, Kind)] = &[
    ("Version", |world| version(world, "plain")),
    ("Version, limited", |world| version(world, "limited")),
    ("Version, downloads", |world| version(world, "downloads")),
    ("Version, of a network", |world| version(world, "network")),
    ("Version, within a window", |world| version(world, "window")),
    ("Revision", revision),
    ("File", file),
    ("Archive", archive),
    ("Archive, of versions", archive_of_versions),
    ("Share", share),
    ("Share, archive", share_archive),
    ("Content", cloudreve_content),
    ("Content, imported", imported),
    ("Content, forged", forged_content),
    ("Content, archive", cloudreve_archive),
    ("Archive, forged", forged_archive),
];

const HOUR: Duration = Duration::from_secs(3600);

/// Hands out one URL of a kind.
pub fn hand_out(world: &mut World) -> Option<()> {
    let kind = world.rng.below(KINDS.len() as u64) as usize;
    world.say(format!("  of the kind {}", KINDS[kind].0));
    KINDS[kind].1(world)
}

/// Uses some of the URLs that there are, now or later.
pub fn use_some(world: &mut World, most: usize) {
    for _ in 0..most.min(world.urls.len()) {
        let number = world.rng.below(world.urls.len() as u64) as usize;
        use_one(world, number);
    }
}

pub fn use_one(world: &mut World, number: usize) {
    let later = *world.rng.pick(&[0, 0, 0, 0, 700, 7200, 30 * 86_400]).expect("a time");
    let what = match world.urls[number].subject {
        Subject::Version(..) => "URL of a version",
        Subject::Revision(..) => "URL of a revision",
        Subject::File(_) => "URL of a file",
        Subject::Archive(_) => "URL of an archive",
        Subject::Share(..) => "URL of a share",
        Subject::Link(_) => "direct link",
        Subject::Content(..) => "Cloudreve URL",
        Subject::CloudreveArchive(_) => "Cloudreve URL of an archive",
        Subject::Imported(..) => "imported URL",
        Subject::Forged(_) => "URL by the imported secret",
    };
    let foreign = matches!(world.urls[number].subject, Subject::Imported(..) | Subject::Forged(_));
    let who = if foreign { Who::ForeignSecret } else { Who::Anonymous };
    world.begin(who, what);
    world.fetch(number, later);
}

fn in_an_hour() -> Option<i64> {
    Some(Time::now().unix() + 3600)
}

fn sign(world: &mut World, url: Url, subject: Subject) -> Option<usize> {
    let target = url.expires_in(HOUR).sign().expect("a URL");
    Some(world.add_url(target, subject, in_an_hour()))
}

fn version(world: &mut World, how: &str) -> Option<()> {
    let node = world.live_file()?;
    let at = world.model.nodes[node].current;
    let url = world.store.url(VersionId(world.model.nodes[node].versions[at].id));
    let url = match how {
        "limited" => url.max_requests(2),
        "downloads" => url.max_uses(1),
        "network" => url.network("192.0.2.0/24".parse().expect("a network")),
        "window" => url.stable_for(Duration::from_secs(60)),
        _ => url,
    };
    let number = sign(world, url, Subject::Version(node, at))?;
    let made = &mut world.urls[number];
    made.uses = (how == "limited").then_some((2, 0));
    made.downloaded = (how == "downloads").then_some(0);
    made.network = how == "network";
    if how == "window" {
        made.expires = made.expires.map(|expires| expires + 60);
    }
    Some(())
}

fn revision(world: &mut World) -> Option<()> {
    let node = world.live_file()?;
    let at = world.model.nodes[node].current;
    let url = world.store.url_of_revision(VersionId(world.model.nodes[node].versions[at].id));
    sign(world, url, Subject::Revision(node, at)).map(drop)
}

fn file(world: &mut World) -> Option<()> {
    let node = world.live_file()?;
    let url = world.store.url_of_file(FileId(world.model.nodes[node].id));
    sign(world, url, Subject::File(node)).map(drop)
}

impl World {
    /// Tells the model of an archive of files and folders as they are now.
    pub fn add_archive(
        &mut self,
        id: String,
        maker: Option<usize>,
        picks: &[NodeId],
        shares: Vec<usize>,
        life: i64,
    ) -> usize {
        let (mut members, mut names) = (Vec::new(), Secrets::new());
        for pick in picks {
            for node in self.model.below(*pick) {
                if self.model.live(node) {
                    names.insert(Secret::Name(self.model.nodes[node].name.clone()));
                }
                if self.model.live(node) && !self.model.nodes[node].folder {
                    members.push((node, self.model.nodes[node].current));
                }
            }
        }
        let (made, picks) = (self.model.event(), picks.to_vec());
        let expires = Time::now().unix() + life;
        // What was made of the same before may be had again.
        let known = self.model.archives.iter().position(|known| !id.is_empty() && known.id == id);
        if let Some(known) = known {
            let archive = &mut self.model.archives[known];
            (archive.made, archive.expires) = (made, archive.expires.max(expires));
            return known;
        }
        self.model.archives.push(Archive {
            id,
            maker,
            members,
            picks,
            shares,
            names,
            made,
            expires,
            revoked: 0,
        });
        self.model.archives.len() - 1
    }
}

/// Picks up to three things in one drive.
pub fn some_of_a_drive(world: &mut World, drive: usize) -> Vec<NodeId> {
    let mut picks: Vec<NodeId> = Vec::new();
    for _ in 0..1 + world.rng.below(3) {
        let one = world.pick(|model, node| {
            model.live(node) && !model.nodes[node].root && model.nodes[node].drive == drive
        });
        let Some(one) = one else { break };
        // What lies in a folder that is picked already is in it.
        let known = picks
            .iter()
            .any(|pick| world.model.above(one).contains(pick) || world.model.above(*pick).contains(&one));
        if !known {
            picks.push(one);
        }
    }
    picks
}

fn archive(world: &mut World) -> Option<()> {
    let drive = world.rng.below(2) as usize;
    let picks = some_of_a_drive(world, drive);
    if picks.is_empty() {
        return None;
    }
    let paths: Vec<String> = picks.iter().map(|pick| world.model.path(*pick)).collect();
    let made = world.drives[drive]
        .archive(paths)
        .expect("an archive")
        .expires_in(HOUR)
        .create()
        .expect("an archive");
    let number = world.add_archive(made.id.to_string(), Some(drive), &picks, Vec::new(), 3600);
    let url = world.store.url_of_archive(made.id);
    sign(world, url, Subject::Archive(number)).map(drop)
}

fn archive_of_versions(world: &mut World) -> Option<()> {
    let (node, version) = world.old_version(None)?;
    let id = VersionId(world.model.nodes[node].versions[version].id);
    let drive = world.model.nodes[node].drive;
    let made = world.drives[drive]
        .archive_of([id])
        .expect("an archive")
        .expires_in(HOUR)
        .create()
        .expect("an archive");
    let number = world.add_archive(made.id.to_string(), Some(drive), &[node], Vec::new(), 3600);
    world.model.archives[number].members = vec![(node, version)];
    let url = world.store.url_of_archive(made.id);
    sign(world, url, Subject::Archive(number)).map(drop)
}

/// Picks a share that can be entered and loaded from.
pub fn open_share(world: &mut World) -> Option<usize> {
    let now = Time::now().unix();
    let open: Vec<usize> = (0..world.model.shares.len())
        .filter(|share| world.model.stands(*share, now) && world.model.has_downloads(*share, 1))
        .collect();
    world.rng.pick(&open).copied()
}

/// Picks a file that a share holds, the shared one itself maybe.
pub fn shared_file(world: &mut World, share: usize) -> Option<NodeId> {
    world.pick(|model, node| !model.nodes[node].folder && model.holds(share, node))
}

fn enter(world: &World, share: usize) -> (holdall::Visit, ShareId) {
    let known = &world.model.shares[share];
    (world.store.visit(known.id, known.password).expect("a visit"), known.id)
}

/// The path of something in a share, from what is shared on.
pub fn path_in(world: &World, share: usize, node: NodeId) -> String {
    let (top, path) = (world.model.path(world.model.shares[share].node), world.model.path(node));
    path[top.len()..].trim_start_matches('/').to_owned()
}

fn share(world: &mut World) -> Option<()> {
    let share = open_share(world)?;
    let node = shared_file(world, share)?;
    let (visit, _) = enter(world, share);
    let url = visit.url(&path_in(world, share, node)).expect("a URL through a share");
    world.model.shares[share].downloads += 1;
    sign(world, url, Subject::Share(share, node)).map(drop)
}

fn share_archive(world: &mut World) -> Option<()> {
    let share = open_share(world)?;
    let node = world.pick(|model, node| model.holds(share, node))?;
    let (visit, _) = enter(world, share);
    let made = visit.archive([path_in(world, share, node)]).expect("an archive").expires_in(HOUR).create();
    let made = made.expect("an archive of a share");
    world.model.shares[share].downloads += 1;
    let number = world.add_archive(made.id.to_string(), None, &[node], vec![share], 3600);
    let url = world.store.url_of_archive(made.id);
    sign(world, url, Subject::Archive(number)).map(drop)
}

fn cloudreve_content(world: &mut World) -> Option<()> {
    let node = world.live_file()?;
    let at = world.model.nodes[node].current;
    let url = world.store.url(VersionId(world.model.nodes[node].versions[at].id)).expires_in(HOUR);
    let target = url.sign_cloudreve().expect("a URL");
    world.add_url(target, Subject::Content(node, at, Via::Nothing), in_an_hour());
    Some(())
}

fn cloudreve_archive(world: &mut World) -> Option<()> {
    let drive = world.rng.below(2) as usize;
    let picks = some_of_a_drive(world, drive);
    if picks.is_empty() {
        return None;
    }
    let paths: Vec<String> = picks.iter().map(|pick| world.model.path(*pick)).collect();
    let made = world.drives[drive]
        .archive(paths)
        .expect("an archive")
        .expires_in(HOUR)
        .create()
        .expect("an archive");
    let number = world.add_archive(made.id.to_string(), Some(drive), &picks, Vec::new(), 3600);
    let target = world.store.url_of_archive(made.id).expires_in(HOUR).sign_cloudreve().expect("a URL");
    world.add_url(target, Subject::CloudreveArchive(number), in_an_hour());
    Some(())
}

/// Signs a path with the secret of the other server, under each base where the form is served.
fn by_foreign_secret(world: &mut World, path: &str, subject: &Subject) {
    let expires = in_an_hour().unwrap_or(0);
    for base in ["/api/v4", "/files"] {
        let path = format!("{base}{path}");
        let sign = cloudreve::escape_query(&cloudreve::sign(SECRET, &path, expires));
        world.add_url(format!("{path}?sign={sign}"), subject.clone(), Some(expires));
    }
}

fn imported(world: &mut World) -> Option<()> {
    let (number, node, version, since) = *world.rng.pick(&world.aliases.clone())?;
    let entity = world.hash(number, HashKind::Entity);
    let subject = Subject::Imported(node, version, since);
    by_foreign_secret(world, &format!("/file/content/{entity}/0/old.txt"), &subject);
    Some(())
}

fn forged_content(world: &mut World) -> Option<()> {
    let node = world.pick(|model, node| !model.nodes[node].folder)?;
    let at = world.model.nodes[node].current;
    let version = world.model.nodes[node].versions[at].clone();
    let entity = world.hash(version.id, HashKind::Entity);
    by_foreign_secret(
        world,
        &format!("/file/content/{entity}/0/x.txt"),
        &Subject::Forged(Some(version.content)),
    );
    Some(())
}

fn forged_archive(world: &mut World) -> Option<()> {
    let archive = world.rng.below(world.model.archives.len() as u64) as usize;
    let id = world.model.archives.get(archive)?.id.clone();
    by_foreign_secret(world, &format!("/file/archive/{id}/archive.zip"), &Subject::Forged(None));
    Some(())
}
