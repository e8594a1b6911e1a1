//! The machine's own log, over its datagram socket, in the form that `syslog(3)` of the C library writes: whatever collects it reads that.
//!
//! Nobody waits for it: a line that is not taken at once is not sent again.

use std::{
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where most machines have it.
pub const DEFAULT: &str = "/dev/log";
/// Facility `authpriv`, which machines keep for what an audit needs, severity `notice`.
const PRIORITY: u8 = 10 * 8 + 5;
/// Longer lines are cut by some collectors.
const LINE_BYTES_MAX: usize = 1024;

#[derive(Debug, Clone)]
pub struct Syslog {
    path: PathBuf,
    socket: Arc<UnixDatagram>,
}

impl Syslog {
    /// A log at the socket `path`, which need not be there yet: each line looks for it anew, so whoever collects may be started again.
    ///
    /// # Errors
    /// No socket is to be had.
    pub fn at(path: &Path) -> io::Result<Syslog> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Syslog { path: path.to_owned(), socket: Arc::new(socket) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// It was not taken: nobody listens there, or who does has no room now.
    pub fn tell(&self, line: &str) -> io::Result<()> {
        let now = jiff::Zoned::now().strftime("%b %e %H:%M:%S").to_string();
        let told = datagram(&now, std::process::id(), line);
        self.socket.send_to(&told, &self.path).map(|_| ())
    }
}

fn datagram(now: &str, pid: u32, line: &str) -> Vec<u8> {
    let plain = |character: char| if character.is_ascii_graphic() { character } else { ' ' };
    let mut told = format!("<{PRIORITY}>{now} cutover[{pid}]: ").into_bytes();
    told.extend(line.chars().map(plain).map(|character| character as u8));
    told.truncate(LINE_BYTES_MAX);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_datagram_in_the_c_librarys_form() {
        let told = datagram("Nov  8 21:00:00", 7, "session night\nhead 5:ab\u{202e}");
        assert_eq!(String::from_utf8(told).unwrap(), "<85>Nov  8 21:00:00 cutover[7]: session night head 5:ab ");
        assert_eq!(datagram("x", 1, &"y".repeat(5000)).len(), LINE_BYTES_MAX);
    }

    #[test]
    fn nobody_waits_for_a_log_that_is_not_there_or_takes_nothing() {
        let folder = std::env::temp_dir().join(format!("cutover-syslog-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        let log = Syslog::at(&path).unwrap();
        assert!(log.tell("nobody is there").is_err());
        let collector = UnixDatagram::bind(&path).unwrap();
        let taken = (0..10_000).take_while(|_| log.tell("one more").is_ok()).count();
        assert!((1..10_000).contains(&taken), "{taken} lines in a queue that nobody empties");
        let mut line = [0; LINE_BYTES_MAX];
        assert!(collector.recv(&mut line).is_ok() && log.tell("there is room again").is_ok());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
