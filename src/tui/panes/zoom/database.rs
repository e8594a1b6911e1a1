//! The database in full: every word of each instance, the measure its lag is the sum of, and what moving traffic does to writes.

use super::{Room, Section};
use crate::{
    core::{
        has::{Writes, writes},
        replication::{self, Soundness, Writers},
    },
    domain::id::InstanceId,
    plan::model::{Database, DatabaseMode},
    tui::panes::words,
    words::{self as say},
};

pub(super) fn sections(room: &Room) -> Vec<Section> {
    let Some(database) = words::plan(room.state).and_then(|plan| plan.database.as_ref()) else { return Vec::new() };
    let mut found = vec![plan(database, room)];
    for id in database.instances() {
        found.push(instance(id, database, room));
        found.extend(room.sources(id.as_str()));
    }
    found
}

fn plan(database: &Database, room: &Room) -> Section {
    let theme = room.theme;
    let mut section = Section::new("Writes", theme);
    let writers = replication::writers(database, room.state, room.view.now);
    section.fact("now", &say::writers(&writers), theme.figure, room);
    let routes = || words::plan(room.state).into_iter().flat_map(|plan| &plan.routes);
    let stranger = routes().find_map(|route| if let Writes::Stranger(id) = writes(room.state, route) { Some(id) } else { None });
    let stranger =
        stranger.map(|id| format!("both platforms share one primary; nobody knows to which database {id} writes, which gets traffic"));
    let told = match database.mode {
        DatabaseMode::Shared => stranger.as_deref().unwrap_or(match &writers {
            Writers::One(instance) if *instance == database.primary => {
                "both platforms share one primary: nothing moves with the traffic, and going home loses no writes"
            }
            Writers::Unknown | Writers::Nobody | Writers::One(_) | Writers::Several(_) => {
                "both platforms share one primary: nothing moves with the traffic, so writes do at home what they do now"
            }
        }),
        DatabaseMode::Switchover => "the primary changes places with a replica; this program watches it and does not do it",
        DatabaseMode::Promote => "a replica is promoted; this program watches it and does not do it, and going home may then lose writes",
    };
    section.fact("by the plan", told, theme.text, room);
    section.fact("primary", database.primary.as_str(), theme.text, room);
    section.fact("bound of lag", &database.lag_max.to_string(), theme.text, room);
    section
}

fn instance(id: &InstanceId, database: &Database, room: &Room) -> Section {
    let (theme, view) = (room.theme, room.view);
    let known = room.state.replication.get(id);
    let standing = replication::standing(database, id, known, view.now);
    let ink = match standing.soundness() {
        Soundness::Sound => theme.ok,
        Soundness::Unsound => theme.breach,
        Soundness::Unproven => theme.unknown,
    };
    let mut section = Section::new(id.as_str(), theme);
    let mut fact = |label: &str, told: &str, style| section.fact(label, told, style, room);
    fact("as it stands", &say::database(&standing), ink);
    let Some(known) = known else { return section };
    fact("as it was seen", &format!("{}, {}", say::replication(&known.now, view.now), words::age(view.age(known.seen_at))), theme.text);
    if let Some(primary) = &known.now.primary {
        fact("follows", primary.as_str(), theme.text);
    }
    if let Some(engine) = known.now.engine {
        fact("lag is", say::measure(engine), theme.text);
    }
    match known.now.lag {
        Ok(lag) => fact("lag", &format!("{:.1}s, the figure is {} old", lag.value, view.age(lag.at)), theme.figure),
        Err(why) if *id != database.primary => fact("lag", &format!("unknown: {}", say::gap(why)), theme.unknown),
        Err(_) => {}
    }
    if let Some(bytes) = known.now.behind_bytes {
        fact("log", &say::missing(bytes), theme.text);
    }
    if let Some(operation) = &known.now.operation {
        fact("operation", operation.as_str(), theme.warn);
    }
    let told = known.history.iter().flatten();
    if let Some(most) = told.copied().reduce(f64::max) {
        let known_of = known.history.iter().filter(|value| value.is_some()).count();
        fact(
            "most lag",
            &format!(
                "{most:.1}s in the newest {}, known of {} of {} looks",
                known_span(known.history.len()),
                known_of,
                known.history.len()
            ),
            theme.text,
        );
    }
    section
}

fn known_span(columns: usize) -> crate::domain::time::Millis {
    crate::domain::time::Millis(crate::core::state::HISTORY_EVERY.0 * columns as u64)
}
