//! One connection: requests in, replies out.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use holdall::{Caller, Error, Reply, Request, Result, Store, Time};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::{HttpService, service_fn};
use hyper::{Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::caller::{self, Mounted};
use super::log;
use super::stream::{Run, Stream};
use super::upload::Upload;

/// How long a client may take over the head of a request, and stay silent between two.
const HEAD: Duration = Duration::from_secs(30);
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
        let body = Upload::new(body, Handle::current());
        async move {
            let (method, target) = (parts.method.clone(), parts.uri.clone());
            let asked =
                tokio::task::spawn_blocking(move || answer(&store, mounted.as_ref(), &parts, body, client));
            let asked = asked.await;
            let (reply, run) = asked.unwrap_or_else(|stopped| {
                failed(&Error::io("answering a request", std::io::Error::other(stopped)))
            });
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

/// Asks the store, and reads the beginning of what it gives. May block.
fn answer(
    store: &Store,
    mounted: Option<&Mounted>,
    parts: &Parts,
    body: Upload,
    client: IpAddr,
) -> (Reply, Run) {
    let asked = ask(store, mounted, parts, body, client);
    let reply = match asked {
        Ok(reply) => reply,
        Err(error) => return failed(&error),
    };
    let run = Run::begin(&reply.body);
    match run.error() {
        // Nothing was sent yet, so the client can still be told.
        Some(error) => failed(error),
        None => (reply, run),
    }
}

fn ask(
    store: &Store,
    mounted: Option<&Mounted>,
    parts: &Parts,
    body: Upload,
    client: IpAddr,
) -> Result<Reply> {
    // RFC 9112, section 3.2: without a host, or with two, a request is not one.
    if parts.version == Version::HTTP_11 && parts.headers.get_all(HOST).iter().count() != 1 {
        let told = "a request over HTTP/1.1 without one Host header";
        return Ok(Reply::from_error(&Error::new(holdall::ErrorKind::InvalidArgument, told)));
    }
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = Request::new(parts.method.as_str(), target).client(client).at(Time::now());
    request.headers = headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    match mounted.filter(|mounted| mounted.api.is_at(target)) {
        None => store.serve(&request),
        Some(mounted) => match mounted.caller(&parts.headers, client) {
            // What is asked for without a body is a signed URL, which needs no other token.
            None if matches!(request.method, "GET" | "HEAD" | "OPTIONS") => {
                mounted.api.answer(&Caller::anonymous(), &request, body)
            }
            Some(caller) => mounted.api.answer(&caller, &request, body),
            None => Ok(caller::refusal(target)),
        },
    }
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
