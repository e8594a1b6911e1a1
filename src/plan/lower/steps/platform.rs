//! What steps want of the platforms: a cluster and an address of the second one, and instances of the first.

use strum::EnumCount;

use crate::{
    domain::{
        cluster::{Autoscaling, NodePrice, ReleaseChannel, WantedCluster},
        shown::Shown,
    },
    plan::{
        lower::name,
        model::steps::Desired,
        reader::{self, At, Fields, Problems},
        units::UnitError,
    },
};

const CLUSTER_KEYS: &[&str] =
    &["name", "location", "zones", "machine_type", "nodes_per_zone", "autoscaling", "release_channel", "workload_pool", "node_price"];
const CHANNELS: &[(&str, ReleaseChannel); ReleaseChannel::COUNT] = &[
    ("rapid", ReleaseChannel::Rapid),
    ("regular", ReleaseChannel::Regular),
    ("stable", ReleaseChannel::Stable),
    ("extended", ReleaseChannel::Extended),
];
/// GKE takes no more nodes in one zone of a pool.
const ZONE_NODES_MOST: u64 = 1000;
/// Nor more in a cluster.
const NODES_MOST: u64 = 15_000;
const PRICE_ALLOWED: &str = "what one node costs in an hour, such as 0.067 USD/h";

pub(super) fn gke_cluster(problems: &mut Problems, at: At<'_>) -> Option<Desired> {
    let fields = Fields::open(problems, at, CLUSTER_KEYS)?;
    let name = fields.required(problems, "name", "my-cluster").and_then(|at| name::resource(problems, &at, name::CLUSTER));
    let location = fields.required(problems, "location", "us-central1").and_then(|at| name::location(problems, &at));
    let zones = location.as_ref().and_then(|location| zones(problems, &fields, location));
    let machine = fields.required(problems, "machine_type", "e2-standard-2");
    let machine_type = machine.and_then(|at| name::resource(problems, &at, name::MACHINE_TYPE));
    let nodes = fields.required(problems, "nodes_per_zone", "3").and_then(|at| count(problems, &at, 1, ZONE_NODES_MOST));
    let scaling = match fields.optional(problems, "autoscaling") {
        Some(at) => {
            let scaling = autoscaling(problems, &at);
            let begins_within = match (scaling, nodes, &zones) {
                (Some(scaling), Some(nodes), Some(zones)) => begins_within(problems, &at, scaling, nodes, zones.len()),
                (_, _, _) => true,
            };
            scaling.filter(|_| begins_within).map(Some)
        }
        None => Some(None),
    };
    let channel = match fields.optional(problems, "release_channel") {
        Some(at) => reader::word(problems, &at, CHANNELS).map(Some),
        None => Some(None),
    };
    let workload_pool = match fields.optional(problems, "workload_pool") {
        Some(at) => name::workload_pool(problems, &at).map(Some),
        None => Some(None),
    };
    let node_price = match fields.optional(problems, "node_price") {
        Some(at) => reader::quantity(problems, &at, PRICE_ALLOWED, price).map(Some),
        None => Some(None),
    };
    Some(Desired::GkeCluster(Box::new(WantedCluster {
        name: name?,
        location: location?,
        zones: zones?,
        machine_type: machine_type?,
        nodes_per_zone: nodes?,
        autoscaling: scaling?,
        channel: channel?,
        workload_pool: workload_pool?,
        node_price: node_price?,
    })))
}

