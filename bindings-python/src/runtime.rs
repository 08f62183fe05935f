//! The tokio runtime, one per process: a forked child gets its own, because the parent's threads did not survive.
//!
//! Belongs here: fork depth, start, stop, blocking waits. Does not belong here: asyncio (`bridge`).

use std::{
    io, process,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use pyo3::{
    exceptions::{PyImportError, PyRuntimeError},
    prelude::*,
};
use tokio::{runtime, task::AbortHandle};

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
    /// Threads that wait for the runtime.
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

/// Runs a future on the runtime and waits for it without holding the interpreter. Ctrl-C drops the future and raises
/// `KeyboardInterrupt`.
pub(crate) fn block_on<F>(py: Python<'_>, future: F) -> PyResult<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let parcel = Arc::new(Parcel::default());
    let to = Arc::clone(&parcel);
    let task = spawn(py, async move { to.put(future.await) })?;
    let output = parcel.wait(py);
    if output.is_err() {
        task.abort();
    }
    output
}

/// Starts a future on this process's runtime.
pub(crate) fn spawn(py: Python<'_>, future: impl Future<Output = ()> + Send + 'static) -> PyResult<AbortHandle> {
    let (_, handle) = handle(py)?;
    // Boxed: an attempt loop is too large a future to be moved around.
    Ok(handle.spawn(Box::pin(future)).abort_handle())
}

/// One value on its way from the runtime to a thread that waits.
pub(crate) struct Parcel<T> {
    value: Mutex<Option<T>>,
    there: Condvar,
}

impl<T> Default for Parcel<T> {
    fn default() -> Self {
        Self { value: Mutex::new(None), there: Condvar::new() }
    }
}

impl<T: Send> Parcel<T> {
    pub(crate) fn put(&self, value: T) {
        *lock(&self.value) = Some(value);
        self.there.notify_one();
    }

    pub(crate) fn wait(&self, py: Python<'_>) -> PyResult<T> {
        wait(py, |tick| self.there.wait_timeout(lock(&self.value), tick).unwrap_or_else(PoisonError::into_inner).0.take())
    }
}

/// Looks again and again, detached from the interpreter, until there is a value. `look` waits for at most the time it is
/// given.
pub(crate) fn wait<T: Send>(py: Python<'_>, mut look: impl FnMut(Duration) -> Option<T> + Send) -> PyResult<T> {
    let (_, slot) = current(py)?;
    if runtime::Handle::try_current().is_ok() {
        return Err(PyRuntimeError::new_err("a hook or a log handler that junto calls cannot wait for junto"));
    }
    loop {
        // Counted until the thread is attached again, so that interpreter exit lets nobody attach too late; and before the
        // look at `stopped_by`, which `shutdown` sets before it counts.
        slot.waiting.fetch_add(1, Ordering::SeqCst);
        let found = py.detach(|| {
            let found = if slot.stopped_by.get().is_none() { look(SIGNALS) } else { None };
            if slot.stopped_by.get().is_some() {
                slot.waiting.fetch_sub(1, Ordering::SeqCst);
                stop_here();
            }
            found
        });
        slot.waiting.fetch_sub(1, Ordering::SeqCst);
        match found {
            Some(value) => return Ok(value),
            None => py.check_signals()?,
        }
    }
}

/// Locks for a moment. A panic elsewhere leaves nothing half-done in what is locked here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses sub-interpreters, which CPython itself does from 3.12 on: classes and threads belong to one interpreter.
pub(crate) fn in_first_interpreter(py: Python<'_>) -> PyResult<()> {
    static FIRST: OnceLock<usize> = OnceLock::new();
    // An interpreter is known by its own `sys.modules`.
    let modules = py.import("sys")?.getattr("modules")?.as_ptr() as usize;
    if *FIRST.get_or_init(|| modules) == modules {
        return Ok(());
    }
    Err(PyImportError::new_err("module junto._native does not support loading in subinterpreters: use another thread or process"))
}

/// Runs from Python's `atexit`, while the interpreter is whole: nothing of ours touches it afterwards.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>) {
    let Some(slot) = depth().and_then(|depth| SLOTS[depth].get()) else { return };
    let Some(runtime) = lock(&slot.owned).take() else { return };
    _ = slot.stopped_by.set(thread::current().id());
    py.detach(|| {
        let step = Duration::from_millis(1);
        let mut left = GRACE;
        while slot.waiting.load(Ordering::SeqCst) > 0 && !left.is_zero() {
            thread::sleep(step);
            left = left.saturating_sub(step);
        }
        runtime.shutdown_timeout(GRACE);
    });
}
