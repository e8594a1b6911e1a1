//! The commands that move a route, or do a step, without us: one line to paste, for when the host can't.
//!
//! It is made of names alone, so that it can be shown from a journal while nothing answers. It sets the whole split, as our own writes
//! do: whatever else has a share gets none.

use std::fmt;

use crate::domain::{
    cluster::{Autoscaling, WantedCluster},
    http_route::Rule,
    position::{MapRule, Matcher, Position},
    shown::Shown,
    weight::PerMille,
};

/// What holds the weights, by the names that the vendor's command line wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lever<'a> {
    /// A regional map where there is a region, else a global one.
    UrlMap {
        project: &'a str,
        region: Option<&'a str>,
        url_map: &'a str,
        position: &'a Position,
    },
    CloudRunRevisions {
        project: &'a str,
        region: &'a str,
        service: &'a str,
    },
    HttpRoute {
        kubectl: &'a Kubectl,
        namespace: &'a str,
        http_route: &'a str,
        rule: &'a Rule,
    },
}

/// By which words `kubectl` is led to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kubectl {
    /// By the context that `gcloud container clusters get-credentials` writes.
    Gke { project: Shown, location: Shown, cluster: Shown },
    /// By something on this machine that is asked instead.
    Server { url: Shown },
    /// By a context that the host's owner has.
    Context { name: Shown },
}

impl fmt::Display for Kubectl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kubectl::Gke { project, location, cluster } => {
                write!(f, "kubectl --context={}", quoted(&format!("gke_{project}_{location}_{cluster}")))
            }
            Kubectl::Server { url } => write!(f, "kubectl --server={}", quoted(url.as_str())),
            Kubectl::Context { name } => write!(f, "kubectl --context={}", quoted(name.as_str())),
        }
    }
}

/// One backend as the vendor calls it, with the share that it is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg<'a> {
    pub name: &'a str,
    pub share: PerMille,
}

pub fn command(lever: Lever<'_>, legs: &[Leg<'_>]) -> String {
    let given = legs.iter().filter(|leg| leg.share > PerMille::ZERO);
    match lever {
        Lever::UrlMap { project, region, url_map, position } => {
            let scope = region.map_or_else(|| "--global".to_owned(), |region| format!("--region={}", quoted(region)));
            let at = format!("{} {scope} --project={}", quoted(url_map), quoted(project));
            let weights: String = given.map(|leg| format!("if(/\\/{}$/)w={};", pattern(leg.name), leg.share.get())).collect();
            format!(
                "gcloud compute url-maps export {at} | awk '{}' | gcloud compute url-maps import {at} --quiet",
                reweighting(position, &weights)
            )
        }
        Lever::CloudRunRevisions { project, region, service } => {
            let shares: Vec<String> = given.map(|leg| format!("{}={}", leg.name, Percent(leg.share))).collect();
            format!(
                "gcloud run services update-traffic {} --project={} --region={} --to-revisions={}",
                quoted(service),
                quoted(project),
                quoted(region),
                quoted(&shares.join(","))
            )
        }
        Lever::HttpRoute { kubectl, namespace, http_route, rule } => {
            let at = format!("httproute {} --namespace={}", quoted(http_route), quoted(namespace));
            format!(
                "{kubectl} get {at} -o go-template='{ENTRIES}' | awk '{}' | {kubectl} patch {at} --type=json --patch-file=/dev/stdin",
                rule_reweighting(rule, legs)
            )
        }
    }
}

/// The program for `awk` that writes the weights of one place of an exported map anew, and nothing else of it. In the export the keys of
/// each mapping stand in the order of the alphabet, each weight below its backend's name, and a matcher's own name below its default route.
fn reweighting(position: &Position, weights: &str) -> String {
    let entry = format!("{{w=0;{weights}print;print substr(\"            \",1,index($0,\"b\")-1)\"weight: \"w;next}}");
    let (matcher, rule) = match position {
        Position::Default => {
            return format!("/^[^ -]/{{d=/^defaultRouteAction:/}} d&&/- backendService:/{entry} d&&/^ +weight:/{{next}} {{print}}");
        }
        Position::PathMatcher { name } => (sought(name.as_str(), None), None),
        Position::Host { host } => (sought(host.as_str(), Some(host.as_str())), None),
        Position::Rule { of: Matcher::Name { name }, rule } => (sought(name.as_str(), None), Some(rule)),
        Position::Rule { of: Matcher::Host { host }, rule } => (sought(host.as_str(), Some(host.as_str())), Some(rule)),
    };
    let end = match rule {
        None => {
            let entry = entry.replace("next}", "continue}");
            format!(
                "for(i=1;i<=NR;i++){{$0=l[i];if(/^[^ ]/)k=i==m;if(/^(- |  )[a-zA-Z]/)d=k&&/defaultRouteAction:/;\
                 if(d&&/- backendService:/){entry} if(d&&/^ +weight:/)continue;print}}"
            )
        }
        Some(rule) => of_rule(rule, weights),
    };
    format!("{matcher}{end}}}")
}

