//! Steps of the plan: who may run one, what an act comes to, and what others do meanwhile.

use cutover::{
    core::{
        command::Command,
        decision::{Effect, Refusal, Verdict},
        event::Event,
        news::News,
        outlook::{Attention, Trouble, attention},
        runbook::{Doing, Stage, StepNews, StepRefusal, stage},
        state::ItemStatus,
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::{EffectId, InstanceId, StepId},
        shown::Shown,
        standing::{Act, Change, Failed, Known, Standing, Underway},
        time::Millis,
        weight::PerMille,
    },
    plan::model::{
        Check, Gate, Item, Phase, Plan, Proof, Stage as Part,
        steps::{Consent, Desired, Need, Step},
    },
};

use crate::session::{Session, ana, ben, plan, refused, route, told};

fn id(name: &str) -> StepId {
    name.parse().unwrap()
}

fn step(name: &str, needs: Vec<Need>) -> Step {
    let instance: InstanceId = "prod".parse().unwrap();
    Step {
        id: id(name),
        title: Shown::new(name),
        desired: Desired::SqlHighAvailability { instance },
        needs,
        consent: Consent::Alone,
        patience: Millis::from_mins(10),
        owner: None,
        expected: None,
    }
}

/// A backup, and a standby that needs it.
fn with_steps() -> Plan {
    let mut plan = plan();
    let steps = vec![step("backup", vec![]), step("standby", vec![Need::Step(id("backup"))])];
    let (target_from, target_to) = (PerMille::ZERO, PerMille::ALL);
    plan.phases = vec![Phase { id: "prepare".parse().unwrap(), title: "Prepare".into(), target_from, target_to, steps }];
    plan
}

fn version(number: u32) -> Version {
    Version(format!("s{number}"))
}

fn apart(number: u32) -> Standing {
    let change = Change { what: "state".into(), from: None, to: Some("so".into()) };
    Standing::Apart { version: version(number), changes: vec![change], failed: None }
}

fn failed(number: u32, operation: &str) -> Standing {
    let Standing::Apart { version, changes, .. } = apart(number) else { unreachable!() };
    let why = Fault::new(FaultKind::Rejected, "INTERNAL_ERROR");
    Standing::Apart { version, changes, failed: Some(Box::new(Failed { operation: operation.into(), why })) }
}

fn reached(number: u32) -> Standing {
    Standing::Reached { version: version(number), evidence: vec![Known { what: "state".into(), value: "so".into() }] }
}

fn underway(operation: &str) -> Standing {
    Standing::Underway(Underway { operation: operation.into(), since: None, progress: None, doing: Some("UPDATE".into()) })
}

impl Session {
    fn sees(&mut self, step: &str, standing: Standing) -> Vec<News> {
        let decision = self.see(&format!("step/{step}"), vec![Fact::Step { step: id(step), standing }]);
        told(&decision).to_vec()
    }
    fn act(&mut self, step: &str, act: Act, number: u32) -> Verdict {
        self.ask(&ana(), Command::Act { step: id(step), act, version: version(number), named: None })
    }
    fn stage(&self, name: &str) -> Stage<'_> {
        let plan = &self.state.opened.as_ref().unwrap().plan;
        stage(&self.state, plan.step(&id(name)).unwrap())
    }
    fn acts(&self) -> Vec<(EffectId, StepId, Act)> {
        let effects = self.decisions.iter().flat_map(|decision| &decision.effects);
        let act = |effect: &cutover::core::decision::IssuedEffect| match &effect.what {
            Effect::Act { step, act, .. } => Some((effect.id, step.clone(), *act)),
            _ => None,
        };
        effects.filter_map(act).collect()
    }
    fn accepted(&mut self, operation: &str) {
        let (effect, _, _) = self.acts().pop().unwrap();
        self.finish(effect, Outcome::Done(Receipt { version: None, operation: Some(operation.into()) }));
    }
    fn later(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now + Millis::from_secs(1);
            self.beats();
        }
    }
}

fn why(verdict: Verdict) -> StepRefusal {
    match refused(verdict) {
        Refusal::Step(why) => *why,
        other => panic!("refused for {other:?}"),
    }
}

fn of(news: &[News]) -> Vec<&StepNews> {
    news.iter().filter_map(|news| if let News::Step { what, .. } = news { Some(what) } else { None }).collect()
}

