//! The arithmetic against what Prometheus' documents, and the program itself, make of the same samples.

use super::{
    balancer,
    evaluate::{Store, Value},
    query::{Refusal, read},
};
use crate::sim::world::{
    Leg, World,
    balanced::{BOUNDS, Balanced, Counts, Latencies, Minute, Requests},
    load_balancer::Kind,
    meter::Code,
    propagation::Span,
    scrapes::{Exposed, Sample, Scrape},
};

/// A series' labels beside its name.
type Own<'a> = &'a [(&'a str, &'a str)];

/// A scrape of these samples, `name{label}` and value, at so many seconds.
fn scrape(at_s: i64, samples: &[(&str, Own<'_>, f64)]) -> Scrape {
    let world = World::new(0, 1, Span::default());
    let exposed = Exposed { at_ms: at_s * 1000, ..world.exposed(Leg::Gke, 0) };
    let sample = |(name, labels, value): &(&str, Own<'_>, f64)| {
        let own = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
        Sample { labels: own.chain([("__name__".to_owned(), (*name).to_owned())]).collect(), at_ms: at_s * 1000, value: *value }
    };
    let samples = samples.iter().map(sample).collect::<Vec<_>>();
    Scrape { exposed, samples: samples.into() }
}

fn known(scrape: &Scrape) -> &[Sample] {
    scrape.samples.get().map_or(&[], Vec::as_slice)
}

fn ask(scrapes: &[Scrape], at_s: i64, query: &str) -> Result<Value, Refusal> {
    Store { scrapes: scrapes.iter().collect(), read: known, minutes: Vec::new() }.evaluate(&read(query)?, at_s * 1000)
}

/// The one number of an answer.
fn one(scrapes: &[Scrape], at_s: i64, query: &str) -> Option<f64> {
    match ask(scrapes, at_s, query).unwrap() {
        Value::Scalar(value) => Some(value),
        Value::Vector(series) if series.is_empty() => None,
        Value::Vector(series) => {
            assert_eq!(series.len(), 1, "{series:?}");
            Some(series[0].1)
        }
    }
}

fn steady() -> Vec<Scrape> {
    (0..10)
        .map(|n| scrape(15 * n, &[("a_total", &[("code", "200")], 150.0 * n as f64), ("a_total", &[("code", "503")], 3.0 * n as f64)]))
        .collect()
}

#[test]
fn growth_is_extrapolated_to_the_ends_of_the_range() {
    // Samples at 90, 105, 120 and 135 s of the range from 75 s to 135 s: 45 s of growth, and the 15 s before them.
    assert_eq!(one(&steady(), 135, "sum(increase(a_total[1m]))"), Some(612.0));
    assert_eq!(one(&steady(), 135, "sum(rate(a_total{code=~\"5..\"}[1m]))"), Some(0.2));
    // A counter that was zero at its first sample was not counted before.
    assert_eq!(one(&steady()[..3], 30, "increase(a_total{code=\"200\"}[1m])"), Some(300.0));
    assert_eq!(one(&steady(), 135, "increase(a_total{code=\"200\"}[14s])"), None, "one sample has no growth");
}

#[test]
fn a_counter_that_falls_counts_on_from_zero() {
    let crashed: Vec<Scrape> =
        [100.0, 200.0, 50.0, 150.0].iter().zip(0..).map(|(value, n)| scrape(15 * n, &[("a", &[], *value)])).collect();
    assert_eq!(one(&crashed, 45, "increase(a[45s])"), Some(225.0), "150 within 30 s, and as fast in the 15 s before");
}

#[test]
fn what_is_not_there_is_nothing_and_a_series_that_went_is_stale() {
    assert_eq!(one(&steady(), 135, "sum(increase(b_total[1m]))"), None);
    assert_eq!(one(&steady(), 135, "sum(increase(b_total[1m])) or vector(0)"), Some(0.0));
    assert_eq!(one(&steady(), 135, "max(timestamp(a_total))"), Some(135.0));
    let mut gone = steady();
    gone.push(scrape(150, &[]));
    assert_eq!(one(&gone, 151, "max(timestamp(a_total))"), None);
    assert_eq!(one(&steady(), 500, "max(timestamp(a_total))"), None, "five minutes is as far as an instant looks back");
}

#[test]
fn quantiles_lie_between_the_bounds_of_their_bucket() {
    let buckets = |n: f64| {
        let of = |bound: &'static [(&'static str, &'static str)], below: f64| ("h_bucket", bound, below * n);
        scrape(15 * n as i64, &[of(&[("le", "0.1")], 50.0), of(&[("le", "0.5")], 90.0), of(&[("le", "+Inf")], 100.0)])
    };
    let scrapes: Vec<Scrape> = [0.0, 1.0, 2.0, 3.0, 4.0].map(buckets).into();
    let quantile = |q: &str| one(&scrapes, 60, &format!("histogram_quantile({q}, sum by (le) (rate(h_bucket[1m])))")).unwrap();
    assert!((quantile("0.5") - 0.1).abs() < 1e-9 && (quantile("0.7") - 0.3).abs() < 1e-9);
    assert_eq!(quantile("0.99"), 0.5, "never beyond the highest bound");
}

#[test]
fn shares_are_divided_by_their_labels() {
    assert_eq!(one(&steady(), 135, "sum(increase(a_total{code!=\"200\"}[1m])) / sum(increase(a_total[1m]))"), Some(12.0 / 612.0));
    assert_eq!(one(&steady(), 135, "sum(rate(a_total{code=~\"2..|3..\"}[1m])) * 60"), Some(600.0));
}

#[test]
fn what_is_no_query_or_not_offered_is_refused_and_never_empty() {
    for query in ["", "sum(", "a{b=c}", "a[1m]", "a[0s]", "a b", "{}", "rate(a)"] {
        assert!(matches!(ask(&[], 0, query), Err(Refusal::Parse { .. })), "{query}");
    }
    for query in ["deriv(a[1m])", "a offset 5m", "a == 1", "a and b", "rate(a[5m:1m])", "a{b=~\"[45]..\"}", "sum without (x) (a)"] {
        assert!(matches!(ask(&[], 0, query), Err(Refusal::NotOffered(_))), "{query}");
    }
}

/// A minute with so many answers of each kind through the load balancer: what the client got, what the backend said, how often.
fn minute(end_min: i64, requests: &[(Code, Option<Code>, u64)]) -> Minute {
    let of = |(code, said, count): &(Code, Option<Code>, u64)| Requests { answered: Some(*code), said: *said, count: *count };
    let requests = requests.iter().map(of).collect();
    let mut latencies = Latencies { buckets: [0; BOUNDS + 1], sum_ms: 30_000.0 };
    // Between 1.4¹² = 56.7 and 1.4¹³ = 79.4 ms.
    latencies.buckets[13] = 600;
    let of = Balanced { service: "frontend", leg: Leg::Gke };
    Minute { end_ms: end_min * 60_000, counts: vec![Counts { of, requests, latencies: vec![(Code::Fine, latencies)] }] }
}

#[test]
fn what_the_load_balancer_counts_is_summed_by_the_minute_and_one_minute_alone_counts_whole() {
    let fine = (Code::Fine, Some(Code::Fine), 600);
    let mut minutes: Vec<Minute> = (1..=5).map(|end| minute(end, &[fine])).collect();
    minutes[3] = minute(4, &[(Code::Fine, Some(Code::Fine), 594), (Code::Broken, Some(Code::Broken), 4), (Code::BadGateway, None, 2)]);
    let ask = |at_s: i64, query: &str| {
        let minutes = minutes.iter().map(|minute| balancer::counted(Kind::GlobalExternal, minute)).collect();
        let store = Store { scrapes: Vec::new(), read: known, minutes };
        let query = query.replace("LB", "loadbalancing_googleapis_com:https");
        match store.evaluate(&read(&query).unwrap(), at_s * 1000).unwrap() {
            Value::Vector(series) if series.len() <= 1 => series.first().map(|(_, value)| *value),
            other => panic!("{other:?}"),
        }
    };
    let of = "monitored_resource=\"https_lb_rule\",backend_target_name=\"frontend-gke\",cache_result!=\"HIT\"";
    assert_eq!(ask(300, &format!("sum(increase(LB_request_count{{{of}}}[4m]))")), Some(2400.0));
    let failed = |of: &str| format!("sum(increase(LB_{of}{{response_code_class=\"500\"}}[4m]))");
    assert_eq!(ask(300, &failed("request_count")), Some(6.0), "their only points count whole, the balancer's own answers among them");
    assert_eq!(ask(300, &failed("backend_request_count")), Some(4.0));
    assert_eq!(ask(300, "sum(increase(LB_backend_request_count{response_code_class=\"0\"}[4m]))"), Some(2.0));
    assert_eq!(ask(300, "sum(rate(LB_request_count[2m]))"), Some(10.0));
    assert_eq!(ask(330, "sum(increase(LB_request_count[1m]))"), Some(300.0), "half of the last minute lies in the range");
    assert_eq!(ask(300, "sum(increase(LB_request_count{backend_target_name=\"frontend-run\"}[4m]))"), None, "nobody asked it");
    let median = ask(300, "histogram_quantile(0.5, sum by (le) (rate(LB_backend_latencies_bucket[4m])))").unwrap();
    assert!((median - (1.4_f64.powi(12) + 1.4_f64.powi(13)) / 2.0).abs() < 1e-6, "milliseconds: {median}");
    assert_eq!(ask(330, "max(timestamp(LB_backend_latencies_count{url_map_name=\"hexproperty-lb\"}))"), Some(300.0));
    assert_eq!(ask(330, "max(timestamp(LB_request_count{response_code=\"502\"}))"), Some(240.0), "nothing is stale before five minutes");
    assert_eq!(ask(600, "max(timestamp(LB_request_count))"), None);
}