/// Keeps every line, and notes in `m` where the matcher of this name begins, or the one that the host rules lead the host to; without one,
/// nothing comes out. What follows is done at the end.
fn sought(shown: &str, host: Option<&str>) -> String {
    let shown = plain(shown);
    let (named, followed) = match host {
        None => (format!("BEGIN{{n=\"{shown}\"}} "), ""),
        // The strongest pattern decides: the host itself, else the longest ending of it, else all hosts.
        Some(_) => (
            format!("BEGIN{{h=\"{shown}\"}} "),
            "s==\"hostRules:\"&&/^- /{q=0} \
             s==\"hostRules:\"&&/^  - /{p=tolower(v);t=substr(p,2);e=p==h?999:index(p,\"*\")==1&&substr(h,length(h)-length(t)+1)==t?1+length(t):0;\
             if(e>q)q=e} s==\"hostRules:\"&&/^(- |  )pathMatcher:/&&q>g{g=q;n=v} ",
        ),
    };
    let missing = format!("if(!m){{print \"no path matcher for {shown}: nothing is changed\">\"/dev/stderr\";exit 1}} ");
    format!(
        "{named}{{l[NR]=$0;v=$NF;gsub(/[^a-zA-Z0-9.*-]/,\"\",v)}} /^[^ -]/{{s=$1}} {followed}\
         s==\"pathMatchers:\"&&/^- /{{b=NR}} s==\"pathMatchers:\"&&/^(- |  )name:/&&v==n{{m=b}} END{{{missing}"
    )
}

/// Within the matcher that begins at line `m`: the rule is looked for, its entries are written anew, and only where it had some is anything
/// printed at all.
fn of_rule(rule: &MapRule, weights: &str) -> String {
    let (list, is_it) = match rule {
        MapRule::Route { priority } => ("routeRules", format!("/^(  - |    )priority: {priority}$/")),
        MapRule::Path { path } => ("pathRules", format!("y&&/^    - /&&u==\"{}\"", path_text(path.as_str()))),
    };
    let called = match rule {
        MapRule::Route { priority } => format!("route rule {priority}"),
        MapRule::Path { path } => format!("path rule {}", path_text(path.as_str())),
    };
    format!(
        "for(i=m;i<=NR;i++){{$0=l[i];if(i>m&&/^[^ ]/)break;if(/^(- |  )[a-zA-Z]/)x=/{list}:/;if(x&&/^  - /)c=i;\
         if(/^(  - |    )[a-zA-Z]/)y=/paths:/;u=substr($0,7);gsub(/[\"\\047]/,\"\",u);if(x&&{is_it})r=c}} \
         for(i=1;i<=NR;i++){{$0=l[i];if(/^[^ ]/||/^  [a-zA-Z-]/){{k=i==r;d=0}}if(/^(  - |    )[a-zA-Z]/)d=k&&/routeAction:/;\
         if(d&&/- backendService:/){{f=1;w=0;{weights}o=o $0 \"\\n\" substr(\"            \",1,index($0,\"b\")-1)\"weight: \"w\"\\n\";continue}}\
         if(d&&/^ +weight:/)continue;o=o $0 \"\\n\"}} \
         if(!f){{print \"no split in the {called}: nothing is changed\">\"/dev/stderr\";exit 1}}printf \"%s\",o"
    )
}

/// The entries of an HTTPRoute, one a line: its rule's place and its own, its name, its weight, and its rule's name. The server fills in a weight
/// that is left out.
const ENTRIES: &str = concat!(
    "{{range $i, $r := .spec.rules}}{{range $j, $b := $r.backendRefs}}",
    r#"{{$i}} {{$j}} {{$b.name}} {{$b.weight}} {{$r.name}}{{"\n"}}"#,
    "{{end}}{{end}}"
);

