//! Faults that somebody might plant by mistake, each by its name: where it stands, and which tests have to see it.
//!
//! `at` is a piece of a source file that occurs there once. What stands in it between « and » is an expression, and `instead` takes its place.

/// One fault.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    /// Under `src`, without the extension.
    pub(crate) file: &'static str,
    pub(crate) at: &'static str,
    pub(crate) instead: &'static str,
    /// The test binary, and which of its tests.
    pub(crate) seen_by: (&'static str, &'static str),
}

impl Mutant {
    /// The piece as it stands in the source, and as it stands with both sides of a switch.
    pub(crate) fn both(&self) -> Option<(String, String)> {
        let (before, rest) = self.at.split_once('«')?;
        let (expression, after) = rest.split_once('»')?;
        let (name, instead) = (self.name, self.instead);
        let switched = format!("{before}(if crate::planted({name:?}) {{ {instead} }} else {{ {expression} }}){after}");
        Some((format!("{before}{expression}{after}"), switched))
    }
}

const fn mutant(
    name: &'static str,
    file: &'static str,
    at: &'static str,
    instead: &'static str,
    seen_by: (&'static str, &'static str),
) -> Mutant {
    Mutant { name, file, at, instead, seen_by }
}

const STEERING: (&str, &str) = ("core", "steering::");
const TRAFFIC: (&str, &str) = ("core", "traffic::");
const ROLLBACK: (&str, &str) = ("core", "rollback::");
const TRIGGERS: (&str, &str) = ("core", "triggers::");
const RECORD: (&str, &str) = ("core", "record::");
const HOME: (&str, &str) = ("core", "home::");
const PEOPLE: (&str, &str) = ("core", "people::");
const JOURNAL: (&str, &str) = ("lib", "journal::");
const ENGINE: (&str, &str) = ("lib", "session::");
const WIRE: (&str, &str) = ("adapters_wire", "");

