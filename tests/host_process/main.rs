//! The session's own process: begun once, told to go, killed in mid-move, taken up again. The world it steers is another process and
//! outlives it; what people hold in their hands is the real program in a pty.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "../common/pty.rs"]
mod pty;
#[path = "../common/world.rs"]
mod world;

mod absent;
mod account;
mod death;
mod join;
mod kills;
mod known;
mod left;
mod living;
mod restart;
mod silent;
mod steps;
mod unanswered;
mod unit;
mod witness;
mod words;
