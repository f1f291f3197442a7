//! What goes wrong before the power does: planted faults, lies, and the count that places them.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

/// What a planted fault does. One that does not fit the operation it meets does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Any operation fails with EIO. A file's sync that fails so drops what was unsynced: it stays
    /// readable, a later sync succeeds, and after power loss each of those writes may be missing.
    Eio,
    /// What needs space (making a name, writing, growing) fails with ENOSPC and changes nothing.
    Enospc,
    /// What needs a descriptor (opening, listing, syncing a directory) fails with EMFILE.
    Emfile,
    /// A write puts down a first part of its bytes, then fails with ENOSPC.
    ShortWrite,
    /// A write lands 4096 bytes further on and reports success.
    Misdirected,
}

impl Fault {
    /// Every fault, for tests that try each.
    pub const ALL: [Fault; 5] =
        [Fault::Eio, Fault::Enospc, Fault::Emfile, Fault::ShortWrite, Fault::Misdirected];

    pub(super) fn fits(self, verb: Verb) -> bool {
        match self {
            Fault::Eio => true,
            Fault::Enospc => matches!(
                verb,
                Verb::Create | Verb::Rename | Verb::MakeDir | Verb::Write | Verb::SetLen | Verb::Allocate
            ),
            Fault::Emfile => matches!(verb, Verb::Open | Verb::Create | Verb::List | Verb::SyncDir),
            Fault::ShortWrite | Fault::Misdirected => verb == Verb::Write,
        }
    }

    /// Returns the error that the operation fails with, if this fault makes it fail outright.
    pub(super) fn error(self) -> Option<io::Error> {
        match self {
            Fault::Eio => Some(Errno::IO.into()),
            Fault::Enospc | Fault::ShortWrite => Some(Errno::NOSPC.into()),
            Fault::Emfile => Some(Errno::MFILE.into()),
            Fault::Misdirected => None,
        }
    }
}

/// How often a planted fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// At the operation of that index only.
    Once,
    /// At every operation from that index on that it fits.
    Always,
}

/// How a disk deceives: the controls that prove a durability test can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Syncing a file does nothing and reports success.
    SkipFileSync,
    /// Syncing a directory does nothing and reports success.
    SkipDirSync,
    /// A file's sync that a fault makes fail reports success: what a caller sees who looks away.
    IgnoreFailedSync,
}

/// What kind of operation it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Open,
    Create,
    Rename,
    Remove,
    MakeDir,
    List,
    SyncDir,
    Len,
    Read,
    Write,
    SetLen,
    Allocate,
    SyncData,
    Lock,
    Unlock,
    Window,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Verb::Open => "open",
            Verb::Create => "create",
            Verb::Rename => "rename",
            Verb::Remove => "remove",
            Verb::MakeDir => "make dir",
            Verb::List => "list",
            Verb::SyncDir => "sync dir",
            Verb::Len => "len",
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::SetLen => "set len",
            Verb::Allocate => "allocate",
            Verb::SyncData => "sync data",
            Verb::Lock => "lock",
            Verb::Unlock => "unlock",
            Verb::Window => "window",
        }
    }
}

/// One operation, as the trace keeps it.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) verb: Verb,
    pub(super) path: Arc<str>,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.name(), self.path)?;
        match self.verb {
            Verb::Read | Verb::Write | Verb::Window => write!(f, " {}+{}", self.offset, self.len),
            Verb::SetLen | Verb::Allocate => write!(f, " {}", self.len),
            _ => Ok(()),
        }
    }
}

/// What is planned to go wrong, and what was done so far.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPlan {
    pub(super) faults: Vec<(u64, Fault, Times)>,
    pub(super) power_cut: Option<u64>,
    pub(super) lies: Vec<Lie>,
    pub(super) trace: Vec<Op>,
    /// Set by a crash: whoever still holds this disk holds the past.
    pub(super) dead: bool,
}

impl FaultPlan {
    /// Returns the plan of a disk made from this one: it lies alike, and nothing else is planned.
    pub(super) fn continued(&self) -> FaultPlan {
        FaultPlan { lies: self.lies.clone(), ..FaultPlan::default() }
    }

    pub(super) fn lies(&self, lie: Lie) -> bool {
        self.lies.contains(&lie)
    }

    /// Returns how many operations were begun.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.trace.len()).unwrap_or(u64::MAX)
    }

    /// Counts an operation and returns the fault that strikes it.
    pub(super) fn begin(&mut self, op: Op) -> io::Result<Option<Fault>> {
        let index = self.count();
        if self.dead || self.power_cut.is_some_and(|cut| cut <= index) {
            return Err(io::Error::other(
                "the simulated disk has lost power; use the one that crash returned",
            ));
        }
        let verb = op.verb;
        self.trace.push(op);
        let strikes = |&&(at, fault, times): &&(u64, Fault, Times)| {
            fault.fits(verb) && (at == index || (times == Times::Always && at < index))
        };
        Ok(self.faults.iter().find(strikes).map(|&(_, fault, _)| fault))
    }
}
