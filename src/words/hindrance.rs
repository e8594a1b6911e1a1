//! What stands between a route's weights and its users, and why a route is not home: what is so, and what to do about it.

use crate::{
    core::reason::{Looks, Obstacle, Unread},
    domain::{
        answer::SERVED_BY,
        fault::Fault,
        hindrance::{Hindrance, Way},
        id::BackendId,
    },
    words::{Names, cause::came_first, failed, mover},
};

/// What stands in the way; the advice comes before the API's own words.
pub fn hindrance(hindrance: &Hindrance, names: Names) -> String {
    match hindrance {
        Hindrance::Stranger { name, share, .. } => match namesake(name.as_str()) {
            Some(own) => format!("{name} has {share} of the traffic and is not in the plan: another object than the plan's {own}"),
            None => format!("{name} has {share} of the traffic and is not in the plan"),
        },
        Hindrance::AllZero => "every weight of the split is 0".to_owned(),
        Hindrance::NoSplit { service } => format!("there is no split; everything goes to the default service {service}"),
        Hindrance::Redirect { to } => format!("everybody is redirected to {to}"),
        Hindrance::NoEntry { backend, name } => format!("{} ({name}) has no entry in the split", names.backend(backend)),
        Hindrance::FalseMark { backend, says } => format!(
            "the URL map makes the answers of {} say {says}, so requests don't show whom they meet; set {SERVED_BY} to {backend} there",
            names.backend(backend)
        ),
        Hindrance::HostRule { host, matcher } => {
            format!("users of {host} follow the path matcher {matcher} and not this split; take its host rule away")
        }
        Hindrance::PastTheSplit { matcher, backends } => {
            format!("the path matcher {matcher} leads to {} past this split", met(backends, names))
        }
        Hindrance::NotReached { from, follows } => {
            format!("users of {from} follow {} and not this split; {}", way(follows), mended(follows))
        }
        Hindrance::LeadsPast { way: by, backends } => format!("{} to {} past this split", leads(by), met(backends, names)),
        Hindrance::SteeredTwice { route } => {
            format!("the route {} steers the same place of the URL map; take one of the two out of the plan", names.route(route))
        }
        Hindrance::ClassicLoadBalancer { service, scheme } => {
            format!("{service} is of the scheme {scheme}, whose load balancer knows no weights; it must be EXTERNAL_MANAGED")
        }
        Hindrance::RevisionGone { backend, name } => format!("the revision {name} of {} does not exist any more", names.backend(backend)),
        Hindrance::RevisionNotReady { backend, name, why } => {
            format!("the revision {name} of {} is not ready ({why})", names.backend(backend))
        }
        Hindrance::Failing { why } => format!("what it was told last could not be done ({why})"),
        Hindrance::Forbidden { permission, why: None } => format!("this account lacks the permission {permission}"),
        Hindrance::Forbidden { permission, why: Some(why) } => {
            format!("a write was refused; give this account the permission {permission} ({why})")
        }
        Hindrance::Denied { why } => {
            format!("a policy refuses writes, and no permission would help; ask whoever keeps it to let this session's through ({why})")
        }
        Hindrance::NoRoom { place, beyond } => {
            format!("{place} leaves no room for the line that says who steers; shorten it by {beyond} bytes")
        }
        Hindrance::Managed { by } => {
            format!(
                "{by} declares the rules of this HTTPRoute and puts its own weights back; have it leave them alone, and name it in shared_with"
            )
        }
        Hindrance::RuleMoved { meant, found } => {
            format!(
                "{found} is what is read and brought home, for it alone leads to this route's backends now, and {meant}, which the plan names, \
                 does not; name it in the plan, or give it its name and place back"
            )
        }
    }
}

fn met(backends: &[BackendId], names: Names) -> String {
    let meets: Vec<String> = backends.iter().map(|backend| names.backend(backend)).collect();
    meets.join(" and ")
}

fn way(way: &Way) -> String {
    match way {
        Way::DefaultRoute => "the default route".to_owned(),
        Way::PathMatcher { name } => format!("the path matcher {name}"),
        Way::Rules { matcher } => format!("a rule of the path matcher {matcher}"),
        Way::MatcherDefault { matcher } => format!("the default route of the path matcher {matcher}"),
        Way::Rule { name } => name.to_string(),
        Way::AnotherRoute => "another HTTPRoute or none".to_owned(),
    }
}

fn leads(by: &Way) -> String {
    match by {
        Way::DefaultRoute | Way::PathMatcher { .. } | Way::MatcherDefault { .. } | Way::Rule { .. } | Way::AnotherRoute => {
            format!("{} leads", way(by))
        }
        Way::Rules { matcher } => format!("rules of the path matcher {matcher} lead"),
    }
}

/// What to do where users follow that.
fn mended(follows: &Way) -> &'static str {
    match follows {
        Way::DefaultRoute => "give the host a rule that leads to the steered path matcher",
        Way::PathMatcher { .. } => "let its host rule lead to the steered path matcher",
        Way::MatcherDefault { .. } => "ask in front_door for what the steered rule matches",
        Way::Rules { .. } | Way::Rule { .. } => "take that rule away, or ask at a path in front_door that it does not match",
        Way::AnotherRoute => "add the host to its hostnames, or ask for one of them in front_door",
    }
}

/// The name alone of what is told by its whole place, because the plan names another by it.
fn namesake(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(_, own)| own)
}

