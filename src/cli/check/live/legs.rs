//! Whether the two legs of a route answer alike: one GET to each at the address by which the plan probes it, and what differs.
//!
//! Nothing is asked that the plan does not name, and nothing twice. Where the plan probes the legs by different paths they were asked different
//! things, and nothing is compared.

use std::collections::{BTreeMap, BTreeSet};

use color_eyre::eyre::Result;
use futures::future::join_all;
use reqwest::{Url, header::HeaderName};

use super::{Context, Found, Told, fix};
use crate::{
    adapter::preflight::{self, Answered},
    cli::{
        check::finding::{Finding, Id},
        compose::marks,
    },
    domain::{
        answer::SERVED_BY,
        id::{BackendId, RouteId},
        shown::Shown,
    },
    plan::model::{Backend, Driver, Route},
};

/// A body may be so much longer than the other before it is said: names, times and numbers are of different lengths.
const LENGTH_RATIO: f64 = 1.5;
const LENGTH_BYTES: usize = 256;
/// An answer may take so much longer than the other: one request tells little of latency.
const LATENCY_RATIO: f64 = 3.0;
const LATENCY_MS: f64 = 500.0;

/// What each leg answered; a leg that answered nothing, or that nobody asks, is not there.
pub(super) struct Legs(BTreeMap<BackendId, Answered>);

pub(super) async fn asked(ctx: Context<'_>) -> Result<Legs> {
    let backends = ctx.plan.routes.iter().flat_map(|route| &route.backends);
    let asked = join_all(backends.map(|backend| async move {
        let Some((client, url)) = ctx.composer.probed(backend)? else { return Ok(None) };
        let answered = preflight::ask(&client, &url, &HeaderName::from_static(SERVED_BY)).await;
        // Why it did not answer says the source that probes it.
        Ok(answered.ok().map(|answered| (backend.id.clone(), answered)))
    }));
    let answered: Result<Vec<_>> = asked.await.into_iter().collect();
    Ok(Legs(answered?.into_iter().flatten().collect()))
}

impl Legs {
    /// What differs between home and target of each route; `odd` answer a probe otherwise than the plan expects, which is said already.
    pub(super) fn judged(&self, ctx: Context<'_>, odd: &BTreeSet<BackendId>) -> Told {
        let mut told = Told::default();
        for route in &ctx.plan.routes {
            let (Some(home), Some(target)) = (route.backend(&route.home), route.backend(&route.target)) else { continue };
            let place = ctx.spots.backend(&target.id, "probe");
            if let Some(why) = unlike_requests(home, target) {
                told.found.push(Found::told(Finding::new(Id::ParityUnasked, object(route), why).at(place)));
                continue;
            }
            let (Some(one), Some(two)) = (self.0.get(&home.id), self.0.get(&target.id)) else { continue };
            if odd.contains(&home.id) || odd.contains(&target.id) {
                continue;
            }
            let found = differences(home, one, target, two);
            if found.is_empty() {
                let what = format!("one request to each: {} in {:.0} ms and {:.0} ms", one.status, one.took_ms, two.took_ms);
                told.well.push((object(route), what));
            }
            let found = found.into_iter().map(|(id, why)| Finding::new(id, object(route), why).at(place).mend(compare(home, target)));
            told.found.extend(found.map(Found::told));
        }
        told
    }

    /// Whether each backend's answers say that it gave them: `entries` is what each route's entries in its URL map add.
    pub(super) fn marks(&self, ctx: Context<'_>, entries: &BTreeMap<RouteId, BTreeMap<BackendId, Option<Shown>>>) -> Told {
        let mut told = Told::default();
        for route in &ctx.plan.routes {
            let (Driver::UrlMap(part), Some(entries)) = (&route.driver, entries.get(&route.id)) else { continue };
            let known = marks(route);
            let mut said = Vec::new();
            for backend in &route.backends {
                let Some(entry) = entries.get(&backend.id) else { continue };
                let answered = || self.0.get(&backend.id).and_then(|answered| answered.mark.clone());
                let mark = entry.clone().or_else(answered);
                let place = ctx.spots.backend(&backend.id, "backend_service");
                let finding = |id, why: String| {
                    let edit = fix::edit_map(part, ctx.plan.project_of_map(part).as_str());
                    Finding::new(id, format!("{} of route {}", backend.target, route.id), why).at(place).mend(edit)
                };
                let wants = format!(
                    "its entry in the URL map should have headerAction.responseHeadersToAdd {{headerName: {SERVED_BY}, headerValue: {}, replace: true}}",
                    backend.id
                );
                match mark.as_ref().map(|mark| (mark, known.get(mark.as_str()))) {
                    Some((mark, Some(owner))) if *owner == backend.id => said.push(format!("{mark} from {}", backend.title)),
                    Some((mark, Some(owner))) => {
                        let why = format!("answers of {} say {mark} in {SERVED_BY}, as those of {owner} do; {wants}", backend.title);
                        told.found.push(Found::told(finding(Id::MarkShared, why)));
                    }
                    Some((mark, None)) => {
                        let why =
                            format!("answers of {} say {mark} in {SERVED_BY}, which is no backend of the plan; {wants}", backend.title);
                        told.found.push(Found::told(finding(Id::MarkUnknown, why)));
                    }
                    None => {
                        let why = format!(
                            "neither the URL map nor {} itself says in {SERVED_BY} who gave an answer, so its share can't be seen; {wants}",
                            backend.title
                        );
                        told.found.push(Found::told(finding(Id::MarkMissing, why)));
                    }
                }
            }
            if said.len() == entries.len() {
                told.well.push((format!("marks/{}", route.id), format!("{SERVED_BY}: {}", said.join(", "))));
            }
        }
        told
    }
}

