//! Serves a [`holdall::Store`] from any web server in Rust.
//!
//! [`Files`] answers requests for the URLs of a store: an [`http::Request`] becomes an [`http::Response`] whose
//! [`Body`] is an [`http_body::Body`] of exact length. It is a tower `Service`, which axum can mount
//! directly; [`Files::answer`] is for other servers. [`Uploads`] takes what clients send, and [`Form`] and [`Upload`] are
//! what it is made of.
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
//! # Where to begin
//!
//! | to | see |
//! |---|---|
//! | answer downloads in axum or another tower server | [`Files`] as a `Service` |
//! | answer them in hyper, or with request types of your own | [`Files::answer`], [`Files::answer_parts`] |
//! | take uploads at a path: `PUT` of content, `POST` of a form | [`Uploads`], a `Service` too |
//! | store a request body, the files of a form, or pieces of your own | [`put`], [`Form`], [`Upload`] |
//! | refuse uploads from pages of other sites | [`check_local`] |
//! | turn an error into a response | [`refuse`], [`PutError`] |
//! | call a store from async code | [`blocking`] |
//!
//! # What blocks
//!
//! Nothing blocks a thread of the async runtime, which is tokio: whatever has to wait for the disk runs on a thread
//! for blocking work (`spawn_blocking`). A reply that needs no wait, because its rows are cached and its content of at
//! most 64 KiB is in the system's cache, is made on the calling thread.
//!
//! Long content is read ahead by one piece of 1 MiB, so a download holds at most 2 MiB, whatever its length and
//! however slow its client. The pieces are windows on a memory map, unless the store was opened with
//! `Options::map(false)`. When a client disconnects, its body ends, and at most the piece in progress is still read.
//!
//! # Errors
//!
//! If a body cannot be read to its end, because the disk fails or content is damaged, it yields an error, and the
//! server closes the connection: a client never mistakes a part for the whole. An upload is stored by
//! [`Upload::commit`] alone; one that is dropped before, because the client disconnected or its body broke off, leaves
//! nothing behind.

mod body;
mod files;
mod form;
mod local;
mod upload;
mod uploads;

pub use body::Body;
pub use files::{Answer, Files, refuse};
pub use form::Form;
pub use local::check_local;
pub use upload::{PutError, Upload, blocking, put};
pub use uploads::Uploads;
