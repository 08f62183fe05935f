//! Where credentials may lie, and what a search there found without asking anybody.

use std::{path::PathBuf, sync::Arc};

use super::{Credential, TokenSource};

/// The places that a search may look in.
pub(crate) struct Places<'a> {
    /// Reads a variable.
    pub(crate) read: &'a dyn Fn(&str) -> Option<String>,
    /// Whether these are this process's own variables, so that facts about the machine count too.
    pub(crate) is_machine: bool,
}

impl Places<'_> {
    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.trim().is_empty())
    }

    /// A variable that holds a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    /// The home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(|| self.path("USERPROFILE"))
    }
}

/// What a search found.
#[derive(Debug)]
pub(crate) enum Found {
    /// A credential that lasts.
    Credential(Credential),
    /// Somebody who can be asked for one.
    Source(Arc<dyn TokenSource>),
    /// Nothing; and why, where something was there that cannot be used.
    Nothing(Option<String>),
}

impl Found {
    pub(crate) fn source(source: impl TokenSource + 'static) -> Self {
        Self::Source(Arc::new(source))
    }
}
