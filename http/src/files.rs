//! From a request to a response.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use holdall::{Reply, Request, Store};
use http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::body::{Body, lost};

/// Finds the client's address in what a server noted with a request.
type Client = Arc<dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync>;

/// Answers requests for the URLs of a store. Cloning it costs an atomic increment or two.
///
/// The target must be the one that the client asked for: a router that strips a prefix, as `nest` of axum does,
/// hides it. Mount it as a fallback, or at a route that ends in a wildcard.
#[derive(Clone)]
pub struct Files {
    store: Store,
    client: Option<Client>,
}

impl Files {
    /// Serves a store.
    pub fn new(store: Store) -> Files {
        Files { store, client: None }
    }

    /// Finds a client's address for URLs that are bound to a network, which are refused without: of axum it is
    /// `|noted| noted.get::<ConnectInfo<SocketAddr>>().map(|from| from.0.ip())`. Unless this says otherwise it is
    /// the [`SocketAddr`] among a request's extensions, where there is one.
    #[must_use]
    pub fn client(mut self, find: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Files {
        self.client = Some(Arc::new(find));
        self
    }

    /// Answers a request. Its body is not looked at.
    ///
    /// Whatever is wrong with the request is a response too. An error that the host must know of, such as `Io`, is
    /// one of its status, and an event of `tracing`.
    pub fn answer<B>(&self, request: &http::Request<B>) -> Answer {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let client = match &self.client {
            Some(find) => find(request.extensions()),
            None => request.extensions().get::<SocketAddr>().map(SocketAddr::ip),
        };
        let lines = |name| request.headers().get_all(name).iter().map(move |value| (name, value.as_bytes()));
        let headers = Request::HEADERS.into_iter().flat_map(lines);
        self.answer_parts(request.method().as_str(), target, headers, client)
    }

    /// Answers a request in parts, for servers that have no [`http::Request`]. The names of headers are in any case.
    pub fn answer_parts<'a>(
        &self,
        method: &str,
        target: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        client: Option<IpAddr>,
    ) -> Answer {
        let headers: Vec<(&str, std::borrow::Cow<'_, str>)> =
            headers.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
        let mut request = Request::new(method, target);
        request.headers = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        request.client = client;
        match self.store.serve_cached(&request) {
            Ok(Some(reply)) => {
                let (reply, body) = split(reply);
                Answer(State::Ready(Some(respond(&reply, Body::new(body)))))
            }
            Ok(None) => Answer(State::Waiting(self.wait(&request))),
            Err(error) => Answer(State::Ready(Some(refuse(&error)))),
        }
    }

    /// Answers on a thread that may wait.
    fn wait(&self, request: &Request<'_>) -> JoinHandle<Response<Body>> {
        let store = self.store.clone();
        let (method, target) = (request.method.to_owned(), request.target.to_owned());
        let headers: Vec<(String, String)> =
            request.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (client, now) = (request.client, request.now);
        spawn_blocking(move || {
            let mut request = Request::new(&method, &target).at(now);
            request.headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            request.client = client;
            let made = store.serve(&request).and_then(|reply| {
                let (reply, body) = split(reply);
                Ok(respond(&reply, Body::prepare(body)?))
            });
            made.unwrap_or_else(|error| refuse(&error))
        })
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

impl<B> tower_service::Service<http::Request<B>> for Files {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answer {
        self.answer(&request)
    }
}

/// The answer to a request: a future of a response, which never fails.
#[derive(Debug)]
pub struct Answer(State);

#[derive(Debug)]
enum State {
    Ready(Option<Response<Body>>),
    Waiting(JoinHandle<Response<Body>>),
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match &mut self.0 {
            State::Ready(response) => ready!(response.take().map_or(Poll::Pending, Poll::Ready)),
            State::Waiting(task) => {
                ready!(Pin::new(task).poll(context)).unwrap_or_else(|error| refuse(&lost(error)))
            }
        };
        Poll::Ready(Ok(response))
    }
}

fn split(mut reply: Reply) -> (Reply, holdall::body::Body) {
    let body = std::mem::take(&mut reply.body);
    (reply, body)
}

/// Makes a response of a reply without its body.
fn respond(reply: &Reply, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(*name, value);
        }
    }
    response
}

/// Makes the response that tells a client of an error; the detail of one that is the server's affair goes to
/// `tracing`.
pub fn refuse(error: &holdall::Error) -> Response<Body> {
    if error.kind().http_status() >= 500 {
        tracing::error!(%error, "a request could not be answered");
    }
    let (reply, body) = split(Reply::from_error(error));
    respond(&reply, Body::new(body))
}
