//! What of a URL map leads a route's users past the place that is steered, or others to its backends without it.
//!
//! Hosts choose a path matcher, and within it path rules and route rules go before its default. Of those rules only what the path alone
//! decides is followed here; what a header or a pattern decides takes some users at most, and is said where it leads to the route's backends.

use serde_json::{Map, Value};

use super::{
    position::{Place, name},
    route::Known,
    wire::{HostRule, UrlMap},
};
use crate::domain::{
    hindrance::{Hindrance, Way},
    id::{BackendId, RouteId},
    shown::Shown,
};

/// What holds a matcher's default, and is steered where a route of the plan steers that.
const DEFAULTS: [&str; 2] = ["defaultService", "defaultRouteAction"];

/// Everything that is held against the place in the map.
pub(super) fn hindrances(map: &UrlMap, known: Known<'_>, place: Place) -> Vec<Hindrance> {
    let beside = |(route, position)| Some((route, Place::find(map, known.url_map, position).ok()?));
    let beside: Vec<(&RouteId, Place)> = known.beside.iter().map(|(route, position)| (route, position)).filter_map(beside).collect();
    let is_steered = |other: Place| beside.iter().any(|(_, steered)| *steered == other);
    let mut found = match place {
        Place::Default => past_the_default(map, known),
        Place::Matcher(at) => past_the_matcher(map, known, &map.path_matchers[at]),
    };
    let followed: Vec<String> = found
        .iter()
        .filter_map(|found| if let Hindrance::HostRule { matcher, .. } = found { Some(matcher.to_string()) } else { None })
        .collect();
    for (at, matcher) in map.path_matchers.iter().enumerate().filter(|(at, _)| place != Place::Matcher(*at)) {
        let text = text(matcher, is_steered(Place::Matcher(at)));
        let backends = known.met_in(&text);
        // It is said already that everybody follows this one.
        if !backends.is_empty() && !followed.iter().any(|followed| followed == name(matcher)) {
            found.push(Hindrance::PastTheSplit { matcher: Shown::new(name(matcher)), backends });
        }
    }
    let everybody_has_a_rule = map.host_rules.iter().any(|rule| rule.hosts.iter().any(|host| host == "*"));
    if place != Place::Default && !is_steered(Place::Default) && !everybody_has_a_rule {
        let backends = known.met_in(&default_text(map));
        if !backends.is_empty() {
            found.push(Hindrance::LeadsPast { way: Way::DefaultRoute, backends });
        }
    }
    let twice = beside.iter().filter(|(_, steered)| *steered == place);
    found.extend(twice.map(|(route, _)| Hindrance::SteeredTwice { route: (*route).clone() }));
    found
}

fn past_the_default(map: &UrlMap, known: Known<'_>) -> Vec<Hindrance> {
    let ours: Vec<&HostRule> = match known.host {
        Some(host) => followed(&map.host_rules, host).into_iter().collect(),
        // Whose host is not known may follow any of them.
        None => map.host_rules.iter().filter(|rule| !known.is_beside(map, &rule.path_matcher)).collect(),
    };
    let said = |rule: &HostRule| {
        let host = known.host.map_or_else(|| rule.hosts.join(", "), str::to_owned);
        Hindrance::HostRule { host: Shown::new(&host), matcher: Shown::new(&rule.path_matcher) }
    };
    ours.into_iter().map(said).collect()
}

