//! What a platform tells of a workload: how many instances, how far a rollout is, what could not be read.

use crate::domain::{
    platform::{Happening, Revision, RevisionState, Rollout, RolloutStage, Scale, Unread},
    time::Millis,
};

/// How many instances there are, as far as that is told.
pub fn scale(scale: Scale) -> String {
    match scale {
        Scale::Counted { ready, desired } => format!("{ready} of {desired} ready"),
        Scale::Automatic { min, max } => format!("{}, how many run isn't told", bounds(min, max)),
        Scale::Manual { instances } => format!("set to {instances} by hand, how many run isn't told"),
        Scale::Off => "switched off".to_owned(),
        Scale::Untold => "how many run isn't told".to_owned(),
    }
}

/// The same in a few cells.
pub fn scale_short(scale: Scale) -> String {
    match scale {
        Scale::Counted { ready, desired } => format!("{ready}/{desired} ready"),
        Scale::Automatic { min, max } => bounds(min, max),
        Scale::Manual { instances } => format!("{instances} by hand"),
        Scale::Off => "off".to_owned(),
        Scale::Untold => "count not told".to_owned(),
    }
}

fn bounds(min: u32, max: Option<u32>) -> String {
    max.map_or_else(|| format!("min {min}"), |max| format!("min {min}, max {max}"))
}

pub fn restarted(restarts: u32, more: u32, over: Option<Millis>) -> String {
    let what = if more == 1 { "a container restarted".to_owned() } else { format!("{more} restarts of containers") };
    let over = over.map_or_else(String::new, |over| format!(" in {over}"));
    let all = if restarts > more { format!(", {restarts} in all") } else { String::new() };
    format!("{what}{over}{all}")
}

/// How far the newest template is, and what that waits for.
pub fn rollout(rollout: &Rollout, desired: u32) -> String {
    let Rollout { revision, stage, updated, available, total } = rollout;
    let template = revision.map_or_else(|| "rollout".to_owned(), |revision| format!("rollout {revision}"));
    let old = total.saturating_sub(*updated);
    let how_far = match () {
        () if *updated < desired => format!("{updated} of {desired} pods updated"),
        () if old > 0 => format!("{old} old {} to go", if old == 1 { "pod has" } else { "pods have" }),
        () if available < updated => format!("{available} of {updated} updated pods available"),
        () => format!("all {desired} pods updated"),
    };
    match stage {
        RolloutStage::Complete => format!("{template} complete"),
        RolloutStage::Unobserved => format!("{template} not begun: the controller hasn't looked yet"),
        // Nothing is left to replace; pods are missing all the same.
        RolloutStage::Progressing if *updated >= desired && old == 0 => format!("{template} out, {how_far}"),
        RolloutStage::Progressing => format!("{template} under way: {how_far}"),
        RolloutStage::Paused => format!("{template} paused: {how_far}"),
        RolloutStage::DeadlineExceeded => format!("{template} stuck beyond its deadline: {how_far}"),
    }
}

pub fn revision_state(state: RevisionState) -> &'static str {
    match state {
        RevisionState::Ready => "Ready",
        RevisionState::Pending => "Pending",
        RevisionState::Failed => "Failed",
        RevisionState::Untold => "not told",
    }
}

/// What keeps a revision's own instances.
pub fn revision_bounds(revision: &Revision) -> String {
    revision.min.map_or_else(String::new, |min| bounds(min, revision.max))
}

pub fn unread(unread: &Unread) -> String {
    format!("{}: {}; the rest is read", unread.part, unread.fault.kind)
}

/// `×12 on 3 objects`; nothing for what happened once.
pub fn repeats(happening: &Happening, times: &str) -> String {
    match (happening.count, happening.objects) {
        (0 | 1, 0 | 1) => String::new(),
        (count, 0 | 1) => format!("{times}{count}"),
        (count, objects) => format!("{times}{count} on {objects}"),
    }
}
