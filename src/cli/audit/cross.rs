//! `cutover audit cross-check`: the cloud's own audit log against a journal, both ways.
//!
//! Each write carries the name of its session and effect and the hash of the record that holds it as its request reason, which the cloud keeps
//! in a log that nobody here can write or switch off. So what the journal says that it did has to be there, what is there in the session's name
//! has to be in the journal, and the hashes there are witnesses of the journal itself. What nobody knew of when it happened is known by this.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde_json::json;

use self::{
    book::{Book, Fate, Makes, Write},
    compare::{Comparison, Finding, Stranger, compare, in_cluster, object},
    log::{Entry, Log},
};
use crate::{
    cli::{
        Exit,
        audit::{
            Format,
            judged::{Judged, Word, is_there},
            time,
            verdict::{refuse, tell},
        },
        way,
    },
    domain::{shown::Shown, time::Timestamp},
    journal::encode::ascii_json,
    plan::model::Driver,
    words::Names,
};

mod book;
mod compare;
mod log;

/// Larger exports are not read; weeks of one URL map's changes are a hundredth of it.
const LOG_BYTES_MAX: u64 = 256 << 20;

/// Writes what the comparison of the journal at `path` with `log` gives (`-` is standard input); without a log, the command that exports it.
///
/// `Done` if both agree and nobody else has changed anything, `Drift` if somebody has, `Unsettled` while a write is under way, `Failed` if they
/// contradict each other, `Usage` if one can't be read; where the journal does not hold, as `verify` ends.
///
/// # Errors
/// Only if `out` takes no more.
pub fn check(path: &Path, log: Option<&Path>, format: Format, out: &mut dyn io::Write) -> io::Result<Exit> {
    if let Err(unjudged) = is_there(path) {
        return tell(&unjudged, format, out);
    }
    let Some(from) = log else {
        return match Book::read(path, []) {
            Ok(book) => {
                writeln!(out, "{}", command(&book))?;
                Ok(Exit::Done)
            }
            Err(error) => refuse(&error, format, out),
        };
    };
    let read = bytes(from).and_then(|bytes| log::read(&bytes));
    let log = match read {
        Ok(log) => log,
        Err(error) => return refuse(&Unread { from: from.display().to_string(), error }, format, out),
    };
    let heads = log.entries.iter().filter_map(|entry| entry.reason.as_ref()).map(|reason| reason.head.clone());
    let book = match Book::read(path, heads) {
        Ok(book) => book,
        Err(error) => return refuse(&error, format, out),
    };
    let judged = match Judged::of(path, &[]) {
        Ok(judged) => judged,
        Err(unjudged) => return tell(&unjudged, format, out),
    };
    let compared = compare(&book, &log);
    let (word, why) = judged.told(book.broken.as_ref());
    let outcome = Outcome::of(&book, &compared, word);
    match format {
        Format::Text => out.write_all(text(&book, &log, &compared, why.as_deref(), outcome).as_bytes())?,
        Format::Json => {
            let mut told = shape(&book, &log, &compared, outcome);
            told["journal"] = json!(word.code());
            writeln!(out, "{}", ascii_json(&told)?)?;
        }
    }
    Ok(outcome.exit())
}

#[derive(Debug, thiserror::Error)]
#[error("{from} is no export of an audit log: {error}; nothing was compared; without --log this command prints how one is made")]
struct Unread {
    from: String,
    error: io::Error,
}

fn bytes(from: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let input: Box<dyn Read> = if from == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(from)?) };
    if input.take(LOG_BYTES_MAX + 1).read_to_end(&mut bytes)? as u64 > LOG_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {LOG_BYTES_MAX} bytes; export a shorter time")));
    }
    Ok(bytes)
}

