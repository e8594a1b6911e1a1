//! A Rust file as the tidy rules see it: its text, its code with comments and literals blanked out, and which lines are test code.
//!
//! This is no parser. It knows just enough of Rust's tokens that a rule does not trip over a word in a comment or a brace in a string;
//! macros that build items out of nothing are beyond it.

use std::ops::Range;

pub(crate) struct Source {
    /// From the root of the package, with forward slashes.
    pub path: String,
    pub text: String,
    /// As long as `text`, line for line, with spaces for comments and for what literals hold.
    pub code: String,
    test_spans: Vec<Range<usize>>,
    whole_file_is_test: bool,
}

pub(crate) struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let code = blanked(text);
        let test_spans = test_spans(&code);
        Source { path: path.to_owned(), text: text.to_owned(), code, test_spans, whole_file_is_test: path.starts_with("tests/") }
    }

    /// For a file that is a module only under test, because its parent says so.
    pub(crate) fn mark_as_test(&mut self) {
        self.whole_file_is_test = true;
    }

    pub(crate) fn is_test(&self, offset: usize) -> bool {
        self.whole_file_is_test || self.test_spans.iter().any(|span| span.contains(&offset))
    }

    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }

    /// The room that the file belongs to: `plan` for `src/plan/units.rs`, `door` for `src/door.rs`; none outside of `src`.
    pub(crate) fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    /// Names of the modules that this file declares for tests only, in files of their own.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let modules = self.test_spans.iter().filter_map(|span| {
            let item = self.code[span.clone()].strip_prefix("#[cfg(test)]")?.trim();
            let name = item.strip_suffix(';')?.rsplit(' ').next()?;
            item.contains("mod ").then(|| name.to_owned())
        });
        modules.collect()
    }

    /// Where `word` stands in the code as a word of its own, or with whatever the word itself ends in.
    pub(crate) fn find(&self, word: &str) -> Vec<usize> {
        let found = self.code.match_indices(word).map(|(offset, _)| offset);
        found.filter(|offset| !is_word_before(&self.code, *offset) || !word.starts_with(is_word)).collect()
    }

    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for offset in self.find("fn ") {
            let rest = &self.code[offset + 3..];
            let name: String = rest.trim_start().chars().take_while(|character| is_word(*character)).collect();
            let Some(end) = end_of_item(&self.code, offset) else { continue };
            if !name.is_empty() && self.code[..end].ends_with('}') {
                let lines = self.code[offset..end].matches('\n').count() + 1;
                functions.push(Function { name, line: self.line_of(offset), lines });
            }
        }
        functions
    }
}

pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_word_before(code: &str, offset: usize) -> bool {
    code[..offset].chars().next_back().is_some_and(is_word)
}

/// One past the `;` or the closing brace that ends the item which begins at `start`.
fn end_of_item(code: &str, start: usize) -> Option<usize> {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (offset, character) in code[start..].char_indices() {
        match character {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            '{' => curly += 1,
            '}' => {
                curly -= 1;
                if curly == 0 && round == 0 {
                    return Some(start + offset + 1);
                }
            }
            ';' if curly == 0 && round == 0 => return Some(start + offset + 1),
            _ => {}
        }
    }
    None
}

/// Every `#[cfg(test)]` and the item below it.
fn test_spans(code: &str) -> Vec<Range<usize>> {
    let starts = code.match_indices("#[cfg(test)]").map(|(offset, _)| offset);
    starts.map(|start| start..end_of_item(code, start).unwrap_or(code.len())).collect()
}

/// The text with every comment and everything inside of literals replaced by spaces, byte for byte.
fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let word_before = at > 0 && is_word(char::from(bytes[at - 1]));
        let (skip_start, end) = if rest.starts_with(b"//") {
            (at, at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()))
        } else if rest.starts_with(b"/*") {
            (at, at + block_comment(rest))
        } else if let (false, Some(hashes)) = (word_before, raw_string(rest)) {
            let closing = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let open = rest.iter().position(|byte| *byte == b'"').unwrap_or(0) + 1;
            let length = find(&rest[open..], &closing).unwrap_or(rest.len() - open);
            (at + open, at + open + length)
        } else if rest[0] == b'"' {
            (at + 1, at + 1 + quoted(&rest[1..], b'"'))
        } else if let Some(length) = character_literal(rest) {
            (at + 1, at + length - 1)
        } else {
            at += 1;
            continue;
        };
        let end = end.min(bytes.len());
        out[skip_start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        // The closing quote of a literal stays and must not open another one.
        at = if matches!(bytes.get(end), Some(b'"' | b'\'')) && skip_start > at { end + 1 } else { end.max(at + 1) };
    }
    String::from_utf8(out).expect("whole characters were replaced by ASCII")
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// How many hashes a raw string that begins here has.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let rest = rest.strip_prefix(b"b").unwrap_or(rest).strip_prefix(b"r")?;
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    (rest.get(hashes) == Some(&b'"')).then_some(hashes)
}

/// Bytes up to the closing quote.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// Length of a character literal with its quotes; a lifetime is none.
fn character_literal(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(&rest[1..], b'\'') + 2);
    }
    let character = std::str::from_utf8(&rest[1..rest.len().min(5)])
        .map_or_else(|error| std::str::from_utf8(&rest[1..1 + error.valid_up_to()]).ok()?.chars().next(), |text| text.chars().next())?;
    let end = 1 + character.len_utf8();
    (rest.get(end) == Some(&b'\'')).then_some(end + 1)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
