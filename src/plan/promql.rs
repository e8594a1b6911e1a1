//! As much of PromQL as a plan needs to know of its own queries: where quotes and brackets end, over how long they count, and what series
//! they begin with. Whether a query means what its author thinks is for the server to say.

use crate::{domain::time::Millis, plan::units};

/// Longest query, in characters.
pub const CHARS_MAX: usize = 512;

/// What is wrong with a query, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    pub message: String,
    pub help: &'static str,
}

/// A query on one line, with what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub text: String,
    /// What stands in brackets: over how long each part counts.
    pub ranges: Vec<Millis>,
    /// The series before the first bracket, with its labels: `http_requests_total{job="web"}`.
    pub selector: Option<String>,
}

impl Query {
    /// The series that it begins with: those before a bracket, with their labels in braces, or a name that is all of the query.
    pub fn first_series(&self) -> Option<String> {
        if let Some(selector) = &self.selector {
            return Some(selector.clone());
        }
        let marks = marks(&self.text).ok()?;
        let open = marks.iter().find(|(_, mark)| *mark == '{').map(|(place, _)| *place);
        match open {
            Some(open) => {
                let close = marks.iter().find(|(place, mark)| *place > open && *mark == '}').map(|(place, _)| *place)?;
                selector_before(&self.text, &marks, close + 1)
            }
            None => selector_before(&self.text, &marks, self.text.len()).filter(|name| *name == self.text),
        }
    }
}

/// Reads a query as it is typed; lines are joined.
/// # Errors
/// For what no server would understand, or what would mean something else on one line.
pub fn query(typed: &str) -> Result<Query, QueryError> {
    let text = joined(typed)?;
    if text.chars().count() > CHARS_MAX {
        let message = format!("the query has more than {CHARS_MAX} characters");
        return Err(QueryError { message, help: "make a recording rule of it, and ask for that" });
    }
    if let Some(odd) = text.chars().find(|character| !matches!(character, ' '..='~')) {
        let message = format!("the query holds U+{:04X}, which is no plain character", odd as u32);
        return Err(QueryError { message, help: "write it in ASCII; a label's value may be matched by `=~\".\"`" });
    }
    let marks = marks(&text)?;
    let mut ranges = Vec::new();
    let mut selector = None;
    for (open, close) in brackets(&text, &marks) {
        if selector.is_none() {
            selector = selector_before(&text, &marks, open);
        }
        ranges.push(range(&text[open + 1..close])?);
    }
    Ok(Query { text, ranges, selector })
}

/// A range as it stands in a query, without its brackets.
pub fn range_text(span: Millis) -> String {
    match span.0 {
        minutes if minutes % 60_000 == 0 => format!("{}m", minutes / 60_000),
        seconds if seconds % 1000 == 0 => format!("{}s", seconds / 1000),
        other => format!("{other}ms"),
    }
}

/// One line, each run of blanks outside of quotes as one.
fn joined(typed: &str) -> Result<String, QueryError> {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut text = String::with_capacity(typed.len());
    for character in typed.trim().chars() {
        match (quote, character) {
            (None, '#') => {
                return Err(QueryError {
                    message: "a query holds no comments".to_owned(),
                    help: "write the comment as YAML, above the key",
                });
            }
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if character == open && !escaped => quote = None,
            (None, _) if character.is_whitespace() => {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
                continue;
            }
            (Some(_) | None, _) => {}
        }
        escaped = quote.is_some() && character == '\\' && !escaped;
        text.push(character);
    }
    match quote {
        None => Ok(text),
        Some(open) => Err(QueryError { message: format!("a text that begins with {open} does not end"), help: "close the quote" }),
    }
}

/// Brackets, braces and parentheses outside of quotes, with their places.
fn marks(text: &str) -> Result<Vec<(usize, char)>, QueryError> {
    let (mut quote, mut escaped) = (None, false);
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (place, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(mark), _) if character == mark && !escaped => quote = None,
            (None, '(' | '[' | '{') => {
                open.push(character);
                found.push((place, character));
            }
            (None, ')' | ']' | '}') => {
                let pair = matches!((open.pop(), character), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}'));
                if !pair {
                    let message = format!("`{character}` closes nothing that is open");
                    return Err(QueryError { message, help: "pair the parentheses, braces and brackets" });
                }
                found.push((place, character));
            }
            (Some(_) | None, _) => {}
        }
        escaped = quote.is_some() && character == '\\' && !escaped;
    }
    match open.last() {
        None => Ok(found),
        Some(open) => Err(QueryError { message: format!("`{open}` is not closed"), help: "pair the parentheses, braces and brackets" }),
    }
}

