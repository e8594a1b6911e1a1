//! Whose the things are that a plan names: with a shared VPC, a load balancer's front end is often one project's, and what it leads to another's.

use crate::{
    domain::shown::Shown,
    plan::model::{Backend, MapPart, Plan},
};

impl Plan {
    /// Whose a URL map is.
    pub fn project_of_map<'a>(&'a self, part: &'a MapPart) -> &'a Shown {
        part.project.as_ref().unwrap_or(&self.project)
    }

    /// Whose a backend's backend service is, and its Cloud Run service.
    pub fn project_of<'a>(&'a self, backend: &'a Backend) -> &'a Shown {
        backend.project.as_ref().unwrap_or(&self.project)
    }
}
