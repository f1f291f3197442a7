//! Futures of the clients of databases and object storage: on the threads of a runtime, and in a simulation on the
//! thread that calls, where time is that of its machine.

use std::future::Future;
use std::time::Duration;

/// Waits for a while.
pub(crate) async fn sleep(duration: Duration) {
    #[cfg(feature = "sim")]
    if crate::machine::simulated_process().is_some() {
        return simulated::Until::after(duration).await;
    }
    tokio::time::sleep(duration).await;
}

/// Waits for work no longer than `limit`; None where that was not enough.
pub(crate) async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    #[cfg(feature = "sim")]
    if crate::machine::simulated_process().is_some() {
        return simulated::timeout(limit, work).await;
    }
    tokio::time::timeout(limit, work).await.ok()
}

/// Takes a lock that is held across round trips.
#[cfg(feature = "postgres")]
pub(crate) async fn lock<T>(mutex: &tokio::sync::Mutex<T>) -> tokio::sync::MutexGuard<'_, T> {
    #[cfg(feature = "sim")]
    if crate::machine::simulated_process().is_some() {
        loop {
            match mutex.try_lock() {
                Ok(guard) => return guard,
                Err(_) => simulated::Until::after(simulated::CONTENDED).await,
            }
        }
    }
    mutex.lock().await
}

/// Computes something for long, beside what else the runtime does; None where that panicked.
#[cfg(feature = "s3")]
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    #[cfg(feature = "sim")]
    if crate::machine::simulated_process().is_some() {
        return Some(work());
    }
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(all(feature = "sim", feature = "remote"))]
pub(crate) use simulated::{Until, block_on, poll_once};

#[cfg(feature = "sim")]
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
mod simulated {
    use std::cell::Cell;
    use std::future::{Future, poll_fn};
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use crate::machine;

    /// Between two looks at what another thread holds.
    pub(super) const CONTENDED: Duration = Duration::from_micros(50);

    thread_local! {
        /// When what is waited for is due at the earliest.
        static DUE: Cell<Option<Duration>> = const { Cell::new(None) };
    }

    /// Is ready at a time, by the uptime.
    pub(crate) struct Until(pub(crate) Duration);

    impl Until {
        pub(super) fn after(duration: Duration) -> Until {
            Until(machine::uptime().saturating_add(duration))
        }
    }

    impl Future for Until {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            if machine::uptime() >= self.0 {
                return Poll::Ready(());
            }
            DUE.set(Some(DUE.get().map_or(self.0, |due| due.min(self.0))));
            Poll::Pending
        }
    }

    pub(super) async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let (mut work, mut until) = (pin!(work), Until::after(limit));
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => Pin::new(&mut until).poll(context).map(|()| None),
        })
        .await
    }

    /// Lets work go on as far as it comes without waiting.
    pub(crate) fn poll_once<T>(work: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
        work.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Runs work to its end on this thread, and between its steps what is `beside` it.
    pub(crate) fn block_on<T>(work: impl Future<Output = T>, mut beside: impl FnMut()) -> T {
        let mut work = pin!(work);
        loop {
            DUE.set(None);
            if let Poll::Ready(done) = poll_once(work.as_mut()) {
                return done;
            }
            beside();
            let now = machine::uptime();
            let due = DUE.take().unwrap_or_else(|| now.saturating_add(CONTENDED));
            machine::pause(due.saturating_sub(now));
        }
    }
}
