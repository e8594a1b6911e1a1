//! `cutover`: a terminal cockpit from which engineers steer a live, zero-downtime migration from Cloud Run to GKE.
//!
//! # The map, in reading order
//! - [`domain`]: the nouns. Validated values; no I/O, no clock.
//! - [`plan`]: from a YAML file, and the manifests that it names, to a `Plan`; every mistake at once, with its line.
//! - [`core`]: the pure heart. `step(&mut State, &Entry) -> Decision` is the whole program; everything else carries things to it or from it.
//! - [`words`]: the only room with English: news, refusals, reasons and the outlook become sentences here, for every face alike.
//! - [`journal`]: append-only, hash-chained; in segments that each begin with the state.
//! - [`port`]: what a session needs of the world, in domain words; [`adapter`]: the same over some vendor's wire.
//! - [`session`]: the imperative shell and single owner of the state.
//! - [`door`]: the seam between a session and whoever attaches; [`attach`]: the same over a socket, roles given by the kernel.
//! - [`tui`]: the cockpit. It draws the state and sends commands.
//! - [`sim`]: the world in a bottle, wire-true on loopback. It shares no code with the adapters.
//! - [`cli`]: one file a subcommand; the only place where everything meets. `cli/supervisor.rs` starts a host again that died, `cli/stand.rs` keeps it
//!   where it is found, `cli/witness.rs` tells the machine's log where its journal ends.
//! - `telemetry`: the program's own log.
//!
//! # What always holds
//! Asking is not doing: a key becomes a command, `step` alone turns a command into an effect, and the record of it is on disk before the
//! effect leaves; where no record can be kept, only looks and the way home leave, and every face says so. No data is not good data: a reading is ok, breached or unknown, and only ok clears anything. Going back comes first:
//! a rollback pre-empts everything and needs no second person. The journal is the session: state is folded from it and from nothing
//! else, so a crash, a colleague who joins and a test all meet the same state. The record holds types and no prose, so it outlives the
//! program that wrote it; recovery compares answers and effects and never words. What a face says of the future is [`core::outlook`]'s
//! word, which is computed by the functions that act. `tests/tidy.rs` holds the arrows between the rooms.
//!
//! # Words
//! A share is *wanted* (asked for), *given* (accepted by the API) and *got* (what requests show, with its band). A route is *home* when
//! everything is accepted there and seen there; a *stranger* is a backend with traffic that the plan does not name; a *hindrance* is what
//! an API's object holds against a move. A *position* is where in a URL map a route's split stands: its default route, that of a path
//! matcher, or a rule of one; of an HTTPRoute, which *rule* holds it. An answer is *marked* with the name of the backend that gave it, and else *unmarked*; one that is made to bear another name has a *false mark*. A *declarer* applies what an object is to be, again and again, and so owns its weights too. *News* is what happened, a *refusal* why something was not done, an *objection* what stands
//! against going home, *evidence* what a line of the checklist rests on. A trigger is *running*, *unproven* (beyond its limit when it was last
//! judged), *blind*, *unjudged* (excused: too little to tell), *idle*, *fired*, *going home* (a rollback does already what it could lead to)
//! or *quiet*; its *gap* is why there is no figure.
//! The *steerer* of a route is the session whose *claim* its object bears: a line beside people's text, written with the weights, whose *epoch* rises
//! with each taking over. Who finds another's is *fenced*: it may go home, and nothing else. A claim is *lost* when it is gone and nobody else's stands there.
//! A *doubt* says what is wrong or can't be told, of a move or of the way home, and forbids nothing. A *latch* follows a rollback
//! until a person re-arms the route with a reason; a *hold* is a person's; a *drift* is somebody else's change. A *mark* is what charts
//! remember on their time axis, an *act* an answer or a write that no news tells. An *unresolved* write is one of ours whose outcome is not known; a *transition* is one entry with what was
//! decided on it, and its *effects* are what the executors then do in the world.
//! *Credentials* are the account and the key that stood behind a name when he came; *barred* from a request is whoever stands otherwise in the
//! roster since it was opened; the *head* is the journal's newest record, which proves all before it to whoever keeps it: a *witness*. An *old read* tells what a write of ours has *replaced*. An *errand* is a connection for one question. A record is *kept*, *low* on room, *hanging* (its
//! disk does not answer) or *broken*; a disk that hangs again and again, and answers in between, is *slow*; what is told before it is kept is not *on record*, and a time may be *missing* from it. A *standstill* is a time
//! in which the host did not run, and proves nothing. A host is *alone* when the process that would start it again is gone. A step is *lost* that was asked for and not made. A *source* is a server that is asked for figures; its *lateness* is how old they are while all is well, and a *cadence* is how often, over how long and how late figures come. A *universe* is the cloud that a project is in, by the domain of its APIs. A *series* is a figure that the plan declares beside the standard ones, with its unit and its *bad* side; a *feed* is where a backend tells it. A trigger whose window fills is *armed* at the time from which on it can judge; windows of too few requests are *gathered* to show that a breach is over. Users *follow* a change until requests show it; the *newest* answers are a run of bad
//! ones that an old share would hide; a revision *beside* the main one is one that nobody planned.
//! A *step* is a state that one outside thing is to have, as a phase of the plan wants it, and the *runbook* is all of them. How a thing stands
//! to it is its *standing*, as one look tells; an act on it *runs* it, which makes of the thing what the step wants, or takes that back. A step is *reached* when a look
//! sees it so, whoever did it; *apart* when it is otherwise, with the changes that an act would make; *foreign* when something else stands in its
//! place; *skipped* when a person says that it is not to be done. Work of the vendor on it is *under way*.
//!
//! # The way of a key
//! [`tui::input`] makes a key of bytes, [`tui::keymap`] an action of the key, [`tui::app`] a [`core::command::Command`] of the action;
//! [`attach`] carries it to the host, which stamps who asks; [`session::engine`] makes an [`core::event::Entry`] of it, lets
//! `core::step` decide, has the [`journal`] make the transition durable on a thread of its own, and only then gives the effects to [`session::dispatch`], whose
//! tasks call an [`adapter`] through its [`port`]. The outcome comes back as an entry of its own. The transition goes to every cockpit, which
//! folds it with the same `step` and draws.
//!
//! # Where it is proved
//! `tests/core` (decisions, random orders, storms without sockets), `tests/plan` (each mistake and its remark), `tests/frames` and
//! `tests/pairing` (what is drawn, one cockpit and several), `tests/attach` (who is let in over a socket, and what he may ask),
//! `tests/adapters_wire` and `tests/adapters_sim` (adapters against answers that lie, and against the world in a bottle; what all drivers are
//! held to alike is in `conformance.rs` there, and what all steps are in `steps.rs`), `tests/stories`
//! (engine, host and adapters over loopback), `tests/terminal`, `tests/host_process` and `tests/ssh` (the real binary), `tests/golden`
//! (journals of earlier versions are taken up), `tests/real_clients` and `tests/real_prometheus` (programs that others wrote). `tests/bench`
//! prints the figures.
//!
//! # Recipes
//! The compiler leads through most of each: no `match` on a type of ours has a catch-all arm, and a list of all cases (`ALL`, the words of the
//! plan) is as long as its enum. What neither it nor a test asks for is said here after *Nothing asks*.
//! - **A key**: a variant in `tui/keymap/action.rs`, a row in `tui/keymap/table.rs`, an arm in `tui/app/act.rs`. Help, palette, `keys.toml` and
//!   README go by the table. Nothing asks when the footer offers it (`tui/draw/footer.rs`), nor for a word on the screen that it was done.
//! - **A pane**: a variant of [`tui::view::Pane`] and its place in `Pane::ALL`, which gives it its digit; a file in `tui/panes/`, what it says in
//!   full in `tui/panes/zoom/`, its rows in `tui/app/scroll.rs`. It judges nothing: what it needs to know it asks [`core::outlook`], and a figure it asks of [`core::figures`], which knows how old it is. A test asks
//!   for its room on a large screen; nothing asks for it in the two smaller layouts of `tui/draw/places.rs`, nor for a scene in `tests/frames`.
//! - **Something to tell**: a variant of [`core::news::News`], its tone beside it, what it is about and whether it ends an older answer on the
//!   screen in `core/topic.rs`, its sentence in `words/news.rs`. Nothing asks whether charts mark it and whether it repeats what was told (both
//!   in `core/topic.rs`), and whether it ends the mark of a breach (`core/marks.rs`).
//! - **Something that somebody should look at**: a variant of [`core::outlook::Attention`], which says whether it is urgent and how it ranks; its
//!   sentence in `words/outlook.rs`, its short form in `words/short.rs`, its word for machines in `cli/status/shape.rs`. Nothing asks where
//!   `core/outlook.rs` finds it, nor that storms watch it (`tests/core/watch`).
//! - **Something to ask for**: a variant of [`core::command::Command`], who may ask it in `core/people.rs`, its rule in a file of `core/`
//!   called from `core/step.rs`, its words in `words/asked.rs`, an example in `tests/common/operator.rs`, from which watchers are refused it.
//!   Nothing asks for the key, nor that random orders ask it (`tests/core/chance/ops.rs`, and a property there). A change of what `step` decides
//!   on what was recorded already is a recipe of its own.
//! - **A word of the plan**: its key in the list of its file in `plan/lower/`, its field in `plan/model.rs`, with a default where journals of
//!   before lack it, its line in `plan/schema/table.rs` and in `tests/plan/every_key.yaml`, for both of which a test asks. Nothing asks for its line in `plans/hexproperty.yaml`, a broken example in `tests/plans`, nor what `cli/check.rs` prints of it.
//! - **A measurement, for triggers and charts**: a variant of [`domain::metric::Metric`] and its worth in `tui/panes/metrics.rs`;
//!   `adapter/metrics/` says how it is made of a page, with its family in `adapter/metrics/exposition.rs`, and `adapter/prometheus/` of a
//!   query, with its key in `plan/lower/readings.rs`. Nothing asks that
//!   `sim/world/meter.rs` counts it and `sim/server/metrics.rs` serves it, that storms have it (`tests/core/storm/senses.rs`), that a real
//!   Prometheus agrees (`tests/real_prometheus.rs`), nor for its figure on a card (`tui/panes/platforms.rs`).
//!   A figure that is not everybody's needs no variant: a plan declares it as a series. A *unit* of those is a case of [`domain::metric::Unit`]
//!   and of `threshold` in `plan/lower/trigger.rs`; nothing but a test asks for its word in `plan/schema/table.rs`.
//! - **A preset**: a row in `plan/preset.rs`, and two pages of its exporter in `tests/presets`, with the program that made them, for which a
//!   test asks. Nothing asks for its row in README.
//! - **An outside system**: a folder in `adapter/` that implements [`port::Sensor`] or [`port::Driver`], composed in `cli/compose.rs`, whence
//!   `check --live` has it too; a new kind of [`domain::fact::Fact`] is asked for there and in `core/observe.rs`. A file in `sim/server/` speaks
//!   the same wire, written from the vendor's documents and never from the adapter; `sim/server/router.rs` knows it by its host. Nothing asks
//!   for its way by path alone and for which of its requests only read (both there), for a driver's place among the subjects of
//!   `tests/adapters_sim/conformance.rs`, for its own trouble in [`sim::faults::Api`] and in the
//!   storms of `sim/scenario.rs`, for `tests/adapters_wire` and `tests/adapters_sim.rs`, nor for a test against the vendor's own client.
//! - **A kind of step**: a variant of [`plan::model::steps::Desired`], how its act is taken back and what its target is called beside it; its keys in a
//!   file of `plan/lower/steps/`, with a row in the table of kinds there and one in `plan/schema/steps.rs`; an adapter that implements
//!   [`port::Reconciler`]; its line in `cli/compose/steps.rs`; its words in `words/steps.rs`; whom it asks and what it needs in
//!   `cli/check/live/steps.rs`. The compiler and a test ask for these, and for its place in `tests/plan/every_key.yaml`. Nothing asks for its
//!   place among the subjects of `tests/adapters_sim/steps.rs`, by which every kind is held to the same, for the face of its API in `sim/server`
//!   with faults that fail it, hang it and outrun it, which that suite needs, nor for its row in README.
//! - **Another decision on what was recorded already**: raise [`core::FOLD`] and leave a journal of the new fold in `tests/journals`, as
//!   `tests/golden.rs` says, which asks for it and names the older ones that are decided otherwise now; hosts that take those up hold every
//!   route and say so. Nothing asks whether [`attach::protocol::VERSION`] rises too: it does where a cockpit of before would draw something
//!   else than the host holds.
//! - **An effect**: a variant of [`core::decision::Effect`], its end in `core/motion.rs`, its executor in `session/dispatch.rs`; the compiler asks
//!   for these. Nothing asks whether it changes the world, and so belongs to `core/acts.rs`, to `core/record.rs`, to what `cli/witness.rs` counts and
//!   to the writes of `cli/audit/cross/book.rs`.
//! - **A subcommand**: a variant in `cli/mod.rs`, a file in `cli/`, a row in README, which a test asks for. Shells complete its first word where
//!   that is called `session`.
//! - **A finding of `check`**: a row in `cli/check/finding.rs`, which README lists from there; where it is found, in `cli/check/live/`, and the fault
//!   of the world that leads to it, in `tests/compose/preflight.rs`; of a manifest, in `cli/check/manifests/` and `tests/plan/manifests.rs`.
//!   What is asked of a vendor once, before a flight, is in `adapter/preflight`.
//! - **A fault of the world**: a variant of [`sim::faults::Fault`] and a row in [`sim::faults::choices`]; the palette offers it by itself. The
//!   compiler asks where it is folded into the world, and, of a metrics page that is damaged, how it differs (`sim/server/shape.rs`). Nothing asks for the lists that are drawn from by chance: what storms may meet is in
//!   `sim/scenario.rs`; and what the whole path makes of it belongs into `tests/adapters_sim.rs` and a story.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another case has failed"))]

pub mod adapter;
pub mod attach;
pub mod cli;
pub mod core;
pub mod domain;
pub mod door;
pub mod journal;
pub mod plan;
pub mod port;
pub mod session;
pub mod sim;
mod telemetry;
pub mod tui;
pub mod words;
