//! The answer to a call that fails: a status, a code and a sentence.

use serde_json::{Map, Value, json};

use crate::{Error, ErrorKind};

/// What a client did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Fault {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What the body holds beside the code and the message.
    pub(super) more: Map<String, Value>,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident $status:literal $code:literal;)*) => {
        impl Fault {
            $($(#[$doc])*
            pub(super) fn $name(message: impl Into<String>) -> Fault {
                Fault { status: $status, code: $code, message: message.into(), more: Map::new() }
            })*

            /// Every status and code there is.
            #[cfg(test)]
            pub(super) const ALL: &[(u16, &str)] = &[$(($status, $code)),*];
        }
    };
}

faults! {
    /// The body is not JSON object.
    json 400 "InvalidRequestJSONFormat";
    /// A field that must be there is not.
    missing 400 "InvalidParameterMissing";
    /// A field is there and holds nothing.
    empty 400 "InvalidParameterEmpty";
    /// A field has another type or form than it must.
    format 400 "InvalidParameterWrongFormat";
    /// A number, length or count is not in its bounds.
    range 400 "InvalidParameterOutOfRange";
    /// A field asks for what is not done here.
    unsupported 400 "InvalidParameterNotSupported";
    /// Content is not what was declared.
    unlike 400 "InvalidParameterNotMatch";
    /// Anything else that can never be right.
    invalid 400 "InvalidParameter";
    /// The current revision can be neither deleted nor restored.
    latest 400 "FileLatestRevisionCannotBeRestore";
    /// Nobody the host knows calls.
    login 401 "AccessTokenInvalid";
    /// The share token is missing, forged, revoked, expired or of another share.
    share_token 401 "ShareLinkTokenInvalid";
    /// The caller may not do this.
    permission 403 "ForbiddenNoPermission";
    /// What is there does not allow this.
    forbidden 403 "Forbidden";
    /// The file or a folder it lies in is in the recycle bin.
    trashed 403 "ForbiddenFileInTheRecycleBin";
    /// There can be no more of them.
    capacity 403 "ExceedCapacityForbidden";
    /// A signed URL is not valid, or no longer.
    denied 403 "AccessDenied";
    /// There is nothing of that name.
    absent 404 "NotFound";
    /// There is no such drive.
    drive 404 "NotFound.DriveId";
    /// There is no such file.
    file 404 "NotFound.FileId";
    /// The file has no such revision.
    revision 404 "NotFound.RevisionId";
    /// There is no such upload, or its time is over.
    upload 404 "NotFound.UploadId";
    /// A rate limit; `retry_after` tells how many seconds to wait.
    too_many 429 "TooManyRequests";
    /// Another method than the call's.
    method 405 "MethodNotAllowed";
    /// The name is taken.
    exists 409 "AlreadyExist.File";
    /// There may be content that begins so: the client is to go on and hash all of it.
    beginning 409 "PreHashMatched";
    /// Another revision is current than the client thinks.
    conflict 409 "StateConflict";
}

impl Fault {
    /// Adds a field to the body.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Fault {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the body.
    pub(super) fn body(&self) -> Value {
        let mut body = self.more.clone();
        body.insert("code".to_owned(), json!(self.code));
        body.insert("message".to_owned(), json!(self.message));
        Value::Object(body)
    }
}

/// What ended a call.
pub(in crate::api) type ApiError = crate::api::error::ApiError<Fault>;

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> ApiError {
        ApiError::Fault(fault)
    }
}

/// An error whose kind tells what the client did, where the call has no closer word for it.
impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        let message = error.to_string();
        ApiError::Fault(match error.kind() {
            ErrorKind::InvalidArgument => Fault::invalid(message),
            ErrorKind::NotFound => Fault::absent(message),
            ErrorKind::Exists => Fault::exists(message),
            ErrorKind::Denied => Fault::permission(message),
            ErrorKind::Expired | ErrorKind::Gone => Fault::forbidden(message),
            ErrorKind::Mismatch => Fault::conflict(message),
            ErrorKind::TooLarge => Fault::range(message),
            ErrorKind::RangeNotSatisfiable | ErrorKind::Unsupported => Fault::unsupported(message),
            _ => return ApiError::Error(error),
        })
    }
}

/// Gives what is not found a closer word: `fault` makes it of the message.
pub(super) fn not_found(error: Error, fault: fn(String) -> Fault) -> ApiError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Gone => ApiError::Fault(fault(error.to_string())),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_status() {
        for (at, (status, code)) in Fault::ALL.iter().enumerate() {
            assert!((400..500).contains(status), "{code}");
            assert!(Fault::ALL[at + 1..].iter().all(|(_, other)| other != code), "{code} twice");
        }
    }

    #[test]
    fn what_the_host_must_know_is_no_fault() {
        for kind in ErrorKind::ALL {
            let stop = ApiError::from(Error::new(kind, "a sentence"));
            let hosts = matches!(
                kind,
                ErrorKind::Io
                    | ErrorKind::Corrupt
                    | ErrorKind::Poisoned
                    | ErrorKind::Locked
                    | ErrorKind::Bug
                    | ErrorKind::Forked
                    | ErrorKind::ReadOnly
            );
            assert_eq!(matches!(stop, ApiError::Error(_)), hosts, "{}", kind.name());
        }
    }
}
