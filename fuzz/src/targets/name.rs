//! Paths in a drive, and names in headers.

use std::cell::RefCell;

use holdall::http::{Disposition, content_disposition};
use holdall::name::{check_name, split_path};
use holdall::{Drive, ErrorKind, Store};

use super::input;

thread_local! {
    static STORE: RefCell<Option<(Store, Drive)>> = const { RefCell::new(None) };
}

/// A path is refused, or leads to one place and back.
pub fn path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let names = split_path(&text);
    if let Ok(names) = &names {
        assert!(names.iter().all(|name| check_name(name).is_ok()), "{text:?}");
        let plain = names.join("/");
        assert_eq!(split_path(&plain).unwrap(), *names);
    }
    STORE.with_borrow_mut(|known| {
        let (store, drive) = known.get_or_insert_with(|| {
            let store = input::store().1;
            let drive = store.drive("alice").unwrap();
            (store, drive)
        });
        match (names, drive.mkdir(&text)) {
            (Err(_), Ok(id)) => panic!("{text:?} made the folder {id}"),
            (Err(_), Err(error)) => assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}"),
            (Ok(names), Ok(id)) => {
                let plain = names.join("/");
                assert_eq!(store.path_of(id).unwrap().as_deref(), Some(plain.as_str()));
                assert_eq!(drive.mkdir(&plain).unwrap(), id);
                for path in [&*text, &plain] {
                    assert_eq!(drive.stat(path).unwrap().id, id, "{path:?}");
                }
                if let Some(first) = names.first() {
                    drive.delete(first).unwrap();
                    assert_eq!(drive.stat(&plain).unwrap_err().kind(), ErrorKind::NotFound);
                }
            }
            (Ok(_), Err(error)) => panic!("{text:?}: {error}"),
        }
    });
}

/// Whatever a name holds, its header is one header, and says the name.
pub fn header_name(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (kind, word) in [(Disposition::Attachment, "attachment"), (Disposition::Inline, "inline")] {
        let value = content_disposition(kind, &text);
        assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{value:?}");
        let rest = value.strip_prefix(word).and_then(|rest| rest.strip_prefix("; filename=\"")).unwrap();
        let (plain, rest) = rest.split_once('"').unwrap();
        // What ends a quoted string, or leads elsewhere, is not in it; '%' and ';' mean nothing there.
        assert!(!plain.is_empty() && !plain.contains(['\\', '/']), "{value:?}");
        let Some(encoded) = rest.strip_prefix("; filename*=UTF-8''") else {
            assert!(rest.is_empty(), "{value:?}");
            continue;
        };
        let name = percent_decode(encoded);
        assert!(name.len() <= 255 && !name.contains('/') && !name.chars().any(char::is_control), "{name:?}");
        assert!(!matches!(name.as_str(), "" | "." | ".."), "{value:?}");
        // Of a sound name nothing is lost.
        if check_name(&text).is_ok() && !text.chars().any(is_bidi) {
            assert_eq!(name, text);
        }
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn percent_decode(text: &str) -> String {
    let (mut bytes, mut at) = (Vec::new(), text.as_bytes());
    while let Some((first, rest)) = at.split_first() {
        if *first == b'%' {
            let (hex, rest) = rest.split_at(2);
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
            at = rest;
        } else {
            assert!(first.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(first), "{text:?}");
            bytes.push(*first);
            at = rest;
        }
    }
    String::from_utf8(bytes).unwrap()
}
