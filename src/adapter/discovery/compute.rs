//! URL maps, backend services and network endpoint groups, of all places at once.

use futures::join;
use serde_json::Value;

use super::{
    BackendService, Balancing, Explorer, Group, GroupKind, HostRule, Leg, Link, Owner, Place, Split, Unread, UrlMap,
    pages::{self, Listed},
    wire::{
        ActionWire, Aggregated, BackendServiceWire, BackendServices, GroupWire, Groups, OwnerWire, PartWire, RuleWire, Scope, UrlMapWire,
        UrlMaps, WeightedWire,
    },
};
use crate::domain::{position::MapRule, shown::Shown};

/// The header by which answers say who gave them.
const MARK: &str = "x-served-by";

impl Explorer {
    /// Everything that load balancing is made of.
    pub async fn balancing(&self) -> Balancing {
        let (maps, services, groups) = join!(
            self.aggregated::<UrlMaps>("urlMaps"),
            self.aggregated::<BackendServices>("backendServices"),
            self.aggregated::<Groups>("networkEndpointGroups"),
        );
        let mut unread = Vec::new();
        let mut note = |what: &str, fault| unread.extend(Option::map(fault, |fault| Unread { what: what.to_owned(), fault }));
        note("URL maps", maps.fault);
        note("backend services", services.fault);
        note("network endpoint groups", groups.fault);
        let mut balancing = Balancing {
            maps: maps.items.into_iter().map(url_map).collect(),
            services: services.items.into_iter().map(backend_service).collect(),
            groups: groups.items.into_iter().map(group).collect(),
            unread,
        };
        balancing.maps.sort_by(|one, other| (&one.region, &one.name).cmp(&(&other.region, &other.name)));
        balancing.services.sort_by(|one, other| (&one.region, &one.name).cmp(&(&other.region, &other.name)));
        balancing.groups.sort_by(|one, other| (&one.name, &one.place).cmp(&(&other.name, &other.place)));
        balancing
    }

    async fn aggregated<S: Scope>(&self, kind: &str) -> Listed<S::Item> {
        let url = self.compute.at(&["compute", "v1", "projects", &self.project, "aggregated", kind]);
        // Without the last, one region that is away fails the whole list.
        pages::list::<Aggregated<S>>(&self.compute, &url, &[("returnPartialSuccess", "true")]).await
    }
}

impl Link {
    /// What a full or partial link leads to; in whose project only where it says so.
    fn of(link: &str) -> Link {
        let parts: Vec<&str> = link.split('/').collect();
        let after = |word: &str| parts.iter().position(|part| *part == word).and_then(|at| parts.get(at + 1)).map(|part| Shown::new(part));
        let place = match (after("regions"), after("zones")) {
            (_, Some(zone)) => Place::Zone(zone),
            (Some(region), None) => Place::Region(region),
            (None, None) => Place::Global,
        };
        Link { project: after("projects"), place, name: Shown::new(parts.last().unwrap_or(&link)) }
    }
}

fn region_of(link: &str) -> Option<Shown> {
    match Link::of(link).place {
        Place::Region(region) => Some(region),
        Place::Global | Place::Zone(_) => None,
    }
}

fn url_map(wire: UrlMapWire) -> UrlMap {
    let rule = |rule: super::wire::HostRuleWire| HostRule {
        hosts: rule.hosts.iter().map(|host| Shown::new(host)).collect(),
        matcher: Shown::new(&rule.path_matcher),
    };
    let matchers = wire.path_matchers.into_iter().flat_map(|mut part| {
        let rules = std::mem::take(&mut part.path_rules).into_iter().chain(std::mem::take(&mut part.route_rules));
        let rules: Vec<RuleWire> = rules.collect();
        let name = Shown::new(&part.name);
        let default = Split { rules: rules.len(), ..split(Some(name.clone()), part) };
        std::iter::once(default).chain(rules.into_iter().filter_map(move |rule| of_rule(&name, rule)))
    });
    UrlMap {
        name: Shown::new(&wire.name),
        region: region_of(&wire.self_link),
        host_rules: wire.host_rules.into_iter().map(rule).collect(),
        positions: std::iter::once(split(None, wire.own)).chain(matchers).collect(),
    }
}

fn split(matcher: Option<Shown>, part: PartWire) -> Split {
    let (is_weighted, legs) = legs(part.default_route_action, &part.default_service);
    Split { matcher, rule: None, path: None, legs, is_weighted, is_redirect: part.default_url_redirect.is_some(), rules: 0 }
}

fn legs(action: ActionWire, service: &str) -> (bool, Vec<Leg>) {
    let is_weighted = !action.weighted_backend_services.is_empty();
    let mut legs: Vec<Leg> = action.weighted_backend_services.into_iter().map(leg).collect();
    if !is_weighted && !service.is_empty() {
        legs.push(Leg { service: Link::of(service), weight: 1000, mark: None, edits_headers: false });
    }
    (is_weighted, legs)
}

