//! What a flight says while it goes on: into its own log, which is kept where it fails.

use std::io::Write;

pub(crate) fn note(text: &str) {
    // A log that is full stops no flight.
    let _ = writeln!(std::io::stderr(), "{text}");
}
