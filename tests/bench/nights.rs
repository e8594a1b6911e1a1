//! The core alone, and whole nights around it.

use cutover::{
    core::{state::State, step::step},
    domain::time::Millis,
    sim::scenario::Scenario,
};

use crate::{
    clock::{least, row, timed},
    storm::{
        night,
        night::{Checks, Course, Night, Summary},
    },
};

/// The entries of one long storm, stepped again and again.
pub(crate) fn steps() {
    let course = Course { storm: Millis::from_mins(30), ..Course::STORM };
    let mut one = Night::begin(1, course, Checks::Off).expect("a night begins");
    one.run().expect("a night without checks ends");
    let transitions = one.transitions().expect("its journal can be read");
    let fold = || {
        transitions.iter().fold(State::default(), |mut state, transition| {
            step(&mut state, &transition.entry);
            state
        })
    };
    let each = least(7, fold).as_nanos() as f64 / transitions.len() as f64;
    row(&format!("core, a step ({} entries of a night)", transitions.len()), format!("{each:.0} ns, {:.0} steps/s", 1e9 / each));
}

pub(crate) fn nights() {
    let whole = |course: Course, checks: Checks, count: u64| {
        let (cpu, done) = timed(|| (0..count).map(|seed| night(seed, course, checks)).collect::<Result<Vec<Summary>, String>>());
        match done {
            Ok(done) => (cpu.as_secs_f64(), done),
            Err(what) => panic!("{what}"),
        }
    };
    let told = |what: &str, course: Course, checks: Checks, count: u64| {
        let (cpu, done) = whole(course, checks, count);
        let sum = |of: fn(&Summary) -> u64| done.iter().map(of).sum::<u64>();
        let arrived = done.iter().filter(|night| night.furthest == 1000).count();
        row(what, format!("{:.0} nights in a CPU minute, {:.1} ms each", count as f64 * 60.0 / cpu, cpu * 1000.0 / count as f64));
        row(
            "",
            format!(
                "{count} nights: {} entries, {} writes, {} rollbacks, {} restarts, {arrived} came to 100 %, {} MB of journal",
                sum(|night| night.entries),
                sum(|night| night.writes),
                sum(|night| night.rollbacks),
                sum(|night| night.restarts),
                sum(|night| night.journal_bytes) / 1_000_000
            ),
        );
    };
    told("a calm migration of 15 min, unchecked", Course::CALM, Checks::Off, 20);
    told("a storm of 12 min and its calm, unchecked", Course::STORM, Checks::Off, 20);
    told("a storm of 12 min and its calm, every entry checked", Course::STORM, Checks::On, 40);
    world_alone();
}

/// What of that is the world itself and not the product.
fn world_alone() {
    use cutover::sim::world::{World, propagation::Span};
    let minutes = 15;
    let cpu = least(3, || {
        let mut world = World::new(1_800_000_000_000, 1, Span::default());
        world.follow(Scenario::Calm, 1);
        for quarter in 1..=minutes * 240 {
            world.tick(1_800_000_000_000 + quarter * 250);
        }
    });
    row("the simulated world alone, 15 min", format!("{:.1} ms", cpu.as_secs_f64() * 1000.0));
}