/// The program for `awk` that makes a JSON patch of these lines. `WEIGHTS` says what each backend is to get, `MEANT` which rule is meant, `ENOUGH`
/// when that one leads to enough of `ALL` backends. What is no patch is refused by the server.
const RULE_PATCH: &str = concat!(
    r#"function u(o,p,v){return "{\"op\":\""o"\",\"path\":\""p"\",\"value\":"v"}"} BEGIN{WEIGHTS c=-1} "#,
    r#"{l[NR]=$0;t[$1]=$5;if($1>=m)m=$1+1;if($3 in w&&!(($1,$3) in s)){s[$1,$3];h[$1]++}} "#,
    r#"END{for(i=0;i<m;i++){if(MEANT)c=i;if(h[i]==ALL){a++;x=i}if(h[i]){b++;y=i}}"#,
    r#"if(c<0||!(ENOUGH)){if(a==1)c=x;else if(b==1)c=y}"#,
    r#"for(k=1;k<=NR;k++){split(l[k],f);if(f[1]!=c)continue;n=w[f[3]]+0;w[f[3]]=0;if(n)g=1;p="/spec/rules/"c"/backendRefs/"f[2];"#,
    r#"o=o (o?",":"") u("test",p"/name","\""f[3]"\"") "," u("test",p"/weight",sprintf("%d",f[4])) "," u("replace",p"/weight",n)}"#,
    r#"if(!g){print "SOUGHT has no such entry: nothing is changed">"/dev/stderr";print "{}";exit 1}print "["o"]"}"#
);

/// Each weight of the rule is tested as it was read, so that nothing is changed where somebody has moved them meanwhile, and whoever writes
/// anything else beside it is no hindrance. The rule is the one that is meant; where that is gone or leads elsewhere, it is the only one that leads
/// to all of the backends, or to any, as a session follows it.
fn rule_reweighting(rule: &Rule, legs: &[Leg<'_>]) -> String {
    let (meant, is_enough, sought) = match rule {
        Rule::Only => ("m==1".to_owned(), "1", "the only rule".to_owned()),
        Rule::At { index } => (format!("i=={index}"), "h[c]==ALL", format!("rules[{index}]")),
        Rule::Named { name } => (format!("t[i]==\"{0}\"", plain(name.as_str())), "h[c]", format!("rule {}", plain(name.as_str()))),
    };
    let weights: String = legs.iter().map(|leg| format!("w[\"{}\"]={};", plain(leg.name), leg.share.get())).collect();
    let program = RULE_PATCH.replace("MEANT", &meant).replace("ENOUGH", is_enough).replace("ALL", &legs.len().to_string());
    program.replace("WEIGHTS", &weights).replace("SOUGHT", &sought)
}

/// A path of a path rule in the same way.
fn path_text(path: &str) -> String {
    path.chars().filter(|character| character.is_ascii_alphanumeric() || "/*._~%+,;=:@!-".contains(*character)).collect()
}

/// The name as text inside of double quotes and single ones: what is not of a name is left out.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_ascii_alphanumeric() || "-_.".contains(*character)).collect()
}

/// Cloud Run takes whole percents.
struct Percent(PerMille);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.get() / 10)
    }
}

/// The name as a regular expression inside of single quotes: what is not of a name matches any character.
fn pattern(name: &str) -> String {
    name.chars().map(|character| if character.is_ascii_alphanumeric() || "-_".contains(character) { character } else { '.' }).collect()
}

/// Takes a backup of a Cloud SQL instance.
pub fn sql_backup(project: &str, instance: &str) -> String {
    format!("gcloud sql backups create --instance={} --project={}", quoted(instance), quoted(project))
}

/// Gives a Cloud SQL instance a standby in another zone, or takes it away.
pub fn sql_availability(project: &str, instance: &str, has_standby: bool) -> String {
    let availability = if has_standby { "regional" } else { "zonal" };
    format!("gcloud sql instances patch {} --availability-type={availability} --project={}", quoted(instance), quoted(project))
}

/// Makes a read replica of a Cloud SQL instance; with the primary's machine where no tier is named.
pub fn sql_replica(project: &str, (instance, primary): (&str, &str), region: &str, tier: Option<&str>) -> String {
    let tier = tier.map_or_else(String::new, |tier| format!(" --tier={}", quoted(tier)));
    let (instance, primary) = (quoted(instance), quoted(primary));
    let at = format!("--region={}{tier} --project={}", quoted(region), quoted(project));
    format!("gcloud sql instances create {instance} --master-instance-name={primary} {at}")
}