/// What keeps the route's users from the matcher's default, and what in the matcher itself leads to the route's backends without it.
fn past_the_matcher(map: &UrlMap, known: Known<'_>, matcher: &Value) -> Vec<Hindrance> {
    let own = name(matcher);
    let follows = match known.host {
        Some(host) => match followed(&map.host_rules, host) {
            Some(rule) if rule.path_matcher == own => None,
            Some(rule) => Some(Way::PathMatcher { name: Shown::new(&rule.path_matcher) }),
            None => Some(Way::DefaultRoute),
        },
        None if map.host_rules.iter().any(|rule| rule.path_matcher == own) => None,
        None => Some(Way::DefaultRoute),
    };
    let host = known.host.unwrap_or("every host");
    let rules = Way::Rules { matcher: Shown::new(own) };
    let mut found = Vec::new();
    match follows {
        Some(follows) => found.push(Hindrance::NotReached { from: Shown::new(host), follows }),
        None if takes(matcher, known.path) => {
            let from = Shown::new(&format!("{host}{}", known.path));
            found.push(Hindrance::NotReached { from, follows: rules.clone() });
        }
        None => {}
    }
    let backends = known.met_in(&text(matcher, true));
    if !backends.is_empty() {
        found.push(Hindrance::LeadsPast { way: rules, backends });
    }
    found
}

impl Known<'_> {
    /// The route's backends that a text of the map leads to.
    fn met_in(&self, text: &str) -> Vec<BackendId> {
        let meets = self.backends.iter().filter(|(_, service)| text.contains(&format!("/{service}\"")));
        meets.map(|(id, _)| id.clone()).collect()
    }

    /// Whether another route of the plan steers the matcher of this name.
    fn is_beside(&self, map: &UrlMap, matcher: &str) -> bool {
        let steers = |position| Place::find(map, self.url_map, position).ok().and_then(|place| place.matcher(map));
        self.beside.iter().any(|(_, position)| steers(position) == Some(matcher))
    }
}

/// A matcher as text, without its default where that is steered.
fn text(matcher: &Value, steered: bool) -> String {
    let kept = |(key, _): &(&String, &Value)| key.as_str() != "description" && !(steered && DEFAULTS.contains(&key.as_str()));
    let fields: Map<String, Value> =
        matcher.as_object().into_iter().flatten().filter(kept).map(|(key, value)| (key.clone(), value.clone())).collect();
    Value::Object(fields).to_string()
}

fn default_text(map: &UrlMap) -> String {
    let action = map.default_route_action.as_ref().and_then(|action| serde_json::to_string(action).ok());
    format!("\"{}\" {}", map.default_service.as_deref().unwrap_or_default(), action.unwrap_or_default())
}

/// Whether a rule of the matcher takes every request for this path.
fn takes(matcher: &Value, path: &str) -> bool {
    let list = |holder: &Value, key: &str| holder.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let by_path = list(matcher, "pathRules").iter().any(|rule| {
        list(rule, "paths").iter().filter_map(Value::as_str).any(|pattern| match pattern.strip_suffix('*') {
            Some(begins) => path.starts_with(begins),
            None => pattern == path,
        })
    });
    // Whatever else a match asks for, it does not take everybody.
    let only = ["prefixMatch", "fullPathMatch", "ignoreCase"];
    let matches = |found: &Value| {
        let plain = found.as_object().is_some_and(|keys| keys.iter().all(|(key, value)| value.is_null() || only.contains(&key.as_str())));
        let text = |key: &str| found.get(key).and_then(Value::as_str);
        plain && (text("prefixMatch").is_some_and(|begins| path.starts_with(begins)) || text("fullPathMatch") == Some(path))
    };
    by_path || list(matcher, "routeRules").iter().any(|rule| list(rule, "matchRules").iter().any(matches))
}

/// The host rule that decides for `host`: an exact one before the longest wildcard, and that before `*`.
pub(super) fn followed<'a>(rules: &'a [HostRule], host: &str) -> Option<&'a HostRule> {
    let strength = |pattern: &str| {
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix('*') {
            Some("") => Some(1),
            Some(suffix) => host.ends_with(suffix).then_some(1 + suffix.len()),
            None => (pattern == host).then_some(usize::MAX),
        }
    };
    let strongest = |rule: &'a HostRule| rule.hosts.iter().filter_map(|pattern| strength(pattern)).max().map(|strength| (strength, rule));
    rules.iter().filter_map(strongest).max_by_key(|(strength, _)| *strength).map(|(_, rule)| rule)
}
