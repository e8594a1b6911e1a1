//! A person's own `keys.toml`: other keys for the rows of the table.
//!
//! ```toml
//! [keys]
//! "draft ahead" = "Right"          # a name of the table, and its key
//! hold = ["p", "F8"]               # or several; the first is the one that hints print
//! inject = []                        # or none: it is still in the palette
//! ```
//!
//! A key that is given to a row is taken from the row that has it by default. Only the way home can't lose a key so: whoever wants its key
//! for something else says first which key goes home instead. A file with a mistake changes nothing.

use std::borrow::Cow;

use toml::{Spanned, de::DeValue};

use super::{Action, Binding, Context, Keymap, pane_key, table::TABLE};
use crate::tui::{
    input::{Code, Held, Key, KeyError, WRITTEN},
    mistake::{Mistake, expected, tree},
    view::Pane,
};

/// One row as it was written.
struct Row {
    /// The row's place in the table.
    row: usize,
    at: std::ops::Range<usize>,
    keys: Vec<(Key, std::ops::Range<usize>)>,
}

pub(super) fn read(text: &str) -> Result<Keymap, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let rows = rows(text, &mut mistakes);
    clashes(&rows, &mut mistakes);
    let mut bindings = TABLE.to_vec();
    for row in &rows {
        bindings[row.row].keys = Cow::Owned(row.keys.iter().map(|(key, _)| *key).collect());
    }
    for (place, binding) in bindings.iter_mut().enumerate().filter(|(place, _)| rows.iter().all(|row| row.row != *place)) {
        let given = |key: &Key| rows.iter().flat_map(|row| &row.keys).find(|(given, _)| given == key);
        if binding.action == Action::Rollback {
            mistakes.extend(TABLE[place].keys.iter().filter_map(given).map(|(key, at)| stolen(*key, at.clone(), binding)));
        }
        let kept: Vec<Key> = binding.keys.iter().filter(|key| given(key).is_none()).copied().collect();
        binding.keys = Cow::Owned(kept);
    }
    mistakes.sort_by_key(|mistake| mistake.at);
    if mistakes.is_empty() { Ok(Keymap { bindings }) } else { Err(mistakes) }
}

fn stolen(key: Key, at: std::ops::Range<usize>, rollback: &Binding) -> Mistake {
    Mistake::new(at, format!("`{key}` is the way home"))
        .allowed(format!("a key that `{}` doesn't have", rollback.name))
        .help(format!("say first which key goes home instead: {} = [\"F10\"]", rollback.name))
}

fn rows(text: &str, mistakes: &mut Vec<Mistake>) -> Vec<Row> {
    let mut rows = Vec::new();
    let tree = match tree(text) {
        Ok(tree) => tree,
        Err(mistake) => {
            mistakes.push(mistake);
            return rows;
        }
    };
    for (name, value) in &tree {
        match (name.get_ref().as_ref(), value.get_ref().as_table()) {
            ("keys", Some(table)) => {
                for (name, value) in table {
                    rows.extend(row(name.get_ref(), name.span(), value, mistakes));
                }
            }
            ("keys", None) => mistakes.push(expected("a table", value).allowed("[keys], and below it a name and its keys on each line")),
            (other, _) => mistakes.push(Mistake::new(name.span(), format!("there is no `{other}` here")).one_of(other, ["keys"])),
        }
    }
    rows.sort_by_key(|row: &Row| row.at.start);
    rows
}

fn row(name: &str, at: std::ops::Range<usize>, value: &Spanned<DeValue<'_>>, mistakes: &mut Vec<Mistake>) -> Option<Row> {
    let Some(row) = TABLE.iter().position(|binding| binding.name == name) else {
        let known = TABLE.iter().map(|binding| binding.name);
        mistakes.push(Mistake::new(at, format!("there is no action `{name}`")).one_of(name, known));
        return None;
    };
    let written: Vec<&Spanned<DeValue<'_>>> = if let DeValue::Array(keys) = value.get_ref() { keys.iter().collect() } else { vec![value] };
    let before = mistakes.len();
    let mut keys = Vec::new();
    for one in written {
        match one.get_ref().as_str().map(|text| key(text, &TABLE[row], one.span())) {
            Some(Ok(key)) => keys.push((key, one.span())),
            Some(Err(mistake)) => mistakes.push(mistake),
            None => mistakes.push(expected("a key in quotes", one).allowed(WRITTEN)),
        }
    }
    if keys.is_empty() && before == mistakes.len() && TABLE[row].action == Action::Rollback {
        let message = "without a key nobody can go home from the cockpit".to_owned();
        mistakes.push(Mistake::new(value.span(), message).allowed("at least one key").help("leave the line out to keep F9 and Ctrl-\\"));
    }
    Some(Row { row, at, keys })
}

