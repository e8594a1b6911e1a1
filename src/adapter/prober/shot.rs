//! A handful of requests, few at a time, and what became of each.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::{Url, header::HeaderName};
use tokio::time::Instant;

use super::{CONCURRENCY_MAX, Pace, REQUESTS_MAX};
use crate::{
    adapter::http::{Ask, Client, Limits, Progress},
    domain::{fault::Fault, time::Millis},
};

/// One request may take so long, the answer's body included, and then counts as dropped.
const SHOT_MAX: Duration = Duration::from_secs(4);
/// What has not been sent or answered by then is left out: a look must end.
pub const VOLLEY_MAX: Millis = Millis::from_secs(10);
const LIMITS: Limits = Limits { deadline: SHOT_MAX, body_bytes_max: 1 << 20 };

#[derive(Debug, Clone, PartialEq)]
pub enum Shot {
    Answered {
        status: u16,
        mark: Option<String>,
        took_ms: f64,
    },
    /// A connection that ended, or went on too long, without a whole answer.
    Dropped,
    /// No connection could be made.
    NotConnected(Fault),
}

pub async fn volley(client: &Client, url: &Url, served_by: &HeaderName, pace: Pace) -> Vec<Shot> {
    let count = pace.requests.clamp(1, REQUESTS_MAX);
    let mut shots =
        stream::iter(0..count).map(|_| shoot(client, url, served_by)).buffer_unordered(pace.concurrency.clamp(1, CONCURRENCY_MAX));
    let deadline = Instant::now() + VOLLEY_MAX.duration();
    let mut results = Vec::with_capacity(count);
    while let Ok(Some(shot)) = tokio::time::timeout_at(deadline, shots.next()).await {
        results.push(shot);
    }
    results
}

async fn shoot(client: &Client, url: &Url, served_by: &HeaderName) -> Shot {
    let began = Instant::now();
    match client.answered(Ask::get(url.clone(), LIMITS)).await {
        Ok(answer) => Shot::Answered {
            status: answer.status.as_u16(),
            mark: answer.headers.get(served_by).and_then(|value| value.to_str().ok()).map(str::to_owned),
            took_ms: began.elapsed().as_secs_f64() * 1000.0,
        },
        Err(failure) if failure.progress == Progress::NeverSent => Shot::NotConnected(failure.fault),
        Err(_) => Shot::Dropped,
    }
}
