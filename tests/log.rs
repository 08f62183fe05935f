//! The log of a test run, at its finest level: no line of it may hold a key.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

/// What is looked for, and what was found. Lines are checked as they are written, so that a long run needs no room.
#[derive(Default)]
struct Log {
    keys: BTreeSet<String>,
    lines: usize,
    leaks: Vec<String>,
}

static LOG: Mutex<Option<Log>> = Mutex::new(None);

fn log() -> MutexGuard<'static, Option<Log>> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(log) = &mut *log() {
            let text = String::from_utf8_lossy(line);
            log.lines += 1;
            if log.keys.iter().any(|key| text.contains(key.as_str())) {
                log.leaks.push(text.into_owned());
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs everything from here on, and looks for these keys in it.
pub(crate) fn watch(keys: impl IntoIterator<Item = String>) {
    static ONCE: Once = Once::new();
    log().get_or_insert_default().keys.extend(keys);
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE).with_writer(|| Lines).init();
    });
}

/// Fails where a line held a key, or where there was nothing to look at.
pub(crate) fn check() {
    let log = log();
    let log = log.as_ref().expect("a log that is watched");
    assert!(!log.keys.is_empty() && log.lines > 0, "{} keys in {} lines", log.keys.len(), log.lines);
    assert!(log.leaks.is_empty(), "keys in the log:\n{}", log.leaks.concat());
}
