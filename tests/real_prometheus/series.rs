//! Pages as a process shows them over some minutes: what is looked at each five seconds, and how it goes wrong.

use std::collections::BTreeMap;

/// Seconds between two scrapes, and between two evaluations.
pub(crate) const EVERY_S: usize = 5;
/// All is well until then, so that every window is full.
pub(crate) const WELL: usize = 12;
const REQUESTS: f64 = 250.0;

/// One look at a target: its samples by their series, or that it gave none.
pub(crate) type Scrape = Option<BTreeMap<String, f64>>;

/// What a series is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Errors,
    Latency,
}

pub(crate) struct Case {
    pub name: &'static str,
    pub about: About,
    /// In the order of their targets; each is scraped at every moment.
    pub targets: Vec<Vec<Scrape>>,
    /// How we differ from Prometheus, if we do, and why that is better.
    pub better: Option<(Better, &'static str)>,
}

/// How what we do differs from what an alert does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    /// It fires, and we did before.
    Sooner,
    /// It fires on what proves nothing; we don't.
    Unproven,
    /// It stays silent for want of a figure; we say that we are blind, and go home for that.
    Blind,
}

/// Counters of a process that lives for so many scrapes.
#[derive(Debug, Clone, Default)]
struct Process {
    fine: f64,
    failed: f64,
    began: f64,
    buckets: BTreeMap<String, f64>,
}

impl Process {
    fn count(&mut self, all: f64, failed: f64) {
        self.fine += all - failed;
        self.failed += failed;
    }
    fn page(&self) -> BTreeMap<String, f64> {
        let mut page = BTreeMap::from([
            ("http_requests_total{code=\"200\"}".to_owned(), self.fine),
            ("http_requests_total{code=\"500\"}".to_owned(), self.failed),
            ("process_start_time_seconds".to_owned(), self.began),
        ]);
        for (bound, count) in &self.buckets {
            page.insert(format!("http_request_duration_seconds_bucket{{le=\"{bound}\"}}"), *count);
        }
        page
    }
}

/// A process that begins to fail so: how many of its requests at each scrape.
fn failing(scrapes: usize, failed: impl Fn(usize) -> f64) -> Vec<Scrape> {
    let mut process = Process { fine: 50_000.0, failed: 4_000.0, began: -3_600.0, ..Process::default() };
    (0..scrapes)
        .map(|scrape| {
            process.count(REQUESTS, if scrape < WELL { 0.0 } else { failed(scrape) });
            Some(process.page())
        })
        .collect()
}

const SCRAPES: usize = 130;
/// Errors of 8 %.
const MANY: f64 = 20.0;

fn with(mut scrapes: Vec<Scrape>, which: impl Fn(usize) -> bool, change: impl Fn(&mut Scrape)) -> Vec<Scrape> {
    scrapes.iter_mut().enumerate().filter(|(scrape, _)| which(*scrape)).for_each(|(_, scrape)| change(scrape));
    scrapes
}

/// It begins anew, with counters at zero, whenever this says so.
fn restarting(begins: impl Fn(usize) -> bool) -> Vec<Scrape> {
    let mut process = Process { fine: 50_000.0, failed: 4_000.0, began: -3_600.0, ..Process::default() };
    (0..SCRAPES)
        .map(|scrape| {
            if begins(scrape) {
                process = Process { began: (scrape * EVERY_S) as f64 - 4.0, ..Process::default() };
            }
            process.count(REQUESTS, if scrape < WELL { 0.0 } else { MANY });
            Some(process.page())
        })
        .collect()
}

/// Failures are told by a series that wasn't there before.
fn new_label() -> Vec<Scrape> {
    let mut scrapes = failing(SCRAPES, |_| 0.0);
    for (scrape, page) in scrapes.iter_mut().enumerate().skip(WELL) {
        let grown = MANY * (scrape - WELL + 1) as f64;
        page.iter_mut().for_each(|page| page.extend([("http_requests_total{code=\"500\",path=\"/new\"}".to_owned(), grown)]));
    }
    scrapes
}

/// Two processes behind one address, which answer in turn; no request of either fails.
fn by_turns() -> Vec<Scrape> {
    let mut processes = [
        Process { fine: 90_000.0, failed: 30_000.0, began: -7_200.0, ..Process::default() },
        Process { fine: 20_000.0, failed: 0.0, began: -3_600.0, ..Process::default() },
    ];
    (0..SCRAPES)
        .map(|scrape| {
            processes.iter_mut().for_each(|process| process.count(REQUESTS / 2.0, 0.0));
            // From the moment on at which the second one is there.
            let which = if scrape < WELL { 0 } else { scrape % 2 };
            Some(processes[which].page())
        })
        .collect()
}

