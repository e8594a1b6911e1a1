//! From a manifest's bytes to its documents, as strictly as a plan is read, and with each value's line.
//!
//! Beside what plans may hold, a manifest has documents one after the other and text in blocks, since that is how Kubernetes is written. Anchors,
//! aliases, tags, merge keys and keys that are written twice are refused, and so is what YAML 1.1, which `kubectl` reads, takes for something
//! else than YAML 1.2 does: one file must not be two. Whether a document is a Kubernetes object, and a good one, is not asked here. A Secret that
//! holds its data is refused: a plan is kept in the journal for good.

use crate::plan::{
    diagnostic::Diagnostic,
    document::{self, Node, NodeId, Place, Value},
    lexical::{self, Dialect, Nesting},
    reader::{self, At, Problems},
    syntax,
};

/// Largest manifest, in bytes.
pub const BYTES_MAX: usize = 64 * 1024;
/// Documents of one manifest.
const DOCUMENTS_MAX: usize = 100;

/// One document of a manifest that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub root: Node,
    text: String,
    /// Lines of the file before the text.
    before: usize,
}

impl Document {
    /// Where in the whole file a node of it begins.
    pub fn place(&self, id: NodeId) -> Place {
        let Place { line, column } = document::locate(&self.text, id);
        Place { line: line + self.before, column }
    }
}

/// Reads a manifest's bytes.
/// # Errors
/// Every problem, in the order of the text.
pub fn read(bytes: &[u8]) -> Result<Vec<Document>, Vec<Diagnostic>> {
    if bytes.len() > BYTES_MAX {
        let message = "the file is larger than any manifest of a plan".to_owned();
        let allowed = format!("at most {BYTES_MAX} bytes (64 KiB)");
        return Err(vec![lexical::flaw(Place { line: 1, column: 1 }, message, &allowed, Some("make two of it, and name both"))]);
    }
    let text = lexical::text(bytes)?;
    let scanned = lexical::scan(text, Dialect::Manifest);
    let mut diagnostics = scanned.flaws;
    if scanned.nesting == Nesting::TooDeep {
        return Err(diagnostics);
    }
    let mut documents = Vec::new();
    for (before, text) in divided(text, &scanned.divisions) {
        if is_empty(&text) {
            continue;
        }
        match document::read(&text) {
            Ok(root) if root.value == Value::Empty => {}
            Ok(root) => {
                diagnostics.extend(judged(&root, &text).into_iter().map(|remark| Diagnostic { line: remark.line + before, ..remark }));
                documents.push(Document { root, text, before });
            }
            // The first fence has usually said it already, and better.
            Err(_) if !diagnostics.is_empty() => {}
            Err(unreadable) => {
                let remark = syntax::diagnosed(unreadable, &text);
                diagnostics.push(Diagnostic { line: remark.line + before, ..remark });
            }
        }
    }
    if documents.len() > DOCUMENTS_MAX {
        let message = format!("the file has {} documents", documents.len());
        let allowed = format!("at most {DOCUMENTS_MAX}");
        diagnostics.push(lexical::flaw(Place { line: 1, column: 1 }, message, &allowed, Some("make two of it, and name both")));
    }
    if documents.is_empty() && diagnostics.is_empty() {
        let message = "the file holds no document".to_owned();
        diagnostics.push(lexical::flaw(Place { line: 1, column: 1 }, message, "one Kubernetes object or more", None));
    }
    if diagnostics.is_empty() { Ok(documents) } else { Err(diagnostics) }
}

/// The text of each document, with the number of lines before it.
fn divided(text: &str, divisions: &[usize]) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let begins = std::iter::once(0).chain(divisions.iter().copied());
    let ends = divisions.iter().map(|line| line - 1).chain(std::iter::once(lines.len()));
    begins.zip(ends).map(|(begin, end)| (begin, lines[begin..end.max(begin)].join("\n"))).collect()
}

/// Nothing but remarks.
fn is_empty(text: &str) -> bool {
    text.lines().map(str::trim_start).all(|line| line.is_empty() || line.starts_with('#'))
}

/// What the tree itself shows.
fn judged(root: &Node, text: &str) -> Vec<Diagnostic> {
    let mut problems = Problems::default();
    let at = At { node: root, path: String::new() };
    strictly(&mut problems, &at, text);
    refuse_secret(&mut problems, &at);
    problems.located(text)
}

