//! What it costs to read a metrics page of a megabyte: asked for over loopback, cut into lines, parsed and reckoned with, as a session does it at each look.
//!
//! Time is that of the thread that reads; the one that serves has its own. Pages differ in how much of them is counted at all.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use cutover::{
    adapter::{
        http::{Client, Origin, Reach},
        metrics::{Config, MetricsSensor},
    },
    domain::{
        fact::Fact,
        time::{Millis, Timestamp},
    },
    port::Sensor,
};
use flate2::{Compression, write::GzEncoder};

use crate::clock::{ms, own_cpu, row};

const PAGE_BYTES: usize = 1 << 20;
const LOOKS: u32 = 40;

pub(crate) fn pages() {
    let (few, many) =
        (page(|number| format!("jvm_gc_collection_seconds_count{{gc=\"G1 Young Generation\",pool=\"{number}\"}} 4071\n")), page(counted));
    let packed = gzip(&few);
    for (what, body, is_packed) in [
        ("1 MiB, of which 20 series are counted", few.as_bytes(), false),
        ("the same packed with gzip", packed.as_slice(), true),
        ("1 MiB, every series of it counted", many.as_bytes(), false),
    ] {
        let (took, values) = looked(body, is_packed);
        let a_second = PAGE_BYTES as f64 / 1e6 / took.as_secs_f64();
        row(what, format!("{} of CPU a look, {a_second:.0} MB/s, {values} figures", ms(took)));
    }
}

fn counted(number: usize) -> String {
    format!(
        "http_requests_total{{method=\"GET\",path=\"/api/v1/items/{number}/details\",code=\"200\",pod=\"frontend-6c9f\"}} {}\n",
        number * 7
    )
}

/// Some counted series, and then lines that are made so until the page is full.
fn page(line: fn(usize) -> String) -> String {
    let mut text = String::with_capacity(PAGE_BYTES + 256);
    for number in 0..10 {
        text.push_str(&counted(number));
        text.push_str(&format!("http_request_duration_seconds_bucket{{le=\"{number}\"}} {}\n", number * 100));
    }
    text.push_str("http_request_duration_seconds_bucket{le=\"+Inf\"} 1000\n");
    for number in 10.. {
        if text.len() >= PAGE_BYTES {
            break;
        }
        text.push_str(&line(number));
    }
    text
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).and_then(|()| packer.finish()).expect("memory takes everything")
}

/// CPU time of one look, and how many figures the last one gave.
fn looked(body: &[u8], is_packed: bool) -> (Duration, usize) {
    let encoding = if is_packed { "content-encoding: gzip\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n{encoding}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let address = served([head.as_bytes(), body].concat());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (origin, url) = Origin::split(&format!("http://{address}/metrics"), Reach::Loopback).expect("a page of this machine");
    let now = Arc::new(|| Timestamp(jiff::Timestamp::now().as_millisecond()));
    let (source, backend) = ("scrape/gke".parse().expect("a name"), "gke".parse().expect("a name"));
    let mut config = Config::new(source, backend, url, Millis::from_secs(1), now);
    config.twins = 0;
    let mut sensor = MetricsSensor::new(config, Client::fresh(origin).expect("a client"));
    let mut look = || {
        let facts = runtime.block_on(sensor.look()).expect("the page is there");
        facts.iter().map(|fact| if let Fact::Measured { values, .. } = fact { values.len() } else { 0 }).sum()
    };
    look();
    let before = own_cpu();
    let mut figures = 0;
    for _ in 0..LOOKS {
        figures = look();
    }
    ((own_cpu() - before) / LOOKS, figures)
}

/// A server of one answer, for as long as this program lives.
fn served(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            // One read holds the whole of a request; a reader that goes away early is its own business.
            if stream.read(&mut request).is_ok() {
                let _ = stream.write_all(&answer);
            }
        }
    });
    address
}
