//! What a plan declares of one backend, each series by a query of its own, of whichever server the plan names for it.
//!
//! Each is asked like every other figure: when its newest sample was taken, and then its value as of that moment, so that a series that is
//! dead is stale and no echo. A server that does not answer leaves a gap in its own series; where none answers, the look has failed.

use futures::future::join_all;
use reqwest::Url;

use super::{ask, freshness, gap_of};
use crate::{
    adapter::{Now, http::Client},
    domain::{
        fact::Fact,
        fault::Fault,
        id::{BackendId, SourceId},
        metric::{Measured, Metric, Sample},
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor},
};

/// One series, and who is asked for it.
#[derive(Clone)]
pub struct Asked {
    pub metric: Metric,
    /// The server's address, up to and without `/api/v1`; within the client's origin.
    pub base: Url,
    pub client: Client,
    pub query: String,
    /// When its newest sample was taken, in seconds.
    pub newest: String,
    /// Age of that from which it is stale.
    pub stale_after: Millis,
}

/// All that servers are asked of one backend.
#[derive(Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    pub asked: Vec<Asked>,
    pub every: Millis,
    pub now: Now,
}

pub struct SeriesSensor {
    config: Config,
}

impl SeriesSensor {
    pub fn new(config: Config) -> SeriesSensor {
        SeriesSensor { config }
    }

    async fn measure(&self) -> Result<Vec<Fact>, Fault> {
        let asked_at = (self.config.now)();
        let told = join_all(self.config.asked.iter().map(async |asked| (asked.metric, value(asked, asked_at).await))).await;
        if let Some((_, Err(fault))) = told.first()
            && told.iter().all(|(_, value)| value.is_err())
        {
            return Err(fault.clone());
        }
        let values = told.into_iter().map(|(metric, value)| (metric, value.unwrap_or_else(|fault| Err(gap_of(&fault))))).collect();
        Ok(vec![Fact::Measured { backend: self.config.backend.clone(), values }])
    }
}

async fn value(asked: &Asked, asked_at: Timestamp) -> Result<Measured, Fault> {
    let Asked { base, client, query, newest, stale_after, .. } = asked;
    let newest = ask(client, base, newest, None).await;
    Ok(match freshness(newest, asked_at, *stale_after)? {
        Ok(taken) => {
            let value = ask(client, base, query, Some(taken)).await.counted().and_then(|value| asked.metric.unit().figure(value));
            value.map(|value| Sample::exact(value, 0, taken))
        }
        Err(gap) => Err(gap),
    })
}

impl Sensor for SeriesSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.every
    }
    /// Of the series that comes latest; each is held to its own bound when it is asked.
    fn stale_after(&self) -> Millis {
        self.config.asked.iter().map(|asked| asked.stale_after).max().unwrap_or(self.config.every)
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.measure())
    }
}
