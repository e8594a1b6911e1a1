//! What stands at a place where a journal does not hold, and what holds behind it.
//!
//! It judges nothing that the verifier has not judged: it looks at the bytes from there on, for whoever has to know what is lost and what is
//! not. Records behind such a place hold together by their own hashes; that they are what was written, only a witness among them shows.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::journal::chain::{Head, Witness};
use crate::journal::line::{Line, Sums};
use crate::journal::{LINE_BYTES_MAX, SECTOR_BYTES};

/// What was found from a place on, in one file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Damage {
    /// The longest run of zero bytes before anything holds again, where a disk leaves such runs.
    pub zeros: Option<Zeros>,
    pub behind: Option<Behind>,
}

/// A run of zero bytes as long as a sector at least, or up to a sector's end or the file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zeros {
    pub offset: u64,
    pub bytes: u64,
}

/// Records that hold together behind the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    pub offset: u64,
    /// The number of the first.
    pub first: u64,
    pub last: Witness,
    /// The witnesses that are among them.
    pub witnessed: Vec<Witness>,
}

/// Looks at the plain file at `path` from byte `from` on, where `seq` should stand and does not.
///
/// # Errors
/// It can't be read.
pub fn survey(path: &Path, from: u64, seq: u64, witnesses: &[Witness]) -> io::Result<Damage> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut input = BufReader::with_capacity(64 * 1024, file);
    let (mut at, mut line, mut zeros) = (from, Vec::new(), Runs::default());
    loop {
        line.clear();
        let read = input.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            return Ok(Damage { zeros: zeros.at_the_end(), behind: None });
        }
        let lead = line.iter().take_while(|byte| **byte == 0).count();
        if let Some(head) = holds(&line[lead..], None).filter(|head| head.next_seq > seq) {
            zeros.pass(&line[..lead], at);
            let offset = at + lead as u64;
            let first = head.next_seq - 1;
            let behind = follow(&mut input, Behind { offset, first, last: witness(head), witnessed: Vec::new() }, head, witnesses)?;
            return Ok(Damage { zeros: zeros.best(), behind: Some(behind) });
        }
        zeros.pass(&line, at);
        at += read;
    }
}

/// Goes on as long as each line continues the one before.
fn follow(input: &mut impl BufRead, begun: Behind, mut head: Head, witnesses: &[Witness]) -> io::Result<Behind> {
    let mut witnessed: Vec<Witness> = witnesses.iter().filter(|one| **one == begun.last).copied().collect();
    let mut line = Vec::new();
    loop {
        line.clear();
        input.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        match holds(&line, Some(&head)) {
            Some(next) => head = next,
            None => return Ok(Behind { last: witness(head), witnessed, ..begun }),
        }
        witnessed.extend(witnesses.iter().filter(|one| **one == witness(head)));
    }
}

fn witness(head: Head) -> Witness {
    head.witness().expect("a line was read")
}

/// The chain behind a whole line that holds by itself, or that continues `head`.
fn holds(line: &[u8], head: Option<&Head>) -> Option<Head> {
    let line = Line::split(line.strip_suffix(b"\n")?).ok()?;
    let before = Head { next_seq: line.seq, hash: line.prev };
    line.continues(head.unwrap_or(&before), Sums::Read).ok()
}

/// Runs of zero bytes, across the borders of what is passed.
#[derive(Default)]
struct Runs {
    best: Option<Zeros>,
    open: Option<Zeros>,
}

impl Runs {
    fn pass(&mut self, bytes: &[u8], at: u64) {
        for (place, byte) in bytes.iter().enumerate() {
            let here = at + place as u64;
            match (*byte, &mut self.open) {
                (0, Some(run)) => run.bytes += 1,
                (0, None) => self.open = Some(Zeros { offset: here, bytes: 1 }),
                (_, open) => {
                    if let Some(run) = open.take().filter(is_of_a_disk) {
                        self.keep(run);
                    }
                }
            }
        }
    }

    fn keep(&mut self, run: Zeros) {
        if self.best.is_none_or(|best| best.bytes < run.bytes) {
            self.best = Some(run);
        }
    }

    /// What was found up to something that holds.
    fn best(mut self) -> Option<Zeros> {
        if let Some(run) = self.open.take().filter(is_of_a_disk) {
            self.keep(run);
        }
        self.best
    }

    /// The same at the end of the file, where every run counts.
    fn at_the_end(mut self) -> Option<Zeros> {
        if let Some(run) = self.open.take() {
            self.keep(run);
        }
        self.best
    }
}

/// A few zero bytes in the midst of a line are no lost sector.
fn is_of_a_disk(run: &Zeros) -> bool {
    let sector = SECTOR_BYTES as u64;
    run.bytes >= sector || (run.bytes >= SHORTEST && (run.offset + run.bytes).is_multiple_of(sector))
}

/// A run up to a sector's end that is shorter may be anything.
const SHORTEST: u64 = 8;
