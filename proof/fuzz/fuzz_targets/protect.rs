//! Long plays of a breaker, a limiter and a budget, in which the laws hold that exploration checks on short ones.
#![no_main]

#[path = "../../../rotapool-core/tests/protect/laws.rs"]
mod laws;

use std::time::Instant;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [first, commands @ ..] = input else { return };
    let commands = &commands[..commands.len().min(500)];
    let start = Instant::now();
    match first % 3 {
        0 => laws::play_breaker(commands, start),
        1 => laws::play_limiter(commands, start),
        _ => laws::play_budget(u32::from(first / 3 % 4), commands, start),
    }
});
