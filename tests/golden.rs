//! Journals outlive the program: each one of `tests/journals` was written by some version of it and is taken up by this one, by the way that
//! a host goes. So is one that this version writes; one whose words are others; and one whose decisions are, which holds every route and
//! says so.
//!
//! A change that makes a stored journal fold to other decisions raises `core::FOLD`, and leaves another journal here:
//! `cargo test --test golden -- --ignored write`. It is a night of storm from the simulated world, without a socket, the same each time.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "core/storm/mod.rs"]
#[allow(dead_code, reason = "nights are flown here, not judged")]
mod storm;
#[path = "core/watch/mod.rs"]
#[allow(dead_code, reason = "the watchman is the tests' own")]
mod watch;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use cutover::{
    core::{
        FOLD,
        decision::Transition,
        event::Event,
        news::News,
        outlook::{Attention, attention},
        state::State,
    },
    domain::{
        id::Seq,
        time::{Millis, Timestamp},
    },
    door::door,
    journal::{
        verify::{Verdict, verify_journal},
        walk::entries,
    },
    session::{
        clock::Clock,
        dispatch::Executors,
        engine::{self, Parts},
        recorder::{Recorder, Weight, returning},
        refold::{Folded, digest_of, recorded},
    },
    words::{self, Names},
};
use serde_json::{Value, json};
use storm::night::{Checks, Course, Night};

const SEED: u64 = 7;
const SEGMENT_BYTES: u64 = 512 * 1024;

/// A folder of its own for a test, removed when the test ends well.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("cutover-golden-{name}-{}", std::process::id()));
        let _was_there = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _stays = fs::remove_dir_all(&self.0);
        }
    }
}

fn stored() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals")
}

/// A night as this version records it, in several segments.
fn write(path: &Path) -> Night {
    let course = Course { storm: Millis::from_mins(6), deaths: 20.0, ..Course::STORM };
    let mut night = Night::begin(SEED, course, Checks::Off).unwrap_or_else(|violation| panic!("{violation}"));
    night.run().unwrap_or_else(|violation| panic!("{violation}"));
    let transitions = night.transitions().unwrap_or_else(|violation| panic!("{violation}"));
    let mut recorder = begin(path, &transitions).with_segments_of(SEGMENT_BYTES);
    let mut state = State::default();
    for transition in &transitions {
        recorder.append(transition.entry.at, Weight::Buffered, &recorded(transition).unwrap()).unwrap();
        cutover::core::step::step(&mut state, &transition.entry);
        if let Event::Joined { client, .. } = transition.entry.event {
            recorder.note_client(client);
        }
        if recorder.wants_segment(transition.entry.at) {
            let ready = recorder.prepare(state.clone()).run().unwrap();
            recorder.go_on_in(transition.entry.at, ready).unwrap().expect("nothing happened meanwhile").run().unwrap();
        }
    }
    recorder.flush().unwrap();
    assert!(night.state == state);
    night
}

fn begin(path: &Path, transitions: &[Transition]) -> Recorder {
    let Event::Opened { session, plan, .. } = &transitions[0].entry.event else { panic!("a journal begins with its session") };
    Recorder::create(path, transitions[0].entry.at, session, &plan.hash.to_string(), "golden").unwrap()
}

/// Each record of the journal at `from`, changed, as a journal of one segment at `to`.
fn rewrite(from: &Path, to: &Path, mut change: impl FnMut(&mut Value)) {
    let transitions: Vec<Transition> = entries(from).unwrap().into_iter().map(|(_, transition)| transition).collect();
    let mut recorder = begin(to, &transitions);
    for (_, mut value) in entries::<Value>(from).unwrap() {
        change(&mut value);
        let at = value["entry"]["at"].as_i64().map(Timestamp).unwrap();
        recorder.append(at, Weight::Buffered, &value.to_string()).unwrap();
    }
    recorder.flush().unwrap();
}

fn proved(path: &Path) {
    match verify_journal(path, &[]).unwrap() {
        Verdict::Proved(_) => {}
        Verdict::Broken { at, .. } => panic!("{at}"),
    }
}

