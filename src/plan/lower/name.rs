//! Names: those that the plan gives, each only once, and those that the cloud has given.
//!
//! Names of the cloud go into URL paths and into commands to copy, so they are held to the cloud's own grammar and can't hold anything
//! else.

use std::str::FromStr;

use crate::{
    domain::{id::IdError, shown::Shown, suggest, universe::Universe},
    plan::reader::{self, At, Problems},
};

/// The names of one kind given so far.
pub(super) struct Names {
    kind: &'static str,
    taken: Vec<String>,
}

impl Names {
    pub(super) fn new(kind: &'static str) -> Names {
        Names { kind, taken: Vec::new() }
    }

    /// Reads a name and notes when it is given for the second time.
    pub(super) fn take<T: FromStr<Err = IdError>>(&mut self, problems: &mut Problems, at: &At<'_>) -> Option<T> {
        let text = reader::text(problems, at)?;
        let id = match text.parse::<T>() {
            Ok(id) => id,
            Err(error) => {
                problems.at(at, format!("`{text}` is no name")).allowed(error.to_string()).maybe_help(slug(text)).error();
                return None;
            }
        };
        if self.taken.iter().any(|taken| taken == text) {
            let message = format!("another {} has the name `{text}` already", self.kind);
            problems.at(at, message).allowed(format!("a name of its own for each {}", self.kind)).error();
            return None;
        }
        self.taken.push(text.to_owned());
        Some(id)
    }
}

/// How the name would be written in the grammar of names.
fn slug(text: &str) -> Option<String> {
    let slug: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() || slug.len() > 63 { None } else { Some(format!("did you mean `{slug}`?")) }
}

/// A name that must be one of `known`.
pub(super) fn reference<T: FromStr<Err = IdError>>(problems: &mut Problems, at: &At<'_>, kind: &str, known: &[&str]) -> Option<T> {
    let text = reader::text(problems, at)?;
    if known.contains(&text) {
        return text.parse().ok();
    }
    let meant = suggest::closest(text, known.iter().copied()).map(|word| format!("did you mean `{word}`?"));
    let allowed = if known.is_empty() { format!("a {kind}, and the plan has none") } else { known.join(", ") };
    problems.at(at, format!("there is no {kind} named `{text}`")).allowed(allowed).maybe_help(meant).error();
    None
}

/// What the cloud allows as the name of one kind of thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grammar {
    what: &'static str,
    first: First,
    chars_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Letter,
    LetterOrDigit,
}

pub(super) const URL_MAP: Grammar = Grammar { what: "a URL map", first: First::Letter, chars_max: 63 };
pub(super) const PATH_MATCHER: Grammar = Grammar { what: "a path matcher", first: First::Letter, chars_max: 63 };
pub(super) const BACKEND_SERVICE: Grammar = Grammar { what: "a backend service", first: First::Letter, chars_max: 63 };
pub(super) const RUN_SERVICE: Grammar = Grammar { what: "a Cloud Run service", first: First::Letter, chars_max: 49 };
const RUN_REVISION: Grammar = Grammar { what: "a Cloud Run revision", first: First::Letter, chars_max: 63 };
pub(super) const CLUSTER: Grammar = Grammar { what: "a GKE cluster", first: First::Letter, chars_max: 40 };
pub(super) const MACHINE_TYPE: Grammar = Grammar { what: "a machine type", first: First::Letter, chars_max: 63 };
pub(super) const STATIC_ADDRESS: Grammar = Grammar { what: "a static address", first: First::Letter, chars_max: 63 };
pub(super) const NAMESPACE: Grammar = Grammar { what: "a namespace", first: First::LetterOrDigit, chars_max: 63 };
pub(super) const DEPLOYMENT: Grammar = Grammar { what: "a deployment", first: First::LetterOrDigit, chars_max: 63 };
pub(super) const SERVICE: Grammar = Grammar { what: "a Service or ServiceImport", first: First::Letter, chars_max: 63 };
pub(super) const HTTP_ROUTE: Grammar = Grammar { what: "an HTTPRoute", first: First::LetterOrDigit, chars_max: 253 };
pub(super) const RULE: Grammar = Grammar { what: "a rule of an HTTPRoute", first: First::LetterOrDigit, chars_max: 253 };
pub(super) const SQL_INSTANCE: Grammar = Grammar { what: "a Cloud SQL instance", first: First::Letter, chars_max: 98 };

