//! How little of an observation has to be recorded: what the state does not know already.
//!
//! [`thin`] is asked before the entry is made, so what is recorded is what is stepped, and a fold of the record comes to the same state as one
//! of the whole would. It is exact by construction: a fact is only ever replaced by one that `whole` gives it back from.

use std::borrow::Cow;

use crate::{
    core::state::State,
    domain::{
        fact::{Fact, Known, Observation, Placed, PodsChanged},
        id::BackendId,
        platform::{Pod, Workload},
    },
};

/// The same observation, with each fact as small as `state` lets it be.
pub fn thin(state: &State, observation: Observation) -> Observation {
    let Observation { source, asked_at, stale_after, result } = observation;
    let result = result.map(|facts| facts.into_iter().map(|fact| thinned(state, fact)).collect());
    Observation { source, asked_at, stale_after, result }
}

fn thinned(state: &State, fact: Fact) -> Fact {
    let smaller = match &fact {
        Fact::Accepted(seen) => Some(Fact::Same(Known::Accepted(seen.route.clone()))),
        Fact::Workload { backend, workload } => {
            let known = known_workload(state, backend);
            known.and_then(|known| {
                if known == workload { Some(Fact::Same(Known::Workload(backend.clone()))) } else { changed(backend, known, workload) }
            })
        }
        Fact::Replication(seen) => Some(Fact::Same(Known::Replication(seen.instance.clone()))),
        Fact::Step { step, .. } => Some(Fact::Same(Known::Step(step.clone()))),
        Fact::Served(_)
        | Fact::Probed(_)
        | Fact::Measured { .. }
        | Fact::Filling { .. }
        | Fact::Happened { .. }
        | Fact::Same(_)
        | Fact::PodsChanged(_) => None,
    };
    match smaller {
        Some(smaller) if whole(state, &smaller).as_deref() == Some(&fact) => smaller,
        Some(_) | None => fact,
    }
}

/// The fact that a thin one stands for; `None` if the state doesn't know what it is said to know.
pub(super) fn whole<'a>(state: &State, fact: &'a Fact) -> Option<Cow<'a, Fact>> {
    let whole = match fact {
        Fact::Same(Known::Accepted(route)) => Fact::Accepted(state.routes.get(route)?.accepted.clone()?),
        Fact::Same(Known::Workload(backend)) => {
            Fact::Workload { backend: backend.clone(), workload: known_workload(state, backend)?.clone() }
        }
        Fact::Same(Known::Step(step)) => {
            Fact::Step { step: step.clone(), standing: state.steps.get(step)?.seen.as_ref()?.standing.clone() }
        }
        Fact::Same(Known::Replication(instance)) => Fact::Replication(state.replication.get(instance)?.now.clone()),
        Fact::PodsChanged(PodsChanged { backend, workload, gone, came }) => {
            let pods = put_together(&known_workload(state, backend)?.pods, gone, came)?;
            Fact::Workload { backend: backend.clone(), workload: Workload { pods, ..workload.clone() } }
        }
        Fact::Accepted(_)
        | Fact::Served(_)
        | Fact::Probed(_)
        | Fact::Measured { .. }
        | Fact::Filling { .. }
        | Fact::Workload { .. }
        | Fact::Happened { .. }
        | Fact::Step { .. }
        | Fact::Replication(_) => {
            return Some(Cow::Borrowed(fact));
        }
    };
    Some(Cow::Owned(whole))
}

fn known_workload<'a>(state: &'a State, backend: &BackendId) -> Option<&'a Workload> {
    state.backends.get(backend)?.workload.as_ref()
}

/// The pods that went, by where they stood, and those that came, by where they stand; `None` where all of them is no more.
fn changed(backend: &BackendId, known: &Workload, seen: &Workload) -> Option<Fact> {
    let (mut gone, mut came) = (Vec::new(), Vec::new());
    // Both lists are in the order in which the platform tells them, which a pod keeps as long as it is the same.
    let mut rest = known.pods.iter().enumerate().peekable();
    for (at, pod) in seen.pods.iter().enumerate() {
        let kept = rest.clone().find(|(_, old)| *old == pod).map(|(old, _)| old);
        match kept {
            Some(old) => {
                gone.extend(std::iter::from_fn(|| rest.next_if(|(place, _)| *place < old)).map(|(place, _)| place as u32));
                rest.next();
            }
            None => came.push(Placed { at: at as u32, pod: pod.clone() }),
        }
    }
    gone.extend(rest.map(|(place, _)| place as u32));
    let is_less = came.len() * 2 <= seen.pods.len().max(1);
    let workload = Workload { pods: Vec::new(), ..seen.clone() };
    is_less.then(|| Fact::PodsChanged(PodsChanged { backend: backend.clone(), workload, gone, came }))
}

