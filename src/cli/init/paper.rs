//! The sheet that a plan is written on: one line after the other, each with where it was found.

use super::said::Said;
use crate::{cli::check::undecided::DECIDE, domain::shown::Shown};

/// Where remarks begin, if the line before them is not longer.
const REMARK_COLUMN: usize = 52;
/// As far as a remark of its own goes.
const WIDTH: usize = 140;

#[derive(Debug, Default)]
pub(super) struct Paper {
    text: String,
}

impl Paper {
    pub(super) fn text(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// `what` as it stands in the plan, with a remark behind it.
    pub(super) fn line(&mut self, indent: usize, what: &str, remark: &str) {
        let line = format!("{}{what}", " ".repeat(indent));
        if remark.is_empty() {
            self.text.push_str(&format!("{line}\n"));
        } else {
            self.text.push_str(&format!("{line:<REMARK_COLUMN$} # {}\n", Shown::new(remark)));
        }
    }

    /// A key with its value in whatever quotes it needs.
    pub(super) fn key(&mut self, indent: usize, key: &str, value: &str, remark: &str) {
        self.line(indent, &format!("{key}: {}", quoted(value)), remark);
    }

    /// A value that was found, or the question for it.
    pub(super) fn said(&mut self, indent: usize, key: &str, said: &Said) {
        match said {
            Said::Found { value, from } => self.key(indent, key, value, from),
            Said::Open { ask, propose } => self.open(indent, &format!("{key}: {}", quoted(propose)), ask),
        }
    }

    /// A line that somebody has to decide on; with the sign taken away it is what was proposed.
    pub(super) fn open(&mut self, indent: usize, what: &str, ask: &str) {
        self.remark(indent, &format!("{DECIDE} {ask}"));
        self.line(indent, &format!("# {what}"), "");
    }

    /// A line that stands for what excludes something else, or is needed by what does: two signs, so that whoever takes one away from every line that
    /// has one gets a plan that holds together.
    pub(super) fn alternative(&mut self, indent: usize, what: &str) {
        self.line(indent, &format!("## {what}"), "");
    }

    /// Lines of remarks alone.
    pub(super) fn remark(&mut self, indent: usize, remark: &str) {
        // One name may be longer than a remark is allowed to be; it is cut, and so are they all together.
        let remark: Vec<Shown> = remark.split(' ').filter(|word| !word.is_empty()).map(Shown::new).collect();
        let margin = format!("{}#", " ".repeat(indent));
        let mut line = margin.clone();
        for word in remark {
            if line.chars().count() + 1 + word.as_str().chars().count() > WIDTH && line != margin {
                self.text.push_str(&format!("{line}\n"));
                line.clone_from(&margin);
            }
            line.push(' ');
            line.push_str(word.as_str());
        }
        self.text.push_str(&format!("{line}\n"));
    }

    /// A command to paste, whole and on one line.
    pub(super) fn command(&mut self, command: &str) {
        self.text.push_str(&format!("#   {}\n", crate::domain::shown::harmless(&command.replace('\n', " "))));
    }
}

/// As it is where YAML takes it for this text and nothing else, in double quotes otherwise.
pub(super) fn quoted(text: &str) -> String {
    let shown = Shown::new(text);
    let text = shown.as_str();
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let plain = text.chars().all(|character| character.is_ascii_alphanumeric() || " ._-/:()=".contains(character));
    let other = text.contains(": ") || text.ends_with([':', ' ']) || text.contains(" #");
    let word = ["true", "false", "null", "yes", "no", "on", "off", "nan", "inf", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    // Shares and durations are ours, and begin with a digit.
    let amount = text.starts_with(|first: char| first.is_ascii_digit())
        && text.ends_with(['%', 's', 'm', 'd', 'h'])
        && text.chars().all(|character| character.is_ascii_alphanumeric() || ".%".contains(character));
    if amount || (begins && plain && !other && !word) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_the_text_that_it_was() {
        let names = [
            "frontend",
            "us-central1",
            "5%",
            "2m",
            "true",
            "No",
            "null",
            "007",
            "1e3",
            "0x1f",
            "a: b",
            "a #b",
            "#a",
            "- a",
            "[a]",
            "{a",
            "a, b",
            "'a'",
            "\"a\"",
            "a\\",
            "a\"b",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "?",
            "",
            " a",
            "a ",
            "a:",
            "https://a.example.com/x",
            "über",
            "a\u{fffd}b",
            "12:30:45",
            "~",
        ];
        for name in names {
            let text = format!("key: {}\n", quoted(name));
            let read: serde_yaml::Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read["key"].as_str(), Some(name), "{text}");
            let flow = format!("[{}, x]", quoted(name));
            let read: serde_yaml::Value = serde_yaml::from_str(&flow).unwrap_or_else(|error| panic!("{flow}: {error}"));
            assert_eq!(read[0].as_str(), Some(name), "{flow}");
        }
    }

    #[test]
    fn nothing_that_others_wrote_leaves_its_line_or_its_quotes() {
        let evil = "x\nrun: evil\u{1b}[2J\u{202e} # \"'";
        let mut paper = Paper::default();
        paper.key(2, "name", evil, evil);
        paper.remark(0, evil);
        paper.said(0, "name", &Said::open(evil, evil));
        paper.command(evil);
        let text = paper.text();
        let plain = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        assert_eq!(plain.count(), 1, "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
}
