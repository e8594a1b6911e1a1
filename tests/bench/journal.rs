//! The journal on a real disk: how long a durable record takes beside the bare disk, how fast it is verified, how soon a host is back.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use cutover::{
    core::decision::Transition,
    domain::{id::Seq, time::Millis},
    journal::verify::{Verdict, verify},
    session::recorder::{Recorder, Weight},
};

use crate::{
    clock::{least, ms, row, spread, timed, waited},
    storm::night::{Checks, Course, Night},
};

const RECORDS: usize = 10_000;
const APPENDS: usize = 2_000;

pub(crate) fn journal() {
    let course = Course { storm: Millis::from_mins(60), deaths: 0.0, ..Course::STORM };
    let mut night = Night::begin(1, course, Checks::Off).expect("a night begins");
    night.run().expect("a night without checks ends");
    let mut transitions = night.transitions().expect("its journal can be read");
    assert!(transitions.len() >= RECORDS, "a night of 60 min has {} entries", transitions.len());
    transitions.truncate(RECORDS);
    // Below the build's own folder, which is on a disk; the system's folder for scratch may be memory.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("figures-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder of our own");
    appends(&folder, &transitions);
    reads(&folder, &transitions);
    fs::remove_dir_all(&folder).expect("our own folder");
}

fn create(path: &Path, transitions: &[Transition]) -> Recorder {
    let hash = "ab".repeat(32);
    let session = "figures".parse().expect("a name");
    Recorder::create(path, transitions[0].entry.at, &session, &hash, "figures").expect("a new journal")
}

/// Alternately, so that both meet the same disk in the same mood.
fn appends(folder: &Path, transitions: &[Transition]) {
    let mut book = create(&folder.join("appends.journal"), transitions);
    let mut bare = File::create(folder.join("bare")).expect("a file");
    let (mut ours, mut raw, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut computing = Duration::ZERO;
    for transition in transitions.iter().take(APPENDS) {
        let json = serde_json::to_string(transition).expect("a transition is JSON");
        bytes += json.len();
        let (cpu, waited) =
            timed(|| waited(|| drop(book.append(transition.entry.at, Weight::Durable, &json).expect("a disk that is well"))));
        ours.push(waited);
        computing += cpu;
        let line = vec![b'x'; json.len() + 250];
        raw.push(self::waited(|| {
            bare.write_all(&line).expect("a disk that is well");
            bare.sync_data().expect("a disk that is well");
        }));
    }
    let (ours, raw) = (spread(ours), spread(raw));
    let ratio = ours.p50.as_secs_f64() / raw.p50.as_secs_f64();
    row(&format!("append + fdatasync, mean {} B", bytes / APPENDS), format!("p50 {}, p99 {}", ms(ours.p50), ms(ours.p99)));
    row("the same bytes, bare write + fdatasync", format!("p50 {}, p99 {}", ms(raw.p50), ms(raw.p99)));
    row("ours / bare", format!("{ratio:.2} at p50, {:.2} at p99", ours.p99.as_secs_f64() / raw.p99.as_secs_f64()));
    row("CPU of an append, system calls included", format!("{:.1} us", computing.as_secs_f64() * 1e6 / APPENDS as f64));
}

fn reads(folder: &Path, transitions: &[Transition]) {
    let path = folder.join("reads.journal");
    let mut book = create(&path, transitions);
    for transition in transitions {
        let json = serde_json::to_string(transition).expect("a transition is JSON");
        book.append(transition.entry.at, Weight::Buffered, &json).expect("a disk that is well");
    }
    book.flush().expect("a disk that is well");
    assert_eq!(book.next_seq(), Seq(RECORDS as u64));
    drop(book);
    let bytes = fs::read(path.join("00000001.jsonl")).expect("our own journal");
    let mut records = 0;
    let verifying = least(5, || match verify(bytes.as_slice(), None).expect("it can be read") {
        Verdict::Proved(proof) => records = proof.records,
        Verdict::Broken { at, .. } => panic!("{at}"),
    });
    let rate = records as f64 / verifying.as_secs_f64();
    let speed = bytes.len() as f64 / 1e6 / verifying.as_secs_f64();
    row(&format!("verify, {records} records of {} B", bytes.len() as u64 / records), format!("{rate:.0} records/s, {speed:.0} MB/s"));
    let back: Vec<Duration> = (0..5).map(|_| waited(|| drop(Recorder::open(&path, "figures").expect("our own journal")))).collect();
    let back = spread(back);
    row(&format!("a host is back: {RECORDS} records verified and folded"), format!("{} (wall, median of 5)", ms(back.p50)));
}
