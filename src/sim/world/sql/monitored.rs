//! What the databases let the cloud's monitoring sample of their replication.

use strum::EnumCount;

use super::{PRIMARY, REPLICA, Sql, instance::Instance, replication::LAG_CALM_S, trouble::Breakage};

/// The state of the replication in the monitoring's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount)]
pub enum Serving {
    /// Active.
    Running,
    /// Told to stand.
    Stopped,
    /// It can't go on.
    Error,
}

impl Serving {
    /// All of them; each is a series.
    pub const ALL: [Self; Self::COUNT] = [Self::Running, Self::Stopped, Self::Error];

    /// The label's value.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Error => "Error",
        }
    }
}

/// Whether one of the two halves of a replication runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thread {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It tries to reach the primary.
    Connecting,
}

impl Thread {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::No => "No",
            Self::Connecting => "Connecting",
        }
    }
}

/// One look at the replication.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitored {
    /// What the replica says of itself; `None` while it is down.
    pub replica: Option<ReplicaSaid>,
    /// Whether the primary that the product writes to is up.
    pub primary_runs: bool,
    /// Whom the replica follows.
    pub follows: String,
    /// Bytes of log that the primary has written in all.
    pub written: u64,
    /// Bytes of it that the replica has applied in all.
    pub applied: u64,
    /// Whether the followed primary sends to the replica, and so knows how far it is behind.
    pub connected: bool,
    /// Replicas beside the product's, those that are up.
    pub beside: Vec<Beside>,
}

/// A replica beside the product's. It keeps up: of the position of one alone there is a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// The instance.
    pub name: String,
    /// What it says of itself.
    pub said: ReplicaSaid,
}

/// What a replica that is up says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaSaid {
    /// The state.
    pub state: Serving,
    /// What fetches the log.
    pub receiving: Thread,
    /// What applies it.
    pub applying: Thread,
    /// Seconds behind in all, or in applying.
    pub lag_s: Option<f64>,
    /// Seconds on the way.
    pub network_lag_s: Option<f64>,
}

impl Sql {
    /// What monitoring would see now.
    #[must_use]
    pub fn monitored(&self) -> Monitored {
        let runs = |name: &str| self.instances.get(name).is_some_and(Instance::is_running);
        let replica = self.replica();
        let follows = replica.and_then(Instance::follows).unwrap_or(PRIMARY).to_owned();
        let upstream = runs(&follows);
        let replicates = replica.is_some_and(|replica| replica.replicates);
        let (state, receiving, applying) = match (replicates, upstream, self.breakage) {
            (false, _, _) => (Serving::Stopped, Thread::No, Thread::No),
            (true, false, _) => (Serving::Error, Thread::Connecting, Thread::Yes),
            (true, true, Some(Breakage::Receiving)) => (Serving::Error, Thread::No, Thread::Yes),
            (true, true, Some(Breakage::Applying)) => (Serving::Error, Thread::Yes, Thread::No),
            (true, true, Some(Breakage::Silent) | None) => (Serving::Running, Thread::Yes, Thread::Yes),
        };
        let said = replica.map(|_| ReplicaSaid {
            state,
            receiving,
            applying,
            lag_s: self.lag_seconds(),
            network_lag_s: self.network_lag_seconds(),
        });
        Monitored {
            primary_runs: runs(PRIMARY),
            written: self.written_bytes(),
            applied: self.applied_bytes(),
            connected: replicates && upstream && self.breakage != Some(Breakage::Receiving),
            replica: said,
            follows,
            beside: self.beside(),
        }
    }

    fn beside(&self) -> Vec<Beside> {
        let others = self.instances.values().filter(|instance| instance.name != REPLICA && instance.is_running());
        let said = |instance: &Instance| {
            let upstream = self.instances.get(instance.follows()?).is_some_and(Instance::is_running);
            let (state, receiving, applying) = match (instance.replicates, upstream) {
                (false, _) => (Serving::Stopped, Thread::No, Thread::No),
                (true, false) => (Serving::Error, Thread::Connecting, Thread::Yes),
                (true, true) => (Serving::Running, Thread::Yes, Thread::Yes),
            };
            let lag = |seconds: f64| (state == Serving::Running).then_some(seconds);
            let said = ReplicaSaid { state, receiving, applying, lag_s: lag(LAG_CALM_S), network_lag_s: lag(0.0) };
            Some(Beside { name: instance.name.clone(), said })
        };
        others.filter_map(said).collect()
    }
}
