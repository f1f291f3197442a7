//! Who calls, as the host says. The wire formats believe nothing else.

use zeroize::Zeroizing;

use crate::mutant::{self, Mutant};

/// Who makes a call: the host has checked it, and the formats go by it alone.
///
/// ```
/// use holdall::{Caller, Limits};
///
/// let alice = Caller::of("alice").limits(Limits::new().speed(1 << 20));
/// assert_eq!(alice.drive(), Some("alice"));
/// assert_eq!(Caller::anonymous().drive(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) drive: Option<String>,
    pub(super) administrator: bool,
    pub(super) token: Option<Token>,
    pub(super) limits: Limits,
}

/// An access token. It is wiped when it is dropped, and never shown.
#[derive(Clone)]
pub(super) struct Token(pub(super) Zeroizing<String>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl Caller {
    /// Makes the caller that nobody knows: no drive, no direct links and no archives, since each takes
    /// room in the store; [`Caller::limits`] allows them.
    pub fn anonymous() -> Caller {
        let archive = mutant::is_active(Mutant::AnonymousArchives);
        let limits = Limits { links: 0, archive, ..Limits::new() };
        Caller { drive: None, administrator: false, token: None, limits }
    }

    /// Makes the caller who owns the drive of that name.
    pub fn of(drive: impl Into<String>) -> Caller {
        Caller { drive: Some(drive.into()), limits: Limits::new(), ..Caller::anonymous() }
    }

    /// Makes the caller an administrator, who may also make 1,000 direct links in a call.
    #[must_use]
    pub fn administrator(mut self) -> Caller {
        self.administrator = true;
        self.limits.links = self.limits.links.max(1000);
        self
    }

    /// Sets the access token that the caller showed: what proofs of content are made with.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Caller {
        self.token = Some(Token(Zeroizing::new(token.into())));
        self
    }

    /// Sets what the caller's group may do.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Caller {
        self.limits = limits;
        self
    }

    /// Returns the name of the caller's own drive; none for one whom nobody knows.
    pub fn drive(&self) -> Option<&str> {
        self.drive.as_deref()
    }

    /// Returns whether the caller is an administrator.
    pub fn is_administrator(&self) -> bool {
        self.administrator
    }
}

/// What a group of callers may do. By default: any speed, archives, shares, 10 direct links a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes a second that a download goes at; 0 is any speed.
    pub speed: u64,
    /// Whether several files may be had as one zip.
    pub archive: bool,
    /// Whether shares of others may be downloaded from.
    pub share_download: bool,
    /// Direct links that one call may make; 0 allows none.
    pub links: u32,
    /// Whether a direct link is made anew where there is one under the same name and speed.
    pub unique_links: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::new()
    }
}

impl Limits {
    /// Returns the defaults.
    pub fn new() -> Limits {
        Limits { speed: 0, archive: true, share_download: true, links: 10, unique_links: false }
    }

    /// Sets the speed of a download in bytes a second; 0 is any speed.
    #[must_use]
    pub fn speed(mut self, bytes_per_second: u64) -> Limits {
        self.speed = bytes_per_second;
        self
    }

    /// Sets whether several files may be had as one zip.
    #[must_use]
    pub fn archive(mut self, archive: bool) -> Limits {
        self.archive = archive;
        self
    }

    /// Sets whether shares of others may be downloaded from.
    #[must_use]
    pub fn share_download(mut self, share_download: bool) -> Limits {
        self.share_download = share_download;
        self
    }

    /// Sets how many direct links one call may make; 0 allows none.
    #[must_use]
    pub fn links(mut self, links: u32) -> Limits {
        self.links = links;
        self
    }

    /// Sets whether a direct link is made anew where there is one under the same name and speed.
    #[must_use]
    pub fn unique_links(mut self, unique_links: bool) -> Limits {
        self.unique_links = unique_links;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_token() {
        let caller = Caller::of("alice").token("secret-of-alice");
        assert!(!format!("{caller:?}").contains("secret"), "{caller:?}");
    }

    #[test]
    fn an_anonymous_caller_has_no_drive_and_makes_no_links() {
        let nobody = Caller::anonymous();
        assert_eq!((nobody.drive(), nobody.is_administrator(), nobody.limits.links), (None, false, 0));
        assert!(!nobody.limits.archive);
        assert_eq!(Caller::of("root").administrator().limits.links, 1000);
    }
}
