//! `cutover init`: a plan for what a project has, as a file to read, to decide on and to keep.
//!
//! It lists and reads, and changes nothing. Every line of the plan says where it was found or that it is proposed; what nobody but its author
//! can know stays a question, and `cutover check` refuses the plan until it is answered. Where a part of the project can't be read, the file
//! says so and has the rest. No file is ever written over.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use color_eyre::eyre::{Result, WrapErr};

use crate::{
    adapter::discovery::{Balancing, Explorer, Platforms, Unread, UrlMap},
    cli::{
        Exit, bounds,
        bundle::folder_of,
        check::undecided,
        compose::{self, Places},
        environment::World,
        place::said,
        print,
    },
    domain::{by_hand::quoted, shown::Shown},
    plan::{self, diagnostic::Severity},
    sim::simulation::{Config, Endpoints},
};

mod behind;
mod draft;
mod manifests;
mod missing;
mod paper;
mod said;
mod write;

use behind::Seen;
use missing::Missing;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project to look at [default: what CLOUDSDK_CORE_PROJECT or GOOGLE_CLOUD_PROJECT names]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// The URL map to make a plan for, where the project has several
    #[arg(long, value_name = "NAME")]
    url_map: Option<String>,
    /// The region of a regional URL map, or of the Cloud Run services where one backend service leads to several
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Where to write the plan; a file that is there is left alone [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write also what each Cloud Run service is on GKE, into the folder beside the plan that has its name
    #[arg(long, requires = "output")]
    manifests: bool,
    /// Look at a simulated world instead: one of its own, or that of `cutover sim --port PORT`
    #[arg(long, num_args = 0..=1, value_name = "PORT", allow_negative_numbers = true, value_parser = bounds::world_port)]
    simulated: Option<Option<u16>>,
}

/// The project of the simulated world.
const SIMULATED: &str = "hexproperty";

/// Looks, and writes the plan.
/// # Errors
/// If there are no credentials, or the file can't be written.
pub async fn run(args: Args) -> Result<Exit> {
    let named = || ["CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT"].into_iter().find_map(|name| std::env::var(name).ok());
    let project = args.project.clone().or_else(|| args.simulated.map(|_| SIMULATED.to_owned())).or_else(named);
    let Some(project) = project else {
        let why = "which project? say --project PROJECT; nothing was looked at";
        return Ok(said(why.to_owned(), Exit::Usage));
    };
    let folder = args.output.as_deref().filter(|_| args.manifests).map(folder_of);
    if folder.as_deref() == args.output.as_deref() && folder.is_some() {
        let why = "the folder of the manifests has the plan's name without its ending; give --output one, such as plan.yaml; nothing was looked at";
        return Ok(said(why, Exit::Usage));
    }
    if let Some(there) = args.output.iter().chain(&folder).find(|file| file.symlink_metadata().is_ok()) {
        return Ok(said(is_there(there), Exit::Refused));
    }
    let (_world, places) = match args.simulated {
        None => (None, Places::Live),
        Some(Some(first)) => (None, Places::Simulated(Endpoints::in_a_row(first))),
        Some(None) => {
            let world = World::own(Config::default()).await?;
            let places = world.places();
            (Some(world), places)
        }
    };
    let at = args
        .simulated
        .map_or_else(String::new, |port| port.map_or_else(|| " --simulated".to_owned(), |port| format!(" --simulated {port}")));
    let wish = Wish { url_map: args.url_map.as_deref(), region: args.region.as_deref(), at: &at, manifests: args.manifests };
    match discover(&project, &places, wish).await? {
        Ok(made) => deliver(&args, folder.as_deref(), &made),
        Err(Nothing { why, exit }) => Ok(said(why, exit)),
    }
}

/// What was asked for of the project.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    pub url_map: Option<&'a str>,
    pub region: Option<&'a str>,
    /// How the world that is looked at is named on the command line, with a space before it; empty for Google's.
    pub at: &'a str,
    /// Whether it is said too what its services of Cloud Run are on GKE.
    pub manifests: bool,
}

