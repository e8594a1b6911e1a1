//! A journal's folder: which segments it has, what their files are called, and what is missing.
//!
//! A segment is one file, plain as it was written or sealed (compressed). While one becomes the other both are there; then the plain one
//! is read, because it is what was written.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// How a segment lies on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Plain,
    Sealed,
}

/// One segment of a journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    pub number: u64,
    pub form: Form,
    pub path: PathBuf,
}

impl Piece {
    pub(super) fn of(folder: &Path, number: u64, form: Form) -> Self {
        Self { number, form, path: folder.join(name(number, form)) }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&name(self.number, self.form))
    }
}

/// The file name of a segment.
pub fn name(number: u64, form: Form) -> String {
    match form {
        Form::Plain => format!("{number:08}.jsonl"),
        Form::Sealed => format!("{number:08}.jsonl.gz"),
    }
}

fn parse(name: &str) -> Option<(u64, Form)> {
    let (digits, form) = match name.strip_suffix(".jsonl") {
        Some(digits) => (digits, Form::Plain),
        None => (name.strip_suffix(".jsonl.gz")?, Form::Sealed),
    };
    let number: u64 = digits.parse().ok()?;
    (self::name(number, form) == name).then_some((number, form))
}

/// The segments in `folder` by number, one file for each; other files are not looked at.
///
/// # Errors
/// The folder can't be read.
pub fn list(folder: &Path) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some((number, form)) = entry.file_name().to_str().and_then(parse) {
            pieces.push(Piece { number, form, path: entry.path() });
        }
    }
    pieces.sort();
    pieces.dedup_by_key(|piece| piece.number);
    Ok(pieces)
}

/// The number of the first segment that should be there and is not: all up to the newest, and up to `remembered`.
pub(super) fn missing(pieces: &[Piece], remembered: Option<u64>) -> Option<u64> {
    let newest = pieces.last().map_or(0, |piece| piece.number).max(remembered.unwrap_or(1)).max(1);
    let gap = pieces.iter().zip(1..).find(|(piece, number)| piece.number != *number).map(|(_, number)| number);
    gap.or_else(|| (pieces.len() as u64 != newest).then_some(pieces.len() as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::{Form, Piece, missing, name, parse};

    fn pieces(numbers: &[u64]) -> Vec<Piece> {
        numbers.iter().map(|number| Piece::of("x".as_ref(), *number, Form::Plain)).collect()
    }

    #[test]
    fn a_name_has_one_spelling() {
        assert_eq!(parse(&name(7, Form::Sealed)), Some((7, Form::Sealed)));
        assert_eq!(parse(&name(123_456_789, Form::Plain)), Some((123_456_789, Form::Plain)));
        for other in ["7.jsonl", "00000007.jsonl.new", "+0000007.jsonl", "checkpoint"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_first_segment_that_is_missing_is_named() {
        assert_eq!(missing(&pieces(&[1, 2, 3]), Some(3)), None);
        assert_eq!(missing(&pieces(&[1, 3]), None), Some(2));
        assert_eq!(missing(&pieces(&[2, 3]), None), Some(1));
        assert_eq!(missing(&pieces(&[1, 2]), Some(3)), Some(3));
        assert_eq!(missing(&[], None), Some(1));
    }
}
