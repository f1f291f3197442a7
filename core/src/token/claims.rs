//! Claims: everything that a token says.

use std::net::IpAddr;

use super::{Network, Refusal};
use crate::http::{CrossOrigin, Disposition, valid_media_type};
use crate::name::{check_name, shown};
use crate::{Error, Result};

/// What a token is for. Each purpose has a sub-key of its own, so none passes as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Purpose {
    /// Reads one version, whatever becomes of its file.
    Version = 1,
    /// Reads the current version of one file.
    File = 2,
    /// Reads one archive.
    Archive = 3,
    /// Enters one share.
    Share = 4,
    /// Writes to one place.
    Upload = 5,
    /// Reads one version while its file is in its tree.
    Revision = 6,
}

impl Purpose {
    /// Every purpose, in order of its number.
    pub const ALL: [Purpose; 6] = [
        Purpose::Version,
        Purpose::File,
        Purpose::Archive,
        Purpose::Share,
        Purpose::Upload,
        Purpose::Revision,
    ];

    /// Returns the fixed number, 1 to 6.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the purpose of that number.
    pub(super) fn from_number(number: u8) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| purpose.number() == number)
    }

    /// Returns the name, as it enters the sub-key.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Version => "version",
            Purpose::File => "file",
            Purpose::Archive => "archive",
            Purpose::Share => "share",
            Purpose::Upload => "upload",
            Purpose::Revision => "revision",
        }
    }
}

/// A set of purposes: what a verifier is ready to serve.
///
/// ```
/// use holdall::token::{Purpose, Purposes};
///
/// let wanted = Purposes::from([Purpose::Version, Purpose::File]);
/// assert!(wanted.contains(Purpose::File));
/// assert!(!wanted.contains(Purpose::Upload));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Purposes(u8);

impl Purposes {
    /// What a download may be: a version, a revision, a file, an archive or a share.
    pub const DOWNLOAD: Purposes = Purposes(
        bit(Purpose::Version)
            | bit(Purpose::File)
            | bit(Purpose::Archive)
            | bit(Purpose::Share)
            | bit(Purpose::Revision),
    );

    /// Tells whether `purpose` is in the set.
    pub const fn contains(self, purpose: Purpose) -> bool {
        self.0 & bit(purpose) != 0
    }
}

const fn bit(purpose: Purpose) -> u8 {
    1 << purpose.number()
}

impl From<Purpose> for Purposes {
    fn from(purpose: Purpose) -> Purposes {
        Purposes(bit(purpose))
    }
}

impl<const N: usize> From<[Purpose; N]> for Purposes {
    fn from(purposes: [Purpose; N]) -> Purposes {
        Purposes(purposes.into_iter().fold(0, |set, purpose| set | bit(purpose)))
    }
}

/// How many times a URL may be used, and the counter that says how often it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UseLimit {
    /// The number of uses, 1 or more.
    pub limit: u32,
    /// Names the counter; random.
    pub id: [u8; 16],
    /// Whether each request is a use, and not each download by one client.
    pub each_request: bool,
}

/// Everything that a token says. What is not in here cannot change the reply.
///
/// Two things in here are for whoever holds the counters: [`epoch`](Claims::epoch) and
/// [`uses`](Claims::uses). [`KeyRing::verify`](super::KeyRing::verify) judges all the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claims {
    /// What the token is for.
    pub purpose: Purpose,
    /// The id of the version, file, archive, share or place.
    pub subject: u64,
    /// The revocation counters of the subject and of what it belongs to, summed, when the token was
    /// made. They only grow: a token with another sum is revoked.
    pub epoch: u64,
    /// For a share, the file in it that is read; for all else 0, and not in the token.
    pub file: u64,
    /// See [`expires`](Claims::expires); private, so that "never" takes a call that says so.
    expires: Option<u64>,
    /// Whether the content is saved or shown.
    pub disposition: Disposition,
    /// The name to save it under; otherwise its own. Rules: [`check_name`].
    pub name: Option<String>,
    /// The media type to serve it as; otherwise its own.
    pub media_type: Option<String>,
    /// The only network whose clients may use the token.
    pub network: Option<Network>,
    /// How many times it may be used; otherwise any number.
    pub uses: Option<UseLimit>,
    /// Whether shared caches may keep the reply.
    pub public_cache: bool,
    /// The speed to send at, in bytes each second, 1 or more; otherwise any.
    pub pace: Option<u64>,
    /// Which pages of other origins may show or read the reply; otherwise as the store has it.
    pub cross_origin: Option<CrossOrigin>,
}

impl Claims {
    /// Makes claims that end at `expires`, in unix seconds: valid before that second, not in it.
    pub fn new(purpose: Purpose, subject: u64, epoch: u64, expires: u64) -> Claims {
        Claims { expires: Some(expires), ..Claims::never_expiring(purpose, subject, epoch) }
    }

