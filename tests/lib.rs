//! Tests of junto as its users see it.

pub mod properties;
