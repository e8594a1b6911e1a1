//! A leg's page as Prometheus reads it: each line a sample, with the labels of the target beside its own.

use std::collections::BTreeMap;

use crate::sim::{
    faults::Damage,
    server::{metrics, shape::Shape},
    world::scrapes::{Sample, Scrape},
};

/// What a scrape has brought. Of a page that fails nothing comes but that it is down.
pub(super) fn samples(scrape: &Scrape) -> &[Sample] {
    scrape.samples.get_or_init(|| {
        let exposed = &scrape.exposed;
        let (text, up) = if Shape::of(exposed.damage).is_scraped { (metrics::text(exposed), 1.0) } else { (String::new(), 0.0) };
        let stamp_ms = if exposed.damage == Damage::Seconds { 1000 } else { 1 };
        let job = format!("frontend-{}", exposed.leg.label());
        let mut found: Vec<Sample> = text.lines().filter_map(|line| sample(line, exposed.at_ms, stamp_ms)).collect();
        let labels = [("__name__".to_owned(), "up".to_owned())].into();
        found.push(Sample { labels, at_ms: exposed.at_ms, value: up });
        for sample in &mut found {
            sample.labels.insert("job".to_owned(), job.clone());
            sample.labels.insert("instance".to_owned(), format!("{job}:8080"));
        }
        found
    })
}

/// `name{label="value",…} value [stamp]`, as the pages of this world write it: no label holds a quote or a comma.
fn sample(line: &str, at_ms: i64, stamp_ms: i64) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (series, rest) = match line.split_once('}') {
        Some((series, rest)) => (series, rest),
        None => line.split_once(' ')?,
    };
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let mut labels: BTreeMap<String, String> = pairs.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned())).collect();
    labels.insert("__name__".to_owned(), name.to_owned());
    let mut words = rest.split_whitespace();
    let value = words.next()?.parse().ok()?;
    let stamp = words.next().and_then(|stamp| stamp.parse::<i64>().ok());
    Some(Sample { labels, at_ms: stamp.map_or(at_ms, |stamp| stamp.saturating_mul(stamp_ms)), value })
}
