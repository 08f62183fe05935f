//! The core's log events in Python's `logging`, under `junto`.
//!
//! Nothing is formatted, and no lock is taken, for an event that `logging` does not want: the level is looked up when a
//! call begins, and kept. A program that never imports `logging` pays for nothing.

use std::{
    fmt::{self, Write},
    sync::atomic::{AtomicU8, Ordering},
};

use pyo3::{
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyTuple},
};
use tracing_core::{
    Event, Field, Interest, Level, LevelFilter, Metadata, Subscriber,
    dispatcher::{self, Dispatch},
    field::Visit,
    span,
};

/// Names and levels in `logging`.
const RANKS: [(Level, u8); 4] = [(Level::ERROR, 40), (Level::WARN, 30), (Level::INFO, 20), (Level::DEBUG, 10)];

const OFF: u8 = u8::MAX;

/// The lowest level of `logging` that is wanted.
static WANTED: AtomicU8 = AtomicU8::new(OFF);

/// Looks up which events `logging` wants now.
pub(crate) fn refresh(py: Python<'_>) {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let logger = match LOGGER.get(py) {
        Some(logger) => logger.bind(py).clone(),
        None => {
            let Some(logger) = logger(py, "junto") else { return };
            LOGGER.get_or_init(py, || logger.unbind()).bind(py).clone()
        }
    };
    let level = logger.call_method0(intern!(py, "getEffectiveLevel")).and_then(|level| level.extract::<i64>());
    let wanted = level.map_or(OFF, |level| level.clamp(0, i64::from(OFF) - 1) as u8);
    if WANTED.swap(wanted, Ordering::Relaxed) != wanted {
        // Only this module's own copy of the core sees this dispatcher. A second one changes nothing.
        _ = dispatcher::set_global_default(Dispatch::new(Logs));
        tracing_core::callsite::rebuild_interest_cache();
    }
}

/// The logger of this name, where the program uses `logging` at all.
fn logger<'py>(py: Python<'py>, name: &str) -> Option<Bound<'py, PyAny>> {
    let modules = py.import(intern!(py, "sys")).ok()?.getattr(intern!(py, "modules")).ok()?;
    let logging = modules.get_item(intern!(py, "logging")).ok()?;
    logging.call_method1(intern!(py, "getLogger"), (name,)).ok()
}

struct Logs;

impl Logs {
    fn rank(level: Level) -> u8 {
        RANKS.iter().find(|(known, _)| *known == level).map_or(0, |(_, rank)| *rank)
    }
}

impl Subscriber for Logs {
    /// Only the core's own: what its dependencies say may hold headers.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_event() && metadata.target().starts_with("junto") { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Self::rank(*metadata.level()) >= WANTED.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let wanted = WANTED.load(Ordering::Relaxed);
        let lowest = RANKS.iter().rev().find(|(_, rank)| *rank >= wanted);
        Some(lowest.map_or(LevelFilter::OFF, |(level, _)| LevelFilter::from_level(*level)))
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        Python::try_attach(|py| {
            // A log that fails breaks no call.
            _ = emit(py, metadata, &line);
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn emit(py: Python<'_>, metadata: &Metadata<'_>, line: &Line) -> PyResult<()> {
    let name = metadata.target().replace("::", ".");
    let Some(logger) = logger(py, &name) else { return Ok(()) };
    let level = Logs::rank(*metadata.level());
    if !logger.call_method1(intern!(py, "isEnabledFor"), (level,))?.is_truthy()? {
        return Ok(());
    }
    let fields = PyDict::new(py);
    for (name, value) in &line.fields {
        fields.set_item(name, value)?;
    }
    let extra = PyDict::new(py);
    extra.set_item("junto", fields)?;
    let record = logger.call_method1(
        intern!(py, "makeRecord"),
        (
            &name,
            level,
            metadata.file().unwrap_or_default(),
            metadata.line().unwrap_or_default(),
            line.text(),
            PyTuple::empty(py),
            py.None(),
            py.None(),
            extra,
        ),
    )?;
    logger.call_method1(intern!(py, "handle"), (record,)).map(drop)
}

/// An event as one line, and its fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Line {
    fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            _ = write!(text, " {name}={value}");
        }
        text
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.fields.push((field.name(), text)) }
    }
}
