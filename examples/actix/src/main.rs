//! A server on actix-web: `actix STORE` serves every URL of a store, and takes uploads at `/upload`.
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, body::SizedStream, web};
use futures_util::TryStreamExt;
use holdall::{Options, Store};
use holdall_http::{Files, Uploads, check_local};
use http::{Request, request::Builder};
use http_body_util::{BodyExt, StreamBody};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
type Services = web::Data<(Files, Uploads)>;

/// actix-web has types of http 0.2, so requests and responses are converted.
async fn answer(from: HttpRequest, body: web::Payload, services: Services) -> Outcome<HttpResponse> {
    let head = Request::builder().method(from.method().as_str()).uri(from.uri().to_string());
    let head = from.peer_addr().into_iter().fold(head, Builder::extension);
    let copied = from.headers().iter().fold(head, |head, (k, v)| head.header(k.as_str(), v.as_bytes()));
    let asked = copied.body(StreamBody::new(body.map_ok(http_body::Frame::data)))?;
    let (head, body) = match services.1.is_at(from.path()) {
        true => services.1.answer(asked).await.into_parts(),
        false => services.0.answer(&asked).await?.into_parts(),
    };
    let mut response = HttpResponse::build(head.status.as_u16().try_into()?);
    head.headers.iter().for_each(|(k, v)| _ = response.append_header((k.as_str(), v.as_bytes())));
    // The length that HEAD asks for is not that of its body.
    let len = head.headers.get("content-length").and_then(|len| len.to_str().ok()?.parse().ok());
    Ok(response.body(SizedStream::new(len.unwrap_or(body.len()), body.into_data_stream())))
}

#[actix_web::main]
async fn main() -> Outcome<()> {
    let store = Store::open(std::env::args().nth(1).ok_or("usage: actix STORE")?, Options::new())?;
    // A server that others reach has to know who sends.
    let uploads = Uploads::new(&store.drive("up")?, "/upload", |head| check_local(&head.headers));
    let services = web::Data::new((Files::new(store), uploads));
    let app = move || App::new().app_data(services.clone()).default_service(web::to(answer));
    let server = HttpServer::new(app).tcp_nodelay(true).shutdown_timeout(10).bind("127.0.0.1:0")?;
    println!("listening on http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}
