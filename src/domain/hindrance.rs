//! What stands between a route's weights and its users: why an advance would be wrong, or why going home would not bring them home.
//!
//! A driver reports what it can't set right by its own write. Which of it bars the way home depends on where home is, so that question
//! is answered here and asked with the route's home. Every hindrance bars an advance.

use serde::{Deserialize, Serialize};

use crate::domain::{
    id::{BackendId, RouteId},
    shown::Shown,
    weight::PerMille,
};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hindrance {
    /// A backend service or revision that the plan does not name has a share; `name` is the vendor's name of it.
    Stranger { backend: BackendId, name: Shown, share: PerMille },
    /// The split has entries, and none of them has a weight above nothing.
    AllZero,
    /// Everything goes to the one default service; there are no weights to move.
    NoSplit { service: Shown },
    /// Users are redirected away.
    Redirect { to: Shown },
    /// One of the plan's backends has no entry in the split, so nothing marks its answers.
    NoEntry { backend: BackendId, name: Shown },
    /// The split makes this backend's answers say another name, so that requests don't show whom they met.
    FalseMark { backend: BackendId, says: Shown },
    /// Users of the route's host follow a path matcher of its own, and not the split that is steered.
    HostRule { host: Shown, matcher: Shown },
    /// Users of other hosts or paths meet these backends past the split that is steered.
    PastTheSplit { matcher: Shown, backends: Vec<BackendId> },
    /// Users who ask for this address follow something else of the URL map than the place in it that is steered.
    NotReached { from: Shown, follows: Way },
    /// The same as [`Hindrance::PastTheSplit`] of another part of the URL map than a path matcher's own default.
    LeadsPast { way: Way, backends: Vec<BackendId> },
    /// Another route of the plan steers the same place of the same URL map.
    SteeredTwice { route: RouteId },
    /// The load balancer is of a kind that knows no weights.
    ClassicLoadBalancer { service: Shown, scheme: Shown },
    /// The revision of this backend does not exist.
    RevisionGone { backend: BackendId, name: Shown },
    /// The revision of this backend exists and can't serve.
    RevisionNotReady { backend: BackendId, name: Shown, why: Shown },
    /// The service itself, or the gateway that is to follow an HTTPRoute, says that it could not do what it was told.
    Failing { why: Shown },
    /// We may not write. `why` is the API's own word, where a write was refused.
    Forbidden { permission: Shown, why: Option<Shown> },
    /// A policy refused the newest write, whoever would have asked for it; `why` is its own word.
    Denied { why: Shown },
    /// What people wrote on the object, in `place`, leaves no room for the line that says who steers it; so many bytes are too many.
    NoRoom { place: Shown, beyond: u32 },
    /// Somebody else declares what the object holds, and puts his own weights back whenever he applies it again; by the name under which he writes.
    Managed { by: Shown },
    /// The rule that the plan means is gone or leads elsewhere; `found` is the only one that leads to its backends, and is what is steered.
    RuleMoved { meant: Shown, found: Shown },
}

/// What requests follow: a part of a URL map, or of what an HTTPRoute says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    DefaultRoute,
    PathMatcher {
        name: Shown,
    },
    /// The rules of a path matcher, which go before its default.
    Rules {
        matcher: Shown,
    },
    /// The default route of a path matcher, which takes what none of its rules does.
    MatcherDefault {
        matcher: Shown,
    },
    /// Another rule of the same HTTPRoute or path matcher than the one that is steered, in full.
    Rule {
        name: Shown,
    },
    /// Something else than the HTTPRoute that is steered, which is not for that host.
    AnotherRoute,
}

impl Hindrance {
    /// The same thing in the same place, whatever its figures and words are by now.
    pub fn is_like(&self, other: &Hindrance) -> bool {
        match (self, other) {
            (Hindrance::Stranger { backend: one, .. }, Hindrance::Stranger { backend: two, .. })
            | (Hindrance::RevisionNotReady { backend: one, .. }, Hindrance::RevisionNotReady { backend: two, .. }) => one == two,
            (Hindrance::Forbidden { permission: one, .. }, Hindrance::Forbidden { permission: two, .. }) => one == two,
            (Hindrance::Failing { .. }, Hindrance::Failing { .. })
            | (Hindrance::Denied { .. }, Hindrance::Denied { .. })
            | (Hindrance::NoRoom { .. }, Hindrance::NoRoom { .. })
            | (Hindrance::RuleMoved { .. }, Hindrance::RuleMoved { .. }) => true,
            (one, two) => one == two,
        }
    }

    /// Whether the route's users follow something else than its split, so that no weight tells where they are.
    pub fn leads_past(&self, home: &BackendId) -> bool {
        match self {
            Hindrance::HostRule { .. } | Hindrance::NotReached { .. } => true,
            Hindrance::PastTheSplit { backends, .. } | Hindrance::LeadsPast { backends, .. } => {
                backends.iter().any(|backend| backend != home)
            }
            Hindrance::Stranger { .. }
            | Hindrance::AllZero
            | Hindrance::NoSplit { .. }
            | Hindrance::Redirect { .. }
            | Hindrance::NoEntry { .. }
            | Hindrance::FalseMark { .. }
            | Hindrance::SteeredTwice { .. }
            | Hindrance::ClassicLoadBalancer { .. }
            | Hindrance::RevisionGone { .. }
            | Hindrance::RevisionNotReady { .. }
            | Hindrance::Failing { .. }
            | Hindrance::Forbidden { .. }
            | Hindrance::Denied { .. }
            | Hindrance::NoRoom { .. }
            | Hindrance::Managed { .. }
            | Hindrance::RuleMoved { .. } => false,
        }
    }

