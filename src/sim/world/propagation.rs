//! How a change of weights reaches the places that really split the traffic.
//!
//! The API accepts a change at once; the edge is many points of presence, and each of them takes it over at a
//! time of its own, sometimes falling back to the old weights once before it settles. That is what the real
//! edge does, and why `accepted` and `observed` are two numbers.

use super::{Leg, random::Random};

/// How many points of presence the world has; enough that a change is visibly gradual.
const POINTS: usize = 24;
/// How often a point takes a change back once before it settles.
const RELAPSE: f64 = 0.15;

/// Share of the traffic for each leg, and for whatever else stands in the split; they sum to one unless nothing can be served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Share for Cloud Run.
    pub run: f64,
    /// Share for GKE.
    pub gke: f64,
    /// Share for a service that is neither.
    pub other: f64,
}

/// Virtual milliseconds between acceptance and effect at a point of presence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The earliest point of presence.
    pub min_ms: f64,
    /// The last one, relapses included.
    pub max_ms: f64,
}

impl Default for Span {
    fn default() -> Self {
        Self { min_ms: 20_000.0, max_ms: 90_000.0 }
    }
}

/// The data plane of the load balancer.
#[derive(Debug, Clone)]
pub struct Edge {
    points: Vec<Point>,
    /// What the points do together, and when the next of them changes; both are asked for far more often than a point changes.
    split: Split,
    due_ms: Option<i64>,
    /// The one split that every point serves, while they agree, and how it divides what is ours.
    common: Option<(Split, f64)>,
    usual: Span,
    /// The span while something slows the edge down.
    span: Span,
    random: Random,
}

#[derive(Debug, Clone)]
struct Point {
    share: f64,
    serving: Split,
    coming: Vec<Change>,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    at_ms: i64,
    split: Split,
}

impl Edge {
    /// An edge that has served this split for long.
    #[must_use]
    pub fn new(seed: u64, split: Split, span: Span) -> Self {
        let mut random = Random::named(seed, "edge");
        let sizes: Vec<f64> = (0..POINTS).map(|_| random.between(0.5, 1.5)).collect();
        let total: f64 = sizes.iter().sum();
        let points = sizes.into_iter().map(|size| Point { share: size / total, serving: split, coming: Vec::new() }).collect();
        let mut edge = Self { points, split, due_ms: None, common: None, usual: span, span, random };
        edge.sum_up();
        edge
    }

    /// The same edge, which has served this split for long.
    #[must_use]
    pub fn serving(&self, split: Split) -> Self {
        let mut edge = self.clone();
        edge.points.iter_mut().for_each(|point| (point.serving, point.coming) = (split, Vec::new()));
        edge.sum_up();
        edge
    }

    /// Sets what follows from the points.
    fn sum_up(&mut self) {
        let sum = |share: fn(Split) -> f64| self.points.iter().map(|point| point.share * share(point.serving)).sum();
        self.split = Split { run: sum(|split| split.run), gke: sum(|split| split.gke), other: sum(|split| split.other) };
        self.due_ms = self.points.iter().filter_map(|point| point.coming.first()).map(|change| change.at_ms).min();
        let first = self.points.first().map(|point| point.serving);
        let common = first.filter(|first| self.points.iter().all(|point| point.serving == *first));
        self.common = common.map(|split| (split, of_ours(split)));
    }

    /// From now on a change takes up to this long to reach every point; `None` for as long as usual.
    pub fn slow(&mut self, max_ms: Option<f64>) {
        self.span = max_ms.map_or(self.usual, |max_ms| Span { min_ms: self.usual.min_ms.min(max_ms), max_ms });
    }

