//! A handful of requests, few at a time, and what became of each.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::{
    Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, LOCATION},
};
use tokio::time::Instant;

use super::{CONCURRENCY_MAX, Pace, REQUESTS_MAX};
use crate::{
    adapter::http::{Ask, Client, Limits, Progress},
    domain::{
        answer::{AnswerKind, Redirect, TextMatch},
        fault::Fault,
        shown::Shown,
        time::Millis,
    },
};

/// One request may take so long, the answer's body included, and then counts as dropped.
const SHOT_MAX: Duration = Duration::from_secs(4);
/// What has not been sent or answered by then is left out: a look must end.
pub(super) const VOLLEY_MAX: Millis = Millis::from_secs(10);
const LIMITS: Limits = Limits { deadline: SHOT_MAX, body_bytes_max: 1 << 20 };

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shot {
    Answered {
        kind: AnswerKind,
        mark: Option<String>,
        took_ms: f64,
    },
    /// A connection that ended, or went on too long, without a whole answer.
    Dropped,
    /// No connection could be made.
    NotConnected(Fault),
}

/// What is asked, and what is read of an answer.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    /// Asked with GET; within the client's origin.
    pub url: Url,
    /// The header by which an answer says who gave it.
    pub served_by: HeaderName,
    /// Looked for in each body.
    pub text: Option<Shown>,
}

pub(super) async fn volley(client: &Client, aim: &Aim, pace: Pace) -> Vec<Shot> {
    let count = pace.requests.clamp(1, REQUESTS_MAX);
    let mut shots = stream::iter(0..count).map(|_| shoot(client, aim)).buffer_unordered(pace.concurrency.clamp(1, CONCURRENCY_MAX));
    let deadline = Instant::now() + VOLLEY_MAX.duration();
    let mut results = Vec::with_capacity(count);
    while let Ok(Some(shot)) = tokio::time::timeout_at(deadline, shots.next()).await {
        results.push(shot);
    }
    results
}

async fn shoot(client: &Client, aim: &Aim) -> Shot {
    let began = Instant::now();
    match client.answered(Ask::get(aim.url.clone(), LIMITS)).await {
        Ok(answer) => Shot::Answered {
            kind: kind(answer.status.as_u16(), &answer.headers, &answer.body, aim),
            mark: answer.headers.get(&aim.served_by).and_then(|value| value.to_str().ok()).map(str::to_owned),
            took_ms: began.elapsed().as_secs_f64() * 1000.0,
        },
        Err(failure) if failure.progress == Progress::NeverSent => Shot::NotConnected(failure.fault),
        Err(_) => Shot::Dropped,
    }
}

fn kind(status: u16, headers: &HeaderMap, body: &[u8], aim: &Aim) -> AnswerKind {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let redirect = if (300..400).contains(&status) { redirect(headers, &aim.url) } else { Redirect::Nowhere };
    let text = match &aim.text {
        None => TextMatch::NotAsked,
        Some(text) if holds(body, text.as_str().as_bytes()) => TextMatch::Found,
        Some(_) => TextMatch::Missing,
    };
    AnswerKind::new(status, media.split(';').next().unwrap_or(""), redirect, text)
}

/// Where an answer leads. It is read and never followed; an address that can't be read leads to another host.
fn redirect(headers: &HeaderMap, asked: &Url) -> Redirect {
    let Some(location) = headers.get(LOCATION) else { return Redirect::Nowhere };
    let led = location.to_str().ok().and_then(|location| asked.join(location).ok());
    match led {
        Some(led) if led.host_str() == asked.host_str() => Redirect::SameHost,
        Some(led) => Redirect::OtherHost(led.host_str().unwrap_or("?").into()),
        None => Redirect::OtherHost("?".into()),
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len().max(1)).any(|part| part == text)
}
