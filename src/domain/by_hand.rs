//! The command that moves a route without us: one line to paste, for when the host can't.
//!
//! It is made of names alone, so that it can be shown from a journal while nothing answers. It sets the whole split, as our own writes
//! do: whatever else has a share gets none.

use std::fmt;

use crate::domain::weight::PerMille;

/// What holds the weights, by the names that the vendor's command line wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lever<'a> {
    UrlMap { project: &'a str, url_map: &'a str },
    CloudRunRevisions { project: &'a str, region: &'a str, service: &'a str },
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
        Lever::UrlMap { project, url_map } => {
            let at = format!("{} --global --project={}", quoted(url_map), quoted(project));
            let weights: String = given.map(|leg| format!("if(/\\/{}$/)w={};", pattern(leg.name), leg.share.get())).collect();
            // In the export each weight stands below its backend's name. Only those of the default route are written anew.
            format!(
                "gcloud compute url-maps export {at} | awk '/^[^ -]/{{d=/^defaultRouteAction:/}} \
                 d&&/- backendService:/{{w=0;{weights}print;print substr(\"            \",1,index($0,\"b\")-1)\"weight: \"w;next}} \
                 d&&/^ +weight:/{{next}} {{print}}' | gcloud compute url-maps import {at} --quiet"
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
    }
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

/// As it is if a shell would take it so, else in quotes.
fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.,:=/".contains(character);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: [Leg<'static>; 2] =
        [Leg { name: "frontend-run", share: PerMille::ALL }, Leg { name: "frontend-gke", share: PerMille::ZERO }];

    #[test]
    fn a_command_names_everything_that_the_vendor_needs_to_find_it() {
        let revisions = Lever::CloudRunRevisions { project: "hexproperty", region: "us-central1", service: "frontend" };
        assert_eq!(
            command(revisions, &HOME),
            "gcloud run services update-traffic frontend --project=hexproperty --region=us-central1 --to-revisions=frontend-run=100"
        );
        let url_map = command(Lever::UrlMap { project: "hexproperty", url_map: "hexproperty-lb" }, &HOME);
        assert!(url_map.contains("if(/\\/frontend-run$/)w=1000;"), "{url_map}");
        assert!(url_map.ends_with("| gcloud compute url-maps import hexproperty-lb --global --project=hexproperty --quiet"), "{url_map}");
    }

    #[test]
    fn a_name_can_not_leave_its_quotes() {
        let evil = "x'; rm -rf /; '";
        let shown = command(Lever::UrlMap { project: evil, url_map: evil }, &[Leg { name: evil, share: PerMille::ALL }]);
        assert!(shown.contains("/x...rm.-rf") && shown.contains("'x'\\''; rm"), "{shown}");
    }
}
