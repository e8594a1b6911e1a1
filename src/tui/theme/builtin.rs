//! The themes that ship inside the program, and the catalogue of these and the user's own.
//!
//! The catalogue resolves inheritance and the terminal's abilities; where the terminal has no colour, the monochrome theme
//! replaces whatever was asked for, because only it tells selection and focus by modifiers. It reads no folder itself: the
//! command line hands it the texts that it found.

use std::collections::BTreeMap;

use super::{Charset, Depth, Glyphs, Theme, ThemeError, ThemeFile};

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
    files: BTreeMap<String, ThemeFile>,
    /// The order in which themes are offered.
    order: Vec<String>,
    depth: Depth,
    glyphs: Glyphs,
}

impl Catalogue {
    /// The embedded themes, for a terminal with this many colours and these characters.
    pub fn new(depth: Depth, charset: Charset) -> Self {
        let files: BTreeMap<String, ThemeFile> =
            BUILTIN.iter().map(|(word, text)| ((*word).to_owned(), text.parse().expect("embedded themes are parsed by a test"))).collect();
        let order = BUILTIN.iter().map(|(word, _)| (*word).to_owned()).collect();
        Self { files, order, depth, glyphs: Glyphs::of(charset) }
    }

    /// Adds or replaces a theme of the user's own. It is resolved at once, so that its mistakes show at start.
    pub fn add(&mut self, word: &str, text: &str) -> Result<(), ThemeError> {
        let file: ThemeFile = text.parse()?;
        let before = self.files.insert(word.to_owned(), file);
        if let Err(error) = self.resolve(word, self.depth) {
            match before {
                Some(file) => self.files.insert(word.to_owned(), file),
                None => self.files.remove(word),
            };
            return Err(error);
        }
        if before.is_none() {
            self.order.push(word.to_owned());
        }
        Ok(())
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
    pub fn theme(&self, word: &str) -> Result<Theme, ThemeError> {
        if self.depth == Depth::Monochrome && self.files.contains_key(word) {
            return self.resolve("mono", self.depth);
        }
        self.resolve(word, self.depth)
    }

    fn resolve(&self, word: &str, depth: Depth) -> Result<Theme, ThemeError> {
        let ancestry = |from: &str| ThemeError::Ancestry { theme: word.to_owned(), from: from.to_owned(), valid: self.order.join(", ") };
        let mut line = vec![self.files.get(word).ok_or_else(|| ancestry(word))?];
        while let Some(from) = line.last().and_then(|file| file.inherits.as_deref()) {
            if line.len() > ANCESTORS_MAX {
                return Err(ancestry(from));
            }
            line.push(self.files.get(from).ok_or_else(|| ancestry(from))?);
        }
        let mut theme = None;
        for file in line.into_iter().rev() {
            theme = Some(file.over(theme.as_ref(), depth, self.glyphs)?);
        }
        Ok(theme.expect("the line holds the theme itself"))
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
            let file: ThemeFile = text.parse().unwrap_or_else(|error| panic!("{word}: {error}"));
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

    /// Relative luminance, as the Web Content Accessibility Guidelines compute it.
    fn luminance(color: Color) -> Option<f64> {
        let Color::Rgb(red, green, blue) = color else { return None };
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        Some(0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue))
    }

    #[test]
    fn whatever_is_read_stands_out_from_its_ground() {
        let catalogue = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        for word in catalogue.words().iter().filter(|word| *word != "mono") {
            let mut theme = catalogue.theme(word).expect("embedded");
            let base = theme.base;
            // Frames are not read.
            for role in ROLES.iter().filter(|role| **role != "border") {
                let style = *theme.slot(role).expect("declared");
                let ground = style.bg.or(base.bg).and_then(luminance).expect("a ground");
                let ink = style.fg.or(base.fg).and_then(luminance).expect("ink");
                let contrast = (ink.max(ground) + 0.05) / (ink.min(ground) + 0.05);
                assert!(contrast >= 4.5, "{role} of {word} has {contrast:.1} : 1");
            }
        }
    }

    #[test]
    fn one_hue_has_one_meaning() {
        let catalogue = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        for word in catalogue.words().iter().filter(|word| *word != "mono") {
            let theme = catalogue.theme(word).expect("embedded");
            let apart = [
                [theme.focus, theme.key, theme.busy, theme.warn].map(|style| style.fg).to_vec(),
                [theme.observed, theme.unknown, theme.people].map(|style| style.fg).to_vec(),
            ];
            for group in apart {
                for (place, one) in group.iter().enumerate() {
                    assert!(group[..place].iter().all(|other| other != one), "{word}: {one:?} has two meanings");
                }
            }
        }
    }

    #[test]
    fn a_users_theme_inherits_and_a_circle_is_refused() {
        let mut catalogue = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        catalogue.add("mine", "name = \"Mine\"\ninherits = \"light\"\n[roles]\nok = \"#010203\"\n").expect("valid");
        let mine = catalogue.theme("mine").expect("just added");
        assert_eq!(mine.ok.fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(mine.breach, catalogue.theme("light").expect("embedded").breach);
        let error = catalogue.add("loop", "name = \"Loop\"\ninherits = \"loop\"\n").expect_err("a circle");
        assert!(matches!(error, ThemeError::Ancestry { .. }));
        assert!(!catalogue.words().contains(&"loop".to_owned()));
    }
}
