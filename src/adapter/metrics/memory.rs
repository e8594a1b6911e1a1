//! What a sensor of a page leaves for the one after it: the counters of its window, and what it believes of the process behind them.
//!
//! Counters go on counting while nobody looks, so a window that another host filled is as good as one's own: the next page shows what came
//! in between. It is taken up only for the same page read in the same way, and never from the future; what is older than a window falls out
//! of it with the next look, as after any time in which a page could not be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Config, MetricsSensor,
    exposition::{BucketKey, RequestKey},
    kinship::Kin,
    line::Labels,
    window::Window,
};

/// A page with more series is not remembered, and its windows fill anew.
const SERIES_KEPT: usize = 2_000;

/// As it is written.
#[derive(Serialize)]
struct Left<'a> {
    of: String,
    kin: &'a Kin,
    requests: &'a Window<RequestKey>,
    buckets: &'a Window<BucketKey>,
    dropped: &'a Window<Labels>,
}

/// As it is read.
#[derive(Deserialize)]
struct Found {
    of: String,
    kin: Kin,
    requests: Window<RequestKey>,
    buckets: Window<BucketKey>,
    dropped: Window<Labels>,
}

/// Which page it is of, and how that is read.
fn of(config: &Config) -> String {
    let Config { url, families, window, .. } = config;
    format!("{url} {families:?} {window}")
}

pub(super) fn left(sensor: &MetricsSensor) -> Option<String> {
    let MetricsSensor { config, kin, requests, buckets, dropped, .. } = sensor;
    if requests.series() + buckets.series() + dropped.series() > SERIES_KEPT {
        return None;
    }
    serde_json::to_string(&Left { of: of(config), kin, requests, buckets, dropped }).ok()
}

/// What is no such thing changes nothing: the window fills anew.
pub(super) fn take_up(sensor: &mut MetricsSensor, left: &str) {
    let Ok(Found { of: whose, kin, requests, buckets, dropped }) = serde_json::from_str(left) else { return };
    let now = (sensor.config.now)();
    let newest = [requests.newest(), buckets.newest(), dropped.newest()].into_iter().flatten().max();
    if whose != of(&sensor.config) || newest.is_none_or(|newest| newest > now) {
        return;
    }
    (sensor.kin, sensor.requests, sensor.buckets, sensor.dropped) = (kin, requests, buckets, dropped);
}

/// A map whose keys are no text, as a list of pairs.
pub(super) mod pairs {
    use super::{BTreeMap, Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(in super::super) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
