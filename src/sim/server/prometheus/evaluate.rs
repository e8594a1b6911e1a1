//! What a query comes to at one moment, by the arithmetic that Prometheus documents.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::query::{Aggregation, Comparison, Expr, Function, Matcher, Operator, Refusal, Selector};
use crate::sim::world::{
    balanced::SAMPLE_MS,
    scrapes::{Sample, Scrape},
};

/// How far back an instant looks for the newest sample, virtual milliseconds.
const LOOK_BACK_MS: i64 = 300_000;
const NAME: &str = "__name__";

pub(super) type Labels = BTreeMap<String, String>;

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// One number.
    Scalar(f64),
    /// Numbers by their labels.
    Vector(Vec<(Labels, f64)>),
}

/// Where the samples are.
pub(super) struct Store<'a> {
    /// Both legs' scrapes that can be seen, oldest first.
    pub(super) scrapes: Vec<&'a Scrape>,
    /// How a scrape reads.
    pub(super) read: fn(&Scrape) -> &[Sample],
    /// What Google counted in a minute; of each of its services the oldest first.
    pub(super) minutes: Vec<Counted<'a>>,
}

/// A minute of one of Google's services.
pub(super) struct Counted<'a> {
    /// Its end, virtual milliseconds.
    pub(super) end_ms: i64,
    /// How it reads, as far as series are asked for: the growth within it.
    pub(super) tell: Tell<'a>,
}

pub(super) type Tell<'a> = Box<dyn Fn(&Selector) -> Vec<Sample> + 'a>;

