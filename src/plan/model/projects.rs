//! Whose the things are that a plan names: with a shared VPC, a load balancer's front end is often one project's, and what it leads to another's.

use crate::{
    domain::shown::Shown,
    plan::model::{Backend, Driver, MapPart, Plan, Route},
};

impl Plan {
    /// Whose a URL map is.
    pub fn project_of_map<'a>(&'a self, part: &'a MapPart) -> &'a Shown {
        part.project.as_ref().unwrap_or(&self.project)
    }

    /// Whether both are parts of one object.
    pub fn is_one_map(&self, one: &MapPart, other: &MapPart) -> bool {
        let is_one = (&one.region, &one.url_map) == (&other.region, &other.url_map);
        is_one && self.project_of_map(one) == self.project_of_map(other)
    }

    /// Whose a backend's backend service is, and its Cloud Run service.
    pub fn project_of<'a>(&'a self, backend: &'a Backend) -> &'a Shown {
        backend.project.as_ref().unwrap_or(&self.project)
    }
}

impl Route {
    /// Says of nothing whose it is that is this project's own, the plan's.
    pub(in crate::plan) fn of_project(&mut self, own: &Shown) {
        let projects = self.backends.iter_mut().map(|backend| &mut backend.project);
        let of_map = if let Driver::UrlMap(part) = &mut self.driver { Some(&mut part.project) } else { None };
        projects.chain(of_map).filter(|project| project.as_ref() == Some(own)).for_each(|project| *project = None);
    }

    /// Where a backend is another project's, the map says whose it is itself: a program that knows of no other project can't read that, and
    /// would take the backend for its namesake in the plan's.
    pub(in crate::plan) fn tell_projects(&mut self, own: &Shown) {
        let is_shared = self.backends.iter().any(|backend| backend.project.is_some());
        if let Driver::UrlMap(part) = &mut self.driver
            && is_shared
        {
            part.project.get_or_insert_with(|| own.clone());
        }
    }
}
