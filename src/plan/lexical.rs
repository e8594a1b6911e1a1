//! A look at the plan's text before the YAML parser sees it: size, encoding, unseen characters, and the parts of YAML that plans go without.
//!
//! Anchors, aliases, tags, block text, directives and further documents make a file that means something else than it seems to, or that
//! grows when it is read. The parser resolves them silently, so they are looked for here, line by line; for that, quoted text has to end
//! on the line on which it begins. This is the first fence and leans towards refusing; the node budget of `document` is the second.

use crate::{
    domain::shown::Shown,
    plan::{
        diagnostic::{Diagnostic, Severity},
        document::{DEPTH_MAX, Place},
    },
};

/// Largest plan file, in bytes.
pub const BYTES_MAX: usize = 256 * 1024;
/// Furthest to the right that a line may begin; bounds the depth of nesting by indentation before anything is parsed.
const INDENT_MAX: usize = 128;
/// Flaws reported of one file; a file that has more is no plan.
const FLAWS_MAX: usize = 100;

/// The text of the file, or why it can't be one.
/// # Errors
/// What makes it unsafe even to parse: size, encoding, unseen characters.
pub fn text(bytes: &[u8]) -> Result<&str, Vec<Diagnostic>> {
    if bytes.len() > BYTES_MAX {
        let message = "the file is larger than any plan".to_owned();
        let allowed = format!("at most {BYTES_MAX} bytes (256 KiB)");
        return Err(vec![flaw(Place { line: 1, column: 1 }, message, &allowed, None)]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        vec![flaw(Place { line, column }, "the file is not UTF-8 text".to_owned(), "UTF-8", None)]
    })?;
    let mut flaws = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let unseen = line.chars().enumerate().find(|(_, character)| is_unseen(*character));
        if let Some((column, character)) = unseen {
            let place = Place { line: number + 1, column: column + 1 };
            let (message, help) = match character {
                '\t' => ("a tab is as wide as each editor likes, and YAML won't have it".to_owned(), "put two spaces in its place"),
                blank if blank.is_whitespace() => {
                    (format!("the character U+{:04X} looks like a space and is none to YAML", blank as u32), "put a space in its place")
                }
                _ => (format!("the character U+{:04X} can't be seen or changes how the line reads", character as u32), "remove it"),
            };
            flaws.push(flaw(place, message, "printable characters and spaces", Some(help)));
        }
    }
    flaws.truncate(FLAWS_MAX);
    if flaws.is_empty() { Ok(text) } else { Err(flaws) }
}

fn is_unseen(character: char) -> bool {
    let looks_empty = || character.is_whitespace() || BLANK.contains(&character);
    let shown_otherwise = || Shown::new(character.encode_utf8(&mut [0; 4])).as_str() != character.to_string();
    character != ' ' && !character.is_ascii_graphic() && (looks_empty() || shown_otherwise())
}

/// Letters and symbols that most fonts draw as nothing.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// What of YAML a plan must not use, and whether it is still safe to parse.
pub struct Scanned {
    pub flaws: Vec<Diagnostic>,
    pub nesting: Nesting,
    /// The lines, from 1, that end one document and begin the next; a plan is one.
    pub divisions: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    Bounded,
    TooDeep,
}

/// Which parts of YAML a file may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One document, every value on its line.
    Plan,
    /// Documents one after the other, with text in blocks: what people write for Kubernetes.
    Manifest,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Dialect::Plan => "a plan",
            Dialect::Manifest => "a manifest",
        }
    }
}

/// Appearance for the parts of YAML that a file of this kind goes without.
pub fn scan(text: &str, dialect: Dialect) -> Scanned {
    let mut scanner = Scanner { dialect, flaws: Vec::new(), nesting: Nesting::Bounded, flow_depth: 0, block: None, divisions: Vec::new() };
    for (number, line) in text.split('\n').enumerate() {
        let characters: Vec<char> = line.trim_end().chars().collect();
        scanner.line(number + 1, &characters);
        if scanner.nesting == Nesting::TooDeep || scanner.flaws.len() >= FLAWS_MAX {
            break;
        }
    }
    Scanned { flaws: scanner.flaws, nesting: scanner.nesting, divisions: scanner.divisions }
}

struct Scanner {
    dialect: Dialect,
    flaws: Vec<Diagnostic>,
    nesting: Nesting,
    flow_depth: usize,
    /// The column, from 0, of whatever holds the text in a block that goes on: lines further in are its own.
    block: Option<usize>,
    divisions: Vec<usize>,
}