/// The command that exports what the log has of the plan's objects since the session began.
fn command(book: &Book) -> String {
    // The journal may be anybody's, and the line is pasted into a shell.
    let clean = |text: &str| text.replace(['"', '\\', '\''], "");
    let (project, region) = (clean(book.plan.project.as_str()), clean(book.plan.region.as_str()));
    let names = book.plan.routes.iter().flat_map(|route| {
        let object = object(&book.plan, route);
        let is_named = |name: &str| format!("(protoPayload.resourceName=\"{}\")", clean(name));
        let (first, older) = match &route.driver {
            Driver::UrlMap(_) => (is_named(&object), None),
            // The log calls it as every other cluster's of that name.
            Driver::HttpRoute(part) => {
                let (cluster, prefix) = (clean(part.cluster.as_str()), in_cluster(part.cluster.as_str(), ""));
                let own = object.strip_prefix(&prefix).unwrap_or(&object);
                (format!("({} AND resource.labels.cluster_name=\"{cluster}\")", is_named(own)), None)
            }
            Driver::CloudRunRevisions { service } => {
                let by_older = format!("protoPayload.resourceName=\"namespaces/{project}/services/{}\"", clean(service.as_str()));
                (is_named(&object), Some(format!("({by_older} AND resource.labels.location=\"{region}\")")))
            }
        };
        std::iter::once(first).chain(older)
    });
    let names = names.collect::<Vec<_>>().join(" OR ");
    let since = moment(book.from);
    let filter =
        format!("logName=\"projects/{project}/logs/cloudaudit.googleapis.com%2Factivity\" AND timestamp>=\"{since}\" AND ({names})");
    let words = ["gcloud", "logging", "read", &filter, &format!("--project={project}"), "--order=asc", "--format=json"];
    words.map(way::quoted).join(" ")
}

fn moment(at: Timestamp) -> String {
    time(u64::try_from(at.0).unwrap_or_default())
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Agrees,
    /// Both agree, and somebody else has changed something.
    Foreign,
    /// Of a write that is under way neither knows how it ends; the others agree.
    NotYet,
    Contradicts,
    /// Records of the journal can't be read here; the others were compared, and agree.
    InPart,
    /// The journal does not hold to its end, and what holds was compared.
    Journal(Word),
}

impl Outcome {
    fn of(book: &Book, compared: &Comparison<'_>, word: Word) -> Outcome {
        let contradicts = compared.writes.iter().any(|(_, finding, _)| finding.contradicts())
            || compared.strangers.iter().any(|(stranger, _)| stranger.contradicts());
        let is_under_way = compared.writes.iter().any(|(_, finding, _)| *finding == Finding::NotYet);
        // What is missing of a torn journal may be what the log has, and makes no contradiction less; a broken one is not compared to its end.
        match word {
            Word::Broken | Word::Zeroed => Outcome::Journal(word),
            Word::Proved | Word::Torn if contradicts => Outcome::Contradicts,
            Word::Proved | Word::Torn if !book.unread.is_empty() => Outcome::InPart,
            Word::Torn => Outcome::Journal(word),
            Word::Proved if is_under_way => Outcome::NotYet,
            Word::Proved if !compared.strangers.is_empty() => Outcome::Foreign,
            Word::Proved => Outcome::Agrees,
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Outcome::Agrees => Exit::Done,
            Outcome::Foreign => Exit::Drift,
            Outcome::NotYet => Exit::Unsettled,
            Outcome::Contradicts | Outcome::InPart => Exit::Failed,
            Outcome::Journal(word) => word.exit(),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Outcome::Agrees => "AGREE  ",
            Outcome::Foreign => "FOREIGN",
            Outcome::NotYet => "NOT YET",
            Outcome::Contradicts => "DIFFER ",
            Outcome::InPart => "IN PART",
            Outcome::Journal(word) => word.text(),
        }
    }

    /// For programs.
    const fn code(self) -> &'static str {
        match self {
            Outcome::Agrees => "agree",
            Outcome::Foreign => "foreign",
            Outcome::NotYet => "not-yet",
            Outcome::Contradicts => "differ",
            Outcome::InPart => "in-part",
            Outcome::Journal(word) => word.code(),
        }
    }
}

