//! Which part of a URL map decides for a request: by its host a path matcher, within that by its path and what else it carries a rule, else
//! the default.
//!
//! As Google describes it: the host rule with the strongest pattern; of path rules the longest path, in whatever order they stand; of route
//! rules the first that matches, from the lowest priority number on, where any of its `matchRules` is enough and all that one says must hold.
//! Regular expressions are for other kinds of load balancers than this one, and are refused where the map is written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::url_map::{list, text};

/// A request, as far as a map tells requests apart.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its host, in lower case and without a port.
    pub host: &'a str,
    /// Its path, without a query.
    pub path: &'a str,
    /// Its query, if anything is known of it.
    pub query: Option<&'a BTreeMap<String, String>>,
    /// Its headers by their names in lower case.
    pub headers: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Request<'a> {
    /// A plain one.
    #[must_use]
    pub fn plain(host: &'a str, path: &'a str) -> Self {
        Self { method: "GET", host, path, query: None, headers: None }
    }
}

/// Whoever says nothing but a host asks for its first page.
impl<'a> From<&'a str> for Request<'a> {
    fn from(host: &'a str) -> Self {
        Self::plain(host, "/")
    }
}

/// How the fields of a part are called.
#[derive(Debug)]
pub struct Names {
    /// The one service that gets everything.
    pub service: &'static str,
    /// Where everybody is sent instead.
    pub redirect: &'static str,
    /// What holds weights.
    pub action: &'static str,
}

/// Those of a map and of a path matcher.
pub const DEFAULTS: Names = Names { service: "defaultService", redirect: "defaultUrlRedirect", action: "defaultRouteAction" };
/// Those of a rule.
pub const RULES: Names = Names { service: "service", redirect: "urlRedirect", action: "routeAction" };

/// The part of the map that decides for a request.
#[derive(Debug, Clone)]
pub struct Held<'a> {
    /// Where it stands, as a JSON pointer.
    pub place: String,
    /// The part itself.
    pub part: &'a Value,
    /// What its fields are called.
    pub names: &'static Names,
}

/// Finds it.
#[must_use]
pub fn held<'a>(document: &'a Value, request: Request<'_>) -> Held<'a> {
    let Some(at) = matcher(document, request.host) else { return Held { place: String::new(), part: document, names: &DEFAULTS } };
    let (matcher, place) = (&list(document, "pathMatchers")[at], format!("/pathMatchers/{at}"));
    let rule = |kind: &str, at: usize| Held { place: format!("{place}/{kind}/{at}"), part: &list(matcher, kind)[at], names: &RULES };
    let by_path = list(matcher, "pathRules").iter().enumerate();
    let strongest =
        |(at, rule): (usize, &Value)| paths(rule).filter_map(|path| strength(path, request.path)).max().map(|found| (found, at));
    if let Some((_, at)) = by_path.filter_map(strongest).max() {
        return rule("pathRules", at);
    }
    let mut rules: Vec<(usize, &Value)> = list(matcher, "routeRules").iter().enumerate().collect();
    rules.sort_by_key(|(_, rule)| rule.get("priority").and_then(Value::as_u64));
    let matches = |(_, rule): &(usize, &Value)| list(rule, "matchRules").iter().any(|matched| is_matched(matched, request));
    match rules.into_iter().find(matches) {
        Some((at, _)) => rule("routeRules", at),
        None => Held { place, part: matcher, names: &DEFAULTS },
    }
}

/// The path matcher of a host, by its place.
fn matcher(document: &Value, host: &str) -> Option<usize> {
    // An exact pattern goes before the longest that ends alike, and every other before `*`.
    let strength = |pattern: &str| match pattern.strip_prefix('*') {
        Some(ending) => host.ends_with(ending).then_some(ending.len()),
        None => (pattern == host).then_some(usize::MAX),
    };
    let strongest = |rule: &&Value| list(rule, "hosts").iter().filter_map(Value::as_str).filter_map(strength).max();
    let rules = list(document, "hostRules").iter().filter(|rule| strongest(rule).is_some());
    let rule = rules.max_by_key(strongest)?;
    list(document, "pathMatchers").iter().position(|matcher| text(matcher, "name") == text(rule, "pathMatcher"))
}

/// The paths of a path rule.
pub(super) fn paths(rule: &Value) -> impl Iterator<Item = &str> {
    list(rule, "paths").iter().filter_map(Value::as_str)
}

