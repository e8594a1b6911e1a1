//! A real Prometheus that scrapes each page once a second and evaluates one alert for each series.

use std::{
    fmt::Write,
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use cutover::domain::time::Timestamp;
use serde_json::Value;

use super::{
    lasting,
    pages::Pages,
    series::{About, Case},
};

/// The program and its folder; both go when it is dropped.
pub(crate) struct Prometheus {
    child: Child,
    folder: PathBuf,
    pub address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An alert that fired, and at which evaluation first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alert {
    pub place: usize,
    pub at: Timestamp,
}

/// What the figures of a series are made of, for alerts and for us alike.
pub(crate) struct Promql {
    pub newest: String,
    pub requests: String,
    pub failures: String,
    pub p95: String,
}

impl Promql {
    pub(crate) fn of(place: usize) -> Promql {
        Promql {
            newest: format!("max(timestamp(http_requests_total{{series=\"{place}\"}}))"),
            requests: format!("sum(increase(http_requests_total{{series=\"{place}\"}}[6s]))"),
            failures: format!("sum(increase(http_requests_total{{series=\"{place}\", code=~\"5..\"}}[6s]))"),
            p95: format!("histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{{series=\"{place}\"}}[6s])))"),
        }
    }

    fn condition(&self, about: About) -> String {
        match about {
            About::Errors => format!("{} / {} > 0.05", self.failures, self.requests),
            About::Latency => format!("{} > 1", self.p95),
        }
    }
}

impl Prometheus {
    /// `None` if there is no such program.
    pub(crate) async fn start(pages: &Pages) -> Option<Prometheus> {
        Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        // Whoever listens on port 0 is given a free one, which is free again a moment later.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free");
        let folder = std::env::temp_dir().join(format!("cutover-scraped-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("there is room for a folder");
        let config = folder.join("prometheus.yml");
        fs::write(&config, configured(pages))
            .and_then(|()| fs::write(folder.join("rules.yml"), rules(&pages.cases)))
            .expect("there is room");
        let log = fs::File::create(folder.join("log")).expect("there is room");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a program that tells its version can be started");
        let prometheus = Prometheus { child, folder, address };
        while prometheus.ask("/-/ready", &[]).await.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(prometheus)
    }

    /// Every alert that has fired so far. The samples of `ALERTS` have the times of the evaluations.
    pub(crate) async fn alerts(&self) -> Vec<Alert> {
        let told = self.ask("/api/v1/query", &[("query", "ALERTS{alertstate=\"firing\"}[10m]")]).await.expect("Prometheus answers");
        let told: Value = serde_json::from_str(&told).expect("Prometheus answers in JSON");
        let first = |one: &Value| {
            let seconds = one["values"].as_array()?.first()?[0].as_f64()?;
            Some(Alert { place: one["metric"]["series"].as_str()?.parse().ok()?, at: Timestamp((seconds * 1000.0).round() as i64) })
        };
        told["data"]["result"].as_array().expect("a matrix has results").iter().map(|one| first(one).expect("an alert of ours")).collect()
    }

    /// What it answers if all is well.
    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<String> {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        let answer = client.get(format!("http://{}{path}", self.address)).query(query).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }
}

fn configured(pages: &Pages) -> String {
    let mut text = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n\
                    scrape_configs:\n- job_name: series\n  static_configs:\n"
        .to_owned();
    for (place, instance) in pages.targets() {
        let labels = format!("{{__metrics_path__: /{place}/{instance}, series: '{place}', instance: '{instance}'}}");
        writeln!(text, "  - {{targets: ['{}'], labels: {labels}}}", pages.address).expect("a text takes everything");
    }
    text
}

fn rules(cases: &[Case]) -> String {
    let mut text = "groups:\n- name: series\n  rules:\n".to_owned();
    for (place, case) in cases.iter().enumerate() {
        let (expr, lasting) = (Promql::of(place).condition(case.about), lasting(case.about).as_secs());
        writeln!(text, "  - {{alert: A, expr: '{expr}', for: {lasting}s, labels: {{series: '{place}'}}}}")
            .expect("a text takes everything");
    }
    text
}
