//! A daemon and a team server with a network between them that loses, doubles, reorders, cuts and refuses.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fenta_client::api::orgs::Role;
use fenta_client::api::sync::{ResultFile, ResultRecord, SyncTarget};
use fenta_workflows::digest::blob_digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::server::team::testing::{Company, Server};
use crate::store::testing::TestStore;

/// What the network does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// It never arrives.
    Lost,
    /// It arrives, and the answer does not.
    AnswerLost,
    /// It arrives twice.
    Doubled,
    /// An earlier one arrives after it.
    Reordered,
    /// Half of it arrives.
    Cut,
    /// Half of the answer arrives.
    AnswerCut,
    /// Too many requests.
    Busy,
    /// Something between is broken.
    Broken,
}

const FAULTS: [Fault; 9] = [
    Fault::None,
    Fault::Lost,
    Fault::AnswerLost,
    Fault::Doubled,
    Fault::Reordered,
    Fault::Cut,
    Fault::AnswerCut,
    Fault::Busy,
    Fault::Broken,
];

#[derive(Debug)]
struct Network {
    server: SocketAddr,
    /// Of `FAULTS`, chosen by a fixed row of numbers; none where it is calm.
    stormy: bool,
    dice: AtomicU64,
    seen: Mutex<Vec<Fault>>,
    earlier: Mutex<Option<Vec<u8>>>,
}

