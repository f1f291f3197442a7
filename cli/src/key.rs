//! `holdall keys`.

use holdall::{Result, Store};
use serde_json::json;

use crate::args::Keys;
use crate::output::{self, Output};

pub(crate) fn run(store: &Store, act: Option<Keys>, out: Output) -> Result<()> {
    match act.unwrap_or(Keys::List) {
        Keys::List => out.list(
            &store.keys()?,
            |(id, created, signs)| json!({ "key": id, "created": output::time(*created), "signs": signs }),
            |(id, created, signs)| format!("{id}  {created}{}", if *signs { "  signs" } else { "" }),
        ),
        Keys::Rotate => {
            let id = store.rotate_key()?;
            out.print(&json!({ "key": id }), format!("key {id} signs from now on"))
        }
        Keys::Remove { id } => {
            store.remove_key(id)?;
            out.print(&json!({ "removed": id }), format!("removed key {id}: what it signed is invalid"))
        }
    }
}