    /// Whether a rollback to `home` would not happen, or would not bring users home.
    pub fn bars_home(&self, home: &BackendId) -> bool {
        match self {
            Hindrance::HostRule { .. }
            | Hindrance::NotReached { .. }
            | Hindrance::ClassicLoadBalancer { .. }
            | Hindrance::Forbidden { .. }
            | Hindrance::Denied { .. } => true,
            Hindrance::PastTheSplit { backends, .. } | Hindrance::LeadsPast { backends, .. } => backends.iter().any(|backend| backend != home),
            Hindrance::RevisionGone { backend, .. } | Hindrance::RevisionNotReady { backend, .. } => backend == home,
            // A write sets the whole split, and these with it.
            Hindrance::Stranger { .. }
            | Hindrance::AllZero
            | Hindrance::NoSplit { .. }
            | Hindrance::Redirect { .. }
            | Hindrance::NoEntry { .. }
            | Hindrance::FalseMark { .. }
            | Hindrance::Failing { .. }
            | Hindrance::SteeredTwice { .. }
            // The way home goes without one, asks nobody who else declares what, and follows the rule that leads to the backends.
            | Hindrance::NoRoom { .. }
            | Hindrance::Managed { .. }
            | Hindrance::RuleMoved { .. } => false,
        }
    }

    /// Whether an advance away from `home` would be wrong. Other hosts that always meet home are no business of this route.
    pub fn bars_advance(&self, home: &BackendId) -> bool {
        match self {
            Hindrance::PastTheSplit { .. } | Hindrance::LeadsPast { .. } => self.bars_home(home),
            Hindrance::Stranger { .. }
            | Hindrance::AllZero
            | Hindrance::NoSplit { .. }
            | Hindrance::Redirect { .. }
            | Hindrance::NoEntry { .. }
            | Hindrance::FalseMark { .. }
            | Hindrance::HostRule { .. }
            | Hindrance::NotReached { .. }
            | Hindrance::SteeredTwice { .. }
            | Hindrance::ClassicLoadBalancer { .. }
            | Hindrance::RevisionGone { .. }
            | Hindrance::RevisionNotReady { .. }
            | Hindrance::Failing { .. }
            | Hindrance::Forbidden { .. }
            | Hindrance::Denied { .. }
            | Hindrance::NoRoom { .. }
            | Hindrance::Managed { .. }
            | Hindrance::RuleMoved { .. } => true,
        }
    }

    /// Whether nobody's claim could be written.
    pub fn bars_claim(&self) -> bool {
        match self {
            Hindrance::NoRoom { .. } | Hindrance::Forbidden { .. } | Hindrance::Denied { .. } => true,
            Hindrance::Stranger { .. }
            | Hindrance::AllZero
            | Hindrance::NoSplit { .. }
            | Hindrance::Redirect { .. }
            | Hindrance::NoEntry { .. }
            | Hindrance::FalseMark { .. }
            | Hindrance::HostRule { .. }
            | Hindrance::PastTheSplit { .. }
            | Hindrance::NotReached { .. }
            | Hindrance::LeadsPast { .. }
            | Hindrance::SteeredTwice { .. }
            | Hindrance::ClassicLoadBalancer { .. }
            | Hindrance::RevisionGone { .. }
            | Hindrance::RevisionNotReady { .. }
            | Hindrance::Failing { .. }
            | Hindrance::Managed { .. }
            | Hindrance::RuleMoved { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_write_sets_right_bars_an_advance_and_not_the_way_home() {
        let home: BackendId = "run".parse().unwrap();
        let stranger = Hindrance::Stranger { backend: "hotfix".parse().unwrap(), name: "hotfix".into(), share: PerMille::ALL };
        assert!(stranger.bars_advance(&home) && !stranger.bars_home(&home));
        let gone = |id: &str| Hindrance::RevisionGone { backend: id.parse().unwrap(), name: "r".into() };
        assert!(gone("run").bars_home(&home) && !gone("gke").bars_home(&home) && gone("gke").bars_advance(&home));
        let past = |id: &str| Hindrance::PastTheSplit { matcher: "admin".into(), backends: vec![id.parse().unwrap()] };
        assert!(!past("run").bars_advance(&home) && past("gke").bars_home(&home));
        let leads = |id: &str| Hindrance::LeadsPast { way: Way::DefaultRoute, backends: vec![id.parse().unwrap()] };
        assert!(!leads("run").bars_advance(&home) && leads("gke").bars_home(&home) && leads("gke").leads_past(&home));
        let unmet = Hindrance::NotReached { from: "a.b".into(), follows: Way::Rules { matcher: "m".into() } };
        assert!(unmet.bars_advance(&home) && unmet.bars_home(&home) && unmet.leads_past(&home));
        let twice = Hindrance::SteeredTwice { route: "shop".parse().unwrap() };
        assert!(twice.bars_advance(&home) && !twice.bars_home(&home));
    }
}
