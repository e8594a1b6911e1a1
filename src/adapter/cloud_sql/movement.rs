//! Whether the log goes on: what the primary has written in the last minutes, and how much of it the replica has applied.
//!
//! Each engine tells by other series. PostgreSQL's primary tells how many bytes each replica is behind, so that what was written less the
//! growth of that is what was applied. SQL Server counts the bytes that it sends and redoes. MySQL publishes no position; there both
//! sides' writes to the log must go on.

use super::series::{Monitoring, Series, single};
use crate::domain::{
    database::{Engine, Movement},
    id::InstanceId,
    metric::Gap,
    time::{Millis, Timestamp},
};

/// The stretch that is looked at: three of the minutes in which the source counts.
const SPAN: Millis = Millis::from_mins(3);
/// Of what is written, a replica that keeps up applies at least this much in the same stretch.
const FOLLOWS: f64 = 0.5;

/// How a replica follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Following {
    pub movement: Movement,
    /// Bytes of log that are not applied yet, where the engine tells.
    pub behind_bytes: Option<u64>,
}

/// Whether a primary writes.
pub(super) async fn of_primary(monitoring: &Monitoring<'_>, primary: &InstanceId, engine: Engine) -> Movement {
    let written = async { counted(monitoring, &monitoring.series(written(engine), primary).await?) };
    match written.await {
        Ok(count) if count > 0.0 => Movement::Moves,
        Ok(_) => Movement::Idle,
        Err(_) => Movement::Untold,
    }
}

/// Whether a replica's position goes on with that of its primary.
pub(super) async fn of_replica(monitoring: &Monitoring<'_>, primary: &InstanceId, replica: &InstanceId, engine: Engine) -> Following {
    let at_primary = monitoring.series(written(engine), primary);
    match engine {
        Engine::Postgres => {
            let (written, behind) = tokio::join!(at_primary, monitoring.series("postgresql/replication/replica_byte_lag", primary));
            let behind = behind.and_then(|series| Behind::of(monitoring, &series, replica));
            let movement = written.and_then(|written| applied(&written, behind?));
            Following { movement: movement.unwrap_or_default(), behind_bytes: behind.ok().map(|behind| behind.now as u64) }
        }
        Engine::SqlServer => {
            let (sent, redone) = tokio::join!(at_primary, monitoring.series("sqlserver/replication/redone_bytes_count", replica));
            following(monitoring, sent, redone, FOLLOWS)
        }
        Engine::MySql => {
            // How often a server writes its log out is its own affair; that it still does is not.
            let (written, applied) = tokio::join!(at_primary, monitoring.series("mysql/innodb_os_log_fsyncs", replica));
            following(monitoring, written, applied, 0.0)
        }
    }
}

/// What a primary counts of its own log, or of what it sends.
fn written(engine: Engine) -> &'static str {
    match engine {
        Engine::MySql => "mysql/innodb_os_log_fsyncs",
        Engine::Postgres => "postgresql/write_ahead_log/written_bytes_count",
        Engine::SqlServer => "sqlserver/replication/bytes_sent_to_replica_count",
    }
}

fn following(monitoring: &Monitoring<'_>, written: Result<Vec<Series>, Gap>, applied: Result<Vec<Series>, Gap>, least: f64) -> Following {
    let count = |series: Result<Vec<Series>, Gap>| counted(monitoring, &series?);
    let movement = count(written).and_then(|written| Ok(kept_up(written, count(applied)?, least)));
    Following { movement: movement.unwrap_or_default(), behind_bytes: None }
}

fn kept_up(written: f64, applied: f64, least: f64) -> Movement {
    if written <= 0.0 {
        Movement::Idle
    } else if applied > 0.0 && applied >= written * least {
        Movement::Moves
    } else {
        Movement::FallsBack
    }
}