fn strength(pattern: &str, path: &str) -> Option<usize> {
    match pattern.strip_suffix("/*") {
        Some(stem) => path.strip_prefix(stem).is_some_and(|rest| rest.starts_with('/')).then_some(stem.len()),
        None => (pattern == path).then_some(usize::MAX),
    }
}

fn is_matched(matched: &Value, request: Request<'_>) -> bool {
    let ignores_case = matched.get("ignoreCase").and_then(Value::as_bool) == Some(true);
    let cased = |text: &str| if ignores_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let path = cased(request.path);
    let told = |key: &str| matched.get(key).and_then(Value::as_str);
    let by_path = told("prefixMatch").is_none_or(|begins| path.starts_with(&cased(begins)))
        && told("fullPathMatch").is_none_or(|whole| path == cased(whole))
        && told("pathTemplateMatch").is_none_or(|template| is_of_template(template, request.path));
    by_path
        && list(matched, "headerMatches").iter().all(|wanted| has_header(wanted, request))
        && list(matched, "queryParameterMatches").iter().all(|wanted| has_parameter(wanted, request))
}

/// `*` and `{name}` stand for one segment, `**` and `{name=**}` for all that are left.
fn is_of_template(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some("**"), _) => return true,
            (Some(segment), _) if segment.ends_with("=**}") => return true,
            (Some(segment), Some(there)) if segment == "*" || segment.starts_with('{') || segment == there => {}
            (_, _) => return false,
        }
    }
}

fn has_header(wanted: &Value, request: Request<'_>) -> bool {
    let name = text(wanted, "headerName").to_ascii_lowercase();
    let value = match name.as_str() {
        ":method" => Some(request.method),
        ":authority" => Some(request.host),
        name => request.headers.and_then(|headers| headers.get(name)).map(String::as_str),
    };
    let told = |key: &str| wanted.get(key).and_then(Value::as_str);
    let bound = |key: &str| wanted["rangeMatch"].get(key).and_then(|bound| bound.as_i64().or_else(|| bound.as_str()?.parse().ok()));
    let is_met = value.is_some_and(|value| {
        let in_range = || {
            let number: Option<i64> = value.parse().ok();
            number.zip(bound("rangeStart").zip(bound("rangeEnd"))).is_some_and(|(number, (from, to))| (from..to).contains(&number))
        };
        told("exactMatch").is_none_or(|exact| value == exact)
            && told("prefixMatch").is_none_or(|begins| value.starts_with(begins))
            && told("suffixMatch").is_none_or(|ends| value.ends_with(ends))
            && (wanted.get("rangeMatch").is_none_or(Value::is_null) || in_range())
    });
    is_met != (wanted.get("invertMatch").and_then(Value::as_bool) == Some(true))
}

fn has_parameter(wanted: &Value, request: Request<'_>) -> bool {
    let value = request.query.and_then(|query| query.get(text(wanted, "name")));
    value.is_some_and(|value| wanted.get("exactMatch").and_then(Value::as_str).is_none_or(|exact| value == exact))
}

/// What is wrong with the rules of a path matcher.
pub(super) fn problems(matcher: &Value, found: &mut Vec<String>) {
    let (place, by_path, by_route) = (text(matcher, "name"), list(matcher, "pathRules"), list(matcher, "routeRules"));
    if !by_path.is_empty() && !by_route.is_empty() {
        found.push(format!("pathMatcher '{place}' must not have both pathRules and routeRules."));
    }
    let all: Vec<&str> = by_path.iter().flat_map(paths).collect();
    for (at, path) in all.iter().enumerate() {
        let stem = path.strip_suffix("/*").unwrap_or(path);
        if !path.starts_with('/') || stem.contains(['*', '?', '#']) {
            found.push(format!(
                "Invalid path '{path}' in pathMatcher '{place}': a path must start with / and have a * only at its end after a /."
            ));
        }
        if all[..at].contains(path) {
            found.push(format!("Path '{path}' appears more than once in pathMatcher '{place}'."));
        }
    }
    let mut priorities = Vec::new();
    for rule in by_route {
        match rule.get("priority").and_then(Value::as_u64).filter(|priority| *priority <= 2_147_483_647) {
            None => found.push(format!("A routeRule of pathMatcher '{place}' has no priority from 0 to 2147483647.")),
            Some(priority) if priorities.contains(&priority) => {
                found.push(format!("Two routeRules of pathMatcher '{place}' have the priority {priority}."));
            }
            Some(priority) => priorities.push(priority),
        }
        if text(rule, "description").chars().count() > RULE_DESCRIPTION_MAX {
            found.push(format!(
                "The description of a routeRule of pathMatcher '{place}' must be at most {RULE_DESCRIPTION_MAX} characters."
            ));
        }
        for matched in list(rule, "matchRules") {
            let ways = ["prefixMatch", "fullPathMatch", "pathTemplateMatch", "regexMatch"];
            if ways.iter().filter(|way| matched.get(**way).is_some_and(|value| !value.is_null())).count() != 1 {
                found.push(format!("A matchRule of pathMatcher '{place}' must have one of {}.", ways.join(", ")));
            }
        }
    }
    // Only other kinds of load balancers have them.
    if by_route.iter().any(|rule| list(rule, "matchRules").iter().any(|matched| matched.to_string().contains("\"regexMatch\":"))) {
        found.push(format!("regexMatch in pathMatcher '{place}' is not supported for a global URL map with the scheme EXTERNAL_MANAGED."));
    }
}

