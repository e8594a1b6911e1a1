//! The shapes that widgets draw with, in three sets: Unicode, what the font of a Linux console has, and plain ASCII for what shows
//! nothing else.
//!
//! A status is told by its glyph and a word as well as by its colour, so each status glyph differs from every other within
//! its set. Only narrow characters of the oldest blocks are used: what a console font of a bastion really has.

use ratatui::buffer::Buffer;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    Unicode,
    /// The characters of code page 437, which every font of a Linux console has.
    Console,
    Ascii,
}

impl Charset {
    /// Reads the locale the way C programs do: the first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set and not empty decides.
    /// `env` looks up one variable. No locale at all means the C locale, hence ASCII.
    pub fn detect(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| env(name)).find(|value| !value.is_empty());
        let utf8 = locale.is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        });
        match (utf8, env("TERM").as_deref()) {
            (false, _) => Self::Ascii,
            (true, Some("linux")) => Self::Console,
            (true, _) => Self::Unicode,
        }
    }

    fn shows(self, character: char) -> bool {
        match self {
            Self::Unicode => true,
            Self::Console => character.is_ascii() || CONSOLE.contains(character),
            Self::Ascii => character.is_ascii(),
        }
    }
}

/// What the upper half of code page 437 holds, and those of its lower half that are drawn and not obeyed.
const CONSOLE: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥ƒáíóúñÑªº¿¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\
                       ♥♦♣♠•○►◄↕↑↓→←▲▼";

/// Whatever got into a frame that this terminal can't show becomes the nearest that it can: names and remarks of people keep their
/// letters as far as that goes, and everything keeps its place.
pub fn fit(buf: &mut Buffer, charset: Charset) {
    for cell in &mut buf.content {
        if !cell.symbol().chars().all(|character| charset.shows(character)) {
            let first = cell.symbol().chars().next().unwrap_or(' ');
            cell.set_symbol(nearest(first));
        }
    }
}

/// The same for a text that is printed.
pub fn fitted(text: &str, charset: Charset) -> String {
    let mut fitted = String::with_capacity(text.len());
    for character in text.chars() {
        if charset.shows(character) { fitted.push(character) } else { fitted.push_str(nearest(character)) }
    }
    fitted
}

fn nearest(character: char) -> &'static str {
    match character {
        '·' | '•' | '∙' | '–' | '—' | '─' | '━' => "-",
        '…' | '≈' | '±' => "~",
        '→' | '▸' | '►' => ">",
        '←' | '◀' | '◄' => "<",
        '×' => "x",
        'µ' | 'μ' => "u",
        '✓' => "+",
        '✗' => "X",
        '≤' => "<",
        '≥' => ">",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        'à'..='å' => "a",
        'è'..='ë' => "e",
        'ì'..='ï' => "i",
        'ò'..='ö' | 'ø' => "o",
        'ù'..='ü' => "u",
        'ç' => "c",
        'ñ' => "n",
        'À'..='Å' => "A",
        'È'..='Ë' => "E",
        'Ò'..='Ö' | 'Ø' => "O",
        'Ù'..='Ü' => "U",
        'ß' => "s",
        _ => "?",
    }
}

/// How a box is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub horizontal: &'static str,
    pub vertical: &'static str,
    /// Top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
}

