//! The access log: one line a request, without what would let a reader of it download.

use std::net::IpAddr;

use hyper::Uri;

/// Writes a line: when, who, what, the status and the length of the reply.
pub(super) fn line(client: IpAddr, method: &str, target: &Uri, status: u16, len: u64) {
    let path = redacted(target.path());
    eprintln!("{} {client} {method} {path} {status} {len}", holdall::Time::now());
}

/// What stands before a secret in a path: a token of a download or of an upload's part, or the id of a
/// direct link.
const BEFORE: [&str; 4] = ["d", "upload", "f", "source"];

/// What stands before the id of a share, behind which its password may stand.
const SHARE: &str = "s";

/// As long as a token is at least, in characters.
const TOKEN: usize = 40;

/// Takes what would open something out of a path: wherever the path is mounted, what follows one of
/// [`BEFORE`], all that follows [`SHARE`], and whatever looks like a token. The query, where signatures stand, is not logged at all.
fn redacted(path: &str) -> String {
    let (mut before, mut in_share) = ("", false);
    let mut parts = Vec::new();
    for part in path.split('/') {
        let secret = in_share || BEFORE.contains(&before) && !BEFORE.contains(&part);
        parts.push(if secret && !part.is_empty() || holds_token(part) { "..." } else { part });
        in_share |= part == SHARE;
        before = part;
    }
    parts.join("/")
}

/// Whether a part of a path holds a run as long as a token of what tokens are made of.
fn holds_token(part: &str) -> bool {
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    part.as_bytes().split(|byte| !of_token(*byte)).any(|run| run.len() >= TOKEN)
}

#[cfg(test)]
mod tests {
    use holdall::token::{Claims, Key, KeyRing, Purpose};

    use super::redacted;

    #[test]
    fn no_token_gets_into_the_log() {
        let ring = KeyRing::new([1; 16], [Key::new(1, vec![7; 32], 0).unwrap()]).unwrap();
        for purpose in Purpose::ALL {
            let token = ring.sign(&Claims::never_expiring(purpose, 0, 0)).unwrap();
            for (before, behind) in [
                ("/d/", "/a%20b"),
                ("/d/", ""),
                ("/files/d/", "/a"),
                ("/d/d/", "/a"),
                ("/d/files/d/", "/d"),
                ("/upload/d/", "/upload"),
                ("/f/d/", "/a"),
                ("/v2/upload/", ""),
                ("/d/v2/upload/", "/x"),
                ("/files/v2/upload/", ""),
                ("/%64/", "/a"),
                ("//d//", "/a"),
                ("/", ".aux.xml"),
                ("/x", "%20"),
            ] {
                let logged = redacted(&format!("{before}{token}{behind}"));
                assert!(!logged.contains(&token[..16]), "{before}: {logged}");
            }
        }
    }

    #[test]
    fn no_id_and_no_password_of_a_share_gets_into_the_log() {
        for path in
            ["/s/sas7mqxcg7ryff", "/s/sas7mqxcg7ryff/", "/s/sas7mqxcg7ryff/s", "/files/s/d/sas7mqxcg7ryff"]
        {
            let logged = redacted(path);
            assert!(!logged.contains("sas7") && !logged.ends_with("/s"), "{path}: {logged}");
        }
        assert_eq!(redacted("/api/v4/file/source/sas7mqxcg7ryff"), "/api/v4/file/source/...");
    }

    #[test]
    fn the_rest_of_a_path_is_logged() {
        for (path, logged) in [
            ("/d/AQAB/a%20b", "/d/.../a%20b"),
            ("/f/l12/x", "/f/.../x"),
            ("/f/d/l12/d/x", "/f/d/.../d/..."),
            ("/api/v4/file/content/Mz2f/0/a.txt", "/api/v4/file/content/Mz2f/0/a.txt"),
            ("/v2/file/list", "/v2/file/list"),
            ("/", "/"),
        ] {
            assert_eq!(redacted(path), logged);
        }
    }
}
