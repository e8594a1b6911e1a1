//! The line of the checklist under the cursor in full: how it is proven, on what evidence, how old that is and how long it holds.

use super::{Room, Section};
use crate::{
    core::state::ItemState,
    plan::model::{Check, Item, Proof},
    tui::{
        keymap::Action,
        panes::{checklist, words},
    },
    words::{self as say, Names},
};

pub(super) fn sections(room: &Room) -> Vec<Section> {
    checklist::items(room.state).get(room.view.item).map(|item| one(item, room)).into_iter().collect()
}

fn one(item: &Item, room: &Room) -> Section {
    let (theme, view) = (room.theme, room.view);
    let open = ItemState::default();
    let known = room.state.checklist.get(&item.id).unwrap_or(&open);
    let mut section = Section::new(item.title.to_string(), theme);
    let mut fact = |label: &str, told: &str, style| section.fact(label, told, style, room);
    let (glyph, word, style) = words::item(known.status, theme);
    let since = known.since.map_or_else(String::new, |at| format!(" since {}", words::age(view.age(at))));
    fact("status", &format!("{glyph} {word}{since}"), style);
    fact("evidence", &say::evidence(&known.evidence, Names::of(room.state)), theme.text);
    fact("seen", &known.seen_at.map_or_else(|| "never".to_owned(), |at| words::age(view.age(at))), theme.text);
    fact("proven by", &proof(&item.proof), theme.text);
    let left = known.expires_at.map_or_else(String::new, |at| format!(", {} left", at.since(view.now)));
    fact("holds for", &format!("{}{left}", item.expires), theme.text);
    if let Some(by) = &known.signed_by {
        fact("signed by", by.as_str(), theme.people);
    } else if item.proof == Proof::Signed && view.me.as_ref().is_some_and(|me| me.role.may_steer()) {
        fact("signed by", &format!("nobody yet; {} signs it with a note", words::key(view, Action::Sign)), theme.warn);
    }
    section
}

fn proof(proof: &Proof) -> String {
    match proof {
        Proof::Signed => "a person's signature, with a note".to_owned(),
        Proof::Collected(check) => match check {
            Check::MonitoringInPlace => "this session: every source of a trigger or a check answers, and none is stale".to_owned(),
            Check::ErrorRatesBelow(limit) => {
                format!("this session: error rates of every backend with traffic below {:.2}%", limit * 100.0)
            }
            Check::LatencyBelow(limit) => format!("this session: p95 latency of every backend with traffic below {limit:.0}ms"),
            Check::ReplicationLagBelow(limit) => format!("this session: replicas less than {limit} behind"),
            Check::NoDroppedConnections(span) => {
                format!("this session: no connection dropped for {span}, by every prober, nor by a backend that counts them")
            }
            Check::StepReached(step) => format!("this session: the step {step} is reached, as a look sees it"),
            Check::AllTrafficOnTarget => "this session: the whole route on its target, accepted and seen by requests".to_owned(),
            Check::StableFor(span) => format!("this session: error rate and p95 of the target within bounds for {span} without a break"),
        },
    }
}
