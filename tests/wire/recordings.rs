//! Recorded vendor traffic, as it lies beside the repository: `JUNTO_WIRE`, else `../shared/wire`. What is not there is
//! not tested, and said so.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The folder of the recordings, where it is present.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = env::var_os("JUNTO_WIRE").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire"), PathBuf::from);
    if folder.join("exchanges").is_dir() {
        return Some(folder);
    }
    println!("no recorded traffic at {}: nothing replayed", folder.display());
    None
}

/// An environment variable.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var_os(name).and_then(|value| value.into_string().ok())
}

/// The JSON of a file.
pub(crate) fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // One vendor's embeddings overflow, and the files keep that.
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(&text.replace("NaN", "null")))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every recorded exchange with its id, in the order of the ids.
pub(crate) fn exchanges(folder: &Path) -> Vec<(String, PathBuf)> {
    let root = folder.join("exchanges");
    let inside = |folder: &Path| fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
    let mut found = Vec::new();
    for vendor in inside(&root).filter(|path| path.is_dir()) {
        for file in inside(&vendor).filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
            let id = file.strip_prefix(&root).expect("below").with_extension("");
            found.push((id.to_string_lossy().into_owned(), file));
        }
    }
    found.sort();
    found
}
