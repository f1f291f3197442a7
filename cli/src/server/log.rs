//! The access log: one line a request, without what would let a reader of it download.

use std::net::IpAddr;

use hyper::Uri;

/// Writes a line: when, who, what, the status and the length of the reply.
pub(super) fn line(client: IpAddr, method: &str, target: &Uri, status: u16, len: u64) {
    let path = redacted(target.path());
    eprintln!("{} {client} {method} {path} {status} {len}", holdall::Time::now());
}

/// Takes the token out of a path; the query, where signatures stand, is not logged at all.
fn redacted(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    if let Some(at) = parts.iter().position(|part| *part == "d")
        && let Some(token) = parts.get_mut(at + 1)
        && token.len() > 20
    {
        *token = "...";
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn no_token_gets_into_the_log() {
        let token = "Abc_-9".repeat(10);
        assert_eq!(redacted(&format!("/d/{token}/a%20b")), "/d/.../a%20b");
        assert_eq!(redacted(&format!("/files/d/{token}")), "/files/d/...");
        assert_eq!(redacted("/f/d/l12/d/x"), "/f/d/l12/d/x");
        assert_eq!(redacted("/"), "/");
    }
}
