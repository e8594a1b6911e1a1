//! What a Prometheus of this world has scraped of the legs' pages: one look at each every 15 s, which can be asked for a little later.
//!
//! Only what a page was made of is kept; how it reads is the business of the server that shows pages, and is worked out once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::OnceLock,
};

use super::{Leg, meter::Meter};
use crate::sim::faults::Damage;

/// Virtual milliseconds between two scrapes of a page.
pub const SCRAPE_MS: i64 = 15_000;
/// Virtual milliseconds until a sample can be asked for.
const DELAY_MS: i64 = 5_000;
/// Scrapes of both legs that are kept: half an hour.
const KEPT: usize = 240;

/// What a leg's page is made of at one moment.
#[derive(Debug, Clone)]
pub struct Exposed {
    /// Whose page.
    pub leg: Leg,
    /// The moment, virtual milliseconds.
    pub at_ms: i64,
    /// How the page lies.
    pub damage: Damage,
    /// Since when.
    pub damaged_ms: i64,
    /// The counters.
    pub meter: Meter,
    /// Instances or pods that take requests.
    pub instances: f64,
    /// Which of several processes answers.
    pub worker: usize,
}

/// One sample of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The series, its name among the labels as `__name__`.
    pub labels: BTreeMap<String, String>,
    /// When it was taken, virtual milliseconds.
    pub at_ms: i64,
    /// Its value.
    pub value: f64,
}

/// One look at a page.
#[derive(Debug)]
pub struct Scrape {
    /// What was there.
    pub exposed: Exposed,
    /// What it says, once somebody has asked.
    pub samples: OnceLock<Vec<Sample>>,
}

/// All scrapes, oldest first.
#[derive(Debug)]
pub struct Scrapes {
    kept: VecDeque<Scrape>,
    next_ms: i64,
    delay_ms: i64,
}

impl Scrapes {
    /// Of a Prometheus that begins now.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self { kept: VecDeque::new(), next_ms: now_ms, delay_ms: DELAY_MS }
    }

    /// The number of the scrape that is due, if one is.
    pub fn due(&mut self, now_ms: i64) -> Option<usize> {
        if now_ms < self.next_ms {
            return None;
        }
        self.next_ms = now_ms + SCRAPE_MS;
        Some((now_ms / SCRAPE_MS).unsigned_abs() as usize)
    }

    /// Keeps a look.
    pub fn keep(&mut self, exposed: Exposed) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Scrape { exposed, samples: OnceLock::new() });
    }

    /// Lets samples be seen so much later; `None` for as usual.
    pub fn delay(&mut self, delay_ms: Option<i64>) {
        self.delay_ms = delay_ms.unwrap_or(DELAY_MS);
    }

    /// What can be seen now of the time after `from_ms` and until `to_ms`, oldest first.
    pub fn visible(&self, now_ms: i64, from_ms: i64, to_ms: i64) -> impl DoubleEndedIterator<Item = &Scrape> {
        let until_ms = to_ms.min(now_ms - self.delay_ms);
        self.kept.iter().filter(move |scrape| scrape.exposed.at_ms > from_ms && scrape.exposed.at_ms <= until_ms)
    }
}