#[test]
fn a_step_is_run_on_what_was_seen_followed_by_looks_and_reached() {
    let mut session = Session::with(with_steps(), 0);
    assert_eq!(why(session.act("backup", Act::Run, 1)), StepRefusal::NotSeen { ago: None });
    session.sees("backup", apart(1));
    assert_eq!(why(session.act("backup", Act::Run, 2)), StepRefusal::Changed);
    assert_eq!(session.act("backup", Act::Run, 1), Verdict::Accepted);
    assert_eq!(why(session.act("backup", Act::Run, 1)), StepRefusal::Underway { operation: None });
    session.later(1);
    session.accepted("op-1");
    session.later(1);
    session.sees("backup", underway("op-1"));
    assert!(matches!(session.stage("backup"), Stage::Underway { act: Some(Act::Run), work: Some(_), is_late: false, .. }));
    session.later(60);
    let news = session.sees("backup", reached(2));
    assert!(matches!(of(&news)[..], [StepNews::Ended { act: Act::Run, took, .. }] if *took == Millis::from_secs(62)), "{news:?}");
    assert_eq!(session.acts().len(), 1);
    assert_eq!(why(session.act("backup", Act::Run, 2)), StepRefusal::Reached);
}

#[test]
fn what_it_needs_comes_first_and_what_rests_on_it_keeps_it() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("standby", apart(1));
    session.sees("backup", apart(1));
    assert_eq!(why(session.act("standby", Act::Run, 1)), StepRefusal::Needs { unmet: vec![Need::Step(id("backup"))] });
    session.sees("backup", reached(2));
    assert_eq!(session.act("standby", Act::Run, 1), Verdict::Accepted);
    assert_eq!(why(session.act("backup", Act::Undo, 2)), StepRefusal::Needed { by: vec![id("standby")] });
}

#[test]
fn a_skipped_step_counts_for_what_needs_it_until_it_is_run_after_all() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("standby", apart(1));
    let skip = |reason: &str| Command::Skip { step: id("backup"), reason: reason.into() };
    assert_eq!(refused(session.ask(&ana(), skip(" "))), Refusal::ReasonMissing);
    assert_eq!(session.ask(&ana(), skip("taken by hand at noon")), Verdict::Accepted);
    assert!(matches!(session.stage("backup"), Stage::Skipped(_)));
    assert_eq!(session.act("standby", Act::Run, 1), Verdict::Accepted);
    session.sees("backup", apart(1));
    assert_eq!(session.act("backup", Act::Run, 1), Verdict::Accepted, "a word of a person is taken back by the act");
}

#[test]
fn nothing_is_sent_twice_while_nobody_knows_what_came_of_it() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    session.act("backup", Act::Run, 1);
    let (effect, _, _) = session.acts()[0].clone();
    session.finish(effect, Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s")));
    assert!(matches!(session.stage("backup"), Stage::Acting { unknown: Some(Some(_)), .. }));
    session.later(5);
    session.sees("backup", apart(1));
    assert_eq!(why(session.act("backup", Act::Run, 1)), StepRefusal::Underway { operation: None }, "it may still be taken up");
    session.later(61);
    let news = session.sees("backup", apart(1));
    assert_eq!(of(&news), [&StepNews::DidNotHappen { act: Act::Run }]);
    let found = attention(&session.state);
    assert!(found.iter().any(|found| matches!(found, Attention::StepTrouble { trouble: Trouble::DidNotHappen, .. })), "{found:?}");
    assert_eq!(session.act("backup", Act::Run, 1), Verdict::Accepted);
}

#[test]
fn after_an_act_has_ended_nothing_is_done_on_what_was_seen_before_it() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    session.act("backup", Act::Run, 1);
    session.later(1);
    let (effect, _, _) = session.acts()[0].clone();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "409")));
    assert!(matches!(why(session.act("backup", Act::Run, 1)), StepRefusal::NotSeen { .. }));
    session.later(1);
    session.sees("backup", apart(1));
    assert_eq!(session.act("backup", Act::Run, 1), Verdict::Accepted);
}

