//! How a cockpit looks and which keys it has: flags, the terminal's abilities, and a person's own files in the configuration directory.
//!
//! Themes are `themes/*.toml`, keys are `keys.toml`, the theme that was chosen last is in `cockpit.toml`, which the program writes. A mistake
//! in one of them keeps nobody from flying: what is built in stays in force, and the mistake is told as a plan's is, with its line, what
//! is allowed and what was meant, before the cockpit opens, in its footer and in its log.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use color_eyre::eyre::Result;

use crate::{
    cli::{paths::Paths, print},
    domain::suggest,
    plan::diagnostic::{Diagnostic, Severity, render_all},
    tui::{
        app::Appearance,
        keymap::Keymap,
        mistake::Mistake,
        terminal::MouseReports,
        theme::{Catalogue, Charset, ColorChoice, Depth},
    },
};

/// Longest file of a person's own; a theme of every role has a tenth of that.
const BYTES_MAX: u64 = 64 * 1024;
/// Most themes of a person's own.
const THEMES_MAX: usize = 100;
/// The theme that nobody has chosen.
const FIRST_THEME: &str = "dark";
/// How long the end may wait until a choice is written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Face {
    /// Theme to begin with [default: the one that was chosen last]
    #[arg(long)]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Whether to draw in colour; auto looks at NO_COLOR and TERM
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = color_choice)]
    pub color: ColorChoice,
    /// Leave the mouse to the terminal, for its own selecting and copying
    #[arg(long)]
    pub no_mouse: bool,
}

fn color_choice(typed: &str) -> Result<ColorChoice, String> {
    match typed {
        "auto" => Ok(ColorChoice::Auto),
        "always" => Ok(ColorChoice::Always),
        "never" => Ok(ColorChoice::Never),
        other => Err(format!("{other:?} is none of auto, always, never")),
    }
}

/// Writes down which theme was chosen, on a thread of its own: a home directory that hangs must not hold up a key.
pub struct Keeper {
    written: Receiver<()>,
}

impl Keeper {
    /// Call when the cockpit has ended.
    pub fn finish(self) {
        // Too late is no failure: the cockpit was left, and the next one begins with the theme before.
        let _ = self.written.recv_timeout(WRITTEN_WITHIN);
    }
}

impl Face {
    /// What a cockpit needs to draw. Mistakes in a person's own files are said here.
    /// # Errors
    /// A theme that was asked for by name is not there.
    pub fn appearance(&self, paths: &Paths) -> Result<(Appearance, Keeper)> {
        let env = |name: &str| std::env::var(name).ok();
        let charset = if self.ascii { Charset::Ascii } else { Charset::detect(&env) };
        let mut themes = Catalogue::new(Depth::detect(self.color, &env), charset);
        let mut told = Complaints::default();
        add_themes(&paths.config.join("themes"), &mut themes, &mut told);
        let keys = keymap(&paths.config.join("keys.toml"), &mut told);
        let kept = kept(paths);
        let word = match &self.theme {
            Some(word) => word.clone(),
            None => chosen(&kept, &themes, &mut told),
        };
        let theme = themes.theme(&word)?;
        let (sender, keeper) = keep(kept);
        let mouse = if self.no_mouse { MouseReports::Off } else { MouseReports::On };
        let remark = told.remark();
        Ok((Appearance { mouse, keys: Arc::new(keys), keeper: Some(sender), remark, ..Appearance::plain(themes, theme) }, keeper))
    }
}

/// What was found wrong so far.
#[derive(Default)]
struct Complaints {
    count: usize,
    first: Option<String>,
}

impl Complaints {
    /// Shows the mistakes of one file, as a plan's are shown.
    fn mistakes(&mut self, file: &Path, text: &str, mistakes: Vec<Mistake>) {
        let found: Vec<Diagnostic> = mistakes.into_iter().map(|mistake| located(text, mistake)).collect();
        print::err(&render_all(&found, &file.display().to_string(), text));
        for one in found {
            self.note(format!("{}:{}:{}: {}", name_of(file), one.line, one.column, one.message));
        }
    }

