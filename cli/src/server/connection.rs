//! One connection: requests in, replies out.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use holdall::{Caller, Error, ErrorKind, Reply, Request, Result, Store, Time};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::{HttpService, service_fn};
use hyper::{Method, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::caller::{self, KnownCallers, Mounted};
use super::log;
use super::stream::{Run, Stream};
use super::upload;

/// How long a client may take over the head of a request, and stay silent between two.
const HEAD: Duration = Duration::from_secs(30);
/// The longest body of a call, in bytes. The formats read no more, and refuse a longer one in their words.
const MAX_CALL: usize = 4 << 20;
/// The same of a call that shows no token: a visitor names a share and what is in it.
const MAX_VISIT: usize = 64 << 10;
/// How long a client may take nothing of what is sent to it.
const STALLED: u32 = 120_000;

/// Serves what comes over a connection until either side ends it.
pub(super) fn serve(
    store: Store,
    mounted: Option<Mounted>,
    socket: TcpStream,
    client: SocketAddr,
    logged: bool,
) -> Connection<
    TokioIo<TcpStream>,
    impl HttpService<Incoming, ResBody = Stream, Error = Infallible, Future: Send> + Send,
> {
    let _ = socket.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&socket, STALLED);
    let client = client.ip().to_canonical();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (store, mounted) = (store.clone(), mounted.clone());
        let (parts, body) = request.into_parts();
        async move {
            let (method, target) = (parts.method.clone(), parts.uri.clone());
            let (reply, run) = match take(mounted.as_ref(), &parts, body, client).await {
                Err(refused) => begun(refused),
                Ok(Taken { caller, body }) => {
                    let asked = upload::waited(move || {
                        Ok(answer(&store, mounted.as_ref().zip(caller), &parts, &body, client))
                    });
                    asked.await.unwrap_or_else(|error| failed(&error))
                }
            };
            if logged {
                log::line(client, method.as_str(), &target, reply.status, reply.body.len());
            }
            Ok::<_, Infallible>(response(&reply, run))
        }
    });
    Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(100)
        // A client may say that it has no more to ask while it waits for the reply.
        .half_close(true)
        .serve_connection(TokioIo::new(socket), service)
}

/// A request that a thread may answer: who calls, and the body as far as it is needed.
struct Taken {
    /// None where the request is for the store itself.
    caller: Option<Caller>,
    /// All of it, which may be nothing.
    body: Bytes,
}

/// Finds out who calls before anything of the body is read, and awaits what a thread would have to
/// wait for. Where the reply is known then, a refusal or that to a part of an upload, it is the error.
async fn take(
    mounted: Option<&Mounted>,
    parts: &Parts,
    body: Incoming,
    client: IpAddr,
) -> Result<Taken, Reply> {
    // RFC 9112, section 3.2: without a host, or with two, a request is not one.
    if parts.version == Version::HTTP_11 && parts.headers.get_all(HOST).iter().count() != 1 {
        let message = "a request over HTTP/1.1 without one Host header";
        return Err(Reply::from_error(&Error::new(ErrorKind::InvalidArgument, message)));
    }
    let target = target(parts);
    let Some(mounted) = mounted.filter(|mounted| mounted.api.is_at(target)) else {
        return Ok(Taken { caller: None, body: Bytes::new() });
    };
    let known = mounted.caller(&parts.headers, client);
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        // What is asked for without a body is a signed URL, which needs no other token.
        let caller = Some(known.map_or_else(Caller::anonymous, |known| known.caller));
        return Ok(Taken { caller, body: Bytes::new() });
    }
    let KnownCallers { caller, is_named } = match known {
        Some(known) => known,
        None if target.starts_with("/v2/") => return Err(caller::refusal(target)),
        // In the Cloudreve form whose token is not known is a visitor, who may be let into a share.
        None => KnownCallers { caller: Caller::anonymous(), is_named: false },
    };
    if parts.method == Method::PUT && is_upload(target) {
        return Err(part(mounted, parts, body, client).await);
    }
    let max = if is_named { MAX_CALL } else { MAX_VISIT };
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    if !is_named && length.is_some_and(|length| length > max) {
        return Err(too_long(target, max));
    }
    match upload::whole(body, max).await {
        Ok(body) if !is_named && body.len() > max => Err(too_long(target, max)),
        Ok(body) => Ok(Taken { caller: Some(caller), body }),
        Err(_) => Err(too_slow()),
    }
}

/// Whether a target is that of a part of an upload, whose body is not read at once.
fn is_upload(target: &str) -> bool {
    target.starts_with("/v2/upload/")
}

/// Takes a part of an upload, whose URL says whose it is, and answers.
async fn part(mounted: &Mounted, parts: &Parts, body: Incoming, client: IpAddr) -> Reply {
    let (api, head) = (mounted.api.clone(), parts.clone());
    let begun = upload::waited(move || with_request(&head, client, |request| api.part_writer(request)));
    let taken = match begun.await {
        Ok(Some(writer)) => upload::part(writer, body, &mounted.uploads).await,
        Ok(None) => return Reply::from_error(&Error::new(ErrorKind::NotFound, "there is no such upload")),
        Err(error) => Err(error),
    };
    match taken {
        Ok(reply) => reply.unwrap_or_else(too_slow),
        Err(error) => {
            eprintln!("holdall: answering a request: {error}");
            Reply::from_error(&error)
        }
    }
}

fn too_slow() -> Reply {
    let mut reply = Reply::from_error(&Error::new(ErrorKind::InvalidArgument, "the body came too slowly"));
    reply.status = 408;
    reply.headers.push(("Connection", "close".to_owned()));
    reply
}

fn too_long(target: &str, max: usize) -> Reply {
    let mut reply = caller::refuse(target, 413, &format!("the body is longer than {max} bytes"));
    reply.headers.push(("Connection", "close".to_owned()));
    reply
}

/// Asks the store, and reads the beginning of what it gives. May block.
fn answer(
    store: &Store,
    mounted: Option<(&Mounted, Caller)>,
    parts: &Parts,
    body: &[u8],
    client: IpAddr,
) -> (Reply, Run) {
    let asked = ask(store, mounted, parts, body, client);
    match asked {
        Ok(reply) => begun(reply),
        Err(error) => failed(&error),
    }
}

/// Reads the beginning of a reply's body.
fn begun(reply: Reply) -> (Reply, Run) {
    let run = Run::begin(&reply.body);
    match run.error() {
        // Nothing was sent yet, so the client can still get an answer.
        Some(error) => failed(error),
        None => (reply, run),
    }
}

fn ask(
    store: &Store,
    mounted: Option<(&Mounted, Caller)>,
    parts: &Parts,
    body: &[u8],
    client: IpAddr,
) -> Result<Reply> {
    with_request(parts, client, |request| match &mounted {
        None => store.serve(request),
        Some((mounted, caller)) => mounted.api.answer(caller, request, body),
    })
}

/// Makes the store's request of the head of one.
fn with_request<T>(parts: &Parts, client: IpAddr, act: impl FnOnce(&Request<'_>) -> T) -> T {
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let mut request = Request::new(parts.method.as_str(), target(parts)).client(client).at(Time::now());
    request.headers = headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    act(&request)
}

fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Makes the reply to a request that the server could not answer, and tells whoever runs it.
fn failed(error: &Error) -> (Reply, Run) {
    eprintln!("holdall: answering a request: {error}");
    let reply = Reply::from_error(error);
    let run = Run::begin(&reply.body);
    (reply, run)
}

fn response(reply: &Reply, run: Run) -> Response<Stream> {
    let mut response = Response::new(Stream::new(reply.body.len(), run, reply.pace));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