/// A rule that has what it is known by.
fn of_rule(matcher: &Shown, wire: RuleWire) -> Option<Split> {
    let (rule, path) = match (wire.paths.first(), wire.priority) {
        (Some(path), _) => (MapRule::Path { path: Shown::new(path) }, Some(path.trim_end_matches('*').to_owned())),
        (None, Some(priority)) => (MapRule::Route { priority }, wire.match_rules.iter().find_map(plain_path)),
        (None, None) => return None,
    };
    let (is_weighted, legs) = legs(wire.route_action, &wire.service);
    let path = path.map(|path| Shown::new(&path));
    Some(Split {
        matcher: Some(matcher.clone()),
        rule: Some(rule),
        path,
        legs,
        is_weighted,
        is_redirect: wire.url_redirect.is_some(),
        rules: 0,
    })
}

/// The path of a match that asks for nothing else.
fn plain_path(matched: &Value) -> Option<String> {
    let conditions = matched.as_object()?;
    let is_path =
        |(key, value): (&String, &Value)| value.is_null() || ["prefixMatch", "fullPathMatch", "ignoreCase"].contains(&key.as_str());
    let path = ["fullPathMatch", "prefixMatch"].into_iter().find_map(|key| conditions.get(key)?.as_str());
    path.filter(|_| conditions.iter().all(is_path)).map(str::to_owned)
}

fn leg(wire: WeightedWire) -> Leg {
    let edits_headers = wire.header_action.is_some();
    let added = wire.header_action.map(|action| action.response_headers_to_add).unwrap_or_default();
    let mark = added.into_iter().find(|header| header.header_name.eq_ignore_ascii_case(MARK));
    let mark = mark.map(|header| Shown::new(&header.header_value));
    Leg { service: Link::of(&wire.backend_service), weight: wire.weight, mark, edits_headers }
}

fn backend_service(wire: BackendServiceWire) -> BackendService {
    let affinity = if wire.session_affinity.is_empty() { "NONE" } else { &wire.session_affinity };
    BackendService {
        name: Shown::new(&wire.name),
        region: region_of(&wire.self_link),
        scheme: Shown::new(&wire.load_balancing_scheme),
        groups: wire.backends.iter().map(|backend| Link::of(&backend.group)).collect(),
        logs: wire.log_config.enable,
        affinity: Shown::new(affinity),
    }
}

fn group(wire: GroupWire) -> Group {
    let kind = match wire.network_endpoint_type.as_str() {
        "SERVERLESS" => serverless(&wire),
        "GCE_VM_IP_PORT" => GroupKind::Pods(owner(&wire.description)),
        other => GroupKind::Other { kind: Shown::new(other) },
    };
    Group { name: Shown::new(&wire.name), place: Link::of(&wire.self_link).place, kind }
}

fn serverless(wire: &GroupWire) -> GroupKind {
    let other = |what: &str| GroupKind::OtherServerless { what: Shown::new(what) };
    match &wire.cloud_run {
        Some(run) if !run.service.is_empty() => {
            let tag = Some(run.tag.as_str()).filter(|tag| !tag.is_empty()).map(Shown::new);
            GroupKind::CloudRun { service: Shown::new(&run.service), tag }
        }
        Some(run) if !run.url_mask.is_empty() => other(&format!("Cloud Run services by the URL mask {}", run.url_mask)),
        Some(_) => other("Cloud Run, without a service"),
        None if wire.app_engine.is_some() => other("App Engine"),
        None if wire.cloud_function.is_some() => other("Cloud Functions"),
        None => other("a serverless product that it does not name"),
    }
}

/// Groups that people made hold any text, or none.
fn owner(description: &str) -> Option<Owner> {
    let OwnerWire { namespace, service_name } = serde_json::from_str(description).ok()?;
    Some(Owner { namespace: Shown::new(&namespace), service: Shown::new(&service_name) })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_link_is_read_in_whatever_form_it_comes() {
        let full = Link::of("https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/networkEndpointGroups/n");
        assert_eq!(full, Link { project: Some("p".into()), place: Place::Zone("us-central1-a".into()), name: "n".into() });
        let partial = Link::of("global/backendServices/b");
        assert_eq!(partial, Link { project: None, place: Place::Global, name: "b".into() });
        assert_eq!(Link::of("regions/us-east1/backendServices/b").place, Place::Region("us-east1".into()));
    }

    #[test]
    fn a_map_without_weights_and_with_nulls_is_read_as_what_it_is() {
        let map = UrlMapWire::deserialize(json!({
            "name": "lb\u{1b}[2J", "selfLink": null, "hostRules": null,
            "defaultService": "https://x/projects/p/global/backendServices/only", "defaultRouteAction": null,
            "pathMatchers": [{"name": "m", "defaultUrlRedirect": {"httpsRedirect": true}, "pathRules": [{}, {}]}],
        }));
        let map = url_map(map.unwrap());
        assert_eq!(map.name.as_str(), "lb^[[2J");
        let [own, matcher] = &map.positions[..] else { panic!("{map:?}") };
        assert_eq!((own.legs.len(), own.is_weighted, own.legs[0].service.name.as_str()), (1, false, "only"));
        assert!(matcher.is_redirect && matcher.legs.is_empty() && matcher.rules == 2);
    }

    #[test]
    fn whose_pods_a_group_holds_says_its_description_if_gke_has_written_it() {
        let written = r#"{"cluster-uid":"7d5f","namespace":"shop","service-name":"web","port":"80"}"#;
        assert_eq!(owner(written), Some(Owner { namespace: "shop".into(), service: "web".into() }));
        assert_eq!((owner("made by hand"), owner(""), owner("{}")), (None, None, None));
    }
}
