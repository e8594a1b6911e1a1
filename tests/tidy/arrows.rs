//! Who may know whom. The table is the architecture: a room that is not named on the right of an arrow does not exist for the left one.

use crate::source::{Source, is_word};

pub(crate) struct Room {
    pub name: &'static str,
    /// Rooms, or single doors into them (`journal::record`), that it may import.
    pub may_import: &'static [&'static str],
    /// What it must not use of the outside, by path.
    pub never: &'static [&'static str],
    pub because: &'static str,
}

/// Everything else in the outside world that the pure heart must not touch.
const IMPURE: &[&str] = &[
    "tokio",
    "async",
    ".await",
    "std::time",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "HashMap",
    "HashSet",
    "serde_yaml",
    "rand",
    "reqwest",
    "kube",
    "SystemTime",
    "Instant",
];
const NO_IO: &[&str] = &["tokio", "async", ".await", "std::fs", "std::net", "std::env", "SystemTime", "Instant", "reqwest", "kube"];

pub(crate) const ROOMS: &[Room] = &[
    Room { name: "domain", may_import: &[], never: NO_IO, because: "the nouns are values; they know nobody and do nothing" },
    Room {
        name: "plan",
        may_import: &["domain"],
        never: &["tokio", "async", ".await", "std::fs", "std::env", "SystemTime", "Instant"],
        because: "a plan is made of its text alone, so that the same bytes are the same plan everywhere",
    },
    Room {
        name: "core",
        may_import: &["domain", "plan::model"],
        never: IMPURE,
        because: "the same entries must give the same state on every machine, at every replay; a clock, a socket or the order of a hash map would break that",
    },
    Room {
        name: "journal",
        may_import: &["domain", "core"],
        never: &["reqwest", "kube"],
        because: "what is written must not depend on who acts",
    },
    Room { name: "port", may_import: &["domain"], never: &["reqwest", "kube", "tokio"], because: "a trait in a vendor's words is no port" },
    Room {
        name: "door",
        may_import: &["domain", "core"],
        never: &["reqwest", "kube"],
        because: "it is the seam; both sides know it and it knows neither",
    },
    Room {
        name: "adapter",
        may_import: &["domain", "port"],
        never: &[],
        because: "an adapter that knew the core or the simulation could agree with it about a mistake",
    },
    Room {
        name: "session",
        may_import: &["domain", "plan", "core", "journal", "port", "door"],
        never: &["reqwest", "kube", "ratatui", "crossterm"],
        because: "the shell is handed its ports and doors; it never picks a vendor or a terminal",
    },
    Room {
        name: "attach",
        may_import: &["domain", "core", "journal::record", "door"],
        never: &["reqwest", "kube", "ratatui"],
        because: "a connection is handed its channels; it must have no other way to the session",
    },
    Room {
        name: "words",
        may_import: &["domain", "core", "plan::model"],
        never: NO_IO,
        because: "sentences are made of values; a room that could look around would judge",
    },
    Room {
        name: "tui",
        may_import: &["domain", "core", "words", "plan::model", "journal::record", "attach::client", "door"],
        never: &["reqwest", "kube"],
        because: "the screen draws a snapshot and asks through the door; it can't act on the world by itself",
    },
    Room {
        name: "sim",
        may_import: &["domain"],
        never: &[],
        because: "wire types are never shared with the adapters, or a shared mistake would pass every test",
    },
    Room {
        name: "report",
        may_import: &["domain", "core", "plan::model", "journal"],
        never: &["reqwest", "kube", "tokio"],
        because: "a report is made of a journal and of nothing else",
    },
    Room {
        name: "telemetry",
        may_import: &["domain"],
        never: &["reqwest", "kube"],
        because: "logging must work before everything else does",
    },
];

/// Rooms where everything meets; they may know everybody.
const COMPOSITION_ROOTS: [&str; 3] = ["cli", "main", "lib"];

pub(crate) fn violations(source: &Source) -> Vec<String> {
    let Some(name) = source.room().filter(|name| !COMPOSITION_ROOTS.contains(name)) else {
        return Vec::new();
    };
    let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
        return vec![format!("{}: the room `{name}` has no place in the table of arrows; every room says whom it may know", source.path)];
    };
    let mut found = Vec::new();
    for (offset, import) in imports(source) {
        let own = first(&import) == name;
        let allowed = room.may_import.iter().any(|open| import == *open || import.starts_with(&format!("{open}::")));
        if !own && !allowed {
            let place = format!("{}:{}", source.path, source.line_of(offset));
            let may = if room.may_import.is_empty() { "nobody".to_owned() } else { room.may_import.join(", ") };
            found.push(format!("{place}: `{name}` uses `crate::{import}` and may know only {may}: {}", room.because));
        }
    }
    found.extend(climbs(source));
    for never in room.never {
        for offset in source.find(never).into_iter().filter(|offset| !source.is_test(*offset)) {
            let after = source.code[offset + never.len()..].chars().next();
            if after.is_none_or(|character| !is_word(character)) {
                let place = format!("{}:{}", source.path, source.line_of(offset));
                found.push(format!("{place}: `{name}` uses `{never}`: {}", room.because));
            }
        }
    }
    found
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// `super::` chains that leave the room, where the table could not see them.
fn climbs(source: &Source) -> Vec<String> {
    let modules = source.path.trim_start_matches("src/").trim_end_matches("/mod.rs").split('/').count();
    let chains =
        source.find("super::").into_iter().filter(|offset| !source.code[..*offset].ends_with("super::") && !source.is_test(*offset));
    let too_long = chains.filter(|offset| {
        let rest = &source.code[*offset..];
        (0..).take_while(|count| rest[count * "super::".len()..].starts_with("super::")).count() >= modules
    });
    too_long
        .map(|offset| format!("{}:{}: `super` leaves the room; say `crate::` and whom you mean", source.path, source.line_of(offset)))
        .collect()
}

/// Every `crate::…` path outside of test code, as far as it tells room and door: `journal::record`. Tests may compare with anything.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for offset in source.find("crate::").into_iter().filter(|offset| !source.is_test(*offset)) {
        let rest = &source.code[offset + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(group_members(group).into_iter().flat_map(|member| heads(&member)).map(|head| (offset, head)));
        } else {
            found.extend(heads(rest).into_iter().map(|head| (offset, head)));
        }
    }
    found
}

/// The comma-separated members of a `{…}` whose opening brace is behind us.
fn group_members(group: &str) -> Vec<String> {
    let mut members = vec![String::new()];
    let mut depth = 0;
    for character in group.chars() {
        match character {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(member) = members.last_mut().filter(|_| !character.is_whitespace()) {
            member.push(character);
        }
    }
    members.retain(|member| !member.is_empty());
    members
}

/// `journal::record::Record` → `journal::record`; `journal::{record, writer::Writer}` → both; `journal` stays.
fn heads(path: &str) -> Vec<String> {
    let room: String = path.chars().take_while(|character| is_word(*character)).collect();
    let Some(rest) = path[room.len()..].strip_prefix("::") else { return vec![room] };
    if let Some(group) = rest.strip_prefix('{') {
        let inner = group_members(group).into_iter().map(|member| member.chars().take_while(|c| is_word(*c)).collect::<String>());
        return inner.map(|member| if member == "self" { room.clone() } else { format!("{room}::{member}") }).collect();
    }
    let door: String = rest.chars().take_while(|character| is_word(*character)).collect();
    vec![format!("{room}::{door}")]
}
