//! The pages of the series, each a step further every second; its time begins when it is first asked for.
//!
//! Whoever scrapes looks each second at the same place within it, give or take what a busy machine adds. So a step is shown for the half
//! second before and after that moment, and not from one moment on at which a scrape could meet either of two.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cutover::domain::time::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    FASTER, STEP, STEPS,
    series::{Case, Scrape},
};

/// One process with a page of its own: which series, and which of its instances.
pub(crate) type Target = (usize, usize);

pub(crate) struct Pages {
    pub cases: Vec<Case>,
    pub address: SocketAddr,
    shown: Mutex<BTreeMap<Target, Shown>>,
}

#[derive(Debug, Clone, Copy)]
struct Shown {
    since: Instant,
    began: Timestamp,
    newest: usize,
    /// Steps that were over before anybody asked again.
    unmet: usize,
}

impl Pages {
    pub(crate) async fn serve(cases: Vec<Case>) -> Arc<Pages> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let pages = Arc::new(Pages { cases, address, shown: Mutex::default() });
        let serving = pages.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answered(serving.clone(), stream));
            }
        });
        pages
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = Target> {
        self.cases.iter().enumerate().flat_map(|(place, case)| (0..case.targets.len()).map(move |instance| (place, instance)))
    }

    /// Until each has been asked for.
    pub(crate) async fn all_are_scraped(&self) {
        while self.shown.lock().unwrap().len() < self.targets().count() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// When the first of a series' pages was asked for first.
    pub(crate) fn began(&self, place: usize) -> Timestamp {
        let shown = self.shown.lock().unwrap();
        shown.iter().filter(|((of, _), _)| *of == place).map(|(_, shown)| shown.began).min().expect("it was scraped")
    }

    pub(crate) fn unmet(&self) -> usize {
        self.shown.lock().unwrap().values().map(|shown| shown.unmet).sum()
    }

    /// The page as it is now; none where there is no such target, or where this is a scrape that fails.
    fn page(&self, (place, instance): Target) -> Option<String> {
        let scrapes = self.cases.get(place)?.targets.get(instance)?;
        let (step, began) = self.step((place, instance));
        let scrape: &Scrape = scrapes.get(step).or(scrapes.last())?;
        let line = |(series, value): (&String, &f64)| {
            // A process' start is told in the world's own time.
            let own = if series == "process_start_time_seconds" { began.0 as f64 / 1000.0 + value / FASTER as f64 } else { *value };
            format!("{series} {own}\n")
        };
        Some(scrape.as_ref()?.iter().map(line).collect())
    }

    fn step(&self, target: Target) -> (usize, Timestamp) {
        let mut shown = self.shown.lock().unwrap();
        let anew = || Shown { since: Instant::now(), began: now(), newest: 0, unmet: 0 };
        let shown = shown.entry(target).or_insert_with(anew);
        let step = (shown.since.elapsed().as_secs_f64() / STEP.as_secs_f64()).round() as usize;
        if step < STEPS {
            shown.unmet += step.saturating_sub(shown.newest + 1);
            shown.newest = step;
        }
        (step, shown.began)
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

async fn answered(pages: Arc<Pages>, mut stream: TcpStream) {
    let mut bytes = vec![0; 8192];
    // One read holds the whole of a scrape's request.
    let Ok(read) = stream.read(&mut bytes).await else { return };
    let asked = String::from_utf8_lossy(&bytes[..read]).into_owned();
    let numbers: Vec<usize> = asked.split(' ').nth(1).unwrap_or_default().split('/').filter_map(|part| part.parse().ok()).collect();
    let page = match numbers.as_slice() {
        [place, instance] => pages.page((*place, *instance)),
        _ => None,
    };
    let (status, body) = page.map_or(("500 Internal Server Error", String::new()), |page| ("200 OK", page));
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Whoever is gone asks again in a second.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}
