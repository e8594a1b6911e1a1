//! The place in a URL map where a route's split stands: found in the map, read from it, and written back into it.
//!
//! The map's own default route is a set of its fields. That of a path matcher, and each of its rules, stand in an array, which a merge patch
//! replaces whole: so all matchers go back as they came, fields that nobody here knows included, and of what is steered only its split and
//! the text with its claim are written. A claim stands where the split stands, so that routes of one map are steered each by itself; a path
//! rule has no text of its own, so its claim stands in its matcher's, under one of its paths.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    rules,
    wire::{Nothing, Patch, RouteAction, UrlMap},
};
use crate::{
    adapter::claim,
    domain::{
        claim::{Claim, Claimed},
        fault::{Fault, FaultKind},
        hindrance::Hindrance,
        position::{MapRule, Matcher, Position},
    },
};

/// What says where requests go: a default of the map or of one of its matchers, or a rule.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub service: Option<String>,
    pub redirect: Option<Value>,
    pub action: Option<RouteAction>,
    /// What people wrote where its claim stands, and that claim beside it.
    pub text: Text,
}

/// The text that bears a part's claim.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    text: String,
    /// Under which names its claim stands there, where other parts have theirs in the same text.
    names: Vec<String>,
    /// What people call the text.
    called: String,
    /// Longest that the interface takes, in bytes: it counts characters, of which there are never more.
    bytes_max: usize,
}

/// What a write changes of a part; `None` stays as it is.
#[derive(Debug)]
pub(super) struct Edit {
    pub text: Option<String>,
    /// Only one of action, service and redirect may stand there, so the other two are taken away.
    pub action: Option<RouteAction>,
}

/// A position that was found in a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Default,
    /// In the array of path matchers.
    Matcher(usize),
    Rule(RulePlace),
}

/// A rule in one of the two arrays of a path matcher, of which only one is ever there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RulePlace {
    /// In the array of path matchers.
    pub matcher: usize,
    pub kind: Kind,
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Route,
    Path,
}

/// How the fields are called that say where requests go.
#[derive(Debug)]
pub(super) struct Keys {
    pub service: &'static str,
    pub redirect: &'static str,
    pub action: &'static str,
}

pub(super) const OF_DEFAULTS: Keys = Keys { service: "defaultService", redirect: "defaultUrlRedirect", action: "defaultRouteAction" };
pub(super) const OF_RULES: Keys = Keys { service: "service", redirect: "urlRedirect", action: "routeAction" };

/// Longest description of a map or of a path matcher.
const DESCRIPTION_MAX: usize = 2048;
/// The same of a route rule, as Google's description of it says.
const RULE_DESCRIPTION_MAX: usize = 1024;

impl Text {
    pub(super) fn claimed(&self) -> Claimed {
        claim::claimed_of(&self.text, &self.names())
    }

    pub(super) fn no_room(&self) -> Option<Hindrance> {
        claim::no_room_of(&self.text, &self.names(), self.bytes_max, &self.called)
    }

    /// With this claim in it; nothing where there is no room.
    pub(super) fn beside(&self, claim: &Claim) -> Option<String> {
        self.no_room().is_none().then(|| claim::beside_of(&self.text, &self.names(), claim))
    }

    pub(super) fn called(&self) -> &str {
        &self.called
    }

    fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }
}

impl Kind {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Kind::Route => "routeRules",
            Kind::Path => "pathRules",
        }
    }

    pub(super) fn of(self, matcher: &Value) -> &[Value] {
        list(matcher, self.key())
    }
}

impl Place {
    /// # Errors
    /// [`FaultKind::NotFound`] with the names that there are, if the map of this name has no such place; [`FaultKind::Unsupported`] if it has two.
    pub(super) fn find(map: &UrlMap, url_map: &str, position: &Position) -> Result<Place, Fault> {
        match position {
            Position::Default => Ok(Place::Default),
            Position::PathMatcher { name } => named(map, url_map, name.as_str()).map(Place::Matcher),
            Position::Host { host } => led(map, url_map, host.as_str()).map(Place::Matcher),
            Position::Rule { of, rule } => {
                let matcher = match of {
                    Matcher::Name { name } => named(map, url_map, name.as_str())?,
                    Matcher::Host { host } => led(map, url_map, host.as_str())?,
                };
                ruled(&map.path_matchers[matcher], url_map, rule).map(|(kind, at)| Place::Rule(RulePlace { matcher, kind, at }))
            }
        }
    }

