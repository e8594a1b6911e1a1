//! A GKE cluster as somebody wants it: how many nodes of which machine type, where, and what they cost.
//!
//! GKE counts nodes by the zone, so three of them are nine in a region of three zones. Whoever is to agree sees all of them here, whatever the
//! vendor counts. Nothing is known here of prices but what the plan says.

use serde::{Deserialize, Serialize};

use crate::domain::shown::Shown;

/// What is left out is GKE's own choice, and nothing that a cluster is held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedCluster {
    pub name: Shown,
    /// A region, or a zone.
    pub location: Shown,
    /// Those in which its nodes are, at least one; of a cluster in a zone that one is among them.
    pub zones: Vec<Shown>,
    pub machine_type: Shown,
    /// With which it begins in each zone, 1 to 1000.
    pub nodes_per_zone: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ReleaseChannel>,
    /// As whom its Kubernetes accounts come to Google's APIs: `PROJECT.svc.id.goog`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_pool: Option<Shown>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_price: Option<NodePrice>,
}

/// Between how many nodes it scales by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Autoscaling {
    PerZone { min: u32, max: u32 },
    InAll { min: u32, max: u32 },
}

/// Which of GKE's channels brings its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseChannel {
    Rapid,
    Regular,
    Stable,
    Extended,
}

impl ReleaseChannel {
    /// In the API's own word.
    pub fn word(self) -> &'static str {
        match self {
            ReleaseChannel::Rapid => "RAPID",
            ReleaseChannel::Regular => "REGULAR",
            ReleaseChannel::Stable => "STABLE",
            ReleaseChannel::Extended => "EXTENDED",
        }
    }
}

/// What one node costs in an hour, as the plan says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePrice {
    /// Three capital letters, such as `USD`.
    pub currency: Shown,
    /// Millionths of it, at least one.
    pub micros_per_hour: u64,
}

impl NodePrice {
    /// What so many nodes cost: `0.603 USD/h`.
    pub fn of(&self, nodes: u32) -> String {
        let micros = self.micros_per_hour.saturating_mul(u64::from(nodes));
        let figure = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        format!("{} {}/h", figure.trim_end_matches('0').trim_end_matches('.'), self.currency)
    }
}

impl Autoscaling {
    /// The fewest and the most nodes in so many zones.
    pub fn bounds(self, zones: usize) -> (u32, u32) {
        let zones = u32::try_from(zones).unwrap_or(u32::MAX);
        match self {
            Autoscaling::PerZone { min, max } => (min.saturating_mul(zones), max.saturating_mul(zones)),
            Autoscaling::InAll { min, max } => (min, max),
        }
    }

    /// `9–18 (3–6 × 3 zones)`.
    pub fn told(self, zones: usize) -> String {
        let (least, most) = self.bounds(zones);
        match self {
            Autoscaling::PerZone { min, max } if zones != 1 => format!("{least}–{most} ({min}–{max} × {zones} zones)"),
            Autoscaling::PerZone { .. } | Autoscaling::InAll { .. } => format!("{least}–{most}"),
        }
    }
}

impl WantedCluster {
    /// With which it begins, in all zones.
    pub fn nodes(&self) -> u32 {
        self.nodes_per_zone.saturating_mul(u32::try_from(self.zones.len()).unwrap_or(u32::MAX))
    }

    /// `9 (3 × 3 zones)`.
    pub fn nodes_told(&self) -> String {
        let (nodes, zones) = (self.nodes(), self.zones.len());
        if zones == 1 { nodes.to_string() } else { format!("{nodes} ({} × {zones} zones)", self.nodes_per_zone) }
    }

    /// What its nodes cost, as far as the plan says what one does: at first, and at the most.
    pub fn price_told(&self) -> Option<String> {
        let price = self.node_price.as_ref()?;
        let at_first = price.of(self.nodes());
        let most = self.autoscaling.map_or(self.nodes(), |scaling| scaling.bounds(self.zones.len()).1);
        Some(if most > self.nodes() { format!("{at_first}, at most {}", price.of(most)) } else { at_first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> WantedCluster {
        WantedCluster {
            name: "hexproperty-prod".into(),
            location: "us-central1".into(),
            zones: ["a", "b", "c"].map(|zone| Shown::new(&format!("us-central1-{zone}"))).to_vec(),
            machine_type: "e2-standard-2".into(),
            nodes_per_zone: 3,
            autoscaling: Some(Autoscaling::PerZone { min: 3, max: 6 }),
            channel: None,
            workload_pool: None,
            node_price: Some(NodePrice { currency: "USD".into(), micros_per_hour: 67_006 }),
        }
    }

    #[test]
    fn three_a_zone_are_nine_and_up_to_eighteen() {
        let wanted = seed();
        assert_eq!(wanted.nodes_told(), "9 (3 × 3 zones)");
        assert_eq!(wanted.autoscaling.unwrap().told(3), "9–18 (3–6 × 3 zones)");
        assert_eq!(wanted.price_told().as_deref(), Some("0.603054 USD/h, at most 1.206108 USD/h"));
    }

    #[test]
    fn totals_are_told_as_they_are_and_one_zone_multiplies_nothing() {
        assert_eq!(Autoscaling::InAll { min: 3, max: 6 }.told(3), "3–6");
        assert_eq!(Autoscaling::PerZone { min: 3, max: 6 }.told(1), "3–6");
        let zonal = WantedCluster { zones: vec!["us-central1-a".into()], autoscaling: None, ..seed() };
        assert_eq!(zonal.nodes_told(), "3");
        assert_eq!(zonal.price_told().as_deref(), Some("0.201018 USD/h"));
        assert_eq!(WantedCluster { node_price: None, ..seed() }.price_told(), None, "no figure that nobody has stated");
    }

    #[test]
    fn figures_lose_no_nought_that_counts() {
        let price = |micros_per_hour| NodePrice { currency: "EUR".into(), micros_per_hour };
        assert_eq!(price(1_000_000).of(10), "10 EUR/h");
        assert_eq!(price(50_000).of(2), "0.1 EUR/h");
    }
}
