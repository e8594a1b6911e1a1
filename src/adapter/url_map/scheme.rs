//! Whether the load balancer knows weights at all: a classic one takes a URL map and ignores or refuses them.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::Url;
use tokio::time::Instant;

use super::wire::BackendService;
use crate::{
    adapter::http::{Ask, Client, Failure, Limits},
    domain::{hindrance::Hindrance, shown::Shown},
};

/// Between two looks; the scheme of a backend service is changed by people, over days.
const EVERY: Duration = Duration::from_secs(60);
const EVERY_IN_DOUBT: Duration = Duration::from_secs(15);
/// A read of the weights may not wait long for this.
const DEADLINE: Duration = Duration::from_secs(2);
/// The schemes whose load balancers split by weight.
const WEIGHTED: [&str; 3] = ["EXTERNAL_MANAGED", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED"];

#[derive(Debug, Default)]
pub(super) struct Scheme(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    again_at: Option<Instant>,
    found: Option<Hindrance>,
}

impl Scheme {
    /// The first of these backend services whose load balancer can't split by weight. What could not be told is as it was.
    pub(super) async fn look(&self, client: &Client, services: impl Iterator<Item = (&str, Url)>) -> Option<Hindrance> {
        let now = Instant::now();
        let due = self.with(|known| known.again_at.is_none_or(|at| at <= now));
        if due {
            let found = first_classic(client, services).await;
            self.with(|known| {
                known.again_at = Some(now + if found == Ok(None) { EVERY } else { EVERY_IN_DOUBT });
                known.found = found.unwrap_or_else(|_| known.found.take());
            });
        }
        self.with(|known| known.found.clone())
    }

    fn with<R>(&self, work: impl FnOnce(&mut Known) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn first_classic(client: &Client, services: impl Iterator<Item = (&str, Url)>) -> Result<Option<Hindrance>, Failure> {
    for (service, at) in services {
        let found: BackendService = client.send(Ask::get(at, Limits::READ.within(DEADLINE))).await?.json()?;
        let scheme = found.load_balancing_scheme;
        if !scheme.is_empty() && !WEIGHTED.contains(&scheme.as_str()) {
            return Ok(Some(Hindrance::ClassicLoadBalancer { service: Shown::new(service), scheme: Shown::new(&scheme) }));
        }
    }
    Ok(None)
}
