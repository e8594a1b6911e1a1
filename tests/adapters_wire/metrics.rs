//! The scraper when a page lies, breaks or is not a page.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use cutover::{
    adapter::{
        Now,
        google_auth::Token,
        http::{Client, Origin, Reach},
        metrics::{Config, MetricsSensor},
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        metric::{Basis, Gap, Measured, Metric},
        time::{Millis, Timestamp},
    },
    port::Sensor,
};

use super::{
    NIGHT, id, origin,
    server::{Reaction, Server},
};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Scrapes the script's pages one after the other, five seconds of source time apart.
struct Scraper {
    server: Server,
    config: Config,
    sensor: MetricsSensor,
    time: Arc<AtomicI64>,
    /// Source time between two looks.
    step: i64,
}

impl Scraper {
    async fn new(script: impl Fn(usize) -> Reaction + Send + Sync + 'static) -> Scraper {
        Scraper::with(script, |_| {}).await
    }

    async fn with(script: impl Fn(usize) -> Reaction + Send + Sync + 'static, change: impl FnOnce(&mut Config)) -> Scraper {
        let server = Server::start(move |_, place| script(place)).await;
        let time = Arc::new(AtomicI64::new(NIGHT));
        let clock = time.clone();
        let now: Now = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        let (_, url) = Origin::split(&server.url("/metrics"), Reach::Loopback).unwrap();
        let mut config = Config::new("scrape/gke".parse().unwrap(), id("gke"), url, Millis::from_secs(5), now);
        change(&mut config);
        let sensor = MetricsSensor::new(config.clone(), Client::new(origin(&server), Token::None).unwrap());
        Scraper { server, config, sensor, time, step: 5000 }
    }

    async fn look(&mut self) -> Result<Vec<(Metric, Measured)>, Fault> {
        self.time.fetch_add(self.step, Ordering::SeqCst);
        let facts = self.sensor.look().await?;
        let [Fact::Measured { values, .. }, ..] = facts.as_slice() else { panic!("{facts:?}") };
        Ok(values.iter().map(|(metric, measured)| (*metric, *measured)).collect())
    }

    async fn nth(&mut self, count: usize, metric: Metric) -> Measured {
        let mut last = Vec::new();
        for _ in 0..count {
            last = self.look().await.unwrap();
        }
        last.into_iter().find(|(held, _)| *held == metric).unwrap().1
    }
}

/// Twenty requests a second, one in a hundred failing, all between 100 and 200 ms.
fn page(place: usize) -> String {
    let all = place * 100;
    format!(
        "# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\"}} {}\nhttp_requests_total{{code=\"503\"}} {}\n\
         http_request_duration_seconds_bucket{{le=\"0.1\"}} 0\nhttp_request_duration_seconds_bucket{{le=\"0.2\"}} {all}\n\
         http_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\nhttp_connections_dropped_total 3\n",
        all - place,
        place
    )
}

#[tokio::test]
async fn a_full_window_gives_every_figure() {
    let mut scraper = Scraper::new(|place| Reaction::text(200, TEXT, &page(place))).await;
    let mut figures = Vec::new();
    for _ in 0..7 {
        figures = scraper.look().await.unwrap();
    }
    let values: Vec<f64> =
        figures.iter().map(|(metric, measured)| measured.unwrap_or_else(|gap| panic!("{metric}: {gap}")).value).collect();
    for (value, wanted) in values.iter().zip([20.0, 0.01, 150.0, 195.0, 199.0, 0.0]) {
        assert!((value - wanted).abs() < 1e-6, "{values:?}");
    }
    let rate = figures[0].1.unwrap();
    assert_eq!((rate.requests, rate.at), (600, Timestamp(NIGHT + 35_000)));
}

#[tokio::test]
async fn a_sign_in_page_is_a_fault_and_an_empty_page_a_gap() {
    let mut scraper = Scraper::new(|_| Reaction::text(200, "text/html", "<html>sign in</html>")).await;
    assert_eq!(scraper.look().await.unwrap_err().kind, FaultKind::Unreadable);
    let mut scraper = Scraper::new(|_| Reaction::text(200, TEXT, "")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::Missing));
    let mut scraper = Scraper::new(|_| Reaction::text(200, TEXT, "http_requests_total{code=\"200")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::Unreadable));
    let mut scraper = Scraper::new(|_| Reaction::text(200, TEXT, "http_requests_total{code=\"200\"} NaN\n")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::NotANumber));
}