/// The sum of the newest minutes of all series of a counter.
fn counted(monitoring: &Monitoring<'_>, series: &[Series]) -> Result<f64, Gap> {
    let points = || series.iter().flat_map(|one| &one.points);
    let newest = points().map(super::series::Point::at).max().ok_or(Gap::Missing)?;
    monitoring.young(newest)?;
    points().filter(|point| newest.since(point.at()) < SPAN).map(super::series::Point::amount).sum()
}

/// The bytes that one replica was behind at both ends of the stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Behind {
    from: Timestamp,
    to: Timestamp,
    then: f64,
    now: f64,
}

impl Behind {
    fn of(monitoring: &Monitoring<'_>, series: &[Series], replica: &InstanceId) -> Result<Behind, Gap> {
        let is_its = |one: &&Series| {
            let name = one.label("replica_name").and_then(|name| name.rsplit(':').next());
            name == Some(replica.as_str()) && one.label("replica_lag_type") == Some("replay_location")
        };
        let its: Vec<&Series> = series.iter().filter(is_its).collect();
        let [its] = its.as_slice() else { return Err(if its.is_empty() { Gap::Missing } else { Gap::Ambiguous }) };
        let newest = its.newest()?;
        monitoring.young(newest.at())?;
        let within = its.points.iter().filter(|point| newest.at().since(point.at()) <= SPAN);
        let oldest = within.min_by_key(|point| point.at()).ok_or(Gap::Missing)?;
        Ok(Behind { from: oldest.at(), to: newest.at(), then: oldest.amount()?, now: newest.amount()? })
    }
}

/// What was written between the two ends, less the growth of what is missing, has been applied.
fn applied(written: &[Series], behind: Behind) -> Result<Movement, Gap> {
    if behind.from == behind.to {
        return Err(Gap::TooEarly);
    }
    let within = single(written)?.points.iter().filter(|point| point.at() > behind.from && point.at() <= behind.to);
    let (mut sum, mut count) = (0.0, 0);
    for point in within {
        (sum, count) = (sum + point.amount()?, count + 1);
    }
    if count == 0 {
        return Err(Gap::Missing);
    }
    Ok(kept_up(sum, sum - (behind.now - behind.then), FOLLOWS))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::series::tests::{point, series},
        *,
    };

    fn minutes(values: &[u64]) -> Value {
        let one = |(minute, value): (usize, &u64)| point(&format!("2026-11-23T21:5{minute}:00Z"), json!({"int64Value": value.to_string()}));
        json!(values.iter().enumerate().map(one).collect::<Vec<_>>())
    }

    fn moved(written: &[u64], behind: (f64, f64)) -> Result<Movement, Gap> {
        let at = |minute: i64| Timestamp(1_795_470_600_000 + minute * 60_000);
        let ends = Behind { from: at(0), to: at(written.len() as i64 - 1), then: behind.0, now: behind.1 };
        applied(&series(json!([{"points": minutes(written)}])), ends)
    }

    #[test]
    fn what_was_written_and_is_not_missing_was_applied() {
        assert_eq!(moved(&[0, 10_000, 10_000, 10_000], (900.0, 1_100.0)), Ok(Movement::Moves));
        assert_eq!(moved(&[0, 10_000, 10_000, 10_000], (900.0, 30_900.0)), Ok(Movement::FallsBack), "nothing was applied");
        assert_eq!(moved(&[0, 10_000, 10_000, 10_000], (40_000.0, 0.0)), Ok(Movement::Moves), "it catches up");
        assert_eq!(moved(&[9, 0, 0, 0], (0.0, 0.0)), Ok(Movement::Idle), "a primary that writes nothing proves nothing");
        assert_eq!(moved(&[10_000], (0.0, 0.0)), Err(Gap::TooEarly));
    }

    #[test]
    fn a_log_that_is_not_written_out_any_more_is_not_applied() {
        assert_eq!(kept_up(600.0, 12.0, 0.0), Movement::Moves);
        assert_eq!(kept_up(600.0, 0.0, 0.0), Movement::FallsBack);
        assert_eq!(kept_up(0.0, 0.0, 0.0), Movement::Idle);
    }
}
