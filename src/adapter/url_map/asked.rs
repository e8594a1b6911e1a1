//! Which rule of a path matcher takes the requests that the front door is asked with: plain ones, for one path, with no headers of their own.
//!
//! Route rules are looked at by their priority, the least number first; of path rules the longest path decides. A rule that asks for a header
//! takes none of these requests; what a pattern decides can't be told here.

use std::cmp::Reverse;

use serde_json::Value;

use super::position::{Kind, list, paths};

/// What is asked for, at whichever host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    path: &'a str,
    query: &'a str,
}

/// What becomes of these requests at one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Takes {
    None,
    Untold,
    All,
}

/// Headers that every request has, whatever anybody sets.
const OWN_HEADERS: [&str; 6] = ["host", "user-agent", "accept", "accept-encoding", "content-length", "connection"];

impl<'a> Asked<'a> {
    /// From a path with its query, if it has one.
    pub(super) fn of(path: &'a str) -> Asked<'a> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Asked { path, query }
    }

    /// The rule of the matcher that takes all of them; nothing where its default does, as far as can be told. One that may take them does
    /// where it is `meant`.
    pub(super) fn taker(self, matcher: &Value, meant: Option<(Kind, usize)>) -> Option<(Kind, usize)> {
        let takes = |kind: Kind, at: usize, takes: Takes| takes == Takes::All || takes == Takes::Untold && meant == Some((kind, at));
        let by_path = Kind::Path.of(matcher).iter().enumerate();
        let longest =
            by_path.filter_map(|(at, rule)| paths(rule).filter_map(|path| self.strength(path)).max().map(|strength| (at, strength)));
        if let Some((at, _)) = longest.max_by_key(|(at, strength)| (*strength, Reverse(*at))) {
            return Some((Kind::Path, at));
        }
        let mut rules: Vec<(usize, &Value)> = Kind::Route.of(matcher).iter().enumerate().collect();
        rules.sort_by_key(|(_, rule)| rule.get("priority").and_then(Value::as_u64));
        rules.into_iter().find(|(at, rule)| takes(Kind::Route, *at, self.by_rule(rule))).map(|(at, _)| (Kind::Route, at))
    }

    /// How strongly a pattern of a path rule takes them: one without a star before the longest.
    fn strength(self, pattern: &str) -> Option<usize> {
        match pattern.strip_suffix('*') {
            Some(begins) => self.path.starts_with(begins).then_some(begins.len()),
            None => (pattern == self.path).then_some(usize::MAX),
        }
    }

    /// Any of its matches is enough.
    fn by_rule(self, rule: &Value) -> Takes {
        list(rule, "matchRules").iter().map(|matched| self.by_match(matched)).max().unwrap_or(Takes::None)
    }

    /// All of its conditions have to hold.
    fn by_match(self, matched: &Value) -> Takes {
        let Value::Object(conditions) = matched else { return Takes::Untold };
        let ignores_case = conditions.get("ignoreCase").and_then(Value::as_bool).unwrap_or_default();
        let cased = |text: &str| if ignores_case { text.to_ascii_lowercase() } else { text.to_owned() };
        let path = cased(self.path);
        let told = |holds: bool| if holds { Takes::All } else { Takes::None };
        let one = |key: &str, value: &Value| match (key, value) {
            (_, Value::Null) | ("ignoreCase" | "description", _) => Takes::All,
            // Of no condition nothing has to hold.
            ("metadataFilters", Value::Array(filters)) if filters.is_empty() => Takes::All,
            ("prefixMatch", Value::String(begins)) => told(path.starts_with(&cased(begins))),
            ("fullPathMatch", Value::String(whole)) => told(path == cased(whole)),
            ("headerMatches", Value::Array(headers)) => headers.iter().map(by_header).min().unwrap_or(Takes::All),
            ("queryParameterMatches", Value::Array(wanted)) => {
                wanted.iter().map(|wanted| self.by_query(wanted)).min().unwrap_or(Takes::All)
            }
            (_, _) => Takes::Untold,
        };
        conditions.iter().map(|(key, value)| one(key, value)).min().unwrap_or(Takes::All)
    }

    fn by_query(self, wanted: &Value) -> Takes {
        let text = |key: &str| wanted.get(key).and_then(Value::as_str);
        let pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let found = pairs.filter(|(name, _)| Some(*name) == text("name")).map(|(_, value)| value).next_back();
        match (found, text("exactMatch"), text("regexMatch")) {
            (None, _, _) => Takes::None,
            (Some(_), _, Some(_)) => Takes::Untold,
            (Some(value), Some(exact), None) => {
                if value == exact {
                    Takes::All
                } else {
                    Takes::None
                }
            }
            (Some(_), None, None) => Takes::All,
        }
    }
}

/// Nobody who asks plainly sends it, unless everybody does.
fn by_header(wanted: &Value) -> Takes {
    let name = wanted.get("headerName").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let inverted = wanted.get("invertMatch").and_then(Value::as_bool).unwrap_or_default();
    match (name.starts_with(':') || OWN_HEADERS.contains(&name.as_str()), inverted) {
        (true, _) => Takes::Untold,
        (false, true) => Takes::All,
        (false, false) => Takes::None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taker(matcher: &Value, path: &str, meant: Option<usize>) -> Option<usize> {
        Asked::of(path).taker(matcher, meant.map(|at| (Kind::Route, at))).map(|(_, at)| at)
    }

    #[test]
    fn the_least_priority_that_takes_plain_requests_decides() {
        let matcher = json!({"routeRules": [
            {"priority": 30, "matchRules": [{"prefixMatch": "/"}]},
            {"priority": 10, "matchRules": [{"prefixMatch": "/", "headerMatches": [{"headerName": "x-canary", "exactMatch": "1"}]}]},
            {"priority": 20, "matchRules": [{"fullPathMatch": "/CART", "ignoreCase": true}, {"prefixMatch": "/cart/"}]},
            {"priority": 15, "matchRules": [{"prefixMatch": "/", "queryParameterMatches": [{"name": "v", "exactMatch": "2"}]}]},
            {"priority": 5, "matchRules": [{"pathTemplateMatch": "/pay/{id}"}]},
            {"priority": 40, "matchRules": [{"prefixMatch": "/", "metadataFilters": []}]}]});
        assert_eq!(
            ["/", "/cart", "/cart/1", "/carts", "/?v=2", "/?v=3"].map(|path| taker(&matcher, path, None)),
            [0, 2, 2, 0, 3, 0].map(Some)
        );
        assert_eq!((taker(&matcher, "/pay/7", None), taker(&matcher, "/pay/7", Some(4))), (Some(0), Some(4)), "a pattern may take it");
        let inverted = json!([{"headerName": "x-canary", "presentMatch": true, "invertMatch": true}]);
        let but = json!({"routeRules": [{"priority": 1, "matchRules": [{"prefixMatch": "/a", "headerMatches": inverted}]}]});
        assert_eq!((taker(&but, "/a", None), taker(&but, "/b", None)), (Some(0), None));
    }

    #[test]
    fn the_longest_path_decides_wherever_it_stands() {
        let matcher = json!({"pathRules": [{"paths": ["/*"]}, {"paths": ["/api/v2/*", "/api/v2"]}, {"paths": ["/api/*"]}, {"paths": ["/api/v2/me"]}]});
        assert_eq!(
            ["/x", "/api/v2", "/api/v2/x", "/api/x", "/api/v2/me"].map(|path| taker(&matcher, path, None)),
            [0, 1, 1, 2, 3].map(Some)
        );
    }
}