#[test]
fn a_host_that_dies_resumes_by_looking() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    session.act("backup", Act::Run, 1);
    session.later(2);
    session.step(Event::Restarted);
    assert!(matches!(session.stage("backup"), Stage::Acting { unknown: Some(None), .. }));
    session.later(2);
    session.sees("backup", underway("op-1"));
    assert!(matches!(session.stage("backup"), Stage::Underway { act: Some(Act::Run), .. }));
    session.later(2);
    let news = session.sees("backup", reached(2));
    assert!(matches!(of(&news)[..], [StepNews::Ended { .. }]), "{news:?}");
    assert_eq!(session.acts().len(), 1);
}

#[test]
fn a_look_from_before_the_act_says_nothing_of_it() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    session.act("backup", Act::Run, 1);
    let before = session.now;
    session.later(3);
    session.accepted("op-1");
    session.see_since("step/backup", before, Ok(vec![Fact::Step { step: id("backup"), standing: apart(1) }]));
    assert!(matches!(session.stage("backup"), Stage::Underway { .. }));
}

#[test]
fn work_that_fails_is_told_and_may_be_tried_again() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", failed(1, "op-0"));
    session.act("backup", Act::Run, 1);
    session.accepted("op-1");
    session.later(1);
    assert_eq!(of(&session.sees("backup", failed(1, "op-0"))), [] as [&StepNews; 0], "an older failure is not ours");
    session.later(1);
    let news = session.sees("backup", failed(1, "op-1"));
    assert!(matches!(of(&news)[..], [StepNews::NotDone { act: Act::Run, .. }]), "{news:?}");
    let found = attention(&session.state);
    assert!(found.iter().any(|found| matches!(found, Attention::StepTrouble { trouble: Trouble::NotDone { .. }, .. })), "{found:?}");
    assert_eq!(session.act("backup", Act::Run, 1), Verdict::Accepted);
}

#[test]
fn work_that_leaves_a_wreck_behind_was_rejected_and_nobody_is_said_to_have_changed_it() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    session.act("backup", Act::Run, 1);
    session.accepted("op-1");
    session.later(1);
    let news = session.sees("backup", Standing::Foreign { why: "FAILED".into() });
    let [StepNews::NotDone { why, .. }] = of(&news)[..] else { panic!("{news:?}") };
    assert_eq!((why.kind, why.message.as_str()), (FaultKind::Rejected, "FAILED"));
}

#[test]
fn what_takes_longer_than_its_patience_is_told_once_and_goes_on() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    session.act("backup", Act::Run, 1);
    session.accepted("op-1");
    for _ in 0..70 {
        session.later(10);
        session.sees("backup", underway("op-1"));
    }
    let told = session.decisions.iter().flat_map(|decision| of(&decision.news));
    assert_eq!(told.filter(|what| matches!(what, StepNews::TakesLong { .. })).count(), 1);
    assert!(matches!(session.stage("backup"), Stage::Underway { is_late: true, .. }));
    session.sees("backup", reached(2));
    assert!(matches!(session.stage("backup"), Stage::Reached { .. }));
}

#[test]
fn what_somebody_else_does_is_seen() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    session.later(5);
    let news = session.sees("backup", reached(2));
    assert!(matches!(of(&news)[..], [StepNews::FoundReached { .. }]), "{news:?}");
    session.later(5);
    let news = session.sees("backup", apart(3));
    assert!(matches!(of(&news)[..], [StepNews::FoundApart { .. }]), "{news:?}");
}

#[test]
fn no_step_begins_while_a_route_goes_home_and_no_route_waits_for_a_step() {
    let mut session = Session::with(with_steps(), 0);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    session.settle();
    session.sees("backup", apart(1));
    assert_eq!(session.act("backup", Act::Run, 1), Verdict::Accepted);
    assert_eq!(session.rollback(&ben()), Verdict::Accepted, "a step under way keeps nobody from going home");
    session.sees("standby", apart(1));
    assert_eq!(why(session.act("standby", Act::Run, 1)), StepRefusal::GoingHome);
    assert_eq!(session.acts().len(), 1);
}

#[test]
fn whoever_has_no_controls_runs_and_skips_nothing() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    let act = Command::Act { step: id("backup"), act: Act::Run, version: version(1), named: None };
    assert!(matches!(refused(session.ask(&ben(), act)), Refusal::NoControls { .. }));
    let skip = Command::Skip { step: id("backup"), reason: "so".into() };
    assert!(session.ask(&ben(), skip) != Verdict::Accepted);
    assert_eq!(session.acts(), []);
}

