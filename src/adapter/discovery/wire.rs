//! The lists of Google's APIs, as far as a plan can be made of them. The fields are those of Google's own API descriptions.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::pages::{Page, Turned};
use crate::adapter::lenient;

/// A list over all places of Compute's, whose keys are these places.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "S: Scope")]
pub(super) struct Aggregated<S: Scope> {
    #[serde(default, deserialize_with = "lenient")]
    items: BTreeMap<String, S>,
    #[serde(default, deserialize_with = "lenient")]
    next_page_token: String,
    #[serde(default, deserialize_with = "lenient")]
    unreachables: Vec<String>,
}

/// What one place has.
pub(super) trait Scope: DeserializeOwned {
    type Item;
    fn items(self) -> Vec<Self::Item>;
    /// Why the place says less than there is.
    fn warning(&self) -> &str;
}

/// A warning of a place that has nothing, which says no more than that.
const NOTHING_HERE: &str = "NO_RESULTS_ON_PAGE";

impl<S: Scope> Page for Aggregated<S> {
    type Item = S::Item;
    const SIZE: (&'static str, &'static str) = ("maxResults", "200");
    fn turn(self) -> Turned<S::Item> {
        let mut left_out = self.unreachables;
        let warned = self.items.iter().filter(|(_, scope)| !["", NOTHING_HERE].contains(&scope.warning()));
        left_out.extend(warned.map(|(place, scope)| format!("{place} ({})", scope.warning())));
        let items = self.items.into_values().flat_map(Scope::items).collect();
        Turned { items, next: self.next_page_token, left_out }
    }
}

macro_rules! scope {
    ($name:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name {
            #[serde(default, deserialize_with = "lenient")]
            $field: Vec<$item>,
            #[serde(default, deserialize_with = "lenient")]
            warning: ScopeWarning,
        }

        impl Scope for $name {
            type Item = $item;
            fn items(self) -> Vec<$item> {
                self.$field
            }
            fn warning(&self) -> &str {
                &self.warning.code
            }
        }
    };
}

#[derive(Default, Deserialize)]
struct ScopeWarning {
    #[serde(default, deserialize_with = "lenient")]
    code: String,
}

scope!(UrlMaps, url_maps, UrlMapWire);
scope!(BackendServices, backend_services, BackendServiceWire);
scope!(Groups, network_endpoint_groups, GroupWire);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UrlMapWire {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub self_link: String,
    #[serde(default, deserialize_with = "lenient")]
    pub host_rules: Vec<HostRuleWire>,
    #[serde(default, deserialize_with = "lenient")]
    pub path_matchers: Vec<PartWire>,
    #[serde(flatten)]
    pub own: PartWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostRuleWire {
    #[serde(default, deserialize_with = "lenient")]
    pub hosts: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub path_matcher: String,
}

/// A map's own default route, or a path matcher.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartWire {
    #[serde(default, deserialize_with = "lenient")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub default_service: String,
    pub default_url_redirect: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub default_route_action: ActionWire,
    #[serde(default, deserialize_with = "lenient")]
    pub path_rules: Vec<RuleWire>,
    #[serde(default, deserialize_with = "lenient")]
    pub route_rules: Vec<RuleWire>,
}

