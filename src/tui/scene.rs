//! What is drawn: the state that all share, how this one cockpit looks at it, and in which colours and glyphs.

use crate::{
    core::state::State,
    tui::{theme::Theme, view::View},
};

/// One moment of one cockpit. Everything that draws takes it whole; what needs only a part of it takes that part.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub state: &'a State,
    pub view: &'a View,
    pub theme: &'a Theme,
}
