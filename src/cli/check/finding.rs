//! What `cutover check` finds: each with an id that never changes, how grave it is, where it is in the plan, on which object, why, and what
//! mends it.
//!
//! The ids are for scripts and for people who search; README lists them from here. Whatever else of a finding is said may be reworded.

use serde::Serialize;
use strum::EnumCount;

use crate::plan::document::Place;

/// How grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It can't be flown.
    Error,
    /// It can, and somebody should think about it first.
    Warning,
    /// Nothing has to be done.
    Note,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub id: Id,
    pub severity: Severity,
    /// In the vendor's words, as far as it is one of theirs: `projects/P/global/urlMaps/M`.
    pub object: String,
    /// Where the plan speaks of it, or the file that is named here.
    pub place: Option<Place>,
    /// A manifest of the plan, if it is in one.
    pub file: Option<String>,
    /// What is so, and what follows from it.
    pub why: String,
    /// A command that can be pasted; of a manifest, what to write in it.
    pub fix: Option<String>,
}

impl Finding {
    /// As grave as findings of its kind usually are.
    pub fn new(id: Id, object: impl Into<String>, why: impl Into<String>) -> Finding {
        Finding { id, severity: id.severity(), object: object.into(), place: None, file: None, why: why.into(), fix: None }
    }
    pub fn graver(self, severity: Severity) -> Finding {
        Finding { severity, ..self }
    }
    pub fn at(self, place: Option<Place>) -> Finding {
        Finding { place, ..self }
    }
    /// In a manifest, which is called so.
    pub fn in_file(self, file: impl Into<String>) -> Finding {
        Finding { file: Some(file.into()), ..self }
    }
    pub fn mend(self, fix: impl Into<String>) -> Finding {
        Finding { fix: Some(fix.into()), ..self }
    }
}

macro_rules! ids {
    ($($name:ident $word:literal $severity:ident $about:literal,)*) => {
        /// Everything that can be found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount)]
        pub enum Id {
            $(#[doc = $about] $name,)*
        }

        impl Id {
            pub const ALL: [Id; Id::COUNT] = [$(Id::$name,)*];

            pub fn word(self) -> &'static str {
                match self {
                    $(Id::$name => $word,)*
                }
            }
            /// How grave findings of this kind are, unless one says otherwise of itself.
            pub fn severity(self) -> Severity {
                match self {
                    $(Id::$name => Severity::$severity,)*
                }
            }
            /// What it is about, in one sentence.
            pub fn about(self) -> &'static str {
                match self {
                    $(Id::$name => $about,)*
                }
            }
        }
    };
}

