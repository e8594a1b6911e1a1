//! A part against a server in the same process, on a clock that stands still until nothing is left to do.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request as HttpRequest, Response,
    body::{Bytes, Frame},
};
use kube::client::Body;
use serde_json::json;
use tower::service_fn;

use super::*;
use crate::adapter::kubernetes::wire::SlimEvent;

const LIFE: Duration = Duration::from_secs(60);

/// What the server does with a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Sends a bookmark two seconds before the end that it was asked for, and ends.
    Honest,
    /// Ends in time, without a word.
    Wordless,
    /// Stays open for ever, without a word.
    Frozen,
    /// Ends at once.
    Hasty,
    /// Says that nobody may watch.
    Forbidden,
}

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

#[derive(Default)]
struct Asked {
    lists: usize,
    watches: usize,
}

fn part(manner: Manner) -> (BoxStream<'static, Seen<SlimEvent>>, Arc<Mutex<Asked>>) {
    let asked = Arc::new(Mutex::new(Asked::default()));
    let counted = Arc::clone(&asked);
    let service = service_fn(move |request: HttpRequest<Body>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_watch = query.contains("watch=true");
        let mut asked = counted.lock().unwrap();
        if is_watch {
            asked.watches += 1
        } else {
            asked.lists += 1
        }
        drop(asked);
        let seconds = query.split('&').find_map(|pair| pair.strip_prefix("timeoutSeconds=")?.parse().ok()).unwrap_or(0);
        async move { Ok::<_, Infallible>(if is_watch { watch(manner, seconds) } else { listed() }) }
    });
    let scope = Scope { namespace: "shop".to_owned(), labels: None, fields: None };
    let turn = Turn { life: LIFE, ends: Instant::now() + LIFE };
    (Part::new(Client::new(service, "shop"), scope, turn, None).seen(), asked)
}

fn whole(text: String) -> Reply {
    Response::new(Full::new(Bytes::from(text)).boxed_unsync())
}

fn listed() -> Reply {
    let list = json!({"kind": "EventList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": []});
    whole(list.to_string())
}

fn watch(manner: Manner, seconds: u64) -> Reply {
    let bookmark = json!({"type": "BOOKMARK", "object": {"kind": "Event", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}}});
    let line = Frame::data(Bytes::from(format!("{bookmark}\n")));
    let after = |seconds: u64| tokio::time::sleep(Duration::from_secs(seconds));
    let frames = match manner {
        Manner::Honest => stream::unfold(Some(line), move |line| async move {
            let line = match line {
                Some(line) => line,
                None => {
                    after(2).await;
                    return None;
                }
            };
            after(seconds - 2).await;
            Some((line, None))
        })
        .boxed(),
        Manner::Wordless => stream::unfold((), move |()| async move {
            after(seconds).await;
            None
        })
        .boxed(),
        Manner::Frozen => stream::pending().boxed(),
        Manner::Hasty => stream::empty().boxed(),
        Manner::Forbidden => {
            let status =
                json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "message": "events is forbidden", "code": 403});
            let mut refusal = whole(status.to_string());
            *refusal.status_mut() = hyper::StatusCode::FORBIDDEN;
            return refusal;
        }
    };
    Response::new(StreamBody::new(frames.map(Ok::<_, Infallible>)).boxed_unsync())
}

/// What is seen in ten minutes, and what was asked for it.
async fn ten_minutes(manner: Manner) -> (Vec<Seen<SlimEvent>>, Asked) {
    let (mut seen, asked) = part(manner);
    let mut all = Vec::new();
    let end = Instant::now() + Duration::from_secs(600);
    while let Ok(Some(step)) = timeout_at(end, seen.next()).await {
        all.push(step);
    }
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    (all, asked)
}

