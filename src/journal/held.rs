//! Who holds a journal. The kernel knows it of each lock, whatever notes were written, lost or never made; a note beside the journal says it for
//! a kernel that does not tell, and after its writer is gone.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::journal::files::{is_in_use, line_of, named_closed, named_without_record, ourselves, write_line};

/// The process that has the lock of the journal at `path`, as the kernel tells it. `None`: nobody, or one that can't be seen from here.
pub fn locked_by(path: &Path) -> Option<u32> {
    let facts = fs::metadata(path).ok()?;
    let device = (rustix::fs::major(facts.dev()), rustix::fs::minor(facts.dev()));
    fs::read_to_string("/proc/locks").ok()?.lines().find_map(|line| lock_of(line, device, facts.ino()))
}

/// Whose lock a line tells of, if it is one of a whole file with this number on this device. Behind an arrow stands somebody who waits.
fn lock_of(line: &str, device: (u32, u32), inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let (kind, _advisory, mode, pid) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut file = words.next()?.split(':');
    let mut number = || u32::from_str_radix(file.next()?, 16).ok();
    let is_there = (number()?, number()?) == device && file.next()?.parse() == Ok(inode);
    (is_there && kind == "FLOCK" && mode == "WRITE").then(|| pid.parse().ok()).flatten()
}

/// What a writer has to have noted beside its journal. Whoever has room for it again, or finds it gone, writes it anew.
#[derive(Debug, Clone)]
pub struct Noted {
    path: PathBuf,
    /// What its owner calls the process.
    holder: Arc<str>,
    line: Arc<Mutex<String>>,
}

impl Noted {
    /// That this process writes it, as it is noted when the journal is begun or taken up.
    pub fn writing(path: &Path, holder: &str) -> Noted {
        Noted { path: path.to_owned(), holder: holder.into(), line: Arc::new(Mutex::new(ourselves(holder))) }
    }

    /// Notes that this process goes on without it, since so many milliseconds, behind record `kept`.
    pub fn without_record(&self, kept: u64, since_ms: u64) {
        self.set(named_without_record(kept, since_ms));
    }

    /// Notes that it was closed by this process, which has its lock yet.
    pub fn closed(&self) {
        self.set(named_closed(&self.holder));
    }

    fn set(&self, line: String) {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&line);
        // A note that can't be written changes nothing else, and is written as soon as it can be.
        let _later = write_line(&self.path, &line);
    }

    fn line(&self) -> String {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this process still has the journal. Of a kernel that names nobody, that somebody has it has to do.
    pub fn is_held(&self) -> bool {
        match locked_by(&self.path) {
            Some(by) => by == std::process::id(),
            None => is_in_use(&self.path),
        }
    }

    /// Writes the note where it is gone, empty or another's.
    /// # Errors
    /// The disk refuses.
    pub fn look_after(&self) -> io::Result<()> {
        let mut line = self.line();
        while line_of(&self.path) != line {
            write_line(&self.path, &line)?;
            // Its writer may have said something else meanwhile.
            line = self.line();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::files::{LastWriter, last_writer};

    #[test]
    fn the_kernel_s_lines_name_the_process_of_a_lock() {
        let of = |line| lock_of(line, (0xfe, 0), 11_142_298);
        assert_eq!(of("1: FLOCK  ADVISORY  WRITE 24634 fe:00:11142298 0 EOF"), Some(24_634));
        assert_eq!(of("1: FLOCK  ADVISORY  WRITE 24634 fe:01:11142298 0 EOF"), None);
        assert_eq!(of("1: FLOCK  ADVISORY  READ 24634 fe:00:11142298 0 EOF"), None, "somebody who looks whether it is held");
        assert_eq!(of("1: POSIX  ADVISORY  WRITE 24634 fe:00:11142298 0 EOF"), None);
        assert_eq!(of("1: -> FLOCK  ADVISORY  WRITE 24634 fe:00:11142298 0 EOF"), None, "it waits");
        assert_eq!(of("nothing of the kind"), None);
    }

    #[test]
    fn a_note_that_is_gone_empty_or_anothers_is_written_anew_and_names_whoever_has_the_lock() {
        let folder = std::env::temp_dir().join(format!("cutover-held-{}", std::process::id()));
        let journal = folder.join("night");
        fs::create_dir_all(&journal).unwrap();
        let lock = fs::File::open(&journal).unwrap();
        let (noted, note) = (Noted::writing(&journal, ""), folder.join("night.lock"));
        assert!(!noted.is_held());
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(noted.is_held());
        let named =
            |by: &LastWriter| matches!(by, LastWriter::Writing { by } if by.starts_with(&format!("process {} ", std::process::id())));
        for text in [None, Some(""), Some("process 0 of user 0\n"), Some("closed by process 1 of user 0\n")] {
            match text {
                Some(text) => fs::write(&note, text).unwrap(),
                None => drop(fs::remove_file(&note)),
            }
            if locked_by(&journal).is_some() {
                assert!(named(&last_writer(&journal)), "{:?} beside {text:?}", last_writer(&journal));
            }
            noted.look_after().unwrap();
            assert!(named(&last_writer(&journal)), "{:?} after {text:?}", last_writer(&journal));
        }
        noted.without_record(7, 17);
        fs::write(&note, "").unwrap();
        noted.look_after().unwrap();
        assert_eq!(crate::journal::files::went_on_without(&journal), Some((17, 7)));
        fs::remove_dir_all(folder).unwrap();
    }
}
