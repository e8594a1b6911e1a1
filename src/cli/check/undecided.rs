//! The questions of a plan that `cutover init` has written: those that nobody has answered yet, each at its line.
//!
//! A question is a remark that begins with [`DECIDE`], with the line that it proposes below it, behind a `#`. It is answered when that line has
//! lost its sign, or when the key that it proposes is the next that the plan writes. A plan can be whole while a question is open, where the key
//! may be left out; whoever leaves it out takes the question away with it.

use crate::plan::diagnostic::{Diagnostic, Severity};

/// What stands before each question.
pub(in crate::cli) const DECIDE: &str = "DECIDE:";

/// The keys that questions propose a line for.
const PROPOSED: [&str; 10] =
    ["front_door", "cluster", "namespace", "deployment", "backend_service", "readings", "probe", "threshold", "on_blind", "lag_max"];

/// A remark for each question of `text` that is open, in the order of the lines.
pub(in crate::cli) fn questions(text: &str) -> Vec<Diagnostic> {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().enumerate().filter_map(|(at, line)| asked(line).and_then(|first| open(&lines, at, first))).collect()
}

fn asked(line: &str) -> Option<&str> {
    remark(line)?.strip_prefix(DECIDE).map(str::trim)
}

/// What a line says that is a remark and nothing else.
fn remark(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix('#').map(str::trim)
}

/// The key of a line of the plan.
fn key(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    (is_key && (value.is_empty() || value.starts_with(' '))).then_some(key)
}

fn open(lines: &[&str], at: usize, first: &str) -> Option<Diagnostic> {
    let mut question = first.to_owned();
    let mut rest = lines[at + 1..].iter().enumerate();
    // The remark goes on until the line that it proposes; where that has lost its sign, there is none.
    let (place, proposed) = loop {
        let (place, line) = rest.next()?;
        let said = remark(line)?;
        // A word of the question may stand before a colon too.
        if key(said).is_some_and(|key| PROPOSED.contains(&key)) {
            break (place, said);
        }
        question = format!("{question} {said}");
    };
    let next = lines[at + 1 + place..].iter().find(|line| remark(line).is_none() && !line.trim().is_empty());
    let answer = next.and_then(|line| key(line.trim_start().trim_start_matches("- ")));
    if answer == key(proposed) {
        return None;
    }
    let column = lines[at].chars().take_while(|character| character.is_whitespace()).count() + 1;
    Some(Diagnostic {
        severity: Severity::Warning,
        line: at + 1,
        column,
        path: String::new(),
        message: format!("{DECIDE} {question}"),
        allowed: None,
        suggestion: Some(format!("take the # before `{proposed}` away, or write your own below it; or take the question away")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "triggers:\n  - name: errors\n    # DECIDE: which share\n    # is a breach?\n    # threshold: 5%\n    duration: 2m\n    # DECIDE: go home: or stay?\n    # on_blind: rollback\n";

    fn open(text: &str) -> Vec<(usize, usize)> {
        questions(text).iter().map(|question| (question.line, question.column)).collect()
    }

    #[test]
    fn a_question_is_open_until_its_line_is_there_as_proposed_or_otherwise() {
        let told = questions(ASKED);
        assert_eq!(open(ASKED), [(3, 5), (7, 5)]);
        assert_eq!(told[0].message, "DECIDE: which share is a breach?");
        assert!(told[0].suggestion.as_ref().unwrap().starts_with("take the # before `threshold: 5%` away"));
        assert_eq!(open(&ASKED.replace("# threshold", "threshold")), [(7, 5)]);
        assert_eq!(open(&ASKED.replace("    duration", "    threshold: 3%\n    duration")), [(8, 5)]);
        let on_blind = format!("{}    on_blind: hold\n", ASKED.replace("# threshold", "threshold"));
        assert_eq!(open(&on_blind), []);
        assert_eq!(open("a: 1 # DECIDE: no question of its own\n# DECIDE: nothing is proposed\n"), []);
    }
}
