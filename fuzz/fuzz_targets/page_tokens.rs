//! No text but one that the seal made opens, and none makes it panic.
#![no_main]

use convoke::kernel::seal::Seal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let seal = Seal::new([1; 32]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(seal.open("page", text).is_none(), "a made-up token opened");
    }
    assert_eq!(seal.open("page", &seal.seal("page", bytes)).as_deref(), Some(bytes));
});
