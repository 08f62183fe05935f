#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| junto_tests::properties::framing(bytes));
