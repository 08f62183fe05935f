//! A vendor double.