#[tokio::test(start_paused = true)]
async fn a_quiet_part_costs_one_request_a_minute() {
    let (seen, asked) = ten_minutes(Manner::Honest).await;
    assert_eq!(asked.lists, 1);
    assert!((10..=11).contains(&asked.watches), "{} watches", asked.watches);
    assert!(matches!(seen[0], Seen::All(_)));
    assert!(seen[1..].iter().all(|step| matches!(step, Seen::Alive)), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_says_nothing_for_a_minute_is_not_believed() {
    for manner in [Manner::Wordless, Manner::Frozen] {
        let (seen, asked) = ten_minutes(manner).await;
        assert!((10..=11).contains(&asked.lists), "{manner:?}: {} lists", asked.lists);
        assert!((10..=11).contains(&asked.watches), "{manner:?}: {} watches", asked.watches);
        assert!(!seen.iter().any(|step| matches!(step, Seen::Failed(_))), "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_watches_at_once_is_asked_more_and_more_seldom() {
    let (_, asked) = ten_minutes(Manner::Hasty).await;
    assert!(asked.watches < 60, "{} watches", asked.watches);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_is_asked_for_once_a_minute() {
    let (seen, asked) = ten_minutes(Manner::Forbidden).await;
    assert!((10..=11).contains(&asked.watches), "{} watches", asked.watches);
    assert!(seen.iter().filter(|step| matches!(step, Seen::Failed(_))).count() >= 10, "{seen:?}");
}

/// What is asked of a list that comes in so many pages of an event each, and what comes of it; `fails` says of a page and of how often it was
/// asked for how many seconds it takes, and how it fails.
async fn listed_by(pages: usize, fails: fn(&str, usize) -> (u64, Option<u16>)) -> (Vec<Seen<SlimEvent>>, Vec<String>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let service = service_fn(move |request: HttpRequest<Body>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let from = query.split('&').find_map(|pair| pair.strip_prefix("continue=")).unwrap_or("p1").to_owned();
        let times = {
            let mut asked = noted.lock().unwrap();
            asked.push(from.clone());
            asked.iter().filter(|before| **before == from).count()
        };
        let (seconds, failure) = fails(&from, times);
        async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            if let Some(code) = failure {
                let status = json!({"kind": "Status", "status": "Failure", "reason": "Gone or away", "message": "not now", "code": code});
                let mut refusal = whole(status.to_string());
                *refusal.status_mut() = hyper::StatusCode::from_u16(code).unwrap();
                return Ok::<_, Infallible>(refusal);
            }
            let number: usize = from.trim_start_matches('p').parse().unwrap();
            let next = if number < pages { format!("p{}", number + 1) } else { String::new() };
            let event = json!({"metadata": {"uid": from, "resourceVersion": "5"}, "involvedObject": {"kind": "Pod", "name": "web"}});
            let list = json!({"kind": "EventList", "metadata": {"resourceVersion": "7", "continue": next}, "items": [event]});
            Ok(whole(list.to_string()))
        }
    });
    let scope = Scope { namespace: "shop".to_owned(), labels: None, fields: None };
    let turn = Turn { life: LIFE, ends: Instant::now() + LIFE };
    let mut part = Part::<SlimEvent>::new(Client::new(service, "shop"), scope, turn, None).seen();
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(Seen::All(_))) {
        seen.push(part.next().await.unwrap());
    }
    let asked = asked.lock().unwrap().clone();
    (seen, asked)
}

fn whole_list(seen: &Seen<SlimEvent>) -> Vec<&str> {
    let Seen::All(all) = seen else { panic!("{seen:?}") };
    all.iter().map(|event| event.uid.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_asked_for_again_and_no_other_is() {
    let (seen, asked) = listed_by(3, |from, times| (0, (from == "p2" && times < 3).then_some(503))).await;
    assert_eq!(asked, ["p1", "p2", "p2", "p2", "p3"]);
    assert_eq!(whole_list(&seen[2]), ["p1", "p2", "p3"]);
    assert!(seen[..2].iter().all(|step| matches!(step, Seen::Failed(_))), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_does_not_come_in_time_is_asked_for_again_and_no_other_is() {
    let (seen, asked) = listed_by(3, |from, times| (if from == "p3" && times == 1 { 11 } else { 0 }, None)).await;
    assert_eq!(asked, ["p1", "p2", "p3", "p3"]);
    assert!(matches!(&seen[0], Seen::Failed(fault) if fault.kind == FaultKind::TimedOut), "{seen:?}");
    assert_eq!(whole_list(&seen[1]), ["p1", "p2", "p3"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_the_server_has_forgotten_begins_anew() {
    let (seen, asked) = listed_by(3, |from, times| (0, (from == "p3" && times == 1).then_some(410))).await;
    assert_eq!(asked, ["p1", "p2", "p3", "p1", "p2", "p3"]);
    assert_eq!(whole_list(seen.last().unwrap()), ["p1", "p2", "p3"], "and nothing of the old one is in it");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_takes_long_is_told_and_goes_on() {
    let (seen, asked) = listed_by(9, |_, _| (9, None)).await;
    assert_eq!(asked.len(), 9, "{asked:?}");
    assert!(matches!(&seen[0], Seen::Failed(fault) if fault.message.as_str().contains("; 7 have come")), "{seen:?}");
    assert_eq!(whole_list(&seen[1]).len(), 9);
}
