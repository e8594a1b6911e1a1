//! The host is gone, silent, over or back: what a cockpit says then.

use cutover::{
    attach::client::Listens,
    core::{command::Command, event::WorldKind, news::Tone},
    domain::time::{Millis, Timestamp},
    tui::view::{Back, Fate, Hearing, Then, Unanswered, View},
};

use crate::{
    pairs::keep_dialogs,
    scenes,
    stories::{at_all_sizes, says},
};

fn lost(why: &str, then: Then) -> View {
    View { hearing: Hearing::Lost { why: why.to_owned(), then, gone: Millis::from_secs(42) }, ..scenes::view() }
}

#[test]
fn a_host_that_is_gone_leaves_what_was_seen_and_what_still_holds() {
    let view = lost("the host closed the line", Then::TryAgain { attempts: 7, listens: Listens::NotKnown });
    let texts = at_all_sizes("lost", &scenes::calm(), &view);
    says(&texts, &["NOT CONNECTED for 42s", "THE HOST IS GONE", "for 42s: the host closed the line", "Last seen at 03:12:40Z"]);
    says(&texts, &["Web frontend: 25% on GKE", "2 triggers armed, none breached", "whoever else steers may"]);
    says(&texts, &["cutover open takes it up again", "url-maps export", "Trying again by itself, attempt 7"]);
    for text in &texts {
        let footer = text.lines().last().expect("a footer");
        assert!(footer.contains("F9 ROLL BACK when it is back") && footer.contains("help"), "{footer}");
    }
    keep_dialogs("lost", &texts);
}

/// Nobody listens at its socket, so it died, and `status` says the same; the command is whole however little room there is.
#[test]
fn a_host_that_has_ended_is_told_as_ended_and_the_command_by_hand_is_never_cut() {
    let ended = Then::TryAgain { attempts: 7, listens: Listens::Nobody };
    let mut state = scenes::calm();
    let asks = View { unanswered: asked(Millis::from_secs(7), Fate::Lost), ..lost("the host closed the line", ended) };
    for view in [lost("the host's process has ended, for nobody listens", ended), asks] {
        let texts = at_all_sizes("ended", &state, &view);
        says(&texts, &["THE HOST IS GONE", "the host has ended and moves no weight", "nobody listens: the triggers sleep", "--quiet"]);
        says(&texts, &["cutover open takes it up again", "Trying again by itself, attempt 7", "Web frontend: 25% on GKE"]);
        assert!(texts.iter().all(|text| !text.contains("if only this line broke")), "{}", texts[0]);
    }
    // The world says a line more.
    if let Some(opened) = &mut state.opened {
        opened.world = WorldKind::Demo { speed: 10 };
    }
    says(&at_all_sizes("ended-demo", &state, &lost("the host closed the line", ended)), &["--quiet", "not this simulated world"]);
    let view = lost("the host's process has ended, for nobody listens", ended);
    keep_dialogs("ended", &at_all_sizes("ended", &scenes::calm(), &view));
}

#[test]
fn a_clock_that_was_running_and_a_write_on_its_way_are_not_forgotten() {
    let view = lost("the host closed the line", Then::TryAgain { attempts: 1, listens: Listens::NotKnown });
    says(&at_all_sizes("lost-breach", &scenes::breach(), &view), &["error rate of GKE breached, its clock running"]);
    says(&at_all_sizes("lost-latched", &scenes::rollback(), &view), &["latched after a rollback"]);
    says(&at_all_sizes("lost-blind", &scenes::stale(), &view), &["2 of 2 triggers blind"]);
}

