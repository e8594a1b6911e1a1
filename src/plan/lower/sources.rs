//! Servers that are asked for figures, by the names that the plan gives them.

use std::collections::BTreeMap;

use strum::EnumCount;

use crate::{
    domain::{shown::Shown, suggest, time::Millis, universe::Universe},
    plan::{
        document::Value,
        lower::{address, name, span_within},
        model::readings::{Auth, Server, Source},
        reader::{self, At, Fields, Problems},
        units,
    },
};

const KEYS: &[&str] = &["prometheus", "project", "auth", "scrape_interval", "delay"];
const AUTHS: &[(&str, Auth); Auth::COUNT] = &[("none", Auth::None), ("google", Auth::Google), ("bearer", Auth::Bearer)];
/// The word that stands for Google's own server.
const GOOGLE: &str = "google";
const INTERVAL_MOST: Millis = Millis::from_mins(4);
/// Prometheus finds a series' newest sample if that is no older than five minutes; half a minute is left for what comes late.
const LATENESS_MOST: Millis = Millis::from_secs(270);

/// Where Google's own servers are, of which a source may be one.
pub(super) struct Home<'a> {
    /// Whose metrics are asked if nothing is said.
    pub project: Option<&'a Shown>,
    pub universe: Universe,
}

/// Every source by its name; `None` for one that has a mistake of its own, so that who refers to it is not called wrong for it.
pub(super) fn sources<'a>(problems: &mut Problems, at: &At<'a>, home: &Home<'_>) -> BTreeMap<&'a str, Option<Source>> {
    let mut found = BTreeMap::new();
    let Value::Map(entries) = &at.node.value else {
        let message = format!("expected a mapping of names, found {}", at.node.value.kind());
        problems.at(at, message).allowed("`NAME: { prometheus: https://… }` for each source").error();
        return found;
    };
    for entry in entries {
        let at = At { node: &entry.value, path: reader::join(&at.path, &entry.key) };
        let name = &entry.key;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') && name.len() <= 63;
        if !plain {
            problems.at(&at, format!("`{name}` is no name for a source")).allowed("small letters, digits and hyphens").error();
        }
        if found.contains_key(name.as_str()) {
            problems.at(&at, format!("another source has the name `{name}` already")).allowed("a name of its own for each source").error();
        }
        let source = source(problems, name, at, home);
        found.insert(name.as_str(), source.filter(|_| plain));
    }
    found
}

/// Says at its own place that nobody asks a source.
pub(super) fn remark_on_unused(problems: &mut Problems, at: &At<'_>, unused: &[&str]) {
    let Value::Map(entries) = &at.node.value else { return };
    for entry in entries.iter().filter(|entry| unused.contains(&entry.key.as_str())) {
        let at = At { node: &entry.value, path: reader::join(&at.path, &entry.key) };
        let message = format!("no backend asks the source `{}`", entry.key);
        problems.at(&at, message).help("remove it, or name it in the `readings` of a backend").warning();
    }
}

fn source(problems: &mut Problems, name: &str, at: At<'_>, home: &Home<'_>) -> Option<Source> {
    let fields = Fields::open(problems, at, KEYS)?;
    let server = fields.required(problems, "prometheus", "https://prometheus.example.com");
    let server = server.and_then(|at| server_at(problems, &fields, &at, home));
    let interval_at = fields.required(problems, "scrape_interval", "15s");
    let scrape_interval = interval_at.as_ref().and_then(|at| span_within(problems, at, Millis::from_secs(1), INTERVAL_MOST));
    let delay = match fields.optional(problems, "delay") {
        Some(at) => delay(problems, &at),
        None => Some(Millis(0)),
    };
    if let (Some(interval), Some(delay)) = (scrape_interval, delay)
        && interval.0 + delay.0 > LATENESS_MOST.0
    {
        let late = Millis(interval.0 + delay.0);
        let message =
            format!("a sample would get {late} old before the next one is known, and no server finds one older than five minutes");
        problems.at(fields.at(), message).allowed(format!("`scrape_interval` and `delay` of {LATENESS_MOST} in all")).error();
        return None;
    }
    Some(Source { name: Shown::new(name), server: server?, scrape_interval: scrape_interval?, delay: delay? })
}

/// What a source shows at once has none.
fn delay(problems: &mut Problems, at: &At<'_>) -> Option<Millis> {
    let delay = reader::quantity(problems, at, units::SPAN_ALLOWED, units::span_or_none)?;
    if delay > LATENESS_MOST {
        problems.at(at, format!("{delay} is out of bounds")).allowed(format!("from 0s to {LATENESS_MOST}")).error();
        return None;
    }
    Some(delay)
}

fn server_at(problems: &mut Problems, fields: &Fields<'_>, at: &At<'_>, home: &Home<'_>) -> Option<Server> {
    let auth_at = fields.optional(problems, "auth");
    let auth = match &auth_at {
        Some(at) => reader::word(problems, at, AUTHS).map(Some),
        None => Some(None),
    };
    let project_at = fields.optional(problems, "project");
    let typed = reader::text(problems, at)?;
    if typed == GOOGLE {
        if let (Some(at), Some(Some(Auth::None | Auth::Bearer))) = (&auth_at, auth) {
            let message = "Google is asked with the session's own Google credentials, and with nothing else";
            problems.at(at, message).allowed("`google`").help("remove the line").error();
        }
        let project = match &project_at {
            Some(at) => name::project(problems, at),
            None => home.project.cloned(),
        };
        return Some(Server::Google { project: project? });
    }
    if let Some(at) = &project_at {
        problems.at(at, "a server with an address of its own belongs to no project").help("remove the line").error();
    }
    let url = url(problems, at, typed)?;
    let auth = auth?.unwrap_or(Auth::None);
    if let (Some(at), Auth::Google) = (&auth_at, auth)
        && !is_googles(&url, &home.universe)
    {
        let message = "a Google token opens the whole project, and is sent to Google alone";
        problems.at(at, message).allowed("none, bearer").help("use `auth: bearer`, or `prometheus: google`").error();
        return None;
    }
    Some(Server::Prometheus { url, auth })
}

fn url(problems: &mut Problems, at: &At<'_>, typed: &str) -> Option<Shown> {
    if !typed.contains("://") && suggest::closest(typed, [GOOGLE]).is_some() {
        let allowed = "`google`, or https://host[:port]";
        problems.at(at, format!("`{typed}` is neither an address nor Google")).allowed(allowed).help("did you mean `google`?").error();
        return None;
    }
    let url = address(problems, at)?;
    let text = url.as_str().trim_end_matches('/');
    if let Some((base, _)) = text.split_once("/api/v1") {
        let message = "the address goes too far: what stands behind `/api/v1` is added when it is asked";
        problems.at(at, message).help(format!("did you mean `{base}`?")).error();
        return None;
    }
    if let Some(base) = text.strip_suffix("/metrics") {
        let message = "this is a page of counters, which Prometheus reads; here stands the address of Prometheus itself";
        let help = format!("did you mean `{base}`? a page is read by `metrics: {text}` of its backend");
        problems.at(at, message).help(help).error();
        return None;
    }
    Some(url)
}

fn is_googles(url: &Shown, universe: &Universe) -> bool {
    let host = url.as_str().strip_prefix("https://").unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    universe.has(host)
}