/// All of them.
#[rustfmt::skip]
pub(crate) const PLANTED: &[Mutant] = &[
    // Who steers.
    mutant("another's claim forbids nothing", "core/steer", "=> «Err(Refusal::SteeredElsewhere { claim: claim.clone() })»,", "Ok(())", STEERING),
    mutant("a lost claim forbids nothing", "core/steer", "Steers::Lost { .. } => «Err(Refusal::ClaimLost)»,", "Ok(())", STEERING),
    mutant("taking over raises no epoch", "core/steer", "let epoch = «steering.epoch.next()»;", "steering.epoch", STEERING),
    mutant("a rollback fences nobody", "core/steer", "«found.is_same(stands) && !refused»", "false", STEERING),
    mutant("a copy of the journal is ours", "core/steer", "(steering.renews || «claim.by.machine == *machine»)", "true", STEERING),
    // What must be so before more users are sent away.
    mutant("answers without a mark forbid nothing", "core/unmarked", "«unmarked(sight, route).map(|Unmarked { unmarked, answers }| Refusal::AnswersUnmarked { unmarked, answers })»", "None", ("core", "unmarked::")),
    mutant("a database that nobody can write to forbids nothing", "core/replication", "Writers::Nobody | Writers::Several(_) => «Some(Refusal::Writers { writers })»,", "None", ("core", "databases::")),
    // Who may.
    mutant("a request is approved by its asker", "core/approval", "if «approval.by.who == by.who» {\n        return Err(Refusal::OwnRequest)", "false", PEOPLE),
    mutant("anybody has the controls", "core/controls", "Some(holder) if «holder.client == by.client» => Ok(()),", "true", PEOPLE),
    mutant("a silent holder keeps the controls", "core/controls", "«now.since(holder.beat_at) >= lasts»", "false", PEOPLE),
    // What may move.
    mutant("every move leads home", "core/traffic", "«to.of(backend) <= now.of(backend)»", "true", TRAFFIC),
    mutant("a first step may be any", "core/traffic", "&& «away > most.get()» {", "false", ("core", "door::")),
    mutant("no step is large", "core/traffic", "«gained(backend) > route.step_max.get()»", "false", PEOPLE),
    mutant("a latch forbids nothing", "core/traffic", "let latched = «state.latch.as_ref().map(|latch| Refusal::Latched { cause: latch.cause.clone() })»;", "None", ROLLBACK),
    mutant("a hold forbids nothing", "core/traffic", "let held = «state.hold.as_ref().map(|hold| Refusal::Held { by: hold.by.clone(), otherwise: hold.otherwise })»;", "None", TRAFFIC),
    mutant("a draft may begin anywhere", "core/traffic", "if «*from == stands || queued» {", "true", TRAFFIC),
    mutant("what is old is written against", "core/standing", "later && «state.outcome_seq.is_none_or(|outcome| seen_seq > outcome)»", "true", TRAFFIC),
    mutant("gates are open", "core/gate", "«gate.above < away»", "false", ("core", "gates::")),
    mutant("drift is not seen", "core/drift", "if «explained || !standing::is_fresh(state)» {", "true", TRAFFIC),
    mutant("nobody contends", "core/standing", "«state.flips.iter().filter(|flip| now.since(**flip) < FLIPS_WITHIN).count() >= FLIPS_MAX»", "false", TRAFFIC),
    // When it goes home by itself.
    mutant("one sample proves a breach", "core/proof", "«self.samples >= SAMPLES_MIN» &&", "self.samples >= 1", ("lib", "core::proof")),
    mutant("isolated samples prove a breach", "core/proof", "«self.unproven.0.saturating_mul(2) > lasting.0»", "false", ("lib", "core::proof")),
    mutant("an echo ends a breach", "core/proof", "if «!self.is_newer(at)» {\n            return Change::Nothing;", "false", ("lib", "core::proof")),
    mutant("undecided is well", "core/verdict", "if sample.value > limit => «Err(Gap::Undecided)»,", "Ok(Side::Within)", ("lib", "core::verdict")),
    mutant("few requests are enough", "core/verdict", "if sample.requests < requests_min => «Err(Gap::LowVolume)»,", "Ok(Side::Within)", ("lib", "core::verdict")),
    mutant("above the top bucket is well", "core/verdict", "Basis::AtLeast => «Err(Gap::Capped)»,", "Ok(Side::Within)", ("lib", "core::verdict")),
    mutant("blindness never acts", "core/trigger", "«turn.now.since(*since) >= BLIND_ACTS_AFTER»", "false", TRIGGERS),
    mutant("everybody goes to a dead home", "core/trigger", "if «evidence::keeps_away_from_home(sight, route, &trigger.backend)» {", "false", ROLLBACK),
    mutant("any failing share is proof", "core/failing", "failed >= FAILED_MIN && «share.low > limit»", "share.fraction > limit", ("core", "door::")),
    mutant("a login page is like home", "core/unlike", "=> «Finding::Breach(Difference { answer: answer.clone(), count, of, home: usual.clone() })»,", "Finding::Unknown", ("lib", "core::unlike")),
    mutant("old windows clear a breach", "core/gathered", "«now.since(so_far.since) <= KEPT»", "true", ("lib", "core::gathered")),
    // The way home.
    mutant("a rollback gives up", "core/rollback", "} else if «due» {", "due && back.failures < 3", ROLLBACK),
    mutant("a conflict is waited for", "core/rollback", "(FaultKind::Conflict, ..=CONFLICTS_AT_ONCE) => «Millis(0)»,", "RETRY_MAX", ROLLBACK),
    mutant("accepted is seen", "core/home", "Proof::Unasked) => «accepted_only(known, route, now, since)»,", "Home::Seen { since }", HOME),
    mutant("a stranger's share is home", "core/home", "if «!accepted.weights.is_all_on(&route.home, route.backend_ids())» {", "false", HOME),
    mutant("what was before is not excluded", "core/settle", "} else if «state.fading.is_empty() && !still_spreads(state, observed.at)» &&", "true", HOME),
    mutant("few answers settle a move", "core/settle", "if «observed.requests < ANSWERS_MIN» {", "false", ("lib", "core::settle")),
    // The record.
    mutant("a rollback needs a record", "core/record", "Command::Rollback { .. } => «Ok(())»,", "kept(state)", RECORD),
    mutant("any write leaves unrecorded", "core/record", "| Motion::NeedsHuman { .. } => «false»,\n        }),\n        Effect::Claim", "true", RECORD),
    mutant("little room forbids nothing", "core/record", "=> «Some(Refusal::RecordLow { bytes: *bytes, since: *since, place: place.clone() })»,", "None", RECORD),
    mutant("a state taken over is not held", "core/restart", "None => state.hold = «Some(Held { by: taker(), at: now, otherwise: Some(Otherwise { from, to }) })»,", "None", ("golden", "")),
    mutant("effects leave before they are kept", "session/engine/record", "(None, false) => «Told::Not(untold)»,", "self.tell_unrecorded(untold); Told::All", ENGINE),
    mutant("all leaves while the disk hangs", "session/engine/record", "if «leaves_unrecorded(&self.state, &effect)» {", "true", ENGINE),
    // The journal.
    mutant("a line of another chain holds", "journal/line", "if «self.prev != head.hash» {", "false", JOURNAL),
    mutant("an edited line holds", "journal/line", "if «hash != self.hash» {", "false", JOURNAL),
    mutant("a witness contradicts nothing", "journal/verify", "«witness.hash != line.hash»", "false", JOURNAL),
    mutant("a cut journal is whole", "journal/verify", "«witness.seq >= proof.records»", "false", JOURNAL),
    mutant("the checkpoint is not asked", "journal/verify", "chain(«noted.map(|mark| mark.witness)»)", "None", JOURNAL),
    mutant("a broken middle is a torn tail", "journal/reader", "TornShape::Partial if «rest.newlines» =>", "false", JOURNAL),
    mutant("a segment's state may be any", "journal/reader", "if «snapshot.state != begins.state» {", "false", JOURNAL),
    mutant("a lost writer goes on", "journal/writer", "Some(first) => «Err(JournalError::Latched { first: first.clone() })»,", "Ok(())", JOURNAL),
    // What is written to the world, and read of it.
    mutant("a map that changed is overwritten", "adapter/url_map/mod", "let map = self.fetch().await?;\n        if «map.fingerprint == version.0» {", "true", WIRE),
    mutant("a repeated write has an id of its own", "adapter/request_id", "intent.session, «intent.first»)", "intent.effect", ("lib", "url_map")),
    mutant("an operation's word is believed", "adapter/url_map/mod", "if «route::reads_as(&map, self.config.known(), change)» {", "true", WIRE),
    mutant("a server's error did nothing", "adapter/url_map/mod", "if «status >= 500» { Outcome::Unknown", "false", WIRE),
    mutant("writes are not hedged", "adapter/http/hedge", "tokio::time::sleep(«NEXT_AFTER.min(left)»)", "left", ("lib", "adapter::http")),
    mutant("a service is written without its etag", "adapter/cloud_run/driver", "Patch { etag: «service.etag.clone()»,", "String::new()", WIRE),
    mutant("a small share vanishes", "adapter/share", "if «shares.get(id) == Some(&0)»", "false", ("lib", "adapter::share")),
    mutant("people's text is lost", "adapter/claim", "None => «format!(\"{text}{GAP}{claim}\")»,", "claim.to_string()", ("lib", "adapter::claim")),
    mutant("the metadata service is asked", "domain/address", "is_no_host || «v4.is_link_local()» ||", "false", ("lib", "domain::address")),
    mutant("a pod that ends is ready", "adapter/kubernetes/pod", "&& «wire.metadata.deletion_timestamp.is_none()»;", "true", ("lib", "kubernetes")),
    mutant("a redirect to another host is one to this", "adapter/prober/shot", "Some(led) if «led.host_str() == asked.host_str()» =>", "true", WIRE),
    mutant("several processes are one", "adapter/metrics/kinship", "if «start == Start::Earlier» {", "false", ("lib", "metrics")),
    mutant("rates are not extended", "adapter/metrics/arithmetic", "if «to_start < between * 1.1» { to_start }", "false", ("lib", "metrics")),
    // Who comes in.
    mutant("no signature is checked", "attach/connection", "«public.verify(TO_APPROVE, digest.to_string().as_bytes(), signature)».map_err", "Ok::<(), SignatureError>(())", ("attach", "")),
    mutant("a cockpit may approve unsigned", "attach/connection", "Ok(FromCockpit::Ask { command: Command::Approve { .. }, .. }) if «signs.is_some()» =>", "false", ("attach", "")),
];