/// The same in a few words, which still say what stands in the way.
pub fn hindrance_in_short(hindrance: &Hindrance, names: Names) -> String {
    match hindrance {
        Hindrance::Stranger { backend, name, share } if namesake(name.as_str()).is_some() => {
            format!("{backend} has {share}, not the plan's")
        }
        Hindrance::Stranger { name, share, .. } => format!("{name} has {share}, not in the plan"),
        Hindrance::AllZero => "every weight is 0".to_owned(),
        Hindrance::NoSplit { .. } => "the load balancer has no split".to_owned(),
        Hindrance::Redirect { to } => format!("all are redirected to {to}"),
        Hindrance::NoEntry { backend, .. } => format!("the split has no entry for {}", names.backend(backend)),
        Hindrance::FalseMark { backend, says } => format!("answers of {} say {says}", names.backend(backend)),
        Hindrance::HostRule { host, .. } => format!("{host} goes past the split"),
        Hindrance::PastTheSplit { matcher, .. } => format!("{matcher} leads past the split"),
        Hindrance::NotReached { from, .. } => format!("{from} goes past the split"),
        Hindrance::LeadsPast { way: by, .. } => format!("{} past the split", leads(by)),
        Hindrance::SteeredTwice { route } => format!("{} steers it too", names.route(route)),
        Hindrance::ClassicLoadBalancer { .. } => "the load balancer knows no weights".to_owned(),
        Hindrance::RevisionGone { name, .. } => format!("the revision {name} is gone"),
        Hindrance::RevisionNotReady { name, .. } => format!("the revision {name} is not ready"),
        Hindrance::Failing { .. } => "it fails to follow".to_owned(),
        Hindrance::Forbidden { permission, .. } => format!("{permission} is missing"),
        Hindrance::Denied { .. } => "a policy refuses writes".to_owned(),
        Hindrance::NoRoom { place, .. } => format!("{place} is too long"),
        Hindrance::Managed { by } => format!("{by} declares the weights"),
        Hindrance::RuleMoved { meant, .. } => format!("{meant} has moved"),
    }
}

/// Why a route is not home.
pub fn obstacle(obstacle: &Obstacle, names: Names) -> String {
    let behind = |why: &Option<Fault>| why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    match obstacle {
        Obstacle::Underway => "the write is on its way".to_owned(),
        Obstacle::NoOutcome { after } => {
            format!("the write left {after} ago and nobody has answered it; it is sent again for as long as nobody does")
        }
        Obstacle::NotSeenYet { taken, operation, unread: None } => {
            format!("the API took the write {taken} ago as {operation} and still works on it; nothing is sent again meanwhile")
        }
        Obstacle::NotSeenYet { taken, operation, unread: Some(looks) } => {
            format!("the API took the write {taken} ago as {operation}; not seen yet, for {}", unread(looks))
        }
        Obstacle::WriteFailed { why } => format!("the write home fails ({why})"),
        Obstacle::ChangedFirst { by } => format!("{} came first; it is written home from there", came_first(by, names)),
        Obstacle::OutcomeUnknown { why, unread: None } => format!("nobody knows what became of the write home{}", behind(why)),
        Obstacle::OutcomeUnknown { why, unread: Some(looks) } => {
            format!("nobody knows what became of the write home{}: {}", behind(why), unread(looks))
        }
        Obstacle::Unread { why: Some(why), looks } => unread(&Unread { why: why.clone(), looks: *looks }),
        Obstacle::Unread { why: None, .. } => "the weights can't be read".to_owned(),
        Obstacle::Hindered { why } => hindrance(why, names),
        Obstacle::MovedAway { by } => format!("{} moved it away again", mover(by, names)),
        Obstacle::Contended => "others keep changing the weights, so we have stopped writing".to_owned(),
        Obstacle::RequestsDisagree { after } => format!(
            "requests don't follow the weights, {after} after they were accepted; every weight is home, so no write helps: wait, or see what the \
             load balancer still sends there"
        ),
    }
}

/// That the weights can't be read: why in the API's words, how long ago they were, and when the next look begins.
fn unread(unread: &Unread) -> String {
    let Unread { why, looks: Looks { last, next } } = unread;
    let last = last.map_or_else(String::new, |ago| format!(", last read {ago} ago"));
    let next = next.map_or_else(|| "asked again now".to_owned(), |next| format!("asked again in {next}"));
    format!("the weights can't be read{last}, {next} ({why})")
}

/// How far a way home is that is kept away, where there is room for a few words only.
pub fn kept_away_in_short(why: &Obstacle, attempts: u32) -> String {
    match why {
        Obstacle::NotSeenYet { unread: Some(_), .. } => "accepted, weights unread".to_owned(),
        Obstacle::NotSeenYet { unread: None, .. } => "accepted, not over".to_owned(),
        Obstacle::Underway
        | Obstacle::NoOutcome { .. }
        | Obstacle::WriteFailed { .. }
        | Obstacle::ChangedFirst { .. }
        | Obstacle::OutcomeUnknown { .. }
        | Obstacle::Unread { .. }
        | Obstacle::Hindered { .. }
        | Obstacle::MovedAway { .. }
        | Obstacle::Contended
        | Obstacle::RequestsDisagree { .. } => {
            if attempts > 0 {
                failed(attempts)
            } else {
                "not answered".to_owned()
            }
        }
    }
}
