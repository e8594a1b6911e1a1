//! A record that has little room, or breaks, or lacks a time: what is refused then, what leaves all the same, and what is said.

use cutover::{
    core::{
        command::Command,
        decision::{Decision, Refusal, Verdict},
        event::Event,
        home::Home,
        news::News,
        outlook::{Attention, attention},
        reason::Mover,
        record::{Keeping, RecordChange, RecordNumber, is_over, leaves_unrecorded},
    },
    domain::time::Millis,
};

use crate::session::{Session, ana, ben, refused, route, split, told};

fn low(bytes: u64) -> Event {
    Event::Record(RecordChange::Low { bytes, place: "/var/lib".into() })
}

fn broken() -> Event {
    Event::Record(RecordChange::Broken { why: "no space".into(), kept: RecordNumber(38), place: "/var/lib".into() })
}

#[test]
fn low_on_room_nothing_goes_further_out_and_what_waits_is_dropped() {
    let mut session = Session::at_a_quarter();
    assert_eq!(session.shift(250, 300), Verdict::Accepted);
    assert_eq!(session.shift(300, 400), Verdict::Queued);
    let decision = session.step(low(4096));
    assert!(matches!(told(&decision), [News::Record(RecordChange::Low { bytes: 4096, .. }), News::QueuedDropped { .. }]), "{decision:?}");
    session.write_done();
    session.settle();
    assert_eq!(session.route().queued, None);
    let Refusal::RecordLow { bytes: 4096, since, .. } = refused(session.shift(300, 400)) else { panic!() };
    assert!(attention(&session.state).iter().any(|found| matches!(found, Attention::RecordLow { .. }) && found.is_urgent()));
    // Less is left: a figure, and no news; it has been so since then.
    assert_eq!(told(&session.step(low(2048))), []);
    assert!(matches!(refused(session.shift(300, 400)), Refusal::RecordLow { bytes: 2048, since: still, .. } if still == since));
    assert_eq!(session.shift(300, 250), Verdict::Accepted, "towards home there is room");
    session.write_done();
    session.settle();
    session.step(Event::Record(RecordChange::Roomy));
    assert_eq!(session.state.record.keeping, Keeping::Kept);
    assert_eq!(session.shift(250, 300), Verdict::Accepted);
}

#[test]
fn without_a_record_only_the_way_home_is_answered_and_leaves() {
    let mut session = Session::at_a_quarter();
    assert_eq!(session.shift(250, 300), Verdict::Accepted);
    assert_eq!(session.shift(300, 250), Verdict::Queued);
    let decision = session.step(broken());
    assert!(told(&decision).iter().any(|news| matches!(news, News::QueuedDropped { .. })), "towards home or not, it has not left");
    for command in [
        Command::Shift { route: route(), from: split(300), to: split(0) },
        Command::Hold { route: route() },
        Command::Say { text: "hello".into() },
        Command::Rearm { route: route(), reason: "so".into() },
    ] {
        let Refusal::RecordBroken { kept, .. } = refused(session.ask(&ana(), command)) else { panic!() };
        assert_eq!(kept, RecordNumber(38));
    }
    assert!(attention(&session.state).iter().any(|found| matches!(found, Attention::RecordBroken { .. }) && found.is_urgent()));
    assert!(!is_over(&session.state));
    let state = session.state.clone();
    let decision = session.step(Event::Asked {
        by: ben(),
        ask: cutover::domain::id::AskId(99),
        key: None,
        credentials: None,
        command: Command::Rollback { route: None, reason: None },
    });
    assert!(matches!(decision.answer.unwrap().verdict, Verdict::Accepted));
    assert!(!decision.effects.is_empty() && decision.effects.iter().all(|effect| leaves_unrecorded(&session.state, effect)));
    // The same write without a rollback under way would be nobody's way home.
    assert!(decision.effects.iter().any(|effect| !leaves_unrecorded(&state, effect)));
    assert!(!is_over(&session.state), "it is on its way");
}

#[test]
fn what_is_found_after_a_time_without_a_record_may_be_our_own_and_is_held() {
    let mut session = Session::at_a_quarter();
    let kept = RecordNumber(38);
    let since = session.now;
    session.now = session.now + Millis::from_mins(2);
    session.step(Event::Restarted);
    session.step(Event::Record(RecordChange::Missing { since, kept }));
    assert!(session.route().hold.is_some());
    session.weights(0);
    let drift = session.route().drift.clone().unwrap();
    assert!(matches!(drift.by, Mover::Unrecorded { .. }), "{drift:?}");
    let tells = |session: &Session| attention(&session.state).iter().any(|found| matches!(found, Attention::RecordMissing { .. }));
    assert!(tells(&session));
    // What comes later is somebody else's.
    session.foreign(100);
    assert!(matches!(session.route().drift.as_ref().unwrap().by, Mover::Foreign { .. }));
    assert!(!matches!(session.home(), Home::Seen { .. }));
    session.ask(&ana(), Command::Controls(cutover::core::command::ControlsCommand::Take));
    assert_eq!(session.ask(&ana(), Command::Resume { route: route() }), Verdict::Accepted);
    assert!(!tells(&session));
}

fn hangs() -> Event {
    Event::Record(RecordChange::Hangs { kept: RecordNumber(38), place: "/var/lib".into() })
}

fn tells_hangs(decision: &Decision) -> bool {
    told(decision).iter().any(|news| matches!(news, News::Record(RecordChange::Hangs { .. })))
}