/// Longest description of a route rule, in characters.
const RULE_DESCRIPTION_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(rules: &Value) -> Value {
        let mut matcher = json!({"name": "m", "defaultService": "global/backendServices/docs"});
        matcher.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        json!({"hostRules": [{"hosts": ["*"], "pathMatcher": "m"}], "pathMatchers": [matcher]})
    }

    #[test]
    fn the_lowest_priority_that_matches_decides_by_path_header_and_query() {
        let rules = json!({"routeRules": [
            {"priority": 9, "matchRules": [{"prefixMatch": "/"}]},
            {"priority": 1, "matchRules": [{"prefixMatch": "/", "headerMatches": [{"headerName": "X-Canary", "exactMatch": "1"}]}]},
            {"priority": 3, "matchRules": [{"fullPathMatch": "/Cart", "ignoreCase": true}, {"pathTemplateMatch": "/pay/{id}/done"}]},
            {"priority": 5, "matchRules": [{"prefixMatch": "/", "queryParameterMatches": [{"name": "v", "exactMatch": "2"}]}]}]});
        let document = document(&rules);
        let (headers, query) =
            (BTreeMap::from([("x-canary".to_owned(), "1".to_owned())]), BTreeMap::from([("v".to_owned(), "2".to_owned())]));
        let place = |request: Request<'_>| held(&document, request).place.rsplit('/').next().unwrap().to_owned();
        let plain = |path| place(Request::plain("a.b", path));
        assert_eq!(["/", "/cart", "/carts", "/pay/7/done", "/pay/7"].map(plain), ["0", "2", "0", "2", "0"]);
        let asked = Request { headers: Some(&headers), query: Some(&query), ..Request::plain("a.b", "/cart") };
        assert_eq!(
            (place(asked), place(Request { headers: None, ..asked }), place(Request { headers: None, path: "/x", ..asked })),
            ("1".into(), "2".into(), "3".into())
        );
    }

    #[test]
    fn the_longest_path_decides_and_a_star_is_what_is_below() {
        let document = document(&json!({"pathRules": [{"paths": ["/a/*"]}, {"paths": ["/a/b/*", "/a"]}, {"paths": ["/a/b/c"]}]}));
        let place = |path| held(&document, Request::plain("a.b", path)).place;
        let rule = |at: usize| format!("/pathMatchers/0/pathRules/{at}");
        assert_eq!(["/a/x", "/a/b/x", "/a", "/a/b/c"].map(place), [0, 1, 1, 2].map(rule));
        assert_eq!(["/ab", "/"].map(place), ["/pathMatchers/0"; 2]);
    }

    #[test]
    fn rules_that_the_interface_does_not_take_are_told() {
        let told = |rules: &Value| {
            let mut found = Vec::new();
            problems(&list(&document(rules), "pathMatchers")[0], &mut found);
            found.len()
        };
        let rule = |priority: u64, matched: Value| json!({"priority": priority, "matchRules": [matched], "service": "s"});
        assert_eq!(told(&json!({"routeRules": [rule(1, json!({"prefixMatch": "/"})), rule(2, json!({"prefixMatch": "/"}))]})), 0);
        assert_eq!(
            told(
                &json!({"routeRules": [rule(1, json!({"prefixMatch": "/"})), rule(1, json!({"prefixMatch": "/", "fullPathMatch": "/"}))]})
            ),
            2
        );
        assert_eq!(told(&json!({"routeRules": [rule(1, json!({"regexMatch": "/.*"}))]})), 1);
        assert_eq!(told(&json!({"pathRules": [{"paths": ["/a*", "/b", "c"]}, {"paths": ["/b"]}]})), 3);
    }
}
