//! The tokio runtime, one per process: a forked child gets its own, because the parent's threads did not survive.
//!
//! Belongs here: fork depth, start, stop, blocking waits. Does not belong here: asyncio (`bridge`).

use std::{
    io,
    pin::pin,
    process,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pyo3::{exceptions::PyRuntimeError, prelude::*};
use tokio::runtime;

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
}

/// One slot per fork depth. A slot is never used by two processes, so a lock that died with the parent is never
/// waited for.
static SLOTS: [OnceLock<Slot>; DEPTHS] = [const { OnceLock::new() }; DEPTHS];
static DEPTH: AtomicUsize = AtomicUsize::new(0);

/// This process's fork depth and runtime, started on first use.
pub(crate) fn current() -> PyResult<(usize, &'static runtime::Handle)> {
    let pid = process::id();
    loop {
        let depth = DEPTH.load(Ordering::Acquire);
        let slot = SLOTS.get(depth).ok_or_else(|| PyRuntimeError::new_err("junto was used in too many nested forks"))?;
        if slot.get().is_none() {
            // Built outside the lock: a fork in the middle of it must not leave the lock held in the child.
            let built = Slot::start(pid).map_err(|error| PyRuntimeError::new_err(format!("cannot start threads: {error}")))?;
            if let Err(late) = slot.set(built) {
                late.stop();
            }
        }
        match slot.get() {
            Some(slot) if slot.pid == pid => return Ok((depth, &slot.handle)),
            _ => _ = DEPTH.compare_exchange(depth, depth + 1, Ordering::AcqRel, Ordering::Acquire),
        }
    }
}

/// This process's runtime.
pub(crate) fn handle() -> PyResult<&'static runtime::Handle> {
    current().map(|(_, handle)| handle)
}

impl Slot {
    fn start(pid: u32) -> io::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).thread_name("junto").enable_all().build()?;
        Ok(Self { pid, handle: runtime.handle().clone(), owned: Mutex::new(Some(runtime)) })
    }

    fn stop(self) {
        if let Some(runtime) = self.owned.into_inner().unwrap_or_else(PoisonError::into_inner) {
            runtime.shutdown_background();
        }
    }
}

/// Waits for a future without holding the interpreter. Ctrl-C drops the future and raises `KeyboardInterrupt`.
pub(crate) fn block_on<F>(py: Python<'_>, future: F) -> PyResult<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let handle = handle()?;
    let mut future = pin!(future);
    loop {
        let output = py.detach(|| handle.block_on(async { tokio::time::timeout(SIGNALS, future.as_mut()).await.ok() }));
        match output {
            Some(output) => return Ok(output),
            None => py.check_signals()?,
        }
    }
}

/// Runs from Python's `atexit`, while the interpreter is whole: nothing of ours touches it afterwards.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>) {
    let Some(slot) = SLOTS.get(DEPTH.load(Ordering::Acquire)).and_then(OnceLock::get) else { return };
    if slot.pid != process::id() {
        return;
    }
    let owned = slot.owned.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(runtime) = owned {
        py.detach(|| runtime.shutdown_timeout(GRACE));
    }
}
