//! How the project is set up: what of it is not as a flight needs it.

use super::Leg;
use crate::sim::faults::{
    Api,
    setup::{Flaw, Page, Setup},
};

/// Everything about the project that somebody would have to mend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project(Vec<Setup>);

/// Why an API answers nobody of this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is not enabled.
    Disabled,
    /// It does not know the token.
    SignedOut,
    /// Too much was asked.
    QuotaUsedUp,
}

impl Project {
    /// Sets up one more thing. Of a leg's page there is one.
    pub fn set(&mut self, setup: Setup) {
        if let Setup::Page { leg, .. } = &setup {
            self.0.retain(|known| !matches!(known, Setup::Page { leg: other, .. } if other == leg));
        }
        if !self.0.contains(&setup) {
            self.0.push(setup);
        }
    }

    /// Whether the product's account lacks a permission.
    #[must_use]
    pub fn lacks(&self, wanted: &str) -> bool {
        let is_missing = |setup: &Setup| match setup {
            Setup::Lacks { permission } => permission == wanted,
            Setup::Holds { permissions } => permissions.iter().all(|held| held != wanted),
            Setup::Disabled { .. } | Setup::SignedOut { .. } | Setup::QuotaUsedUp { .. } | Setup::Service { .. } | Setup::Page { .. } => {
                false
            }
        };
        self.0.iter().any(is_missing)
    }

    /// Why an API refuses every call, if it does.
    #[must_use]
    pub fn refuses(&self, wanted: Api) -> Option<Refused> {
        let concerns = |api: &Api| *api == wanted || *api == Api::Every;
        self.0.iter().find_map(|setup| match setup {
            Setup::Disabled { api } if concerns(api) => Some(Refused::Disabled),
            Setup::SignedOut { api } if concerns(api) => Some(Refused::SignedOut),
            Setup::QuotaUsedUp { api } if concerns(api) => Some(Refused::QuotaUsedUp),
            Setup::Disabled { .. }
            | Setup::SignedOut { .. }
            | Setup::QuotaUsedUp { .. }
            | Setup::Lacks { .. }
            | Setup::Holds { .. }
            | Setup::Service { .. }
            | Setup::Page { .. } => None,
        })
    }

    /// Whether the backend service of a leg of the frontend has this flaw.
    #[must_use]
    pub fn has(&self, of: Leg, wanted: Flaw) -> bool {
        self.0.contains(&Setup::Service { leg: of, flaw: wanted })
    }

    /// How a leg's own address answers to a probe, if otherwise than usual.
    #[must_use]
    pub fn page(&self, of: Leg) -> Option<Page> {
        self.0.iter().find_map(|setup| if let Setup::Page { leg, page } = setup { (*leg == of).then_some(*page) } else { None })
    }
}
