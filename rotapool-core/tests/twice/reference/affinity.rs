//! Affinity to a key: the scores of the resources, and who carries more than its share.

/// What a keyed pick looks at.
pub(super) struct Server<'a> {
    pub(super) membership: usize,
    pub(super) id: &'a str,
    pub(super) in_flight: u32,
    pub(super) weight: f64,
}

/// The highest score wins among those that are below 1.25 times their fair share of the load, the
/// usage to come included, or have less than four more in flight than the least loaded for its weight.
/// `servers` stand in pool order; among equals the first wins.
pub(super) fn server_of(key: u64, servers: &[Server<'_>]) -> Option<usize> {
    let load = servers.iter().map(|server| f64::from(server.in_flight)).sum::<f64>() + 1.0;
    let weights: f64 = servers.iter().map(|server| server.weight).sum();
    let per_weight = servers.iter().map(|server| f64::from(server.in_flight) / server.weight);
    let least = per_weight.fold(f64::INFINITY, f64::min);
    let mut best: Option<(f64, usize)> = None;
    for server in servers {
        let share = load * server.weight / weights;
        let in_flight = f64::from(server.in_flight);
        let overloaded =
            in_flight >= (1.25 * share).ceil() && in_flight >= least * server.weight + 4.0;
        let score = score(key, server);
        if !overloaded && best.is_none_or(|(best, _)| score > best) {
            best = Some((score, server.membership));
        }
    }
    best.map(|(_, membership)| membership)
}

/// `-w / ln h`, where `h` is a hash of the key and the id between 0 and 1.
fn score(key: u64, server: &Server<'_>) -> f64 {
    let bits =
        scramble(scramble(key.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ scramble(fnv_1a(server.id)));
    let hash = ((bits >> 12) as f64 + 0.5) * 2.0_f64.powi(-52);
    -server.weight / hash.ln()
}

fn fnv_1a(text: &str) -> u64 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in text.bytes() {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(1_099_511_628_211);
    }
    hash
}

/// The end of SplitMix64.
fn scramble(mut bits: u64) -> u64 {
    for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9), (27, 0x94d0_49bb_1331_11eb), (31, 1)] {
        bits = (bits ^ (bits >> shift)).wrapping_mul(factor);
    }
    bits
}
