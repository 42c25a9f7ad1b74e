//! Fuzzes everything that reads bytes of strangers, with libFuzzer. One program has all targets, so
//! that it is built once: `FUZZ_TARGET` names one. With `FUZZ_SEEDS` it writes the seeds of that
//! target into a folder and ends. `web/dev/fuzz` does both, for `make fuzz`.

#![no_main]

mod pictures;
mod seeds;
mod target;
mod texts;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

use target::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let target = Target::from_environment();
        if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
            seeds::write(target, folder.as_ref());
            std::process::exit(0);
        }
        let _ = TARGET.set(target);
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            target.run(data);
        }
    }
);
