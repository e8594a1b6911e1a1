//! Walking the tree of a plan and noting everything that is wrong with it, without ever stopping at the first thing.
//!
//! A getter notes the problem and returns `None`; whoever builds a value asks for all of its parts first and gives up only then. So one
//! reading finds every mistake. Problems are kept by node and get their line and column at the end.

use crate::{
    domain::{shown::Shown, suggest},
    plan::{
        diagnostic::{Diagnostic, Severity},
        document::{self, Entry, Node, NodeId, Value},
        units::UnitError,
    },
};

/// Problems that are given a position and reported; beyond that the file is not a plan with mistakes but something else.
pub(super) const PROBLEMS_MAX: usize = 100;

/// A value and the keys that lead to it.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    pub node: &'a Node,
    pub path: String,
}

/// What was found so far, still by node.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
}

#[derive(Debug)]
struct Problem {
    severity: Severity,
    node: NodeId,
    path: String,
    message: String,
    allowed: Option<String>,
    suggestion: Option<String>,
}

/// One problem on its way into [`Problems`]; `allowed` and `help` are added as far as there is something to say.
#[must_use = "a note counts only after `error` or `warning`"]
pub(super) struct Note<'p> {
    problems: &'p mut Problems,
    problem: Problem,
}

impl Problems {
    pub(super) fn at(&mut self, at: &At<'_>, message: impl Into<String>) -> Note<'_> {
        self.on(at.node.id, at.path.clone(), message.into())
    }
    pub(super) fn on(&mut self, node: NodeId, path: String, message: String) -> Note<'_> {
        let problem = Problem { severity: Severity::Error, node, path, message, allowed: None, suggestion: None };
        Note { problems: self, problem }
    }

    /// With line and column, in the order of the text, at most [`PROBLEMS_MAX`].
    pub(super) fn located(self, text: &str) -> Vec<Diagnostic> {
        let mut found = self.found;
        found.sort_by_key(|problem| (problem.severity, problem.node));
        let left_out = found.len().saturating_sub(PROBLEMS_MAX);
        found.truncate(PROBLEMS_MAX);
        let mut diagnostics: Vec<_> = found.into_iter().map(|problem| problem.located(text)).collect();
        if let (Some(last), 1..) = (diagnostics.last_mut(), left_out) {
            last.message.push_str(&format!(" (and {left_out} more problems)"));
        }
        diagnostics
    }
}

impl Problem {
    fn located(self, text: &str) -> Diagnostic {
        let place = document::locate(text, self.node);
        let Problem { severity, path, message, allowed, suggestion, .. } = self;
        Diagnostic { severity, line: place.line, column: place.column, path, message, allowed, suggestion }
    }
}

impl Note<'_> {
    pub(super) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.problem.allowed = Some(allowed.into());
        self
    }
    pub(super) fn help(mut self, suggestion: impl Into<String>) -> Self {
        self.problem.suggestion = Some(suggestion.into());
        self
    }
    /// As [`Note::help`], where there may be nothing to suggest.
    pub(super) fn maybe_help(mut self, suggestion: Option<String>) -> Self {
        self.problem.suggestion = suggestion;
        self
    }
    /// Names what is allowed, and which of it was probably meant.
    pub(super) fn one_of(self, typed: &str, known: &[&str]) -> Self {
        let meant = suggest::closest(typed, known.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        let note = self.allowed(known.join(", "));
        if meant.is_some() { note.maybe_help(meant) } else { note }
    }
    pub(super) fn error(self) {
        self.problems.found.push(self.problem);
    }
    pub(super) fn warning(mut self) {
        self.problem.severity = Severity::Warning;
        self.problems.found.push(self.problem);
    }
}

/// A mapping whose keys have been checked.
pub(super) struct Fields<'a> {
    at: At<'a>,
    entries: &'a [Entry],
    known: &'static [&'static str],
}

