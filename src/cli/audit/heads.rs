//! Heads of a journal that somebody kept elsewhere: of a screen, of `status`, of a checkpoint, of syslog.
//!
//! A log holds heads of many sessions. A line that names its session is of that one; one that does not is of the session that a line above
//! it names, as `status` prints them, or else of the one that is asked about.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use crate::journal::{chain::Witness, reader::Step, record::Genesis, walk::Walk};

/// Lines of a log are cut here; none of ours is as long.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What one `--witness` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// How it was named.
    from: String,
    heads: Vec<(Option<String>, Witness)>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum HeadsError {
    #[error("{from} names heads of other sessions only ({others}), and this journal is of {session}; nothing was checked")]
    OfOthers { from: String, others: String, session: String },
}

impl Kept {
    /// A record that is named, or all that a file names.
    pub(super) fn parse(text: &str) -> Result<Kept, String> {
        let named = text.parse::<Witness>().map_err(|error| error.to_string());
        let heads = match (named, File::open(text)) {
            (Ok(witness), _) => vec![(None, witness)],
            (Err(why), Err(_)) => return Err(why),
            (Err(_), Ok(file)) => {
                in_lines(BufReader::new(file)).map_err(|error| format!("{text} can't be read: {error}; nothing was checked"))?
            }
        };
        if heads.is_empty() {
            return Err(format!(
                "{text} names no record; nothing was checked; a line of it must have SEQ:HASH, a number and 64 lower-case hexadecimal digits"
            ));
        }
        Ok(Kept { from: text.to_owned(), heads })
    }
}

/// The heads that are of the journal at `path`, which names its session at its beginning.
///
/// # Errors
/// One of `kept` has heads of other sessions alone.
pub(super) fn of_session(kept: &[Kept], path: &Path) -> Result<Vec<Witness>, HeadsError> {
    let session = if kept.is_empty() { None } else { session(path) };
    let mut all = Vec::new();
    for Kept { from, heads } in kept {
        let ours = |label: &Option<String>| label.is_none() || session.is_none() || *label == session;
        let before = all.len();
        all.extend(heads.iter().filter(|(label, _)| ours(label)).map(|(_, witness)| *witness));
        if all.len() == before {
            let mut others: Vec<&str> = heads.iter().filter_map(|(label, _)| label.as_deref()).collect();
            others.sort_unstable();
            others.dedup();
            let session = session.clone().unwrap_or_default();
            return Err(HeadsError::OfOthers { from: from.clone(), others: others.join(", "), session });
        }
    }
    Ok(all)
}

fn session(path: &Path) -> Option<String> {
    let mut walk = Walk::open(path).ok()?;
    match walk.advance().ok()? {
        Step::Line { line, .. } => serde_json::from_slice::<Genesis>(line.body).ok().map(|genesis| genesis.session),
        Step::End(_) => None,
    }
}

fn in_lines(mut input: impl BufRead) -> io::Result<Vec<(Option<String>, Witness)>> {
    let (mut heads, mut label, mut line) = (Vec::new(), None, Vec::new());
    loop {
        line.clear();
        if input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(heads);
        }
        let text = String::from_utf8_lossy(&line);
        let words =
            || text.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | ';' | '=')).filter(|word| !matches!(*word, "" | ":"));
        // Of "session NAME", and of "session":"NAME" in JSON.
        let is_label = |word: &str| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()) == "session";
        let named = words().zip(words().skip(1)).find(|(word, _)| is_label(word)).map(|(_, name)| name.to_owned());
        label = named.or(label);
        heads.extend(words().filter_map(|word| word.parse::<Witness>().ok()).map(|witness| (label.clone(), witness)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::chain::Hash;

    fn heads(text: &str) -> Vec<(Option<String>, u64)> {
        in_lines(text.as_bytes()).unwrap().into_iter().map(|(label, witness)| (label, witness.seq)).collect()
    }

    #[test]
    fn a_head_is_of_the_session_that_its_line_or_one_above_it_names() {
        let hash = Hash::of_line(b"x");
        let text = format!(
            "Nov 28 21:00:00 bastion cutover[7]: session night head 5:{hash} after 1 write\n\
             Nov 28 21:00:01 bastion cutover[8]: session day head 6:{hash}\n\
             {{\"session\": \"noon\",\n\"head\": \"7:{hash}\"}}\n"
        );
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(heads(&text), [(named("night"), 5), (named("day"), 6), (named("noon"), 7)]);
        let in_a_line = format!(
            "{{\"head\": \"7:{hash}\", \"session\": \"noon\"}}\n{{\"__CURSOR\":\"s\",\"MESSAGE\":\"session night head 5:{hash}\"}}"
        );
        assert_eq!(heads(&in_a_line), [(named("noon"), 7), (named("night"), 5)]);
        assert_eq!(heads(&format!("1:{hash}\r\n2:{hash}\n")), [(None, 1), (None, 2)]);
        assert_eq!(heads("nothing of the kind"), []);
    }
}
