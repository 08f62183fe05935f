//! The walls of the house: a PURE room may not lean on an IO room, and a wire name stays in its protocol.
#![expect(clippy::expect_used, reason = "a wall that cannot be read is a broken wall")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Rooms without IO, clock or environment.
const PURE: &[&str] = &[
    "auth/apply.rs",
    "auth/credential.rs",
    "auth/crypto.rs",
    "auth/secret.rs",
    "auth/sigv4.rs",
    "catalog",
    "date.rs",
    "error.rs",
    "plan",
    "preferences.rs",
    "protocols",
    "providers",
    "responses",
    "route/attempts.rs",
    "route/backoff.rs",
    "route/budget.rs",
    "route/classify.rs",
    "route/health.rs",
    "search",
    "slug.rs",
    "types",
];

/// What a PURE room may not name.
const IO: &[&str] = &[
    "async fn",
    "crate::client",
    "crate::route::run",
    "crate::stream",
    "crate::transport",
    "reqwest::",
    "std::env::",
    "std::fs::",
    "std::net::",
    "tokio::",
];

/// Files that alone may name a package.
const HOMES: &[(&str, &str)] = &[
    ("aws_lc_rs as", "auth/crypto.rs"),
    ("backoff::", "route/backoff.rs"),
    ("ring as", "auth/crypto.rs"),
    ("reqwest::", "transport/reqwest.rs"),
    ("rustls::", "transport/reqwest.rs"),
    ("webpki_root_certs::", "transport/reqwest.rs"),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src")
}

/// Every source file with its path inside `core/src` and its code: comments and what follows `#[cfg(test)]` left out.
fn files() -> Vec<(String, Vec<(usize, String)>)> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of core/src") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                out.push(path);
            }
        }
    }
    let (root, mut paths) = (source(), Vec::new());
    walk(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 30, "core/src was found");
    let code = |path: &Path| {
        let text = fs::read_to_string(path).expect("a source file");
        let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
        lines.map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default().to_owned())).collect()
    };
    paths.iter().map(|path| (path.strip_prefix(&root).expect("inside").to_string_lossy().replace('\\', "/"), code(path))).collect()
}

#[test]
fn no_arrow_from_a_pure_room_to_io() {
    let mut broken = Vec::new();
    for (file, lines) in
        files().into_iter().filter(|(file, _)| PURE.iter().any(|room| file == room || file.starts_with(&format!("{room}/"))))
    {
        for (at, line) in lines {
            broken.extend(IO.iter().filter(|name| line.contains(*name)).map(|name| format!("core/src/{file}:{at} names `{name}`")));
        }
    }
    assert!(broken.is_empty(), "PURE rooms lean on IO:\n{}", broken.join("\n"));
}

#[test]
fn each_package_stays_in_its_home() {
    let mut broken = Vec::new();
    for (file, lines) in files() {
        for (at, line) in lines {
            // A module may bear its package's name.
            let line = line.replace("self::reqwest::", "");
            let strays = HOMES.iter().filter(|(package, home)| file != *home && line.contains(package));
            broken.extend(strays.map(|(package, home)| format!("core/src/{file}:{at} names `{package}`, which lives in {home}")));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn protocols_do_not_name_providers() {
    let mut broken = Vec::new();
    for (file, lines) in files().into_iter().filter(|(file, _)| file.starts_with("protocols/")) {
        for (at, line) in lines {
            if line.contains("provider.slug ==") || line.contains("provider.as_ref() ==") || line.contains("endpoint.provider ==") {
                broken.push(format!("core/src/{file}:{at} asks which provider it is; make it a quirk of the row"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_room_says_what_belongs_in_it() {
    for (file, _) in files().into_iter().filter(|(file, _)| file.ends_with("/mod.rs")) {
        let text = fs::read_to_string(source().join(&file)).expect("a source file");
        assert!(text.starts_with("//!"), "core/src/{file} opens with what belongs there");
    }
}