    fn unread(&mut self, file: &Path, why: &str) {
        print::err(&format!("error: {} {why}\n", file.display()));
        self.note(format!("{} {why}", name_of(file)));
    }

    fn note(&mut self, text: String) {
        tracing::warn!("{text}");
        self.count += 1;
        self.first.get_or_insert(text);
    }

    fn remark(self) -> Option<String> {
        let more = match self.count {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        self.first.map(|first| format!("{first}{more}; what is built in is in force; the log has it all"))
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn located(text: &str, Mistake { at, message, allowed, help }: Mistake) -> Diagnostic {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    Diagnostic { severity: Severity::Error, line, column, path: String::new(), message, allowed, suggestion: help }
}

/// A file of a person's own, if it is there. What can't be read is told.
fn read(path: &Path, told: &mut Complaints) -> Option<String> {
    let refused = |why: &str| Some(format!("can't be used: {why}"));
    let why = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => refused(&error.to_string()),
        Ok(found) if !found.is_file() => refused("it is no regular file"),
        Ok(found) if found.len() > BYTES_MAX => refused("it is longer than 64 KiB"),
        Ok(_) => None,
    };
    let read = match why {
        Some(why) => Err(why),
        None => fs::read_to_string(path).map_err(|error| format!("can't be read: {error}")),
    };
    read.map_err(|why| told.unread(path, &why)).ok()
}

fn add_themes(folder: &Path, themes: &mut Catalogue, told: &mut Complaints) {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = found.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    paths.sort();
    if paths.len() > THEMES_MAX {
        told.unread(folder, "holds more than 100 themes; the first of them are read");
        paths.truncate(THEMES_MAX);
    }
    let mut files: Vec<(String, PathBuf, String)> = Vec::new();
    for path in paths {
        let word = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let simple = !word.is_empty() && word.len() <= 28 && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !simple {
            told.unread(&path, "can't be used: the name of a theme is made of at most 28 letters, digits, - and _");
        } else if let Some(text) = read(&path, told) {
            files.push((word, path, text));
        }
    }
    for (word, mistakes) in themes.add(files.iter().map(|(word, _, text)| (word.as_str(), text.as_str()))) {
        if let Some((_, path, text)) = files.iter().find(|(other, ..)| *other == word) {
            told.mistakes(path, text, mistakes);
        }
    }
}

fn keymap(path: &Path, told: &mut Complaints) -> Keymap {
    let Some(text) = read(path, told) else { return Keymap::builtin() };
    Keymap::from_file(&text).unwrap_or_else(|mistakes| {
        told.mistakes(path, &text, mistakes);
        Keymap::builtin()
    })
}

/// Where the choice is kept.
fn kept(paths: &Paths) -> PathBuf {
    paths.config.join("cockpit.toml")
}

/// The theme that was chosen last, if there is still one of that word.
fn chosen(kept: &Path, themes: &Catalogue, told: &mut Complaints) -> String {
    let first = || FIRST_THEME.to_owned();
    let Some(text) = read(kept, told) else { return first() };
    let written = text.parse::<toml::Table>().ok().and_then(|table| Some(table.get("theme")?.as_str()?.to_owned()));
    match written {
        Some(word) if themes.words().contains(&word) => word,
        Some(word) => {
            let known = themes.words();
            let meant = suggest::closest(&word, known.iter().map(String::as_str)).map(|meant| format!("did you mean `{meant}`?"));
            let at = text.find(&word).unwrap_or(0);
            let message = format!("there is no theme `{word}`; the first one is worn");
            told.mistakes(kept, &text, vec![Mistake { at, message, allowed: Some(known.join(", ")), help: meant }]);
            first()
        }
        None => {
            let allowed = Some("theme = \"dark\"".to_owned());
            told.mistakes(kept, &text, vec![Mistake { at: 0, message: "no theme is named here".to_owned(), allowed, help: None }]);
            first()
        }
    }
}

/// Begins to write down every choice that comes.
fn keep(path: PathBuf) -> (Sender<String>, Keeper) {
    let (sender, choices) = channel::<String>();
    let (done, written) = channel();
    let writes = move || {
        for word in choices {
            if let Err(error) = write(&path, &word) {
                tracing::warn!(%error, path = %path.display(), "the chosen theme could not be kept; the next cockpit begins with the one before");
            }
        }
        // Nobody waits any more if the end was in a hurry.
        let _ = done.send(());
    };
    if let Err(error) = thread::Builder::new().name("chosen theme".to_owned()).spawn(writes) {
        tracing::warn!(%error, "a chosen theme will not be kept");
    }
    (sender, Keeper { written })
}

/// Whole or not at all.
fn write(path: &Path, word: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&draft, format!("# Written by the cockpit when a theme is chosen.\ntheme = \"{word}\"\n"))?;
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::Action;

    fn paths(name: &str, files: &[(&str, &str)]) -> Paths {
        let folder = std::env::temp_dir().join(format!("cutover-appearance-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("themes")).unwrap();
        files.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
        Paths { config: folder.clone(), state: folder }
    }

    fn appearance(paths: &Paths) -> (Appearance, Keeper) {
        Face::default().appearance(paths).unwrap()
    }

    #[test]
    fn a_chosen_theme_is_kept_and_a_flag_goes_before_it() {
        let paths = paths("kept", &[]);
        let (mut first, keeper) = appearance(&paths);
        assert_eq!(first.remark, None);
        first.keeper.take().unwrap().send("light".to_owned()).unwrap();
        keeper.finish();
        assert_eq!(fs::read_to_string(kept(&paths)).unwrap().lines().last(), Some("theme = \"light\""));
        let mut told = Complaints::default();
        assert_eq!(chosen(&kept(&paths), &first.themes, &mut told), "light");
        let missing = Face { theme: Some("lihgt".to_owned()), ..Face::default() }.appearance(&paths).map(|_| ()).unwrap_err();
        assert!(missing.to_string().contains("there is no theme `lihgt`; there are dark, light,"), "{missing}");
        fs::remove_dir_all(paths.config).unwrap();
    }

    #[test]
    fn own_themes_and_keys_are_read_and_one_mistake_leaves_the_rest() {
        let good = "name = \"Mine\"\ninherits = \"dark\"\n[roles]\nok = \"#010203\"\n";
        let keys = "[keys]\nrollback = \"F10\"\n";
        let paths = paths(
            "own",
            &[("themes/mine.toml", good), ("themes/bad.toml", "name = \"B\"\n[roles]\nbreech = \"red\"\n"), ("keys.toml", keys)],
        );
        let (appearance, _) = appearance(&paths);
        assert!(appearance.themes.theme("mine").is_ok() && appearance.themes.theme("bad").is_err());
        assert_eq!(appearance.keys.key(Action::Rollback), "F10");
        let remark = appearance.remark.unwrap();
        assert!(remark.starts_with("bad.toml:3:1: there is no role `breech`; what is built in is in force"), "{remark}");
        fs::remove_dir_all(paths.config).unwrap();
    }

    #[test]
    fn a_key_map_with_a_mistake_leaves_every_built_in_key() {
        let paths = paths("keys", &[("keys.toml", "[keys]\nhold = \"y\"\nzoom = \"F9\"\n"), ("cockpit.toml", "theme = \"drak\"\n")]);
        let (appearance, _) = appearance(&paths);
        assert_eq!(*appearance.keys, Keymap::builtin());
        let remark = appearance.remark.unwrap();
        assert!(remark.starts_with("keys.toml:3:8: `F9` is the way home (and 1 more)"), "{remark}");
        fs::remove_dir_all(paths.config).unwrap();
    }

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let mistake = Mistake { at: "a\né = ".len(), message: String::new(), allowed: None, help: None };
        let found = located("a\né = 1\n", mistake);
        assert_eq!((found.line, found.column), (2, 5));
    }
}
