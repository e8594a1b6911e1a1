//! The keys of steps: what each kind wants, and what all kinds have.

use super::{
    Kind, Object, Rule, Text,
    table::{NAME, REGION, SHARE, SPAN, SQL_INSTANCE, TITLE, key, maybe, text},
};

/// Of these each step has one.
const KINDS: &[&str] = &["sql_backup", "sql_high_availability", "sql_replica"];

pub(super) static STEP: Object = Object {
    name: "step",
    about: "What one outside thing is to be.",
    keys: &[
        key("name", Kind::Text(&NAME), "Its own in the plan; other steps and lines of the checklist refer to it."),
        key("title", Kind::Text(&TITLE), "What people call it."),
        maybe("sql_backup", Kind::Object(&SQL_BACKUP), "A successful backup of a Cloud SQL instance that is young enough."),
        maybe("sql_high_availability", Kind::Object(&SQL_HIGH_AVAILABILITY), "A Cloud SQL instance with a standby in another zone."),
        maybe("sql_replica", Kind::Object(&SQL_REPLICA), "A read replica of a Cloud SQL instance, which replicates."),
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

static SQL_TIER: Text = text("^db-[A-Za-z0-9-]{1,60}$", "a tier of Cloud SQL", &["db-custom-4-16384", "db-perf-optimized-N-4"]);
