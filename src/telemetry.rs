//! The program's own log: `tracing` into the cockpit's log pane and into a file that rotates.
//!
//! The log is for whoever mends `cutover`; what happened to traffic is in the journal. Secrets can't get here: they are types without a
//! printed form. Other crates are heard from warnings up only, since their debug output may quote what the world sent.
//!
//! Nobody who logs waits for the disk: lines go to a thread that writes them. Where more lines wait than it may keep, the newest are counted
//! and not kept.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, SyncSender},
    },
    time::{Duration, Instant},
};

use tracing::Level;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// A log file of this many bytes is put aside.
const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024;
/// Files kept beside the current one.
const FILES_KEPT: u32 = 3;
/// Lines that the log pane keeps; it shows the newest of them.
const PANE_LINES: usize = 2_000;

/// Lines that may wait for the disk.
const LINES_WAITING_MAX: usize = 4_096;
/// Whoever ends waits for the last lines so long and no longer.
const LAST_LINES_WITHIN: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The log of this process, once it was started.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Where the log goes.
pub(crate) enum Sink {
    /// The cockpit: pane and file.
    PaneAndFile(PathBuf),
    /// A host without a terminal: file only.
    FileOnly(PathBuf),
}

/// Starts logging. `CUTOVER_LOG` overrides the filter: levels, each of one module or of all.
/// # Errors
/// When the log file can't be created and there is no pane; nothing is logged then.
pub(crate) fn start(sink: Sink) -> io::Result<()> {
    let usual = || Targets::new().with_default(Level::WARN).with_target("cutover", Level::INFO);
    let filter = || std::env::var("CUTOVER_LOG").ok().and_then(|asked| asked.parse().ok()).unwrap_or_else(usual);
    let registry = tracing_subscriber::registry();
    // A second start in one process (tests do that) keeps the first logger.
    match sink {
        Sink::PaneAndFile(path) => {
            let file = RotatingFile::open(&path);
            let unwritten = file.as_ref().err().map(ToString::to_string);
            let lines = file.ok().map(writer).transpose()?;
            let lines = lines.map(|lines| tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || lines.clone()));
            let _ = registry.with(filter()).with(lines).with(tui_logger::TuiTracingSubscriberLayer).try_init();
            // Its own start would begin a thread that wakes up a hundred times a second; the pane takes in what was logged when it is drawn.
            tui_logger::set_default_level(tui_logger::LevelFilter::Trace);
            tui_logger::set_buffer_depth(PANE_LINES);
            if let Some(error) = unwritten {
                tracing::warn!("{} can't be written ({error}); the log is shown here and kept nowhere", path.display());
            }
        }
        Sink::FileOnly(path) => {
            let lines = writer(RotatingFile::open(&path)?)?;
            let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || lines.clone());
            let _ = registry.with(filter()).with(layer).try_init();
        }
    }
    Ok(())
}

/// Waits until what was logged is written, if the disk answers.
pub(crate) fn finish() {
    let deadline = Instant::now() + LAST_LINES_WITHIN;
    let waits = |lines: &Lines| lines.counts.written.load(Ordering::Acquire) < lines.counts.sent.load(Ordering::Acquire);
    while LINES.get().is_some_and(waits) && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The end of the log that is written to; each write is a line.
#[derive(Clone)]
struct Lines {
    waiting: SyncSender<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    written: AtomicU64,
    /// Lines that found no place, since the last one that did was written.
    dropped: AtomicU64,
}

/// Begins to write lines into `file`.
fn writer(mut file: RotatingFile) -> io::Result<Lines> {
    let (waiting, lines) = mpsc::sync_channel::<Vec<u8>>(LINES_WAITING_MAX);
    let counts = Arc::new(Counts::default());
    let told = Arc::clone(&counts);
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        while let Ok(line) = lines.recv() {
            // There is nowhere left to tell that the log itself can't be written.
            let _ = file.write_all(&line);
            told.written.fetch_add(1, Ordering::Release);
            let dropped = told.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                let _ = writeln!(file, "{dropped} lines of the log are missing here: the disk did not take them in time");
            }
        }
    })?;
    let lines = Lines { waiting, counts };
    // The first log of a process is the one that is kept.
    let _ = LINES.set(lines.clone());
    Ok(lines)
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.waiting.try_send(line.to_vec()) {
            Ok(()) => self.counts.sent.fetch_add(1, Ordering::Release),
            Err(_) => self.counts.dropped.fetch_add(1, Ordering::Relaxed),
        };
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends to `path`; a full file becomes `path.1`, that one `path.2`, and so on.
struct RotatingFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl RotatingFile {
    fn open(path: &Path) -> io::Result<RotatingFile> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(RotatingFile { path: path.to_owned(), file, bytes })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..FILES_KEPT).rev() {
            // A number that was never reached is no error.
            let _ = fs::rename(numbered(number), numbered(number + 1));
        }
        fs::rename(&self.path, numbered(1))?;
        *self = RotatingFile::open(&self.path)?;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes >= FILE_BYTES_MAX {
            self.rotate()?;
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_takes_no_lines_holds_up_nobody_who_logs() {
        let (waiting, _nobody_reads) = mpsc::sync_channel(2);
        let mut lines = Lines { waiting, counts: Arc::default() };
        for _ in 0..5 {
            lines.write_all(b"a line\n").unwrap();
        }
        assert_eq!((lines.counts.sent.load(Ordering::Relaxed), lines.counts.dropped.load(Ordering::Relaxed)), (2, 3));
    }

    #[test]
    fn a_full_log_is_put_aside_and_only_so_many_are_kept() {
        let folder = std::env::temp_dir().join(format!("cutover-log-{}", std::process::id()));
        let path = folder.join("cutover.log");
        let mut log = RotatingFile::open(&path).unwrap();
        for round in 0..6u8 {
            log.bytes = FILE_BYTES_MAX;
            log.write_all(&[b'0' + round]).unwrap();
        }
        let kept = |suffix: &str| fs::read_to_string(format!("{}{suffix}", path.display())).ok();
        assert_eq!(
            [kept(""), kept(".1"), kept(".2"), kept(".3"), kept(".4")],
            [Some("5".into()), Some("4".into()), Some("3".into()), Some("2".into()), None]
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
