//! The cockpit in the terminal: what a person sees and what her hands may do.
//!
//! It owns the tty, its own view (focus, draft, scroll, theme) and nothing else: state arrives from a session as finished
//! snapshots, and a key that wants something becomes an ask. It never speaks to a cloud, a cluster or a database.
//!
//! Reading order: `input` (bytes to keys), `keymap` (keys to actions), `app` (actions to asks, the loop), `view` and `overlay` (what is
//! this cockpit's own), `draw` (what goes where), `panes`, `widgets`, `theme`, `terminal` (cells to bytes).

pub mod app;
pub mod draw;
pub mod input;
pub mod keymap;
pub mod mistake;
pub mod overlay;
pub mod panes;
pub mod scene;
pub mod terminal;
pub mod theme;
pub mod view;
pub mod widgets;