impl Network {
    /// An address that leads to the server, sometimes.
    async fn before(server: SocketAddr, stormy: bool) -> (SocketAddr, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = Arc::new(Self {
            server,
            stormy,
            dice: AtomicU64::new(0x2545_F491_4F6C_DD1D),
            seen: Mutex::default(),
            earlier: Mutex::default(),
        });
        let carrier = Arc::clone(&network);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let carrier = Arc::clone(&carrier);
                tokio::spawn(async move {
                    // A network tells nobody what it lost.
                    let _ = carrier.carry(stream).await;
                });
            }
        });
        (address, network)
    }

    fn fault(&self) -> Fault {
        if !self.stormy {
            return Fault::None;
        }
        let turned = self
            .dice
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |mut x| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                Some(x)
            });
        let fault = FAULTS[usize::try_from(turned.unwrap() % FAULTS.len() as u64).unwrap()];
        self.seen.lock().unwrap().push(fault);
        fault
    }

    async fn carry(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let request = self.read_request(&mut stream).await?;
        match self.fault() {
            Fault::Lost => return Ok(()),
            Fault::AnswerLost => {
                self.ask(&request).await?;
                return Ok(());
            }
            Fault::Cut => {
                let mut server = TcpStream::connect(self.server).await?;
                server.write_all(&request[..request.len() / 2]).await?;
                return Ok(());
            }
            Fault::AnswerCut => {
                let answer = self.ask(&request).await?;
                stream.write_all(&answer[..answer.len() / 2]).await?;
                return Ok(());
            }
            Fault::Busy => {
                let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                return stream.write_all(busy.as_bytes()).await;
            }
            Fault::Broken => {
                let broken = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 4\r\n\r\noops";
                return stream.write_all(broken.as_bytes()).await;
            }
            Fault::Doubled => {
                self.ask(&request).await?;
            }
            Fault::Reordered => {
                let answer = self.ask(&request).await?;
                let earlier = self.earlier.lock().unwrap().clone();
                if let Some(earlier) = earlier {
                    self.ask(&earlier).await?;
                }
                return stream.write_all(&answer).await;
            }
            Fault::None => {}
        }
        let answer = self.ask(&request).await?;
        *self.earlier.lock().unwrap() = Some(request);
        stream.write_all(&answer).await
    }

    /// The whole request, named for the server and for one connection of its own.
    async fn read_request(&self, stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        let head_end = loop {
            let read = stream.read(&mut chunk).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&chunk[..read]);
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        let mut rewritten = String::new();
        let mut length = 0;
        for line in head.split("\r\n") {
            let name = line.split(':').next().unwrap_or_default().to_lowercase();
            match &*name {
                "host" => rewritten.push_str(&format!("host: {}\r\n", self.server)),
                "connection" => {}
                _ => rewritten.push_str(&format!("{line}\r\n")),
            }
            if name == "content-length" {
                length = line.split(':').nth(1).unwrap().trim().parse().unwrap();
            }
        }
        rewritten.push_str("connection: close\r\n\r\n");
        let mut body = bytes.split_off(head_end + 4);
        while body.len() < length {
            let read = stream.read(&mut chunk).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            body.extend_from_slice(&chunk[..read]);
        }
        let mut request = rewritten.into_bytes();
        request.extend_from_slice(&body);
        Ok(request)
    }

    async fn ask(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(self.server).await?;
        server.write_all(request).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

/// A daemon that hands in, and the server it hands in to.
struct Bench {
    here: TestStore,
    server: Server,
    company: Company,
    network: Arc<Network>,
    sync: Syncer,
    device: String,
    keys: std::path::PathBuf,
}

fn keep(folder: &Path, token: &str) {
    let path = folder.join("credentials.json");
    let _ = std::fs::remove_file(&path);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    write!(file, "{{\"providers\":{{\"sync:team\":\"{token}\"}}}}").unwrap();
}

impl Bench {
    async fn new(stormy: bool) -> Self {
        let here = crate::store::testing::open();
        let server = Server::roomy().await;
        let company = server.company("ours").await;
        let (address, network) = Network::before(server.address, stormy).await;
        let target = SyncTarget {
            context: "team".to_owned(),
            url: format!("http://{address}"),
            files: true,
            from_start: true,
        };
        let device = here.store.set_sync_target(target).await.unwrap().device;
        // Ids of a clock that stands still count; those of machines are random.
        let secret = server.device(&company, &device).await;
        let keys = here.folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        keep(&keys, &secret);
        let sync = Syncer::new(
            here.store.clone(),
            Some(KeyFile::in_folder(&keys)),
            Activity::default(),
        );
        Self {
            here,
            server,
            company,
            network,
            sync,
            device,
            keys,
        }
    }

    /// Tries until everything is there; how many tries it took.
    async fn until_done(&self) -> u32 {
        for tries in 1..2000 {
            // Errors are the network's.
            let _ = self.sync.now().await;
            let status = self.sync.status().await.unwrap();
            if status.waiting + status.files_waiting == 0 {
                return tries;
            }
        }
        panic!("it never ends: {:?}", self.sync.status().await);
    }

    async fn there(&self) -> crate::store::Store {
        self.server
            .team
            .tenants
            .get(&self.company.org)
            .await
            .unwrap()
            .state
            .store
            .clone()
    }

    /// Both ledgers are equal, to the byte.
    async fn assert_equal(&self, records: u64) {
        let range = fenta_client::api::sync::DigestQuery {
            from: 1,
            to: records + 1,
        };
        let here = self.here.store.outbox_digest(range).await.unwrap();
        let there = self
            .there()
            .await
            .received_digest(&self.device, range)
            .await
            .unwrap();
        assert_eq!(here.count, records);
        assert_eq!(here, there);
        let mut verdict = None;
        for _ in 0..1000 {
            verdict = self.sync.verify().await.ok();
            if verdict.is_some() {
                break;
            }
        }
        let verdict = verdict.expect("a network that lets something through");
        assert_eq!((verdict.compared, verdict.differs_at), (records, None));
    }

    async fn publish(&self, name: &str, content: &str) {
        let path = self.here.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let store = &self.here.store;
        store.end_a_job(&format!("job_{name}")).await;
        let end = store.unnumbered_ends(1).await.unwrap().remove(0);
        let digest = blob_digest(content.as_bytes()).to_string();
        let record = ResultRecord {
            job: end.job,
            workflow: "w".to_owned(),
            state: "completed".to_owned(),
            at: end.at,
            files: vec![ResultFile {
                name: name.to_owned(),
                digest: digest.clone(),
            }],
        };
        let files = [(digest, path.to_string_lossy().into_owned())].into();
        store.number_end(end.number, record, files).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_records_through_a_storm_are_there_once() {
    storm(5000).await;
}

/// A week without a network. `cargo test -p fenta-daemon --lib a_week -- --ignored`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_week_of_records_through_a_storm_is_there_once() {
    storm(100_000).await;
}

async fn storm(rows: u32) {
    let bench = Bench::new(true).await;
    let begun = std::time::Instant::now();
    bench.here.store.fill_ledger(rows).await;
    for (name, content) in [("a.mp4", "one"), ("b.mp4", "two"), ("again.mp4", "one")] {
        bench.publish(name, content).await;
    }
    let (newest, waiting) = bench.here.store.outbox_size().await.unwrap();
    assert!(newest + waiting == u64::from(rows) + 3);
    let tries = bench.until_done().await;
    bench.assert_equal(u64::from(rows) + 3).await;
    let seen = bench.network.seen.lock().unwrap().clone();
    println!(
        "{rows} records, {tries} tries, {} requests, {:?}",
        seen.len(),
        begun.elapsed()
    );
    for fault in FAULTS {
        assert!(
            seen.contains(&fault),
            "the storm had no {fault:?} in {}",
            seen.len()
        );
    }
    let tenant = bench
        .server
        .team
        .tenants
        .get(&bench.company.org)
        .await
        .unwrap();
    for content in ["one", "two"] {
        assert!(
            tenant.cas.contains(&blob_digest(content.as_bytes())),
            "{content}"
        );
    }
    let devices = bench.there().await.received_devices().await.unwrap();
    assert_eq!(devices.items.len(), 1);
    assert!(
        devices.items[0].skew_seconds != 0,
        "the clock of this machine stands still in the past"
    );
    assert_eq!(bench.sync.status().await.unwrap().quarantined, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_login_waits_for_another_and_loses_nothing() {
    let bench = Bench::new(false).await;
    bench.here.store.fill_ledger(10).await;
    bench.sync.now().await.unwrap();
    let owner = &bench.company.tokens[&Role::Owner];
    let editor = &bench.company.tokens[&Role::Editor];
    let listed = bench.server.get("/v1/auth/tokens", editor).await.json();
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let ended = bench
        .server
        .ask("DELETE", &format!("/v1/auth/tokens/{id}"), owner, "")
        .await;
    assert_eq!(ended.status, 204);
    bench.here.store.fill_ledger(5).await;
    let error = bench.sync.now().await.unwrap_err();
    assert!(error.hint().contains("fenta sync on"), "{error}");
    let status = bench.sync.status().await.unwrap();
    assert!(status.last_error.is_some() && status.waiting == 5 && status.next_try_in.is_some());
    let secret = bench.server.device(&bench.company, &bench.device).await;
    keep(&bench.keys, &secret);
    bench.sync.now().await.unwrap();
    bench.assert_equal(15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_server_gets_again_what_it_lost() {
    let bench = Bench::new(false).await;
    bench.here.store.fill_ledger(1200).await;
    bench.sync.now().await.unwrap();
    bench
        .there()
        .await
        .rewind(&bench.device, 300)
        .await
        .unwrap();
    bench.here.store.fill_ledger(1).await;
    bench.sync.now().await.unwrap();
    bench.assert_equal(1201).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_differs_is_found_and_handed_in_anew() {
    let bench = Bench::new(false).await;
    bench.here.store.fill_ledger(700).await;
    bench.sync.now().await.unwrap();
    bench.there().await.spoil_received(&bench.device, 555).await;
    let verdict = bench.sync.verify().await.unwrap();
    assert_eq!(verdict.differs_at, Some(555));
    bench.sync.rebuild().await.unwrap();
    bench.assert_equal(700).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_record_and_a_file_that_is_gone_keep_nothing_waiting() {
    let bench = Bench::new(false).await;
    bench.publish("a.mp4", "one").await;
    bench.publish("b.mp4", "two").await;
    std::fs::remove_file(bench.here.folder.path().join("a.mp4")).unwrap();
    bench.here.store.spoil_outbox(1).await;
    bench.here.store.fill_ledger(3).await;
    bench.sync.now().await.unwrap();
    let status = bench.sync.status().await.unwrap();
    assert_eq!(
        (status.waiting, status.quarantined, status.files_waiting),
        (0, 1, 0)
    );
    let owner = &bench.company.tokens[&Role::Owner];
    let shown = bench.server.get("/v1/sync/devices", owner).await.json();
    assert_eq!(shown["quarantine"][0]["seq"], 1, "{shown}");
    let tenant = bench
        .server
        .team
        .tenants
        .get(&bench.company.org)
        .await
        .unwrap();
    assert!(tenant.cas.contains(&blob_digest(b"two")));
}

#[tokio::test]
async fn without_a_target_nothing_is_handed_in() {
    let here = crate::store::testing::open();
    let sync = Syncer::new(here.store.clone(), None, Activity::default());
    here.store.fill_ledger(3).await;
    assert!(matches!(sync.now().await, Err(SyncError::Off)));
    assert_eq!(sync.status().await.unwrap(), SyncStatus::default());
}

#[test]
fn pauses_double_up_to_half_an_hour() {
    for (failures, seconds) in [(0, 5), (1, 10), (4, 80), (20, 1800)] {
        let pause = backoff(failures).as_secs();
        assert!(
            (seconds..=(seconds * 5 / 4).min(1800)).contains(&pause),
            "{failures}: {pause}"
        );
    }
}