    /// Makes claims that never end by themselves. Only a higher epoch or removing the key ends them.
    pub fn never_expiring(purpose: Purpose, subject: u64, epoch: u64) -> Claims {
        Claims {
            purpose,
            subject,
            epoch,
            file: 0,
            expires: None,
            disposition: Disposition::Attachment,
            name: None,
            media_type: None,
            network: None,
            uses: None,
            public_cache: false,
            pace: None,
            cross_origin: None,
        }
    }

    /// Returns the unix second from which the token is expired, or none if it never is.
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// Checks that every field keeps its bounds, so that it has an encoding.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a bad name, a media type that is not
    /// [valid](valid_media_type), a limit of 0 uses, or a pace of 0.
    pub fn check(&self) -> Result<()> {
        if let Some(name) = &self.name {
            check_name(name)?;
        }
        if let Some(media_type) = &self.media_type {
            check_media_type(media_type)?;
        }
        if self.uses.is_some_and(|uses| uses.limit == 0) {
            return Err(Error::invalid("a limit of 0 uses: give 1 or more"));
        }
        if self.pace == Some(0) {
            return Err(Error::invalid("a pace of 0 bytes each second: give 1 or more, or none"));
        }
        Ok(())
    }

    /// Judges the claims of a genuine token at `now`, in unix seconds, for `client`.
    pub(super) fn check_use(
        &self,
        wanted: Purposes,
        now: u64,
        client: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        if !wanted.contains(self.purpose) {
            return Err(Refusal::WrongPurpose);
        }
        if self.expires.is_some_and(|expires| now >= expires) {
            return Err(Refusal::Expired);
        }
        match (self.network, client) {
            (None, _) => Ok(()),
            (Some(network), Some(client)) if network.contains(client) => Ok(()),
            (Some(_), _) => Err(Refusal::WrongNetwork),
        }
    }
}

/// Checks that a media type is one that a reply can carry.
fn check_media_type(text: &str) -> Result<()> {
    if valid_media_type(text) {
        Ok(())
    } else {
        Err(Error::invalid(format!("{} is not a media type", shown(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims::new(Purpose::Version, 7, 0, 1_000)
    }

    #[test]
    fn numbers_and_names_of_purposes_are_fixed() {
        let table = Purpose::ALL.map(|purpose| (purpose.number(), purpose.name()));
        let fixed =
            [(1, "version"), (2, "file"), (3, "archive"), (4, "share"), (5, "upload"), (6, "revision")];
        assert_eq!(table, fixed);
        for number in 0..=255 {
            let back = Purpose::from_number(number).map(Purpose::number);
            assert_eq!(back, (1..=6).contains(&number).then_some(number));
        }
    }

    #[test]
    fn a_set_holds_what_it_was_given() {
        for choice in 0u8..64 {
            let chosen: Vec<Purpose> =
                Purpose::ALL.into_iter().filter(|p| choice >> (p.number() - 1) & 1 == 1).collect();
            let set = chosen.iter().fold(Purposes::from([]), |set, &p| Purposes(set.0 | Purposes::from(p).0));
            for purpose in Purpose::ALL {
                assert_eq!(set.contains(purpose), chosen.contains(&purpose));
            }
        }
        assert!(!Purposes::DOWNLOAD.contains(Purpose::Upload));
    }

    #[test]
    fn bounds_are_checked() {
        let bad = [
            Claims { name: Some(String::new()), ..claims() },
            Claims { name: Some("a/b".into()), ..claims() },
            Claims { name: Some("a\r\nb".into()), ..claims() },
            Claims { uses: Some(UseLimit { limit: 0, id: [1; 16], each_request: false }), ..claims() },
            Claims { pace: Some(0), ..claims() },
        ];
        for claims in bad {
            assert_eq!(claims.check().unwrap_err().kind(), crate::ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn a_media_type_cannot_carry_a_header_of_its_own() {
        for good in ["text/plain", "text/plain; charset=utf-8", "application/vnd.api+json", "a/b;q=\"x/y\""] {
            Claims { media_type: Some(good.into()), ..claims() }.check().unwrap();
        }
        let long = format!("a/{}", "b".repeat(254));
        for bad in [
            "",
            "/",
            "text",
            "text/",
            "/plain",
            "a b/c",
            "a/b\r\nSet-Cookie: x=1",
            "a/b\u{e9}",
            "a/b\0",
            "a/b/c",
            "a;/b",
            &long,
        ] {
            assert!(Claims { media_type: Some(bad.into()), ..claims() }.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bound_network_fails_closed() {
        let bound = Claims { network: Some("192.0.2.0/24".parse().unwrap()), ..claims() };
        let check = |client: Option<&str>| {
            bound.check_use(Purpose::Version.into(), 0, client.map(|c| c.parse().unwrap()))
        };
        assert_eq!(check(Some("192.0.2.9")), Ok(()));
        assert_eq!(check(Some("::ffff:192.0.2.9")), Ok(()));
        for other in [Some("192.0.3.9"), Some("2001:db8::1"), None] {
            assert_eq!(check(other), Err(Refusal::WrongNetwork));
        }
    }
}
