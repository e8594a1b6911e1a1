//! What a draft would bring, said before it is asked for.

use crate::{
    core::{
        decision::Refusal,
        forecast::{Change, Forecast, Leg},
        news::Tone,
        outlook::{Attention, Preview, attention},
        state::State,
    },
    domain::{
        id::ItemId,
        time::{Millis, Timestamp},
    },
    plan::model::Route,
    words::{
        Names,
        short::{self, Said},
        why_refused,
    },
};

/// What would be answered now.
pub fn preview(preview: &Preview, names: Names) -> Said {
    match preview {
        Preview::Moves => Said::new(Tone::Good, "would begin at once", "begins at once"),
        Preview::Waits => Said::new(Tone::Plain, "would begin when the move in flight is over", "waits for the move in flight"),
        Preview::SecondPerson => {
            Said::new(Tone::Warning, "larger than one person may move: needs a second person's approval", "needs a second person")
        }
        Preview::Refused(why) => {
            Said::new(Tone::Alarm, format!("would be refused now: {}", why_refused(why, names)), "would be refused now")
        }
    }
}

/// Why it would be refused, each reason on a line of its own, of which there are at most `lines`.
pub fn refused(reasons: &[Refusal], lines: usize, names: Names) -> Vec<Said> {
    let shown = if reasons.len() > lines { lines - 1 } else { reasons.len() };
    let line = |(place, why): (usize, &Refusal)| {
        let why = why_refused(why, names);
        let told = if place == 0 { format!("would be refused now: {why}") } else { why };
        Said::new(Tone::Alarm, told, "would be refused now")
    };
    let mut told: Vec<Said> = reasons.iter().take(shown).enumerate().map(line).collect();
    let left = reasons.len() - shown;
    told.extend((left > 0).then(|| Said::new(Tone::Alarm, format!("and {left} more reasons"), "more reasons")));
    told
}

/// What is wrong with the route, or can't be judged on it, and forbids no move.
pub fn doubts(state: &State, route: &Route, now: Timestamp) -> Vec<Said> {
    let Some(plan) = state.opened.as_ref().map(|opened| &opened.plan) else { return Vec::new() };
    let found = attention(state);
    let of_this = |found: &Attention| found.route(plan).is_none_or(|of| *of == route.id);
    let told = found.iter().filter(|found| found.is_doubt() && of_this(found));
    told.map(|found| Said { tone: Tone::Warning, ..short::attention(found, state, now) }).collect()
}

/// `GKE 60/s, 10/s each` for each backend afterwards.
pub fn load(forecast: &Forecast, names: Names) -> String {
    let moved = forecast.legs.iter().filter(|leg| leg.from != leg.to || leg.to.get() > 0);
    let told: Vec<String> = moved.map(|leg| one(leg, names)).collect();
    format!("afterwards {}", told.join(", "))
}

fn one(leg: &Leg, names: Names) -> String {
    let name = names.backend(&leg.backend);
    let each = |change: &Change| format!(" ({} per ready instance, {} now)", rate(change.then), rate(change.now));
    match (&leg.rate, &leg.per_instance) {
        (Some(whole), Some(change)) => format!("{name} {}{}", rate(whole.then), each(change)),
        (Some(whole), None) => format!("{name} {}", rate(whole.then)),
        (None, _) => format!("{name} {}, its requests a second are not known", leg.to),
    }
}

fn rate(value: f64) -> String {
    if value >= 9.95 || value == 0.0 { format!("{value:.0}/s") } else { format!("{value:.1}/s") }
}

pub fn times(settles: Millis, home_takes: Option<Millis>) -> String {
    match home_takes {
        Some(takes) => format!("settles in about {settles}; going home from there takes about {takes}"),
        None => format!("all are seen at home in about {settles}"),
    }
}

/// All of them by title, for where there is room to read.
pub fn all_open_before(open: &[ItemId], names: Names) -> Option<String> {
    let titles: Vec<String> = open.iter().map(|item| names.item(item)).collect();
    (!titles.is_empty()).then(|| format!("not done before the move: {}", titles.join("; ")))
}

/// Lines that belong before any move and are not done; nothing where all are.
pub fn open_before(open: &[ItemId], names: Names) -> Option<String> {
    let (first, more) = open.split_first()?;
    Some(match more.len() {
        0 => format!("not done before the move: {}", names.item(first)),
        more => format!("{} lines not done before the move: {} and {more} more", more + 1, names.item(first)),
    })
}
