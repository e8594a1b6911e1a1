//! One remark on a plan file: where, what is wrong, what is allowed, what was probably meant. And how it looks on a terminal.
//!
//! The picture is that of a compiler: the line, a caret below the word, the explanation. It is plain text without colour, so that it
//! reads the same in a pipe, a mail and a code review, and it is drawn here because a dozen lines need no library.

use std::fmt::Write as _;

use crate::domain::shown::Shown;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The plan can't be used.
    Error,
    /// It can be used, and somebody should think about it first.
    Warning,
}

/// One remark. `line` and `column` count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub line: usize,
    pub column: usize,
    /// The keys that lead there, as in `triggers[0].threshold`; empty where the text could not be read as far as that.
    pub path: String,
    pub message: String,
    pub allowed: Option<String>,
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// The remark with its line of `text` and a caret. `file` is only printed.
    pub fn render(&self, file: &str, text: &str) -> String {
        let mut out = String::new();
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Writing to a String can't fail.
        let _ = writeln!(out, "{word}: {}", Shown::new(&masked(&self.message)));
        let _ = writeln!(out, "{margin}--> {}:{}:{}", Shown::new(file), self.line, self.column);
        if let Some(line) = text.split('\n').nth(self.line - 1) {
            let (shown, caret) = snippet(line, self.column);
            let _ = writeln!(out, "{margin} |\n{number} | {shown}\n{margin} | {caret}");
        }
        let notes = [("at", Some(&self.path)), ("allowed", self.allowed.as_ref()), ("help", self.suggestion.as_ref())];
        for (label, note) in notes {
            if let Some(note) = note.filter(|note| !note.is_empty()) {
                let _ = writeln!(out, "{margin} = {label}: {}", Shown::new(&masked(note)));
            }
        }
        out
    }
}

impl Diagnostic {
    /// Message, what is allowed and the suggestion, as far as anybody may read them.
    pub fn told(&self) -> (String, Option<String>, Option<String>) {
        let safe = |text: &String| Shown::new(&masked(text)).to_string();
        (safe(&self.message), self.allowed.as_ref().map(safe), self.suggestion.as_ref().map(safe))
    }
}

/// All of `diagnostics`, errors first, each in the order of the text, with a closing count.
pub fn render_all(diagnostics: &[Diagnostic], file: &str, text: &str) -> String {
    let mut sorted: Vec<_> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| (diagnostic.severity, diagnostic.line, diagnostic.column));
    let mut out = String::new();
    for diagnostic in &sorted {
        out.push_str(&diagnostic.render(file, text));
        out.push('\n');
    }
    let errors = sorted.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    out.push_str(&format!("{}, {}\n", counted(errors, "error"), counted(sorted.len() - errors, "warning")));
    out
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Characters of a source line shown on either side of the caret.
const AROUND: usize = 80;

/// The part of `line` around `column`, made safe, and the caret line below it.
fn snippet(line: &str, column: usize) -> (String, String) {
    let characters: Vec<char> = masked(line.trim_end()).chars().collect();
    let at = (column - 1).min(characters.len());
    let start = at.saturating_sub(AROUND);
    let piece = |from: usize, to: usize| Shown::new(&characters[from..to].iter().collect::<String>()).to_string();
    let before = piece(start, at);
    let word = characters[at..].iter().take(AROUND).take_while(|character| !" ,]}".contains(**character)).count();
    let width = match characters.get(at) {
        Some('"' | '\'') => quoted_width(&characters[at..]),
        _ => word,
    };
    let after = piece(at, characters.len().min(at + width.max(AROUND)));
    let indent = " ".repeat(before.chars().count());
    (format!("{before}{after}"), format!("{indent}{}", "^".repeat(width.clamp(1, AROUND))))
}

/// The same text, as long as before, with a star for each character of a user name or password in a URL: a remark may end up in a log.
fn masked(text: &str) -> String {
    let mut out: Vec<char> = text.chars().collect();
    let ends_url = |character: char| " \"'`,]}".contains(character);
    for start in 0..out.len() {
        if out[start..].starts_with(&['/', '/']) {
            let length = out[start + 2..].iter().take_while(|character| !ends_url(**character) && **character != '/').count();
            let authority = &mut out[start + 2..start + 2 + length];
            if let Some(at) = authority.iter().rposition(|character| *character == '@') {
                authority[..at].fill('*');
            }
        }
    }
    out.into_iter().collect()
}

fn quoted_width(characters: &[char]) -> usize {
    let rest = characters[1..].iter().take(AROUND - 2).take_while(|character| **character != characters[0]).count();
    rest + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(line: usize, column: usize) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            line,
            column,
            path: "a.b".into(),
            message: "no\u{1b}[2J".into(),
            allowed: Some("yes".into()),
            suggestion: None,
        }
    }

    #[test]
    fn the_caret_stands_below_the_word() {
        let drawn = remark(2, 4).render("plan.yaml", "x: 1\nb: wrong # why\n");
        let expected = "error: no^[[2J\n --> plan.yaml:2:4\n  |\n2 | b: wrong # why\n  |    ^^^^^\n  = at: a.b\n  = allowed: yes\n";
        assert_eq!(drawn, expected);
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        let text = "probe: \"https://admin:hun@ter2@a.b/x@y\"";
        let drawn = Diagnostic { message: "see https://u:p@h/".into(), ..remark(1, 8) }.render("p", text);
        assert!(drawn.contains("probe: \"https://**************@a.b/x@y\""), "{drawn}");
        assert!(drawn.starts_with("error: see https://***@h/\n"), "{drawn}");
    }

    #[test]
    fn places_outside_the_text_draw_no_snippet_and_no_panic() {
        assert!(!remark(9, 9).render("p", "a").contains('|'));
        assert!(remark(1, 900).render("p", "a").contains('^'));
        assert!(remark(1, 1).render("p", "\"").contains("^^"));
    }
}
