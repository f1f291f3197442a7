//! From a request that uploads to a response.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use holdall::{Drive, Error, ErrorKind, Put, VersionInfo};
use http::header::{ALLOW, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::body::Body;
use crate::files::refuse;
use crate::form::Form;
use crate::upload::{PutError, blocking, put};

/// Decides who may upload.
type Check = Arc<dyn Fn(&Parts) -> holdall::Result<()> + Send + Sync>;

/// Takes uploads into a drive at a path of a server: `PUT` of content at that path and a file's, and `POST` of a form
/// with files at the path itself. Cloning it costs two atomic increments.
///
/// The answer is 201, with a presigned URL of each version on a line of its own. As with [`Files`](crate::Files), the
/// target must be the one that the client asked for: mount it without `nest`.
///
/// ```
/// # use holdall::{Options, Store};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), holdall::Error> {
/// # let dir = std::env::temp_dir().join(format!("holdall-http-uploads-{}", std::process::id()));
/// # let store = Store::open(&dir, Options::new())?;
/// use holdall_http::{Uploads, check_local};
///
/// let uploads = Uploads::new(&store.drive("alice")?, "/upload", |head| check_local(&head.headers));
/// let request = http::Request::put("/upload/docs/a%20b.txt").header("Host", "127.0.0.1").body("hello".to_owned());
/// assert_eq!(uploads.answer(request.unwrap()).await.status(), 201);
/// assert_eq!(store.drive("alice")?.stat("docs/a b.txt")?.current.map(|version| version.size), Some(5));
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Uploads {
    drive: Drive,
    base: Arc<str>,
    check: Check,
}

impl Uploads {
    /// Takes uploads at a path, such as `/upload`, from whom `check` lets in. It sees a request's head, is called on
    /// the async threads and must not wait; [`check_local`](crate::check_local) is one for a server of this machine
    /// alone. Where to ask takes time, do it in a route of your own, and [`put`] there.
    pub fn new(
        drive: &Drive,
        base: &str,
        check: impl Fn(&Parts) -> holdall::Result<()> + Send + Sync + 'static,
    ) -> Uploads {
        Uploads { drive: drive.clone(), base: base.trim_end_matches('/').into(), check: Arc::new(check) }
    }

    /// Returns whether a request's path is that of an upload, for servers without a router.
    pub fn is_at(&self, path: &str) -> bool {
        path.strip_prefix(&*self.base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a request. Whatever is wrong with it is a response too: 403 or another status of the check's error, 405
    /// for another method, 400 for a body that broke off or a path that no file can have.
    pub async fn answer<B>(&self, request: http::Request<B>) -> Response<Body>
    where
        B: http_body::Body,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let path = head.uri.path().strip_prefix(&*self.base).unwrap_or_default().trim_start_matches('/');
        let wanted = if path.is_empty() { Method::POST } else { Method::PUT };
        if head.method != wanted {
            let mut response =
                refuse(&Error::new(ErrorKind::InvalidArgument, format!("uploads here are by {wanted}")));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(if path.is_empty() { "POST" } else { "PUT" }));
            return response;
        }
        self.take(&head, path, body).await.unwrap_or_else(|error| error.response())
    }

    async fn take<B>(&self, head: &Parts, path: &str, body: B) -> Result<Response<Body>, PutError>
    where
        B: http_body::Body,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        (self.check)(head)?;
        let mut versions = Vec::new();
        if path.is_empty() {
            let mut form = Form::new(&head.headers, body)?;
            while let Some(name) = form.next_file().await? {
                versions.push(form.put(&self.drive, &name, Put::new()).await?);
            }
        } else {
            versions.push(put(&self.drive, &decode(path)?, Put::new(), body).await?);
        }
        if versions.is_empty() {
            return Err(PutError::Body("the form has no file".into()));
        }
        self.tell(versions).await
    }

    /// Makes the response that tells of what was put.
    async fn tell(&self, versions: Vec<VersionInfo>) -> Result<Response<Body>, PutError> {
        let store = self.drive.store().clone();
        let sign =
            move || versions.iter().map(|version| store.url(version).sign()).collect::<Result<Vec<_>, _>>();
        let urls = blocking(sign).await?;
        let lines: String = urls.iter().flat_map(|url| [url, "\n"]).collect();
        let mut response = Response::new(Body::new(holdall::body::Body::from_bytes(lines)));
        *response.status_mut() = StatusCode::CREATED;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(url) = urls.first().and_then(|url| HeaderValue::from_str(url).ok()) {
            headers.insert(LOCATION, url);
        }
        Ok(response)
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads").field("base", &self.base).finish_non_exhaustive()
    }
}

impl<B> tower_service::Service<http::Request<B>> for Uploads
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let uploads = self.clone();
        Box::pin(async move { Ok(uploads.answer(request).await) })
    }
}

/// Decodes the escapes of a path, once (RFC 3986 section 2.1).
fn decode(path: &str) -> holdall::Result<String> {
    let mut escapes = path.split('%').skip(1);
    let whole =
        |escape: &str| escape.get(..2).is_some_and(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !escapes.all(whole) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "a percent sign that begins no escape is written %25",
        ));
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
    let decoded = decoded.map_err(|_| Error::new(ErrorKind::InvalidArgument, "the path is not UTF-8"));
    Ok(decoded?.into_owned())
}
