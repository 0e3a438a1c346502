//! Long loops: whether they are wanted, how many rounds, and numbers that can be drawn again.
#![allow(
    dead_code,
    reason = "not every binary that shares this file needs all of it"
)]

/// Whether the long loops are wanted.
pub fn is_torture() -> bool {
    std::env::var_os("BLOTTER_TORTURE").is_some_and(|value| value == "1")
}

/// Rounds of a long loop: few in a normal run.
pub fn rounds(normal: usize, torture: usize) -> usize {
    let set = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    match is_torture() {
        true => set.unwrap_or(torture),
        false => normal,
    }
}

/// Repeatable numbers from a seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
