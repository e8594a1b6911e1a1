//! The shapes that widgets draw with, in two sets: Unicode, and plain ASCII for consoles that show nothing else.
//!
//! A status is told by its glyph and a word as well as by its colour, so each status glyph differs from every other within
//! its set. Only narrow characters of the oldest blocks are used: what a console font of a bastion really has.

/// What the terminal's locale can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    Unicode,
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
        if utf8 { Self::Unicode } else { Self::Ascii }
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
        for set in [Glyphs::UNICODE, Glyphs::ASCII] {
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
    fn the_first_locale_variable_that_is_set_decides() {
        let of = |vars: &'static [(&str, &str)]| {
            Charset::detect(&|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("LANG", "en_US.UTF-8")]), Charset::Unicode);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "de_DE.utf8")]), Charset::Unicode);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), Charset::Ascii);
        assert_eq!(of(&[]), Charset::Ascii);
    }
}
