//! Tests of junto as its users see it.

pub mod properties;

/// The Rust blocks of README and guide; `docs/blocks.py` runs them with simulated vendors.
#[cfg(doctest)]
mod guide {
    macro_rules! pages {
        ($($name:ident $page:literal;)*) => { $(#[doc = include_str!($page)] mod $name {})* };
    }

    pages! {
        readme "../README.md";
        rust "../docs/guide/rust.md";
        fallback "../docs/guide/fallback.md";
        streaming "../docs/guide/streaming.md";
        testing "../docs/guide/testing.md";
    }
}