#[tokio::test]
async fn a_backend_without_requests_has_no_error_rate() {
    let mut scraper = Scraper::new(|_| Reaction::text(200, TEXT, "http_requests_total{code=\"200\"} 5\n")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::LowVolume));
}

#[tokio::test]
async fn a_restart_that_the_process_tells_is_no_gap_and_one_that_it_does_not_is_one_look() {
    let told = |place: usize| {
        let (place, began) = if place < 8 { (place, 100) } else { (place - 8, 1_795_000_000) };
        Reaction::text(200, TEXT, &format!("{}process_start_time_seconds {began}\n", page(place)))
    };
    let mut scraper = Scraper::new(told).await;
    assert!(scraper.nth(8, Metric::ErrorRate).await.is_ok());
    for _ in 0..6 {
        assert!(scraper.nth(1, Metric::ErrorRate).await.is_ok());
    }
    let untold = |place: usize| Reaction::text(200, TEXT, &page(if place < 8 { place } else { place - 8 }));
    let mut scraper = Scraper::new(untold).await;
    assert!(scraper.nth(8, Metric::ErrorRate).await.is_ok());
    assert_eq!(scraper.nth(1, Metric::ErrorRate).await, Err(Gap::Restarted));
    assert!(scraper.nth(1, Metric::ErrorRate).await.is_ok());
}

