//! A theme: the style of every role on the screen, and the glyphs to draw with.
//!
//! Widgets name roles (`theme.breach`), never colours, so that a theme, a sixteen-colour console or `NO_COLOR` changes the
//! look without touching a pane. Every role is also told by a glyph or a word: no theme has to carry meaning by colour alone.
//! A theme knows nothing of terminals; what the terminal can do comes in as [`Depth`] and [`Charset`].

mod builtin;
mod depth;
pub mod glyphs;
mod parse;

use ratatui::style::Style;

pub use builtin::{BUILTIN, Catalogue, NoTheme};
pub use depth::{ColorChoice, Depth};
pub use glyphs::{Charset, Glyphs};
pub use parse::ThemeFile;

/// Declares the roles once: the struct's fields, the names in theme files and the table that joins them.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident),+ $(,)?) => {
        /// The style of every role, resolved to what this terminal can show, with the glyphs to draw them.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Theme {
            /// The name shown in the theme list.
            pub name: String,
            /// The shapes to draw with: Unicode or plain ASCII.
            pub glyphs: Glyphs,
            $($(#[$doc])* pub $role: Style,)+
        }

        /// Every role's name in the order of the struct, as theme files spell it.
        pub const ROLES: &[&str] = &[$(stringify!($role)),+];

        impl Theme {
            /// A theme without any style: each role looks like the terminal's own text.
            fn blank(name: &str, glyphs: Glyphs) -> Self {
                Self { name: name.to_owned(), glyphs, $($role: Style::new(),)+ }
            }

            /// The style of the role called `name`, to be replaced; `None` if there is no such role.
            fn slot(&mut self, name: &str) -> Option<&mut Style> {
                match name {
                    $(stringify!($role) => Some(&mut self.$role),)+
                    _ => None,
                }
            }
        }
    };
}

roles! {
    /// The canvas: default ink on the default background.
    base,
    /// What is read first.
    text,
    /// What is read second: units, labels, hints.
    dim,
    /// What only structures the page: dots, empty track, axes.
    faint,
    /// A pane's title.
    title,
    /// A pane's frame.
    border,
    /// The frame and title of the pane that has the focus.
    focus,
    /// The row under the cursor.
    selection,
    /// Cloud Run, the place we come from.
    run,
    /// GKE, the place we go to.
    gke,
    /// A third and any further backend.
    other,
    /// The weight that was asked for.
    wanted,
    /// The weight that the API accepted.
    accepted,
    /// The weight that requests really show.
    observed,
    /// This cockpit's own, private draft.
    draft,
    /// Evidence says good.
    ok,
    /// Not yet a breach, but look.
    warn,
    /// A threshold is crossed.
    breach,
    /// The frame of a pane in which something is wrong.
    alarm,
    /// We do not know.
    unknown,
    /// We knew once; it is too old to trust.
    stale,
    /// A route that stays put until a human re-arms it.
    latch,
    /// Something is on its way right now.
    busy,
    /// The rollback line: the way home.
    rollback,
    /// A key's name in hints.
    key,
    /// A key's label in hints.
    hint,
    /// The mode badge of a live session.
    live,
    /// The mode badge of a demo.
    demo,
    /// The mode badge of a watcher or a replay.
    watch,
    /// A figure that may be read across the room.
    figure,
    /// A line in a chart.
    chart,
    /// A threshold line in a chart.
    threshold,
    /// A dialog's body.
    dialog,
    /// What a person types.
    typed,
    /// Log lines by level.
    log_error,
    log_warn,
    log_info,
    log_debug,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_a_slot_under_its_own_name() {
        let mut theme = Theme::blank("t", Glyphs::UNICODE);
        for role in ROLES {
            *theme.slot(role).expect("a declared role") = Style::new().bold();
        }
        assert_eq!(theme.breach, Style::new().bold());
        assert!(theme.slot("red").is_none());
    }
}