/// Copies a stored journal to where a host may write to it.
fn copied(from: &Path, to: &Path) {
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        fs::copy(&path, &copy).unwrap();
        fs::set_permissions(copy, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn every_stored_journal_is_proved_and_taken_up_without_complaint() {
    assert!(stored().join(format!("fold-{FOLD}")).is_dir(), "this fold has left no journal; see the top of this file");
    for journal in fs::read_dir(stored()).unwrap() {
        let journal = journal.unwrap().path();
        let scratch = Scratch::new("stored");
        let path = scratch.0.join("journal");
        copied(&journal, &path);
        proved(&path);
        let (_, folded) = Recorder::open(&path, "golden").unwrap();
        assert_eq!(folded.differs, None, "{}: decided otherwise", journal.display());
        assert!(folded.next > Seq(1000), "{}", journal.display());
        // From the first record on as well, over all segments.
        let whole = scratch.0.join("whole");
        rewrite(&path, &whole, |_| {});
        let (_, again) = Recorder::open(&whole, "golden").unwrap();
        assert_eq!(again.differs, None, "{}: decided otherwise", journal.display());
        assert!(again.state == folded.state, "{}: another state", journal.display());
    }
}

#[test]
fn a_journal_in_segments_folds_to_the_state_of_the_night() {
    let scratch = Scratch::new("fresh");
    let path = scratch.0.join("journal");
    let night = write(&path);
    proved(&path);
    let (recorder, folded) = Recorder::open(&path, "golden").unwrap();
    assert!(fs::read_dir(&path).unwrap().count() > 2, "several segments");
    let Folded { state, next, last_client, differs, fold } = folded;
    assert!(state == night.state && differs.is_none());
    let transitions = night.transitions().unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!((next.0, fold, recorder.last_client()), (transitions[transitions.len() - 1].entry.seq.0 + 1, FOLD, last_client));
    let joined = |transition: &Transition| if let Event::Joined { client, .. } = transition.entry.event { Some(client) } else { None };
    let highest = transitions.iter().filter_map(joined).max();
    assert_eq!(Some(last_client), highest);
}

#[test]
fn other_words_are_taken_up_without_complaint() {
    let scratch = Scratch::new("words");
    let (path, reworded) = (scratch.0.join("journal"), scratch.0.join("reworded"));
    let night = write(&path);
    rewrite(&path, &reworded, |record| {
        if !record["decision"]["news"].is_null() {
            record["decision"]["news"] = json!([{ "said-otherwise": { "text": "as nobody says it today" } }]);
        }
        record["decision"]["notes"] = json!([{ "tone": "plain", "text": "as an earlier program said it" }]);
    });
    proved(&reworded);
    let (_, folded) = Recorder::open(&reworded, "golden").unwrap();
    assert_eq!(folded.differs, None);
    assert!(folded.state == night.state);
    assert_eq!(returning(&folded), [Event::Restarted]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_decisions_are_taken_over_held_and_said() {
    let scratch = Scratch::new("decisions");
    let (path, altered) = (scratch.0.join("journal"), scratch.0.join("altered"));
    write(&path);
    let mut first = None;
    rewrite(&path, &altered, |record| {
        record["fold"] = Value::Null;
        let seq = record["entry"]["seq"].as_u64().unwrap();
        if seq > 100 && record["decision"]["effects"].is_array() {
            first.get_or_insert(Seq(seq));
            record["decision"]["effects"] = json!([]);
        }
    });
    proved(&altered);
    let (recorder, folded) = Recorder::open(&altered, "golden").unwrap();
    assert_eq!((folded.differs, folded.fold), (first, 0));
    let begin = returning(&folded);
    assert_eq!(begin[0], Event::TakenOver { from: 0, to: FOLD, digest: digest_of(&folded.state) });
    let state = hosted(recorder, folded, begin).await;
    assert!(state.routes.values().all(|route| route.hold.is_some()), "every route is held");
    for route in state.routes.keys() {
        let said = attention(&state).into_iter().find(|said| matches!(said, Attention::TakenOver { route: of, .. } if of == route));
        let said = said.expect("somebody has to look");
        assert!(said.is_urgent());
        let said = words::attention(&said, state.now, Names::of(&state));
        assert!(
            said.contains(&format!("(fold 0) decided otherwise than this one (fold {FOLD})")) && said.contains("then resume it"),
            "{said}"
        );
    }
    assert!(
        !attention(&state).iter().any(|said| matches!(said, Attention::Drifted { .. })),
        "what the other version did is nobody's change"
    );
    let told = entries::<Transition>(&altered).unwrap().into_iter().flat_map(|(_, transition)| transition.decision.news);
    assert_eq!(told.filter(|news| *news == News::TakenOver { from: 0, to: FOLD }).count(), 1);
    // The next host finds that it was said, and says nothing more.
    let (recorder, folded) = Recorder::open(&altered, "golden").unwrap();
    assert_eq!((folded.differs, folded.fold), (None, FOLD));
    assert!(folded.state == state);
    let begin = returning(&folded);
    assert_eq!(begin, [Event::Restarted]);
    let state = hosted(recorder, folded, begin).await;
    assert!(state.routes.values().all(|route| route.hold.is_some()), "until a person resumes");
    proved(&altered);
}

/// A host that takes the session up, sees nothing, and is told to end at once.
async fn hosted(recorder: Recorder, folded: Folded, begin: Vec<Event>) -> State {
    let (_outside, inside) = door();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let executors =
        Executors { drivers: Default::default(), reconcilers: Default::default(), fault_injector: None, read_every: Millis::from_secs(5) };
    let clock = Clock::paced(folded.state.now, 1.0);
    let parts = Parts { clock, executors, sensors: Vec::new(), inside, stop: stopped };
    stop.send_replace(true);
    engine::run(folded.state, recorder, begin, parts).await.unwrap()
}

#[test]
#[ignore = "writes into tests/journals; run it when the fold has another version"]
fn write_a_journal_of_this_fold() {
    let path = stored().join(format!("fold-{FOLD}"));
    fs::create_dir_all(stored()).unwrap();
    assert!(!path.exists(), "{} is there; a journal of a fold is never written anew", path.display());
    let night = write(&path);
    for left in [stored().join(format!("fold-{FOLD}.checkpoint")), stored().join(format!("fold-{FOLD}.lock"))] {
        fs::remove_file(left).ok();
    }
    println!("{} entries in {}", night.summary.entries, path.display());
}