/// Requests that take so long from then on; the highest bound is the last.
fn slow(bounds: &[f64], seconds: f64) -> Vec<Scrape> {
    let mut process = Process { began: -3_600.0, fine: 50_000.0, failed: 0.0, ..Process::default() };
    (0..220)
        .map(|scrape| {
            process.count(REQUESTS, 0.0);
            let take = if scrape < WELL { 0.08 } else { seconds };
            for bound in bounds {
                *process.buckets.entry(bound.to_string()).or_default() += if take <= *bound { REQUESTS } else { 0.0 };
            }
            *process.buckets.entry("+Inf".to_owned()).or_default() += REQUESTS;
            Some(process.page())
        })
        .collect()
}

fn few(failed: impl Fn(usize) -> f64) -> Vec<Scrape> {
    let mut process = Process { fine: 50_000.0, failed: 4_000.0, began: -3_600.0, ..Process::default() };
    (0..SCRAPES)
        .map(|scrape| {
            let (all, failed) = if scrape < WELL { (REQUESTS, 0.0) } else { (2.0, failed(scrape)) };
            process.count(all, failed);
            Some(process.page())
        })
        .collect()
}

fn case(name: &'static str, about: About, target: Vec<Scrape>) -> Case {
    Case { name, about, targets: vec![target], better: None }
}

impl Case {
    fn better(self, how: Better, because: &'static str) -> Case {
        Case { better: Some((how, because)), ..self }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    use About::{Errors, Latency};
    let many = || failing(SCRAPES, |_| MANY);
    let nothing = |scrape: &mut Scrape| *scrape = None;
    let not_a_number = |scrape: &mut Scrape| scrape.iter_mut().flat_map(BTreeMap::values_mut).for_each(|value| *value = f64::NAN);
    let bounds = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    vec![
        case("8 % errors", Errors, many()),
        case("just under: 4.8 %", Errors, failing(SCRAPES, |_| 12.0)),
        case("exactly at: 5 %", Errors, failing(SCRAPES, |scrape| if scrape % 2 == 0 { 12.0 } else { 13.0 })),
        case("flapping: a minute 8 %, a minute none", Errors, failing(SCRAPES, |scrape| if (scrape / 12) % 2 == 1 { MANY } else { 0.0 })),
        case("two scrapes fail meanwhile", Errors, with(many(), |scrape| (24..26).contains(&scrape), nothing)),
        case("nine scrapes fail meanwhile", Errors, with(many(), |scrape| (24..33).contains(&scrape), nothing))
            .better(Better::Sooner, "no figure is no proof that it is over: only one in order ends a breach"),
        case("NaN for two scrapes", Errors, with(many(), |scrape| (24..26).contains(&scrape), not_a_number))
            .better(Better::Sooner, "as above; for Prometheus it is over as long as a NaN is in the window"),
        case("the counters begin at zero once", Errors, restarting(|scrape| scrape == 24)),
        case("a crash loop of 20 s", Errors, restarting(|scrape| scrape >= WELL && scrape % 4 == 0)),
        case("failures in a series that is new", Errors, new_label()),
        Case {
            name: "two instances, one with 16 %",
            about: Errors,
            targets: vec![failing(SCRAPES, |_| 0.0), failing(SCRAPES, |_| 2.0 * MANY)],
            better: None,
        },
        case("two processes behind one address, no errors", Errors, by_turns())
            .better(Better::Unproven, "each change of process reads like a reset; of a page it is known that several show it"),
        case("a burst of 60 % for a minute", Errors, failing(SCRAPES, |scrape| if scrape < WELL + 12 { 150.0 } else { 0.0 })),
        case("two requests a scrape, and all fail", Errors, few(|_| 2.0)),
        case("one of twelve requests fails", Errors, few(|scrape| if scrape % 6 == 0 { 1.0 } else { 0.0 }))
            .better(Better::Unproven, "one failure of twelve requests is chance as likely as not"),
        case("p95 of 1.5 s", Latency, slow(&bounds, 1.5)),
        case("beyond the top bucket of 10 s", Latency, slow(&bounds, 30.0)),
        case("beyond a top bucket of 0.5 s", Latency, slow(&bounds[..4], 30.0))
            .better(Better::Blind, "no quantile is told beyond the highest bucket, and the limit is a second; check says so before"),
    ]
}