/// A plan's text, and what is missing for a flight with it.
#[derive(Debug)]
pub struct Made {
    pub text: String,
    /// What lies in the folder of its name: the names of manifests, and what they hold.
    pub manifests: Vec<(String, String)>,
    missing: Vec<Missing>,
}

/// Why there is no plan.
#[derive(Debug)]
pub struct Nothing {
    pub why: String,
    pub exit: Exit,
}

/// Looks at a project and makes a plan of what it has.
/// # Errors
/// If there are no credentials.
pub async fn discover(project: &str, places: &Places, wish: Wish<'_>) -> Result<Result<Made, Nothing>> {
    let explorer = explorer(project, places)?;
    let balancing = explorer.balancing().await;
    let map = match chosen(project, &balancing, wish) {
        Ok(map) => map,
        Err(nothing) => return Ok(Err(nothing)),
    };
    let (mut regions, namespaces) = draft::named_by(&balancing);
    regions.extend(wish.region.map(Shown::new).filter(|wanted| !regions.contains(wanted)));
    let platforms = explorer.platforms(&regions, &namespaces).await;
    let seen = Seen { project, balancing: &balancing, platforms: &platforms, region: wish.region };
    Ok(match draft::draft(seen, map) {
        Ok(draft) => {
            let unread: Vec<&Unread> = unread(&balancing, &platforms).collect();
            let manifests = if wish.manifests { manifests::of(project, &draft.routes) } else { Vec::new() };
            let (text, missing) = write::plan(seen, &draft, &unread, &manifests);
            Ok(Made { text, manifests: manifests.into_iter().map(|made| (made.name, made.text)).collect(), missing })
        }
        Err(places) => Err(nowhere(map, &places, unread(&balancing, &platforms))),
    })
}

fn explorer(project: &str, places: &Places) -> Result<Explorer> {
    let universe = compose::universe(None)?;
    let token = places.token(&universe)?;
    let at = |service: &str| places.google(&universe, service, &token);
    Ok(Explorer {
        project: project.to_owned(),
        compute: at("compute.googleapis.com")?,
        run: at("run.googleapis.com")?,
        container: at("container.googleapis.com")?,
        sql: at("sqladmin.googleapis.com")?,
        token: token.clone(),
    })
}

fn unread<'a>(balancing: &'a Balancing, platforms: &'a Platforms) -> impl Iterator<Item = &'a Unread> {
    balancing.unread.iter().chain(&platforms.unread)
}

/// The URL map that is meant: the one that was named, or the only one.
fn chosen<'a>(project: &str, balancing: &'a Balancing, wish: Wish<'_>) -> Result<&'a UrlMap, Nothing> {
    let is_meant = |map: &&UrlMap| wish.url_map.is_none_or(|name| map.name.as_str() == name);
    let meant: Vec<&UrlMap> = balancing.maps.iter().filter(is_meant).collect();
    let regional = |map: &&&UrlMap| map.region.as_ref().map(Shown::as_str) == wish.region;
    // One name may stand for a global map and for a regional one.
    let narrowed: Vec<&UrlMap> = meant.iter().filter(regional).copied().collect();
    match (&meant[..], &narrowed[..]) {
        ([only], _) | (_, [only]) if wish.url_map.is_some() || meant.len() == 1 => Ok(only),
        ([], _) => Err(none(project, balancing, wish)),
        (several, _) => {
            let command = |map: &&UrlMap| {
                let region = map.region.as_ref().map_or_else(String::new, |region| format!(" --region {}", quoted(region.as_str())));
                format!("  cutover init --project {} --url-map {}{region}{}", quoted(project), quoted(map.name.as_str()), wish.at)
            };
            let commands: Vec<String> = several.iter().map(command).collect();
            let why = format!("project {project} has {} URL maps, and a plan is for one; nothing was written; say which:", several.len());
            Err(Nothing { why: format!("{why}\n{}", commands.join("\n")), exit: Exit::Usage })
        }
    }
}

