//! The keys of steps: what each kind wants, and what all kinds have.

use super::{
    Kind, Object, Rule, Text,
    table::{CLUSTER, LOCATION, NAME, REGION, RESOURCE, RUN_SERVICE, SHARE, SPAN, SQL_INSTANCE, TITLE, key, maybe, text},
};

/// Of these each step has one.
const KINDS: &[&str] = &["sql_backup", "sql_high_availability", "sql_replica", "gke_cluster", "address", "home_floor"];

pub(super) static PHASE: Object = Object {
    name: "phase",
    about: "A part of the journey.",
    keys: &[
        key("name", Kind::Text(&NAME), "Its own in the plan."),
        key("title", Kind::Text(&TITLE), "What people call it."),
        key("from", Kind::Text(&SHARE), "The target's share at its beginning: where the one before ends."),
        key("to", Kind::Text(&SHARE), "The target's share at its end."),
        maybe("steps", Kind::List(&Kind::Object(&STEP), 1, None), "What is to be done in it beside moving traffic."),
    ],
    rules: &[],
};

pub(super) static STEP: Object = Object {
    name: "step",
    about: "What one outside thing is to be.",
    keys: &[
        key("name", Kind::Text(&NAME), "Its own in the plan; other steps and lines of the checklist refer to it."),
        key("title", Kind::Text(&TITLE), "What people call it."),
        maybe("sql_backup", Kind::Object(&SQL_BACKUP), "A successful backup of a Cloud SQL instance that is young enough."),
        maybe("sql_high_availability", Kind::Object(&SQL_HIGH_AVAILABILITY), "A Cloud SQL instance with a standby in another zone."),
        maybe("sql_replica", Kind::Object(&SQL_REPLICA), "A read replica of a Cloud SQL instance, which replicates."),
        maybe("gke_cluster", Kind::Object(&GKE_CLUSTER), "A GKE cluster that runs."),
        maybe("address", Kind::Object(&STATIC_ADDRESS), "A static external address."),
        maybe("home_floor", Kind::Object(&HOME_FLOOR), "A Cloud Run service that keeps instances for a way home."),
        maybe("needs", Kind::List(&Kind::Object(&NEED), 1, None), "What has to be so before it begins."),
        maybe(
            "consent",
            Kind::Word(&["alone", "second_person"]),
            "Who has to want it; whoever has the controls if left out. What can't be taken back always wants a second person.",
        ),
        key("patience", Kind::Text(&SPAN), "How long it may be under way before people are told that it takes long, from 10s to 7d."),
        maybe("owner", Kind::Text(&TITLE), "Who sees to it."),
        maybe("expected", Kind::Text(&SPAN), "How long it is expected to take, from 1s to 7d."),
    ],
    rules: &[Rule::One(KINDS)],
};

static NEED: Object = Object {
    name: "need",
    about: "What a step needs before it begins: another step, a line of the checklist, or a share that has left home.",
    keys: &[
        maybe("step", Kind::Text(&NAME), "Another step that is reached, or was skipped."),
        maybe("line", Kind::Text(&NAME), "A line of the checklist that is done."),
        maybe("route", Kind::Text(&NAME), "A route whose traffic has left home."),
        maybe("away", Kind::Text(&SHARE), "How much of it at least."),
    ],
    rules: &[Rule::One(&["step", "line", "route"]), Rule::With("route", &["away"]), Rule::Only("route", &["away"])],
};

static SQL_BACKUP: Object = Object {
    name: "sql_backup",
    about: "A successful backup of a Cloud SQL instance.",
    keys: &[
        key("instance", Kind::Text(&SQL_INSTANCE), "The instance, by its name."),
        key("younger_than", Kind::Text(&SPAN), "How old it may be, from 5m to 31d."),
    ],
    rules: &[],
};

static SQL_HIGH_AVAILABILITY: Object = Object {
    name: "sql_high_availability",
    about: "A Cloud SQL instance with a standby in another zone.",
    keys: &[key("instance", Kind::Text(&SQL_INSTANCE), "The instance, by its name.")],
    rules: &[],
};

static SQL_REPLICA: Object = Object {
    name: "sql_replica",
    about: "A read replica of a Cloud SQL instance, which replicates by its engine's own word.",
    keys: &[
        key("instance", Kind::Text(&SQL_INSTANCE), "The replica, by its name."),
        key("primary", Kind::Text(&SQL_INSTANCE), "Whom it follows, by its name."),
        maybe("region", Kind::Text(&REGION), "Where it is; the plan's region if left out."),
        maybe("tier", Kind::Text(&SQL_TIER), "Its machine; the primary's if left out."),
    ],
    rules: &[],
};