/// What the page tells and what it doesn't, and never 0 errors for want of a word.
#[tokio::test]
async fn a_status_that_is_not_told_is_a_gap_by_that_name() {
    let half = |ok: &'static str, failed: &'static str| {
        move |place: usize| {
            let text = format!("http_requests_total{{{ok}}} {}\nhttp_requests_total{{{failed}}} {}\n", place * 50, place * 50);
            Reaction::text(200, TEXT, &text)
        }
    };
    let told = async |ok, failed| {
        let mut scraper = Scraper::new(half(ok, failed)).await;
        let first = scraper.nth(1, Metric::ErrorRate).await;
        let rate = scraper.nth(7, Metric::RequestRate).await.unwrap();
        assert!((rate.value - 20.0).abs() < 1e-9, "the rate needs no status: {rate:?}");
        (first, scraper.nth(1, Metric::ErrorRate).await)
    };
    let untold = Err(Gap::StatusNotTold);
    assert_eq!(told(r#"handler="/a""#, r#"handler="/b""#).await, (untold, untold));
    assert_eq!(told(r#"status="success""#, r#"status="error""#).await, (untold, untold));
    let two = Err(Gap::StatusAmbiguous);
    assert_eq!(told(r#"code="200",status="200""#, r#"code="200",status="500""#).await, (two, two));
    let (_, right) = told(r#"code="OK",status="200""#, r#"code="E_DB",status="500""#).await;
    let right = right.unwrap();
    assert_eq!((right.value, right.requests, right.basis), (0.5, 600, Basis::Counted { failed: 300 }));
}

/// When page `place` is asked for.
fn asked(place: usize) -> i64 {
    NIGHT + 5000 * (place as i64 + 1)
}

#[tokio::test]
async fn stamps_are_read_by_media_type_and_a_page_that_stands_still_is_stale() {
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let stamped = |media: &'static str, stamp: fn(usize) -> i64| {
        move |place: usize| {
            let stamp = stamp(place);
            let text = format!(
                "http_requests_total{{code=\"200\"}} {} {stamp}\nhttp_requests_total{{code=\"500\"}} {place} {stamp}\n",
                place * 99
            );
            Reaction::text(200, media, &text)
        }
    };
    let mut seconds = Scraper::new(stamped(OPEN, |place| asked(place) / 1000)).await;
    let sample = seconds.nth(8, Metric::ErrorRate).await.unwrap();
    assert!((sample.value - 0.01).abs() < 1e-9, "{sample:?}");
    let mut millis = Scraper::new(stamped(TEXT, asked)).await;
    assert!(millis.nth(8, Metric::ErrorRate).await.is_ok());
    let mut still = Scraper::new(stamped(TEXT, |_| NIGHT)).await;
    assert_eq!(still.nth(1, Metric::ErrorRate).await, Err(Gap::TooEarly));
    assert_eq!(still.nth(2, Metric::ErrorRate).await, Err(Gap::Stale));
    assert_eq!(still.nth(9, Metric::RequestRate).await, Err(Gap::Stale));
    // Seconds where milliseconds belong are a time long ago, and not a window that fills for ever.
    let mut mistaken = Scraper::new(stamped(TEXT, |place| asked(place) / 1000)).await;
    assert_eq!(mistaken.nth(9, Metric::ErrorRate).await, Err(Gap::Stale));
}

#[tokio::test]
async fn new_paths_cost_no_window_and_each_request_counts_once() {
    let grown = |place: usize| {
        let mut text = page(place);
        for path in 0..place {
            text.push_str(&format!("http_requests_total{{code=\"500\",path=\"/items/{path}\"}} 1\n"));
        }
        Reaction::text(200, TEXT, &text)
    };
    let mut scraper = Scraper::new(grown).await;
    assert!(scraper.nth(6, Metric::ErrorRate).await.is_ok());
    for _ in 0..12 {
        let sample = scraper.nth(1, Metric::ErrorRate).await.unwrap();
        assert_eq!((sample.requests, sample.basis), (606, Basis::Counted { failed: 6 + 6 }));
    }
}

#[tokio::test]
async fn several_processes_behind_one_page_are_never_computed() {
    // Four workers that began one after the other; a scrape meets any of them.
    let met = |place: usize| [0, 2, 1, 3, 0, 3, 2, 1][place % 8];
    let told = move |place: usize| {
        let text = format!("{}process_start_time_seconds {}\n", page(1000 + place), 1000 + 2 * met(place));
        Reaction::text(200, TEXT, &text)
    };
    let mut scraper = Scraper::new(told).await;
    assert_eq!(scraper.nth(8, Metric::ErrorRate).await, Err(Gap::SeveralProcesses));
    assert_eq!(scraper.nth(8, Metric::RequestRate).await, Err(Gap::SeveralProcesses));
    // The same without a word of when they began: only the counters go back and forth.
    let untold = move |place: usize| {
        let all = 50_000 + 90 * met(place) + 30 * place;
        Reaction::text(200, TEXT, &format!("http_requests_total{{code=\"200\"}} {all}\nhttp_requests_total{{code=\"500\"}} 0\n"))
    };
    let mut scraper = Scraper::new(untold).await;
    let mut seen = Vec::new();
    for _ in 0..24 {
        seen.push(scraper.nth(1, Metric::RequestRate).await);
    }
    assert!(seen[12..].iter().all(|seen| *seen == Err(Gap::SeveralProcesses)), "{seen:?}");
    assert!(seen.iter().flatten().all(|sample| sample.value < 100.0), "{seen:?}");
}

/// Counters nearly alike grow at every look, whoever gives it; asked twice within a moment they don't.
#[tokio::test]
async fn workers_that_are_nearly_alike_are_told_apart_by_looking_twice() {
    let alike = |place: usize| {
        let all = 50_000 + [20, 0, 13, 7][place % 4] + 150 * (place / 2);
        Reaction::text(200, TEXT, &format!("http_requests_total{{status=\"200\"}} {all}\nhttp_requests_total{{status=\"500\"}} 0\n"))
    };
    let mut once = Scraper::new(move |place| alike(place * 2)).await;
    assert!(once.nth(8, Metric::RequestRate).await.is_ok(), "nobody could tell");
    let mut twice = Scraper::with(alike, |config| config.twins = 8).await;
    assert_eq!(twice.nth(1, Metric::RequestRate).await, Err(Gap::SeveralProcesses));
}

/// Ten minutes later they are still several, and still nothing is computed; workers that take over from one process are found out too.
#[tokio::test]
async fn several_processes_are_not_forgotten_while_they_answer_and_are_found_whenever_they_begin() {
    let text = |all: usize| Reaction::text(200, TEXT, &format!("http_requests_total{{status=\"200\"}} {all}\n"));
    let alike = move |place: usize| text(50_000 + [20, 0, 13, 7][place % 4] + 150 * (place / 2));
    let mut always = Scraper::with(alike, |config| config.twins = 8).await;
    for look in 0..120 {
        assert_eq!(always.nth(1, Metric::RequestRate).await, Err(Gap::SeveralProcesses), "{look}");
    }
    let later = move |place: usize| if place < 40 { text(50_000 + 75 * place) } else { alike(place) };
    let mut scraper = Scraper::with(later, |config| config.twins = 8).await;
    assert!(scraper.nth(24, Metric::RequestRate).await.is_ok(), "one process");
    let mut found = false;
    for _ in 0..30 {
        found |= scraper.nth(1, Metric::RequestRate).await == Err(Gap::SeveralProcesses);
    }
    assert!(found);
}

#[tokio::test]
async fn a_slow_interval_has_a_window_of_its_own() {
    let mut scraper = Scraper::with(
        |place| Reaction::text(200, TEXT, &page(6 * place)),
        |config| {
            config.every = Millis::from_secs(30);
            config.window = cutover::domain::metric::window(config.every);
        },
    )
    .await;
    scraper.step = 30_000;
    assert_eq!(scraper.nth(3, Metric::ErrorRate).await, Err(Gap::TooEarly));
    let sample = scraper.nth(1, Metric::ErrorRate).await.unwrap();
    assert_eq!((sample.value, sample.requests, sample.basis), (0.01, 1800, Basis::Counted { failed: 18 }));
}

#[tokio::test]
async fn figures_come_through_although_every_other_scrape_fails() {
    let flapping = |place: usize| {
        if place.is_multiple_of(2) { Reaction::text(200, TEXT, &page(place)) } else { Reaction::text(500, TEXT, "collector failed") }
    };
    let mut scraper = Scraper::new(flapping).await;
    let mut good = 0;
    for _ in 0..20 {
        if let Ok(figures) = scraper.look().await {
            good += usize::from(figures.iter().any(|(metric, measured)| *metric == Metric::ErrorRate && measured.is_ok()));
        }
    }
    assert!(good >= 6, "{good}");
}

#[tokio::test]
async fn a_quantile_above_the_top_bucket_is_at_least_its_bound() {
    let slow = |place: usize| {
        let all = place * 100;
        format!("http_request_duration_seconds_bucket{{le=\"0.5\"}} 0\nhttp_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\n")
    };
    let page = move |place: usize| Reaction::text(200, TEXT, &slow(place));
    let mut scraper = Scraper::new(page).await;
    let sample = scraper.nth(9, Metric::P95Latency).await.unwrap();
    assert_eq!((sample.value, sample.requests, sample.basis), (500.0, 600, Basis::AtLeast));
    // A trigger at 1 s could never see a breach on such a page, which is known at the first look.
    let must_tell = |limit: f64| move |config: &mut Config| config.must_tell = [(Metric::P95Latency, limit)].into();
    let mut blind = Scraper::with(page, must_tell(1000.0)).await;
    assert_eq!(blind.nth(1, Metric::P95Latency).await, Err(Gap::TopBucketLow));
    assert!(blind.nth(8, Metric::P50Latency).await.is_ok(), "what no trigger watches is told as far as it is known");
    let mut enough = Scraper::with(page, must_tell(500.0)).await;
    assert!(enough.nth(9, Metric::P95Latency).await.is_ok());
}

/// Another sensor takes over from one whose window is full, so much later.
async fn taken_over(away: i64, change: impl FnOnce(&mut Config)) -> Scraper {
    let mut scraper = Scraper::new(|place| Reaction::text(200, TEXT, &page(place))).await;
    scraper.nth(7, Metric::ErrorRate).await.expect("a full window");
    let memory = scraper.sensor.memory().expect("it has looked");
    scraper.time.fetch_add(away, Ordering::SeqCst);
    let mut config = scraper.config.clone();
    change(&mut config);
    scraper.sensor = MetricsSensor::new(config, Client::new(origin(&scraper.server), Token::None).unwrap());
    scraper.sensor.recall(&memory);
    scraper
}

#[tokio::test]
async fn a_host_that_takes_over_goes_on_with_the_window_that_was_left() {
    for away in [0, 10_000] {
        let sample = taken_over(away, |_| {}).await.nth(1, Metric::ErrorRate).await.expect("its first look is judged");
        assert!((sample.value - 0.01).abs() < 1e-9, "what was counted meanwhile is counted: {sample:?}");
    }
    // Nothing is left of a window that is over, nothing comes from the future, and what is read in another way is another's.
    for (away, window) in [(60_000, 30), (-20_000, 30), (0, 40)] {
        let mut next = taken_over(away, |config| config.window = Millis::from_secs(window)).await;
        assert_eq!(next.nth(1, Metric::ErrorRate).await, Err(Gap::TooEarly), "after {away} ms, over {window} s");
    }
    let mut scraper = Scraper::new(|place| Reaction::text(200, TEXT, &page(place))).await;
    for nonsense in ["", "{}", "null", "[1,2]"] {
        scraper.sensor.recall(nonsense);
    }
    assert!(scraper.nth(7, Metric::ErrorRate).await.is_ok());
}

#[tokio::test]
async fn a_window_says_when_it_is_full_and_is_then() {
    let mut scraper = Scraper::new(|place| Reaction::text(200, TEXT, &page(place))).await;
    let mut promised = Vec::new();
    loop {
        scraper.time.fetch_add(scraper.step, Ordering::SeqCst);
        let facts = scraper.sensor.look().await.unwrap();
        let Some(Fact::Filling { full_at, .. }) = facts.get(1) else { break };
        promised.push(*full_at);
    }
    let now = Timestamp(scraper.time.load(Ordering::SeqCst));
    assert_eq!((promised.len(), promised.iter().all(|at| *at == now)), (5, true), "{promised:?} and it is {now:?}");
}

const OTHERS: &str = "jvm_gc_collection_seconds_count{gc=\"G1 Young Generation\",pool=\"eden\"} 4071\n";

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// Each piece is a chunk and a packet of its own.
fn in_pieces(body: &[u8], size: usize, encoding: &str) -> Reaction {
    let headers = vec![("content-type", TEXT.to_owned()), ("content-encoding", encoding.to_owned())];
    Reaction::Pieces { headers, pieces: body.chunks(size).map(<[u8]>::to_vec).collect() }
}

async fn first(reaction: Reaction) -> Result<Measured, Fault> {
    let mut scraper = Scraper::new(move |_| reaction.clone()).await;
    Ok(scraper.look().await?.into_iter().find(|(metric, _)| *metric == Metric::RequestRate).unwrap().1)
}

/// Lines end anywhere, in CR LF or not at all, and so do characters and what is packed: the figure is the same.
#[tokio::test]
async fn a_page_is_read_the_same_wherever_it_is_cut_and_however_it_is_sent() {
    let text = |place: usize| {
        let lines = format!("http_requests_total{{code=\"200\",path=\"/straße/日本\"}} {}\ngo_x{{y=\"é\"}} 4\n", place * 100);
        format!("{lines}http_requests_total{{code=\"500\",path=\"/\"}} {}", place * 50)
    };
    for size in [1, 2, 7, 1000] {
        for encoding in ["identity", "gzip"] {
            let page = move |place: usize| {
                let text = text(place).replace('\n', "\r\n");
                let body = if encoding == "gzip" { packed(text.as_bytes()) } else { text.into_bytes() };
                in_pieces(&body, size, encoding)
            };
            let mut scraper = Scraper::new(page).await;
            let sample = scraper.nth(7, Metric::ErrorRate).await.unwrap();
            assert!((sample.value - 1.0 / 3.0).abs() < 1e-9, "{encoding} in pieces of {size}: {sample:?}");
            assert_eq!(sample.requests, 900, "{encoding} in pieces of {size}");
            assert_eq!(scraper.server.asked()[0].header("accept-encoding"), Some("gzip"));
        }
    }
}

#[tokio::test]
async fn other_peoples_families_may_be_long_and_cost_no_figure() {
    let long = OTHERS.repeat((40 << 20) / OTHERS.len());
    let text = move |place: usize| format!("{long}http_requests_total{{code=\"200\"}} {}\n", place * 100);
    let plain = text.clone();
    let mut scraper =
        Scraper::with(move |place| Reaction::text(200, TEXT, &plain(place)), |config| config.window = Millis::from_secs(10)).await;
    assert_eq!(scraper.nth(3, Metric::RequestRate).await.unwrap().value, 20.0);
    let body = packed(text(1).as_bytes());
    assert!(body.len() < 1 << 20);
    assert_eq!(first(in_pieces(&body, 100_000, "gzip")).await, Ok(Err(Gap::TooEarly)));
}

#[tokio::test]
async fn a_page_beyond_a_limit_is_a_gap_by_that_name_and_the_rest_of_it_is_not_read() {
    // It goes on for ever, in one line or in many; it goes on for ever when it is unpacked.
    assert_eq!(first(Reaction::Flood { mebibytes: 1 << 20 }).await, Ok(Err(Gap::PageTooLong)));
    let ours = "http_requests_total{code=\"200\"} 4\n";
    let endless = format!("{ours}{}", OTHERS.repeat((65 << 20) / OTHERS.len()));
    assert_eq!(first(Reaction::text(200, TEXT, &endless)).await, Ok(Err(Gap::PageTooLong)));
    let member = packed(OTHERS.repeat((1 << 20) / OTHERS.len()).as_bytes());
    let bomb = [packed(ours.as_bytes()), member.repeat(1000)].concat();
    assert!(bomb.len() < 8 << 20);
    assert_eq!(first(in_pieces(&bomb, 1 << 20, "gzip")).await, Ok(Err(Gap::PageTooLong)));
    let line = format!("{OTHERS}http_requests_total{{code=\"200\",path=\"{}\"}} 4\n", "x".repeat(17 << 10));
    assert_eq!(first(Reaction::text(200, TEXT, &line)).await, Ok(Err(Gap::LineTooLong)));
    let series =
        |count: usize| (0..count).map(|path| format!("http_requests_total{{code=\"200\",path=\"/{path}\"}} 4\n")).collect::<String>();
    assert_eq!(first(Reaction::text(200, TEXT, &series(20_001))).await, Ok(Err(Gap::TooManySeries)));
    assert_eq!(first(Reaction::text(200, TEXT, &series(20_000))).await, Ok(Err(Gap::TooEarly)));
}

/// Names that are others with each look fill no memory, whichever families they are of by turns.
#[tokio::test]
async fn names_that_change_with_each_look_are_forgotten_and_said() {
    let series = |family: &str, from: usize| {
        let one = |path: usize| format!("{family}{{code=\"200\",path=\"/{path}\"}} 4\n");
        (from..from + 15_000).map(one).collect::<String>()
    };
    for families in [["http_requests_total"; 2], ["http_requests_total", "http_connections_dropped_total"]] {
        let page = move |place: usize| Reaction::text(200, TEXT, &series(families[place % 2], place * 15_000));
        let mut scraper = Scraper::with(page, |config| config.window = Millis::from_secs(60)).await;
        let mut gaps = Vec::new();
        for _ in 0..6 {
            gaps.push(scraper.nth(1, Metric::RequestRate).await == Err(Gap::TooManySeries));
        }
        assert_eq!(gaps, [false, false, true, false, false, true], "{families:?}");
    }
}

/// A page of which the end is missing is none, whatever had come by then.
#[tokio::test]
async fn what_is_cut_short_or_packed_otherwise_is_no_page() {
    let ours = packed(b"http_requests_total{code=\"200\"} 4\n");
    for cut in [0, 5, 12, ours.len() - 1] {
        assert_eq!(first(in_pieces(&ours[..cut], 4, "gzip")).await, Ok(Err(Gap::Unreadable)), "after {cut} bytes");
    }
    let mut damaged = ours.clone();
    let sum = damaged.len() - 6;
    damaged[sum] ^= 1;
    assert_eq!(first(in_pieces(&damaged, 100, "gzip")).await, Ok(Err(Gap::Unreadable)), "its sum is wrong");
    let two = [ours.clone(), b"no member".to_vec()].concat();
    assert_eq!(first(in_pieces(&two, 100, "gzip")).await, Ok(Err(Gap::Unreadable)));
    assert_eq!(first(in_pieces(&ours, 100, "identity")).await, Ok(Err(Gap::Unreadable)), "it does not say that it is packed");
    let fault = first(in_pieces(&ours, 100, "br")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreadable);
    assert!(fault.message.as_str().ends_with("answered with a page packed as br, where gzip was asked for"), "{}", fault.message);
    assert_eq!(first(Reaction::CutShort).await.unwrap_err().kind, FaultKind::Unreadable, "it is JSON");
}

#[tokio::test]
async fn a_page_that_drips_ends_at_the_deadline() {
    assert_eq!(first(Reaction::Drip).await.unwrap_err().kind, FaultKind::TimedOut);
}
