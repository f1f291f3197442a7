//! Pages: what a function returns more than one of.

use std::ffi::{CString, c_char};

use holdall::{Error, ErrorKind, LinkInfo, Result, Row, ShareInfo, Time, TrashInfo, VersionInfo};

use crate::code::c_text;
use crate::lines::{Lines, holdall_header};
use crate::pointer::{Caller, entry, handle};
use crate::record::{
    holdall_key, holdall_link, holdall_row, holdall_share, holdall_trashed, holdall_version,
};
use crate::sized::Record;

/// Results of one call, all of one kind; immutable, independent of the store.
pub struct holdall_page {
    _opaque: [u8; 0],
}

handle!(holdall_page: Page);

/// What a page holds.
pub(crate) enum Page {
    Rows(Vec<Row>),
    Versions(Vec<VersionInfo>),
    Trash(Vec<TrashInfo>),
    Links(Vec<LinkInfo>),
    Shares(Vec<ShareInfo>),
    Keys(Vec<(u16, Time, bool)>),
    Pairs(Lines),
    Sentences(Vec<CString>),
}

impl Page {
    /// Makes a page of sentences.
    pub(crate) fn sentences<T: ToString>(items: impl IntoIterator<Item = T>) -> Page {
        Page::Sentences(items.into_iter().map(|item| c_text(item.to_string())).collect())
    }

    fn len(&self) -> usize {
        match self {
            Page::Rows(items) => items.len(),
            Page::Versions(items) => items.len(),
            Page::Trash(items) => items.len(),
            Page::Links(items) => items.len(),
            Page::Shares(items) => items.len(),
            Page::Keys(items) => items.len(),
            Page::Pairs(lines) => lines.pairs().len(),
            Page::Sentences(items) => items.len(),
        }
    }

    fn other(&self, wanted: &str) -> Error {
        let held = match self {
            Page::Rows(_) => "rows",
            Page::Versions(_) => "versions",
            Page::Trash(_) => "what is in the trash",
            Page::Links(_) => "links",
            Page::Shares(_) => "shares",
            Page::Keys(_) => "keys",
            Page::Pairs(_) => "attributes",
            Page::Sentences(_) => "sentences",
        };
        Error::new(ErrorKind::InvalidArgument, format!("the page holds {held}, not {wanted}"))
    }
}

fn at<T>(items: &[T], index: usize) -> Result<&T> {
    items.get(index).ok_or_else(|| {
        let message = format!("index {index} is out of range: the page has {} items", items.len());
        Error::new(ErrorKind::InvalidArgument, message)
    })
}

fn put<T: Record>(
    caller: &Caller,
    page: *const holdall_page,
    record: *mut T,
    get: impl FnOnce(&Page) -> Result<T>,
) -> Result<()> {
    let out = caller.record(record)?;
    out.put(get(&*caller.get(page)?)?)
}

/// Returns the number of results on a page. The functions below fill in the result at an index, counted
/// from 0, of a page of their kind; pointers in it are valid until the page is freed. Codes:
/// INVALID_ARGUMENT when the index is out of range or the page is of another kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_count(page: *const holdall_page, count: *mut usize) -> i32 {
    entry!(caller of page => {
        let out = caller.out("the output for the count", count)?;
        out.put(caller.get(page)?.len())
    })
}

/// Of rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_row(
    page: *const holdall_page,
    index: usize,
    row: *mut holdall_row,
) -> i32 {
    entry!(caller of page => put(caller, page, row, |page| match page {
        Page::Rows(items) => holdall_row::of(at(items, index)?),
        _ => Err(page.other("rows")),
    }))
}

/// Of versions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_version(
    page: *const holdall_page,
    index: usize,
    version: *mut holdall_version,
) -> i32 {
    entry!(caller of page => put(caller, page, version, |page| match page {
        Page::Versions(items) => holdall_version::of(at(items, index)?),
        _ => Err(page.other("versions")),
    }))
}

/// Of the trash.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_trashed(
    page: *const holdall_page,
    index: usize,
    trashed: *mut holdall_trashed,
) -> i32 {
    entry!(caller of page => put(caller, page, trashed, |page| match page {
        Page::Trash(items) => holdall_trashed::of(at(items, index)?),
        _ => Err(page.other("what is in the trash")),
    }))
}

/// Of links.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_link(
    page: *const holdall_page,
    index: usize,
    link: *mut holdall_link,
) -> i32 {
    entry!(caller of page => put(caller, page, link, |page| match page {
        Page::Links(items) => holdall_link::of(at(items, index)?),
        _ => Err(page.other("links")),
    }))
}

/// Of shares.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_share(
    page: *const holdall_page,
    index: usize,
    share: *mut holdall_share,
) -> i32 {
    entry!(caller of page => put(caller, page, share, |page| match page {
        Page::Shares(items) => Ok(holdall_share::of(at(items, index)?)),
        _ => Err(page.other("shares")),
    }))
}

/// Of keys.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_key(
    page: *const holdall_page,
    index: usize,
    key: *mut holdall_key,
) -> i32 {
    entry!(caller of page => put(caller, page, key, |page| match page {
        Page::Keys(items) => {
            let (id, created, signs) = *at(items, index)?;
            Ok(holdall_key { size: 0, created_unix_us: created.0, id, signs })
        }
        _ => Err(page.other("keys")),
    }))
}

/// Of attributes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_attribute(
    page: *const holdall_page,
    index: usize,
    attribute: *mut holdall_header,
) -> i32 {
    entry!(caller of page => {
        let out = caller.out("the output for the attribute", attribute)?;
        match &*caller.get(page)? {
            Page::Pairs(lines) => out.put(*at(lines.pairs(), index)?),
            page => Err(page.other("attributes")),
        }
    })
}

/// Of sentences.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_sentence(
    page: *const holdall_page,
    index: usize,
    sentence: *mut *const c_char,
) -> i32 {
    entry!(caller of page => {
        let out = caller.out("the output for the sentence", sentence)?;
        match &*caller.get(page)? {
            Page::Sentences(items) => out.put(at(items, index)?.as_ptr()),
            page => Err(page.other("sentences")),
        }
    })
}
