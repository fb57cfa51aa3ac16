#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| minerwatch_fuzz::payload(bytes));
