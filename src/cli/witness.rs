//! The journal's head goes to the machine's own log: whoever collects that keeps a witness which nobody can rewrite from here.
//!
//! A line at the start and at the end, which names the last record of the closed journal, one after each write (or after all of the last second), and one an hour while nothing is written. It is
//! best effort and holds up nobody; lines that were not taken are counted, and the next one that is says how many.

use std::{path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use tokio::{
    sync::{broadcast, watch},
    time::{Instant, sleep_until},
};

use crate::{
    adapter::syslog::{self, Syslog},
    domain::{head::Head, id::SessionId},
    door::Published,
};

/// After a write, until what was recorded with it is on the disk.
const SETTLES_WITHIN: Duration = Duration::from_millis(200);
/// Between two lines at least.
const APART: Duration = Duration::from_secs(1);
/// While nothing is written.
const CALM: Duration = Duration::from_secs(60 * 60);

/// Which log is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Nobody,
    Socket(PathBuf),
}

impl FromStr for Told {
    type Err = String;

    fn from_str(text: &str) -> Result<Told, String> {
        match text {
            "" => Err("it is a socket's path, or `none`".to_owned()),
            "none" => Ok(Told::Nobody),
            path => Ok(Told::Socket(PathBuf::from(path))),
        }
    }
}

impl Told {
    /// The log that is meant where nothing is said: the machine's own, and none for a world in a bottle.
    pub(super) fn by_default(is_live: bool) -> Told {
        if is_live { Told::Socket(PathBuf::from(syslog::DEFAULT)) } else { Told::Nobody }
    }
}

/// What a session shows that can be witnessed.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) session: SessionId,
    pub(super) heads: watch::Receiver<Option<Head>>,
    pub(super) transitions: broadcast::WeakSender<Arc<Published>>,
}

/// Tells the log until the session ends.
pub(super) async fn tell(Seen { session, mut heads, transitions }: Seen, log: Syslog) {
    let Some(mut transitions) = transitions.upgrade().map(|living| living.subscribe()) else { return };
    if heads.wait_for(Option::is_some).await.is_err() {
        return;
    }
    let mut teller = Teller { session, log, missed: 0 };
    teller.tell(&heads, "begins here");
    let (mut told_at, mut writes) = (Instant::now(), 0);
    let mut due_at = told_at + CALM;
    loop {
        tokio::select! {
            happened = transitions.recv() => {
                let written = match happened {
                    Ok(published) => writes_in(&published.json),
                    // What was passed over may have been one.
                    Err(broadcast::error::RecvError::Lagged(_)) => 1,
                    Err(broadcast::error::RecvError::Closed) => break,
                };
                if written > 0 {
                    writes += written;
                    due_at = due_at.min((Instant::now() + SETTLES_WITHIN).max(told_at + APART));
                }
            }
            () = sleep_until(due_at) => {
                match writes {
                    0 => teller.tell(&heads, "after an hour without a write"),
                    1 => teller.tell(&heads, "after a write"),
                    several => teller.tell(&heads, &format!("after {several} writes")),
                }
                (told_at, writes) = (Instant::now(), 0);
                due_at = told_at + CALM;
            }
        }
    }
    // The journal was closed before the engine let go of what it tells: this is its last record.
    teller.tell(&heads, "ends here for now");
}

/// How many writes leave by what happened, of weights, of who steers alone or of a step. It is JSON of our own, in which no text can look like that.
fn writes_in(json: &str) -> usize {
    ["\"what\":{\"write\":", "\"what\":{\"claim\":", "\"what\":{\"act\":"].into_iter().map(|effect| json.matches(effect).count()).sum()
}

struct Teller {
    session: SessionId,
    log: Syslog,
    /// Lines in a row that were not taken.
    missed: u64,
}

impl Teller {
    fn tell(&mut self, heads: &watch::Receiver<Option<Head>>, when: &str) {
        let Some(head) = *heads.borrow() else { return };
        let missed = match self.missed {
            0 => String::new(),
            missed => format!("; {missed} lines before this one were lost"),
        };
        match self.log.tell(&format!("session {} head {head} {when}{missed}", self.session)) {
            Ok(()) => self.missed = 0,
            Err(error) => {
                if self.missed == 0 {
                    tracing::warn!(%error, log = %self.log.path().display(), "the machine's log does not take the journal's head; other witnesses do");
                }
                self.missed += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::{domain::id::Seq, door::OnRecord};

    fn published(json: &str) -> Arc<Published> {
        Arc::new(Published { seq: Seq(1), on_record: OnRecord::Yes, json: json.into() })
    }

    #[tokio::test(start_paused = true)]
    async fn each_write_is_witnessed_and_a_storm_of_them_by_one_line_a_second() {
        let folder = std::env::temp_dir().join(format!("cutover-witness-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        let collector = UnixDatagram::bind(&path).unwrap();
        collector.set_nonblocking(true).unwrap();
        let lines = || {
            let mut buffer = [0; 2048];
            std::iter::from_fn(|| collector.recv(&mut buffer).ok().map(|bytes| String::from_utf8_lossy(&buffer[..bytes]).into_owned()))
                .map(|line| line.split_once("]: ").expect("a tag").1.to_owned())
                .collect::<Vec<_>>()
        };
        let head = |seq| Head { seq, hash: crate::domain::digest::Digest::of(b"x") };
        let (transitions, _) = broadcast::channel(8);
        let (heads, shown) = watch::channel(Some(head(0)));
        let shown = Seen { session: "night".parse().unwrap(), heads: shown, transitions: transitions.downgrade() };
        let telling = tokio::spawn(tell(shown, Syslog::at(&path).unwrap()));
        tokio::time::sleep(Duration::from_millis(10)).await;
        let hash = head(0).hash;
        assert_eq!(lines(), [format!("session night head 0:{hash} begins here")]);
        for seq in 1..=100 {
            let effect = if seq % 2 == 0 { "claim" } else { "write" };
            let decided = format!("{{\"decision\":{{\"effects\":[{{\"id\":\"1.0\",\"what\":{{\"{effect}\":{{}}}}}}]}}}}");
            transitions.send(published(&decided)).unwrap();
            heads.send_replace(Some(head(seq)));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        transitions.send(published(r#"{"entry":{"event":{"rang":"tick"}}}"#)).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let told = lines();
        assert!((1..=2).contains(&told.len()), "{told:?}");
        assert!(told[told.len() - 1].starts_with(&format!("session night head 100:{hash} after ")), "{told:?}");
        let writes: usize = told.iter().map(|line| line.split_whitespace().rev().nth(1).unwrap().parse::<usize>().unwrap_or(1)).sum();
        assert_eq!(writes, 100, "{told:?}");
        tokio::time::sleep(CALM).await;
        assert_eq!(lines(), [format!("session night head 100:{hash} after an hour without a write")]);
        // Nobody collects, then somebody does again.
        drop(collector);
        std::fs::remove_file(&path).unwrap();
        tokio::time::sleep(CALM * 2).await;
        let collector = UnixDatagram::bind(&path).unwrap();
        drop(transitions);
        telling.await.unwrap();
        let mut buffer = [0; 2048];
        let bytes = collector.recv(&mut buffer).unwrap();
        assert!(String::from_utf8_lossy(&buffer[..bytes]).ends_with("ends here for now; 2 lines before this one were lost"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
