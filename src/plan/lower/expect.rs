//! Addresses that are asked for real, and what a plan expects of their answers.
//!
//! Both the front door and a probe are written as an address alone, or as a mapping with what must be answered there. What is expected
//! can only be a status and a text: anything cleverer would be a program.

use strum::EnumCount;

use crate::{
    domain::{
        answer::{Expect, Statuses},
        shown::Shown,
    },
    plan::{
        document::Value,
        lower::address,
        model::UnlikeHome,
        reader::{self, At, Fields, Problems},
    },
};

const KEYS: &[&str] = &["url", "expect"];
const EXPECT_KEYS: &[&str] = &["status", "text"];
const UNLIKE_KEYS: &[&str] = &["action", "reason"];
const STATUS_ALLOWED: &str = "a status such as 200, a hundred such as 2xx, or a list of them";
/// A text that is looked for in each body; it has to fit a line.
const TEXT_CHARS_MAX: usize = 200;

/// An address that is asked, and what it must answer where the plan says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub url: Shown,
    pub expect: Option<Expect>,
}

/// `https://…`, or `{ url: https://…, expect: { status: 200, text: … } }`.
pub(super) fn asked(problems: &mut Problems, at: At<'_>) -> Option<Asked> {
    if !matches!(at.node.value, Value::Map(_)) {
        return Some(Asked { url: address(problems, &at)?, expect: None });
    }
    let fields = Fields::open(problems, at, KEYS)?;
    let url = fields.required(problems, "url", "https://www.example.com").and_then(|at| address(problems, &at));
    let expect = match fields.optional(problems, "expect") {
        Some(at) => expect(problems, at).map(Some),
        None => Some(None),
    };
    Some(Asked { url: url?, expect: expect? })
}

fn expect(problems: &mut Problems, at: At<'_>) -> Option<Expect> {
    let fields = Fields::open(problems, at, EXPECT_KEYS)?;
    let statuses = match fields.optional(problems, "status") {
        Some(at) => statuses(problems, &at),
        None => Some(Expect::success().statuses),
    };
    let text = match fields.optional(problems, "text") {
        Some(at) => text(problems, &at).map(Some),
        None => Some(None),
    };
    Some(Expect { statuses: statuses?, text: text? })
}

fn statuses(problems: &mut Problems, at: &At<'_>) -> Option<Vec<Statuses>> {
    match &at.node.value {
        Value::List(_) => {
            let entries = reader::list(problems, at, "statuses such as 200 or 2xx")?;
            let found: Vec<_> = entries.iter().map(|entry| status(problems, entry)).collect();
            found.into_iter().collect()
        }
        Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => {
            Some(vec![status(problems, at)?])
        }
    }
}

fn status(problems: &mut Problems, at: &At<'_>) -> Option<Statuses> {
    let found = match &at.node.value {
        Value::Integer(number) => u16::try_from(*number).ok().map(Statuses::One),
        Value::Text(text) => match text.strip_suffix("xx") {
            Some(hundred) => hundred.parse().ok().filter(|hundred| (1..=5).contains(hundred)).map(Statuses::Hundred),
            None => text.parse().ok().map(Statuses::One),
        },
        Value::Empty | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    };
    let (least, wrong) = match found {
        Some(Statuses::One(one)) => (one, !(200..=599).contains(&one)),
        Some(Statuses::Hundred(hundred)) => (hundred * 100, hundred < 2),
        None => {
            problems.at(at, format!("expected a status, found {}", at.node.value.kind())).allowed(STATUS_ALLOWED).error();
            return None;
        }
    };
    if wrong {
        problems.at(at, "that is no status of an answer").allowed(format!("{STATUS_ALLOWED}; from 200 to 599")).error();
        return None;
    }
    if least >= 500 {
        let message = "a server error is expected here, so nothing would ever count as failed";
        problems.at(at, message).help("expect what a user should get").warning();
    }
    found
}

fn text(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let count = text.chars().count();
    if count > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        let message = "the text can't be looked for";
        problems.at(at, message).allowed(format!("one line of at most {TEXT_CHARS_MAX} characters, as it stands in the body")).error();
        return None;
    }
    Some(Shown::new(text))
}

#[derive(Clone, Copy, EnumCount)]
enum Action {
    Rollback,
    Hold,
    Ignore,
}

const ACTIONS: &[(&str, Action); Action::COUNT] = &[("rollback", Action::Rollback), ("hold", Action::Hold), ("ignore", Action::Ignore)];

/// What follows when the target answers otherwise than home; to let it pass is a decision, and has a reason.
pub(super) fn unlike_home(problems: &mut Problems, at: At<'_>) -> Option<UnlikeHome> {
    let fields = Fields::open(problems, at, UNLIKE_KEYS)?;
    let action = fields.required(problems, "action", "hold").and_then(|at| reader::word(problems, &at, ACTIONS));
    let reason = match fields.optional(problems, "reason") {
        Some(at) => reader::title(problems, &at).map(Some),
        None => Some(None),
    };
    match (action?, reason?) {
        (Action::Rollback, _) => Some(UnlikeHome::Rollback),
        (Action::Hold, Some(reason)) => Some(UnlikeHome::Hold { reason }),
        (Action::Ignore, Some(reason)) => Some(UnlikeHome::Ignore { reason }),
        (Action::Hold | Action::Ignore, None) => {
            let message = "users of the target would get other answers than at home, and the plan does not say why that is right";
            problems.at(fields.at(), message).help("add `reason: the new site has another start page`").error();
            None
        }
    }
}
