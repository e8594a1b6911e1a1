//! What is done differently for a page that is damaged: each damage once, by everything that whoever writes or scrapes a page asks of it.

use crate::sim::faults::Damage;

use super::lengthy::Form;

/// Processes behind one page, when there are several.
pub const WORKERS: usize = 4;
/// Between the beginnings of two of them.
const WORKER_APART_MS: i64 = 1_700;
/// Processes that have counted alike, and the time between their beginnings.
const ALIKE: usize = 2;
const ALIKE_APART_MS: i64 = 300;
/// Requests that the second has counted more: fewer than either counts between two looks under full traffic, so both seem to grow.
const ALIKE_AHEAD: u64 = 150;
/// How many blocks of other people's families come: 32 MiB of them, a gibibyte, or more than anybody reads.
const LARGE_BLOCKS: usize = 128;
const BOMB_BLOCKS: usize = 4096;
const ENDLESS_BLOCKS: usize = usize::MAX;

/// How a page differs from one that is well.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Whether a Prometheus takes it, which has limits in bytes, samples and labels.
    pub is_scraped: bool,
    /// Other people's families behind ours.
    pub others: Option<Length>,
    /// The processes that answer in turn.
    pub workers: Option<Workers>,
    /// What its samples are stamped with.
    pub stamp: Stamp,
    /// Paths that are counted each for itself.
    pub paths: Paths,
    /// How requests are told by their status.
    pub status: Status,
}

/// How much comes, and how.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// Blocks.
    pub times: usize,
    /// How all of it is sent.
    pub form: Form,
}

/// How processes behind one page differ.
#[derive(Debug, Clone, Copy)]
pub struct Workers {
    /// How many there are.
    pub count: usize,
    /// Requests that each has counted more than the one before.
    pub ahead: u64,
    /// Between the beginnings of two of them, virtual milliseconds.
    pub apart_ms: i64,
}

/// What samples are stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Nothing.
    Absent,
    /// Their time, as OpenMetrics has it.
    InSeconds,
    /// A time that goes on no more.
    StandsStill,
}

/// Paths that are labels of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// None.
    Bounded,
    /// One more now and then.
    Growing,
    /// More than anybody reads.
    Many,
}

/// How a request's status is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// By its code.
    Code,
    /// Not at all.
    NotTold,
    /// As success or error.
    InWords,
    /// By two labels that disagree.
    Twice,
}

impl Shape {
    /// Of a page that is damaged so. What only its values or its answer know of is not here.
    #[must_use]
    pub fn of(damage: Damage) -> Shape {
        let well =
            Shape { is_scraped: true, others: None, workers: None, stamp: Stamp::Absent, paths: Paths::Bounded, status: Status::Code };
        let unscraped = Shape { is_scraped: false, ..well };
        let length = |times, form| Some(Length { times, form });
        match damage {
            Damage::None | Damage::Vanished | Damage::NotANumber | Damage::StandsStill | Damage::LowBuckets | Damage::Slow => well,
            Damage::Failing | Damage::LongLine => unscraped,
            Damage::NoStatus => Shape { status: Status::NotTold, ..well },
            Damage::WordStatus => Shape { status: Status::InWords, ..well },
            Damage::TwoStatuses => Shape { status: Status::Twice, ..well },
            Damage::Seconds => Shape { stamp: Stamp::InSeconds, ..well },
            Damage::StampsStandStill => Shape { stamp: Stamp::StandsStill, ..well },
            Damage::NewSeries => Shape { paths: Paths::Growing, ..well },
            Damage::ManySeries => Shape { paths: Paths::Many, ..unscraped },
            Damage::Workers => Shape { workers: Some(Workers { count: WORKERS, ahead: 7, apart_ms: WORKER_APART_MS }), ..well },
            Damage::Alike => Shape { workers: Some(Workers { count: ALIKE, ahead: ALIKE_AHEAD, apart_ms: ALIKE_APART_MS }), ..well },
            Damage::Large => Shape { others: length(LARGE_BLOCKS, Form::Plain), ..well },
            Damage::Endless => Shape { others: length(ENDLESS_BLOCKS, Form::Plain), ..unscraped },
            Damage::Bomb => Shape { others: length(BOMB_BLOCKS, Form::Gzip), ..unscraped },
        }
    }
}
