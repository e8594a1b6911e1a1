//! Theme files: TOML with a palette and a style for each role.
//!
//! ```toml
//! name = "Dusk"
//! inherits = "dark"                       # roles that are not named below come from there
//! [palette]
//! ink = "#c8ccd4"                         # a full colour
//! night = ["#14161b", "default"]          # and, second, its word among sixteen colours
//! [roles]
//! text = "ink"                            # short for { fg = "ink" }
//! title = { fg = "ink", bold = true }     # fg, bg, bold, dim, italic, underline, reverse, strike
//! ```
//!
//! Whatever is not known is an error that names its place and the valid words; a theme that silently lost a role would show
//! a breach in the colour of health. Files are parsed only, never fetched or executed.

use std::{collections::BTreeMap, ops::Range, str::FromStr};

use ratatui::style::{Color, Modifier, Style};
use toml::{Spanned, de::DeValue};

use super::{Depth, Glyphs, ROLES, Theme};
use crate::tui::mistake::{Mistake, expected, tree};

/// A theme file that says nothing wrong by itself; whether its parent exists, the catalogue knows.
#[derive(Debug, Clone)]
pub struct ThemeFile {
    /// The name shown in the list.
    pub name: String,
    /// The theme that gives the roles which this one leaves out, and where it is named.
    pub(super) inherits: Option<(String, Range<usize>)>,
    roles: BTreeMap<String, Look>,
}

/// A role's style in full colours.
#[derive(Debug, Clone, Default)]
struct Look {
    fg: Option<Paint>,
    bg: Option<Paint>,
    modifiers: Modifier,
}

/// A colour with its word among sixteen, if the theme gives one.
#[derive(Debug, Clone, Copy)]
struct Paint {
    full: Color,
    plain: Option<Color>,
}

type Value<'t> = Spanned<DeValue<'t>>;
type Palette = BTreeMap<String, Paint>;

const FIELDS: [&str; 8] = ["fg", "bg", "bold", "dim", "italic", "underline", "reverse", "strike"];
const KEYS: [&str; 4] = ["name", "inherits", "palette", "roles"];

impl FromStr for ThemeFile {
    type Err = Vec<Mistake>;

    fn from_str(text: &str) -> Result<Self, Vec<Mistake>> {
        let tree = tree(text).map_err(|mistake| vec![mistake])?;
        let mut mistakes = Vec::new();
        for (key, _) in tree.iter().filter(|(key, _)| !KEYS.contains(&key.get_ref().as_ref())) {
            let word = key.get_ref();
            mistakes.push(Mistake::new(key.span(), format!("there is no `{word}` in a theme")).one_of(word, KEYS));
        }
        let name = match tree.get("name") {
            Some(value) => word(value, "the name that the list shows, in quotes", &mut mistakes).map(str::to_owned),
            None => {
                mistakes.push(Mistake::new(0..0, "the theme has no name").help("add a line such as name = \"Mine\""));
                None
            }
        };
        let inherits =
            tree.get("inherits").and_then(|value| Some((word(value, "a theme's word in quotes", &mut mistakes)?.to_owned(), value.span())));
        let mut palette = Palette::new();
        for (name, value) in entries(tree.get("palette"), &mut mistakes) {
            if let Some(paint) = shade(value, &mut mistakes) {
                palette.insert(name.get_ref().to_string(), paint);
            }
        }
        let mut roles = BTreeMap::new();
        for (role, value) in entries(tree.get("roles"), &mut mistakes) {
            let word = role.get_ref();
            if !ROLES.contains(&word.as_ref()) {
                mistakes.push(Mistake::new(role.span(), format!("there is no role `{word}`")).one_of(word, ROLES.iter().copied()));
            } else if let Some(look) = look(value, &palette, &mut mistakes) {
                roles.insert(word.to_string(), look);
            }
        }
        mistakes.sort_by_key(|mistake| mistake.at);
        match (name, mistakes.is_empty()) {
            (Some(name), true) => Ok(ThemeFile { name, inherits, roles }),
            (Some(_) | None, _) => Err(mistakes),
        }
    }
}

