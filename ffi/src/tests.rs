//! What a process of its own cannot test: panics in every exported function.

use std::cell::Cell;
use std::ffi::CStr;
use std::sync::Once;

use crate::code::{HOLDALL_BUG, HOLDALL_INVALID_ARGUMENT, holdall_last_error};

const PLANTED: &str = "a planted fault";

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

/// Plants a panic in the next call of this thread, and keeps planted ones out of the output.
fn arm() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref::<String>().is_none_or(|text| text != PLANTED) {
                tell(panic);
            }
        }));
    });
    ARMED.set(true);
}

/// Called at the entry of every exported function.
pub(crate) fn perhaps_panic() {
    if ARMED.take() {
        std::panic::panic_any(String::from(PLANTED));
    }
}

/// Any function, called as C calls it: with more arguments than it takes, in registers and on the
/// stack, of which it looks at its own. All are 0.
type Any = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize, usize, usize) -> i32;

fn call(function: *const ()) -> i32 {
    // SAFETY: on the platforms that this is tested on the caller cleans the arguments up, and all
    // arguments are integers or pointers.
    let function: Any = unsafe { std::mem::transmute(function) };
    // SAFETY: NULL and 0 are defined for every function.
    unsafe { function(0, 0, 0, 0, 0, 0, 0, 0) }
}

fn last_error() -> String {
    // SAFETY: the text is valid until the next call.
    unsafe { CStr::from_ptr(holdall_last_error()) }.to_str().unwrap().to_owned()
}

macro_rules! exports {
    ($($module:ident: $($name:ident)*;)*) => {
        [$($((stringify!($name), crate::$module::$name as *const ())),*),*]
    };
}

/// Every function that can fail.
fn exports() -> Vec<(&'static str, *const ())> {
    exports! {
        answer: holdall_serve_text;
        api: holdall_api_new holdall_api_answer holdall_api_is_at holdall_api_share_uri holdall_api_ticket;
        archive: holdall_archive_create holdall_archive_create_of holdall_archive_stat holdall_archive_open
            holdall_archive_crc64 holdall_archive_write_deflated holdall_archive_revoke;
        body: holdall_body_len holdall_body_segment holdall_body_read holdall_body_slice holdall_body_file;
        care: holdall_store_stats holdall_store_check holdall_store_gc holdall_store_compact holdall_store_backup
            holdall_store_set_grace;
        drive: holdall_drive_open holdall_drive_find holdall_drive_stat holdall_drive_set_max_versions
            holdall_drive_revoke;
        file: holdall_file_stat holdall_file_open holdall_folder_make holdall_folder_list holdall_folder_walk
            holdall_file_versions holdall_file_rename holdall_file_copy holdall_file_delete
            holdall_file_set_attributes holdall_file_attributes holdall_file_find_by_attribute;
        free: holdall_store_free holdall_drive_free holdall_writer_free holdall_body_free holdall_pin_free
            holdall_page_free holdall_visit_free holdall_api_free holdall_reply_free holdall_text_free;
        handle: holdall_handle_error;
        key: holdall_key_rotate holdall_key_add holdall_key_remove holdall_key_list;
        link: holdall_link_create holdall_link_list holdall_link_stat holdall_link_url holdall_link_remove;
        log: holdall_log_set;
        page: holdall_page_count holdall_page_row holdall_page_version holdall_page_trashed holdall_page_link
            holdall_page_share holdall_page_key holdall_page_attribute holdall_page_sentence;
        put: holdall_put_memory holdall_put_file holdall_put_fd holdall_put_many;
        repair: holdall_store_repair holdall_rebuild;
        reply: holdall_serve holdall_verify holdall_reply_of_code holdall_reply_status holdall_reply_headers
            holdall_reply_body holdall_reply_pace;
        share: holdall_share_create holdall_share_list holdall_share_revoke holdall_share_remove
            holdall_visit_open holdall_visit_share holdall_visit_stat holdall_visit_list holdall_visit_url
            holdall_visit_archive;
        store: holdall_open holdall_store_close;
        trash: holdall_trash_put holdall_trash_list holdall_trash_restore holdall_trash_empty;
        url: holdall_url_version holdall_url_at_path holdall_url_by_id holdall_url_archive;
        version: holdall_file_find holdall_file_path holdall_file_revoke holdall_version_stat
            holdall_version_open holdall_version_set_current holdall_version_remove holdall_version_keep
            holdall_version_revoke;
        writer: holdall_writer_open holdall_writer_write holdall_writer_commit holdall_writer_abort;
    }
    .to_vec()
}

/// Functions that return no code; they cannot fail, or say so in another way.
const OTHERS: [&str; 9] = [
    "holdall_last_error",
    "holdall_last_error_retry_s",
    "holdall_code_name",
    "holdall_code_status",
    "holdall_version_number",
    "holdall_version_text",
    "holdall_handle_count",
    "holdall_handle_ref",
    "holdall_text_get",
];