ids! {
    PlanUnreadable "plan-unreadable" Error "The plan file can't be read.",
    PlanInvalid "plan-invalid" Error "The plan holds a mistake.",
    PlanDoubtful "plan-doubtful" Warning "The plan holds something that is probably not meant so.",
    PlanUndecided "plan-undecided" Warning "A question that `cutover init` left in the plan is not answered yet.",
    FirstShareBlind "first-share-blind" Warning "With so many requests the first share brings a trigger too few, and no probe stands in.",
    TriggerTooFewRequests "trigger-too-few-requests" Warning "With so many requests a trigger can act at no share of its route.",
    CredentialsMissing "credentials-missing" Error "There are no Google credentials here, or they are of another universe than the plan.",
    CredentialsRefused "credentials-refused" Error "An API did not believe who we are (401), or no token could be had.",
    GcloudSettingUnused "gcloud-setting-unused" Warning "gcloud would act otherwise here, by a setting of its own that this program does not read, as no client library does.",
    KubeconfigRefused "kubeconfig-refused" Error "A kubeconfig context is not there, not one that the host's owner lets plans use, or asks for what is not done here.",
    ApiDisabled "api-disabled" Error "An API is not enabled in the project.",
    QuotaUsedUp "quota-used-up" Error "An API refuses because too much was asked of it; nothing is known of what it would tell.",
    PermissionMissing "permission-missing" Error "The account lacks a permission; a warning where it was asked of the project alone, since it may be granted on the object.",
    PermissionUntold "permission-untold" Note "Nobody tells whether the account has what it needs; a write would.",
    NameUnknown "name-unknown" Error "The name of a host leads nowhere.",
    CertificateInvalid "certificate-invalid" Error "A server's certificate is not for its name, not of an authority that is trusted here, or not valid today.",
    Unreachable "unreachable" Error "No connection could be made, or no answer came in time.",
    Unavailable "unavailable" Error "It answers that it can't answer now.",
    NotFound "not-found" Error "What the plan names is not there.",
    ReadForbidden "read-forbidden" Error "It may not be read.",
    UnreadableAnswer "unreadable-answer" Error "Its answer is not what such a system answers.",
    Unread "unread" Error "It could not be read for another reason.",
    ClassicLoadBalancer "classic-load-balancer" Error "The load balancer is of a kind that knows no weights.",
    StrangerInSplit "stranger-in-split" Error "A backend that the plan does not name has a share.",
    AllWeightsZero "all-weights-zero" Error "Every weight of the split is 0.",
    NoSplit "no-split" Error "Everything goes to one default service; there are no weights.",
    DefaultRedirect "default-redirect" Error "Everybody is redirected away.",
    NoEntry "no-entry" Error "A backend of the plan has no entry in the split.",
    PastTheSplit "past-the-split" Error "Users follow something else of the URL map than the split that is steered.",
    SteeredTwice "steered-twice" Error "Two routes of the plan steer the same place.",
    RevisionGone "revision-gone" Error "A revision of the plan does not exist.",
    RevisionNotReady "revision-not-ready" Error "A revision of the plan can't serve.",
    ServiceFailing "service-failing" Error "The service could not do what it was told last.",
    NoRoomForClaim "no-room-for-claim" Error "There is no room for the line that says who steers.",
    SteeredByAnother "steered-by-another" Warning "Another session steers it.",
    DeclaredElsewhere "declared-elsewhere" Error "Somebody else declares the HTTPRoute, and puts his weights back.",
    RuleMoved "rule-moved" Error "The rule of the HTTPRoute that the plan names is not the one that leads to its backends.",
    WriteRefused "write-refused" Error "The API would refuse the first step, by its own validation.",
    WriteUntested "write-untested" Note "The API could not be asked what it would say to the first step.",
    NoGroup "no-group" Error "No network endpoint group is attached to a backend service.",
    NoEndpoint "no-endpoint" Error "The groups of a backend service have no endpoint.",
    NoHealthyEndpoint "no-healthy-endpoint" Error "No endpoint of a backend service is healthy.",
    UnhealthyEndpoint "unhealthy-endpoint" Warning "Some endpoints of a backend service are not healthy.",
    GroupDrained "group-drained" Warning "A group's capacity is scaled to 0; an error where that is so of all of them.",
    NoHealthCheck "no-health-check" Error "A backend service with endpoints has no health check.",
    SessionAffinity "session-affinity" Warning "A backend service keeps users where they were; the split decides before it, so neither holds.",
    TimeoutDiffers "timeout-differs" Warning "One leg gives an answer less time than the other.",
    NoDraining "no-draining" Warning "Endpoints that go take their requests along.",
    LoggingOff "logging-off" Warning "The load balancer does not log a backend's requests.",
    LoggingSampled "logging-sampled" Note "The load balancer logs only a part of a backend's requests.",
    OutlierDetection "outlier-detection" Warning "The load balancer takes endpoints out by itself, so shares don't hold while it does.",
    MarkMissing "mark-missing" Error "Nothing says in a backend's answers that it gave them.",
    MarkShared "mark-shared" Error "Two backends say the same in their answers.",
    MarkUnknown "mark-unknown" Error "A backend says a name in its answers that the plan does not know.",
    AnswersUnmarked "answers-unmarked" Error "Answers through the front door do not say who gave them.",
    FrontDoorFailing "front-door-failing" Warning "The front door answers with errors, or with redirects elsewhere.",
    ConnectionsDropped "connections-dropped" Warning "Connections to the front door were dropped.",
    ProbeUnexpected "probe-unexpected" Warning "A probe is not answered as the plan expects.",
    ParityStatus "parity-status" Warning "The two legs answer one request with different statuses.",
    ParityRedirect "parity-redirect" Warning "The two legs redirect one request to different places.",
    ParityHeaders "parity-headers" Warning "The two legs answer one request with different headers.",
    ParityLength "parity-length" Warning "The two legs answer one request with bodies of very different length.",
    ParityLatency "parity-latency" Warning "One leg takes much longer for one request than the other.",
    ParityUnasked "parity-unasked" Note "The plan names no request that both legs can be compared by.",
    TriggerBlind "trigger-blind" Error "A trigger would see nothing.",
    FigureMissing "figure-missing" Note "A figure is not told; no trigger needs it.",
    TooFewReady "too-few-ready" Warning "Fewer instances are ready than there should be.",
    WorkloadTrouble "workload-trouble" Warning "The platform says that something is wrong with a workload.",
    WorkloadInPart "workload-in-part" Warning "A part of what the platform tells could not be read.",
    ManifestInvalid "manifest-invalid" Error "A manifest holds a mistake.",
    ManifestUndecided "manifest-undecided" Warning "A question that `cutover init --manifests` left in a manifest is not answered yet.",
    ManifestUnnamed "manifest-unnamed" Warning "A file in the plan's folder is not named by the plan, and so is no part of it.",
    ManifestNoObject "manifest-no-object" Error "A document of a manifest is no Kubernetes object.",
    ManifestTwice "manifest-twice" Error "Two documents describe the same object.",
    NamespaceUnsaid "namespace-unsaid" Warning "An object does not say in which namespace it is to be.",
    ApiVersionNotServed "api-version-not-served" Error "A kind is not served under its `apiVersion`: removed from Kubernetes, or never there.",
    ReferenceMissing "reference-missing" Warning "An object names another one that no manifest of the plan describes.",
    WorkloadNotDescribed "workload-not-described" Warning "The plan leads traffic to a Deployment that none of its manifests describes.",
    SelectorDiffers "selector-differs" Error "A workload's selector does not match the labels of its own pods.",
    SelectorMatchesNothing "selector-matches-nothing" Error "A selector matches nothing that the manifests describe; a warning where they describe no workload of that namespace.",
    PortNotServed "port-not-served" Error "A port leads to none that the other side has; a warning where it is a number that a container may listen on without saying so.",
    ServiceWithoutNeg "service-without-neg" Warning "The Service before the plan's Deployment asks for no network endpoint group of its own, so no load balancer can split to its pods.",
    IngressPathType "ingress-path-type" Error "A path of an Ingress has no `pathType`, or one that does not take its `*`.",
    IngressNoWeights "ingress-no-weights" Warning "A GKE Ingress makes a load balancer whose URL map is its controller's; none of its weights reach Cloud Run.",
    MultiClusterNoWeights "multi-cluster-no-weights" Error "A MultiClusterIngress is to split by weight, and knows none.",
    PolicyBlocksHealthChecks "policy-blocks-health-checks" Error "A NetworkPolicy shuts out the load balancer and its health checks; a warning where nothing tells whether its pods stand behind one.",
    ImageFloats "image-floats" Warning "An image is named without its digest, so that two pods may run two programs.",
    RequestsMissing "requests-missing" Warning "A container requests no CPU or no memory.",
    LimitsMissing "limits-missing" Warning "A container has no limit of memory, or one below what it requests.",
    ProbeMissing "probe-missing" Warning "A container that serves has no readiness or no liveness probe.",
    ProbeShallow "probe-shallow" Warning "A readiness probe shows that a port is open, and not that requests are answered.",
    PreStopMissing "pre-stop-missing" Warning "A pod that goes does not wait until the load balancer has stopped to send to it.",
    TerminationTooShort "termination-too-short" Error "A pod is killed before its `preStop` hook is over, or at once after it.",
    ReplicasWithAutoscaler "replicas-with-autoscaler" Warning "A workload that an autoscaler scales says `replicas` too, and each apply puts them back.",
    AutoscalerBounds "autoscaler-bounds" Error "An autoscaler's bounds exclude each other, or the replicas that stand beside them.",
    AutoscalerWithoutRequests "autoscaler-without-requests" Error "An autoscaler goes by a share of what containers request, and one requests nothing.",
    SingleReplica "single-replica" Warning "A workload that serves may have one pod alone.",
    RolloutStopsAll "rollout-stops-all" Warning "A rollout takes all pods away before it starts others.",
    DisruptionBudget "disruption-budget" Warning "Nothing keeps maintenance from taking all pods of a workload at once, or something forbids all maintenance.",
    NoWorkloadIdentity "no-workload-identity" Warning "Pods are no account of Google's: their ServiceAccount names none, or they have no ServiceAccount of their own.",
    SecretInPlain "secret-in-plain" Error "A container's environment holds what looks like a secret, in plain.",
    SecretNeverRotates "secret-never-rotates" Warning "A secret of Secret Manager is declared without a rotation.",
    SessionsEvicted "sessions-evicted" Warning "A Redis may evict whatever it likes when its memory is full, sessions of users included.",
    MonitorWithoutSelector "monitor-without-selector" Error "A monitor of Prometheus selects nothing, or scrapes no port.",
    AlertNeverFires "alert-never-fires" Warning "An alert goes by a series that is not there.",
    ForeignWriter "foreign-writer" Warning "Another program is to move the traffic or the service that the plan moves.",
    RevisionByAlias "revision-by-alias" Error "A revision is named by a word that moves, or that is none.",
    RegionUnsaid "region-unsaid" Warning "A command does not say in which region.",
    DatabaseDoubtful "database-doubtful" Warning "A database is not as the plan wants it, or that can't be told; an error where the primary does not serve as one.",
    StepForeign "step-foreign" Warning "Something else stands where a step of the plan would act, or nothing that it does leads on from there.",
}

impl Id {
    /// All of them, as a chapter of the manual.
    pub fn markdown() -> String {
        let rows: String = Id::ALL.iter().map(|id| format!("| `{}` | {} | {} |\n", id.word(), id.severity().word(), id.about())).collect();
        format!("| id | severity | what it says |\n|---|---|---|\n{rows}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_id_is_one_word_in_lower_case_and_nobody_elses() {
        let words: BTreeSet<&str> = Id::ALL.iter().map(|id| id.word()).collect();
        assert_eq!(words.len(), Id::COUNT);
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')), "{words:?}");
    }

    #[test]
    fn the_readme_lists_the_ids_that_there_are() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme.split_once("<!-- findings: begin -->\n").expect("the chapter begins");
        let chapter = rest.split_once("<!-- findings: end -->").expect("the chapter ends").0;
        assert_eq!(chapter, Id::markdown(), "README.md, findings; it should say\n{}", Id::markdown());
    }
}
