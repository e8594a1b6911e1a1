//! Where a text stops being YAML.
//!
//! The parser names the place where it could not go on any more. A line without its colon is read as a part of the next one, so that place
//! may lie lines further down, in a comment or in a key that has nothing wrong with it. Here the line that is meant is looked for.

use crate::plan::{
    diagnostic::Diagnostic,
    document::{Place, Unreadable},
    lexical::flaw,
};

/// What is drawn like a colon, and is a letter to YAML.
const LIKE_A_COLON: [char; 4] = ['\u{ff1a}', '\u{fe55}', '\u{a789}', '\u{2236}'];

/// What the parser had against `text`, at the line that is meant.
pub(super) fn diagnosed(unreadable: Unreadable, text: &str) -> Diagnostic {
    let Unreadable { place, message } = unreadable;
    let found = without_colon(text, place.line);
    let line = found.map_or("", |place| text.split('\n').nth(place.line - 1).unwrap_or_default());
    let lookalike = line.chars().enumerate().find(|(_, character)| LIKE_A_COLON.contains(character));
    let (place, message, suggestion) = match (found, lookalike) {
        (Some(found), Some((column, character))) => {
            let message = format!("the character U+{:04X} looks like a colon and is none to YAML", character as u32);
            (Place { line: found.line, column: column + 1 }, message, Some("put `: ` in its place"))
        }
        (Some(found), None) => {
            (found, "there is no colon between a key and its value".to_owned(), Some("write `key: value`, with a space after the colon"))
        }
        (None, _) => (place, message, None),
    };
    flaw(place, message, "YAML with two spaces per level and no tabs", suggestion)
}

/// The last line with content up to `line`, or the one before that, if it holds neither a key nor an entry of a list.
fn without_colon(text: &str, line: usize) -> Option<Place> {
    let lines: Vec<(usize, &str)> = text.split('\n').take(line).enumerate().collect();
    let content = lines.iter().rev().filter(|(_, text)| !text.trim().is_empty() && !text.trim_start().starts_with('#'));
    let is_bare = |text: &str| {
        let text = text.trim();
        let text = text.strip_prefix("- ").unwrap_or(text);
        !text.contains(": ") && !text.ends_with(':') && !text.starts_with(['-', '[', '{', '"', '\'', ']', '}'])
    };
    let (number, text) = content.take(2).find(|(_, text)| is_bare(text))?;
    Some(Place { line: number + 1, column: text.chars().take_while(|character| *character == ' ').count() + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::document;

    fn found(text: &str) -> (usize, usize, String) {
        let diagnostic = diagnosed(document::read(text).unwrap_err(), text);
        (diagnostic.line, diagnostic.column, diagnostic.suggestion.unwrap_or_default())
    }

    #[test]
    fn a_line_without_its_colon_is_the_one_that_is_pointed_at() {
        let colon = "write `key: value`, with a space after the colon";
        assert_eq!(found("a: 1\nb 2\n\n# a comment\nc: 3\n"), (2, 1, colon.to_owned()));
        assert_eq!(found("a:\n  b: 1\n  c 2\n  d: 3\n"), (3, 3, colon.to_owned()));
        assert_eq!(found("a:\n  - b: 1\n    c:2\n    d: 3\n"), (3, 5, colon.to_owned()));
    }

    #[test]
    fn what_only_looks_like_a_colon_is_named_where_it_stands() {
        assert_eq!(found("a: 1\nb\u{ff1a}2\n\n# a comment\nc: 3\n"), (2, 2, "put `: ` in its place".to_owned()));
    }

    #[test]
    fn any_other_mistake_stays_where_the_parser_found_it() {
        assert_eq!(found("a: [1, 2\nb: 3\n").2, "");
        assert_eq!(found("a: 1\n  b: 2\n"), (2, 4, String::new()));
    }
}