#[test]
fn a_second_person_approves_exactly_what_was_seen() {
    let mut plan = with_steps();
    plan.phases[0].steps[0].consent = Consent::SecondPerson;
    let mut session = Session::with(plan, 0);
    session.sees("backup", apart(1));
    let Verdict::NeedsApproval { digest } = session.act("backup", Act::Run, 1) else { panic!("a second person is wanted") };
    assert_eq!(refused(session.ask(&ana(), Command::Approve { digest })), Refusal::OwnRequest);
    session.later(3);
    session.sees("backup", apart(2));
    assert!(session.state.approvals.is_empty(), "what was asked for is not what stands there now");
    assert!(session.ask(&ben(), Command::Approve { digest }) != Verdict::Accepted);
    let Verdict::NeedsApproval { digest } = session.act("backup", Act::Run, 2) else { panic!("a second person is wanted") };
    assert_eq!(session.ask(&ben(), Command::Approve { digest }), Verdict::Accepted);
    assert_eq!(session.acts().len(), 1);
}

#[test]
fn a_line_of_the_checklist_rests_on_a_step_and_a_rung_on_the_line() {
    let mut plan = with_steps();
    let proof = Proof::Collected(Check::StepReached(id("backup")));
    let expires = Millis::from_mins(1);
    let line = Item { id: "backed-up".parse().unwrap(), stage: Part::PreMigration, title: "Backed up".into(), proof, expires };
    plan.routes[0].gates = vec![Gate { above: PerMille::ZERO, needs: vec![line.id.clone()] }];
    plan.checklist = vec![line];
    let mut session = Session::with(plan, 0);
    let item = "backed-up".parse().unwrap();
    session.sees("backup", apart(1));
    session.calm(2);
    assert_eq!(session.state.checklist[&item].status, ItemStatus::Open);
    assert_eq!(session.state.checklist[&item].status, ItemStatus::Open, "{:?}", session.state.checklist[&item]);
    session.ask(&ana(), Command::Skip { step: id("backup"), reason: "later".into() });
    session.calm(2);
    assert_eq!(session.state.checklist[&item].status, ItemStatus::Open, "a word is no backup");
    session.sees("backup", reached(2));
    session.calm(2);
    assert_eq!(session.state.checklist[&item].status, ItemStatus::Done);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    let known = &session.state.steps[&id("backup")];
    assert_eq!(known.doing, Doing::Nothing);
    assert_eq!(session.route().wanted.as_ref().map(|wanted| wanted.of(&"gke".parse().unwrap()).get()), Some(10), "{}", route());
}

#[test]
fn what_this_session_has_not_made_so_it_does_not_take_back() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", reached(1));
    assert_eq!(why(session.act("backup", Act::Undo, 1)), StepRefusal::NotOurs, "it was so before");
    session.later(5);
    session.sees("backup", apart(2));
    assert_eq!(session.act("backup", Act::Run, 2), Verdict::Accepted);
    session.accepted("op-1");
    session.later(5);
    session.sees("backup", reached(3));
    assert_eq!(session.act("backup", Act::Undo, 3), Verdict::Accepted);
    let (effect, _, _) = session.acts().pop().unwrap();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Forbidden, "403")));
    session.later(5);
    session.sees("backup", reached(3));
    assert_eq!(session.act("backup", Act::Undo, 3), Verdict::Accepted, "what was not taken back is still ours");
    session.accepted("op-2");
    session.later(5);
    session.sees("backup", apart(4));
    session.later(5);
    session.sees("backup", reached(5));
    assert_eq!(why(session.act("backup", Act::Undo, 5)), StepRefusal::NotOurs, "somebody else has done it again");
}

#[test]
fn what_somebody_else_does_once_more_is_not_ours_any_more() {
    let mut session = Session::with(with_steps(), 0);
    session.sees("backup", apart(1));
    assert_eq!(session.act("backup", Act::Run, 1), Verdict::Accepted);
    session.accepted("op-1");
    for (number, standing) in [(2, reached(2)), (3, apart(3)), (4, reached(4))] {
        session.later(5);
        session.sees("backup", standing);
        assert_eq!(session.state.steps[&id("backup")].is_ours(), number == 2, "look {number}");
    }
    assert_eq!(why(session.act("backup", Act::Undo, 4)), StepRefusal::NotOurs);
}