/// A name that the cloud has given.
pub(super) fn resource(problems: &mut Problems, at: &At<'_>, grammar: Grammar) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    resource_called(problems, at, text, grammar)
}

/// The same where it is the key of what stands at `at`.
pub(super) fn resource_called(problems: &mut Problems, at: &At<'_>, text: &str, grammar: Grammar) -> Option<Shown> {
    let first_fits = match grammar.first {
        First::Letter => text.starts_with(|c: char| c.is_ascii_lowercase()),
        First::LetterOrDigit => text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()),
    };
    if first_fits && is_label(text) && text.len() <= grammar.chars_max {
        return Some(Shown::new(text));
    }
    let first = match grammar.first {
        First::Letter => "a letter",
        First::LetterOrDigit => "a letter or digit",
    };
    let allowed = format!("1 to {} of a-z 0-9 -, beginning with {first} and not ending with -", grammar.chars_max);
    problems.at(at, format!("`{text}` can't be the name of {}", grammar.what)).allowed(allowed).maybe_help(slug(text)).error();
    None
}

fn is_label(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') && !text.ends_with('-')
}

/// A revision by its own name. `LATEST` moves with every deploy and `previous` is no revision at all.
pub(super) fn revision(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let why = match text.to_ascii_lowercase().as_str() {
        "latest" => "`LATEST` is whatever was deployed last, so the split would change with every deploy",
        "previous" | "current" | "stable" => "Cloud Run knows no such word; it would look for a revision of that name",
        _ => return resource(problems, at, RUN_REVISION),
    };
    let help = "list them with `gcloud run revisions list --service SERVICE`";
    problems.at(at, why).allowed("the name of a revision, such as frontend-00042-bim").help(help).error();
    None
}

/// Longest name of a host in the domain name system.
const HOST_CHARS_MAX: usize = 253;

/// A host as users ask for it, in full.
pub(super) fn host(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let fits = |label: &str| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=63).contains(&label.len()) && label.chars().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
    };
    if text.len() <= HOST_CHARS_MAX && text.contains('.') && text.split('.').all(fits) {
        return Some(Shown::new(text));
    }
    let bare = text.to_lowercase();
    let bare = bare.split("://").last().unwrap_or_default().split(['/', ':']).next().unwrap_or_default().trim_start_matches("*.");
    let meant = (bare != text && bare.contains('.') && bare.split('.').all(fits)).then(|| format!("did you mean `{bare}`?"));
    let allowed = "one host in full and in lower case, such as api.example.com, without scheme, port, path or *";
    problems.at(at, format!("`{text}` is no host")).allowed(allowed).maybe_help(meant).error();
    None
}

/// The universe that a project is in.
pub(super) fn universe(problems: &mut Problems, at: &At<'_>) -> Option<Universe> {
    let text = reader::text(problems, at)?;
    match text.parse() {
        Ok(universe) => Some(universe),
        Err(why) => {
            problems.at(at, format!("`{text}` is the domain of no universe")).allowed(why.to_string()).error();
            None
        }
    }
}

/// Longest path of a path rule that a plan names.
const PATH_CHARS_MAX: usize = 200;

/// A path as a URL map's path rules have them: from a slash on, and a star, if any, alone behind the last one.
pub(super) fn path_pattern(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let stem = text.strip_suffix("/*").unwrap_or(text);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/._~%+,;=:@!-".contains(c);
    if text.starts_with('/') && text.len() <= PATH_CHARS_MAX && stem.chars().all(allowed) {
        return Some(Shown::new(text));
    }
    let meant = text.strip_suffix('*').filter(|stem| !stem.ends_with('/')).map(|stem| format!("did you mean `{stem}/*`?"));
    let allowed = format!("at most {PATH_CHARS_MAX} characters, beginning with /, and a * only at the end, behind a /");
    problems.at(at, format!("`{text}` is no path of a path rule")).allowed(allowed).maybe_help(meant).error();
    None
}

