//! Connections that were dropped, in words: who counts them, how many of how many.

use crate::{
    core::{
        fails::Exchange,
        loss::{Loss, Witness},
        news::Tone,
    },
    domain::metric::Unit,
    words::{Names, short::Said},
};

/// A fraction as error rates are told.
pub(super) fn rate(fraction: f64) -> String {
    Unit::Fraction.show(fraction)
}

pub(super) fn dropped(witness: &Witness, dropped: u64, of: u64, names: Names) -> String {
    let share = rate(dropped as f64 / of.max(1) as f64);
    match witness {
        Witness::Backend(backend) => format!("{} drops {dropped} of {of} connections ({share})", names.backend(backend)),
        Witness::FrontDoor(route) => {
            format!("{dropped} of {of} connections through the front door of {} are dropped ({share})", names.route(route))
        }
    }
}

pub(super) fn kept(witness: &Witness, names: Names) -> String {
    match witness {
        Witness::Backend(backend) => format!("{} drops no connections", names.backend(backend)),
        Witness::FrontDoor(route) => format!("no connections through the front door of {} are dropped", names.route(route)),
    }
}

/// Every witness with its count.
pub(super) fn losses(losses: &[Loss], names: Names) -> String {
    let told = losses.iter().map(|loss| dropped(&loss.witness, loss.losing.dropped, loss.losing.of, names));
    told.collect::<Vec<_>>().join("; ")
}

/// Every witness with its share; what it says itself tells the backend, so where one does the front door's word adds nothing to it.
pub(super) fn losses_in_short(losses: &[Loss], names: Names) -> Said {
    let of_backends = losses.iter().filter_map(|loss| match &loss.witness {
        Witness::Backend(backend) => Some(format!("{} {}", names.backend(backend), rate(loss.losing.share()))),
        Witness::FrontDoor(_) => None,
    });
    let worst = losses.first().map_or_else(String::new, |loss| rate(loss.losing.share()));
    let named: Vec<String> = of_backends.collect();
    let long = match named.is_empty() {
        true => format!("{worst} of connections through the front door are dropped"),
        false => format!("connections are dropped: {}", named.join(", ")),
    };
    Said::new(Tone::Alarm, long, format!("{worst} of connections dropped"))
}

/// What going home would bring users to, where home fails them; `subject` is what takes them there.
pub fn exchange(exchange: &Exchange, subject: &str) -> String {
    let Exchange { moves, here, there } = exchange;
    let from = here.map_or_else(String::new, |here| format!(" from {} errors", rate(here)));
    format!("{subject} takes {moves} of users{from} to {} errors", rate(*there))
}
