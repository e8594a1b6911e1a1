//! The world in a bottle: a simulated migration that answers on loopback as the real systems do.
//!
//! `world` is a pure, seeded model in virtual time; `server` is its face on the wire, one file per API;
//! `faults` and `scenario` are what goes wrong and when. The product's adapters cannot tell it from the real
//! thing, and nothing here is shared with them: a wire type used on both sides would hide a shared mistake.

pub mod commands;
pub mod faults;
pub mod scenario;
pub mod server;
pub mod simulation;
pub mod world;