fn strictly(problems: &mut Problems, at: &At<'_>, text: &str) {
    match &at.node.value {
        Value::Map(entries) => {
            for (place, entry) in entries.iter().enumerate() {
                let path = reader::join(&at.path, &entry.key);
                if entry.key == "<<" {
                    let message = "merge keys are not read".to_owned();
                    problems.on(entry.key_id, path.clone(), message).help("write the values out").error();
                } else if entries[..place].iter().any(|earlier| earlier.key == entry.key) {
                    let message = format!("the key `{}` is written twice", entry.key);
                    problems.on(entry.key_id, path.clone(), message).allowed("each key once").help("remove one of them").error();
                }
                strictly(problems, &At { node: &entry.value, path }, text);
            }
        }
        Value::List(items) => {
            for (place, node) in items.iter().enumerate() {
                strictly(problems, &At { node, path: format!("{}[{place}]", at.path) }, text);
            }
        }
        Value::Text(word) => {
            let Some(other) = read_otherwise(word) else { return };
            if !is_quoted(text, at.node.id) {
                let message = format!("`{word}` is text here, and {other} to kubectl, which reads YAML 1.1");
                problems.at(at, message).help(format!("put it in quotes, \"{word}\", or write what is meant")).error();
            }
        }
        Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
    }
}

/// What YAML 1.1 takes a plain word for that is text in YAML 1.2, if it does.
fn read_otherwise(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let is_number = word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    match lower.as_str() {
        "y" | "yes" | "on" | "n" | "no" | "off" => Some("a truth value"),
        _ if is_number => Some("a number, in octal digits if it begins with 0"),
        _ => None,
    }
}

fn is_quoted(text: &str, id: NodeId) -> bool {
    let Place { line, column } = document::locate(text, id);
    let begins = text.split('\n').nth(line - 1).and_then(|line| line.chars().nth(column - 1));
    matches!(begins, Some('"' | '\'' | '|' | '>'))
}

fn refuse_secret(problems: &mut Problems, at: &At<'_>) {
    if at.node.get("kind").and_then(Node::text) != Some("Secret") {
        return;
    }
    for entry in at.node.entries().iter().filter(|entry| ["data", "stringData"].contains(&entry.key.as_str())) {
        let path = reader::join(&at.path, &entry.key);
        let message = "a plan is kept in the journal for good, and so would this secret be".to_owned();
        let help = "keep it in Secret Manager, or make the Secret by hand, and name it here by reference alone";
        problems.on(entry.key_id, path, message).allowed("a Secret without data").help(help).error();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minded(text: &str) -> Vec<(usize, usize, String)> {
        let problems = read(text.as_bytes()).expect_err(text);
        problems.into_iter().map(|problem| (problem.line, problem.column, problem.message)).collect()
    }

    #[test]
    fn each_document_keeps_its_lines() {
        let text = "# first\n---\na: 1\n---\n# none\n---\nb:\n  - c: |\n      two\n      lines\n    d: 2\n";
        let documents = read(text.as_bytes()).unwrap();
        let [first, second] = &documents[..] else { panic!("{documents:#?}") };
        assert_eq!(first.place(first.root.get("a").unwrap().id), Place { line: 3, column: 4 });
        let entry = &second.root.get("b").unwrap().items()[0];
        assert_eq!(entry.get("c").unwrap().text(), Some("two\nlines\n"));
        assert_eq!(second.place(entry.get("d").unwrap().id), Place { line: 11, column: 8 });
        assert_eq!(second.root.json(), serde_json::json!({"b": [{"c": "two\nlines\n", "d": 2}]}));
    }

    #[test]
    fn what_two_readers_take_for_two_things_is_refused_unless_it_is_quoted() {
        let said = minded("a: yes\nmode: 0644\nb: \"no\"\nc: 'on'\n---\nd: [off]\ne: {f: 1, f: 2}\n<<: {g: 1}\n");
        let places: Vec<_> = said.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(places, [(1, 4), (2, 7), (6, 5), (7, 11), (8, 1)], "{said:#?}");
        assert!(read(b"a: \"yes\"\nb: true\nc: 420\nd: 0\ne: 1.2.3\n").is_ok());
    }

    #[test]
    fn a_secret_is_not_taken_in_and_its_name_is() {
        let said = minded("kind: Secret\nmetadata: {name: a}\nstringData: {key: hunter2}\n");
        assert!(said.len() == 1 && said[0].0 == 3 && !said[0].2.contains("hunter2"), "{said:#?}");
        assert!(read(b"kind: Secret\nmetadata: {name: a}\n").is_ok());
    }

    #[test]
    fn bombs_and_floods_end_at_the_budget() {
        for bomb in ["[", "- ", "{a: ", "&a [", "---\n", "a: |\n", "? "] {
            let flood = bomb.repeat(BYTES_MAX / bomb.len());
            assert!((1..=101).contains(&read(flood.as_bytes()).unwrap_err().len()), "{bomb}");
        }
        assert_eq!(read(&vec![b'a'; BYTES_MAX + 1]).unwrap_err().len(), 1);
        assert_eq!(minded("a: 1\nb: *x\n").len(), 1);
        let many = "a: 1\n---\n".repeat(DOCUMENTS_MAX + 1);
        assert!(minded(&many)[0].2.contains("101 documents"));
    }
}
