//! The key ring.

use std::ffi::c_void;

use crate::page::{Page, holdall_page};
use crate::pointer::entry;
use crate::store::holdall_store;

/// Creates a key that signs from now on; earlier keys still verify. `key_id` may be NULL. Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_key_rotate(store: *const holdall_store, key_id: *mut u16) -> i32 {
    entry!(caller of store => {
        let out = caller.optional_out("the output for the id", key_id)?;
        out.put(caller.get(store)?.rotate_key()?)
    })
}

/// Adds a key of the host's own, at least 32 bytes, that signs from now on. `key_id` may be NULL. Codes: WRITE, EXISTS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_key_add(
    store: *const holdall_store,
    secret: *const c_void,
    secret_len_bytes: usize,
    key_id: *mut u16,
) -> i32 {
    entry!(caller of store => {
        let out = caller.optional_out("the output for the id", key_id)?;
        let secret = caller.bytes("the secret", secret, secret_len_bytes)?;
        out.put(caller.get(store)?.add_key(secret)?)
    })
}

/// Removes a key, which invalidates every URL it signed. Codes: NOT_FOUND, WRITE; INVALID_ARGUMENT for
/// the signing key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_key_remove(store: *const holdall_store, key_id: u16) -> i32 {
    entry!(caller of store => caller.get(store)?.remove_key(key_id))
}

/// Lists the keys.
/// Codes: READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_key_list(store: *const holdall_store, keys: *mut *mut holdall_page) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the page", keys)?;
        out.hand(Page::Keys(caller.get(store)?.keys()?))
    })
}