    /// Sends a split on its way to every point of presence.
    pub fn accept(&mut self, now_ms: i64, split: Split) {
        let Span { min_ms, max_ms } = self.span;
        for point in &mut self.points {
            // The middle of three draws puts most points near the middle of the span and leaves a tail.
            let mut draws = [self.random.unit(), self.random.unit(), self.random.unit()];
            draws.sort_by(f64::total_cmp);
            let first_ms = now_ms + (min_ms + (max_ms - min_ms) * draws[1]) as i64;
            // A newer version is never followed by an older one for good.
            point.coming.retain(|change| change.at_ms < first_ms);
            let before = point.coming.last().map_or(point.serving, |change| change.split);
            point.coming.push(Change { at_ms: first_ms, split });
            if self.random.chance(RELAPSE) {
                let last_ms = now_ms + max_ms as i64;
                let back_ms = first_ms + ((last_ms - first_ms) as f64 * self.random.between(0.1, 0.5)) as i64;
                point.coming.push(Change { at_ms: back_ms, split: before });
                point.coming.push(Change { at_ms: last_ms.max(back_ms), split });
            }
        }
        self.sum_up();
    }

    /// Lets the changes that are due take effect.
    pub fn tick(&mut self, now_ms: i64) {
        if self.due_ms.is_none_or(|due_ms| due_ms > now_ms) {
            return;
        }
        for point in &mut self.points {
            let due = point.coming.iter().take_while(|change| change.at_ms <= now_ms).count();
            if let Some(change) = point.coming.drain(..due).next_back() {
                point.serving = change.split;
            }
        }
        self.sum_up();
    }

    /// What the edge as a whole does now.
    #[must_use]
    pub fn split(&self) -> Split {
        self.split
    }

    /// Whether every point of presence serves the last accepted split.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.points.iter().all(|point| point.coming.is_empty())
    }

    /// The leg that one request ends in; `None` for a service that is neither.
    pub fn choose(&self, random: &mut Random) -> Option<Leg> {
        let left = random.unit();
        let (split, gke) = self.common.unwrap_or_else(|| {
            let split = self.at(left);
            (split, of_ours(split))
        });
        if split.other > 0.0 && random.chance(split.other) {
            return None;
        }
        Some(if random.chance(gke) { Leg::Gke } else { Leg::Run })
    }

    /// What the point serves whose part of the users ends behind `left`.
    fn at(&self, mut left: f64) -> Split {
        let point = self.points.iter().find(|point| {
            left -= point.share;
            left < 0.0
        });
        point.or(self.points.last()).map_or(Split { run: 1.0, gke: 0.0, other: 0.0 }, |point| point.serving)
    }
}

/// The part of GKE in what is not somebody else's.
fn of_ours(split: Split) -> f64 {
    split.gke / (split.run + split.gke).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::{Edge, Span, Split};

    const RUN: Split = Split { run: 1.0, gke: 0.0, other: 0.0 };
    const HALF: Split = Split { run: 0.5, gke: 0.5, other: 0.0 };

    #[test]
    fn a_change_arrives_gradually_and_completely() {
        let mut edge = Edge::new(3, RUN, Span::default());
        edge.accept(0, HALF);
        edge.tick(19_999);
        assert_eq!(edge.split().gke, 0.0);
        edge.tick(55_000);
        let halfway = edge.split().gke;
        assert!(halfway > 0.05 && halfway < 0.48, "{halfway}");
        edge.tick(90_000);
        assert!((edge.split().gke - 0.5).abs() < 1e-9);
        assert!(edge.settled());
    }

    #[test]
    fn some_point_of_presence_falls_back_on_the_way() {
        let fell_back = (0..20).any(|seed| {
            let mut edge = Edge::new(seed, RUN, Span::default());
            edge.accept(0, HALF);
            let mut before = 0.0;
            (20..=90).any(|second| {
                edge.tick(second * 1000);
                let fell = edge.split().gke < before - 1e-9;
                before = edge.split().gke;
                fell
            })
        });
        assert!(fell_back);
    }

    #[test]
    fn the_newest_of_two_changes_stays() {
        for seed in 0..50 {
            let mut edge = Edge::new(seed, RUN, Span::default());
            edge.accept(0, HALF);
            edge.accept(5_000, RUN);
            edge.tick(200_000);
            assert_eq!(edge.split().gke, 0.0, "seed {seed}");
        }
    }
}
