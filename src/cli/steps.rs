//! `cutover steps [SESSION]`: the runbook of a running session as a tree, in lines or as JSON, without a cockpit.

use std::fmt::Write;

use color_eyre::eyre::Result;
use serde::Serialize;

use crate::{
    cli::{
        Exit,
        place::{Meant, Place, Unheard},
        print,
    },
    core::{
        has::has,
        runbook::{self, Progress, Stage, stage},
        state::State,
    },
    domain::{standing::Act, time::Timestamp, weight::PerMille},
    plan::model::{
        Phase, Plan,
        steps::{Consent, Need, Step, Undoing},
    },
    words::{
        Names,
        runbook::{self as say, Word},
        steps as words,
    },
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session; may be left out when only one runs
    session: Option<String>,
    /// As one JSON object
    #[arg(long, conflicts_with = "names")]
    json: bool,
    /// Only the steps' names, one a line; for completion scripts
    #[arg(long)]
    names: bool,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// None; what keeps it from an answer is an exit code.
pub async fn run(args: Args) -> Result<Exit> {
    let found = match args.place.meant(args.session.as_deref()) {
        Ok(Meant::Running(found)) => found,
        Ok(Meant::Absent(absent)) => return Ok(absent.tell(None)),
        Err(exit) => return Ok(exit),
    };
    let seen = match args.place.glance(&found).await {
        Ok(seen) => seen,
        Err(Unheard::Absent(absent)) => return Ok(absent.tell(None)),
        Err(kept @ Unheard::Kept(_)) => return Ok(kept.tell()),
    };
    let Some(plan) = seen.state.opened.as_ref().map(|opened| &*opened.plan) else { return Ok(Exit::Nobody) };
    if args.names {
        print::out(&plan.steps().map(|step| format!("{}\n", step.id)).collect::<String>());
        return Ok(Exit::Done);
    }
    let tree = tree(&seen.state, plan, seen.me.session.to_string());
    print::out(&if args.json { format!("{}\n", serde_json::to_string_pretty(&tree)?) } else { text(&tree, &seen.state) });
    let wanted = |step: &Step| wants_somebody(say::stands(&seen.state, step).word);
    Ok(if plan.steps().any(wanted) { Exit::Unsettled } else { Exit::Done })
}

/// Whether a person has to see to a step that stands so.
fn wants_somebody(word: Word) -> bool {
    match word {
        Word::Failed | Word::Approval | Word::Unknown | Word::Late | Word::Foreign => true,
        Word::Unseen
        | Word::Waits
        | Word::Ready
        | Word::Asked
        | Word::Running
        | Word::Others
        | Word::Undoing
        | Word::Reached
        | Word::Skipped => false,
    }
}

/// The JSON of `cutover steps`. Fields are added and never renamed.
#[derive(Debug, Serialize)]
struct Tree {
    session: String,
    plan: String,
    /// Of the newest entry that is in it; unix milliseconds.
    at: i64,
    /// The phase that the runbook is in; `null` where the plan has no steps.
    phase: Option<String>,
    phases: Vec<PhaseNode>,
}

#[derive(Debug, Serialize)]
struct PhaseNode {
    name: String,
    title: String,
    /// Shares of the target, as fractions, between which it takes place.
    from: f64,
    to: f64,
    done: usize,
    of: usize,
    steps: Vec<StepNode>,
}

#[derive(Debug, Serialize)]
struct StepNode {
    name: String,
    title: String,
    /// What is to be so.
    wants: String,
    target: String,
    /// How it stands, in one word of a closed list.
    stands: &'static str,
    told: String,
    by: Option<String>,
    /// Unix milliseconds.
    since: Option<i64>,
    seen_at: Option<i64>,
    /// What an act would be made against.
    version: Option<String>,
    changes: Vec<ChangeNode>,
    evidence: Vec<KnownNode>,
    operation: Option<String>,
    /// As far as the vendor tells, as a fraction.
    progress: Option<f64>,
    took_ms: Option<u64>,
    expected_ms: Option<u64>,
    patience_ms: u64,
    owner: Option<String>,
    needs: Vec<NeedNode>,
    failed: Option<String>,
    needs_second_person: bool,
    undo: &'static str,
    by_hand: Option<String>,
    undo_by_hand: Option<String>,
}

#[derive(Debug, Serialize)]
struct ChangeNode {
    what: String,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct KnownNode {
    what: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct NeedNode {
    need: String,
    is_met: bool,
    /// Why it is not.
    why: Option<String>,
}

fn tree(state: &State, plan: &Plan, session: String) -> Tree {
    let share = plan.routes.first().and_then(|route| has(state, &route.id, &route.target).given).unwrap_or(PerMille::ZERO);
    let now = runbook::phase(state, share).and_then(|place| plan.phases.get(place));
    Tree {
        session,
        plan: plan.name.to_string(),
        at: state.now.0,
        phase: now.map(|phase| phase.id.to_string()),
        phases: plan.phases.iter().map(|phase| phase_node(state, phase)).collect(),
    }
}

fn phase_node(state: &State, phase: &Phase) -> PhaseNode {
    let Progress { done, of } = runbook::progress(state, phase);
    PhaseNode {
        name: phase.id.to_string(),
        title: phase.title.to_string(),
        from: phase.target_from.fraction(),
        to: phase.target_to.fraction(),
        done,
        of,
        steps: phase.steps.iter().map(|step| step_node(state, step)).collect(),
    }
}

fn step_node(state: &State, step: &Step) -> StepNode {
    let stands = say::stands(state, step);
    let found = stage(state, step);
    let (changes, evidence, failed, operation) = match &found {
        Stage::Waiting { changes, .. } => (*changes, &[][..], None, None),
        Stage::Ready { changes, failed } => (*changes, &[][..], *failed, None),
        Stage::Reached { evidence } => (&[][..], *evidence, None, None),
        Stage::Underway { work, .. } => (&[][..], &[][..], None, work.map(|work| work.operation.to_string())),
        Stage::Unseen { .. } | Stage::Acting { .. } | Stage::Foreign { .. } | Stage::Skipped(_) => (&[][..], &[][..], None, None),
    };
    let seen = state.steps.get(&step.id).and_then(|known| known.seen.as_ref());
    let is_bad = matches!(stands.word, Word::Failed | Word::Foreign);
    let failed = failed.map(ToString::to_string).or_else(|| is_bad.then(|| stands.told.clone()));
    StepNode {
        name: step.id.to_string(),
        title: step.title.to_string(),
        wants: words::desired(&step.desired),
        target: step.desired.target().to_owned(),
        stands: stands.word.name(),
        told: stands.told,
        by: say::by(state, step),
        since: say::since(state, step).map(|at| at.0),
        seen_at: seen.map(|seen| seen.at.0),
        version: seen.and_then(|seen| seen.standing.version()).map(|version| version.0.clone()),
        changes: changes
            .iter()
            .map(|change| ChangeNode {
                what: change.what.to_string(),
                from: change.from.as_ref().map(ToString::to_string),
                to: change.to.as_ref().map(ToString::to_string),
            })
            .collect(),
        evidence: evidence.iter().map(|known| KnownNode { what: known.what.to_string(), value: known.value.to_string() }).collect(),
        operation,
        progress: say::progress(state, step),
        took_ms: say::takes(state, step, state.now).map(|span| span.0),
        expected_ms: step.expected.map(|span| span.0),
        patience_ms: step.patience.0,
        owner: step.owner.as_ref().map(ToString::to_string),
        needs: needs(state, step),
        failed,
        needs_second_person: step.consent(Act::Run) == Consent::SecondPerson,
        undo: undo(step.desired.undoing()),
        by_hand: say::by_hand(state, step, Act::Run),
        undo_by_hand: say::by_hand(state, step, Act::Undo),
    }
}

fn needs(state: &State, step: &Step) -> Vec<NeedNode> {
    let names = Names::of(state);
    let lacks = runbook::lacks(state, step);
    let node = |need: &Need| {
        let unmet = lacks.iter().find(|unmet| unmet.need == need);
        NeedNode { need: words::need(need, names), is_met: unmet.is_none(), why: unmet.map(|unmet| words::unmet(unmet, names)) }
    };
    step.needs.iter().map(node).collect()
}

fn undo(undoing: Undoing) -> &'static str {
    match undoing {
        Undoing::Possible => "possible",
        Undoing::Destroys => "destroys",
        Undoing::Needless => "needless",
        Undoing::Impossible => "impossible",
    }
}

fn text(tree: &Tree, state: &State) -> String {
    let mut out = format!("{}  {}\n", tree.session, tree.plan);
    if tree.phase.is_none() {
        return out + "  the plan has no steps; its phases say `steps:`\n";
    }
    let steps = || tree.phases.iter().flat_map(|phase| &phase.steps);
    let longest = steps().map(|step| step.name.len()).max().unwrap_or(0);
    for (number, phase) in tree.phases.iter().enumerate() {
        let is_now = tree.phase.as_ref() == Some(&phase.name);
        let tally = if phase.of == 0 { String::new() } else { format!(": {} of {} done", phase.done, phase.of) };
        let now = if is_now { ", now" } else { "" };
        // Writing into a text can't fail.
        let _ = writeln!(out, "  {} {}{tally}{now}", number + 1, phase.title);
        for step in &phase.steps {
            let _ = writeln!(out, "    {:<longest$}  {:<9} {}{}", step.name, step.stands, step.title, behind(step, state.now));
            let whole = step.stands != Word::Reached.name() && !step.told.is_empty();
            if whole {
                let _ = writeln!(out, "    {:<longest$}            {}", "", step.told);
            }
        }
    }
    out
}

/// Who, since when and how long, in brackets.
fn behind(step: &StepNode, now: Timestamp) -> String {
    let span = |ms: u64| crate::domain::time::Millis(ms).to_string();
    let time = match (step.took_ms, step.expected_ms) {
        (Some(took), Some(expected)) => Some(format!("{} of {}", span(took), span(expected))),
        (Some(took), None) => Some(span(took)),
        (None, Some(expected)) => Some(format!("about {}", span(expected))),
        (None, None) => None,
    };
    let since = step.since.map(|at| format!("{} ago", now.since(Timestamp(at))));
    let told: Vec<String> = [step.by.clone(), since, time].into_iter().flatten().collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        core::{
            event::{Entry, Event, WorldKind},
            runbook::Seen,
            step::step,
        },
        domain::{
            fault::Version,
            id::Seq,
            standing::{Change, Standing},
        },
        plan,
    };

    /// A plan with two steps that were looked at: neither is so yet.
    fn opened() -> State {
        let (plan, _) = plan::read(include_bytes!("../../tests/plan/every_key.yaml")).expect("a valid plan");
        let mut state = State::default();
        let event = Event::Opened { session: "seed".parse().expect("a name"), plan: Box::new(plan), world: WorldKind::Live };
        step(&mut state, &Entry { seq: Seq(0), at: Timestamp(0), event });
        for known in state.steps.values_mut() {
            let change = Change { what: "availabilityType".into(), from: Some("ZONAL".into()), to: Some("REGIONAL".into()) };
            let standing = Standing::Apart { version: Version("7".to_owned()), changes: vec![change], failed: None };
            known.seen = Some(Seen { standing, at: Timestamp(0), seq: Seq(0) });
        }
        state
    }

    #[test]
    fn the_tree_says_of_each_step_how_it_stands_and_what_it_waits_for() {
        let state = opened();
        let plan = &state.opened.as_ref().expect("opened").plan;
        let tree = tree(&state, plan, "seed".to_owned());
        let json = serde_json::to_value(&tree).expect("plain data");
        let steps = &json["phases"][0]["steps"];
        assert_eq!((&json["phase"], &steps[0]["stands"], &steps[0]["version"]), (&json!("move"), &json!("waits"), &json!("7")), "{json:#}");
        assert_eq!(steps[0]["changes"], json!([{ "what": "availabilityType", "from": "ZONAL", "to": "REGIONAL" }]), "{json:#}");
        assert_eq!((&steps[0]["needs"][0]["is_met"], &steps[1]["needs_second_person"]), (&json!(false), &json!(true)), "{json:#}");
        assert!(steps[0]["by_hand"].as_str().is_some_and(|command| command.starts_with("gcloud sql backups create ")), "{json:#}");
        let text = text(&tree, &state);
        assert!(
            text.contains("1 Move: 0 of 7 done, now") && text.contains("backup         waits     Backup of the database (about 10m00s)"),
            "{text}"
        );
        assert!(text.contains("is not done"), "{text}");
        assert_eq!(text.matches(" waits ").count(), 3, "{text}");
    }
}
