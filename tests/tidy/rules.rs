//! The rules that one file can break, each with its reason.

use crate::source::{Source, is_word};

/// A file longer than this fails.
pub(crate) const FILE_LINES_MAX: usize = 600;
/// A file longer than this is mentioned.
pub(crate) const FILE_LINES_SMELL: usize = 400;
pub(crate) const FUNCTION_LINES_MAX: usize = 70;

pub(crate) fn violations(source: &Source) -> Vec<String> {
    let mut found = lengths(source);
    if !source.text.starts_with("//!") && source.path != "build.rs" {
        found.push(format!(
            "{}: begins without `//!`; a reader has to learn first what the file is for, and what it leaves to others",
            source.path
        ));
    }
    if matches!(source.path.as_str(), "src/lib.rs" | "src/main.rs") && !source.code.contains("#![forbid(unsafe_code)]") {
        found.push(format!("{}: lacks `#![forbid(unsafe_code)]`; nothing here is worth a memory error", source.path));
    }
    found.extend(words(source));
    found.extend(unowned(source));
    found
}

fn lengths(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push(format!("{}: {lines} lines; a file is one idea, and {FILE_LINES_MAX} lines are more than one", source.path));
    }
    for function in source.functions() {
        // A list of sentences, one for each case of a closed enum, is read like a table and not like an argument.
        let is_table =
            source.path.starts_with("src/words/") || ["src/core/news/tone.rs", "src/core/topic.rs"].contains(&source.path.as_str());
        if function.lines > FUNCTION_LINES_MAX && !is_table {
            let place = format!("{}:{}", source.path, function.line);
            let (name, lines) = (function.name, function.lines);
            found.push(format!(
                "{place}: `{name}` has {lines} lines; what does not fit a screen of {FUNCTION_LINES_MAX} is not read as a whole"
            ));
        }
    }
    found
}

struct Word {
    word: &'static str,
    /// Paths that may use it.
    except: &'static [&'static str],
    because: &'static str,
}

const PRINTS: &str = "a line printed behind the screen's back corrupts it, and printing to a terminal that is gone panics";
const WORDS: &[Word] = &[
    Word { word: "print!", except: &["src/cli/"], because: PRINTS },
    Word { word: "println!", except: &["src/cli/"], because: PRINTS },
    Word { word: "eprint!", except: &["src/cli/"], because: PRINTS },
    Word { word: "eprintln!", except: &["src/cli/"], because: PRINTS },
    Word { word: "dbg!", except: &[], because: "it is a note to oneself" },
    Word {
        word: ".unwrap()",
        except: &[],
        because: "the session must not die of a surprise; handle it, or say with `expect` why it can't happen",
    },
    Word { word: "todo!", except: &[], because: "what is not done is left out, not left behind" },
    Word { word: "unimplemented!", except: &[], because: "what is not done is left out, not left behind" },
    Word { word: "lazy_static!", except: &[], because: "a global is state that no entry explains" },
    Word { word: "static mut", except: &[], because: "a global is state that no entry explains" },
];

/// Words that shipped code must not hold; test code may.
fn words(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for Word { word, except, because } in WORDS {
        if except.iter().any(|path| source.path.starts_with(path)) {
            continue;
        }
        for offset in source.find(word).into_iter().filter(|offset| !source.is_test(*offset)) {
            found.push(format!("{}:{}: `{word}`: {because}", source.path, source.line_of(offset)));
        }
    }
    found
}

/// A note of something left to do names the issue that owns it, as in `TODO(#17)`.
fn unowned(source: &Source) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let mut found = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for mark in marks {
            let Some(offset) = line.find(mark) else { continue };
            let alone = !line[..offset].ends_with(is_word) && !line[offset + mark.len()..].starts_with(is_word);
            if alone && !line[offset..].contains("(#") {
                found.push(format!("{}:{}: `{mark}` without an owner; a promise nobody made is never kept", source.path, number + 1));
            }
        }
    }
    found
}

/// Paths and hosts of somebody's machine have no place in any file of the project.
pub(crate) fn machine_words(path: &str, text: &str) -> Vec<String> {
    // Spelled in two halves, so that this file does not break its own rule.
    let words =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("index.crates", ".io")];
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in words.iter().filter(|word| line.contains(**word)) {
            found.push(format!("{path}:{}: `{word}` is a place on one machine; the project runs on others", number + 1));
        }
    }
    found
}

/// What may lie at the top of the repository.
pub(crate) fn top_level_violations<'a>(entries: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let allowed = ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "src", "themes", "plans", "tests"];
    let strangers = entries.into_iter().filter(|entry| !entry.starts_with('.') && !allowed.contains(entry));
    strangers.map(|entry| format!("{entry}: the top level is a table of contents; put it below one of {}", allowed.join(", "))).collect()
}