impl Scanner {
    fn line(&mut self, line: usize, characters: &[char]) {
        let indent = characters.iter().take_while(|character| **character == ' ').count();
        if let Some(holder) = self.block {
            if characters.is_empty() || indent > holder {
                return;
            }
            self.block = None;
        }
        if self.document_mark(line, characters) {
            return;
        }
        let mut at = 0;
        let mut markers = 0;
        while let Some(&character) = characters.get(at).filter(|_| self.flaws.len() < FLAWS_MAX) {
            let ends = characters.get(at + 1).is_none_or(|next| *next == ' ');
            let place = Place { line, column: at + 1 };
            at = match character {
                ' ' | ',' | ':' => at + 1,
                '#' => return,
                '-' if ends => {
                    markers += 1;
                    at + 1
                }
                '?' if ends => {
                    markers += 1;
                    self.refuse(place, "a complex key (`?`)", at + 1)
                }
                '&' => self.refuse(place, "an anchor (`&`)", end_of_word(characters, at)),
                '*' => self.refuse(place, "an alias (`*`)", end_of_word(characters, at)),
                '!' => self.refuse(place, "a tag (`!`)", end_of_word(characters, at)),
                '|' | '>' if self.dialect == Dialect::Manifest && self.flow_depth == 0 && at > 0 => {
                    self.block = Some(holder_of_block(characters, at));
                    characters.len()
                }
                '|' | '>' => self.refuse(place, "text in a block (`|`, `>`)", characters.len()),
                '[' | '{' => {
                    self.flow_depth += 1;
                    at + 1
                }
                ']' | '}' => {
                    self.flow_depth = self.flow_depth.saturating_sub(1);
                    at + 1
                }
                '"' | '\'' => match end_of_quote(characters, at) {
                    Some(end) => end,
                    None => self.refuse(place, "quoted text that goes on on the next line", characters.len()),
                },
                _ => end_of_plain(characters, at, self.flow_depth),
            };
            if markers > DEPTH_MAX || self.flow_depth > DEPTH_MAX {
                return self.too_deep(place);
            }
        }
        if indent > INDENT_MAX {
            self.too_deep(Place { line, column: indent + 1 });
        }
    }

    /// `---` may open the file; a second one, `...` and `%` directives may not occur.
    fn document_mark(&mut self, line: usize, characters: &[char]) -> bool {
        let start: String = characters.iter().take(4).collect();
        let place = Place { line, column: 1 };
        let rest = characters.get(3..).unwrap_or_default().iter().find(|character| **character != ' ');
        let is_alone = rest.is_none_or(|character| *character == '#');
        match start.trim_end() {
            "---" if self.dialect == Dialect::Manifest && is_alone && self.flow_depth == 0 => self.divisions.push(line),
            "---" if self.dialect == Dialect::Manifest => _ = self.refuse(place, "more than a comment behind `---`", 0),
            "---" if line == 1 => {}
            "---" => _ = self.refuse(place, "a second document (`---`)", 0),
            "..." => _ = self.refuse(place, "an end of document (`...`)", 0),
            other if other.starts_with('%') && self.flow_depth == 0 => _ = self.refuse(place, "a directive (`%`)", 0),
            _ => return false,
        }
        true
    }

    fn refuse(&mut self, place: Place, what: &str, resume_at: usize) -> usize {
        let message = format!("{} can't hold {what}", self.dialect.name());
        let suggestion = "write the value out; quote text that begins with such a character";
        let allowed = match self.dialect {
            Dialect::Plan => "plain YAML: text on one line, numbers, lists and mappings",
            Dialect::Manifest => "plain YAML: text on one line or in a block, numbers, lists and mappings",
        };
        self.flaws.push(flaw(place, message, allowed, Some(suggestion)));
        resume_at
    }

    fn too_deep(&mut self, place: Place) {
        self.nesting = Nesting::TooDeep;
        let message = format!("lists and mappings are nested more than {DEPTH_MAX} deep");
        self.flaws.push(flaw(place, message, &format!("a depth of {DEPTH_MAX}"), None));
    }
}

/// Where whatever holds a block stands that begins at `at`: its key, or the mark of the list's entry.
fn holder_of_block(characters: &[char], at: usize) -> usize {
    let blanks = |from: usize| characters[from..].iter().take_while(|character| **character == ' ').count();
    let mut holder = blanks(0);
    loop {
        let is_mark = characters[holder] == '-' && characters.get(holder + 1).is_none_or(|next| *next == ' ');
        let next = holder + 1 + blanks((holder + 1).min(characters.len()));
        if !is_mark || next >= at {
            return holder;
        }
        holder = next;
    }
}

fn end_of_word(characters: &[char], at: usize) -> usize {
    let length = characters[at..].iter().take_while(|character| !" ,[]{}".contains(**character)).count();
    at + length.max(1)
}

