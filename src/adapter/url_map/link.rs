//! Links to backend services: what they lead to, in whichever form they come.
//!
//! Compute takes and gives full URLs, paths that begin with the project, and paths within the map's own project. Two lead to one thing if
//! neither says otherwise.

use std::fmt;

/// A link taken apart; what it does not say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link<'a> {
    pub project: Option<&'a str>,
    /// Of a global one `None` within `Some`.
    region: Option<Option<&'a str>>,
    pub name: &'a str,
    /// Without its host: project, region or `global`, kind and name.
    pub resource: &'a str,
}

/// Where a backend service of the plan is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub project: &'a str,
    pub region: Option<&'a str>,
    pub name: &'a str,
}

impl<'a> Link<'a> {
    pub(super) fn of(link: &'a str) -> Link<'a> {
        let after = |word: &str| link.split('/').skip_while(|segment| *segment != word).nth(1);
        let is_global = link.split('/').any(|segment| segment == "global");
        Link {
            project: after("projects"),
            region: after("regions").map(Some).or(is_global.then_some(None)),
            name: link.rsplit('/').next().unwrap_or(link),
            resource: link.find("projects/").map_or(link, |at| &link[at..]),
        }
    }

    /// By its number, a project can't be told from another.
    pub(super) fn is_to(&self, target: Target<'_>) -> bool {
        let is_number = |project: &str| project.bytes().all(|byte| byte.is_ascii_digit());
        self.name == target.name
            && self.project.is_none_or(|project| project == target.project || is_number(project))
            && self.region.is_none_or(|region| region == target.region)
    }
}

/// As the API takes it.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { project, region, name } = self;
        match region {
            Some(region) => write!(f, "projects/{project}/regions/{region}/backendServices/{name}"),
            None => write!(f, "projects/{project}/global/backendServices/{name}"),
        }
    }
}
