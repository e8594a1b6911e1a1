//! The engine's own word on whether a replica replicates.
//!
//! A lag can't tell: MySQL reports 0 s for a replica that receives nothing, and so does PostgreSQL once everything that had arrived is
//! applied. What speaks against it counts first; that it runs has to be said, and freshly.

use super::series::{Monitoring, Series, single};
use crate::domain::{
    database::{Broken, Engine},
    fact::ReplicaState,
    id::InstanceId,
    metric::Gap,
    time::Timestamp,
};

/// One source's word, and when it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    word: Word,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Runs,
    Stopped,
    Broken(Broken),
}

/// What the engine says, and since when at least that is known; or why nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineState {
    pub state: ReplicaState,
    pub at: Result<Timestamp, Gap>,
}

pub(super) async fn read(monitoring: &Monitoring<'_>, instance: &InstanceId, engine: Engine) -> EngineState {
    let state = async { heard(monitoring, serving(&monitoring.series("replication/state", instance).await?)) };
    let thread = async |metric: &str, broken: Broken| {
        let series = monitoring.series(metric, instance).await?;
        heard(monitoring, running(single(&series)?, broken))
    };
    match engine {
        Engine::MySql => {
            let receiving = thread("mysql/replication/slave_io_running", Broken::Receiving);
            let applying = thread("mysql/replication/slave_sql_running", Broken::Applying);
            let (state, receiving, applying) = tokio::join!(state, receiving, applying);
            told(state, Some([receiving, applying]))
        }
        Engine::Postgres | Engine::SqlServer => told(state.await, None),
    }
}

fn heard(monitoring: &Monitoring<'_>, heard: Result<Heard, Gap>) -> Result<Heard, Gap> {
    heard.and_then(|heard| monitoring.young(heard.at).map(|()| heard))
}

/// One series a state, and the one that is true now is the state.
fn serving(series: &[Series]) -> Result<Heard, Gap> {
    let mut newest: Option<(Timestamp, &str)> = None;
    let mut twice = false;
    for one in series {
        let Some(name) = one.label("state") else { continue };
        let latest = one.points.iter().filter(|point| point.flag() == Some(true)).map(super::series::Point::at).max();
        let Some(at) = latest else { continue };
        match newest {
            Some((known, _)) if known > at => {}
            Some((known, _)) if known == at => twice = true,
            Some(_) | None => (newest, twice) = (Some((at, name)), false),
        }
    }
    let (at, name) = newest.ok_or(Gap::Missing)?;
    // A state that has ended leaves its last true point behind; a younger false one says so.
    let last = series.iter().filter_map(|one| one.newest().ok()).map(super::series::Point::at).max();
    if twice {
        return Err(Gap::Ambiguous);
    }
    if last.is_some_and(|last| last > at) {
        return Err(Gap::Missing);
    }
    let word = match name {
        "Running" => Word::Runs,
        "Stopped" => Word::Stopped,
        "Error" => Word::Broken(Broken::Error),
        _ => return Err(Gap::Unreadable),
    };
    Ok(Heard { word, at })
}

/// Whether a thread of MySQL's replication runs; one that is still connecting fetches nothing.
fn running(series: &Series, broken: Broken) -> Result<Heard, Gap> {
    let newest = series.newest()?;
    let word = match newest.text() {
        Some("Yes") => Word::Runs,
        Some("No" | "Connecting") => Word::Broken(broken),
        Some(_) | None => return Err(Gap::Unreadable),
    };
    Ok(Heard { word, at: newest.at() })
}

