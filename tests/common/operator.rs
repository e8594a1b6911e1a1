//! Everything that an operator's cockpit can say and a watcher's can't.

use std::{collections::HashSet, mem::discriminant};

use cutover::{
    attach::protocol::FromCockpit,
    core::{
        command::{Command, ControlsCommand, Look},
        runbook::Act,
    },
    domain::{
        fault::Version,
        id::{AskId, ItemId, RouteId, StepId},
        shown::Shown,
        weight::Weights,
    },
};
use strum::EnumCount;

/// Every frame of an operator that wants something, with every kind of command; each would mean something to the session of
/// `plans/hexproperty.yaml`.
pub(crate) fn frames() -> Vec<FromCockpit> {
    let weights = || serde_json::from_str::<Weights>(r#"{"run":990,"gke":10}"#).unwrap();
    let home = || serde_json::from_str::<Weights>(r#"{"run":1000,"gke":0}"#).unwrap();
    let route = || "frontend".parse::<RouteId>().unwrap();
    let item = || "dns-ttl".parse::<ItemId>().unwrap();
    let step = || "backup".parse::<StepId>().unwrap();
    let text = || Shown::new("text");
    let commands = vec![
        Command::Shift { route: route(), from: home(), to: weights() },
        Command::Rollback { route: None, reason: Some(text()) },
        Command::Hold { route: route() },
        Command::Resume { route: route() },
        Command::Rearm { route: route(), reason: text() },
        Command::AdoptDrift { route: route(), found: weights() },
        Command::TakeOver { route: route(), from: None, reason: text() },
        Command::Sign { item: item(), note: text() },
        Command::Unsign { item: item() },
        Command::Act { step: step(), act: Act::Run, version: Version("1".to_owned()), named: None },
        Command::Skip { step: step(), reason: text() },
        Command::Controls(ControlsCommand::Take),
        Command::Controls(ControlsCommand::GiveUp),
        Command::Controls(ControlsCommand::AskFor),
        Command::Controls(ControlsCommand::HandTo("anna".parse().unwrap())),
        Command::Approve { digest: cutover::domain::digest::Digest::of(b"anything") },
        Command::Deny { digest: cutover::domain::digest::Digest::of(b"anything"), reason: None },
        Command::Withdraw { digest: cutover::domain::digest::Digest::of(b"anything") },
        Command::Say { text: text() },
        Command::LookHere { pane: text() },
        Command::Stop { abandon: vec![route()] },
        Command::Inject { inject: text() },
    ];
    let looks = [Look::Focus { pane: text() }, Look::Draft { route: route(), to: None }, Look::Other { action: text() }];
    assert_eq!(kinds(&commands), Command::COUNT, "every kind of command is among them");
    assert_eq!(kinds(&looks), Look::COUNT, "every kind of look is among them");
    let asks = commands.into_iter().map(|command| FromCockpit::Ask { ask: AskId(1), key: None, command });
    asks.chain(looks.into_iter().map(|look| FromCockpit::Look { key: None, look })).collect()
}

/// How many different cases of its enum `all` holds.
fn kinds<T>(all: &[T]) -> usize {
    all.iter().map(discriminant).collect::<HashSet<_>>().len()
}
