//! Where the stores of tests are: in a directory, or, with an address in `HOLDALL_TEST_STORE`, in a database and a
//! bucket. `{}` in the address becomes a name that belongs to the directory.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use holdall::{Mode, Options, Result, Store};

/// Opens the store of a directory. In a database it is shared, whatever the options say.
pub(crate) fn open(dir: impl AsRef<Path>, options: Options) -> Result<Store> {
    match std::env::var("HOLDALL_TEST_STORE") {
        Ok(address) => {
            let mut hasher = DefaultHasher::new();
            dir.as_ref().hash(&mut hasher);
            let name = format!("test-{:016x}", hasher.finish());
            Store::open(address.replace("{}", &name), options.mode(Mode::Shared))
        }
        Err(_) => Store::open(dir, options),
    }
}