/// Deletes a Cloud SQL instance.
pub fn sql_delete(project: &str, instance: &str) -> String {
    format!("gcloud sql instances delete {} --project={}", quoted(instance), quoted(project))
}

/// Makes a cluster.
pub fn gke_cluster(project: &str, wanted: &WantedCluster) -> String {
    let WantedCluster { name, location, zones, machine_type, nodes_per_zone, autoscaling, channel, workload_pool, .. } = wanted;
    let at = format!("{} --location={} --project={}", quoted(name.as_str()), quoted(location.as_str()), quoted(project));
    let zones: Vec<&str> = zones.iter().map(Shown::as_str).collect();
    let mut words = vec![
        format!("gcloud container clusters create {at}"),
        format!("--node-locations={}", quoted(&zones.join(","))),
        format!("--machine-type={}", quoted(machine_type.as_str())),
        format!("--num-nodes={nodes_per_zone}"),
    ];
    words.extend(autoscaling.map(|scaling| match scaling {
        Autoscaling::PerZone { min, max } => format!("--enable-autoscaling --min-nodes={min} --max-nodes={max}"),
        Autoscaling::InAll { min, max } => format!("--enable-autoscaling --total-min-nodes={min} --total-max-nodes={max}"),
    }));
    words.extend(channel.map(|channel| format!("--release-channel={}", channel.word().to_lowercase())));
    words.extend(workload_pool.as_ref().map(|pool| format!("--workload-pool={}", quoted(pool.as_str()))));
    words.push("--enable-ip-alias".to_owned());
    words.join(" ")
}

/// Reserves a static address, or gives it back; a global one where there is no region.
pub fn address(project: &str, name: &str, region: Option<&str>, is_reserved: bool) -> String {
    let scope = region.map_or_else(|| "--global".to_owned(), |region| format!("--region={}", quoted(region)));
    let verb = if is_reserved { "create" } else { "delete" };
    format!("gcloud compute addresses {verb} {} {scope} --project={}", quoted(name), quoted(project))
}

/// Has a Cloud Run service keep at least so many instances.
pub fn run_floor(project: &str, (service, region): (&str, &str), instances: u32) -> String {
    let (service, region, project) = (quoted(service), quoted(region), quoted(project));
    format!("gcloud run services update {service} --min={instances} --region={region} --project={project}")
}

/// As it is if a shell would take it so, else in quotes.
pub fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.,:=/".contains(character);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: [Leg<'static>; 2] =
        [Leg { name: "frontend-run", share: PerMille::ALL }, Leg { name: "frontend-gke", share: PerMille::ZERO }];

    fn lever(position: &Position) -> Lever<'_> {
        Lever::UrlMap { project: "hexproperty", region: None, url_map: "hexproperty-lb", position }
    }

    #[test]
    fn a_command_names_everything_that_the_vendor_needs_to_find_it() {
        let revisions = Lever::CloudRunRevisions { project: "hexproperty", region: "us-central1", service: "frontend" };
        assert_eq!(
            command(revisions, &HOME),
            "gcloud run services update-traffic frontend --project=hexproperty --region=us-central1 --to-revisions=frontend-run=100"
        );
        let url_map = command(lever(&Position::Default), &HOME);
        assert!(url_map.contains("if(/\\/frontend-run$/)w=1000;"), "{url_map}");
        assert!(url_map.ends_with("| gcloud compute url-maps import hexproperty-lb --global --project=hexproperty --quiet"), "{url_map}");
    }

    #[test]
    fn a_name_can_not_leave_its_quotes() {
        let evil = "x'; rm -rf /; '";
        let rule = |of, rule| Position::Rule { of, rule };
        let positions = [
            Position::Default,
            Position::PathMatcher { name: evil.into() },
            Position::Host { host: evil.into() },
            rule(Matcher::Name { name: evil.into() }, MapRule::Path { path: evil.into() }),
            rule(Matcher::Host { host: evil.into() }, MapRule::Route { priority: 7 }),
        ];
        for position in positions {
            let lever = Lever::UrlMap { project: evil, region: Some(evil), url_map: evil, position: &position };
            let shown = command(lever, &[Leg { name: evil, share: PerMille::ALL }]);
            assert!(shown.contains("/x...rm.-rf") && shown.contains("'x'\\''; rm"), "{shown}");
            let program = shown.split("| awk '").nth(1).and_then(|rest| rest.split("' |").next()).unwrap();
            assert!(!program.contains('\''), "{program}");
        }
    }
}
