//! The adapters against peers that misbehave, over real sockets and with bodies as the real APIs send them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod server;
mod sql_steps;

mod by_hand;
mod cloud_run;
mod cloud_sql;
mod credentials;
mod discovery;
mod http;
mod http_route;
mod kubeconfig;
mod kubernetes;
mod map_rules;
mod metrics;
mod path_matchers;
mod platform;
mod pods;
mod preflight;
mod prober;
mod prometheus;
mod proxy;
mod rights;
mod url_map;

use std::{collections::BTreeMap, sync::Arc};

use cutover::{
    adapter::{
        Now,
        google_auth::Token,
        http::{Client, Origin, Reach},
    },
    domain::{
        id::{BackendId, EffectId, Seq},
        secret::Secret,
        time::Timestamp,
        weight::{PerMille, Weights},
    },
    port::Intent,
};

use server::Server;

/// 2026-11-23T22:00:00Z.
const NIGHT: i64 = 1_795_471_200_000;

fn id(name: &str) -> BackendId {
    name.parse().unwrap()
}

fn split(gke: u16) -> Weights {
    let share = |share| PerMille::new(share).unwrap();
    Weights::new(BTreeMap::from([(id("run"), share(1000 - gke)), (id("gke"), share(gke))])).unwrap()
}

fn intent() -> Intent {
    Intent {
        session: "night-1".to_owned(),
        effect: EffectId { seq: Seq(17), index: 0 },
        first: EffectId { seq: Seq(17), index: 0 },
        head: "ab12".to_owned(),
    }
}

fn origin(server: &Server) -> Origin {
    Origin::new(&server.url(""), Reach::Loopback).unwrap()
}

fn client(server: &Server) -> Client {
    Client::new(origin(server), Token::Static(Secret::new("canary-7421"))).unwrap()
}

/// A clock that stands still at [`NIGHT`].
fn at_night() -> Now {
    Arc::new(|| Timestamp(NIGHT))
}