fn object(route: &Route) -> String {
    format!("parity/{}", route.id)
}

/// Why two legs can't be compared by how the plan probes them.
fn unlike_requests(home: &Backend, target: &Backend) -> Option<String> {
    let asked = |backend: &Backend| Url::parse(backend.probe_url.as_ref()?.as_str()).ok();
    let of = |url: &Url| (url.path().to_owned(), url.query().map(str::to_owned));
    match (asked(home), asked(target)) {
        (Some(one), Some(two)) if of(&one) == of(&two) => None,
        (Some(one), Some(two)) => Some(format!(
            "{} is probed at {} and {} at {}, so their answers are not compared",
            home.title,
            one.path(),
            target.title,
            two.path()
        )),
        (_, _) => Some(format!("`probe` of both {} and {} would let their answers be compared", home.title, target.title)),
    }
}

fn differences(home: &Backend, one: &Answered, target: &Backend, two: &Answered) -> Vec<(Id, String)> {
    let (home, target) = (&home.title, &target.title);
    let mut found = Vec::new();
    if one.status != two.status {
        // What else differs follows from that.
        return vec![(Id::ParityStatus, format!("{home} answers {}, {target} answers {}", one.status, two.status))];
    }
    if one.location != two.location {
        let led = |answered: &Answered| answered.location.as_ref().map_or_else(|| "nowhere".to_owned(), ToString::to_string);
        found.push((Id::ParityRedirect, format!("{home} leads to {}, {target} to {}", led(one), led(two))));
    }
    let only = |one: &Answered, two: &Answered| one.headers.difference(&two.headers).cloned().collect::<Vec<_>>().join(", ");
    let (of_home, of_target) = (only(one, two), only(two, one));
    let has: Vec<String> = [(home, of_home), (target, of_target)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(who, names)| format!("only {who} says {names}"))
        .collect();
    if !has.is_empty() {
        found.push((Id::ParityHeaders, has.join("; ")));
    }
    let (short, long) = (one.body_bytes.min(two.body_bytes), one.body_bytes.max(two.body_bytes));
    if long - short > LENGTH_BYTES && long as f64 > short as f64 * LENGTH_RATIO {
        found.push((Id::ParityLength, format!("{home} answers with {} bytes, {target} with {}", one.body_bytes, two.body_bytes)));
    }
    let (fast, slow) = (one.took_ms.min(two.took_ms), one.took_ms.max(two.took_ms));
    if slow - fast > LATENCY_MS && slow > fast * LATENCY_RATIO {
        found.push((Id::ParityLatency, format!("{home} takes {:.0} ms, {target} {:.0} ms, by one request", one.took_ms, two.took_ms)));
    }
    found
}

/// Shows both answers one below the other.
fn compare(home: &Backend, target: &Backend) -> String {
    let urls: Vec<String> = [home, target].iter().filter_map(|backend| Some(fix::quoted(backend.probe_url.as_ref()?.as_str()))).collect();
    format!("curl -sS -i -w '%{{http_code}} %{{size_download}} bytes %{{time_total}} s\\n' {}", urls.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    fn answered(status: u16, headers: &[&str], body_bytes: usize, took_ms: f64) -> Answered {
        let headers = headers.iter().map(|name| (*name).to_owned()).collect();
        Answered { status, headers, location: None, body_bytes, took_ms, mark: None }
    }

    fn found(one: &Answered, two: &Answered) -> Vec<(Id, String)> {
        let (plan, _) = plan::read(include_bytes!("../../../../plans/hexproperty.yaml")).unwrap();
        let route = &plan.routes[0];
        differences(&route.backends[0], one, &route.backends[1], two)
    }

    #[test]
    fn both_values_are_said_and_small_differences_are_none() {
        let home = answered(200, &["cache-control", "set-cookie"], 1000, 20.0);
        assert_eq!(found(&home, &answered(200, &["cache-control", "set-cookie"], 1255, 510.0)), []);
        let target = answered(200, &["cache-control", "x-frame-options"], 2000, 600.0);
        let said = [
            (Id::ParityHeaders, "only Cloud Run says set-cookie; only GKE says x-frame-options"),
            (Id::ParityLength, "Cloud Run answers with 1000 bytes, GKE with 2000"),
            (Id::ParityLatency, "Cloud Run takes 20 ms, GKE 600 ms, by one request"),
        ];
        assert_eq!(found(&home, &target), said.map(|(id, why)| (id, why.to_owned())));
        let gone = found(&home, &answered(404, &[], 0, 20.0));
        assert_eq!(gone, [(Id::ParityStatus, "Cloud Run answers 200, GKE answers 404".to_owned())], "what else differs follows");
    }
}
