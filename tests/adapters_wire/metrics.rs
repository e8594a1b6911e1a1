//! The scraper when a page lies, breaks or is not a page.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
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
        metric::{Gap, Measured, Metric},
        time::{Millis, Timestamp},
    },
    port::Sensor,
};

use super::{
    NIGHT, id, origin,
    server::{Deed, Server},
};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Scrapes the script's pages one after the other, five seconds of source time apart.
struct Scraper {
    _server: Server,
    sensor: MetricsSensor,
    time: Arc<AtomicI64>,
}

impl Scraper {
    async fn new(script: impl Fn(usize) -> Deed + Send + Sync + 'static) -> Scraper {
        let server = Server::start(move |_, place| script(place)).await;
        let time = Arc::new(AtomicI64::new(NIGHT));
        let clock = time.clone();
        let now: Now = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        let (_, url) = Origin::split(&server.url("/metrics"), Reach::Loopback).unwrap();
        let config = Config::new("scrape/gke".parse().unwrap(), id("gke"), url, Millis::from_secs(5), now);
        let sensor = MetricsSensor::new(config, Client::new(origin(&server), Token::None).unwrap());
        Scraper { _server: server, sensor, time }
    }

    async fn look(&mut self) -> Result<Vec<(Metric, Measured)>, Fault> {
        self.time.fetch_add(5000, Ordering::SeqCst);
        let facts = self.sensor.look().await?;
        let [Fact::Measured { values, .. }] = facts.as_slice() else { panic!("{facts:?}") };
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
    let mut scraper = Scraper::new(|place| Deed::text(200, TEXT, &page(place))).await;
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
    let mut scraper = Scraper::new(|_| Deed::text(200, "text/html", "<html>sign in</html>")).await;
    assert_eq!(scraper.look().await.unwrap_err().kind, FaultKind::Unreadable);
    let mut scraper = Scraper::new(|_| Deed::text(200, TEXT, "")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::Missing));
    let mut scraper = Scraper::new(|_| Deed::text(200, TEXT, "http_requests_total{code=\"200")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::Unreadable));
    let mut scraper = Scraper::new(|_| Deed::text(200, TEXT, "http_requests_total{code=\"200\"} NaN\n")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::NotANumber));
}

#[tokio::test]
async fn a_backend_without_requests_has_no_error_rate() {
    let mut scraper = Scraper::new(|_| Deed::text(200, TEXT, "http_requests_total{code=\"200\"} 5\n")).await;
    assert_eq!(scraper.nth(9, Metric::ErrorRate).await, Err(Gap::LowVolume));
}

#[tokio::test]
async fn a_restart_is_a_gap_until_a_window_has_passed() {
    let mut scraper = Scraper::new(|place| Deed::text(200, TEXT, &page(if place < 8 { place } else { place - 8 }))).await;
    assert!(scraper.nth(8, Metric::ErrorRate).await.is_ok());
    for _ in 0..5 {
        assert_eq!(scraper.nth(1, Metric::ErrorRate).await, Err(Gap::Restarted));
    }
    assert!(scraper.nth(1, Metric::ErrorRate).await.is_ok());
}

#[tokio::test]
async fn figures_come_through_although_every_other_scrape_fails() {
    let flapping = |place: usize| {
        if place.is_multiple_of(2) { Deed::text(200, TEXT, &page(place)) } else { Deed::text(500, TEXT, "collector failed") }
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
async fn a_quantile_above_the_top_bucket_is_capped() {
    let slow = |place: usize| {
        format!(
            "http_request_duration_seconds_bucket{{le=\"0.5\"}} 0\nhttp_request_duration_seconds_bucket{{le=\"+Inf\"}} {}\n",
            place * 100
        )
    };
    let mut scraper = Scraper::new(move |place| Deed::text(200, TEXT, &slow(place))).await;
    assert_eq!(scraper.nth(9, Metric::P95Latency).await, Err(Gap::Capped));
}
