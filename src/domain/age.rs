//! How old a figure gets before the next one can be known: how often it is taken, how long its service keeps it back, how often one looks.
//!
//! Whatever is believed for a shorter time than that is lost between two figures, however well everything is.

use crate::domain::time::Millis;

/// Cloud Monitoring takes a database's figures this often, and shows none before so long.
const SAMPLED_EVERY: Millis = Millis::from_secs(60);
const KEPT_BACK: Millis = Millis::from_secs(240);
/// A look at each instance of the plan's database.
pub const DATABASE_EVERY: Millis = Millis::from_secs(10);
/// A look at the thing of each step of the plan.
pub const STEP_EVERY: Millis = Millis::from_secs(10);

/// Of a replica's lag, when instances are looked at each `every`.
pub const fn of_lag(every: Millis) -> Millis {
    Millis(SAMPLED_EVERY.0 + KEPT_BACK.0 + every.0)
}

/// Of a backend's own figures, when they are scraped each `every`.
pub const fn of_figures(every: Millis) -> Millis {
    every
}
