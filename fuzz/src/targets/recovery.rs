//! Frames and recovery: the files of a store, edited.

use std::sync::{Arc, LazyLock};

use holdall::vfs::{Open, Policy, SimVfs, Vfs};
use holdall::{CheckOptions, Drive, Mode, Put, Store};

use super::input::{self, Input};

/// A store whose last changes are in its log alone, as after a crash; and the open one that it is a copy of, which
/// would write more if it were closed.
static CRASHED: LazyLock<(SimVfs, Store)> = LazyLock::new(|| {
    let (disk, store) = input::store();
    let drive = store.drive("alice").unwrap();
    for (path, content) in contents() {
        drive.put(&path, &content[..], Put::new()).unwrap();
    }
    drive.rename("d/f1", "d/moved", false).unwrap();
    drive.delete("d/f2").unwrap();
    let crashed = disk.crash(Policy::LoseAll);
    (crashed, store)
});

fn contents() -> Vec<(String, Vec<u8>)> {
    let content = |number: usize| vec![number as u8; 40 + number * 900];
    (0..7).map(|number| (format!("d/f{number}"), content(number))).collect()
}

/// No edit makes an opening, a check, a repair or a rebuild panic; and where only the rows were
/// edited, a rebuild has everything.
pub fn recovery(data: &[u8]) {
    let disk = CRASHED.0.copy();
    let mut input = Input(data);
    let how = input.byte();
    let mut names: Vec<String> =
        disk.files().into_iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(name, _)| name).collect();
    names.sort();
    let only_rows = how & 1 == 1;
    for _ in 0..64 {
        if input.is_empty() {
            break;
        }
        let name = match only_rows {
            true => "meta.redb".to_owned(),
            false => names[input.below(names.len())].clone(),
        };
        edit(&disk, &name, &mut input);
    }
    let vfs: Arc<dyn Vfs> = Arc::new(disk);
    let options = || input::options().create(false);
    for mode in [Mode::Exclusive, Mode::Shared] {
        if let Ok(store) = Store::open_on(vfs.clone(), options().mode(mode)) {
            let _ = store.check(CheckOptions::new().content(true));
            if let Ok(Some(drive)) = store.find_drive("alice") {
                read(&drive);
            }
            if how & 2 == 2 {
                let _ = store.repair();
            }
            let _ = store.close();
        }
    }
    let Ok(_) = Store::rebuild_on(&vfs, &options()) else {
        assert!(!only_rows, "the rows were edited alone, and cannot be made anew");
        return;
    };
    let store = Store::open_on(vfs, options()).expect("a rebuilt store opens");
    let found = store.find_drive("alice").expect("the rows that were made anew are read");
    if only_rows && how & 2 == 0 {
        let drive = found.expect("a rebuild from a sound log has the drive");
        for (path, content) in contents() {
            let path = if path == "d/f1" { "d/moved" } else { path.as_str() };
            match drive.open_file(path) {
                Ok(body) => assert!(body.to_vec(1 << 20).unwrap() == content, "{path}"),
                Err(error) => assert_eq!(path, "d/f2", "{error}"),
            }
        }
    }
}

fn edit(disk: &SimVfs, name: &str, input: &mut Input<'_>) {
    let Ok(file) = disk.open(name, Open::Write) else { return };
    let len = file.len().unwrap();
    let what = input.byte();
    let at = (input.short() as u64) << 8 | u64::from(input.byte());
    let at = if len == 0 { 0 } else { at % len };
    match what % 6 {
        0 if len > 0 => drop(disk.bit_flip(name, at)),
        1 => drop(disk.truncate(name, at)),
        2 => {
            let bytes = input.take(usize::from(what));
            file.write_at(at, &[bytes]).unwrap();
        }
        3 => file.write_at(at, &[&vec![0; usize::from(what) * 16]]).unwrap(),
        4 if what > 200 => drop(disk.remove(name)),
        _ => {
            // A piece of the file at another place in it: stale frames.
            let mut piece = vec![0; (usize::from(what) * 16).min((len - at) as usize)];
            file.read_at(at, &mut piece).unwrap();
            let to = input.short() as u64 * 16;
            file.write_at(to.min(len + 4096), &[&piece]).unwrap();
        }
    }
}

fn read(drive: &Drive) {
    let mut paths = Vec::new();
    let _ = drive.walk("", |path, row| {
        if row.version.is_some() {
            paths.push(path.to_owned());
        }
        Ok(paths.len() < 100)
    });
    for path in paths {
        if let Ok(body) = drive.open_file(&path) {
            let _ = body.to_vec(1 << 20);
        }
    }
}
