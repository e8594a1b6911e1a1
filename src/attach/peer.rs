//! Who is on the other end of a socket, by the kernel's word.
//!
//! The account number is what the kernel noted when the other side connected; nothing that the client says can change it. The process
//! number that comes with it is for showing only: numbers are used again.

use std::io;

use tokio::net::UnixStream;

/// The account of whoever connected, or of whoever listens when called by the one who connected.
///
/// # Errors
/// When the kernel doesn't say.
pub fn uid_of(stream: &UnixStream) -> io::Result<u32> {
    Ok(stream.peer_cred()?.uid())
}

/// The account that this process acts as.
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