impl Store<'_> {
    /// What `expr` comes to at `at_ms`.
    ///
    /// # Errors
    /// Where it asks for what this world does not evaluate.
    pub(super) fn evaluate(&self, expr: &Expr, at_ms: i64) -> Result<Value, Refusal> {
        match expr {
            Expr::Number(number) => Ok(Value::Scalar(*number)),
            Expr::Select(selector) if selector.range_ms.is_some() => {
                let why = "unexpected type range vector; only an instant vector can be shown here";
                Err(Refusal::Parse { at: 1, why: why.to_owned() })
            }
            Expr::Select(selector) => {
                Ok(Value::Vector(self.instant(selector, at_ms)?.into_iter().map(|sample| (sample.labels, sample.value)).collect()))
            }
            Expr::Call(function, arguments) => self.call(*function, arguments, at_ms),
            Expr::Aggregate { how, by, of } => Ok(Value::Vector(aggregate(*how, by, self.vector(of, at_ms)?))),
            Expr::Binary(operator, left, right) => binary(*operator, self.evaluate(left, at_ms)?, self.evaluate(right, at_ms)?),
        }
    }

    fn vector(&self, expr: &Expr, at_ms: i64) -> Result<Vec<(Labels, f64)>, Refusal> {
        match self.evaluate(expr, at_ms)? {
            Value::Vector(vector) => Ok(vector),
            Value::Scalar(_) => Err(type_error("instant vector", "scalar")),
        }
    }

    fn scalar(&self, expr: &Expr, at_ms: i64) -> Result<f64, Refusal> {
        match self.evaluate(expr, at_ms)? {
            Value::Scalar(value) => Ok(value),
            Value::Vector(_) => Err(type_error("scalar", "instant vector")),
        }
    }

    fn call(&self, function: Function, arguments: &[Expr], at_ms: i64) -> Result<Value, Refusal> {
        match (function, arguments) {
            (Function::Vector, [of]) => Ok(Value::Vector(vec![(Labels::new(), self.scalar(of, at_ms)?)])),
            (Function::Timestamp, [Expr::Select(selector)]) if selector.range_ms.is_none() => {
                let found = self.instant(selector, at_ms)?.into_iter();
                Ok(Value::Vector(found.map(|sample| (unnamed(&sample.labels), sample.at_ms as f64 / 1000.0)).collect()))
            }
            // As the documents have it, anything but a selector is as old as the evaluation.
            (Function::Timestamp, [of]) => Ok(Value::Vector(
                self.vector(of, at_ms)?.into_iter().map(|(labels, _)| (unnamed(&labels), at_ms as f64 / 1000.0)).collect(),
            )),
            (Function::Increase | Function::Rate, [Expr::Select(selector)]) => {
                let Some(range_ms) = selector.range_ms else { return Err(type_error("range vector", "instant vector")) };
                let scraped = self.ranges(selector, at_ms, range_ms)?.into_iter();
                let scraped = scraped.filter_map(|(labels, samples)| Some((labels, increase(&samples, at_ms - range_ms, at_ms)?)));
                let counted = self.counted(selector, at_ms - range_ms, at_ms);
                let each = if function == Function::Rate { range_ms as f64 / 1000.0 } else { 1.0 };
                Ok(Value::Vector(scraped.chain(counted).map(|(labels, grown)| (labels, grown / each)).collect()))
            }
            (Function::HistogramQuantile, [quantile, of]) => {
                let quantile = self.scalar(quantile, at_ms)?;
                Ok(Value::Vector(histogram_quantile(quantile, self.vector(of, at_ms)?)))
            }
            (_, _) => Err(Refusal::Parse { at: 1, why: format!("unexpected number or type of arguments in call to {function:?}") }),
        }
    }

    /// The newest sample of each series; one that its page shows no more is stale.
    fn instant(&self, selector: &Selector, at_ms: i64) -> Result<Vec<Sample>, Refusal> {
        check(selector)?;
        let mut seen = BTreeSet::new();
        let seen_by = self.scrapes.iter().rev().filter(move |scrape| {
            let exposed = &scrape.exposed;
            exposed.at_ms <= at_ms && exposed.at_ms > at_ms - LOOK_BACK_MS && seen.insert(exposed.leg.label())
        });
        let scraped = seen_by.flat_map(|scrape| (self.read)(scrape));
        let scraped = scraped.filter(|sample| sample.at_ms > at_ms - LOOK_BACK_MS && matches(selector, &sample.labels));
        let mut found: Vec<Sample> = scraped.cloned().collect();
        // Of what Google counts nothing is ever stale: the newest minute speaks for each series that it has.
        let mut known = BTreeSet::new();
        let within = |minute: &&Counted<'_>| minute.end_ms > at_ms - LOOK_BACK_MS && minute.end_ms <= at_ms;
        let counted = self.minutes.iter().rev().filter(within).flat_map(|minute| (minute.tell)(selector));
        found.extend(counted.filter(|sample| known.insert(sample.labels.clone())));
        Ok(found)
    }

    /// What Google counted between two moments: a minute of which only a part lies between them counts for that part.
    fn counted(&self, selector: &Selector, from_ms: i64, to_ms: i64) -> BTreeMap<Labels, f64> {
        let mut found = BTreeMap::new();
        for minute in &self.minutes {
            let common_ms = minute.end_ms.min(to_ms) - (minute.end_ms - SAMPLE_MS).max(from_ms);
            if common_ms > 0 {
                for sample in (minute.tell)(selector) {
                    *found.entry(unnamed(&sample.labels)).or_default() += sample.value * common_ms as f64 / SAMPLE_MS as f64;
                }
            }
        }
        found
    }

    fn ranges(&self, selector: &Selector, at_ms: i64, range_ms: i64) -> Result<BTreeMap<Labels, Vec<(i64, f64)>>, Refusal> {
        check(selector)?;
        let mut found: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
        for sample in self.scrapes.iter().flat_map(|scrape| (self.read)(scrape)) {
            if sample.at_ms > at_ms - range_ms && sample.at_ms <= at_ms && matches(selector, &sample.labels) {
                let samples = found.entry(unnamed(&sample.labels)).or_default();
                // Another sample of the same time is dropped, as on ingestion.
                if samples.last().is_none_or(|(newest, _)| *newest < sample.at_ms) {
                    samples.push((sample.at_ms, sample.value));
                }
            }
        }
        Ok(found)
    }
}