#[test]
fn every_function_of_the_header_is_on_the_list() {
    let header = include_str!("../include/holdall.h");
    let code: String =
        header.lines().filter(|line| !line.trim_start().starts_with(['*', '/', '#'])).collect();
    let mut named: Vec<&str> = code
        .match_indices("holdall_")
        .filter_map(|(at, _)| {
            let rest = &code[at..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
            rest[end..].starts_with('(').then_some(&rest[..end])
        })
        .collect();
    named.sort_unstable();
    let mut known: Vec<&str> = exports().into_iter().map(|(name, _)| name).chain(OTHERS).collect();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn f2_a_panic_in_any_function_is_a_code() {
    for (name, function) in exports() {
        arm();
        assert_eq!(call(function), HOLDALL_BUG, "{name}");
        assert!(!ARMED.get(), "{name} has no guard");
        assert_eq!(last_error(), format!("{name} met a defect of this library: {PLANTED}"));
    }
    arm();
    // SAFETY: NULL is defined.
    assert!(unsafe { crate::text::holdall_text_get(std::ptr::null()) }.is_null());
}

#[test]
fn f2_what_a_panic_met_goes_on_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let (mut store, mut drive) = (std::ptr::null_mut(), std::ptr::null_mut());
    let name = c"alice".as_ptr();
    // SAFETY: the pointers lead to what their types and lengths say.
    unsafe {
        use crate::{drive::*, free::*, store::*, writer::*};
        assert_eq!(holdall_open(path.as_ptr().cast(), path.len(), std::ptr::null(), &raw mut store), 0);
        arm();
        assert_eq!(holdall_drive_open(store, name, 5, &raw mut drive), HOLDALL_BUG);
        assert!(drive.is_null(), "an output is written only when all went well");
        assert_eq!(holdall_drive_open(store, name, 5, &raw mut drive), 0);
        let mut writer = std::ptr::null_mut();
        assert_eq!(holdall_writer_open(drive, name, 5, std::ptr::null(), &raw mut writer), 0);
        arm();
        assert_eq!(holdall_writer_write(writer, name.cast(), 5), HOLDALL_BUG);
        assert_eq!(holdall_writer_write(writer, name.cast(), 5), 0);
        assert_eq!(holdall_writer_commit(writer, std::ptr::null_mut()), 0);
        arm();
        assert_eq!(holdall_writer_free(writer), HOLDALL_BUG);
        assert_eq!(
            (holdall_writer_free(writer), holdall_drive_free(drive), holdall_store_free(store)),
            (0, 0, 0)
        );
    }
}

/// JNA and others write -1 for true.
#[test]
fn f1_whatever_byte_a_bool_is_it_is_true_or_false() {
    use crate::put::{holdall_put_memory, holdall_put_options};
    use crate::record::holdall_version;
    use crate::{drive::*, free::*, store::*, version::holdall_version_stat};
    use std::mem::{MaybeUninit, offset_of};

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let (mut store, mut drive) = (std::ptr::null_mut(), std::ptr::null_mut());
    let (name, null) = (c"alice".as_ptr(), std::ptr::null_mut());
    // SAFETY: the pointers lead to what their types and lengths say, and a record may be all zero.
    unsafe {
        assert_eq!(holdall_open(path.as_ptr().cast(), path.len(), std::ptr::null(), &raw mut store), 0);
        assert_eq!(holdall_drive_open(store, name, 5, &raw mut drive), 0);
        for byte in [0, 1, 2, 0x7f, 0xfe, 0xff_u8] {
            let mut options = MaybeUninit::<holdall_put_options>::zeroed();
            let bytes = options.as_mut_ptr().cast::<u8>();
            bytes.cast::<usize>().write(size_of::<holdall_put_options>());
            bytes.add(offset_of!(holdall_put_options, executable)).write(byte);
            let mut version = MaybeUninit::<holdall_version>::zeroed();
            version.as_mut_ptr().cast::<usize>().write(size_of::<holdall_version>());
            let to = version.as_mut_ptr();
            assert_eq!(holdall_put_memory(drive, name, 5, name.cast(), 5, options.as_ptr(), to), 0);
            let id = version.assume_init_ref().id;
            assert_eq!(holdall_version_stat(store, id, to), 0, "{byte}: {}", last_error());
            let read = to.cast::<u8>().add(offset_of!(holdall_version, executable)).read();
            assert_eq!(read, u8::from(byte != 0), "{byte}");
        }
        assert_eq!((holdall_drive_free(drive), holdall_store_free(store)), (0, 0));
        assert_eq!(holdall_store_free(null), 0);
    }
}

#[test]
fn f1_null_everywhere_is_an_error_and_freeing_it_is_nothing() {
    for (name, function) in exports() {
        // A log callback of NULL is none.
        let wanted = if name.ends_with("_free") { 0 } else { HOLDALL_INVALID_ARGUMENT };
        assert_eq!(call(function), wanted, "{name}: {}", last_error());
    }
}
