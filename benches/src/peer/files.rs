//! Plain files, and one file that is appended to.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A directory of files, each made durable by itself.
pub struct Files {
    dir: PathBuf,
    handle: File,
    next: u64,
}

impl Files {
    pub fn new(dir: &Path) -> Files {
        fs::create_dir_all(dir).expect("a directory");
        Files { dir: dir.to_owned(), handle: File::open(dir).expect("a directory"), next: 0 }
    }

    /// Writes, syncs, renames, and syncs the directory.
    pub fn put(&mut self, content: &[u8]) {
        let (temporary, name) = (self.dir.join("new"), self.dir.join(format!("{:08}", self.next)));
        self.next += 1;
        let mut file = File::create(&temporary).expect("a file");
        file.write_all(content).expect("written");
        file.sync_data().expect("synced");
        fs::rename(&temporary, name).expect("renamed");
        self.handle.sync_all().expect("synced");
    }
}

/// One file that grows.
pub struct Appended(File);

impl Appended {
    pub fn new(path: &Path) -> Appended {
        Appended(OpenOptions::new().create(true).append(true).open(path).expect("a file"))
    }

    pub fn append(&mut self, content: &[u8]) {
        self.0.write_all(content).expect("written");
    }

    pub fn sync(&mut self) {
        self.0.sync_data().expect("synced");
    }
}
