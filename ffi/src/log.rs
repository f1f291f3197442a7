//! The log: what the library tells beside its results.

use std::ffi::c_void;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use holdall::{Error, ErrorKind, Result};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::callback::holdall_log;
use crate::code::c_text;
use crate::pointer::{Listener, entry};

/// A failure that no result reports.
pub const HOLDALL_LOG_ERROR: i32 = 1;
/// Something an operator should look at.
pub const HOLDALL_LOG_WARN: i32 = 2;
/// Rare events.
pub const HOLDALL_LOG_INFO: i32 = 3;
/// Details, such as why a request was refused.
pub const HOLDALL_LOG_DEBUG: i32 = 4;

struct Receiver {
    listener: Listener,
    level: i32,
}

static RECEIVER: ArcSwapOption<Receiver> = ArcSwapOption::const_empty();
static SPANS: AtomicU64 = AtomicU64::new(1);

fn number(level: Level) -> i32 {
    match level {
        Level::ERROR => HOLDALL_LOG_ERROR,
        Level::WARN => HOLDALL_LOG_WARN,
        Level::INFO => HOLDALL_LOG_INFO,
        _ => HOLDALL_LOG_DEBUG,
    }
}

/// Hands the events of the library on to the present receiver.
struct Bridge;

impl Subscriber for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        RECEIVER.load().as_ref().is_some_and(|receiver| {
            metadata.is_event()
                && metadata.target().starts_with("holdall")
                && number(*metadata.level()) <= receiver.level
        })
    }

    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // The receiver may change, so each event is asked for.
        tracing::subscriber::Interest::sometimes()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(SPANS.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(receiver) = RECEIVER.load_full() else { return };
        let mut line = Line::default();
        event.record(&mut line);
        receiver.listener.tell(number(*event.metadata().level()), &c_text(line.message + &line.fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string never fails.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, "; {name}: {value:?}"),
        };
    }
}

/// Sends the log of the whole process, up to a level, to a callback, or nowhere if that is NULL, as
/// initially. When this returns, another thread may still be running the previous callback. Codes:
/// INVALID_ARGUMENT for an invalid level; UNSUPPORTED when another part of the process has taken the log
/// of Rust code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_log_set(level: i32, callback: holdall_log, context: *mut c_void) -> i32 {
    entry!(caller => {
        let listener = caller.listener(callback, context);
        if !(HOLDALL_LOG_ERROR..=HOLDALL_LOG_DEBUG).contains(&level) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("{level} is not a HOLDALL_LOG level")));
        }
        take_over()?;
        RECEIVER.store(listener.map(|listener| Arc::new(Receiver { listener, level })));
        Ok(())
    })
}

fn take_over() -> Result<()> {
    static TAKEN: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    if *TAKEN.get_or_init(|| tracing::subscriber::set_global_default(Bridge).is_ok()) {
        return Ok(());
    }
    let message = "another part of the process has taken the log of Rust libraries for itself";
    Err(Error::new(ErrorKind::Unsupported, message))
}
