//! What may happen in any order: small words that a driver turns into events, so that a failing run shrinks to one that can be read.

use proptest::prelude::*;

use crate::storm::thing::Happening;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Ana,
    /// Ana at a second terminal.
    AnaElsewhere,
    Ben,
    /// An approver.
    Cat,
    /// A watcher.
    Dan,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Time passes, and nothing tells the core.
    Pass(Span),
    Tick,
    /// The host's clock is set back.
    Back(u64),
    Ask(Who, Request),
    Beat(Who),
    Look(Who),
    Join(Who),
    Leave(Who),
    /// Everything that can be looked at is well, and is looked at now.
    Healthy,
    /// So many seconds of that, with everybody's terminal alive and the API answering.
    Calm(u8),
    Reading(Side, Class),
    Scrape(Side),
    Ready(Side, u32),
    Probe(Side, u64),
    Served(Requests),
    Weights(Look),
    Foreign(u16),
    /// Somebody makes of the split what the plan does not know.
    Meddle(Meddling),
    /// An effect that is under way ends; which one, and how.
    End(u8, Fate),
    /// A write without an outcome takes effect after all.
    Land(u8),
    Promoted(bool),
    /// Somebody takes the line away that says who steers.
    Unclaim,
    /// Another session says that it steers, in this epoch.
    Forge(u8),
    Restart,
    /// The thing of a step is looked at; which one.
    LookAt(u8, Look),
    /// Something happens to the thing of a step.
    Happen(u8, Happening),
    /// An act without an outcome is taken up after all.
    TakenUp(u8),
    /// The host reads a roster: each bit is something that may be otherwise in it.
    Roster(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Moment,
    Second,
    Seconds(u8),
    Minutes(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Home,
    Target,
}

/// What a sample says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Fine,
    Bad,
    /// Just at the threshold, which is no breach.
    Border,
    Few,
    Empty,
    NotANumber,
    Infinite,
    Negative,
    Old,
    Ahead,
    Missing,
    Restarted,
    TooEarly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requests {
    /// As the accepted weights say.
    Follow,
    /// As they were not.
    Elsewhere,
    Few,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Now,
    /// It began so many entries ago, and tells what was then.
    Late,
    /// It tells what the newest write of ours has replaced a moment ago.
    Old,
    Fails,
    /// A backend has traffic that the plan does not know.
    Stranger,
}

/// What others do to the document that holds the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meddling {
    /// A backend outside the plan takes so much of whoever has most.
    PutIn(u16),
    /// It is taken out again; home gets what it had.
    TakeOut,
    /// One of the plan's entries becomes two.
    Twice,
    /// A backend outside the plan stands there with nothing.
    Idle,
    /// The target's entry goes, where it has nothing.
    TargetGone,
    /// Nobody gets anything.
    AllZero,
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// Not sent, or answered with an error that proves that nothing happened.
    NotDone,
    /// Done, and the answer lost.
    LostReply,
    /// Nobody knows, and it may still happen.
    Open,
    /// Nobody knows, and it never happens.
    LostRequest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// To this share of the target, from where the route stands.
    Shift(u16),
    /// A little further than it stands.
    Next,
    /// From somewhere else.
    Stale(u16),
    Stranger,
    RollbackAll,
    Rollback,
    Hold,
    Resume,
    Rearm,
    RearmSilently,
    Adopt,
    AdoptOther,
    TakeOver,
    /// From a session that he did not see there.
    TakeOverOther,
    Take,
    GiveUp,
    AskFor,
    HandTo(Who),
    Approve,
    ApproveNothing,
    Deny,
    Withdraw,
    Sign,
    Unsign,
    Say,
    LookHere,
    Inject,
    /// Runs a step as it was last seen, or takes it back; which one.
    Run(u8),
    Undo(u8),
    /// Against a version that nobody saw.
    RunOther(u8),
    Skip(u8),
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![5 => Just(Who::Ana), 1 => Just(Who::AnaElsewhere), 3 => Just(Who::Ben), 1 => Just(Who::Cat), 1 => Just(Who::Dan)]
}

fn share() -> impl Strategy<Value = u16> {
    prop_oneof![3 => prop::sample::select(vec![0, 10, 50, 250, 500, 750, 1000]), 1 => 0..=1000u16]
}