#[test]
fn silence_and_the_end_are_told_apart_from_absence() {
    let texts = at_all_sizes("silent-host", &scenes::calm(), &lost("it has said nothing", Then::Listen));
    // A key that is kept is offered, one that goes nowhere is not.
    says(&texts, &["THE HOST IS SILENT", "carried out when the host goes on", "F9 ROLL BACK when it goes on"]);
    let footer = |text: &String| text.lines().last().expect("a footer").to_owned();
    assert!(texts.iter().all(|text| !footer(text).contains("Enter")), "{}", texts[0]);
    let texts = at_all_sizes("over", &scenes::calm(), &lost("the session was stopped by its owner", Then::Nothing));
    says(&texts, &["OVER FOR THIS COCKPIT", "the session was stopped by its owner", "Nothing is tried again. q leaves"]);
    assert!(texts.iter().all(|text| !text.contains("Trying again") && !footer(text).contains("F9")), "{}", texts[0]);
}

fn asked(age: Millis, fate: Fate) -> Vec<Unanswered> {
    let command = Command::Rollback { route: None, reason: None };
    vec![Unanswered { key: "F9".to_owned(), command, at: Timestamp(1_795_471_200_000), age, fate }]
}

#[test]
fn a_key_that_has_no_answer_is_told_from_the_second_on() {
    let view = |age| View { unanswered: asked(age, Fate::Sent), ..scenes::view() };
    let texts = at_all_sizes("unanswered", &scenes::breach(), &view(Millis::from_secs(3)));
    for text in &texts {
        let line = text.lines().nth(1).expect("a state line");
        assert!(line.contains("F9 asked 3s ago, ") && line.contains(" answer"), "{line}");
    }
    let texts = at_all_sizes("unanswered-yet", &scenes::breach(), &view(Millis(900)));
    assert!(texts.iter().all(|text| !text.contains("has not answered")), "{}", texts[0]);
}

#[test]
fn what_was_asked_of_a_silent_host_is_listed_with_what_becomes_of_it() {
    let view = View { unanswered: asked(Millis::from_secs(7), Fate::Sent), ..lost("it has said nothing", Then::Listen) };
    let texts = at_all_sizes("silent-unanswered", &scenes::calm(), &view);
    says(
        &texts,
        &["THE HOST IS SILENT", "F9: roll back every route, asked at", "7s ago", "carries it out when it goes on", "url-maps export"],
    );
    let view = View {
        unanswered: asked(Millis::from_secs(7), Fate::Lost),
        ..lost("the host closed the line", Then::TryAgain { attempts: 1, listens: Listens::NotKnown })
    };
    says(&at_all_sizes("lost-unanswered", &scenes::calm(), &view), &["F9: roll back every route", "may have been taken or not"]);
}

#[test]
fn a_host_that_is_back_says_what_happened_meanwhile() {
    let news = vec![
        (Tone::Warning, "the host had ended and was started again; nobody watched in between".to_owned()),
        (Tone::Plain, "nothing advanced by itself, what was under way is read back; 37 records came meanwhile".to_owned()),
        (Tone::Plain, "frontend stands where it stood: gke 25% · run 75%".to_owned()),
        (Tone::Warning, "you had the controls; they are free now, c takes them".to_owned()),
    ];
    let view = View { back: Some(Back { gone: Millis::from_secs(42), news }), ..scenes::view() };
    let texts = at_all_sizes("back", &scenes::calm(), &view);
    says(&texts, &["THE HOST IS BACK", "after 42s", "was started again", "37 records", "they are free now"]);
    keep_dialogs("back", &texts);
}

/// A cockpit's own clock goes on, and what it would count nobody does.
#[test]
fn nothing_is_counted_down_once_the_host_is_not_heard() {
    let view = lost("the host closed the line", Then::TryAgain { attempts: 1, listens: Listens::NotKnown });
    for state in [scenes::breach(), scenes::stale(), scenes::rollback()] {
        let later = View { now: view.now + Millis::from_secs(20), ..view.clone() };
        let (then, now) = (at_all_sizes("as-of", &state, &view), at_all_sizes("as-of-later", &state, &later));
        says(&now, &["as of 03:12:40Z", "03:13:00Z"]);
        for (then, now) in then.iter().zip(&now) {
            let body = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(body(then), body(now));
        }
    }
}
