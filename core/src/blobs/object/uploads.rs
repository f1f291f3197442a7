//! Uploads in parts that nobody ended: the call that the client library does not have.
//!
//! `ListMultipartUploads` of the S3 API, signed by the library as a presigned URL.

use std::time::Duration;

use http::{Method, StatusCode};
use object_store::client::{HttpClient, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::client::{Asked, Backend, Client, within};
use crate::time::Time;
use crate::{Error, Result};

/// How long a signature is good for.
const SIGNED: Duration = Duration::from_secs(300);
/// Pages that are asked for at most, of 1,000 uploads each: what a sweep leaves, the next one finds.
const PAGES: usize = 1000;

/// An upload in parts that was begun and neither ended nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenUpload {
    pub(super) key: Path,
    pub(super) id: String,
    pub(super) begun: Time,
}

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
struct UploadsPage {
    uploads: Vec<OpenUpload>,
    /// Where the next one begins: a key and an id.
    next: Option<(String, String)>,
}

/// Lists the open uploads below the store's prefix.
pub(super) fn list(client: &Client) -> Result<Vec<OpenUpload>> {
    let (mut found, mut next) = (Vec::new(), None);
    let limit = client.options.patience;
    #[cfg(all(feature = "sim", feature = "remote"))]
    if client.options.simulated.is_some() {
        return client.ask("listing the open uploads", |backend| async move {
            match backend.as_ref() {
                Backend::Simulated(objects) => {
                    let open = within(limit, objects.uploads()).await?;
                    let upload = |(key, id, begun)| {
                        let begun = Time(i64::try_from(begun).unwrap_or(i64::MAX));
                        OpenUpload { key, id, begun }
                    };
                    Ok(open.into_iter().map(upload).collect())
                }
                _ => Ok(Vec::new()),
            }
        });
    }
    for _ in 0..PAGES {
        let (prefix, from) = (client.prefix.to_string(), next.take());
        let page = client.ask("listing the open uploads", |backend| async move {
            match backend.as_ref() {
                Backend::S3(s3, http) => within(limit, ask(s3, http, &prefix, from)).await,
                #[cfg(test)]
                Backend::Memory(_) => Ok(String::new()),
                #[cfg(all(feature = "sim", feature = "remote"))]
                Backend::Simulated(_) => Ok(String::new()),
            }
        })?;
        let page = parse(&page).ok_or_else(|| {
            Error::new(crate::ErrorKind::Io, "the object store's list of open uploads cannot be read")
        })?;
        found.extend(page.uploads);
        match page.next {
            Some(behind) => next = Some(behind),
            None => break,
        }
    }
    Ok(found)
}

async fn ask(
    s3: &object_store::aws::AmazonS3,
    http: &HttpClient,
    prefix: &str,
    from: Option<(String, String)>,
) -> Asked<String> {
    let mut query =
        vec![("uploads".to_owned(), String::new()), ("max-uploads".to_owned(), "1000".to_owned())];
    if !prefix.is_empty() {
        query.push(("prefix".to_owned(), format!("{prefix}/")));
    }
    if let Some((key, id)) = from {
        query.extend([("key-marker".to_owned(), key), ("upload-id-marker".to_owned(), id)]);
    }
    let options = SignedUrlOptions::default().with_query(query);
    let url = s3.signed_url_opts(Method::GET, &Path::default(), SIGNED, &options).await?;
    // What the error says must not have the signature.
    let refused = |why: String| object_store::Error::Generic { store: "S3", source: why.into() };
    let request = http::Request::get(url.as_str()).body(HttpRequestBody::empty());
    let request = request.map_err(|_| refused("the request cannot be made".to_owned()))?;
    let reply = http.execute(request).await.map_err(|cause| refused(format!("{:?}", cause.kind())))?;
    let status = reply.status();
    let body = reply.into_body().bytes().await.map_err(|cause| refused(format!("{:?}", cause.kind())))?;
    match status {
        StatusCode::OK => Ok(String::from_utf8_lossy(&body).into_owned()),
        _ => Err(refused(format!("the server answered {}", status.as_u16()))),
    }
}

/// Reads a page; None where it is none.
fn parse(xml: &str) -> Option<UploadsPage> {
    let mut page = UploadsPage::default();
    if xml.is_empty() {
        return Some(page);
    }
    let mut reader = Reader::from_str(xml);
    let (mut path, mut text) = (Vec::<String>::new(), String::new());
    let (mut key, mut id, mut begun) = (String::new(), String::new(), None);
    let (mut truncated, mut next) = (false, (String::new(), String::new()));
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                text.clear();
                path.push(String::from_utf8(tag.local_name().as_ref().to_vec()).ok()?);
            }
            Event::Text(part) => text.push_str(&part.decode().ok()?),
            Event::GeneralRef(name) => match name.resolve_char_ref().ok()? {
                Some(named) => text.push(named),
                None => text.push_str(quick_xml::escape::resolve_predefined_entity(&name.decode().ok()?)?),
            },
            Event::End(_) => {
                let path_now: Vec<&str> = path.iter().map(String::as_str).collect();
                let value = std::mem::take(&mut text);
                match path_now.as_slice() {
                    [_, "Upload", "Key"] => key = value,
                    [_, "Upload", "UploadId"] => id = value,
                    [_, "Upload", "Initiated"] => begun = time(&value),
                    [_, "IsTruncated"] => truncated = value == "true",
                    [_, "NextKeyMarker"] => next.0 = value,
                    [_, "NextUploadIdMarker"] => next.1 = value,
                    [_, "Upload"] => page.uploads.push(OpenUpload {
                        key: Path::parse(&key).ok()?,
                        id: std::mem::take(&mut id),
                        begun: begun.take()?,
                    }),
                    _ => {}
                }
                path.pop();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    page.next = truncated.then_some(next);
    path.is_empty().then_some(page)
}

fn time(text: &str) -> Option<Time> {
    text.parse::<jiff::Timestamp>().ok().map(|time| Time(time.as_microsecond()))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_page_is_read_whatever_is_between() {
        let xml = "<?xml version=\"1.0\"?>\n<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Bucket>b</Bucket><KeyMarker></KeyMarker><NextKeyMarker>c/01/x&amp;y</NextKeyMarker>\
            <NextUploadIdMarker>u2</NextUploadIdMarker><IsTruncated>true</IsTruncated>\n <Upload><Key>c/00/a</Key>\
            <UploadId>u1</UploadId><Owner><ID>k</ID></Owner><Initiated>2026-11-28T01:02:03.456Z</Initiated></Upload>\
            <Upload><Initiated>2026-11-28T01:02:04Z</Initiated><UploadId>u2</UploadId><Key>c/01/x&amp;y</Key></Upload>\
            </ListMultipartUploadsResult>";
        let page = parse(xml).unwrap();
        assert_eq!(page.next, Some(("c/01/x&y".to_owned(), "u2".to_owned())));
        let seen: Vec<_> =
            page.uploads.iter().map(|one| (one.key.as_ref(), one.id.as_str(), one.begun.unix())).collect();
        assert_eq!(seen, [("c/00/a", "u1", 1_795_827_723), ("c/01/x&y", "u2", 1_795_827_724)]);
        for cut in (1..xml.len()).step_by(7) {
            let _ = parse(&xml[..cut]);
        }
        assert_eq!(parse(&xml[..200]), None, "cut off");
        assert_eq!(parse("<a><Upload></Upload></a>"), None, "no time");
    }
}
