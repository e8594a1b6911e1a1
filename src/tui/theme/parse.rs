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
use serde::Deserialize;
use toml::Spanned;

use super::{Depth, Glyphs, ROLES, Theme};

/// A theme file as it was typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThemeFile {
    /// The name shown in the list.
    pub name: String,
    /// The theme that gives the roles which this one leaves out.
    pub inherits: Option<String>,
    #[serde(default)]
    palette: BTreeMap<Spanned<String>, Spanned<Shade>>,
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, Spanned<RoleStyle>>,
    #[serde(skip)]
    text: String,
}

/// A palette entry: a colour, or a colour and its word among sixteen.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Shade {
    One(String),
    Two([String; 2]),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum RoleStyle {
    Foreground(String),
    Full(BTreeMap<String, Field>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Field {
    Flag(bool),
    Color(String),
}

/// Why a theme file can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ThemeError {
    #[error("the theme is not valid TOML: {0}")]
    Syntax(String),
    #[error("line {line}, column {column}: {what} `{word}` is not known; valid are {valid}")]
    Unknown { line: usize, column: usize, what: &'static str, word: String, valid: String },
    #[error("the theme `{theme}` inherits `{from}`, which does not exist or inherits it back; valid are {valid}")]
    Ancestry { theme: String, from: String, valid: String },
}

/// A colour with its word among sixteen, if the theme gives one.
#[derive(Debug, Clone, Copy)]
struct Paint {
    full: Color,
    plain: Option<Color>,
}

const FIELDS: &str = "fg, bg, bold, dim, italic, underline, reverse, strike";

impl FromStr for ThemeFile {
    type Err = ThemeError;

    fn from_str(text: &str) -> Result<Self, ThemeError> {
        let mut file: Self = toml::from_str(text).map_err(|error| ThemeError::Syntax(error.to_string()))?;
        file.text = text.to_owned();
        Ok(file)
    }
}

impl ThemeFile {
    /// The roles that this file names itself.
    pub fn named_roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(|name| name.get_ref().as_str())
    }

    /// Lays this file's roles over `parent`, in colours that `depth` can show.
    pub(super) fn over(&self, parent: Option<&Theme>, depth: Depth, glyphs: Glyphs) -> Result<Theme, ThemeError> {
        let mut theme = parent.cloned().unwrap_or_else(|| Theme::blank("", glyphs));
        theme.name.clone_from(&self.name);
        let palette = self.paints()?;
        for (role, wish) in &self.roles {
            let style = self.style(wish, &palette, depth)?;
            match theme.slot(role.get_ref()) {
                Some(slot) => *slot = style,
                None => return Err(self.unknown(role.span(), "the role", role.get_ref(), ROLES.join(", "))),
            }
        }
        Ok(theme)
    }

    fn paints(&self) -> Result<BTreeMap<&str, Paint>, ThemeError> {
        let mut paints = BTreeMap::new();
        for (name, shade) in &self.palette {
            let (full, plain) = match shade.get_ref() {
                Shade::One(full) => (full, None),
                Shade::Two([full, plain]) => (full, Some(plain)),
            };
            let color = |word: &str| named(word).ok_or_else(|| self.unknown(shade.span(), "the colour", word, valid_colors(&[])));
            let paint = Paint { full: color(full)?, plain: plain.map(|word| color(word)).transpose()? };
            paints.insert(name.get_ref().as_str(), paint);
        }
        Ok(paints)
    }

    fn style(&self, wish: &Spanned<RoleStyle>, palette: &BTreeMap<&str, Paint>, depth: Depth) -> Result<Style, ThemeError> {
        let paint = |word: &str| match palette.get(word) {
            Some(paint) => Ok(depth.lower(paint.full, paint.plain)),
            None => named(word).map(|full| depth.lower(full, None)).ok_or_else(|| {
                let names: Vec<&str> = palette.keys().copied().collect();
                self.unknown(wish.span(), "the colour", word, valid_colors(&names))
            }),
        };
        let fields = match wish.get_ref() {
            RoleStyle::Foreground(word) => return Ok(Style::new().fg(paint(word)?)),
            RoleStyle::Full(fields) => fields,
        };
        let mut style = Style::new();
        for (field, value) in fields {
            style = match (field.as_str(), value) {
                ("fg", Field::Color(word)) => style.fg(paint(word)?),
                ("bg", Field::Color(word)) => style.bg(paint(word)?),
                (name, Field::Flag(wanted)) if modifier(name).is_some() => {
                    let modifier = modifier(name).expect("just matched");
                    if *wanted { style.add_modifier(modifier) } else { style }
                }
                (name, _) => return Err(self.unknown(wish.span(), "the style field or its value", name, FIELDS.to_owned())),
            };
        }
        Ok(style)
    }

    fn unknown(&self, span: Range<usize>, what: &'static str, word: &str, valid: String) -> ThemeError {
        let before = &self.text[..span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        ThemeError::Unknown { line, column, what, word: word.to_owned(), valid }
    }
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

fn valid_colors(palette: &[&str]) -> String {
    let words: Vec<&str> = palette.iter().copied().chain(WORDS.iter().map(|(name, _)| *name)).collect();
    format!("#rrggbb, {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Theme, ThemeError> {
        text.parse::<ThemeFile>()?.over(None, Depth::Truecolor, Glyphs::UNICODE)
    }

    #[test]
    fn an_unknown_role_names_its_place_and_the_valid_ones() {
        let error = read("name = \"x\"\n[roles]\nbreech = \"red\"\n").expect_err("no such role");
        let ThemeError::Unknown { line, column, word, valid, .. } = error else { panic!("{error}") };
        assert_eq!((line, column, word.as_str()), (3, 1, "breech"));
        assert!(valid.contains("breach"));
    }

    #[test]
    fn an_unknown_colour_names_the_palette() {
        let error = read("name = \"x\"\n[palette]\nink = \"#ffffff\"\n[roles]\ntext = \"inc\"\n").expect_err("no such colour");
        assert!(error.to_string().contains("line 5"), "{error}");
        assert!(error.to_string().contains("ink, default"), "{error}");
    }

    #[test]
    fn a_flag_for_a_colour_is_refused() {
        let error = read("name = \"x\"\n[roles]\ntext = { fg = true }\n").expect_err("not a colour");
        assert!(error.to_string().contains("reverse"), "{error}");
    }

    #[test]
    fn an_unknown_table_is_refused_with_its_line() {
        let error = read("name = \"x\"\n[rolls]\n").expect_err("no such table");
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn sixteen_colours_take_the_themes_own_word() {
        let file: ThemeFile =
            "name = \"x\"\n[palette]\nnight = [\"#101010\", \"default\"]\n[roles]\nbase = { bg = \"night\" }\n".parse().expect("valid");
        let theme = file.over(None, Depth::Sixteen, Glyphs::UNICODE).expect("valid");
        assert_eq!(theme.base, Style::new().bg(Color::Reset));
    }
}
