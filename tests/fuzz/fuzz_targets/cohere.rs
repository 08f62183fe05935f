#![no_main]

use junto::providers::ProtocolName;
use junto_tests::properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::decoder(ProtocolName::Cohere, bytes));