fn none(project: &str, balancing: &Balancing, wish: Wish<'_>) -> Nothing {
    if let Some(Unread { what, fault }) = balancing.unread.iter().find(|unread| unread.what == "URL maps") {
        return Nothing { why: format!("{what} of project {project} can't be read: {fault}; nothing was written"), exit: Exit::Failed };
    }
    let names: Vec<&str> = balancing.maps.iter().map(|map| map.name.as_str()).collect();
    match wish.url_map {
        Some(name) if !names.is_empty() => {
            let why = format!("project {project} has no URL map {name}; it has {}; nothing was written", names.join(", "));
            Nothing { why, exit: Exit::Usage }
        }
        Some(_) | None => {
            let why = format!(
                "project {project} has no URL map, and without a load balancer nothing can split traffic between Cloud Run and GKE; nothing was written"
            );
            Nothing { why, exit: Exit::Failed }
        }
    }
}

fn nowhere<'a>(map: &UrlMap, places: &[String], unread: impl Iterator<Item = &'a Unread>) -> Nothing {
    let mut why = format!("no place of the URL map {} leads to Cloud Run, where a migration would begin; nothing was written", map.name);
    places.iter().for_each(|place| why.push_str(&format!("\n  {place}")));
    unread.for_each(|Unread { what, fault }| why.push_str(&format!("\n  not read: {what}: {fault}")));
    Nothing { why, exit: Exit::Failed }
}

fn is_there(file: &Path) -> String {
    format!("{} is there already, and no file is written over; nothing was looked at; choose another --output", file.display())
}

/// Writes the plan where it was asked for, and says what is left to do.
fn deliver(args: &Args, folder: Option<&Path>, made: &Made) -> Result<Exit> {
    let Made { text, manifests, missing } = made;
    if let Some(folder) = folder.filter(|_| !manifests.is_empty()) {
        fs::create_dir(folder).wrap_err_with(|| format!("{} can't be made; nothing was written", folder.display()))?;
        for (name, text) in manifests {
            let file = folder.join(format!("{name}.yaml"));
            fs::write(&file, text).wrap_err_with(|| format!("{} can't be written; there is no plan", file.display()))?;
        }
    }
    let name = match args.output.as_deref() {
        None => {
            print::out(text);
            "plan.yaml".to_owned()
        }
        Some(file) => {
            // Whoever was quicker keeps his file.
            match OpenOptions::new().write(true).create_new(true).open(file) {
                Ok(mut made) => made.write_all(text.as_bytes()).wrap_err_with(|| format!("{} can't be written", file.display()))?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(said(is_there(file), Exit::Refused)),
                Err(error) => return Err(error).wrap_err_with(|| format!("{} can't be written; there is no plan", file.display())),
            }
            file.display().to_string()
        }
    };
    for (number, Missing { what, commands }) in missing.iter().enumerate() {
        print::err(&format!("missing for a flight, {}: {what}", number + 1));
        commands.iter().for_each(|command| print::err(&format!("  {command}")));
    }
    let open = undecided::questions(text).len();
    let asks = if open == 1 { "1 question is".to_owned() } else { format!("{open} questions are") };
    print::err(&format!("{asks} open in the plan, each after the word {}; what is left says", undecided::DECIDE.trim_end_matches(':')));
    let (file, what) = (quoted(&name), "    (what stands there now)");
    let next = match args.simulated {
        None => format!("cutover check {file} --live{what}"),
        Some(Some(port)) => format!("cutover check {file} --simulated {port}{what}"),
        // That world has ended; a session has another one of its own.
        Some(None) => format!("cutover open {file} --simulated    (a session in a simulated world)"),
    };
    print::err(&format!("  cutover check {file}\n  {next}"));
    if args.manifests && manifests.is_empty() {
        print::err("note: of no Cloud Run service it could be read what it is made from, so there are no manifests");
    }
    let other: Vec<String> = unexpected(text);
    other.iter().for_each(|problem| print::err(&format!("note: {problem}")));
    Ok(Exit::Done)
}

/// What the plan's own reader minds beside the questions: names that others gave may be none for it.
fn unexpected(text: &str) -> Vec<String> {
    let problems = plan::read(text.as_bytes()).err().unwrap_or_default();
    let is_open = |message: &str| message.contains("is missing") || message.contains("blind for ever");
    let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error && !is_open(&problem.message));
    errors.map(|problem| format!("line {} of the plan: {}", problem.line, problem.message)).collect()
}
