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
        // One that goes may be the parent of another, which then has a built-in of that word, or none.
        loop {
            let gone: Vec<&str> = refused.iter().map(|(word, _)| word.as_str()).collect();
            let at_fault: Vec<_> = self.own.keys().filter_map(|word| Some((word.clone(), vec![self.fault(word, &gone)?]))).collect();
            if at_fault.is_empty() {
                break;
            }
            self.own.retain(|word, _| at_fault.iter().all(|(gone, _)| gone != word));
            refused.extend(at_fault);
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
        let worn = if self.depth == Depth::Monochrome && known {
            self.builtin.get("mono").map_or_else(Vec::new, |mono| vec![("mono", mono)])
        } else {
            self.line(word)
        };
        let mut theme = None;
        for (_, file) in worn.into_iter().rev() {
            theme = Some(file.over(theme.as_ref(), self.depth, self.glyphs));
        }
        theme.ok_or_else(|| NoTheme { word: word.to_owned(), valid: self.order.join(", ") })
    }

    /// What is wrong with the parent of a person's own theme, if something is: there is none, it was refused itself (`gone`), or the way up
    /// leads back here. It is the line of this file that has to be another, so a circle is told of each theme in it at its own.
    fn fault(&self, word: &str, gone: &[&str]) -> Option<Mistake> {
        let (from, at) = self.own.get(word)?.inherits.as_ref()?;
        let told = |message: String| Mistake::new(at.clone(), message);
        let first = self.own.get(word)?;
        if self.parent(word, first).is_none() {
            let others = || self.order.iter().chain(self.own.keys()).map(String::as_str).filter(|other| *other != word);
            return Some(match (from == word, gone.contains(&from.as_str())) {
                (true, _) => told(format!("the theme `{word}` inherits itself")).allowed(others().collect::<Vec<_>>().join(", ")),
                (false, true) => told(format!("the theme `{from}`, which this one inherits, has a mistake of its own")),
                (false, false) => told(format!("there is no theme `{from}`")).one_of(from, others()),
            });
        }
        let line = self.line(word);
        let (last, file) = line.last()?;
        let (back, _) = self.parent(last, file).filter(|(_, parent)| std::ptr::eq(*parent, first))?;
        let links = line.iter().map(|(word, _)| *word).zip(line.iter().skip(1).map(|(word, _)| *word).chain([back]));
        let links: Vec<String> = links.map(|(one, parent)| format!("`{one}` inherits `{parent}`")).collect();
        Some(told(format!("the theme inherits itself: {}", links.join(", "))).help("let one of them inherit a theme outside this circle"))
    }

    /// The parent of the theme `file`, whose word is `word`, by its own word. A person's own that inherits its own word means the built-in's.
    fn parent<'c>(&'c self, word: &str, file: &'c ThemeFile) -> Option<(&'c str, &'c ThemeFile)> {
        let (from, _) = file.inherits.as_ref()?;
        let own = self.own.get(from).filter(|_| from != word);
        Some((from, own.or_else(|| self.builtin.get(from))?))
    }

    /// The theme and its ancestors with their words, none of them twice; nothing where there is no such theme.
    fn line<'c>(&'c self, word: &'c str) -> Vec<(&'c str, &'c ThemeFile)> {
        let first = self.own.get(word).or_else(|| self.builtin.get(word));
        let mut line: Vec<(&str, &ThemeFile)> = first.map(|file| (word, file)).into_iter().collect();
        let is_new = |line: &[(&str, &ThemeFile)], file: &ThemeFile| !line.iter().any(|(_, known)| std::ptr::eq(*known, file));
        while let Some(parent) = line.last().and_then(|(word, file)| self.parent(word, file)).filter(|(_, file)| is_new(&line, file)) {
            line.push(parent);
        }
        line
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

    /// Another file's place means nothing in this one.
    #[test]
    fn a_theme_that_inherits_itself_by_way_of_others_is_told_at_its_own_line() {
        let files = [
            ("a", "name = \"A\"\n# the longest of them\n\ninherits = \"b\"\n"),
            ("b", "inherits = \"c\"\nname = \"B\"\n"),
            ("c", "name = \"C\"\ninherits = \"a\"\n"),
            ("dark", "name = \"Dark\"\ninherits = \"dusk\"\n"),
            ("own", "name = \"Own\"\ninherits = \"own\"\n"),
            ("pupil", "name = \"Pupil\"\n\ninherits = \"c\"\n"),
        ];
        let mut catalogue = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        let refused = catalogue.add(files);
        let told = |word: &str| {
            let (_, text) = files.iter().find(|(known, _)| *known == word).expect("one of them");
            let (_, mistakes) = refused.iter().find(|(known, _)| known == word).unwrap_or_else(|| panic!("{word} is refused"));
            let [mistake] = &mistakes[..] else { panic!("one mistake: {mistakes:?}") };
            assert!(text[..mistake.at].ends_with("inherits = "), "{word} at {}: {mistake:?}", mistake.at);
            mistake.message.clone()
        };
        assert_eq!(told("a"), "the theme inherits itself: `a` inherits `b`, `b` inherits `c`, `c` inherits `a`");
        assert_eq!(told("b"), "the theme inherits itself: `b` inherits `c`, `c` inherits `a`, `a` inherits `b`");
        assert!(told("c").contains("itself"));
        assert_eq!(told("own"), "the theme `own` inherits itself");
        assert_eq!(told("pupil"), "the theme `c`, which this one inherits, has a mistake of its own");
        assert_eq!(told("dark"), "the theme inherits itself: `dark` inherits `dusk`, `dusk` inherits `dark`");
        assert_eq!(refused.len(), files.len());
        catalogue.theme("dusk").expect("the built-in ones are whole");
    }
}
