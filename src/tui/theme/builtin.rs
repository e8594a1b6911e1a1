//! The themes that ship inside the program, and the catalogue of these and the user's own.
//!
//! The catalogue resolves inheritance and the terminal's abilities; where the terminal has no colour, the monochrome theme
//! replaces whatever was asked for, because only it tells selection and focus by modifiers. It reads no folder itself: the
//! command line hands it the texts that it found.

use std::collections::BTreeMap;

use super::{Charset, Depth, Glyphs, Theme, ThemeFile};
use crate::tui::mistake::Mistake;

/// The embedded themes: the word to ask for, and the file.
pub const BUILTIN: &[(&str, &str)] = &[
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("contrast", include_str!("../../../themes/contrast.toml")),
    ("colorblind", include_str!("../../../themes/colorblind.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
    ("dusk", include_str!("../../../themes/dusk.toml")),
    ("phosphor", include_str!("../../../themes/phosphor.toml")),
];

/// How long a chain of inheritance may be; a longer one is a circle.
const ANCESTORS_MAX: usize = 8;

/// All themes that this cockpit can wear, resolved for this terminal.
#[derive(Debug, Clone)]
pub struct Catalogue {
    builtin: BTreeMap<String, ThemeFile>,
    /// A person's own; one of them may take the word of a built-in.
    own: BTreeMap<String, ThemeFile>,
    /// The order in which themes are offered.
    order: Vec<String>,
    depth: Depth,
    glyphs: Glyphs,
}

/// A theme that was asked for by a word that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no theme `{word}`; there are {valid}")]
pub struct NoTheme {
    word: String,
    valid: String,
}

impl Catalogue {
    /// The embedded themes, for a terminal with this many colours and these characters.
    pub fn new(depth: Depth, charset: Charset) -> Self {
        let builtin: BTreeMap<String, ThemeFile> =
            BUILTIN.iter().map(|(word, text)| ((*word).to_owned(), text.parse().expect("embedded themes are parsed by a test"))).collect();
        let order = BUILTIN.iter().map(|(word, _)| (*word).to_owned()).collect();
        Self { builtin, own: BTreeMap::new(), order, depth, glyphs: Glyphs::of(charset) }
    }

    /// Adds a person's own themes, (word, text) each. Those with a mistake are left out, so that a built-in of the same word stays; their
    /// mistakes come back, by word.
    pub fn add<'t>(&mut self, files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Vec<(String, Vec<Mistake>)> {
        let mut refused = Vec::new();
        for (word, text) in files {
            match text.parse::<ThemeFile>() {
                Ok(file) => drop(self.own.insert(word.to_owned(), file)),
                Err(mistakes) => refused.push((word.to_owned(), mistakes)),
            }
        }
        // One that goes may be the parent of another.
        while let Some((word, mistake)) = self.own.keys().find_map(|word| Some((word.clone(), self.line(word).err()?))) {
            self.own.remove(&word);
            refused.push((word, vec![mistake]));
        }
        self.order.extend(self.own.keys().filter(|word| !self.builtin.contains_key(*word)).cloned());
        refused
    }

    /// The words of all themes, in the order in which they are offered.
    pub fn words(&self) -> &[String] {
        &self.order
    }

    /// The theme to start with: dark where there is colour.
    pub fn first(&self) -> Theme {
        self.theme("dark").expect("the dark theme is embedded")
    }

    /// The theme called `word` as this terminal can show it.
    pub fn theme(&self, word: &str) -> Result<Theme, NoTheme> {
        let known = self.own.contains_key(word) || self.builtin.contains_key(word);
        let worn =
            if self.depth == Depth::Monochrome && known { self.builtin.get("mono").map(|mono| vec![mono]) } else { self.line(word).ok() };
        let mut theme = None;
        for file in worn.into_iter().flatten().rev() {
            theme = Some(file.over(theme.as_ref(), self.depth, self.glyphs));
        }
        theme.ok_or_else(|| NoTheme { word: word.to_owned(), valid: self.order.join(", ") })
    }

    /// The theme and its ancestors. A person's own that inherits its own word means the built-in of that word.
    fn line(&self, word: &str) -> Result<Vec<&ThemeFile>, Mistake> {
        let first = self.own.get(word).or_else(|| self.builtin.get(word));
        let mut line: Vec<&ThemeFile> = first.into_iter().collect();
        let mut of = word;
        while let Some((from, at)) = line.last().and_then(|file| file.inherits.as_ref()) {
            let own = self.own.get(from).filter(|_| from != of);
            let parent = own.or_else(|| self.builtin.get(from)).filter(|_| line.len() < ANCESTORS_MAX);
            let none = || {
                let message = format!("there is no theme `{from}`, or it inherits this one");
                Mistake::new(at.clone(), message).one_of(from, self.order.iter().map(String::as_str))
            };
            line.push(parent.ok_or_else(none)?);
            of = from;
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier};

    use super::*;
    use crate::tui::theme::ROLES;

    #[test]
    fn each_embedded_theme_resolves_at_each_depth_and_the_roots_name_each_role() {
        for (word, text) in BUILTIN {
            let file: ThemeFile = text.parse().unwrap_or_else(|error| panic!("{word}: {error:?}"));
            if file.inherits.is_none() {
                let named: Vec<&str> = file.named_roles().collect();
                for role in ROLES {
                    assert!(named.contains(role), "the root theme {word} leaves out {role}");
                }
            }
            for depth in [Depth::Monochrome, Depth::Sixteen, Depth::Palette256, Depth::Truecolor] {
                Catalogue::new(depth, Charset::Unicode).theme(word).unwrap_or_else(|error| panic!("{word}: {error}"));
            }
        }
    }

    #[test]
    fn without_colour_every_theme_is_the_monochrome_one() {
        let catalogue = Catalogue::new(Depth::Monochrome, Charset::Ascii);
        let theme = catalogue.theme("dusk").expect("embedded");
        assert!(theme.selection.add_modifier.contains(Modifier::REVERSED));
        for style in [theme.breach, theme.ok, theme.run, theme.gke, theme.selection] {
            assert!(matches!(style.fg, None | Some(Color::Reset)) && matches!(style.bg, None | Some(Color::Reset)));
        }
    }

    #[test]
    fn breach_health_and_ignorance_look_different_in_each_theme() {
        for depth in [Depth::Truecolor, Depth::Sixteen] {
            let catalogue = Catalogue::new(depth, Charset::Unicode);
            for word in catalogue.words() {
                let theme = catalogue.theme(word).expect("embedded");
                assert_ne!(theme.breach, theme.ok, "{word}");
                assert_ne!(theme.unknown, theme.ok, "{word}");
                assert_ne!(theme.stale, theme.text, "{word}");
                assert_ne!(theme.run, theme.gke, "{word} at {depth:?}");
            }
        }
    }

    #[test]
    fn a_persons_themes_inherit_and_a_circle_is_refused() {
        let mut catalogue = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        let refused = catalogue.add([
            // In the order of their files, so a child may come before its parent.
            ("child", "name = \"Child\"\ninherits = \"mine\"\n"),
            ("dark", "name = \"My dark\"\ninherits = \"dark\"\n[roles]\nok = \"#010203\"\n"),
            ("light", "name = \"Light\"\n[roles]\nokay = \"red\"\n"),
            ("loop", "name = \"Loop\"\ninherits = \"pool\"\n"),
            ("mine", "name = \"Mine\"\ninherits = \"light\"\n[roles]\nok = \"#010203\"\n"),
            ("orphan", "name = \"Orphan\"\ninherits = \"liht\"\n"),
            ("pool", "name = \"Pool\"\ninherits = \"loop\"\n"),
        ]);
        let words: Vec<&str> = refused.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(words, ["light", "loop", "orphan", "pool"]);
        assert_eq!(refused[2].1[0].help.as_deref(), Some("did you mean `light`?"));
        let builtin = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        for word in ["mine", "child"] {
            let theme = catalogue.theme(word).expect("valid");
            assert_eq!((theme.ok.fg, theme.breach), (Some(Color::Rgb(1, 2, 3)), builtin.theme("light").expect("embedded").breach));
        }
        assert_eq!(catalogue.theme("dark").expect("valid").ok.fg, Some(Color::Rgb(1, 2, 3)), "a word may be taken");
        assert_eq!(catalogue.theme("dark").expect("valid").breach, builtin.theme("dark").expect("embedded").breach);
        assert_eq!(catalogue.theme("light").map(|theme| theme.name), Ok("Light".to_owned()), "the built-in one");
        assert_eq!(catalogue.words()[7..], ["child", "mine"]);
        assert!(catalogue.theme("loop").is_err());
    }
}
