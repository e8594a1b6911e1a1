//! A place in a URL map that a route steers.

use crate::{
    domain::{
        position::{MapRule, Matcher, PRIORITY_MAX, Position},
        shown::Shown,
    },
    plan::{
        lower::name,
        model::MapPart,
        reader::{self, At, Fields, Problems},
    },
};

/// What says where in a URL map a split stands.
pub(super) const PLACE_KEYS: &[&str] = &["path_matcher", "host", "route_rule", "path_rule"];
/// What says where the map itself is.
pub(super) const WHERE_KEYS: &[&str] = &["region", "project"];

pub(super) fn part(problems: &mut Problems, fields: &Fields<'_>, url_map: &At<'_>) -> Option<MapPart> {
    type Read = fn(&mut Problems, &At<'_>) -> Option<Shown>;
    let mut part = |key, read: Read| match fields.optional(problems, key) {
        Some(at) => read(problems, &at).map(Some),
        None => Some(None),
    };
    let matcher = part("path_matcher", |problems, at| name::resource(problems, at, name::PATH_MATCHER));
    let host = part("host", name::host);
    let region = part("region", name::region);
    let project = part("project", name::project);
    let rule = rule(problems, fields);
    let url_map = name::resource(problems, url_map, name::URL_MAP);
    let of = match (matcher?, host?) {
        (Some(_), Some(_)) => {
            let message = "`path_matcher` and `host` both say where in the URL map the split stands";
            let help = "keep `path_matcher` for one by its name, or `host` for the one that the map's host rules lead this host to";
            problems.at(fields.at(), message).allowed("`path_matcher` or `host`, or neither for the default route").help(help).error();
            return None;
        }
        (Some(name), None) => Some(Matcher::Name { name }),
        (None, Some(host)) => Some(Matcher::Host { host }),
        // One of them may have been meant, and then the default route is not.
        (None, None) if fields.has_unknown() || PLACE_KEYS[..2].iter().any(|key| fields.has(key)) => return None,
        (None, None) => None,
    };
    let position = match (of, rule?) {
        (Some(of), Some(rule)) => Position::Rule { of, rule },
        (Some(Matcher::Name { name }), None) => Position::PathMatcher { name },
        (Some(Matcher::Host { host }), None) => Position::Host { host },
        (None, None) => Position::Default,
        (None, Some(rule)) => {
            let message = format!("rules stand in path matchers, and nothing says which of them has the {rule}");
            let help = "add `path_matcher: NAME`, or `host: HOST` for the one that the map's host rules lead this host to";
            problems.at(fields.at(), message).allowed("`path_matcher` or `host` beside it").help(help).error();
            return None;
        }
    };
    Some(MapPart { url_map: url_map?, position, region: region?, project: project? })
}

fn rule(problems: &mut Problems, fields: &Fields<'_>) -> Option<Option<MapRule>> {
    match (fields.optional(problems, "route_rule"), fields.optional(problems, "path_rule")) {
        (Some(_), Some(at)) => {
            let message = "a path matcher has route rules or path rules, and never both";
            problems.at(&at, message).allowed("`route_rule` or `path_rule`").help("remove one of them").error();
            None
        }
        (Some(at), None) => {
            let priority = reader::count(problems, &at, 0, u64::from(PRIORITY_MAX))?;
            Some(Some(MapRule::Route { priority: u32::try_from(priority).ok()? }))
        }
        (None, Some(at)) => Some(Some(MapRule::Path { path: name::path_pattern(problems, &at)? })),
        (None, None) if PLACE_KEYS[2..].iter().any(|key| fields.has(key)) => None,
        (None, None) => Some(None),
    }
}
