//! Shapes that panes are made of: plain values in, cells out.
//!
//! A widget knows nothing of a migration. Each draws into any rectangle, an empty one or one beyond the buffer included, without a panic,
//! and none carries a meaning by colour alone.

pub mod big;
pub mod chart;
pub mod dialog;
pub mod gauge;
pub mod ghosts;
pub mod line;
pub mod rail;
pub mod spark;
pub mod text;

#[cfg(test)]
mod tests;
