//! What of a URL map leads a route's users past the place that is steered, or others to its backends without it.
//!
//! Hosts choose a path matcher, and within it path rules and route rules go before its default. Of those rules only what the path and its
//! query decide is followed here; what a header or a pattern decides takes some users at most, and is said where it leads to the route's backends.

use serde_json::{Value, json};

use super::{
    asked::Asked,
    position::{Keys, OF_DEFAULTS, OF_RULES, Place, RulePlace, called, name},
    route::Known,
    wire::{HostRule, UrlMap},
};
use crate::domain::{
    hindrance::{Hindrance, Way},
    id::{BackendId, RouteId},
    shown::Shown,
};

/// Everything that is held against the place in the map.
pub(super) fn hindrances(map: &UrlMap, known: Known<'_>, place: Place) -> Vec<Hindrance> {
    let beside = |(route, position)| Some((route, Place::find(map, known.url_map, position).ok()?));
    let beside: Vec<(&RouteId, Place)> = known.beside.iter().map(|(route, position)| (route, position)).filter_map(beside).collect();
    let steered: Vec<Place> = beside.iter().map(|(_, steered)| *steered).chain([place]).collect();
    let mut found = match place.at() {
        None => past_the_default(map, known),
        Some(at) => past_the_matcher(map, known, (place, at), &steered),
    };
    let followed: Vec<String> = found
        .iter()
        .filter_map(|found| if let Hindrance::HostRule { matcher, .. } = found { Some(matcher.to_string()) } else { None })
        .collect();
    for (at, matcher) in map.path_matchers.iter().enumerate().filter(|(at, _)| place.at() != Some(*at)) {
        let backends = known.met_in(&[&unsteered(matcher, at, &steered)]);
        // It is said already that everybody follows this one.
        if !backends.is_empty() && !followed.iter().any(|followed| followed == name(matcher)) {
            found.push(Hindrance::PastTheSplit { matcher: Shown::new(name(matcher)), backends });
        }
    }
    let everybody_has_a_rule = map.host_rules.iter().any(|rule| rule.hosts.iter().any(|host| host == "*"));
    if !steered.contains(&Place::Default) && !everybody_has_a_rule {
        let backends = known.met_in(&[&json!({"service": map.default_service, "action": map.default_route_action})]);
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

/// What keeps the route's users from the place in this matcher, and what in the matcher itself leads to the route's backends without it.
fn past_the_matcher(map: &UrlMap, known: Known<'_>, (place, at): (Place, usize), steered: &[Place]) -> Vec<Hindrance> {
    let matcher = &map.path_matchers[at];
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
    let mut found = Vec::new();
    if let Some(follows) = follows {
        found.push(Hindrance::NotReached { from: Shown::new(host), follows });
    } else if let Some(follows) = taken_by_another(known, place, matcher) {
        found.push(Hindrance::NotReached { from: Shown::new(&format!("{host}{}", known.path)), follows });
    }
    let mut rest = unsteered(matcher, at, steered);
    let default = if matches!(place, Place::Rule(_)) { Some(without(&mut rest, &OF_DEFAULTS)) } else { None };
    let ways = [(Some(rest), Way::Rules { matcher: Shown::new(own) }), (default, Way::MatcherDefault { matcher: Shown::new(own) })];
    for (part, way) in ways {
        let backends = part.map(|part| known.met_in(&[&part])).unwrap_or_default();
        if !backends.is_empty() {
            found.push(Hindrance::LeadsPast { way, backends });
        }
    }
    found
}

/// What takes the requests that the front door is asked with, where that is not the steered place.
fn taken_by_another(known: Known<'_>, place: Place, matcher: &Value) -> Option<Way> {
    let meant = match place {
        Place::Rule(RulePlace { kind, at, .. }) => Some((kind, at)),
        Place::Default | Place::Matcher(_) => None,
    };
    // A rule is steered for those whom it takes; who they are is not known without an address that they ask for.
    if meant.is_some() && known.host.is_none() {
        return None;
    }
    let own = Shown::new(name(matcher));
    let taker = Asked::of(known.path).taker(matcher, meant);
    match (meant, taker) {
        (meant, taker) if meant == taker => None,
        (None, _) => Some(Way::Rules { matcher: own }),
        (Some(_), None) => Some(Way::MatcherDefault { matcher: own }),
        (Some(_), Some((kind, at))) => {
            let rule: &Value = &kind.of(matcher)[at];
            Some(Way::Rule { name: Shown::new(&format!("the {} of the path matcher {own}", called(kind, rule))) })
        }
    }
}

impl Known<'_> {
    /// The route's backends that some part of the map leads to.
    fn met_in(&self, parts: &[&Value]) -> Vec<BackendId> {
        let mut links = Vec::new();
        parts.iter().for_each(|part| gather(part, &mut links));
        let met: Vec<&BackendId> = links.into_iter().filter_map(|link| self.backend(link)).collect();
        self.backends.iter().map(|(id, _)| id).filter(|id| met.contains(id)).cloned().collect()
    }

    /// Whether another route of the plan steers something of the matcher of this name.
    fn is_beside(&self, map: &UrlMap, matcher: &str) -> bool {
        let steers = |position| Place::find(map, self.url_map, position).ok().and_then(|place| place.matcher(map));
        self.beside.iter().any(|(_, position)| steers(position) == Some(matcher))
    }
}

/// Every link to a backend service, wherever it stands.
fn gather<'a>(part: &'a Value, links: &mut Vec<&'a str>) {
    match part {
        Value::Object(fields) => fields.iter().filter(|(key, _)| key.as_str() != "description").for_each(|(_, value)| gather(value, links)),
        Value::Array(items) => items.iter().for_each(|item| gather(item, links)),
        Value::String(text) if text.contains("backendServices/") => links.push(text),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A matcher without what is steered of it.
fn unsteered(matcher: &Value, at: usize, steered: &[Place]) -> Value {
    let mut left = matcher.clone();
    for place in steered.iter().filter(|place| place.at() == Some(at)) {
        match place {
            Place::Default => {}
            Place::Matcher(_) => drop(without(&mut left, &OF_DEFAULTS)),
            Place::Rule(RulePlace { kind, at, .. }) => {
                if let Some(rule) = left.get_mut(kind.key()).and_then(|rules| rules.get_mut(*at)) {
                    without(rule, &OF_RULES);
                }
            }
        }
    }
    left
}

/// Takes what says where requests go out of a part.
fn without(part: &mut Value, keys: &Keys) -> Value {
    let Value::Object(fields) = part else { return Value::Null };
    [keys.service, keys.redirect, keys.action].into_iter().filter_map(|key| fields.shift_remove(key)).collect()
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