/// One complete set of shapes. Every entry is one cell wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    pub charset: Charset,
    pub frame: Frame,
    pub frame_focus: Frame,
    /// Horizontal eighths of a cell, from one eighth to a full cell.
    pub eighths: [&'static str; 8],
    /// Vertical eighths of a cell for sparklines, from the lowest to the highest.
    pub bars: [&'static str; 8],
    /// The fill of a rail's first, second and further legs, told apart without colour.
    pub fills: [&'static str; 3],
    pub track: &'static str,
    pub gap: &'static str,
    pub wanted: &'static str,
    pub draft: &'static str,
    /// Somebody else's draft.
    pub ghost: &'static str,
    pub observed: &'static str,
    pub band: &'static str,
    pub band_ends: [&'static str; 2],
    pub threshold: &'static str,
    pub ok: &'static str,
    pub warn: &'static str,
    pub breach: &'static str,
    pub unknown: &'static str,
    pub stale: &'static str,
    pub latch: &'static str,
    pub busy: &'static str,
    pub idle: &'static str,
    pub rollback: &'static str,
    pub arrow: &'static str,
    pub focus: &'static str,
    pub cursor: &'static str,
    pub more_above: &'static str,
    pub more_below: &'static str,
    pub ellipsis: &'static str,
    pub dot: &'static str,
    pub plus_minus: &'static str,
    pub times: &'static str,
    pub line: &'static str,
    pub point: &'static str,
}

impl Glyphs {
    pub const UNICODE: Self = Self {
        charset: Charset::Unicode,
        frame: Frame { horizontal: "─", vertical: "│", corners: ["╭", "╮", "╰", "╯"] },
        frame_focus: Frame { horizontal: "━", vertical: "┃", corners: ["┏", "┓", "┗", "┛"] },
        eighths: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
        bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        fills: ["█", "▓", "▒"],
        track: "░",
        gap: "·",
        wanted: "▼",
        draft: "◆",
        ghost: "◇",
        observed: "•",
        band: "─",
        band_ends: ["├", "┤"],
        threshold: "┊",
        ok: "✓",
        warn: "▲",
        breach: "✗",
        unknown: "?",
        stale: "≈",
        latch: "■",
        busy: "»",
        idle: "○",
        rollback: "◀",
        arrow: "→",
        focus: "▸",
        cursor: "█",
        more_above: "↑",
        more_below: "↓",
        ellipsis: "…",
        dot: "·",
        plus_minus: "±",
        times: "×",
        line: "─",
        point: "•",
    };

    pub const CONSOLE: Self = Self {
        charset: Charset::Console,
        frame: Frame { horizontal: "─", vertical: "│", corners: ["┌", "┐", "└", "┘"] },
        frame_focus: Frame { horizontal: "═", vertical: "║", corners: ["╔", "╗", "╚", "╝"] },
        eighths: ["▌", "▌", "▌", "▌", "▌", "█", "█", "█"],
        bars: ["_", "_", "▄", "▄", "▄", "█", "█", "█"],
        fills: ["█", "▓", "▒"],
        track: "░",
        gap: "·",
        wanted: "▼",
        draft: "♦",
        ghost: "○",
        observed: "•",
        band: "─",
        band_ends: ["├", "┤"],
        threshold: "│",
        ok: "√",
        warn: "▲",
        breach: "X",
        unknown: "?",
        stale: "≈",
        latch: "■",
        busy: "»",
        idle: "○",
        rollback: "◄",
        arrow: "→",
        focus: "►",
        cursor: "█",
        more_above: "↑",
        more_below: "↓",
        ellipsis: "~",
        dot: "·",
        plus_minus: "±",
        times: "x",
        line: "─",
        point: "•",
    };

    pub const ASCII: Self = Self {
        charset: Charset::Ascii,
        frame: Frame { horizontal: "-", vertical: "|", corners: ["+", "+", "+", "+"] },
        frame_focus: Frame { horizontal: "=", vertical: "|", corners: ["#", "#", "#", "#"] },
        eighths: [" ", " ", " ", "-", "-", "=", "=", "#"],
        bars: ["_", "_", ".", "-", "-", "=", "=", "#"],
        fills: ["#", "=", "%"],
        track: ".",
        gap: " ",
        wanted: "v",
        draft: "^",
        ghost: ",",
        observed: "o",
        band: "-",
        band_ends: ["<", ">"],
        threshold: "|",
        ok: "+",
        warn: "!",
        breach: "X",
        unknown: "?",
        stale: "~",
        latch: "L",
        busy: ">",
        idle: "o",
        rollback: "<",
        arrow: ">",
        focus: ">",
        cursor: "_",
        more_above: "^",
        more_below: "v",
        ellipsis: "~",
        dot: "-",
        plus_minus: "~",
        times: "x",
        line: "-",
        point: "*",
    };

    pub const fn of(charset: Charset) -> Self {
        match charset {
            Charset::Unicode => Self::UNICODE,
            Charset::Console => Self::CONSOLE,
            Charset::Ascii => Self::ASCII,
        }
    }

    /// The glyph of eighths of a cell, 1..=8 from thin to full; `None` for nothing at all.
    pub fn eighth(&self, eighths: usize) -> Option<&'static str> {
        eighths.checked_sub(1).map(|index| self.eighths[index.min(7)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_glyphs_differ_within_each_set() {
        for set in [Glyphs::UNICODE, Glyphs::CONSOLE, Glyphs::ASCII] {
            let all = [set.ok, set.warn, set.breach, set.unknown, set.stale, set.latch, set.busy];
            for (index, one) in all.iter().enumerate() {
                assert!(!all[..index].contains(one), "{one} stands for two states in {:?}", set.charset);
            }
        }
    }

    #[test]
    fn the_ascii_set_is_ascii() {
        assert!(format!("{:?}", Glyphs::ASCII).is_ascii());
    }

    #[test]
    fn the_console_has_every_shape_of_its_set() {
        let shapes = format!("{:?}", Glyphs::CONSOLE);
        assert!(shapes.chars().all(|character| Charset::Console.shows(character)), "{shapes}");
    }

    #[test]
    fn what_a_terminal_lacks_is_told_by_what_it_has() {
        let fitted = |charset| {
            let mut buf = Buffer::with_lines(["gke 5% · 10→25 café ✓ 日本"]);
            fit(&mut buf, charset);
            buf.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        assert_eq!(fitted(Charset::Ascii), "gke 5% - 10>25 cafe + ? ? ");
        assert_eq!(fitted(Charset::Console), "gke 5% · 10→25 café + ? ? ");
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let of = |vars: &'static [(&str, &str)]| {
            Charset::detect(&|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("LANG", "en_US.UTF-8")]), Charset::Unicode);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "de_DE.utf8")]), Charset::Unicode);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), Charset::Ascii);
        assert_eq!(of(&[]), Charset::Ascii);
        assert_eq!(of(&[("LANG", "C.UTF-8"), ("TERM", "linux")]), Charset::Console);
        assert_eq!(of(&[("LANG", "C"), ("TERM", "linux")]), Charset::Ascii);
    }
}