impl<'a> Fields<'a> {
    /// Notes what is no mapping, and every key that is unknown or written twice.
    pub(super) fn open(problems: &mut Problems, at: At<'a>, known: &'static [&'static str]) -> Option<Fields<'a>> {
        let Value::Map(entries) = &at.node.value else {
            let message = format!("expected a mapping, found {}", at.node.value.kind());
            problems.at(&at, message).allowed(format!("the keys {}", known.join(", "))).error();
            return None;
        };
        for (place, entry) in entries.iter().enumerate() {
            let path = join(&at.path, &entry.key);
            if !known.contains(&entry.key.as_str()) {
                let message = format!("there is no key `{}` here", entry.key);
                problems.on(entry.key_id, path, message).maybe_help(forbidden(&entry.key)).one_of(&entry.key, known).error();
            } else if entries[..place].iter().any(|earlier| earlier.key == entry.key) {
                let message = format!("the key `{}` is written twice", entry.key);
                problems.on(entry.key_id, path, message).allowed("each key once").help("remove one of them").error();
            }
        }
        Some(Fields { at, entries, known })
    }

    pub(super) fn at(&self) -> &At<'a> {
        &self.at
    }

    /// The value of `key`, if it is written; a key without a value is a mistake.
    pub(super) fn optional(&self, problems: &mut Problems, key: &'static str) -> Option<At<'a>> {
        debug_assert!(self.known.contains(&key), "{key} is asked for and not in the list of known keys");
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let at = At { node: &entry.value, path: join(&self.at.path, key) };
        if entry.value.value == Value::Empty {
            problems.on(entry.key_id, at.path, format!("`{key}` has no value")).help("write one, or remove the key").error();
            return None;
        }
        Some(at)
    }

    /// The value of `key`; `example` says how it may look when it is missing.
    pub(super) fn required(&self, problems: &mut Problems, key: &'static str, example: &str) -> Option<At<'a>> {
        if !self.has(key) {
            let message = format!("`{key}` is missing");
            problems.at(&self.at, message).help(format!("add `{key}: {example}`")).error();
            return None;
        }
        self.optional(problems, key)
    }

    /// The value of `key` as it is written, for a remark of its own.
    pub(super) fn entry(&self, key: &str) -> Option<At<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(At { node: &entry.value, path: join(&self.at.path, key) })
    }

    /// Whether some key is none that is known, so that what is left out may have been meant by it.
    pub(super) fn has_unknown(&self) -> bool {
        self.entries.iter().any(|entry| !self.known.contains(&entry.key.as_str()))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }
}

/// What people look for in a plan and won't find, with the reason.
fn forbidden(key: &str) -> Option<String> {
    let reason = match key.to_ascii_lowercase().as_str() {
        "<<" => "merge keys are not read; write the values out",
        "command" | "commands" | "exec" | "run" | "script" | "shell" | "hook" | "hooks" | "steps" => {
            "a plan can't run commands; it only names things and bounds"
        }
        "include" | "includes" | "import" | "extends" | "file" | "path" => {
            "a plan names no files; what the cluster is to hold lies in the folder of the plan's name, and is named by `manifests`"
        }
        "env" | "environment" | "headers" | "header" => "a plan is sent as it is written; there is nothing to expand or to add",
        "kubeconfig" | "credentials" | "token" | "password" | "secret" | "api_key" | "key_file" => {
            "credentials come from the host's own identity, never from a plan"
        }
        "bearer_file" | "bearer_token" | "bearer_token_file" | "credentials_file" | "authorization" => {
            "use `auth: bearer`; the host keeps the token, in a file named after the server, so that no plan can send another file away"
        }
        "request_rate" | "error_rate" | "drop_rate" => {
            "give counts: `requests`, `failures` and `dropped` within the window, by `increase(…)`; a share alone can't be proven"
        }
        "to_revisions" | "to-revisions" | "tag" => "name the revisions as backends of a route with the driver `cloud_run_revisions`",
        _ => return None,
    };
    Some(reason.to_owned())
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The entries of a list that has to have some.
pub(super) fn list<'a>(problems: &mut Problems, at: &At<'a>, what: &str) -> Option<Vec<At<'a>>> {
    match &at.node.value {
        Value::List(nodes) if !nodes.is_empty() => {
            Some(nodes.iter().enumerate().map(|(place, node)| At { node, path: format!("{}[{place}]", at.path) }).collect())
        }
        Value::List(_) => {
            problems.at(at, "the list is empty").allowed(format!("a list of {what} that is not empty")).error();
            None
        }
        other @ (Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_)) => {
            problems.at(at, format!("expected a list, found {}", other.kind())).allowed(format!("a list of {what}")).error();
            None
        }
    }
}

