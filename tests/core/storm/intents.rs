//! The writes that stand in the journal on the disk, as its text names them. What is durable once is not read again.

use std::collections::BTreeSet;

use cutover::journal::memory::Memory;

#[derive(Default)]
pub(crate) struct Intents {
    read: usize,
    pub writes: BTreeSet<String>,
}

impl Intents {
    pub(crate) fn read(&mut self, memory: &Memory) {
        /// What stands between an effect's name and what it is.
        const WHAT: &str = "\",\"what\":{\"";
        let Intents { read, writes } = self;
        let from = *read;
        memory.durable_behind(from, |new| {
            *read += new.len();
            let text = std::str::from_utf8(new).expect("a journal is ASCII");
            let changes = |behind: &str| behind.starts_with("write\"") || behind.starts_with("claim\"") || behind.starts_with("act\"");
            let changing = text.match_indices(WHAT).filter(|(at, what)| changes(&text[at + what.len()..]));
            writes.extend(changing.filter_map(|(at, _)| text[..at].rfind("\"id\":\"").map(|from| text[from + 6..at].to_owned())));
        });
    }
}
