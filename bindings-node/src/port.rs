//! The way from the network's thread back into one JavaScript thread.
//!
//! Belongs here: the runtime, the calls under way, and handing over what they bring. Does not belong here: what is asked
//! (`client`, `stream`).

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    thread,
};

use futures_util::FutureExt;
use junto::{Error, ErrorKind};
use napi::{
    Either, Env, Status,
    bindgen_prelude::{Buffer, FnArgs, Function, Result},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use serde::Serialize;
use serde_json::json;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::AbortHandle,
};

use crate::failure;

/// What a call brings: text, bytes, or `null`.
pub(crate) enum Payload {
    Text(String),
    Bytes(Vec<u8>),
    Nothing,
}

/// A payload as JavaScript sees it.
type Value = Option<Either<String, Buffer>>;
type Settle = ThreadsafeFunction<(u32, Payload), (), FnArgs<(u32, Value)>, Status, false, true>;

impl From<Payload> for Value {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Text(text) => Some(Either::A(text)),
            Payload::Bytes(bytes) => Some(Either::B(bytes.into())),
            Payload::Nothing => None,
        }
    }
}

/// One JavaScript thread's end. All its calls come back through one function, by their numbers: a promise made here would
/// cost a thread-safe function each.
#[napi]
pub struct Port(Arc<Calls>);

/// The calls of one JavaScript thread.
pub(crate) struct Calls {
    settle: RwLock<Settle>,
    running: Mutex<HashMap<u32, AbortHandle>>,
    questions: Mutex<Questions>,
}

/// What JavaScript was asked and has not answered.
#[derive(Default)]
struct Questions {
    last: u32,
    open: HashMap<u32, oneshot::Sender<Answer>>,
}

/// The JSON that a function gave, or why it failed.
type Answer = std::result::Result<String, String>;

/// A function of the caller's, under its number. It is let go of when nobody can call it any more.
pub(crate) struct Hook {
    calls: Arc<Calls>,
    number: u32,
}

impl Hook {
    /// Tells it of something.
    pub(crate) fn tell(&self, event: &impl Serialize) {
        self.calls.settle(self.number, Payload::Text(json!(event).to_string()));
    }

    /// Asks it, and waits for the JSON that it gives. An error is the function's own words.
    pub(crate) fn ask(&self, asked: &serde_json::Value) -> impl Future<Output = Answer> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let question = {
            let mut questions = self.calls.questions.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever was asked for a call that is over need not answer.
            questions.open.retain(|_, waiting| !waiting.is_closed());
            questions.last = questions.last.wrapping_add(1);
            let question = questions.last;
            questions.open.insert(question, answer);
            question
        };
        self.tell(&(question, asked));
        async { answered.await.unwrap_or_else(|_| Err("the thread of the function has ended".to_owned())) }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.calls.settle(self.number, Payload::Nothing);
    }
}

/// Opens the port of this thread; `settle` gets each call's number and what it brought.
#[napi]
pub fn open_port(settle: Function<'_, FnArgs<(u32, Value)>, ()>) -> Result<Port> {
    let settle = settle
        .build_threadsafe_function::<(u32, Payload)>()
        .callee_handled::<false>()
        .weak::<true>()
        .build_callback(|context| Ok((context.value.0, context.value.1.into()).into()))?;
    Ok(Port(Arc::new(Calls { settle: RwLock::new(settle), running: Mutex::default(), questions: Mutex::default() })))
}

#[napi]
impl Port {
    /// Whether the process stays alive for what is still to come.
    #[napi]
    pub fn hold(&self, env: &Env, alive: bool) -> Result<()> {
        self.0.hold(*env, alive)
    }

    /// Drops a call, which closes its connection. It does not settle any more.
    #[napi]
    pub fn cancel(&self, call: u32) {
        self.0.cancel(call);
    }

    /// What a function gave when it was asked: JSON, or why it failed.
    #[napi]
    pub fn answer(&self, question: u32, given: Option<String>, problem: String) {
        let asked = self.0.questions.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&question);
        if let Some(asked) = asked {
            // A call that is over does not want it.
            drop(asked.send(given.ok_or(problem)));
        }
    }

    pub(crate) fn hook(&self, number: u32) -> Hook {
        Hook { calls: Arc::clone(&self.0), number }
    }

    pub(crate) fn calls(&self) -> &Arc<Calls> {
        &self.0
    }
}

/// A thread that ends takes its calls along, though other threads go on.
impl Drop for Port {
    fn drop(&mut self) {
        self.0.running().drain().for_each(|(_, task)| task.abort());
    }
}

impl Calls {
    #[expect(deprecated, reason = "its replacement cannot be switched on and off")]
    fn hold(&self, env: Env, alive: bool) -> Result<()> {
        let mut settle = self.settle.write().unwrap_or_else(PoisonError::into_inner);
        if alive { settle.refer(&env) } else { settle.unref(&env) }
    }

    /// Hands over what a call brought. A thread that is gone does not want it.
    pub(crate) fn settle(&self, call: u32, payload: Payload) {
        let settle = self.settle.read().unwrap_or_else(PoisonError::into_inner);
        settle.call((call, payload), ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Runs the work of a call; what it gives at its end is handed over.
    pub(crate) fn run(self: &Arc<Self>, call: u32, work: impl Future<Output = Option<Payload>> + Send + 'static) {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return self.settle(call, Payload::Text(failure(error))),
        };
        let calls = Arc::clone(self);
        // Work that ends at once waits here until it can be struck off.
        let mut running = self.running();
        let task = runtime.spawn(async move {
            let end = AssertUnwindSafe(work).catch_unwind().await;
            calls.running().remove(&call);
            match end {
                Ok(None) => {}
                Ok(Some(payload)) => calls.settle(call, payload),
                Err(_) => calls
                    .settle(call, Payload::Text(failure(&Error::new(ErrorKind::Upstream, "the call panicked; this is a bug of junto")))),
            }
        });
        running.insert(call, task.abort_handle());
    }

    /// Drops the work of a call, wherever it is.
    pub(crate) fn cancel(&self, call: u32) {
        if let Some(task) = self.running().remove(&call) {
            task.abort();
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread carries the network of any number of calls, because the JavaScript that reads them is one thread as well; a
/// pool would only wake each other. It begins with the first call and ends with the process.
fn runtime() -> std::result::Result<&'static Handle, &'static Error> {
    static RUNTIME: OnceLock<std::result::Result<Handle, Error>> = OnceLock::new();
    let start = || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name("junto".to_owned()).spawn(move || runtime.block_on(std::future::pending::<()>()))?;
        Ok(handle)
    };
    let failed = |error: std::io::Error| Error::new(ErrorKind::Transport, format!("no thread for the network: {error}"));
    RUNTIME.get_or_init(|| start().map_err(failed)).as_ref()
}