/// Where the nodes are. GKE would choose of a region, and multiply nodes by how many zones it chose; so the plan says which.
fn zones(problems: &mut Problems, fields: &Fields<'_>, location: &Shown) -> Option<Vec<Shown>> {
    let own = location.as_str().rsplit_once('-').filter(|(_, zone)| zone.len() == 1);
    let region = own.map_or(location.as_str(), |(region, _)| region);
    let at = fields.required(problems, "zones", &format!("[{region}-a, {region}-b, {region}-c]"))?;
    let found: Vec<_> =
        reader::list(problems, &at, "zones")?.into_iter().map(|at| name::zone_of(problems, &at, region).map(|zone| (at, zone))).collect();
    let found: Vec<(At<'_>, Shown)> = found.into_iter().collect::<Option<_>>()?;
    for (place, (at, zone)) in found.iter().enumerate() {
        if found[..place].iter().any(|(_, earlier)| earlier == zone) {
            problems.at(at, format!("the zone {zone} is written twice")).allowed("each zone once").error();
            return None;
        }
    }
    let zones: Vec<Shown> = found.into_iter().map(|(_, zone)| zone).collect();
    if own.is_some() && !zones.contains(location) {
        problems.at(&at, format!("a cluster in {location} has nodes there")).allowed(format!("zones with {location} among them")).error();
        return None;
    }
    Some(zones)
}

fn autoscaling(problems: &mut Problems, at: &At<'_>) -> Option<Autoscaling> {
    let fields = Fields::open(problems, at.clone(), &["per_zone", "in_all"])?;
    match (fields.optional(problems, "per_zone"), fields.optional(problems, "in_all")) {
        (Some(at), None) => bounds(problems, at, ZONE_NODES_MOST).map(|(min, max)| Autoscaling::PerZone { min, max }),
        (None, Some(at)) => bounds(problems, at, NODES_MOST).map(|(min, max)| Autoscaling::InAll { min, max }),
        (Some(_), Some(_)) | (None, None) => {
            let allowed = "`per_zone: { min: 3, max: 6 }`, which counts in each zone, or `in_all: { min: 9, max: 18 }`";
            problems.at(at, "autoscaling has one pair of bounds").allowed(allowed).error();
            None
        }
    }
}

fn bounds(problems: &mut Problems, at: At<'_>, most: u64) -> Option<(u32, u32)> {
    let place = at.clone();
    let fields = Fields::open(problems, at, &["min", "max"])?;
    let min = fields.required(problems, "min", "3").and_then(|at| count(problems, &at, 0, most));
    let max = fields.required(problems, "max", "6").and_then(|at| count(problems, &at, 1, most));
    let (min, max) = (min?, max?);
    if min > max {
        problems.at(&place, format!("at least {min} and at most {max} nodes can't be")).allowed("min not above max").error();
        return None;
    }
    Some((min, max))
}

/// GKE takes no pool that begins outside of its own bounds.
fn begins_within(problems: &mut Problems, at: &At<'_>, scaling: Autoscaling, nodes: u32, zones: usize) -> bool {
    let (least, most) = scaling.bounds(zones);
    let at_first = nodes.saturating_mul(u32::try_from(zones).unwrap_or(u32::MAX));
    if (least..=most).contains(&at_first) {
        return true;
    }
    let message = format!("it begins with {at_first} nodes ({nodes} in each of {zones} zones), and scales from {least} to {most}");
    problems.at(at, message).allowed("bounds between which it begins").error();
    false
}

fn count(problems: &mut Problems, at: &At<'_>, least: u64, most: u64) -> Option<u32> {
    reader::count(problems, at, least, most).and_then(|count| u32::try_from(count).ok())
}

/// `0.067 USD/h`: at most six digits behind the point.
fn price(text: &str) -> Result<NodePrice, UnitError> {
    let wrong = || UnitError { message: format!("`{text}` is no price of an hour"), suggestion: None };
    let (figure, currency) = text.strip_suffix("/h").and_then(|rest| rest.split_once(' ')).ok_or_else(wrong)?;
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(wrong());
    }
    let (whole, rest) = figure.split_once('.').unwrap_or((figure, ""));
    let is_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || rest.len() > 6 || !is_digits(whole) || !is_digits(rest) {
        return Err(wrong());
    }
    let micros_per_hour = format!("{whole}{rest:0<6}").parse::<u64>().ok().filter(|micros| *micros > 0).ok_or_else(wrong)?;
    Ok(NodePrice { currency: Shown::new(currency), micros_per_hour })
}

pub(super) fn address(problems: &mut Problems, at: At<'_>) -> Option<Desired> {
    let fields = Fields::open(problems, at, &["name", "region"])?;
    let name = fields.required(problems, "name", "my-address").and_then(|at| name::resource(problems, &at, name::STATIC_ADDRESS));
    let region = match fields.optional(problems, "region") {
        Some(at) => name::region(problems, &at).map(Some),
        None => Some(None),
    };
    Some(Desired::Address { name: name?, region: region? })
}

/// Cloud Run's own bound of a service's instances.
const INSTANCES_MOST: u64 = 1000;

pub(super) fn home_floor(problems: &mut Problems, at: At<'_>) -> Option<Desired> {
    let fields = Fields::open(problems, at, &["service", "region", "instances", "afterwards"])?;
    let service = fields.required(problems, "service", "frontend").and_then(|at| name::resource(problems, &at, name::RUN_SERVICE));
    let region = match fields.optional(problems, "region") {
        Some(at) => name::region(problems, &at).map(Some),
        None => Some(None),
    };
    let instances = fields.required(problems, "instances", "6").and_then(|at| count(problems, &at, 1, INSTANCES_MOST));
    let afterwards_at = fields.required(problems, "afterwards", "0");
    let afterwards = afterwards_at.as_ref().and_then(|at| count(problems, at, 0, INSTANCES_MOST));
    if let (Some(at), Some(instances), Some(afterwards)) = (&afterwards_at, instances, afterwards)
        && afterwards >= instances
    {
        problems.at(at, format!("it is to keep {afterwards} afterwards, and {instances} before")).allowed("fewer afterwards").error();
        return None;
    }
    Some(Desired::HomeFloor { service: service?, region: region?, instances: instances?, afterwards: afterwards? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_a_figure_a_currency_and_an_hour() {
        let micros = |text| price(text).ok().map(|price| (price.micros_per_hour, price.currency.to_string()));
        assert_eq!(micros("0.067006 USD/h"), Some((67_006, "USD".to_owned())));
        assert_eq!(micros("2 EUR/h"), Some((2_000_000, "EUR".to_owned())));
        for wrong in ["", "0.067", "0.067 USD", "$0.067/h", "0 USD/h", "0.0000001 USD/h", ".5 USD/h", "-1 USD/h", "1e3 USD/h", "1 usd/h"] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }
}