/// From where to where each bracket goes.
fn brackets(text: &str, marks: &[(usize, char)]) -> Vec<(usize, usize)> {
    let opened = marks.iter().filter(|(_, mark)| *mark == '[');
    let close = |open: usize| marks.iter().find(|(place, mark)| *place > open && *mark == ']').map_or(text.len(), |(place, _)| *place);
    opened.map(|(open, _)| (*open, close(*open))).collect()
}

fn range(inside: &str) -> Result<Millis, QueryError> {
    let (long, _resolution) = inside.split_once(':').unwrap_or((inside, ""));
    units::span(long.trim()).map_err(|_| {
        let message = format!("`[{inside}]` is no range that can be known beforehand");
        QueryError { message, help: "write the time out, for example `[1m]`; nothing in a plan is expanded" }
    })
}

/// The selector that ends where a bracket opens: a metric's name, its labels in braces, or both.
fn selector_before(text: &str, marks: &[(usize, char)], open: usize) -> Option<String> {
    let before = text[..open].trim_end();
    let labels_at = match before.ends_with('}') {
        true => marks.iter().rev().find(|(place, mark)| *place < open && *mark == '{').map(|(place, _)| *place)?,
        false => before.len(),
    };
    let head = before[..labels_at].trim_end();
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
    let name_at = head.rfind(|character| !is_name(character)).map_or(0, |place| place + 1);
    let selector = &before[name_at..];
    (!selector.is_empty()).then(|| selector.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> Option<String> {
        query(text).unwrap().selector
    }

    #[test]
    fn a_query_of_many_lines_is_one_line_and_quotes_stay_as_they_are() {
        let read = query("sum(\n  increase(http_requests_total{path=~\"/a  b|[c]\"}[1m])\n)\n").unwrap();
        assert_eq!(read.text, "sum( increase(http_requests_total{path=~\"/a  b|[c]\"}[1m]) )");
        assert_eq!(read.ranges, [Millis::from_mins(1)]);
        assert_eq!(read.selector.as_deref(), Some("http_requests_total{path=~\"/a  b|[c]\"}"));
    }

    #[test]
    fn ranges_are_found_in_every_part_and_in_subqueries() {
        let ranges = |text| query(text).unwrap().ranges.iter().map(|range| range.0).collect::<Vec<_>>();
        assert_eq!(ranges("rate(a[1m]) / rate(b[90s])"), [60_000, 90_000]);
        assert_eq!(ranges("max_over_time(rate(a[1m])[5m:15s])"), [60_000, 300_000]);
        assert!(ranges("job:requests:increase1m").is_empty());
    }

    #[test]
    fn the_series_before_a_bracket_are_told() {
        assert_eq!(selector("sum(increase(a_total[1m]))").as_deref(), Some("a_total"));
        assert_eq!(selector("increase({__name__=\"a\", b!=\"}\"}[1m])").as_deref(), Some("{__name__=\"a\", b!=\"}\"}"));
        assert_eq!(selector("max_over_time((a + b)[1m:])"), None);
        assert_eq!(selector("job:requests:increase1m"), None);
    }

    #[test]
    fn the_series_of_a_gauge_are_told_by_their_braces_or_by_being_all_of_it() {
        let first = |text| query(text).unwrap().first_series();
        assert_eq!(first("sum(in_flight{job=\"a\"}) / sum(slots{job=\"a\"})").as_deref(), Some("in_flight{job=\"a\"}"));
        assert_eq!(first("sum by (pod) ({__name__=\"a}\"})").as_deref(), Some("{__name__=\"a}\"}"));
        assert_eq!(first("queue:depth").as_deref(), Some("queue:depth"));
        assert_eq!(first("sum(rate(a_total[1m]))").as_deref(), Some("a_total"));
        assert_eq!(first("sum by (pod) (in_flight)"), None);
    }

    #[test]
    fn what_no_server_would_understand_is_refused() {
        for text in
            ["sum(a", "sum(a))", "a{b=\"c}", "rate(a[$__rate_interval])", "rate(a[1])", "a # all of them\n", "a{b=\"\u{e9}\"}", "(a]"]
        {
            assert!(query(text).is_err(), "{text}");
        }
        assert!(query(&"a".repeat(513)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC*", near in "[a-z_{}()\\[\\]\"'\\\\=~:0-9 msh#é]{0,60}") {
            let _ = query(&text);
            let _ = query(&near);
        }
    }
}