fn put_together(known: &[Pod], gone: &[u32], came: &[Placed]) -> Option<Vec<Pod>> {
    let mut gone = gone.iter().map(|place| *place as usize).peekable();
    let stayed = known.iter().enumerate().filter(|(place, _)| gone.next_if_eq(place).is_none()).map(|(_, pod)| pod);
    let mut pods: Vec<Pod> = Vec::with_capacity(known.len() + came.len());
    let mut came = came.iter().peekable();
    for pod in stayed {
        while let Some(placed) = came.next_if(|placed| placed.at as usize == pods.len()) {
            pods.push(placed.pod.clone());
        }
        pods.push(pod.clone());
    }
    for placed in came {
        if placed.at as usize != pods.len() {
            return None;
        }
        pods.push(placed.pod.clone());
    }
    Some(pods)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        core::state::BackendState,
        domain::{
            platform::{Containers, Readiness, Scale},
            time::{Millis, Timestamp},
        },
    };

    fn backend() -> BackendId {
        "gke".parse().unwrap()
    }

    fn pod(number: u8, restarts: u32) -> Pod {
        Pod {
            name: format!("frontend-{number}").as_str().into(),
            status: "Running".into(),
            ready: Readiness::Ready,
            restarts,
            node: "node-1".into(),
            containers: Containers::default(),
            restarted_at: None,
            created_at: None,
            reason: None,
        }
    }

    fn workload(pods: Vec<Pod>) -> Workload {
        let scale = Scale::Counted { ready: pods.len() as u32, desired: 3 };
        Workload { scale, version: "1.0".into(), pods, ..Workload::default() }
    }

    fn knowing(pods: Vec<Pod>) -> State {
        let mut state = State::default();
        state.backends.insert(backend(), BackendState { workload: Some(workload(pods)), ..BackendState::default() });
        state
    }

    fn seen(fact: Fact) -> Observation {
        Observation { source: "platform/gke".parse().unwrap(), asked_at: Timestamp(1), stale_after: Millis(1), result: Ok(vec![fact]) }
    }

    fn thinned_pods(known: Vec<Pod>, pods: Vec<Pod>) -> (Fact, Fact, Option<Fact>) {
        let state = knowing(known);
        let fact = Fact::Workload { backend: backend(), workload: workload(pods) };
        let thin = thin(&state, seen(fact.clone())).result.unwrap().remove(0);
        let back = whole(&state, &thin).map(Cow::into_owned);
        (fact, thin, back)
    }

    #[test]
    fn an_unchanged_look_is_a_few_bytes_and_a_changed_pod_is_one_pod() {
        let pods: Vec<Pod> = (0..200).map(|number| pod(number, 0)).collect();
        let (_, same, _) = thinned_pods(pods.clone(), pods.clone());
        assert_eq!(serde_json::to_string(&same).unwrap(), r#"{"same":{"workload":"gke"}}"#);
        let mut other = pods.clone();
        other[7].restarts = 1;
        let (fact, one, back) = thinned_pods(pods, other);
        let Fact::PodsChanged(change) = &one else { panic!("{one:?}") };
        assert_eq!((change.gone.as_slice(), change.came.len(), back), (&[7][..], 1, Some(fact)));
    }

    proptest! {
        #[test]
        fn whatever_changes_is_given_back_exactly(
            known in proptest::collection::vec((0_u8..20, 0_u32..2), 0..20),
            pods in proptest::collection::vec((0_u8..20, 0_u32..2), 0..20),
        ) {
            let made = |list: Vec<(u8, u32)>| list.into_iter().map(|(number, restarts)| pod(number, restarts)).collect();
            let (fact, _, back) = thinned_pods(made(known), made(pods));
            prop_assert_eq!(back, Some(fact));
        }
    }
}