    /// # Errors
    /// [`FaultKind::Unreadable`] if what stands there is no part of a URL map.
    pub(super) fn read(self, map: &UrlMap, position: &Position) -> Result<Part, Fault> {
        let text = |text: &str, called: String, bytes_max| Text { text: text.to_owned(), names: Vec::new(), called, bytes_max };
        let of_matcher =
            |matcher: &Value| text(description(matcher), format!("the description of the path matcher {}", name(matcher)), DESCRIPTION_MAX);
        match self {
            Place::Default => Ok(Part {
                service: map.default_service.clone(),
                redirect: map.default_url_redirect.clone(),
                action: map.default_route_action.clone(),
                text: text(&map.description, "the description of the URL map".to_owned(), DESCRIPTION_MAX),
            }),
            Place::Matcher(at) => {
                let matcher = &map.path_matchers[at];
                part(matcher, &OF_DEFAULTS, of_matcher(matcher)).map_err(|why| unreadable(&format!("path matcher {}", name(matcher)), &why))
            }
            Place::Rule(place) => {
                let (matcher, rule) = (&map.path_matchers[place.matcher], place.rule(map));
                let text = match place.kind {
                    Kind::Route => {
                        let called = format!("the description of the {} of the path matcher {}", called(place.kind, rule), name(matcher));
                        text(description(rule), called, RULE_DESCRIPTION_MAX)
                    }
                    Kind::Path => Text { names: claimed_as(rule, position), ..of_matcher(matcher) },
                };
                part(rule, &OF_RULES, text)
                    .map_err(|why| unreadable(&format!("the {} of path matcher {}", called(place.kind, rule), name(matcher)), &why))
            }
        }
    }

    /// Where in the array of path matchers it is.
    pub(super) fn at(self) -> Option<usize> {
        match self {
            Place::Default => None,
            Place::Matcher(matcher) | Place::Rule(RulePlace { matcher, .. }) => Some(matcher),
        }
    }

    /// The name of the matcher that it is in.
    pub(super) fn matcher(self, map: &UrlMap) -> Option<&str> {
        self.at().and_then(|at| map.path_matchers.get(at)).map(name)
    }

    pub(super) fn patch(self, map: UrlMap, edit: Edit) -> Patch {
        let nothing = |there: bool| (there && edit.action.is_some()).then_some(Nothing);
        let Edit { ref text, ref action } = edit;
        if self == Place::Default {
            return Patch {
                default_service: nothing(map.default_service.is_some()),
                default_url_redirect: nothing(map.default_url_redirect.is_some()),
                description: text.clone(),
                default_route_action: action.clone(),
                ..Patch::of(map.fingerprint)
            };
        }
        let mut matchers = map.path_matchers;
        if let Some(matcher) = self.at().and_then(|at| matchers.get_mut(at)) {
            match self {
                Place::Default => {}
                Place::Matcher(_) => {
                    redirect(matcher, &OF_DEFAULTS, action.as_ref());
                    describe(matcher, text.as_deref());
                }
                Place::Rule(RulePlace { kind, at, .. }) => {
                    if let Some(rule) = matcher.get_mut(kind.key()).and_then(|rules| rules.get_mut(at)) {
                        redirect(rule, &OF_RULES, action.as_ref());
                        describe(rule, text.as_deref().filter(|_| kind == Kind::Route));
                    }
                    describe(matcher, text.as_deref().filter(|_| kind == Kind::Path));
                }
            }
        }
        Patch { path_matchers: Some(matchers), ..Patch::of(map.fingerprint) }
    }
}

impl RulePlace {
    pub(super) fn rule(self, map: &UrlMap) -> &Value {
        static NOTHING: Value = Value::Null;
        map.path_matchers.get(self.matcher).and_then(|matcher| self.kind.of(matcher).get(self.at)).unwrap_or(&NOTHING)
    }
}

fn part(holder: &Value, keys: &Keys, text: Text) -> Result<Part, serde_json::Error> {
    fn field<T: DeserializeOwned>(holder: &Value, key: &str) -> Result<Option<T>, serde_json::Error> {
        holder.get(key).map_or(Ok(None), Option::<T>::deserialize)
    }
    Ok(Part { service: field(holder, keys.service)?, redirect: field(holder, keys.redirect)?, action: field(holder, keys.action)?, text })
}

fn unreadable(what: &str, why: &serde_json::Error) -> Fault {
    Fault::new(FaultKind::Unreadable, format!("{what} can't be read: {why}"))
}

