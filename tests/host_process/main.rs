//! The session's own process: begun once, told to go, killed in mid-move, taken up again. The world it steers is another process and
//! outlives it; what people hold in their hands is the real program in a pty.

#[path = "../common/pty.rs"]
mod pty;
#[path = "../common/world.rs"]
mod world;

mod absent;
mod account;
mod death;
mod join;
mod words;