static GKE_CLUSTER: Object = Object {
    name: "gke_cluster",
    about: "A GKE cluster that runs. What is left out is GKE's own choice, and nothing that a cluster is held to.",
    keys: &[
        key("name", Kind::Text(&CLUSTER), "Its name."),
        key("location", Kind::Text(&LOCATION), "Its region, or its zone."),
        key("zones", Kind::List(&Kind::Text(&ZONE), 1, None), "The zones of its nodes. Each of them has as many."),
        key("machine_type", Kind::Text(&MACHINE_TYPE), "What its nodes are."),
        key("nodes_per_zone", Kind::Count(1, 1000), "With how many it begins in each zone."),
        maybe("autoscaling", Kind::Object(&AUTOSCALING), "Between how many nodes it scales by itself."),
        maybe("release_channel", Kind::Word(&["rapid", "regular", "stable", "extended"]), "Which of GKE's channels brings its versions."),
        maybe("workload_pool", Kind::Text(&WORKLOAD_POOL), "As whom its Kubernetes accounts come to Google's APIs."),
        maybe(
            "node_price",
            Kind::Text(&NODE_PRICE),
            "What one node costs in an hour; what they all cost is shown before anything is made.",
        ),
    ],
    rules: &[],
};

static SQL_TIER: Text = text("^db-[A-Za-z0-9-]{1,60}$", "a tier of Cloud SQL", &["db-custom-4-16384", "db-perf-optimized-N-4"]);

static AUTOSCALING: Object = Object {
    name: "autoscaling",
    about: "Bounds that count in each zone, or in all of them together.",
    keys: &[
        maybe("per_zone", Kind::Object(&ZONE_BOUNDS), "So many in each zone."),
        maybe("in_all", Kind::Object(&BOUNDS), "So many in all zones together."),
    ],
    rules: &[Rule::One(&["per_zone", "in_all"])],
};

static ZONE_BOUNDS: Object = Object {
    name: "zone_bounds",
    about: "The fewest and the most nodes of a zone.",
    keys: &[key("min", Kind::Count(0, 1000), "The fewest."), key("max", Kind::Count(1, 1000), "The most.")],
    rules: &[],
};

static BOUNDS: Object = Object {
    name: "node_bounds",
    about: "The fewest and the most nodes.",
    keys: &[key("min", Kind::Count(0, 15_000), "The fewest."), key("max", Kind::Count(1, 15_000), "The most.")],
    rules: &[],
};

static STATIC_ADDRESS: Object = Object {
    name: "static_address",
    about: "A static external IPv4 address.",
    keys: &[
        key("name", Kind::Text(&RESOURCE), "Its name."),
        maybe("region", Kind::Text(&REGION), "Where it is; a global one if left out."),
    ],
    rules: &[],
};

static HOME_FLOOR: Object = Object {
    name: "home_floor",
    about: "A Cloud Run service that keeps at least so many instances, for as long as it must be able to take all traffic.",
    keys: &[
        key("service", Kind::Text(&RUN_SERVICE), "The service, by its name."),
        maybe("region", Kind::Text(&REGION), "Where it is; the plan's region if left out."),
        key("instances", Kind::Count(1, 1000), "How many it keeps at least."),
        key("afterwards", Kind::Count(0, 1000), "How many once that is taken back: fewer."),
    ],
    rules: &[],
};

static ZONE: Text = text("^[a-z]+-[a-z]+[0-9]+-[a-z]$", "a zone such as us-central1-a", &["us-central1-a"]);
static MACHINE_TYPE: Text = text("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", "1 to 63 of a-z 0-9 -, beginning with a letter", &["e2-standard-2"]);
static WORKLOAD_POOL: Text = text("^[a-z][a-z0-9-]{4,28}[a-z0-9]\\.svc\\.id\\.goog$", "PROJECT.svc.id.goog", &["my-project.svc.id.goog"]);
static NODE_PRICE: Text =
    text("^(?=.*[1-9])[0-9]{1,6}(\\.[0-9]{0,6})? [A-Z]{3}/h$", "what one node costs in an hour, such as 0.067 USD/h", &["0.067 USD/h"]);
