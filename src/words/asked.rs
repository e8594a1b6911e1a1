//! What people ask for, and what they look at, in words.

use crate::{
    core::command::{Command, ControlsCommand, Look},
    domain::shown::Shown,
    words::{Names, claim::claimant, steps},
};

/// A command as the end of `asks to`.
pub fn command(command: &Command, names: Names) -> String {
    match command {
        Command::Shift { route, from, to } => {
            format!("shift {} from {} to {}", names.route(route), names.split(route, from), names.split(route, to))
        }
        Command::Rollback { route, reason } => {
            let route = route.as_ref().map_or_else(|| "every route".to_owned(), |route| names.route(route));
            format!("roll back {route}{}", because(reason.as_ref()))
        }
        Command::Hold { route } => format!("hold {}", names.route(route)),
        Command::Resume { route } => format!("resume {}", names.route(route)),
        Command::Rearm { route, reason } => format!("re-arm {}: {reason}", names.route(route)),
        Command::AdoptDrift { route, found } => format!("adopt {} for {}", names.split(route, found), names.route(route)),
        Command::TakeOver { route, from: Some(claim), reason } => {
            format!("take {} over from {}: {reason}", names.route(route), claimant(claim))
        }
        Command::TakeOver { route, from: None, reason } => format!("take {} over: {reason}", names.route(route)),
        Command::Sign { item, note } => format!("sign \"{}\": {note}", names.item(item)),
        Command::Act { step, act, .. } => format!("{} \"{}\"", steps::act(*act), names.step(step)),
        Command::Skip { step, reason } => steps::skips(step, reason, names),
        Command::Unsign { item } => format!("take back the signature under \"{}\"", names.item(item)),
        Command::Controls(ControlsCommand::Take) => "take the controls".to_owned(),
        Command::Controls(ControlsCommand::GiveUp) => "give up the controls".to_owned(),
        Command::Controls(ControlsCommand::AskFor) => "be given the controls".to_owned(),
        Command::Controls(ControlsCommand::HandTo(to)) => format!("hand the controls to {to}"),
        Command::Approve { digest } => format!("approve {}", digest.short()),
        Command::Deny { digest, reason } => format!("deny {}{}", digest.short(), because(reason.as_ref())),
        Command::Withdraw { digest } => format!("withdraw {}", digest.short()),
        Command::Say { text } => format!("say: {text}"),
        Command::LookHere { pane } => format!("call everybody to {pane}"),
        Command::Stop { abandon } if abandon.is_empty() => "end the session for good".to_owned(),
        Command::Stop { abandon } => {
            format!("end the session for good, also if nobody watches over {} then", names.routes(abandon))
        }
        Command::Inject { inject } => format!("inject the fault {inject} into the simulated world"),
    }
}

fn because(reason: Option<&Shown>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// What somebody did that asks nothing, with the name before it.
pub fn look(look: &Look, names: Names) -> String {
    match look {
        Look::Focus { pane } => format!("looks at {pane}"),
        Look::Draft { route, to: Some(to) } => format!("drafts {} for {}", names.split(route, to), names.route(route)),
        Look::Draft { route, to: None } => format!("drops the draft for {}", names.route(route)),
        Look::Other { action } => format!("does {action}"),
    }
}
