//! What a metrics page costs the host that reads it: the most memory that it ever had, and its time on the processor.
//!
//! The program itself, against the simulated world with another's pages in front of it: both backends serve the same page, each look
//! finds its counters grown, and each page has a host of its own.

use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};

use crate::{
    program::{Account, PROGRAM},
    world::World,
};

/// A window and a half, after which as much is held as ever.
const WATCHED: Duration = Duration::from_secs(45);
/// As the kernel reckons time on the processor here.
const TICKS_A_SECOND: f64 = 100.0;
/// Ports of the world, of which the last two are the backends themselves.
const PORTS: u16 = 5;
const OTHERS: &str = "jvm_gc_collection_seconds_count{gc=\"G1 Young Generation\",pool=\"eden\"} 4071\n";

#[derive(Clone, Copy)]
enum Page {
    /// The world's own.
    Own,
    /// With so many bytes of other people's families.
    Others { mebibytes: usize },
    /// So many series of what is counted.
    Series { count: u64 },
    /// Packed, and never over.
    Bomb,
}

pub(crate) fn measure(folder: &Path) {
    let pages = [
        ("the world's own page, of 2 kB", Page::Own),
        ("1 MiB of others' families", Page::Others { mebibytes: 1 }),
        ("8 MiB of others' families", Page::Others { mebibytes: 8 }),
        ("63 MiB of others' families", Page::Others { mebibytes: 63 }),
        ("65 MiB of others' families, beyond the limit", Page::Others { mebibytes: 65 }),
        ("20,000 series of ours", Page::Series { count: 20_000 }),
        ("20,001 series of ours, beyond the limit", Page::Series { count: 20_001 }),
        ("a gzip bomb", Page::Bomb),
    ];
    for (place, (name, page)) in pages.into_iter().enumerate() {
        let world = World::start(Path::new(PROGRAM));
        let port = in_front(world.port, page);
        let folder = folder.join(format!("page-{place}"));
        fs::create_dir_all(&folder).unwrap();
        let account = Account { folder, simulated: format!("--simulated={port}") };
        let session = account.open();
        let host = account.host();
        thread::sleep(WATCHED);
        let (most, seconds) = (peak_kb(host), on_processor(host));
        println!("{name:<46} at most {:>5.1} MB, {:>5.1} % of a processor", most as f64 / 1000.0, 100.0 * seconds / WATCHED.as_secs_f64());
        let status: serde_json::Value = serde_json::from_str(&account.run(&["status", &session, "--json"])).unwrap_or_default();
        println!("    {}", status["triggers"]["error-rate"]);
        account.run(&["stop", &session, "--abandon", "frontend"]);
    }
}

fn peak_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// In the program and in the kernel for it.
fn on_processor(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // What comes before the name's end may hold blanks.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_A_SECOND
}

/// Listens on five ports in a row, gives `page` to who asks a backend for its metrics, and all else to the world. Ends with this process.
fn in_front(world: u16, page: Page) -> u16 {
    let listen = |port| TcpListener::bind(("127.0.0.1", port));
    let listeners = (20_000..60_000)
        .step_by(usize::from(PORTS))
        .find_map(|first| (first..first + PORTS).map(listen).collect::<io::Result<Vec<_>>>().ok());
    let listeners = listeners.expect("five ports in a row are free");
    let first = listeners[0].local_addr().unwrap().port();
    let looks = Arc::new(AtomicU64::new(0));
    for (place, listener) in (0..PORTS).zip(listeners) {
        let looks = looks.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let looks = looks.clone();
                // A peer that goes away in the middle is what a limit is for.
                thread::spawn(move || converse(stream, world + place, page, &looks).ok());
            }
        });
    }
    first
}

fn converse(mut stream: TcpStream, behind: u16, page: Page, looks: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut begun = [0; 16];
    let count = stream.peek(&mut begun)?;
    if begun[..count].starts_with(b"GET /metrics") && !matches!(page, Page::Own) {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head)?;
        return serve(stream, page, looks.fetch_add(1, Ordering::SeqCst) + 1);
    }
    let mut world = TcpStream::connect(("127.0.0.1", behind))?;
    world.set_nodelay(true)?;
    let (mut to, mut from) = (world.try_clone()?, stream.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(std::net::Shutdown::Write).ok();
    });
    io::copy(&mut world, &mut stream)?;
    stream.shutdown(std::net::Shutdown::Write)
}

fn serve(mut stream: TcpStream, page: Page, look: u64) -> io::Result<()> {
    let packed = if matches!(page, Page::Bomb) { "content-encoding: gzip\r\n" } else { "" };
    stream
        .write_all(format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n{packed}connection: close\r\n\r\n").as_bytes())?;
    let ours = format!("http_requests_total{{code=\"200\"}} {}\nhttp_requests_total{{code=\"500\"}} {look}\n", look * 100);
    let mebibyte = OTHERS.repeat((1 << 20) / OTHERS.len());
    match page {
        Page::Own => {}
        Page::Others { mebibytes } => {
            for _ in 0..mebibytes {
                stream.write_all(mebibyte.as_bytes())?;
            }
            stream.write_all(ours.as_bytes())?;
        }
        Page::Series { count } => {
            let series = |place: u64| {
                let (path, bound) = (place / 10, (place % 10 + 1) as f64 / 10.0);
                let name = "http_request_duration_seconds_bucket";
                format!("{name}{{method=\"GET\",code=\"200\",path=\"/items/{path}\",le=\"{bound}\"}} {}\n", look * (place % 10))
            };
            let text: String = (0..count - 2).map(series).collect();
            stream.write_all(text.as_bytes())?;
            stream.write_all(ours.as_bytes())?;
        }
        Page::Bomb => {
            let mut packer = GzEncoder::new(Vec::new(), Compression::best());
            packer.write_all(mebibyte.as_bytes())?;
            let member = packer.finish()?;
            loop {
                stream.write_all(&member)?;
            }
        }
    }
    stream.shutdown(std::net::Shutdown::Write)
}