pub(super) fn project(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    if (6..=30).contains(&text.len()) && is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some(Shown::new(text));
    }
    let allowed = "a project id: 6 to 30 of a-z 0-9 -, beginning with a letter and not ending with -";
    problems.at(at, format!("`{text}` is no project id")).allowed(allowed).maybe_help(slug(text)).error();
    None
}

/// Where a cluster is: a region, or a zone of one.
pub(super) fn location(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let of_zone = text.rsplit_once('-').filter(|(_, zone)| zone.len() == 1 && zone.chars().all(|c| c.is_ascii_lowercase()));
    let region = of_zone.map_or(text, |(region, _)| region);
    if is_region(region) {
        return Some(Shown::new(text));
    }
    problems.at(at, format!("`{text}` is neither a region nor a zone")).allowed("a place such as us-central1 or us-central1-a").error();
    None
}

/// A zone of the region that a cluster is in.
pub(super) fn zone_of(problems: &mut Problems, at: &At<'_>, region: &str) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let letter = text.strip_prefix(region).and_then(|rest| rest.strip_prefix('-'));
    if letter.is_some_and(|letter| letter.len() == 1 && letter.chars().all(|c| c.is_ascii_lowercase())) {
        return Some(Shown::new(text));
    }
    let message = format!("`{text}` is no zone of {region}");
    problems.at(at, message).allowed(format!("zones such as {region}-a; `gcloud compute zones list` knows them")).error();
    None
}

/// The account pool that GKE gives a project.
pub(super) fn workload_pool(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let project = text.strip_suffix(".svc.id.goog").unwrap_or_default();
    if (6..=30).contains(&project.len()) && is_label(project) && project.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some(Shown::new(text));
    }
    problems.at(at, format!("`{text}` is no workload pool")).allowed("PROJECT.svc.id.goog, of the cluster's project").error();
    None
}

fn is_region(text: &str) -> bool {
    let place = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let parts: Vec<_> = place.split('-').collect();
    let words = parts.iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()));
    parts.len() == 2 && words && place.len() < text.len() && text.len() <= 40
}

pub(super) fn region(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    if is_region(text) {
        return Some(Shown::new(text));
    }
    let zone = text.rsplit_once('-').filter(|(_, zone)| zone.len() == 1).map(|(region, _)| format!("did you mean `{region}`?"));
    problems.at(at, format!("`{text}` is no region")).allowed("a region such as us-central1").maybe_help(zone).error();
    None
}

/// Longest name of a field manager, by Kubernetes.
const MANAGER_CHARS_MAX: usize = 128;

/// Under which name somebody writes objects of a cluster, as `managedFields` tell it.
pub(super) fn manager(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    if text.len() <= MANAGER_CHARS_MAX && text.chars().all(|c| c.is_ascii_graphic()) {
        return Some(Shown::new(text));
    }
    let allowed = format!("1 to {MANAGER_CHARS_MAX} printable signs without blanks, such as argocd-controller");
    problems.at(at, format!("`{text}` is no name of a field manager")).allowed(allowed).error();
    None
}

/// Longest name of a context; some write a whole address there.
const CONTEXT_CHARS_MAX: usize = 253;

/// The name of a context of a kubeconfig, and never the path of a file.
pub(super) fn context(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    if text.len() <= CONTEXT_CHARS_MAX && text.chars().all(|c| c.is_ascii_graphic()) {
        return Some(Shown::new(text));
    }
    let allowed = format!("1 to {CONTEXT_CHARS_MAX} printable signs without blanks, as `kubectl config get-contexts -o name` lists them");
    problems.at(at, format!("`{text}` is no name of a context")).allowed(allowed).error();
    None
}
