//! The database's pane: what is wrong stands there in words at every size, and nothing is green that isn't known.

use cutover::{
    core::state::State,
    domain::{
        database::{Broken, Movement, Serving},
        fact::{ReplicaState, Replication, Writable},
        metric::{Gap, Sample},
    },
    tui::view::{Pane, Screen, View, Zoom},
};

use crate::{catalogue, frame, plain, scenes, stories::SIZES};

const REPLICA: &str = "hexproperty-replica";
const PRIMARY: &str = "hexproperty-prod";

fn with(instance: &str, change: impl Fn(&mut Replication)) -> State {
    let mut state = scenes::calm();
    change(&mut state.replication.get_mut(&scenes::id(instance)).expect("the scene has it").now);
    state
}

/// Each line that an instance has on the screen: name, words, and whether it is drawn as well.
fn lines(state: &State, columns: u16, rows: u16) -> Vec<(String, bool)> {
    let theme = catalogue().first();
    let buf = frame(state, &scenes::view(), &theme, columns, rows);
    let well = theme.ok.fg;
    let mut found = Vec::new();
    for (row, text) in plain(&buf).lines().enumerate() {
        // A cell is a pane's line; its first sign is the glyph.
        let mut column = 0;
        for cell in text.split('│') {
            if ["-prod ", "-replica ", "replica "].iter().any(|name| cell.contains(name)) && !cell.contains("lag <") {
                let glyph = &buf[(column, row as u16)];
                found.push((cell.trim_end().to_owned(), Some(glyph.fg) == well));
            }
            column += cell.chars().count() as u16 + 1;
        }
    }
    found
}

#[test]
fn what_is_wrong_with_an_instance_is_said_and_not_green() {
    type Change = fn(&mut Replication);
    let nothing_behind: Change = |seen| seen.lag = seen.lag.map(|lag| Sample { value: 0.0, ..lag });
    let cases: [(&str, Change, &str); 11] = [
        (REPLICA, |seen| seen.state = ReplicaState::Broken(Broken::Receiving), "receives nothing"),
        (REPLICA, |seen| seen.state = ReplicaState::Broken(Broken::Applying), "applies nothing"),
        (REPLICA, |seen| seen.state = ReplicaState::Stopped, "STOPPED"),
        (REPLICA, |seen| seen.primary = Some(scenes::id("staging")), "staging"),
        (REPLICA, |seen| seen.movement = Movement::FallsBack, "does not keep up"),
        (REPLICA, |seen| seen.movement = Movement::Idle, "proven"),
        (REPLICA, |seen| (seen.state, seen.lag) = (ReplicaState::Untold, Err(Gap::Unreachable)), "replicates"),
        (REPLICA, |seen| seen.serving = Serving::Failed, "failed"),
        (PRIMARY, |seen| (seen.serving, seen.writable) = (Serving::Suspended, Writable::Unknown), "suspended"),
        (PRIMARY, |seen| (seen.serving, seen.writable) = (Serving::Maintenance, Writable::Unknown), "maintenance"),
        (PRIMARY, |seen| (seen.serving, seen.writable) = (Serving::Stopped, Writable::Unknown), "stopped by its owner"),
    ];
    for (instance, change, words) in cases {
        let state = with(instance, |seen| {
            nothing_behind(seen);
            change(seen);
        });
        for (columns, rows) in SIZES {
            let lines = lines(&state, columns, rows);
            let said = lines.iter().find(|(line, _)| line.to_lowercase().contains(&words.to_lowercase()));
            let (line, well) = said.unwrap_or_else(|| panic!("{words:?} is not said at {columns}x{rows} in {lines:#?}"));
            assert!(!well, "{line} is green");
            assert!(!lines.iter().any(|(line, _)| line.contains("0.0s behind")), "a lag that means nothing is shown: {lines:#?}");
        }
    }
}

#[test]
fn who_accepts_writes_is_said_and_two_of_them_are_an_alarm() {
    for (columns, rows) in SIZES {
        let lines = lines(&scenes::calm(), columns, rows);
        assert!(lines.iter().any(|(line, well)| *well && line.contains("accepts writes")), "{lines:#?}");
    }
    let split = with(REPLICA, |seen| (seen.state, seen.writable) = (ReplicaState::Primary, Writable::AcceptsWrites));
    let down = with(PRIMARY, |seen| (seen.serving, seen.writable) = (Serving::Suspended, Writable::Unknown));
    for (columns, rows) in SIZES {
        let theme = catalogue().first();
        let text = plain(&frame(&split, &scenes::view(), &theme, columns, rows));
        assert!(text.contains("2 ACCEPT WRITES") && !text.contains("loses no writes"), "{text}");
        let text = plain(&frame(&down, &scenes::view(), &theme, columns, rows));
        assert!(text.contains("NOBODY accepts writes") && !text.contains("loses no writes"), "{text}");
        let text = plain(&frame(&down, &View { screen: Screen::Watch, ..scenes::view() }, &theme, columns, rows));
        assert!(text.contains("NOBODY accepts writes") && !text.contains("loses no writes"), "{text}");
    }
}

#[test]
fn with_room_the_measure_the_age_and_what_is_missing_stand_beside_the_lag() {
    let view = View { focus: Pane::Replication, zoomed: Zoom::Focused, ..scenes::view() };
    let text = plain(&frame(&scenes::calm(), &view, &catalogue().first(), 120, 40));
    for words in ["0.3s behind 2m10s ago", "PostgreSQL's apply + network", "4 kB to apply", "bound 1s", "follows hexproperty-prod"] {
        assert!(text.contains(words), "{words:?} is not said in\n{text}");
    }
}

#[test]
fn a_lag_is_told_with_the_age_of_its_figure_at_every_size() {
    for (columns, rows) in SIZES {
        let told = lines(&scenes::calm(), columns, rows);
        let replica: Vec<_> = told.iter().filter(|(line, _)| line.contains("replica ")).collect();
        assert!(replica.iter().all(|(line, _)| line.contains("0.3s behind 2m10s ago")), "{columns}x{rows}: {told:?}");
        assert!(columns > 80 || !replica.is_empty(), "{told:?}");
    }
}