/// One past the closing quote, if it is on this line.
fn end_of_quote(characters: &[char], at: usize) -> Option<usize> {
    let quote = characters[at];
    let mut next = at + 1;
    while let Some(&character) = characters.get(next) {
        match character {
            '\\' if quote == '"' => next += 2,
            '\'' if quote == '\'' && characters.get(next + 1) == Some(&'\'') => next += 2,
            other if other == quote => return Some(next + 1),
            _ => next += 1,
        }
    }
    None
}

/// One past the end of unquoted text: before `: `, before ` #`, and inside brackets also before a comma or bracket.
fn end_of_plain(characters: &[char], at: usize, flow_depth: usize) -> usize {
    let mut next = at;
    while let Some(&character) = characters.get(next) {
        let ends = characters.get(next + 1).is_none_or(|after| *after == ' ' || (flow_depth > 0 && ",[]{}".contains(*after)));
        match character {
            ':' if ends => return next,
            '#' if next > at && characters[next - 1] == ' ' => return next,
            ',' | '[' | ']' | '{' | '}' if flow_depth > 0 => return next,
            _ => next += 1,
        }
    }
    next
}

pub(super) fn flaw(place: Place, message: String, allowed: &str, suggestion: Option<&str>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        line: place.line,
        column: place.column,
        path: String::new(),
        message,
        allowed: Some(allowed.to_owned()),
        suggestion: suggestion.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<(usize, usize)> {
        scan(text, Dialect::Plan).flaws.iter().map(|flaw| (flaw.line, flaw.column)).collect()
    }

    #[test]
    fn anchors_aliases_and_tags_are_found_wherever_a_value_may_begin() {
        assert_eq!(
            columns("a: &x 1\nb: *x\nc: !!str 1\n- [1, &y 2]\n- {k: *y}\n- - &z 1\n"),
            [(1, 4), (2, 4), (3, 4), (4, 7), (5, 7), (6, 5)]
        );
        assert_eq!(columns("a: |\n  text\n"), [(1, 4)]);
        assert_eq!(columns("---\na: 1\n---\nb: 1\n"), [(3, 1)]);
        assert_eq!(columns("a: \"begins\n  & ends\"\n").first(), Some(&(1, 4)));
    }

    #[test]
    fn the_same_signs_inside_text_are_nobodys_business() {
        assert_eq!(columns("a: R&D * 2 ! # &c *d\nb: \"&x: *y\"\nc: 'it''s &z'\nd: https://a.b/c\n"), []);
        assert_eq!(columns("ladder: [1%, 5%, 100%]\n"), []);
    }

    #[test]
    fn what_manifests_may_hold_beside_is_skipped_to_its_end() {
        let scanned = |text: &str| {
            let Scanned { flaws, divisions, .. } = scan(text, Dialect::Manifest);
            (flaws.iter().map(|flaw| (flaw.line, flaw.column)).collect::<Vec<_>>(), divisions)
        };
        assert_eq!(scanned("---\na: 1\n--- # next\nb: |\n  *x\n---\nc: &d 1\n"), (vec![(7, 4)], vec![1, 3, 6]));
        // A block ends where a line stands no further in than its key, or than the mark of its entry.
        assert_eq!(scanned("- a: |\n    &x\n  b: &y 1\n- |\n &z\n- &w 1\n"), (vec![(3, 6), (6, 3)], vec![]));
        assert_eq!(scanned("a: [|, 1]\n").0, [(1, 5)]);
        assert_eq!(scanned("--- a: 1\n%YAML 1.2\n...\n").0, [(1, 1), (2, 1), (3, 1)]);
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_parsed() {
        assert_eq!(scan(&"[".repeat(100_000), Dialect::Plan).nesting, Nesting::TooDeep);
        assert_eq!(scan(&"- ".repeat(100_000), Dialect::Plan).nesting, Nesting::TooDeep);
        assert_eq!(scan(&format!("{}a: 1", " ".repeat(200)), Dialect::Plan).nesting, Nesting::TooDeep);
    }

    #[test]
    fn what_cannot_be_seen_is_pointed_at() {
        let flaws = text("name: a\u{202e}b\nx: \u{1b}[31m\n".as_bytes()).unwrap_err();
        let places: Vec<_> = flaws.iter().map(|flaw| (flaw.line, flaw.column)).collect();
        assert_eq!(places, [(1, 8), (2, 4)]);
        assert_eq!(text(b"ab\n\xff").unwrap_err()[0].line, 2);
        assert!(text(&vec![b'a'; BYTES_MAX + 1]).is_err());
    }
}