fn text(book: &Book, log: &Log, compared: &Comparison<'_>, why: Option<&str>, outcome: Outcome) -> String {
    let names = Names::in_plan(&book.plan);
    let Comparison { writes, strangers, elsewhere } = compared;
    let mut text = format!(
        "{}  {} writes in the journal, {} changes in the log; {} entries of other objects or times, {} that are no changes\n",
        outcome.text(),
        writes.len(),
        log.entries.len(),
        elsewhere,
        log.passed_over
    );
    text += &format!("session  {}, from {} to {}\n", Shown::new(&book.session), moment(book.from), moment(book.to));
    text += &format!("head     {}\n", book.head);
    if let Some(why) = why {
        text += &format!("end      the journal holds up to the head, and was compared so far: {why}\n");
    }
    text += &unread(book);
    for (write, finding, entries) in writes {
        let makes = match &write.makes {
            Makes::Split { from, to } => format!("from {} to {}", names.split(&write.route, from), names.split(&write.route, to)),
            Makes::Claim(claim) => format!("that only says who steers, epoch {}", claim.epoch),
        };
        let mark = if finding.contradicts() { "DIFFERS" } else { "write  " };
        text += &format!(
            "{mark}  record {}, effect {}, {}: {} {makes}: {}\n",
            write.record,
            write.effect,
            moment(write.at),
            names.route(&write.route),
            said(write, *finding, entries)
        );
    }
    for (stranger, entry) in strangers {
        let mark = if stranger.contradicts() { "DIFFERS" } else { "foreign" };
        text += &format!("{mark}  {}\n", told(*stranger, entry));
    }
    text + next(outcome, compared)
}

/// What was left out of the comparison.
fn unread(book: &Book) -> String {
    let Some(first) = book.unread.first() else { return String::new() };
    let which = match book.unread.len() {
        1 => format!("record {first} tells of a write in a form that this program does"),
        more => format!("{more} records, the first of them {first}, tell of writes in a form that this program does"),
    };
    format!("unread   {which} not know; they are compared with nothing\n")
}

fn said(write: &Write, finding: Finding, entries: &[&Entry]) -> String {
    let journal = match &write.fate {
        Fate::Done => "done".to_owned(),
        Fate::NotDone(why) => format!("not done ({why})"),
        Fate::Kept => "kept back, for it could not be recorded".to_owned(),
        Fate::Unknown(why) => format!("not known ({why})"),
        Fate::Open => "no outcome recorded".to_owned(),
        Fate::UnderWay => "no outcome recorded yet, its host waits for the answer".to_owned(),
    };
    let refusals: Vec<&str> = entries.iter().filter_map(|entry| entry.refused.as_ref()).map(Shown::as_str).collect();
    let ids: Vec<&str> = entries.iter().filter(|entry| entry.refused.is_none()).map(|entry| entry.id.as_str()).collect();
    let log = match finding {
        Finding::Agrees if ids.is_empty() => "in the log under the write that it repeats".to_owned(),
        Finding::Agrees => format!("in the log as {}", ids.join(" and ")),
        Finding::AgreesNotDone if refusals.is_empty() => "nothing of it in the log".to_owned(),
        Finding::AgreesNotDone => format!("refused in the log too ({})", refusals.join("; ")),
        Finding::WasDone if ids.is_empty() => "it WAS done: the log has it under the write that it repeats".to_owned(),
        Finding::WasDone => format!("it WAS done: the log has it as {}", ids.join(" and ")),
        Finding::WasRefused => format!("it was NOT done: refused in the log ({})", refusals.join("; ")),
        Finding::NeverArrived => "it was NOT done, as far as this log goes: nothing of it there".to_owned(),
        Finding::NotYet if ids.is_empty() => "how it ends is not known yet, and nothing of it is in the log".to_owned(),
        Finding::NotYet => format!("how it ends is not known yet; it is in the log as {}", ids.join(" and ")),
        Finding::NotInLog => "the log does NOT have it".to_owned(),
        Finding::DoneAfterAll => format!("and yet the log has it as {}", ids.join(" and ")),
    };
    format!("{journal}; {log}")
}