#[test]
fn while_the_disk_does_not_answer_only_the_way_home_leaves_and_then_all_goes_on() {
    let mut session = Session::at_a_quarter();
    assert_eq!(session.shift(250, 300), Verdict::Accepted);
    assert_eq!(session.shift(300, 400), Verdict::Queued);
    assert!(tells_hangs(&session.step(hangs())));
    session.write_done();
    for command in [Command::Hold { route: route() }, Command::Shift { route: route(), from: split(300), to: split(400) }] {
        assert!(matches!(refused(session.ask(&ana(), command)), Refusal::RecordHangs { kept: RecordNumber(38), .. }));
    }
    assert!(attention(&session.state).iter().any(|found| matches!(found, Attention::RecordHangs { .. }) && found.is_urgent()));
    assert!(!is_over(&session.state), "nobody ends for it");
    // What waits does so for as long as a slow disk may take, and no longer.
    session.wait(Millis::from_secs(4));
    assert!(session.route().queued.is_some());
    let given_up = session.wait(Millis::from_secs(1));
    assert!(matches!(told(&given_up), [News::QueuedDropped { .. }]), "{given_up:?}");
    session.step(Event::Record(RecordChange::Answers));
    assert_eq!(session.state.record.keeping, Keeping::Kept);
    session.calm(61);
    assert_eq!(session.shift(300, 400), Verdict::Accepted);
    session.step(hangs());
    let home = session.ask(&ben(), Command::Rollback { route: None, reason: None });
    assert_eq!(home, Verdict::Accepted);
}

#[test]
fn a_disk_that_is_slow_again_and_again_is_told_once_with_how_often_and_for_how_long() {
    let mut session = Session::at_a_quarter();
    let mut told_of = 0;
    for _ in 0..5 {
        session.calm(20);
        told_of += usize::from(tells_hangs(&session.step(hangs())));
        session.wait(Millis(1_500));
        assert!(matches!(session.state.record.keeping, Keeping::Hanging { .. }));
        session.step(Event::Record(RecordChange::Answers));
        assert_eq!(session.state.record.keeping, Keeping::Kept, "it hangs only while there is no answer");
    }
    assert_eq!(told_of, 1);
    let found = attention(&session.state);
    let slow = found.iter().find(|found| matches!(found, Attention::RecordSlow { .. })).expect("it is slow");
    let Attention::RecordSlow { times, longest, .. } = slow else { panic!() };
    assert_eq!((*times, *longest), (5, Millis(2_500)));
    assert!(!slow.is_urgent() && slow.counts());
    // One that does not come back is told, however slow it was before; so is its end.
    session.step(hangs());
    let late = session.wait(Millis::from_secs(6));
    assert!(tells_hangs(&late), "{late:?}");
    let answers = session.step(Event::Record(RecordChange::Answers));
    assert!(told(&answers).contains(&News::Record(RecordChange::Answers)), "{answers:?}");
    session.calm(601);
    assert_eq!(session.state.record.slow, None, "it was not slow for ten minutes");
    assert!(tells_hangs(&session.step(hangs())));
}

#[test]
fn what_waits_for_a_second_person_outlasts_a_slow_disk_and_not_one_that_hangs() {
    for (span, outlasts) in [(Millis::from_secs(2), true), (Millis::from_secs(6), false)] {
        let mut session = Session::at(10);
        let Verdict::NeedsApproval { digest } = session.shift(10, 600) else { panic!() };
        session.step(hangs());
        assert!(matches!(refused(session.ask(&ben(), Command::Approve { digest })), Refusal::RecordHangs { .. }));
        session.wait(span);
        session.step(Event::Record(RecordChange::Answers));
        let verdict = session.ask(&ben(), Command::Approve { digest });
        assert_eq!(matches!(verdict, Verdict::Accepted), outlasts, "{verdict:?}");
    }
}

#[test]
fn a_disk_that_was_low_on_room_before_it_hung_still_is() {
    let mut session = Session::at_a_quarter();
    session.step(low(4096));
    session.step(hangs());
    session.step(Event::Record(RecordChange::Answers));
    assert!(matches!(session.state.record.keeping, Keeping::Low { bytes: 4096, .. }), "{:?}", session.state.record);
    assert_eq!(told(&session.step(low(4000))), [], "a figure");
    assert!(matches!(refused(session.shift(250, 300)), Refusal::RecordLow { .. }));
}

#[test]
fn a_host_that_died_while_its_disk_hung_is_followed_by_one_that_asks_somebody_to_look() {
    let mut session = Session::at_a_quarter();
    session.step(Event::Record(RecordChange::Hangs { kept: RecordNumber(38), place: "/var/lib".into() }));
    let returned = session.step(Event::Restarted);
    assert!(told(&returned).iter().any(|news| matches!(news, News::Record(RecordChange::Missing { kept: RecordNumber(38), .. }))));
    assert_eq!(session.state.record.keeping, Keeping::Kept, "its own disk answers");
    assert!(session.route().hold.is_some(), "what the one before did meanwhile is not known");
    assert!(attention(&session.state).iter().any(|found| matches!(found, Attention::RecordMissing { .. })));
}

#[test]
fn nothing_mends_a_record_that_broke() {
    let mut session = Session::at_a_quarter();
    session.step(broken());
    for change in [RecordChange::Roomy, RecordChange::Answers, RecordChange::Low { bytes: 4096, place: "/var/lib".into() }] {
        assert_eq!(told(&session.step(Event::Record(change))), []);
        assert!(matches!(session.state.record.keeping, Keeping::Broken { .. }));
    }
}
