//! The command by hand for one place of a URL map, on what `gcloud` exports: its own `awk` is run, and only the two ends are left out.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use cutover::domain::{
    by_hand::{Leg, Lever, command},
    position::{MapRule, Matcher, Position},
    weight::PerMille,
};
use serde_json::Value;

/// As `gcloud compute url-maps export` writes it.
const EXPORT: &str = include_str!("export.yaml");
const HOME: [Leg<'static>; 2] = [Leg { name: "shop-run", share: PerMille::ALL }, Leg { name: "shop-gke", share: PerMille::ZERO }];

fn at(position: &Position) -> Lever<'_> {
    Lever::UrlMap { project: "hexproperty", region: None, url_map: "hexproperty-lb", position }
}

/// What the export is after the command; or what is said where nothing comes out.
fn changed(position: &Position) -> Result<Value, String> {
    let shown = command(at(position), &HOME);
    let program = shown.split("| awk '").nth(1).and_then(|rest| rest.split("' |").next()).unwrap();
    let mut awk = Command::new("awk").arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    awk.stdin.take().unwrap().write_all(EXPORT.as_bytes()).unwrap();
    let out = awk.wait_with_output().unwrap();
    let (after, said) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    if !out.status.success() {
        assert_eq!(after, "", "nothing goes on to the import");
        return Err(said);
    }
    Ok(serde_yaml::from_str(&after).unwrap())
}

/// The export with other weights in the split at this place.
fn with(place: &str, weights: [u32; 2]) -> Result<Value, String> {
    with_action(&format!("{place}/defaultRouteAction"), weights)
}

fn with_action(action: &str, weights: [u32; 2]) -> Result<Value, String> {
    let mut wanted: Value = serde_yaml::from_str(EXPORT).unwrap();
    let entries = wanted.pointer_mut(&format!("{action}/weightedBackendServices")).unwrap().as_array_mut().unwrap();
    for (entry, weight) in entries.iter_mut().zip(weights) {
        entry["weight"] = weight.into();
    }
    Ok(wanted)
}

fn host(host: &str) -> Position {
    Position::Host { host: host.into() }
}

fn matcher(name: &str) -> Position {
    Position::PathMatcher { name: name.into() }
}

#[test]
fn one_place_of_the_map_is_written_and_no_line_beside_it() {
    for position in [matcher("shop"), host("shop.hexproperty.com"), host("eu.shop.hexproperty.com")] {
        assert_eq!(changed(&position), with("/pathMatchers/1", [1000, 0]), "{position:?}");
    }
    // Its own rule goes before the shop's wildcard, wherever either stands.
    for position in [matcher("admin"), host("admin.shop.hexproperty.com")] {
        assert_eq!(changed(&position), with("/pathMatchers/0", [1000, 0]), "{position:?}");
    }
    assert_eq!(changed(&Position::Default), with("", [0, 0]), "its backends have other names");
}

#[test]
fn one_rule_of_a_matcher_is_written_and_no_line_beside_it() {
    let rule = |of: &Matcher, rule: MapRule| Position::Rule { of: of.clone(), rule };
    let (carts, tills) = (Matcher::Name { name: "carts".into() }, Matcher::Name { name: "tills".into() });
    let tills_host = Matcher::Host { host: "tills.example.com".into() };
    let path = |path: &str| MapRule::Path { path: path.into() };
    for position in [rule(&tills, path("/v2/*")), rule(&tills, path("/v2")), rule(&tills_host, path("/v2"))] {
        assert_eq!(changed(&position), with_action("/pathMatchers/3/pathRules/1/routeAction", [1000, 0]), "{position:?}");
    }
    let route = |priority| MapRule::Route { priority };
    assert_eq!(changed(&rule(&carts, route(20))), with_action("/pathMatchers/4/routeRules/1/routeAction", [1000, 0]));
    // What has no split, or is not there, is not sent to the import.
    let nothing = |named: &str| Err(format!("no split in the {named}: nothing is changed\n"));
    assert_eq!(changed(&rule(&carts, route(2))), nothing("route rule 2"));
    assert_eq!(changed(&rule(&carts, route(3))), nothing("route rule 3"));
    assert_eq!(changed(&rule(&tills, path("/static/*"))), nothing("path rule /static/*"));
    assert_eq!(changed(&rule(&tills, path("/v2/"))), nothing("path rule /v2/"));
    assert_eq!(changed(&rule(&tills, route(20))), nothing("route rule 20"));
}

#[test]
fn what_is_not_in_the_map_ends_the_command_before_the_import() {
    for (position, name) in [(matcher("sho"), "sho"), (matcher("docsx"), "docsx"), (host("other.example.com"), "other.example.com")] {
        assert_eq!(changed(&position), Err(format!("no path matcher for {name}: nothing is changed\n")));
    }
}
