#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| idempotency_core::fuzz::events(bytes));
