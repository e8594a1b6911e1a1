//! How many colours a terminal shows, and how a theme's colour is brought down to that.
//!
//! We decide ourselves instead of letting the terminal library do it: its way of dropping colours also drops bold and
//! reverse, and with them the selection.

use ratatui::style::Color;

/// What the command line said about colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// Look at the environment.
    #[default]
    Auto,
    Always,
    Never,
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: only bold, underline and reverse.
    Monochrome,
    Sixteen,
    Palette256,
    Truecolor,
}

impl Depth {
    /// What the flag and the environment say. The flag beats `NO_COLOR`, which beats the rest; `env` looks up one variable.
    pub fn detect(choice: ColorChoice, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
        let shown = Self::of_terminal(env);
        match choice {
            ColorChoice::Never => Self::Monochrome,
            ColorChoice::Always => shown.max(Self::Sixteen),
            ColorChoice::Auto if set("NO_COLOR") => Self::Monochrome,
            ColorChoice::Auto => shown,
        }
    }

    fn of_terminal(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let term = env("TERM").unwrap_or_default();
        let colorterm = env("COLORTERM").unwrap_or_default();
        if term.starts_with("vt1") || term.starts_with("vt2") {
            Self::Monochrome
        } else if colorterm == "truecolor" || colorterm == "24bit" || term.ends_with("-direct") {
            Self::Truecolor
        } else if term.contains("256color") || term.contains("kitty") || term.contains("alacritty") {
            Self::Palette256
        } else {
            Self::Sixteen
        }
    }

    /// The nearest that this depth can show of a full colour; `plain` is the theme's own word for sixteen colours.
    pub fn lower(self, color: Color, plain: Option<Color>) -> Color {
        match (self, color) {
            (Self::Truecolor, _) => color,
            (Self::Monochrome, _) => Color::Reset,
            (Self::Palette256, Color::Rgb(r, g, b)) => Color::Indexed(nearest_256(r, g, b)),
            (Self::Sixteen, Color::Rgb(r, g, b)) => plain.unwrap_or_else(|| nearest_16(r, g, b)),
            (Self::Palette256 | Self::Sixteen, _) => color,
        }
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    // The eye weighs green over red over blue.
    2 * square(a.0, b.0) + 4 * square(a.1, b.1) + 3 * square(a.2, b.2)
}

/// The nearest of the 6×6×6 cube and the grey ramp of the 256-colour palette.
fn nearest_256(r: u8, g: u8, b: u8) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |value: u8| (0..6u8).min_by_key(|index| LEVELS[usize::from(*index)].abs_diff(value)).expect("six levels");
    let (cube_r, cube_g, cube_b) = (level(r), level(g), level(b));
    let cube = (LEVELS[usize::from(cube_r)], LEVELS[usize::from(cube_g)], LEVELS[usize::from(cube_b)]);
    let mean = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3) as u8;
    let step = (mean.saturating_sub(3) / 10).min(23);
    let grey = 8 + 10 * step;
    if distance((grey, grey, grey), (r, g, b)) < distance(cube, (r, g, b)) { 232 + step } else { 16 + 36 * cube_r + 6 * cube_g + cube_b }
}

fn nearest_16(r: u8, g: u8, b: u8) -> Color {
    const SIXTEEN: [(Color, (u8, u8, u8)); 16] = [
        (Color::Black, (0, 0, 0)),
        (Color::Red, (205, 49, 49)),
        (Color::Green, (13, 188, 121)),
        (Color::Yellow, (200, 180, 16)),
        (Color::Blue, (36, 114, 200)),
        (Color::Magenta, (188, 63, 188)),
        (Color::Cyan, (17, 168, 205)),
        (Color::Gray, (200, 200, 200)),
        (Color::DarkGray, (110, 110, 110)),
        (Color::LightRed, (241, 76, 76)),
        (Color::LightGreen, (35, 230, 139)),
        (Color::LightYellow, (245, 245, 67)),
        (Color::LightBlue, (59, 142, 234)),
        (Color::LightMagenta, (214, 112, 214)),
        (Color::LightCyan, (41, 220, 240)),
        (Color::White, (255, 255, 255)),
    ];
    SIXTEEN.iter().min_by_key(|(_, rgb)| distance(*rgb, (r, g, b))).expect("sixteen colours").0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_flag_beats_no_color_and_no_color_beats_the_terminal() {
        let rich = env(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]);
        assert_eq!(Depth::detect(ColorChoice::Auto, &rich), Depth::Truecolor);
        assert_eq!(Depth::detect(ColorChoice::Never, &rich), Depth::Monochrome);
        let refused = env(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
        assert_eq!(Depth::detect(ColorChoice::Auto, &refused), Depth::Monochrome);
        assert_eq!(Depth::detect(ColorChoice::Always, &refused), Depth::Palette256);
        assert_eq!(Depth::detect(ColorChoice::Auto, &env(&[("TERM", "linux")])), Depth::Sixteen);
        assert_eq!(Depth::detect(ColorChoice::Auto, &env(&[("TERM", "vt100")])), Depth::Monochrome);
    }

    #[test]
    fn an_empty_no_color_says_nothing() {
        let unset = env(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]);
        assert_eq!(Depth::detect(ColorChoice::Auto, &unset), Depth::Palette256);
    }

    #[test]
    fn colours_come_down_to_their_nearest() {
        assert_eq!(Depth::Palette256.lower(Color::Rgb(255, 0, 0), None), Color::Indexed(196));
        assert_eq!(Depth::Palette256.lower(Color::Rgb(28, 28, 28), None), Color::Indexed(234));
        assert_eq!(Depth::Sixteen.lower(Color::Rgb(250, 80, 80), None), Color::LightRed);
        assert_eq!(Depth::Sixteen.lower(Color::Rgb(20, 20, 30), Some(Color::Reset)), Color::Reset);
        assert_eq!(Depth::Monochrome.lower(Color::Red, None), Color::Reset);
    }
}
