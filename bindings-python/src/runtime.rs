//! The tokio runtime, one per process: a forked child gets its own, because the parent's threads did not survive.
//!
//! Belongs here: fork depth, start, stop, blocking waits. Does not belong here: asyncio (`bridge`).

use std::{
    io,
    pin::{Pin, pin},
    process,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use pyo3::{exceptions::PyRuntimeError, prelude::*};
use tokio::{runtime, sync::Notify};

/// How deep a tree of forks may be that uses junto at every level.
pub(crate) const DEPTHS: usize = 16;

/// How often a blocking call looks for Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(50);

/// How long interpreter exit waits for calls that are about to hand over their result.
const GRACE: Duration = Duration::from_millis(500);

struct Slot {
    pid: u32,
    handle: runtime::Handle,
    owned: Mutex<Option<runtime::Runtime>>,
    /// The thread that runs interpreter exit, once it does.
    stopped_by: OnceLock<ThreadId>,
    stopping: Notify,
    /// Threads that wait in `block_on`.
    waiting: AtomicUsize,
}

/// One slot per fork depth. A slot is never used by two processes, so a lock that died with the parent is never
/// waited for.
static SLOTS: [OnceLock<Slot>; DEPTHS] = [const { OnceLock::new() }; DEPTHS];
static DEPTH: AtomicUsize = AtomicUsize::new(0);

/// This process's slot, started on first use.
fn current(py: Python<'_>) -> PyResult<(usize, &'static Slot)> {
    let pid = process::id();
    loop {
        let depth = DEPTH.load(Ordering::Acquire);
        let slot = SLOTS.get(depth).ok_or_else(|| PyRuntimeError::new_err("junto was used in too many nested forks"))?;
        if slot.get().is_none() {
            // Built outside the lock: a fork in the middle of it must not leave the lock held in the child.
            let built = Slot::start(pid).map_err(|error| PyRuntimeError::new_err(format!("cannot start threads: {error}")))?;
            if let Err(late) = slot.set(built) {
                late.drop_now();
            }
        }
        match slot.get() {
            Some(slot) if slot.pid == pid => return slot.check(py).map(|()| (depth, slot)),
            _ => _ = DEPTH.compare_exchange(depth, depth + 1, Ordering::AcqRel, Ordering::Acquire),
        }
    }
}

/// This process's runtime, and how many forks deep the process is.
pub(crate) fn handle(py: Python<'_>) -> PyResult<(usize, &'static runtime::Handle)> {
    current(py).map(|(depth, slot)| (depth, &slot.handle))
}

/// How many forks deep this process is, where it has used junto.
pub(crate) fn depth() -> Option<usize> {
    let depth = DEPTH.load(Ordering::Acquire);
    let slot = SLOTS.get(depth)?.get()?;
    (slot.pid == process::id()).then_some(depth)
}

impl Slot {
    fn start(pid: u32) -> io::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).thread_name("junto").enable_all().build()?;
        Ok(Self {
            pid,
            handle: runtime.handle().clone(),
            owned: Mutex::new(Some(runtime)),
            stopped_by: OnceLock::new(),
            stopping: Notify::new(),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Once the interpreter exits, the exiting thread gets an error, and the daemon threads that are left stop where
    /// they are: they would only find a half-gone interpreter to complain in.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        match self.stopped_by.get() {
            None => Ok(()),
            Some(thread) if *thread == thread::current().id() => Err(PyRuntimeError::new_err("the interpreter is exiting")),
            Some(_) => py.detach(stop_here),
        }
    }

    fn drop_now(self) {
        if let Some(runtime) = self.owned.into_inner().unwrap_or_else(PoisonError::into_inner) {
            runtime.shutdown_background();
        }
    }
}

fn stop_here() -> ! {
    loop {
        thread::park();
    }
}

/// Waits for a future without holding the interpreter. Ctrl-C drops the future and raises `KeyboardInterrupt`.
pub(crate) fn block_on<F>(py: Python<'_>, future: F) -> PyResult<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let (_, slot) = current(py)?;
    let mut future = pin!(future);
    loop {
        match py.detach(|| slot.wait(future.as_mut())) {
            Some(output) => return Ok(output),
            None => py.check_signals()?,
        }
    }
}

impl Slot {
    /// The output, or nothing where it is time to look for signals.
    fn wait<F: Future>(&self, future: Pin<&mut F>) -> Option<F::Output> {
        let mut stopping = pin!(self.stopping.notified());
        stopping.as_mut().enable();
        // Counted before the look at `stopped_by`, which `shutdown` sets before it counts.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let output = if self.stopped_by.get().is_some() {
            Err(())
        } else {
            self.handle.block_on(async {
                tokio::select! {
                    biased;
                    () = stopping => Err(()),
                    output = tokio::time::timeout(SIGNALS, future) => Ok(output.ok()),
                }
            })
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        output.unwrap_or_else(|()| stop_here())
    }
}

/// Runs from Python's `atexit`, while the interpreter is whole: nothing of ours touches it afterwards.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>) {
    let Some(slot) = depth().and_then(|depth| SLOTS[depth].get()) else { return };
    let owned = slot.owned.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(runtime) = owned else { return };
    _ = slot.stopped_by.set(thread::current().id());
    py.detach(|| {
        slot.stopping.notify_waiters();
        // A runtime that goes away under a waiting thread panics in it.
        let wait = Duration::from_millis(1);
        let mut left = GRACE;
        while slot.waiting.load(Ordering::SeqCst) > 0 && !left.is_zero() {
            thread::sleep(wait);
            left = left.saturating_sub(wait);
        }
        runtime.shutdown_timeout(GRACE);
    });
}