fn wish() -> impl Strategy<Value = Request> {
    use Request::*;
    prop_oneof![
        7 => share().prop_map(Shift),
        9 => Just(Next),
        2 => share().prop_map(Stale),
        1 => Just(Stranger),
        2 => Just(RollbackAll),
        2 => Just(Rollback),
        1 => prop::sample::select(vec![Hold, Resume, RearmSilently, AdoptOther, TakeOverOther, ApproveNothing, Say, LookHere, Inject]),
        3 => prop::sample::select(vec![Sign, Sign, Unsign]),
        4 => Just(Rearm),
        3 => Just(Adopt),
        3 => Just(TakeOver),
        5 => Just(Take),
        1 => prop::sample::select(vec![GiveUp, AskFor]),
        2 => who().prop_map(HandTo),
        4 => Just(Approve),
        1 => prop::sample::select(vec![Deny, Withdraw]),
        6 => any::<u8>().prop_map(Run),
        2 => any::<u8>().prop_map(Undo),
        1 => any::<u8>().prop_map(RunOther),
        1 => any::<u8>().prop_map(Skip),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        3 => Just(Span::Moment),
        6 => Just(Span::Second),
        4 => (2..45u8).prop_map(Span::Seconds),
        1 => (1..13u8).prop_map(Span::Minutes),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![1 => Just(Side::Home), 3 => Just(Side::Target)]
}

fn class() -> impl Strategy<Value = Class> {
    use Class::*;
    let gaps = vec![Border, Few, Empty, NotANumber, Infinite, Negative, Old, Ahead, Missing, Restarted, TooEarly];
    prop_oneof![3 => Just(Fine), 6 => Just(Bad), 3 => prop::sample::select(gaps)]
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::*;
    prop_oneof![6 => Just(Done), 2 => Just(NotDone), 1 => Just(LostReply), 2 => Just(Open), 1 => Just(LostRequest)]
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![8 => Just(Look::Now), 2 => Just(Look::Late), 1 => Just(Look::Old), 1 => Just(Look::Fails), 1 => Just(Look::Stranger)]
}

fn meddling() -> impl Strategy<Value = Meddling> {
    use Meddling::*;
    prop_oneof![3 => (1..=1000u16).prop_map(PutIn), 3 => Just(TakeOut), 2 => prop::sample::select(vec![Twice, Idle, TargetGone, AllZero])]
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![5 => Just(Ends), 2 => Just(Fails), 1 => any::<bool>().prop_map(Others), 1 => any::<bool>().prop_map(OthersWork)]
}

fn requests() -> impl Strategy<Value = Requests> {
    prop::sample::select(vec![Requests::Follow, Requests::Follow, Requests::Elsewhere, Requests::Few])
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => span().prop_map(Op::Pass),
        4 => Just(Op::Tick),
        1 => prop::sample::select(vec![1, 4, 8, 3600, 86_400]).prop_map(Op::Back),
        20 => (who(), wish()).prop_map(|(who, wish)| Op::Ask(who, wish)),
        3 => who().prop_map(Op::Beat),
        1 => who().prop_map(Op::Look),
        1 => who().prop_map(Op::Join),
        1 => who().prop_map(Op::Leave),
        5 => Just(Op::Healthy),
        5 => (1..70u8).prop_map(Op::Calm),
        6 => (side(), class()).prop_map(|(side, class)| Op::Reading(side, class)),
        1 => side().prop_map(Op::Scrape),
        1 => (side(), 0..8u32).prop_map(|(side, ready)| Op::Ready(side, ready)),
        1 => (side(), 0..6u64).prop_map(|(side, failed)| Op::Probe(side, failed)),
        2 => requests().prop_map(Op::Served),
        5 => look().prop_map(Op::Weights),
        2 => share().prop_map(Op::Foreign),
        2 => meddling().prop_map(Op::Meddle),
        12 => (any::<u8>(), fate()).prop_map(|(which, fate)| Op::End(which, fate)),
        2 => any::<u8>().prop_map(Op::Land),
        5 => (any::<u8>(), look()).prop_map(|(which, look)| Op::LookAt(which, look)),
        4 => (any::<u8>(), happening()).prop_map(|(which, happening)| Op::Happen(which, happening)),
        1 => any::<u8>().prop_map(Op::TakenUp),
        1 => any::<bool>().prop_map(Op::Promoted),
        1 => Just(Op::Unclaim),
        1 => (1..9u8).prop_map(Op::Forge),
        2 => Just(Op::Restart),
        2 => (0..16u8).prop_map(Op::Roster),
    ]
}
