//! A Rust future as something Python can `await`.
//!
//! Belongs here: asyncio. Does not belong here: what the future does.
//!
//! Outputs go to the event loop as letters in a mailbox that the loop reads on its own thread, so that the runtime's
//! threads never wait for the interpreter. One wake-up of the loop brings all letters that are there.

use std::{
    cell::RefCell,
    process,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use pyo3::{exceptions::PyRuntimeError, intern, prelude::*, sync::PyOnceLock};
use tokio::task::AbortHandle;

use crate::runtime::{self, lock};

/// What a waiter gets, made on its loop's thread.
type Open = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A waiter of an event loop, and where its letter goes.
pub(crate) struct Waiter {
    future: Py<PyAny>,
    mailbox: Arc<Mailbox>,
}

impl Waiter {
    /// A new asyncio future of the running loop.
    pub(crate) fn new(py: Python<'_>) -> PyResult<(Self, Bound<'_, PyAny>)> {
        let event_loop = running_loop(py)?;
        let mailbox = Mailbox::of(&event_loop)?;
        let future = event_loop.call_method0(intern!(py, "create_future"))?;
        Ok((Self { future: future.clone().unbind(), mailbox }, future))
    }

    /// Settles the future with what `open` gives, if it still waits then. Called on any thread.
    pub(crate) fn settle(self, open: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static) {
        self.mailbox.post(self.future, Box::new(open));
    }
}

/// Starts what `work` makes of a waiter; cancelling the waiter's future drops it.
pub(crate) fn awaitable<F>(py: Python<'_>, work: impl FnOnce(Waiter) -> F) -> PyResult<Bound<'_, PyAny>>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (waiter, future) = Waiter::new(py)?;
    let task = runtime::spawn(py, work(waiter))?;
    future.call_method1(intern!(py, "add_done_callback"), (Abort(task),))?;
    Ok(future)
}

/// A cancelled future drops its Rust half, and with it the connection.
#[pyclass(frozen)]
struct Abort(AbortHandle);

#[pymethods]
impl Abort {
    fn __call__(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        if waiter.call_method0(intern!(waiter.py(), "cancelled"))?.is_truthy()? {
            self.0.abort();
        }
        Ok(())
    }
}

/// The letters of one event loop. It lives as long as its loop, or as letters may come.
struct Mailbox {
    letters: Mutex<Vec<(Py<PyAny>, Open)>>,
    /// The loop is closed: nobody reads any more.
    closed: AtomicBool,
    bell: Bell,
}

/// What wakes the loop.
enum Bell {
    /// A byte in a socket that the loop watches: the interpreter is not asked.
    #[cfg(unix)]
    Socket { ring: std::os::unix::net::UnixStream, heard: std::os::unix::net::UnixStream },
    /// `call_soon_threadsafe`, for loops that watch no sockets.
    Call { event_loop: Py<PyAny> },
}

/// The mailbox of the loop that this thread ran last: the loop's address, and the process.
type Last = (usize, u32, Weak<Mailbox>);

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

impl Mailbox {
    fn of(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let key = (event_loop.as_ptr() as usize, process::id());
        let known = LAST.with_borrow(|last| last.as_ref().filter(|last| (last.0, last.1) == key).and_then(|last| last.2.upgrade()));
        if let Some(mailbox) = known.filter(|mailbox| !mailbox.closed.load(Ordering::Acquire)) {
            return Ok(mailbox);
        }
        let mailbox = Self::open(event_loop)?;
        LAST.set(Some((key.0, key.1, Arc::downgrade(&mailbox))));
        Ok(mailbox)
    }

    #[cfg(unix)]
    fn open(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        use std::os::{fd::AsRawFd, unix::net::UnixStream};

        let py = event_loop.py();
        let (ring, heard) = UnixStream::pair()?;
        ring.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        let socket = heard.as_raw_fd();
        let mailbox = Arc::new(Self::new(Bell::Socket { ring, heard }));
        match event_loop.call_method1(intern!(py, "add_reader"), (socket, Reader(Arc::clone(&mailbox)))) {
            Ok(_) => Ok(mailbox),
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyNotImplementedError>(py) => Ok(Self::calling(event_loop)),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(unix))]
    fn open(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        Ok(Self::calling(event_loop))
    }

    fn calling(event_loop: &Bound<'_, PyAny>) -> Arc<Self> {
        Arc::new(Self::new(Bell::Call { event_loop: event_loop.clone().unbind() }))
    }

    fn new(bell: Bell) -> Self {
        Self { letters: Mutex::new(Vec::new()), closed: AtomicBool::new(false), bell }
    }

    fn post(self: Arc<Self>, future: Py<PyAny>, open: Open) {
        let mut letters = lock(&self.letters);
        letters.push((future, open));
        let first = letters.len() == 1;
        drop(letters);
        if !first {
            return;
        }
        match &self.bell {
            #[cfg(unix)]
            Bell::Socket { ring, .. } => {
                // A full socket has rung already; a closed one has nobody to hear it.
                _ = std::io::Write::write(&mut &*ring, &[1]);
            }
            Bell::Call { .. } => self.call(),
        }
    }

    /// Rings by a call into Python. A thread of the runtime leaves it to one that nobody else needs: attaching can wait for
    /// the interpreter. Any other thread is Python's own.
    fn call(self: Arc<Self>) {
        let ring = move || {
            Python::try_attach(|py| {
                if let Bell::Call { event_loop } = &self.bell {
                    // A closed loop has no one waiting.
                    _ = event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), (Reader(Arc::clone(&self)),));
                }
            });
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(ring)),
            Err(_) => ring(),
        }
    }

    fn read(&self, py: Python<'_>) -> PyResult<()> {
        #[cfg(unix)]
        if let Bell::Socket { heard, .. } = &self.bell {
            _ = std::io::Read::read(&mut &*heard, &mut [0; 64]);
        }
        let letters = std::mem::take(&mut *lock(&self.letters));
        for (future, open) in letters {
            let future = future.bind(py);
            if future.call_method0(intern!(py, "done"))?.is_truthy()? {
                continue;
            }
            match open(py) {
                Ok(value) => future.call_method1(intern!(py, "set_result"), (value,))?,
                Err(error) => future.call_method1(intern!(py, "set_exception"), (error,))?,
            };
        }
        Ok(())
    }
}

/// Reads the mailbox on the loop's own thread: a future may be settled there only.
#[pyclass(frozen)]
struct Reader(Arc<Mailbox>);

#[pymethods]
impl Reader {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        self.0.read(py)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A loop that watches a socket lets go of its reader when it is closed.
        if !matches!(self.0.bell, Bell::Call { .. }) {
            self.0.closed.store(true, Ordering::Release);
        }
    }
}

/// The loop that runs on this thread.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET.get_or_try_init(py, || py.import("asyncio")?.getattr("get_running_loop").map(Bound::unbind))?
        .bind(py)
        .call0()
        .map_err(|_| PyRuntimeError::new_err("no running event loop: await this inside asyncio, or use the blocking client"))
}
