//! Standard output and error for the subcommands that print. A closed pipe ends the output quietly, it never panics.

use std::io::{self, Write};

/// Writes `text` to standard output; what a closed pipe swallows is nobody's loss.
pub fn out(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Writes one line to standard error.
pub fn err(text: &str) {
    let mut stream = io::stderr().lock();
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(b"\n"));
}
