//! How many seconds a replica is behind, put together as its engine defines it.

use futures::future::join_all;

use super::series::{Monitoring, single};
use crate::domain::{
    database::Engine,
    id::InstanceId,
    metric::{Measured, Sample},
    time::Timestamp,
};

/// The series that add up to the whole lag.
fn parts(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::MySql => &["replication/replica_lag"],
        Engine::Postgres => &["replication/replica_lag", "replication/network_lag"],
        Engine::SqlServer => &["replication/seconds_behind_master", "replication/network_lag"],
    }
}

/// The lag in seconds, as old as the older of its parts; `requests` counts the points it was taken from.
pub(super) async fn read(monitoring: &Monitoring<'_>, instance: &InstanceId, engine: Engine) -> Measured {
    let mut sum = Sample::exact(0.0, 0, Timestamp(i64::MAX));
    for part in join_all(parts(engine).iter().map(|part| monitoring.series(part, instance))).await {
        let part = part?;
        let series = single(&part)?;
        let newest = series.newest()?;
        let (value, requests) = (sum.value + newest.amount()?, sum.requests + series.points.len() as u64);
        sum = Sample::exact(value, requests, sum.at.min(newest.at()));
    }
    monitoring.young(sum.at).map(|()| sum)
}