/// The verdict on the state and, with MySQL, the two threads.
fn told(state: Result<Heard, Gap>, threads: Option<[Result<Heard, Gap>; 2]>) -> EngineState {
    let threads: Vec<Result<Heard, Gap>> = threads.into_iter().flatten().collect();
    if let Ok(Heard { word: Word::Stopped, at }) = state {
        return EngineState { state: ReplicaState::Stopped, at: Ok(at) };
    }
    let all = || threads.iter().chain(std::iter::once(&state)).flatten();
    let broken = all().find_map(|heard| match heard.word {
        Word::Broken(broken) => Some(EngineState { state: ReplicaState::Broken(broken), at: Ok(heard.at) }),
        Word::Runs | Word::Stopped => None,
    });
    if let Some(broken) = broken {
        return broken;
    }
    let threads_say_so = !threads.is_empty() && threads.iter().all(Result::is_ok);
    match (state, all().map(|heard| heard.at).min()) {
        (Ok(_), Some(at)) => EngineState { state: ReplicaState::Replicating, at: Ok(at) },
        (Err(_), Some(at)) if threads_say_so => EngineState { state: ReplicaState::Replicating, at: Ok(at) },
        (Err(gap), _) => EngineState { state: ReplicaState::Untold, at: Err(gap) },
        (Ok(_), None) => EngineState { state: ReplicaState::Untold, at: Err(Gap::Missing) },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::series::tests::{point, series},
        *,
    };

    const EARLIER: &str = "2026-11-23T21:57:00Z";
    const NOW: &str = "2026-11-23T21:58:00Z";
    const AT: Timestamp = Timestamp(1_795_471_080_000);

    fn state(points: &[(&str, &str, bool)]) -> Result<Heard, Gap> {
        let one = |(name, at, is): &(&str, &str, bool)| json!({"metric": {"labels": {"state": name}}, "points": [point(at, json!({"boolValue": is}))]});
        serving(&series(Value::Array(points.iter().map(one).collect())))
    }

    fn thread(word: &str, broken: Broken) -> Result<Heard, Gap> {
        running(&series(json!([{"points": [point(NOW, json!({"stringValue": word}))]}]))[0], broken)
    }

    fn heard(word: Word) -> Result<Heard, Gap> {
        Ok(Heard { word, at: AT })
    }

    #[test]
    fn the_state_that_is_true_last_is_the_state() {
        assert_eq!(state(&[("Running", NOW, true), ("Error", NOW, false)]), heard(Word::Runs));
        assert_eq!(state(&[("Running", EARLIER, true), ("Error", NOW, true)]), heard(Word::Broken(Broken::Error)));
        assert_eq!(state(&[("Running", NOW, true), ("Error", NOW, true)]), Err(Gap::Ambiguous));
        assert_eq!(state(&[("Running", EARLIER, true), ("Error", NOW, false)]), Err(Gap::Missing), "what was true is not true any more");
        assert_eq!(state(&[("Resting", NOW, true)]), Err(Gap::Unreadable));
        assert_eq!(state(&[]), Err(Gap::Missing));
    }

    #[test]
    fn what_speaks_against_it_counts_first() {
        let (runs, silent) = (heard(Word::Runs), Err(Gap::Missing));
        let io = |word| thread(word, Broken::Receiving);
        let sql = |word| thread(word, Broken::Applying);
        let verdict = |state, threads| told(state, threads).state;
        assert_eq!(verdict(runs, Some([io("Yes"), sql("Yes")])), ReplicaState::Replicating);
        assert_eq!(verdict(silent, Some([io("Yes"), sql("Yes")])), ReplicaState::Replicating, "both threads say so");
        assert_eq!(verdict(runs, Some([io("Connecting"), sql("Yes")])), ReplicaState::Broken(Broken::Receiving));
        assert_eq!(verdict(runs, Some([io("Yes"), sql("No")])), ReplicaState::Broken(Broken::Applying));
        assert_eq!(verdict(heard(Word::Broken(Broken::Error)), Some([io("Yes"), sql("Yes")])), ReplicaState::Broken(Broken::Error));
        assert_eq!(verdict(heard(Word::Stopped), Some([io("No"), sql("No")])), ReplicaState::Stopped);
        assert_eq!(told(silent, Some([io("Yes"), silent])), EngineState { state: ReplicaState::Untold, at: silent.map(|_| AT) });
        assert_eq!(verdict(runs, None), ReplicaState::Replicating);
        assert_eq!(verdict(silent, None), ReplicaState::Untold);
    }
}
