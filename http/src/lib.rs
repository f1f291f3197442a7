//! Serves a [`holdall::Store`] from any web server in Rust.
//!
//! [`Files`] answers requests for the URLs of a store: an [`http::Request`] becomes an [`http::Response`] whose
//! [`Body`] is an [`http_body::Body`] of exact length. It is a tower `Service`, which axum mounts
//! as it is; [`Files::answer`] is for the rest. [`Upload`] puts what a client sends, piece by piece.
//!
//! ```
//! use holdall::{Options, Put, Store};
//! use holdall_http::{Files, Upload};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), holdall::Error> {
//! # let dir = std::env::temp_dir().join(format!("holdall-http-page-{}", std::process::id()));
//! let store = Store::open(&dir, Options::new())?;
//! let mut upload = Upload::begin(&store.drive("alice")?, "notes.txt", Put::new()).await?;
//! upload.write("hello, world".into()).await?;
//! let version = upload.commit().await?;
//!
//! let request = http::Request::get(store.url(&version).sign()?).header("Range", "bytes=7-").body(()).unwrap();
//! let response = Files::new(store).answer(&request).await.unwrap();
//! assert_eq!(response.status(), 206);
//! assert_eq!(response.headers()["content-range"], "bytes 7-11/12");
//! assert_eq!(response.body().len(), 5);
//! # std::fs::remove_dir_all(&dir).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # What blocks
//!
//! Nothing on the threads of the async runtime, which is tokio: whatever has to wait for the disk runs by
//! `spawn_blocking`. What needs no wait does not pay for a thread: a reply whose rows are cached and whose content,
//! of at most 64 KiB, is in the system's cache is made where it is asked for.
//!
//! Long content is read ahead by one piece of 1 MiB, so a download holds 2 MiB at most, whatever its length and
//! however slow its client; they are windows on a memory map unless the store was opened with `Options::map(false)`.
//! A client that goes away ends its body, and at most the piece under way is still read.
//!
//! # Errors
//!
//! A body that cannot be read to its end, because the disk fails or content is damaged, gives an error, at which a
//! server breaks the connection off: a client never takes half for the whole. An upload is stored by
//! [`Upload::commit`] alone: what is dropped before, because the client went away or its body broke off, leaves
//! nothing.

mod body;
mod files;
mod local;
mod upload;

pub use body::Body;
pub use files::{Answer, Files, refuse};
pub use local::check_local;
pub use upload::{PutError, Upload, blocking, put};
