//! The codes of the format, and a fault: a code, the words for a client, and what was wrong inside.

use std::fmt;

use crate::{Error, ErrorKind};

/// The `code` of an answer, by Cloudreve's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub(super) enum Code {
    /// What has no code of its own.
    NotSet = -1,
    CheckLogin = 401,
    NoPermission = 403,
    NotFound = 404,
    Param = 40001,
    SignExpired = 40005,
    GroupNotAllowed = 40007,
    BatchSourceSize = 40014,
    ParentNotExist = 40016,
    FileTooLarge = 40049,
    IncorrectPassword = 40069,
    InvalidSign = 40071,
    TooManyUris = 40074,
    EntityNotExist = 40077,
    BatchNotFullyCompleted = 40081,
    OwnerOnly = 40082,
    PurchaseRequired = 40083,
    AnonymousAccessDenied = 40088,
}

impl Code {
    /// Returns the number on the wire.
    pub(super) const fn number(self) -> i32 {
        self as i32
    }
}

/// What a client did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    /// The `msg`; what clients show to people.
    pub(super) text: String,
    /// What was wrong inside; shown in the field `error` of a host that is being debugged.
    pub(super) detail: String,
    /// Whether it is about the form of the request, and sent without a correlation id.
    pub(super) form: bool,
}

impl Fault {
    pub(super) fn new(code: Code, text: impl Into<String>) -> Fault {
        Fault { code, text: text.into(), detail: String::new(), form: false }
    }

    pub(super) fn detail(mut self, detail: impl fmt::Display) -> Fault {
        self.detail = detail.to_string();
        self
    }

    pub(super) fn form(text: &str) -> Fault {
        Fault { form: true, ..Fault::new(Code::Param, text) }
    }

    pub(super) fn no_route() -> Fault {
        Fault::new(Code::NotFound, "Route not found")
    }

    pub(super) fn login() -> Fault {
        Fault::new(Code::CheckLogin, "Login required")
    }

    pub(super) fn not_supported() -> Fault {
        Fault::new(Code::NoPermission, "Not supported action")
    }

    pub(super) fn permission() -> Fault {
        Fault::new(Code::NoPermission, "Permission denied")
    }

    pub(super) fn param(text: impl Into<String>) -> Fault {
        Fault::new(Code::Param, text)
    }

    pub(super) fn path(cause: impl fmt::Display) -> Fault {
        Fault::new(Code::ParentNotExist, "Path not exist").detail(cause)
    }

    pub(super) fn entity() -> Fault {
        Fault::new(Code::EntityNotExist, "Entity not exist")
    }

    pub(super) fn share(cause: impl fmt::Display) -> Fault {
        Fault::new(Code::NotFound, "Shared file does not exist").detail(cause)
    }

    pub(super) fn owner_only() -> Fault {
        Fault::new(Code::OwnerOnly, "Only owner or administrator can perform this action")
    }

    /// Returns the text and the detail as one sentence.
    pub(super) fn full(&self) -> String {
        match (self.text.is_empty(), self.detail.is_empty()) {
            (_, true) => self.text.clone(),
            (true, false) => self.detail.clone(),
            (false, false) => format!("{}: {}", self.text, self.detail),
        }
    }
}

/// What ended a call.
pub(super) type ApiError = crate::api::error::ApiError<Fault>;

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> ApiError {
        ApiError::Fault(fault)
    }
}

/// What the host must not know of is the client's, whatever it is.
impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::Exists
            | ErrorKind::Denied
            | ErrorKind::Expired
            | ErrorKind::RangeNotSatisfiable
            | ErrorKind::Mismatch
            | ErrorKind::TooLarge
            | ErrorKind::Gone => ApiError::Fault(Fault::new(Code::NotSet, "").detail(error)),
            _ => ApiError::Error(error),
        }
    }
}