/// Sends everything that comes to a part of the map to what the action says, and nowhere else.
fn redirect(part: &mut Value, keys: &Keys, action: Option<&RouteAction>) {
    if let (Some(action), Value::Object(part)) = (action, part) {
        part.shift_remove(keys.service);
        part.shift_remove(keys.redirect);
        part.insert(keys.action.to_owned(), json!(action));
    }
}

fn describe(part: &mut Value, text: Option<&str>) {
    if let (Some(text), Value::Object(part)) = (text, part) {
        part.insert("description".to_owned(), json!(text));
    }
}

fn missing(message: String) -> Fault {
    Fault::new(FaultKind::NotFound, message)
}

/// The matcher of this name.
fn named(map: &UrlMap, url_map: &str, wanted: &str) -> Result<usize, Fault> {
    let found = map.path_matchers.iter().position(|matcher| name(matcher) == wanted);
    found.ok_or_else(|| missing(format!("URL map {url_map} has no path matcher {wanted}; {}", matchers(map))))
}

/// The matcher that the host rules lead this host to.
fn led(map: &UrlMap, url_map: &str, host: &str) -> Result<usize, Fault> {
    let rule = rules::followed(&map.host_rules, host).ok_or_else(|| {
        missing(format!("URL map {url_map} has no host rule for {host}, whose users follow its default route; {}", hosts(map)))
    })?;
    let led = &rule.path_matcher;
    let found = map.path_matchers.iter().position(|matcher| name(matcher) == led);
    found.ok_or_else(|| missing(format!("the host rule for {host} in URL map {url_map} leads to {led}; {}", matchers(map))))
}

fn ruled(matcher: &Value, url_map: &str, rule: &MapRule) -> Result<(Kind, usize), Fault> {
    let is_it = |found: &Value| match rule {
        MapRule::Route { priority } => found.get("priority").and_then(Value::as_u64) == Some(u64::from(*priority)),
        MapRule::Path { path } => paths(found).any(|known| known == path.as_str()),
    };
    let kind = match rule {
        MapRule::Route { .. } => Kind::Route,
        MapRule::Path { .. } => Kind::Path,
    };
    let mut found = kind.of(matcher).iter().enumerate().filter(|(_, rule)| is_it(rule)).map(|(at, _)| at);
    match (found.next(), found.next()) {
        (Some(at), None) => Ok((kind, at)),
        (Some(_), Some(_)) => {
            let message = format!("path matcher {} in URL map {url_map} has two of {rule}, so neither is meant", name(matcher));
            Err(Fault::new(FaultKind::Unsupported, message))
        }
        (None, _) => {
            Err(missing(format!("path matcher {} in URL map {url_map} has no {rule}; {}", name(matcher), rules_of(matcher, kind))))
        }
    }
}

pub(super) fn name(matcher: &Value) -> &str {
    matcher.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn description(part: &Value) -> &str {
    part.get("description").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'a>(holder: &'a Value, key: &str) -> &'a [Value] {
    holder.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn paths(rule: &Value) -> impl Iterator<Item = &str> {
    list(rule, "paths").iter().filter_map(Value::as_str)
}

/// The paths of a rule, the one that the plan knows it by first.
fn claimed_as(rule: &Value, position: &Position) -> Vec<String> {
    let planned = match position {
        Position::Rule { rule: MapRule::Path { path }, .. } => Some(path.as_str()),
        Position::Rule { rule: MapRule::Route { .. }, .. } | Position::Default | Position::PathMatcher { .. } | Position::Host { .. } => {
            None
        }
    };
    let others = paths(rule).filter(|path| Some(*path) != planned);
    planned.into_iter().chain(others).map(str::to_owned).collect()
}

/// What people call a rule.
pub(super) fn called(kind: Kind, rule: &Value) -> String {
    match kind {
        Kind::Route => format!("route rule {}", rule.get("priority").and_then(Value::as_u64).unwrap_or_default()),
        Kind::Path => format!("path rule {}", paths(rule).collect::<Vec<_>>().join(", ")),
    }
}

/// The rules that there are, for whoever named another.
fn rules_of(matcher: &Value, kind: Kind) -> String {
    let all = |kind: Kind| kind.of(matcher).iter().map(|rule| called(kind, rule)).collect::<Vec<_>>().join("; ");
    let other = if kind == Kind::Route { Kind::Path } else { Kind::Route };
    match (kind.of(matcher), other.of(matcher)) {
        ([], []) => "it has no rules".to_owned(),
        ([], _) => format!("it has {}", all(other)),
        (_, _) => format!("it has {}", all(kind)),
    }
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
