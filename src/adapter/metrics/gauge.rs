//! Gauges that a plan declares: what they come to over the series of one page, or over the pages of all pods.
//!
//! A gauge is what it is at the moment of the look: it has no window, and nothing is remembered of it. Of a backend whose pods were not all
//! read it says nothing, since the one that is missing may be the one that is full.

use std::collections::BTreeMap;

use super::{
    exposition::{Counters, Page},
    line::{LabelSet, Labels},
};
use crate::domain::{
    metric::{Gap, Measured, Metric, Sample},
    series::Over,
    time::Timestamp,
};

/// A family of gauges, and what its series come to together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    /// What it tells.
    pub metric: Metric,
    pub family: String,
    /// Series without these labels and values are left out.
    pub labels: Vec<(String, String)>,
    pub over: Over,
}

impl Gauge {
    /// Whether a series of the family is one that counts.
    pub(super) fn counts(&self, labels: &LabelSet) -> bool {
        self.labels.iter().all(|(name, value)| labels.get(name).as_deref() == Some(value.as_str()))
    }

    fn told<'a>(&self, pages: impl Iterator<Item = &'a Counters<Labels>>, at: Timestamp) -> Measured {
        let mut values = Vec::new();
        for page in pages {
            values.extend(page.as_ref().map_err(|gap| *gap)?.values().copied());
        }
        let value = self.over.of(&values).ok_or(Gap::Missing)?;
        self.metric.unit().figure(value).map(|value| Sample::exact(value, 0, at))
    }
}

/// What one page tells.
pub(super) fn of_page(gauges: &[Gauge], page: &Page, at: Timestamp) -> Vec<(Metric, Measured)> {
    gauges.iter().zip(&page.gauges).map(|(gauge, values)| (gauge.metric, gauge.told(std::iter::once(values), at))).collect()
}

/// What the pages of `of` pods tell.
pub(super) fn of_pods(gauges: &[Gauge], pages: &BTreeMap<String, Page>, of: usize, at: Timestamp) -> Vec<(Metric, Measured)> {
    let told = |(place, gauge): (usize, &Gauge)| {
        let each = pages.values().filter_map(|page| page.gauges.get(place));
        (gauge.metric, if pages.len() < of { Err(Gap::Partial) } else { gauge.told(each, at) })
    };
    gauges.iter().enumerate().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapter::metrics::{Families, exposition::Format, intake},
        domain::{
            metric::Unit,
            series::{Bad, Series},
        },
    };

    const AT: Timestamp = Timestamp(0);

    fn gauge(family: &str, over: Over) -> Gauge {
        let metric = Metric::Declared(Series::new("in-flight", Unit::Count, Bad::Above).unwrap());
        Gauge { metric, family: family.to_owned(), labels: Vec::new(), over }
    }

    fn page(gauges: &[Gauge], text: &str) -> Page {
        let families = Families { gauges: gauges.to_vec(), ..Families::default() };
        intake::whole(text.as_bytes(), Format::Text, &families).unwrap()
    }

    #[test]
    fn the_series_of_a_gauge_come_to_one_figure_by_the_plans_word() {
        let text = "in_flight{pool=\"a\"} 3\nin_flight{pool=\"b\"} 5\nin_flight_max 9\nin_flight{pool=\"c\"} 1\n";
        for (over, figure) in [(Over::Sum, 9.0), (Over::Max, 5.0), (Over::Min, 1.0), (Over::Mean, 3.0)] {
            let gauges = [gauge("in_flight", over)];
            assert_eq!(of_page(&gauges, &page(&gauges, text), AT)[0].1, Ok(Sample::exact(figure, 0, AT)), "{over:?}");
        }
        let one = [Gauge { labels: vec![("pool".to_owned(), "b".to_owned())], ..gauge("in_flight", Over::Sum) }];
        assert_eq!(of_page(&one, &page(&one, text), AT)[0].1, Ok(Sample::exact(5.0, 0, AT)));
    }

    #[test]
    fn what_a_page_does_not_tell_is_a_gap_and_never_a_zero() {
        let gauges = [gauge("in_flight", Over::Sum)];
        let told = |text: &str| of_page(&gauges, &page(&gauges, text), AT)[0].1;
        assert_eq!(told("http_requests_total{code=\"200\"} 5\n"), Err(Gap::Missing));
        assert_eq!(told("in_flight NaN\n"), Err(Gap::NotANumber));
        assert_eq!(told("in_flight{a=\"1\"} 2\nin_flight{a=\"2\"} -1\n"), Err(Gap::Unreadable));
        assert_eq!(told("in_flight 0\n"), Ok(Sample::exact(0.0, 0, AT)));
        assert_eq!(told("in_flight 1e300\n"), Err(Gap::Unreadable), "nobody holds so many requests");
        assert_eq!(told("in_flight{a=\"1\"} 1e308\nin_flight{a=\"2\"} 1e308\n"), Err(Gap::Infinite));
    }

    #[test]
    fn a_figure_that_its_unit_can_not_have_is_a_gap() {
        let told = |unit: Unit, text: &str| {
            let metric = Metric::Declared(Series::new("in-flight", unit, Bad::Above).unwrap());
            let gauges = [Gauge { metric, ..gauge("in_flight", Over::Max) }];
            of_page(&gauges, &page(&gauges, text), AT)[0].1.map(|sample| sample.value)
        };
        assert_eq!(told(Unit::Fraction, "in_flight 1.3\n"), Ok(1.3), "a pool may be more than full");
        assert_eq!(told(Unit::Fraction, "in_flight 1e300\n"), Err(Gap::Unreadable));
        assert_eq!(told(Unit::Seconds, "in_flight 1.7959e9\n"), Err(Gap::Unreadable), "that is a time of day and no age");
        assert_eq!(told(Unit::Bytes, "in_flight 1.5e12\n"), Ok(1.5e12));
    }

    #[test]
    fn a_figure_of_pods_is_one_of_all_of_them_or_none() {
        let gauges = [gauge("in_flight", Over::Sum)];
        let pages = |texts: &[&str]| {
            texts.iter().enumerate().map(|(place, text)| (place.to_string(), page(&gauges, text))).collect::<BTreeMap<_, _>>()
        };
        let two = pages(&["in_flight 3\n", "in_flight 4\n"]);
        assert_eq!(of_pods(&gauges, &two, 2, AT)[0].1, Ok(Sample::exact(7.0, 0, AT)));
        assert_eq!(of_pods(&gauges, &two, 3, AT)[0].1, Err(Gap::Partial));
        assert_eq!(of_pods(&gauges, &pages(&["in_flight 3\n", "x 1\n"]), 2, AT)[0].1, Err(Gap::Missing));
    }
}
