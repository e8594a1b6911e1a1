//! The ladder of a route: shares that rise to the whole, and what has to be done before a rung may be climbed to.

use crate::{
    domain::{id::ItemId, weight::PerMille},
    plan::{
        document::Value,
        lower::{
            declared::{DeclaredItem, Hour},
            name, some_share,
        },
        model::{Driver, FIRST_STEP_MAX, Gate},
        reader::{self, At, Fields, Problems},
    },
};

/// Rungs of a ladder; more would not fit the screen, and nobody climbs them.
const RUNGS_MAX: usize = 20;
const RUNG_KEYS: &[&str] = &["share", "needs"];

#[derive(Debug)]
pub(super) struct Ladder {
    pub rungs: Vec<PerMille>,
    pub gates: Vec<Gate>,
}

/// A rung as it is written: a share alone, or with the lines of the checklist that it needs.
struct Rung<'a> {
    /// Where its share stands.
    at: At<'a>,
    share: Option<PerMille>,
    needs: Option<Vec<ItemId>>,
}

pub(super) fn ladder(problems: &mut Problems, at: &At<'_>, driver: Option<&Driver>, items: &[DeclaredItem<'_>]) -> Option<Ladder> {
    let entries = reader::list(problems, at, "shares such as 5%")?;
    if entries.len() > RUNGS_MAX {
        problems.at(at, format!("the ladder has {} rungs", entries.len())).allowed(format!("at most {RUNGS_MAX}")).error();
        return None;
    }
    let found: Vec<_> = entries.into_iter().map(|entry| rung(problems, entry, items)).collect();
    rises(problems, &found, driver);
    let (mut rungs, mut gates, mut below) = (Vec::new(), Vec::new(), PerMille::ZERO);
    for rung in found {
        let (share, needs) = (rung.as_ref()?.share?, rung?.needs?);
        if !needs.is_empty() {
            gates.push(Gate { above: below, needs });
        }
        rungs.push(share);
        below = share;
    }
    Some(Ladder { rungs, gates })
}

fn rung<'a>(problems: &mut Problems, at: At<'a>, items: &[DeclaredItem<'_>]) -> Option<Rung<'a>> {
    match &at.node.value {
        Value::Map(_) => {
            let fields = Fields::open(problems, at, RUNG_KEYS)?;
            let share_at = fields.required(problems, "share", "25%")?;
            let share = some_share(problems, &share_at);
            let needs = match fields.required(problems, "needs", "[load-test]") {
                Some(at) => needs(problems, &at, items),
                None => None,
            };
            Some(Rung { at: share_at, share, needs })
        }
        Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
            let share = some_share(problems, &at);
            Some(Rung { at, share, needs: Some(Vec::new()) })
        }
    }
}

/// Lines of the checklist that can be done before the rung is reached.
fn needs(problems: &mut Problems, at: &At<'_>, items: &[DeclaredItem<'_>]) -> Option<Vec<ItemId>> {
    let known: Vec<&str> = items.iter().map(|item| item.name).collect();
    let entries = reader::list(problems, at, "names of checklist lines")?;
    let mut needs: Vec<Option<ItemId>> = Vec::new();
    for entry in &entries {
        let id: Option<ItemId> = name::reference(problems, entry, "checklist line", &known);
        if let Some(id) = id.as_ref().filter(|id| needs.iter().flatten().any(|earlier| earlier == *id)) {
            problems.at(entry, format!("`{id}` is needed twice here")).allowed("each line once").help("remove one of them").error();
        }
        let late = |id: &ItemId| items.iter().find(|item| item.name == id.as_str()).is_some_and(|item| item.hour == Hour::AfterTheMove);
        if let Some(id) = id.as_ref().filter(|id| late(id)) {
            let message = format!("`{id}` can be done only after the move, so this rung could never be reached");
            problems.at(entry, message).allowed("lines that can be done before all traffic has moved").error();
        }
        needs.push(id);
    }
    needs.into_iter().collect()
}

fn rises(problems: &mut Problems, found: &[Option<Rung<'_>>], driver: Option<&Driver>) {
    let share_of = |rung: &Option<Rung<'_>>| rung.as_ref().and_then(|rung| rung.share);
    for (place, rung) in found.iter().enumerate() {
        let Some(Rung { at, share: Some(share), .. }) = rung else { continue };
        if let Some(lower) = place.checked_sub(1).and_then(|before| share_of(&found[before])).filter(|before| before >= share) {
            let message = format!("the ladder does not rise: {share} comes after {lower}");
            problems.at(at, message).allowed("rising shares that end at 100%").error();
        }
        if matches!(driver, Some(Driver::CloudRunRevisions { .. })) && !share.get().is_multiple_of(10) {
            problems.at(at, format!("Cloud Run can't split at {share}")).allowed("whole percents between revisions").error();
        }
    }
    if let Some(Some(Rung { at, share: Some(last), .. })) = found.last()
        && *last != PerMille::ALL
    {
        let message = format!("the ladder ends at {last}, so the migration would never be complete");
        problems.at(at, message).allowed("rising shares that end at 100%").help("add `100%` at the end").error();
    }
}

/// A ladder whose first rung can't be reached from home is none.
pub(super) fn first_rung(problems: &mut Problems, at: &At<'_>, rungs: &[PerMille]) {
    if let Some(first) = rungs.first().filter(|first| **first > FIRST_STEP_MAX) {
        let message = format!("the first rung is {first}, and a first step ends at {FIRST_STEP_MAX}: nobody knows yet how the target does");
        problems.at(at, message).allowed(format!("a first rung of at most {FIRST_STEP_MAX}")).help("begin the ladder with 1%").error();
    }
}

/// Rungs that are further apart than one step may go need a second person each time; that is allowed, and seldom meant.
pub(super) fn steep_rungs(problems: &mut Problems, at: &At<'_>, rungs: &[PerMille], step_max: PerMille) {
    let below = std::iter::once(PerMille::ZERO).chain(rungs.iter().copied());
    for (low, high) in below.zip(rungs) {
        if high.get().saturating_sub(low.get()) > step_max.get() {
            let message = format!("from {low} to {high} is more than one step of {step_max} and will need a second person's approval");
            problems.at(at, message).help("raise `step_max` or add a rung between them").warning();
        }
    }
}