fn type_error(expected: &str, found: &str) -> Refusal {
    Refusal::Parse { at: 1, why: format!("expected type {expected}, got {found}") }
}

fn unnamed(labels: &Labels) -> Labels {
    labels.iter().filter(|(label, _)| *label != NAME).map(|(label, value)| (label.clone(), value.clone())).collect()
}

/// A series' growth, extrapolated to the ends of its range as Prometheus does: by half a gap beyond its samples where they end early, and
/// never further back than where a counter was zero.
fn increase(samples: &[(i64, f64)], from_ms: i64, to_ms: i64) -> Option<f64> {
    let ((first_ms, first), (last_ms, last)) = (*samples.first()?, *samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let resets: f64 = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let grown = last - first + resets;
    let sampled_s = (last_ms - first_ms) as f64 / 1000.0;
    let gap_s = sampled_s / (samples.len() - 1) as f64;
    let (mut before_s, mut after_s) = ((first_ms - from_ms) as f64 / 1000.0, (to_ms - last_ms) as f64 / 1000.0);
    if before_s >= gap_s * 1.1 {
        before_s = gap_s / 2.0;
    }
    if grown > 0.0 && first >= 0.0 {
        before_s = before_s.min(sampled_s * first / grown);
    }
    if after_s >= gap_s * 1.1 {
        after_s = gap_s / 2.0;
    }
    Some(grown * (sampled_s + before_s + after_s) / sampled_s)
}

/// A histogram's quantile by its bounds and what lies below each.
type Buckets = Vec<(f64, f64)>;

fn histogram_quantile(quantile: f64, series: Vec<(Labels, f64)>) -> Vec<(Labels, f64)> {
    let mut histograms: BTreeMap<Labels, Buckets> = BTreeMap::new();
    for (mut labels, value) in series {
        labels.remove(NAME);
        let bound = labels.remove("le").and_then(|bound| if bound == "+Inf" { Some(f64::INFINITY) } else { bound.parse().ok() });
        if let Some(bound) = bound {
            histograms.entry(labels).or_default().push((bound, value));
        }
    }
    histograms.into_iter().map(|(labels, buckets)| (labels, quantile_of(quantile, buckets))).collect()
}

fn quantile_of(quantile: f64, mut buckets: Buckets) -> f64 {
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    let Some((highest, all)) = buckets.last().copied() else { return f64::NAN };
    if buckets.len() < 2 || highest != f64::INFINITY || all.is_nan() || all == 0.0 {
        return f64::NAN;
    }
    let rank = quantile * all;
    let place = buckets.iter().position(|(_, below)| *below >= rank).unwrap_or(buckets.len() - 1);
    let (bound, below) = buckets[place];
    if bound == f64::INFINITY {
        return buckets[place - 1].0;
    }
    let (start, start_below) = if place == 0 { (0.0, 0.0) } else { buckets[place - 1] };
    if place == 0 && bound <= 0.0 {
        return bound;
    }
    start + (bound - start) * ((rank - start_below) / (below - start_below))
}

fn aggregate(how: Aggregation, by: &[String], series: Vec<(Labels, f64)>) -> Vec<(Labels, f64)> {
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (labels, value) in series {
        let kept = labels.into_iter().filter(|(label, _)| by.contains(label)).collect();
        groups.entry(kept).or_default().push(value);
    }
    // What is no number loses every comparison.
    let least = |values: &[f64], better: Ordering| {
        let plain = values.iter().copied().filter(|value| !value.is_nan());
        plain.reduce(|one, other| if other.total_cmp(&one) == better { other } else { one }).unwrap_or(f64::NAN)
    };
    let value = |values: &[f64]| match how {
        Aggregation::Sum => values.iter().sum(),
        Aggregation::Min => least(values, Ordering::Less),
        Aggregation::Max => least(values, Ordering::Greater),
        Aggregation::Count => values.len() as f64,
    };
    groups.into_iter().map(|(labels, values)| (labels, value(&values))).collect()
}

fn binary(operator: Operator, left: Value, right: Value) -> Result<Value, Refusal> {
    let apply = |one: f64, other: f64| match operator {
        Operator::Plus => one + other,
        Operator::Minus => one - other,
        Operator::Times => one * other,
        Operator::Over | Operator::Or => one / other,
    };
    Ok(match (operator, left, right) {
        (Operator::Or, Value::Vector(mut left), Value::Vector(right)) => {
            let known: BTreeSet<Labels> = left.iter().map(|(labels, _)| unnamed(labels)).collect();
            left.extend(right.into_iter().filter(|(labels, _)| !known.contains(&unnamed(labels))));
            Value::Vector(left)
        }
        (Operator::Or, _, _) => {
            return Err(Refusal::Parse { at: 1, why: "set operator \"or\" not allowed in binary scalar expression".to_owned() });
        }
        (_, Value::Scalar(one), Value::Scalar(other)) => Value::Scalar(apply(one, other)),
        (_, Value::Vector(many), Value::Scalar(other)) => {
            Value::Vector(many.into_iter().map(|(labels, value)| (unnamed(&labels), apply(value, other))).collect())
        }
        (_, Value::Scalar(one), Value::Vector(many)) => {
            Value::Vector(many.into_iter().map(|(labels, value)| (unnamed(&labels), apply(one, value))).collect())
        }
        (_, Value::Vector(left), Value::Vector(right)) => {
            let right: BTreeMap<Labels, f64> = right.into_iter().map(|(labels, value)| (unnamed(&labels), value)).collect();
            let both = left.into_iter().filter_map(|(labels, value)| {
                let labels = unnamed(&labels);
                let other = *right.get(&labels)?;
                Some((labels, apply(value, other)))
            });
            Value::Vector(both.collect())
        }
    })
}

/// Whether every expression of a selector is one that is understood here.
fn check(selector: &Selector) -> Result<(), Refusal> {
    let like = selector.matchers.iter().filter(|matcher| matches!(matcher.comparison, Comparison::Like | Comparison::Unlike));
    match like.flat_map(|matcher| matcher.value.chars()).find(|odd| "[](){}?^$\\".contains(*odd)) {
        None => Ok(()),
        Some(odd) => Err(Refusal::NotOffered(format!("`{odd}` in a regular expression"))),
    }
}

/// Whether a series is one that is asked for.
pub(super) fn matches(selector: &Selector, labels: &Labels) -> bool {
    all_hold(selector.matchers.iter(), labels)
}

/// The same, whatever is asked of one label.
pub(super) fn matches_but(selector: &Selector, labels: &Labels, label: &str) -> bool {
    all_hold(selector.matchers.iter().filter(|matcher| matcher.label != label), labels)
}

fn all_hold<'a>(mut matchers: impl Iterator<Item = &'a Matcher>, labels: &Labels) -> bool {
    matchers.all(|Matcher { label, comparison, value }| {
        let found = labels.get(label).map_or("", String::as_str);
        match comparison {
            Comparison::Is => found == value,
            Comparison::IsNot => found != value,
            Comparison::Like => value.split('|').any(|part| is_like(part, found)),
            Comparison::Unlike => !value.split('|').any(|part| is_like(part, found)),
        }
    })
}

/// A whole text against plain characters, `.`, `.*` and `.+`.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    let repeated = rest.chars().next().filter(|sign| first == '.' && matches!(sign, '*' | '+'));
    match repeated {
        Some(sign) => {
            let least = usize::from(sign == '+');
            let ends = text.char_indices().map(|(place, _)| place).chain([text.len()]);
            ends.skip(least).any(|end| is_like(&rest[1..], &text[end..]))
        }
        None => {
            let Some(character) = text.chars().next() else { return false };
            (first == '.' || first == character) && is_like(rest, &text[character.len_utf8()..])
        }
    }
}