fn told(stranger: Stranger, entry: &Entry) -> String {
    let at = entry.at.map_or_else(|| "at a time that is not told".to_owned(), moment);
    let refused = entry.refused.as_ref().map_or_else(String::new, |why| format!(", refused ({why})"));
    let reason = entry.reason.as_ref();
    let whose = match (stranger, reason) {
        (Stranger::InOurName, Some(reason)) => {
            let effect = reason.effect.as_deref().unwrap_or("none");
            format!(": it says that it is effect {} of this session, and the journal has no such write", Shown::new(effect))
        }
        (Stranger::ByOurAccount, _) => ": by the account of this session's own writes, and on no record".to_owned(),
        (Stranger::AnotherSession, Some(reason)) => format!(": session {} of cutover", Shown::new(&reason.session)),
        (Stranger::InOurName | Stranger::AnotherSession | Stranger::Somebody, _) => String::new(),
    };
    format!("{at}: {} changed {} ({}, {}){refused}{whose}", entry.who, Shown::new(&entry.resource), entry.method, entry.id)
}

fn next(outcome: Outcome, compared: &Comparison<'_>) -> &'static str {
    let is_missing = compared.writes.iter().any(|(_, finding, _)| *finding == Finding::NotInLog);
    match outcome {
        Outcome::Agrees | Outcome::Foreign => "",
        Outcome::Contradicts if is_missing => {
            "next     the log shows a change some seconds late: export it again; what is missing then was never done, or is of another project\n"
        }
        Outcome::Contradicts => {
            "next     keep the journal and the export as they are: somebody acts beside the record, or the record was written anew, \
             or could not be kept then, which the next host's journal says\n"
        }
        Outcome::InPart => "next     compare with the cutover that wrote those records, or a newer one\n",
        Outcome::NotYet => "next     once its host has the answer, export the log again and compare it with that\n",
        Outcome::Journal(_) => "next     cutover audit verify says where the journal does not hold, and what to do\n",
    }
}

fn shape(book: &Book, log: &Log, compared: &Comparison<'_>, outcome: Outcome) -> serde_json::Value {
    let entry = |entry: &Entry| {
        json!({
            "id": entry.id, "at": entry.at.map(|at| at.0), "who": entry.who, "method": entry.method, "resource": entry.resource,
            "refused": entry.refused,
        })
    };
    let writes = compared.writes.iter().map(|(write, finding, entries)| {
        let fate = match &write.fate {
            Fate::Done => "done",
            Fate::NotDone(_) => "not-done",
            Fate::Kept => "kept-back",
            Fate::Unknown(_) => "unknown",
            Fate::Open => "open",
            Fate::UnderWay => "under-way",
        };
        let (from, to, claim) = match &write.makes {
            Makes::Split { from, to } => (Some(from), Some(to), None),
            Makes::Claim(claim) => (None, None, Some(claim.to_string())),
        };
        json!({
            "effect": write.effect, "record": write.record, "at": write.at.0, "route": write.route, "from": from, "to": to, "claim": claim,
            "outcome": fate, "finding": finding.code(), "log": entries.iter().map(|one| entry(one)).collect::<Vec<_>>(),
        })
    });
    let strangers = compared.strangers.iter().map(|(stranger, one)| json!({ "whose": stranger.code(), "entry": entry(one) }));
    json!({
        "verdict": outcome.code(),
        "session": book.session,
        "head": book.head.to_string(),
        "from": book.from.0,
        "to": book.to.0,
        "writes": writes.collect::<Vec<_>>(),
        "foreign": strangers.collect::<Vec<_>>(),
        "passed_over": log.passed_over + compared.elsewhere,
        "unread": book.unread,
    })
}
