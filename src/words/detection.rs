//! What a trigger can see, in words: one line a share.

use crate::{
    core::detection::{Detection, Visible},
    domain::{metric::Metric, time::Millis},
    words::Names,
};

/// One line a share, for a column of them: how many requests come in a window, the smallest figure that can be proven of them, and how
/// long the way from the fault to the decision is.
pub fn detection(seen: &Detection, metric: Metric) -> String {
    if let (Metric::Declared(_), Some(least)) = (metric, &seen.least) {
        let (value, takes) = (Names::figure(metric, least.value), rounded(least.takes()));
        return format!("at {:>5} whatever comes: {} {value} within {takes}", seen.share.to_string(), metric.bad().name());
    }
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
    let fill = if proof.visibility == Millis(0) { String::new() } else { format!("{} to fill the window, ", rounded(proof.visibility)) };
    format!("{late}{} to the next look, {fill}{} of duration", proof.sampling, proof.duration)
}

/// Up to a whole second: none of these is known better.
fn rounded(span: Millis) -> Millis {
    Millis(span.0.div_ceil(1000) * 1000)
}
