//! What a trigger can see, in words: one line a share.

use crate::{
    core::detection::{Detection, Visible},
    domain::{metric::Metric, time::Millis},
    words::Names,
};

/// One line a share, for a column of them: how many requests come in a window, the smallest figure that can be proven of them, and how
/// long the way from the fault to the decision is.
pub fn detection(seen: &Detection, metric: Metric) -> String {
    let requests = format!("at {:>5} {:>6} requests", seen.share.to_string(), seen.requests);
    let Some(least) = &seen.least else {
        return format!("{requests}: too few, it sees nothing");
    };
    let outage = seen.outage.map_or_else(String::new, |outage| format!("; if all fail, within {}", rounded(outage.takes())));
    format!("{requests}: {} or more within {}{outage}", Names::figure(metric, least.value), rounded(least.takes()))
}

/// Of what the time to the decision is made.
pub fn spans(proof: &Visible) -> String {
    let late = if proof.lateness == Millis(0) { String::new() } else { format!("{} until its source can tell, ", proof.lateness) };
    format!("{late}{} to the next look, {} to fill the window, {} of duration", proof.sampling, rounded(proof.visibility), proof.duration)
}

/// Up to a whole second: none of these is known better.
fn rounded(span: Millis) -> Millis {
    Millis(span.0.div_ceil(1000) * 1000)
}