/// A path rule or a route rule.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleWire {
    #[serde(default, deserialize_with = "lenient")]
    pub paths: Vec<String>,
    pub priority: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    pub match_rules: Vec<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub service: String,
    pub url_redirect: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub route_action: ActionWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionWire {
    #[serde(default, deserialize_with = "lenient")]
    pub weighted_backend_services: Vec<WeightedWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WeightedWire {
    #[serde(default, deserialize_with = "lenient")]
    pub backend_service: String,
    #[serde(default, deserialize_with = "lenient")]
    pub weight: u32,
    pub header_action: Option<HeaderActionWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeaderActionWire {
    #[serde(default, deserialize_with = "lenient")]
    pub response_headers_to_add: Vec<HeaderWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeaderWire {
    #[serde(default, deserialize_with = "lenient")]
    pub header_name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub header_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackendServiceWire {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub self_link: String,
    #[serde(default, deserialize_with = "lenient")]
    pub load_balancing_scheme: String,
    #[serde(default, deserialize_with = "lenient")]
    pub backends: Vec<BackendWire>,
    #[serde(default, deserialize_with = "lenient")]
    pub log_config: LogWire,
    #[serde(default, deserialize_with = "lenient")]
    pub session_affinity: String,
}

#[derive(Deserialize)]
pub(super) struct BackendWire {
    #[serde(default, deserialize_with = "lenient")]
    pub group: String,
}

#[derive(Default, Deserialize)]
pub(super) struct LogWire {
    #[serde(default, deserialize_with = "lenient")]
    pub enable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupWire {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub self_link: String,
    #[serde(default, deserialize_with = "lenient")]
    pub network_endpoint_type: String,
    #[serde(default, deserialize_with = "lenient")]
    pub description: String,
    pub cloud_run: Option<CloudRunWire>,
    pub app_engine: Option<Value>,
    pub cloud_function: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CloudRunWire {
    #[serde(default, deserialize_with = "lenient")]
    pub service: String,
    #[serde(default, deserialize_with = "lenient")]
    pub tag: String,
    #[serde(default, deserialize_with = "lenient")]
    pub url_mask: String,
}

/// What GKE's controller writes into the description of a group that it makes.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct OwnerWire {
    pub namespace: String,
    pub service_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunServices {
    #[serde(default, deserialize_with = "lenient")]
    services: Vec<RunServiceWire>,
    #[serde(default, deserialize_with = "lenient")]
    next_page_token: String,
}

impl Page for RunServices {
    type Item = RunServiceWire;
    const SIZE: (&'static str, &'static str) = ("pageSize", "100");
    fn turn(self) -> Turned<RunServiceWire> {
        Turned { items: self.services, next: self.next_page_token, left_out: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunServiceWire {
    /// `projects/P/locations/L/services/S`.
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub uri: String,
    #[serde(default, deserialize_with = "lenient")]
    pub ingress: String,
    #[serde(default, deserialize_with = "lenient")]
    pub default_uri_disabled: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub traffic: Vec<TargetWire>,
    /// Read by itself, so that an odd one hides nothing but itself.
    #[serde(default)]
    pub template: Value,
    #[serde(default, deserialize_with = "lenient")]
    pub scaling: ServiceScalingWire,
}

/// Of the service as a whole, beside what its template says of one revision.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ServiceScalingWire {
    #[serde(deserialize_with = "lenient")]
    pub min_instance_count: u32,
    #[serde(deserialize_with = "lenient")]
    pub max_instance_count: u32,
}

#[derive(Deserialize)]
pub(super) struct TargetWire {
    #[serde(default, deserialize_with = "lenient")]
    pub revision: String,
    #[serde(default, deserialize_with = "lenient")]
    pub percent: u32,
}

/// The Container API lists in one piece.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Clusters {
    #[serde(default, deserialize_with = "lenient")]
    clusters: Vec<ClusterWire>,
    #[serde(default, deserialize_with = "lenient")]
    missing_zones: Vec<String>,
}

impl Page for Clusters {
    type Item = ClusterWire;
    const SIZE: (&'static str, &'static str) = ("", "");
    fn turn(self) -> Turned<ClusterWire> {
        Turned { items: self.clusters, next: String::new(), left_out: self.missing_zones }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterWire {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub location: String,
    #[serde(default, deserialize_with = "lenient")]
    pub monitoring_config: MonitoringWire,
    #[serde(default, deserialize_with = "lenient")]
    pub private_cluster_config: PrivateWire,
    #[serde(default, deserialize_with = "lenient")]
    pub control_plane_endpoints_config: EndpointsWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrivateWire {
    /// Whether the private one is the only one that takes anybody.
    #[serde(default, deserialize_with = "lenient")]
    pub enable_private_endpoint: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointsWire {
    #[serde(default, deserialize_with = "lenient")]
    pub ip_endpoints_config: IpWire,
    #[serde(default, deserialize_with = "lenient")]
    pub dns_endpoint_config: DnsWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IpWire {
    /// Left out by clusters of before.
    pub enable_public_endpoint: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DnsWire {
    #[serde(default, deserialize_with = "lenient")]
    pub allow_external_traffic: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MonitoringWire {
    #[serde(default, deserialize_with = "lenient")]
    pub managed_prometheus_config: ManagedWire,
}

#[derive(Default, Deserialize)]
pub(super) struct ManagedWire {
    #[serde(default, deserialize_with = "lenient")]
    pub enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instances {
    #[serde(default, deserialize_with = "lenient")]
    items: Vec<InstanceWire>,
    #[serde(default, deserialize_with = "lenient")]
    next_page_token: String,
    #[serde(default, deserialize_with = "lenient")]
    warnings: Vec<WarningWire>,
}

#[derive(Deserialize)]
pub(super) struct WarningWire {
    #[serde(default, deserialize_with = "lenient")]
    message: String,
}

impl Page for Instances {
    type Item = InstanceWire;
    const SIZE: (&'static str, &'static str) = ("maxResults", "500");
    fn turn(self) -> Turned<InstanceWire> {
        let left_out = self.warnings.into_iter().map(|warning| warning.message).collect();
        Turned { items: self.items, next: self.next_page_token, left_out }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceWire {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub region: String,
    #[serde(default, deserialize_with = "lenient")]
    pub state: String,
    #[serde(default, deserialize_with = "lenient")]
    pub database_version: String,
    /// `PROJECT:NAME`, or the name alone.
    #[serde(default, deserialize_with = "lenient")]
    pub master_instance_name: String,
}