/// A text that says something.
pub(super) fn text<'a>(problems: &mut Problems, at: &At<'a>) -> Option<&'a str> {
    match &at.node.value {
        Value::Text(text) if text.trim().is_empty() => {
            problems.at(at, "the text is empty").error();
            None
        }
        Value::Text(text) => Some(text),
        other @ (Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_)) => {
            let quoted = match other {
                Value::Integer(value) => Some(format!("put it in quotes: \"{value}\"")),
                Value::Bool(value) => Some(format!("put it in quotes: \"{value}\"")),
                Value::Empty | Value::Float(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
            };
            problems.at(at, format!("expected text, found {}", other.kind())).maybe_help(quoted).error();
            None
        }
    }
}

/// Longest title and name for people, in characters; it has to fit a line of the screen.
const TITLE_CHARS_MAX: usize = 80;

pub(super) fn title(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = text(problems, at)?;
    let count = text.chars().count();
    if count > TITLE_CHARS_MAX {
        let message = format!("the text has {count} characters");
        problems.at(at, message).allowed(format!("at most {TITLE_CHARS_MAX} characters, one line of a screen")).error();
        return None;
    }
    Some(Shown::new(text))
}

/// One of our own words.
pub(super) fn word<T: Copy>(problems: &mut Problems, at: &At<'_>, words: &[(&str, T)]) -> Option<T> {
    let typed = text(problems, at)?;
    let found = words.iter().find(|(word, _)| *word == typed);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        problems.at(at, format!("`{typed}` is not known here")).one_of(typed, &known).error();
    }
    found.map(|(_, value)| *value)
}

/// A number with a unit, read by one of `units`; numbers are handed over as they print.
pub(super) fn quantity<T>(problems: &mut Problems, at: &At<'_>, allowed: &str, parse: fn(&str) -> Result<T, UnitError>) -> Option<T> {
    let typed = match &at.node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        other @ (Value::Empty | Value::Bool(_) | Value::List(_) | Value::Map(_)) => {
            problems.at(at, format!("expected a quantity, found {}", other.kind())).allowed(allowed).error();
            return None;
        }
    };
    match parse(&typed) {
        Ok(value) => Some(value),
        Err(UnitError { message, suggestion }) => {
            problems.at(at, message).allowed(allowed).maybe_help(suggestion).error();
            None
        }
    }
}

/// A whole number within bounds.
pub(super) fn count(problems: &mut Problems, at: &At<'_>, least: u64, most: u64) -> Option<u64> {
    let found = match &at.node.value {
        Value::Integer(value) => u64::try_from(*value).ok().filter(|value| (least..=most).contains(value)),
        Value::Empty | Value::Bool(_) | Value::Float(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    };
    if found.is_none() {
        let message = format!("expected a whole number, found {}", at.node.value.kind());
        let message =
            if matches!(at.node.value, Value::Integer(_)) { format!("{} is out of bounds", at.node.value.kind()) } else { message };
        problems.at(at, message).allowed(format!("a whole number from {least} to {most}")).error();
    }
    found
}

/// Notes every text that looks as if something should be put in its place when the plan is read: nothing ever is.
pub(super) fn refuse_expansion(problems: &mut Problems, at: &At<'_>) {
    match &at.node.value {
        Value::Text(text) => {
            let signs = [("${", "`${`"), ("$(", "`$(`"), ("`", "a backtick")];
            if let Some((_, shown)) = signs.into_iter().find(|(sign, _)| text.contains(sign)) {
                let message = format!("{shown} looks like something to be filled in or run");
                let reason = "write the value itself; a plan is never expanded, so that what was reviewed is what runs";
                problems.at(at, message).allowed("plain text").help(reason).error();
            }
        }
        Value::List(nodes) => {
            for (place, node) in nodes.iter().enumerate() {
                refuse_expansion(problems, &At { node, path: format!("{}[{place}]", at.path) });
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                refuse_expansion(problems, &At { node: &entry.value, path: join(&at.path, &entry.key) });
            }
        }
        Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
    }
}
