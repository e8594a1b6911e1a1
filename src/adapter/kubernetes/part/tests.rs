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
