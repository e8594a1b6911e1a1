//! The place in a URL map where a route's split stands: found in the map, read from it, and written back into it.
//!
//! The map's own default route is a set of its fields. That of a path matcher stands in an array, which a merge patch replaces whole: so
//! all matchers go back as they came, fields that nobody here knows included, and of the one that is steered only its split and its
//! description are written. A claim stands where the split stands, so that routes of one map are steered each by itself.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    rules,
    wire::{Nothing, Patch, RouteAction, UrlMap},
};
use crate::{
    adapter::lenient,
    domain::{
        fault::{Fault, FaultKind},
        position::Position,
    },
};

/// What says where requests go that no rule takes, in a map or in one of its matchers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    /// What people wrote of it, and a session's claim beside it.
    #[serde(default, deserialize_with = "lenient")]
    pub description: String,
    pub default_service: Option<String>,
    pub default_url_redirect: Option<Value>,
    pub default_route_action: Option<RouteAction>,
}

/// What a write changes of a part; `None` stays as it is.
#[derive(Debug)]
pub(super) struct Edit {
    pub description: Option<String>,
    /// Only one of action, service and redirect may stand there, so the other two are taken away.
    pub action: Option<RouteAction>,
}

/// A position that was found in a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Default,
    /// In the array of path matchers.
    Matcher(usize),
}

impl Place {
    /// # Errors
    /// [`FaultKind::NotFound`] with the names that there are, if the map of this name has no such place.
    pub(super) fn find(map: &UrlMap, url_map: &str, position: &Position) -> Result<Place, Fault> {
        let missing = |message: String| Fault::new(FaultKind::NotFound, message);
        let at = |wanted: &str| map.path_matchers.iter().position(|matcher| name(matcher) == wanted).map(Place::Matcher);
        match position {
            Position::Default => Ok(Place::Default),
            Position::PathMatcher { name: wanted } => {
                at(wanted.as_str()).ok_or_else(|| missing(format!("URL map {url_map} has no path matcher {wanted}; {}", matchers(map))))
            }
            Position::Host { host } => {
                let rule = rules::followed(&map.host_rules, host.as_str()).ok_or_else(|| {
                    missing(format!("URL map {url_map} has no host rule for {host}, whose users follow its default route; {}", hosts(map)))
                })?;
                let led = &rule.path_matcher;
                at(led).ok_or_else(|| missing(format!("the host rule for {host} in URL map {url_map} leads to {led}; {}", matchers(map))))
            }
        }
    }

    /// # Errors
    /// [`FaultKind::Unreadable`] if what stands there is no part of a URL map.
    pub(super) fn read(self, map: &UrlMap) -> Result<Part, Fault> {
        match self {
            Place::Default => Ok(Part {
                description: map.description.clone(),
                default_service: map.default_service.clone(),
                default_url_redirect: map.default_url_redirect.clone(),
                default_route_action: map.default_route_action.clone(),
            }),
            Place::Matcher(at) => {
                map.path_matchers.get(at).map(Part::deserialize).transpose().map(Option::unwrap_or_default).map_err(|error| {
                    Fault::new(FaultKind::Unreadable, format!("path matcher {} can't be read: {error}", self.matcher(map).unwrap_or("")))
                })
            }
        }
    }

    /// The name of the matcher that it is in.
    pub(super) fn matcher(self, map: &UrlMap) -> Option<&str> {
        match self {
            Place::Default => None,
            Place::Matcher(at) => map.path_matchers.get(at).map(name),
        }
    }

    /// What people call the text that a claim stands in.
    pub(super) fn description(self, map: &UrlMap) -> String {
        match self.matcher(map) {
            None => "the description of the URL map".to_owned(),
            Some(name) => format!("the description of the path matcher {name}"),
        }
    }

    pub(super) fn patch(self, map: UrlMap, edit: Edit) -> Patch {
        let nothing = |there: bool| (there && edit.action.is_some()).then_some(Nothing);
        let Edit { ref description, ref action } = edit;
        match self {
            Place::Default => Patch {
                default_service: nothing(map.default_service.is_some()),
                default_url_redirect: nothing(map.default_url_redirect.is_some()),
                description: description.clone(),
                default_route_action: action.clone(),
                ..Patch::of(map.fingerprint)
            },
            Place::Matcher(at) => {
                let mut matchers = map.path_matchers;
                if let Some(Value::Object(matcher)) = matchers.get_mut(at) {
                    if let Some(action) = action {
                        matcher.shift_remove("defaultService");
                        matcher.shift_remove("defaultUrlRedirect");
                        matcher.insert("defaultRouteAction".to_owned(), json!(action));
                    }
                    if let Some(description) = description {
                        matcher.insert("description".to_owned(), json!(description));
                    }
                }
                Patch { path_matchers: Some(matchers), ..Patch::of(map.fingerprint) }
            }
        }
    }
}

pub(super) fn name(matcher: &Value) -> &str {
    matcher.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// The matchers that there are, for whoever named another.
fn matchers(map: &UrlMap) -> String {
    let names: Vec<&str> = map.path_matchers.iter().map(name).collect();
    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
}

/// The host rules that there are.
fn hosts(map: &UrlMap) -> String {
    let rules: Vec<String> = map.host_rules.iter().map(|rule| format!("{} (to {})", rule.hosts.join(", "), rule.path_matcher)).collect();
    if rules.is_empty() { "it has no host rules".to_owned() } else { format!("it has some for {}", rules.join("; ")) }
}