impl ThemeFile {
    /// The roles that this file names itself.
    pub fn named_roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// Lays this file's roles over `parent`, in colours that `depth` can show.
    pub(super) fn over(&self, parent: Option<&Theme>, depth: Depth, glyphs: Glyphs) -> Theme {
        let mut theme = parent.cloned().unwrap_or_else(|| Theme::blank("", glyphs));
        theme.name.clone_from(&self.name);
        for (role, look) in &self.roles {
            let lower = |paint: Paint| depth.lower(paint.full, paint.plain);
            let style = Style { fg: look.fg.map(lower), bg: look.bg.map(lower), ..Style::new().add_modifier(look.modifiers) };
            *theme.slot(role).expect("only roles that there are get here") = style;
        }
        theme
    }
}

/// The text of a value that must be one.
fn word<'v>(value: &'v Value<'_>, what: &str, mistakes: &mut Vec<Mistake>) -> Option<&'v str> {
    let found = value.get_ref().as_str();
    if found.is_none() {
        mistakes.push(expected(what, value));
    }
    found
}

/// What stands in a table, if it is there and one.
fn entries<'v, 't>(value: Option<&'v Value<'t>>, mistakes: &mut Vec<Mistake>) -> Vec<(&'v Spanned<toml::de::DeString<'t>>, &'v Value<'t>)> {
    match value.map(|value| (value.get_ref().as_table(), value)) {
        Some((Some(table), _)) => table.iter().collect(),
        Some((None, value)) => {
            mistakes.push(expected("a table", value));
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// A palette entry: a colour, or a colour and its word among sixteen.
fn shade(value: &Value<'_>, mistakes: &mut Vec<Mistake>) -> Option<Paint> {
    let none = Palette::new();
    match value.get_ref().as_array().map(|pair| pair.iter().collect::<Vec<_>>()).as_deref() {
        None => paint(value, &none, mistakes),
        Some([full, plain]) => {
            let (full, plain) = (paint(full, &none, mistakes), paint(plain, &none, mistakes));
            Some(Paint { full: full?.full, plain: Some(plain?.full) })
        }
        Some(_) => {
            mistakes.push(expected("one colour or two", value).allowed("a colour, or a colour and its word among sixteen"));
            None
        }
    }
}

/// A colour by its digits, its word, or its name in the palette.
fn paint(value: &Value<'_>, palette: &Palette, mistakes: &mut Vec<Mistake>) -> Option<Paint> {
    let word = word(value, "a colour in quotes", mistakes)?;
    let found = palette.get(word).copied().or_else(|| named(word).map(|full| Paint { full, plain: None }));
    if found.is_none() {
        let known = palette.keys().map(String::as_str).chain(WORDS.iter().map(|(name, _)| *name));
        mistakes
            .push(Mistake::new(value.span(), format!("there is no colour `{word}`")).one_of(word, std::iter::once("#rrggbb").chain(known)));
    }
    found
}

/// A role's style: a colour alone, or a table of fields.
fn look(value: &Value<'_>, palette: &Palette, mistakes: &mut Vec<Mistake>) -> Option<Look> {
    let Some(fields) = value.get_ref().as_table() else {
        return Some(Look { fg: Some(paint(value, palette, mistakes)?), ..Look::default() });
    };
    let mut look = Look::default();
    for (name, value) in fields {
        let word = name.get_ref().as_ref();
        match (word, modifier(word), value.get_ref().as_bool()) {
            ("fg", ..) => look.fg = paint(value, palette, mistakes),
            ("bg", ..) => look.bg = paint(value, palette, mistakes),
            (_, Some(modifier), Some(wanted)) => look.modifiers.set(modifier, wanted),
            (_, Some(_), None) => mistakes.push(expected("true or false", value)),
            (_, None, _) => {
                mistakes.push(Mistake::new(name.span(), format!("a style has no `{word}`")).one_of(word, FIELDS));
            }
        }
    }
    Some(look)
}

fn modifier(name: &str) -> Option<Modifier> {
    match name {
        "bold" => Some(Modifier::BOLD),
        "dim" => Some(Modifier::DIM),
        "italic" => Some(Modifier::ITALIC),
        "underline" => Some(Modifier::UNDERLINED),
        "reverse" => Some(Modifier::REVERSED),
        "strike" => Some(Modifier::CROSSED_OUT),
        _ => None,
    }
}

/// The colour words of every terminal, with `default` for the terminal's own.
const WORDS: &[(&str, Color)] = &[
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("darkgray", Color::DarkGray),
    ("lightred", Color::LightRed),
    ("lightgreen", Color::LightGreen),
    ("lightyellow", Color::LightYellow),
    ("lightblue", Color::LightBlue),
    ("lightmagenta", Color::LightMagenta),
    ("lightcyan", Color::LightCyan),
    ("white", Color::White),
];

fn named(word: &str) -> Option<Color> {
    if let Some(hex) = word.strip_prefix('#') {
        if hex.len() != 6 || !hex.is_ascii() {
            return None;
        }
        let part = |from: usize| u8::from_str_radix(&hex[from..from + 2], 16).ok();
        return Some(Color::Rgb(part(0)?, part(2)?, part(4)?));
    }
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, color)| *color)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Theme, Vec<Mistake>> {
        Ok(text.parse::<ThemeFile>()?.over(None, Depth::Truecolor, Glyphs::UNICODE))
    }

    /// The words at which the mistakes are found, and what is said of them.
    fn said(text: &str) -> Vec<(String, String)> {
        let place =
            |mistake: &Mistake| text[mistake.at..].split(['\n', ' ', '"']).find(|word| !word.is_empty()).unwrap_or_default().to_owned();
        let mistakes = read(text).expect_err("a mistake");
        mistakes.iter().map(|mistake| (place(mistake), format!("{mistake:?}"))).collect()
    }

    #[test]
    fn every_mistake_names_its_place_and_what_was_meant() {
        let found = said(
            "name = \"x\"\n[palette]\nink = \"#fff\"\n[roles]\nbreech = \"red\"\ntext = \"greeen\"\nok = { fg = true, blod = true }\n[rolls]\n",
        );
        let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["#fff", "breech", "greeen", "true,", "blod", "rolls]"]);
        for ((_, said), wanted) in found.iter().zip([
            "#rrggbb",
            "did you mean `breach`?",
            "did you mean `green`?",
            "a colour in quotes",
            "did you mean `bold`?",
            "did you mean `roles`?",
        ]) {
            assert!(said.contains(wanted), "{wanted} in {said}");
        }
    }

    #[test]
    fn an_unknown_colour_names_the_palette() {
        let found = said("name = \"x\"\n[palette]\nink = \"#ffffff\"\n[roles]\ntext = \"inc\"\n");
        assert!(found[0].1.contains("ink, default") && found[0].1.contains("did you mean `ink`?"), "{found:?}");
    }

    #[test]
    fn what_is_no_toml_or_has_no_name_is_no_theme() {
        assert_eq!(said("name = \n").len(), 1);
        assert!(said("inherits = \"dark\"\n")[0].1.contains("no name"));
    }

    #[test]
    fn sixteen_colours_take_the_themes_own_word() {
        let file: ThemeFile =
            "name = \"x\"\n[palette]\nnight = [\"#101010\", \"default\"]\n[roles]\nbase = { bg = \"night\" }\n".parse().expect("valid");
        let theme = file.over(None, Depth::Sixteen, Glyphs::UNICODE);
        assert_eq!(theme.base, Style::new().bg(Color::Reset));
    }
}
