//! The stores that this process has open: one session for each location, whoever opens it.
//!
//! A location has a slot, and whoever opens or closes holds nothing but its own slot's state, and that
//! only to look at it: opening one store never waits for another. A store that is being closed is
//! waited for. A forked child begins with no slots, whatever its parent's threads were doing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::engine::{Engine, Mode, Options};
use crate::mutant::{self, Mutant};
use crate::{Error, ErrorKind, Result, fork, machine};

/// Between two looks at a slot that another thread works on.
const PAUSE: Duration = Duration::from_millis(5);

/// Where a store is, as this process tells stores apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum StoreLocation {
    /// A directory: device and inode.
    Dir(u64, u64),
    /// A file system of the caller's, which no other opening shares.
    Own(u64),
    /// One that says what it is.
    Named(u64),
}

impl StoreLocation {
    /// Returns a location that no other store is at.
    pub(super) fn own() -> StoreLocation {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        StoreLocation::Own(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// An open engine, shared by all that opened the store at its location in this process; it ends when it
/// is closed, or with the last of them.
pub(super) struct OpenStore {
    /// The process that it belongs to: a forked child must not touch its parent's.
    generation: u64,
    engine: Arc<Engine>,
    ended: AtomicBool,
    slot: Arc<RegistrySlot>,
}

impl OpenStore {
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Whether it is this process's, and no parent's.
    pub(super) fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    /// Whether it was closed, or is about to be.
    pub(super) fn is_closed(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Returns what a simulated child has of it. Its memory is no copy: the engine is shared.
    #[cfg(feature = "sim")]
    pub(super) fn inherited(&self) -> OpenStore {
        let ended = AtomicBool::new(self.is_closed());
        OpenStore { generation: self.generation, engine: self.engine.clone(), ended, slot: self.slot.clone() }
    }

    /// Ends the session; a second end does nothing, and neither does that of a parent's.
    pub(super) fn close(&self) -> Result<()> {
        if !self.is_ours() || self.ended.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        // Given back even where closing panics.
        let _given_back = GiveBack(&self.slot);
        self.engine.close()
    }
}

impl Drop for OpenStore {
    fn drop(&mut self) {
        if !self.is_ours() {
            // To drop the parent's engine here would write to its files and free its locks. A simulated
            // parent has it still.
            if machine::simulated_process().is_none() {
                std::mem::forget(self.engine.clone());
            }
        } else if let Err(error) = self.close() {
            tracing::warn!(%error, "the last checkpoint failed; the next opening replays the log");
        }
    }
}

/// What happens at a location.
enum EntryState {
    Free,
    /// A thread opens the store.
    Opening,
    /// It is open; or, once the session was closed or nobody has it any more, it is being closed.
    Open(Weak<OpenStore>),
}

struct RegistrySlot(Mutex<EntryState>);

/// Frees a slot when dropped.
struct GiveBack<'a>(&'a RegistrySlot);

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        *self.0.state() = EntryState::Free;
    }
}

impl RegistrySlot {
    fn state(&self) -> MutexGuard<'_, EntryState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the session that is open, or none when it falls to the caller to open one.
    ///
    /// Another thread's opening is waited for as long as it takes, since it is what the caller would
    /// do; a closing for `timeout` at most.
    fn take(&self, timeout: Duration) -> Result<Option<Arc<OpenStore>>> {
        let mut closing: Option<Duration> = None;
        loop {
            // The session is not dropped under the lock: this may be the last that has it.
            let found = {
                let mut state = self.state();
                match &*state {
                    EntryState::Free => {
                        *state = EntryState::Opening;
                        return Ok(None);
                    }
                    EntryState::Opening => None,
                    EntryState::Open(session) => Some(session.upgrade()),
                }
            };
            if let Some(session) = found {
                if let Some(session) = session.filter(|session| !session.is_closed()) {
                    return Ok(Some(session));
                }
                if mutant::is_active(Mutant::OpenBesideClose) {
                    return Ok(None);
                }
                let since = *closing.get_or_insert_with(machine::uptime);
                if machine::uptime().saturating_sub(since) >= timeout {
                    return Err(closes_long(timeout));
                }
            }
            machine::pause(PAUSE);
        }
    }
}

fn closes_long(timeout: Duration) -> Error {
    let waited = timeout.as_millis();
    Error::new(
        ErrorKind::Locked,
        format!("this process has been closing the store for {waited} ms; try again"),
    )
}

/// The slots of one process; in a simulation, of all that it runs.
struct Registry {
    generation: u64,
    slots: Mutex<HashMap<(u64, StoreLocation), Arc<RegistrySlot>>>,
}

static REGISTRY: ArcSwapOption<Registry> = ArcSwapOption::const_empty();

/// Returns the slots of this process: none yet in a child, which must wait for no lock that a thread
/// of its parent held when it forked.
fn registry() -> Arc<Registry> {
    loop {
        let known = REGISTRY.load_full();
        if let Some(known) = known.as_ref().filter(|known| known.generation == fork::system_generation()) {
            return known.clone();
        }
        let fresh = Arc::new(Registry { generation: fork::system_generation(), slots: Mutex::default() });
        REGISTRY.compare_and_swap(&known, Some(fresh));
        // The parent's is never dropped: its lock may be held, by a thread that is not here.
        std::mem::forget(known);
    }
}

fn slot(location: StoreLocation) -> Arc<RegistrySlot> {
    let registry = registry();
    let mut slots = registry.slots.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (fork::generation(), location);
    if let Some(slot) = slots.get(&key) {
        return slot.clone();
    }
    // Whoever opens, has open or closes has a part in the slot.
    slots.retain(|_, slot| Arc::strong_count(slot) > 1);
    let slot = Arc::new(RegistrySlot(Mutex::new(EntryState::Free)));
    slots.insert(key, slot.clone());
    slot
}

/// Returns the session at `location`, opened by `open` if there is none yet.
///
/// # Errors
/// Those of `open`; `Locked` when the store is open in another mode, or takes longer to close than
/// `options` let the caller wait.
pub(super) fn session(
    location: StoreLocation,
    options: &Options,
    open: impl FnOnce() -> Result<Engine>,
) -> Result<Arc<OpenStore>> {
    let slot = slot(location);
    if let Some(session) = slot.take(options.lock_timeout)? {
        return match session.engine.options.mode == options.mode {
            true => Ok(session),
            false => Err(open_in_another_mode(options.mode)),
        };
    }
    let failed = GiveBack(&slot);
    let engine = Arc::new(open()?);
    // Opened: from here on the session itself frees the slot.
    std::mem::forget(failed);
    let generation = fork::generation();
    let session =
        Arc::new(OpenStore { generation, engine, ended: AtomicBool::new(false), slot: slot.clone() });
    *slot.state() = EntryState::Open(Arc::downgrade(&session));
    Ok(session)
}

fn open_in_another_mode(wanted: Mode) -> Error {
    let (there, here) = match wanted {
        Mode::Shared => ("exclusive", "shared"),
        Mode::Exclusive => ("shared", "exclusive"),
    };
    Error::new(
        ErrorKind::Locked,
        format!(
            "this process has the store open in {there} mode already, not in {here}; close it there, or use \
             one mode in both"
        ),
    )
}