fn key(text: &str, binding: &Binding, at: std::ops::Range<usize>) -> Result<Key, Mistake> {
    let key: Key = text.parse().map_err(|error: KeyError| Mistake::new(at.clone(), error.to_string()).allowed(WRITTEN))?;
    if let Some(pane) = pane_key(key) {
        return Err(Mistake::new(at, format!("`{key}` focuses the pane {}", pane.name()))
            .allowed(format!("any key but Alt-1 to Alt-{}", Pane::ALL.len())));
    }
    let is_chord = matches!(key.code, Code::F(_)) || key.mods.ctrl == Held::Yes || key.mods.alt == Held::Yes;
    if binding.context == Context::Anywhere && !is_chord {
        let message = format!("`{}` works while one types, and `{key}` is typed", binding.name);
        return Err(Mistake::new(at, message).allowed("F1 to F12, or a key with Ctrl- or Alt-"));
    }
    Ok(key)
}

/// One key means one thing, wherever one is.
fn clashes(rows: &[Row], mistakes: &mut Vec<Mistake>) {
    for (place, row) in rows.iter().enumerate() {
        for (index, (key, at)) in row.keys.iter().enumerate() {
            let before = rows[..place].iter().find(|other| other.keys.iter().any(|(taken, _)| taken == key));
            let twice = row.keys[..index].iter().any(|(taken, _)| taken == key).then_some(row);
            let Some(has) = before.or(twice).map(|has| &TABLE[has.row]) else { continue };
            mistakes.push(Mistake::new(at.clone(), format!("`{key}` is given to `{}` already", has.name)).allowed("each key once"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::view::Screen;

    fn mistakes(text: &str) -> Vec<(usize, String)> {
        let found = read(text).expect_err("a mistake");
        found.into_iter().map(|mistake| (mistake.at, format!("{} / {:?} / {:?}", mistake.message, mistake.allowed, mistake.help))).collect()
    }

    #[test]
    fn an_empty_file_is_the_built_in_map() {
        assert_eq!(read(""), Ok(Keymap::builtin()));
        assert_eq!(read("[keys]\n"), Ok(Keymap::builtin()));
    }

    #[test]
    fn a_key_goes_from_one_row_to_another_and_everything_prints_it() {
        let keys = read("[keys]\nrollback = [\"F10\", 'Ctrl-\\']\nzoom = \"F9\"\n\"draft ahead\" = [\"p\"]\ninject = []\n").expect("valid");
        assert_eq!(keys.key(Action::Rollback), "F10");
        assert_eq!(keys.lookup(None, Key::plain(Code::F(10))).map(|found| found.action), Some(Action::Rollback));
        assert_eq!(keys.lookup(None, Key::plain(Code::F(9))).map(|found| found.action), None);
        assert_eq!(keys.lookup(Some(Screen::Main), Key::plain(Code::F(9))).map(|found| found.action), Some(Action::Zoom));
        assert_eq!(keys.key(Action::Draft(10)), "p");
        assert_eq!(keys.key(Action::Hold), ":hold", "its key was given away");
        assert_eq!(keys.key(Action::Inject), ":inject");
        assert!(keys.markdown().contains("| `F10` `Ctrl-\\` | Bring all traffic"));
    }

    #[test]
    fn the_way_home_is_not_lost_on_the_way() {
        assert_eq!(
            mistakes("[keys]\nzoom = \"F9\"\n"),
            [(14, "`F9` is the way home / Some(\"a key that `rollback` doesn't have\") / Some(\"say first which key goes home instead: rollback = [\\\"F10\\\"]\")".to_owned())]
        );
        assert!(mistakes("[keys]\nquit = 'Ctrl-\\'\n")[0].1.contains("is the way home"));
        assert!(mistakes("[keys]\nrollback = []\n")[0].1.contains("nobody can go home"));
        assert!(mistakes("[keys]\nrollback = \"r\"\n")[0].1.contains("works while one types"));
        assert!(mistakes("[keys]\nrollback = \"F10\"\nzoom = \"F10\"\n")[0].1.contains("given to `rollback` already"));
    }

    #[test]
    fn every_mistake_is_told_with_its_place_and_what_was_meant() {
        let found = mistakes("[keys]\nhodl = \"p\"\nzoom = [\"F13\", 3]\nfilter = \"Ctrl-M\"\nhold = \"Alt-3\"\n[mouse]\n");
        let places: Vec<usize> = found.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [7, 26, 33, 45, 61, 70]);
        assert!(
            found[0].1.contains("no action `hodl`")
                && found[0].1.contains("rollback, quit,")
                && found[0].1.contains("did you mean `hold`?")
        );
        assert!(found[1].1.contains("`F13` is no key") && found[1].1.contains("F1 to F12"));
        assert!(found[3].1.contains("it is Enter"));
        assert!(found[4].1.contains("focuses the pane triggers"));
        assert!(found[5].1.contains("there is no `mouse` here"));
        assert!(!mistakes("[keys\n").is_empty());
    }

    #[test]
    fn one_key_is_one_thing() {
        let found = mistakes("[keys]\nhold = \"y\"\nzoom = \"y\"\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains("given to `hold` already"));
        assert!(mistakes("[keys]\nhold = [\"y\", \"y\"]\n")[0].1.contains("already"));
    }
}
