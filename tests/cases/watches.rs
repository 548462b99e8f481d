//! `fenta watch` with the real programs: files dropped, renamed, copied, half written and stormed into a folder, and a daemon
//! that is killed in the middle.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use fenta_tests::env::FentaEnv;
use fenta_tests::fakes::{Fake, Trouble, receiver};
use serde_json::Value;

/// Says what a note says; nothing is drawn, so a thousand of them are quick.
const NOTES: &str = "fenta: workflow/v1
name: notes
inputs: { note: { type: file }, greeting: { type: string, default: \"\" } }
nodes:
  text: { type: Input.Text, with: { file: \"${{ inputs.note }}\", format: txt } }
outputs: { said: \"${{ inputs.greeting }}${{ nodes.text.text }}\" }
";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Bench {
    env: FentaEnv,
    inbox: PathBuf,
}

impl Bench {
    fn new(text: &str) -> Self {
        let env = FentaEnv::new().unwrap();
        env.write("notes.yaml", text).unwrap();
        let inbox = env.work().join("inbox");
        fs::create_dir(&inbox).unwrap();
        Self { env, inbox }
    }

    fn fenta(&self, args: &[&str]) -> String {
        let said = self.env.fenta(args).unwrap().expect_code(0).unwrap();
        said.stdout
    }

    fn drop(&self, name: &str, text: &str) -> PathBuf {
        let path = self.inbox.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The lines of `watch show --json`: the watch, its files, its runs.
    fn show(&self, runs: &str) -> (Vec<Value>, Vec<Value>) {
        let text = self.fenta(&["watch", "show", "notes", "--json", "--runs", runs]);
        let values = text
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        values.partition(|value| value["path"].is_string())
    }

    fn states(&self) -> BTreeMap<String, String> {
        let (files, _) = self.show("0");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        files
            .iter()
            .map(|file| (text(&file["path"]), text(&file["state"])))
            .collect()
    }

    fn until(&self, what: &str, mut met: impl FnMut(&BTreeMap<String, String>) -> bool) {
        let begin = Instant::now();
        loop {
            let states = self.states();
            if met(&states) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{what}: {states:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn until_state(&self, name: &str, state: &str) {
        self.until(&format!("{name} is {state}"), |states| {
            states.get(name).is_some_and(|found| found == state)
        });
    }

    /// What was said by all runs, sorted.
    fn said(&self) -> Vec<String> {
        let (_, runs) = self.show("10000");
        let mut said: Vec<String> = runs
            .iter()
            .flat_map(|run| run["outputs"].as_array().cloned().unwrap_or_default())
            .map(|output| output.as_str().unwrap().to_owned())
            .collect();
        said.sort();
        said
    }

    fn jobs(&self) -> usize {
        self.fenta(&["job", "ls", "-q", "--limit", "1000"])
            .lines()
            .count()
    }
}

#[test]
fn a_file_begins_one_run_whatever_it_is_called_and_however_often_it_is_touched() {
    let bench = Bench::new(NOTES);
    let first = bench.drop("before.md", "bees");
    let added = bench
        .env
        .fenta(&["watch", "add", "inbox", "notes.yaml", "--settle", "300ms"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(added.stdout.starts_with("wat_"), "{added:?}");
    assert!(added.stderr.contains("not durable"), "{}", added.stderr);
    bench.until_state("before.md", "done");
    assert_eq!(bench.said(), ["bees"]);

    bench.drop("half.md.part", "half");
    bench.drop(".hidden.md", "hidden");
    fs::rename(&first, bench.inbox.join("renamed.md")).unwrap();
    fs::copy(bench.inbox.join("renamed.md"), bench.inbox.join("copy.md")).unwrap();
    bench.until_state("copy.md", "dup");
    bench.until_state("renamed.md", "dup");
    fs::File::options()
        .append(true)
        .open(bench.inbox.join("copy.md"))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    bench.drop("new.md", "ants");
    bench.until_state("new.md", "done");
    bench.until_state("copy.md", "dup");
    assert_eq!(bench.said(), ["ants", "bees"]);
    assert_eq!(bench.jobs(), 2);

    let list = bench.fenta(&["watch", "ls"]);
    assert!(list.contains("2 dup") && list.contains("1 done"), "{list}");
    let ps = bench.fenta(&["ps", "--watch", "notes", "-q"]);
    assert_eq!(ps.lines().count(), 2);
    for (file, rule) in [
        ("inbox/half.md.part", "half-file"),
        ("inbox/.hidden.md", "hidden"),
        ("inbox/copy.md", "content"),
        ("inbox/new.md", "content"),
    ] {
        let said = bench.fenta(&["watch", "explain", file, "--json"]);
        let verdict: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(verdict["rule"], rule, "{said}");
    }
}

#[test]
fn half_a_file_is_never_read_and_a_reason_lies_beside_what_failed() {
    let document = NOTES.replace(
        "nodes:",
        "watch: { path: ./inbox, into: note, match: \"*.md\", settle: 400ms, after: \"move:./inbox/done\" }\nnodes:",
    );
    let bench = Bench::new(&document);
    bench.fenta(&["watch", "add", "notes.yaml"]);
    // Open, and longer quiet than the watch asks for; then opened again for every piece.
    let mut open = fs::File::create(bench.inbox.join("slow.md")).unwrap();
    open.write_all(b"one ").unwrap();
    bench.until("it is seen to be open", |_| {
        let said = bench.fenta(&["watch", "explain", "inbox/slow.md"]);
        said.contains("has it open for writing")
    });
    std::thread::sleep(Duration::from_millis(900));
    open.write_all(b"two").unwrap();
    drop(open);
    for piece in 0..8 {
        let path = bench.inbox.join("pieces.md");
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        write!(file, "{piece}").unwrap();
        std::thread::sleep(Duration::from_millis(150));
    }
    fs::write(bench.inbox.join("wrong.md"), b"\xff\xfe\xff no text").unwrap();
    bench.until("both are moved", |states| {
        states.len() == 1 && states.contains_key("wrong.md")
    });
    bench.until_state("wrong.md", "failed");
    assert_eq!(bench.said(), ["01234567", "one two"]);
    for name in ["slow.md", "pieces.md"] {
        assert!(bench.inbox.join("done").join(name).is_file(), "{name}");
    }
    let reason = fs::read_to_string(bench.inbox.join("wrong.md.fenta-failed.txt")).unwrap();
    assert!(reason.starts_with("job_"), "{reason}");
    bench.drop("wrong.md", "right");
    bench.until("it is moved", BTreeMap::is_empty);
    assert!(!bench.inbox.join("wrong.md.fenta-failed.txt").exists());
    assert_eq!(bench.jobs(), 4);
}

#[test]
fn groups_wait_for_what_they_need_and_bring_values() {
    let bench = Bench::new(NOTES);
    bench.fenta(&[
        "watch",
        "add",
        "inbox",
        "notes.yaml",
        "--settle",
        "200ms",
        "--match",
        "*.md",
        "--group-by",
        "stem",
        "--requires",
        "md,yaml",
    ]);
    bench.drop("a/note.md", "bees");
    bench.until_state("a/note.md", "ready");
    let said = bench.fenta(&["watch", "explain", "inbox/a/note.md"]);
    assert!(said.contains("waits for a .yaml of its group"), "{said}");
    bench.drop("a/note.yaml", "greeting: 'dear '\n");
    bench.until_state("a/note.md", "done");
    bench.drop("b.yaml", "nobody: knows\n");
    bench.drop("b.md", "ants");
    bench.until_state("b.md", "failed");
    let said = bench.fenta(&["watch", "explain", "inbox/b.md"]);
    assert!(said.contains("no input `nobody`"), "{said}");
    assert_eq!(bench.said(), ["dear bees"]);
    // The same under another name is the same.
    bench.drop("c.md", "bees");
    bench.drop("c.yaml", "greeting: 'dear '\n");
    bench.until_state("c.md", "dup");
    assert_eq!(bench.said(), ["dear bees"]);
}

#[test]
fn results_in_the_watched_folder_begin_nothing() {
    let document = NOTES.replace(
        "outputs:",
        "  voice: { type: Voice.TTS, with: { text: \"${{ nodes.text.text }}\" } }
  words: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }
  out: { type: Output.Download, with: { file: \"${{ nodes.words.srt }}\", to: inbox/said.srt } }
outputs:",
    );
    let bench = Bench::new(&document);
    bench.fenta(&["watch", "add", "inbox", "notes.yaml", "--settle", "200ms"]);
    bench.drop("a.md", "Bees dance.");
    bench.until_state("a.md", "done");
    bench.until_state("said.srt", "ignored");
    fs::copy(bench.inbox.join("said.srt"), bench.inbox.join("again.srt")).unwrap();
    bench.until_state("again.srt", "ignored");
    let said = bench.fenta(&["watch", "explain", "inbox/again.srt"]);
    assert!(
        said.contains("results") && said.contains("published as"),
        "{said}"
    );
    assert_eq!(bench.jobs(), 1);
}

#[test]
fn a_watch_in_the_foreground_ends_with_its_command_and_the_next_knows_what_it_did() {
    let bench = Bench::new(NOTES);
    bench.drop("a.md", "bees");
    // Watches until a line has this in it, then ends it as Ctrl-C does.
    let watching = |more: &[&str], wanted: &str| {
        let mut child = bench
            .env
            .command("fenta")
            .unwrap()
            .args(["watch", "inbox", "notes.yaml", "--settle", "200ms"])
            .args(["--greeting", "hello "])
            .args(more)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let interrupt =
            || rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        std::thread::scope(|scope| {
            let look = |stream: Box<dyn std::io::Read + Send>| {
                let lines = BufReader::new(stream).lines().map(Result::unwrap);
                lines
                    .inspect(|line| {
                        if line.contains(wanted) {
                            interrupt();
                        }
                    })
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            let told = scope.spawn(move || look(Box::new(stderr)));
            let said = look(Box::new(stdout));
            let told = told.join().unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(0), "{said} {told}");
            (said, told)
        })
    };
    let (said, _) = watching(&["--json"], "\"state\":\"done\"");
    assert!(said.contains("\"path\":\"a.md\""), "{said}");
    let list = bench.fenta(&["watch", "ls"]);
    assert!(list.contains("paused") && list.contains("1 done"), "{list}");
    assert_eq!(bench.said(), ["hello bees"]);
    let (_, told) = watching(&[], "1 files had their run before");
    assert!(
        told.contains("watching ") && told.contains("1 done"),
        "{told}"
    );
    assert_eq!(bench.jobs(), 1);
}

/// A file of the storm: what it says in the end, and when it was whole.
struct Dropped {
    text: String,
    whole_at: SystemTime,
}

/// What fell into a folder.
#[derive(Default)]
struct Storm {
    /// Texts that must each be said once.
    files: BTreeMap<String, Dropped>,
    /// Texts that were whole, but may have gone before anybody looked.
    may: Vec<String>,
}

impl Storm {
    fn put(&mut self, name: &str, text: String) {
        let whole_at = SystemTime::now();
        self.files
            .insert(name.to_owned(), Dropped { text, whole_at });
    }

    /// Copies so many files within a second, and does to them what people and programs do.
    fn fall(&mut self, inbox: &Path, count: usize, slow: Duration, meanwhile: impl FnOnce()) {
        let part = |percent: usize| (count * percent / 100).max(1);
        let slow_ones: Vec<PathBuf> = (0..part(10))
            .map(|at| inbox.join(format!("slow {at}.md")))
            .collect();
        let writer = std::thread::spawn({
            let paths = slow_ones.clone();
            move || write_slowly(&paths, slow)
        });
        let begin = Instant::now();
        let long = format!("{}.md", "é".repeat(126));
        let odd = [
            "-rf.md",
            "two\nlines.md",
            "bee 🐝.md",
            long.as_str(),
            "a,b \"c\".md",
        ];
        for (at, name) in odd.iter().enumerate() {
            let text = format!("odd {at}");
            fs::write(inbox.join(name), &text).unwrap();
            self.put(name, text);
        }
        for at in 0..count {
            let (name, text) = (format!("file {at}.md"), format!("text {at}"));
            fs::write(inbox.join(&name), &text).unwrap();
            self.put(&name, text);
            std::thread::sleep(
                Duration::from_secs(1)
                    .checked_div(count as u32 * 2)
                    .unwrap(),
            );
        }
        println!("{count} files in {:?}", begin.elapsed());
        let outside = inbox.with_file_name("outside");
        fs::create_dir_all(&outside).unwrap();
        for at in 0..part(5) {
            let (name, text) = (format!("moved {at}.md"), format!("moved in {at}"));
            fs::write(outside.join(&name), &text).unwrap();
            fs::rename(outside.join(&name), inbox.join(&name)).unwrap();
            self.put(&name, text);
        }
        for at in 0..part(1) {
            symlink(
                format!("file {}.md", count - 1 - at),
                inbox.join(format!("link {at}.md")),
            )
            .unwrap();
        }
        for at in 0..part(5) {
            let name = format!("file {at}.md");
            fs::remove_file(inbox.join(&name)).unwrap();
            self.may.push(self.files.remove(&name).unwrap().text);
        }
        meanwhile();
        for at in 0..part(2) {
            let name = format!("file {}.md", part(5) + at);
            let text = format!("replaced {at}");
            fs::write(outside.join(&name), &text).unwrap();
            fs::rename(outside.join(&name), inbox.join(&name)).unwrap();
            self.may.push(self.files.remove(&name).unwrap().text);
            self.put(&name, text);
        }
        let whole_at = writer.join().unwrap();
        for (at, path) in slow_ones.iter().enumerate() {
            let text = fs::read_to_string(path).unwrap();
            self.files
                .insert(format!("slow {at}.md"), Dropped { text, whole_at });
        }
    }

    /// Every final content was said once, and nothing that was never whole.
    fn judge(&self, mut said: Vec<String>) {
        for file in self.files.values() {
            let at = said.iter().position(|one| *one == file.text);
            let at = at.unwrap_or_else(|| panic!("`{}` was not said", file.text));
            said.swap_remove(at);
        }
        for text in &self.may {
            if let Some(at) = said.iter().position(|one| one == text) {
                said.swap_remove(at);
            }
        }
        assert!(said.is_empty(), "said twice, or never whole: {said:?}");
    }
}

/// Half of them stay open, the others are opened anew for every piece.
fn write_slowly(paths: &[PathBuf], slow: Duration) -> SystemTime {
    const PIECES: u32 = 20;
    let append = |path: &PathBuf| {
        fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
    };
    let mut open: Vec<fs::File> = paths.iter().step_by(2).map(append).collect();
    for piece in 0..PIECES {
        for (at, path) in paths.iter().enumerate() {
            let text = format!("{at}.{piece} ");
            match at % 2 {
                0 => open[at / 2].write_all(text.as_bytes()).unwrap(),
                _ => append(path).write_all(text.as_bytes()).unwrap(),
            }
        }
        std::thread::sleep(slow / PIECES);
    }
    SystemTime::now()
}

/// How many files fall: a thousand of them is the measured form.
fn storm_size() -> usize {
    std::env::var("FENTA_STORM")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(150)
}

impl Bench {
    fn until_calm(&self, files: usize) {
        self.until("the storm is over", |states| {
            let over =
                |state: &String| matches!(state.as_str(), "done" | "dup" | "failed" | "ignored");
            states.len() >= files && states.values().all(over)
        });
    }
}

#[test]
fn a_storm_of_files_is_a_run_for_each_content_and_soon() {
    let bench = Bench::new(NOTES);
    bench.fenta(&["watch", "add", "inbox", "notes.yaml"]);
    let mut storm = Storm::default();
    let slow = Duration::from_millis(storm_size() as u64 * 10).max(Duration::from_secs(3));
    storm.fall(&bench.inbox, storm_size(), slow, || {});
    bench.until_calm(storm.files.len());
    storm.judge(bench.said());
    let created = created_at(&bench);
    let (_, runs) = bench.show("10000");
    let mut waits: Vec<f64> = Vec::new();
    let mut noted: Vec<f64> = Vec::new();
    for run in &runs {
        let name = run["files"][0].as_str().unwrap();
        let (Some(file), Some(job)) = (storm.files.get(name), run["job"].as_str()) else {
            continue;
        };
        if run["outputs"][0] != file.text.as_str() {
            continue;
        }
        waits.push(since(file.whole_at, &created[job]));
        noted.push(since(file.whole_at, run["queued_at"].as_str().unwrap()));
    }
    let p95 = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() * 95 / 100]
    };
    println!(
        "{} files: taken in p95 {:.2} s, job queued p95 {:.2} s, at most {:.2} s",
        waits.len(),
        p95(&mut noted),
        p95(&mut waits),
        waits.last().unwrap()
    );
    assert!(waits.len() * 10 > storm.files.len() * 9);
    assert!(
        p95(&mut waits) < 3.0,
        "of which two seconds are the rest a file must have"
    );
}

fn created_at(bench: &Bench) -> BTreeMap<String, String> {
    let jobs = bench.fenta(&["job", "ls", "--json", "--limit", "5000"]);
    jobs.lines()
        .map(|line| {
            let job: Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| job[key].as_str().unwrap().to_owned();
            (text("id"), text("created_at"))
        })
        .collect()
}

fn since(whole_at: SystemTime, then: &str) -> f64 {
    let then: jiff::Timestamp = then.parse().unwrap();
    let whole_at = jiff::Timestamp::try_from(whole_at).unwrap();
    then.duration_since(whole_at).as_secs_f64()
}

#[test]
fn a_daemon_killed_in_a_storm_loses_no_file_and_renders_none_twice() {
    let bench = Bench::new(NOTES);
    bench.fenta(&["watch", "add", "inbox", "notes.yaml", "--settle", "500ms"]);
    let mut storm = Storm::default();
    storm.fall(&bench.inbox, storm_size(), Duration::from_secs(3), || {
        bench.env.kill_daemon().unwrap();
        bench.fenta(&["watch", "ls", "-q"]);
        std::thread::sleep(Duration::from_millis(700));
        bench.env.kill_daemon().unwrap();
    });
    bench.fenta(&["watch", "ls", "-q"]);
    std::thread::sleep(Duration::from_millis(600));
    bench.env.kill_daemon().unwrap();
    bench.until_calm(storm.files.len());
    storm.judge(bench.said());
}

impl Bench {
    /// A rule, why it says so, and whatever else is known of a file.
    fn explain(&self, file: &str) -> Value {
        let said = self.fenta(&["watch", "--explain", &format!("inbox/{file}"), "--json"]);
        serde_json::from_str(&said).unwrap()
    }

    fn add(&self, more: &[&str]) {
        let mut args = vec!["watch", "add", "inbox", "notes.yaml", "--settle", "200ms"];
        args.extend(more);
        self.fenta(&args);
    }

    /// Copies that runs were given, and that lie there still.
    fn copies(&self) -> Vec<PathBuf> {
        let watches = fs::read_dir(self.env.state().join("watched"));
        watches
            .into_iter()
            .flatten()
            .flat_map(|watch| fs::read_dir(watch.unwrap().path()).unwrap())
            .map(|run| run.unwrap().path())
            .collect()
    }
}

#[test]
fn values_lie_beside_a_file_as_yaml_or_as_one_row_of_csv() {
    let bench = Bench::new(NOTES);
    bench.add(&["--match", "*.md", "--group-by", "stem"]);
    bench.drop("a.csv", "greeting\n\"dear, \"\n");
    bench.drop("a.md", "bees");
    bench.drop("b.yml", "greeting: 'hello '\n");
    bench.drop("b.md", "ants");
    bench.drop("c.csv", "greeting\none\ntwo\n");
    bench.drop("c.md", "wasps");
    bench.drop("d.csv", "nobody\nknows\n");
    bench.drop("d.md", "flies");
    bench.drop("alone.md", "moths");
    for (name, state) in [
        ("a.md", "done"),
        ("a.csv", "done"),
        ("b.md", "done"),
        ("c.md", "failed"),
        ("d.md", "failed"),
        ("alone.md", "done"),
    ] {
        bench.until_state(name, state);
    }
    assert_eq!(bench.said(), ["dear,bees", "hello ants", "moths"]);
    for (name, part) in [
        (
            "c.md",
            "several rows; one run takes one, `fenta run --batch` takes all",
        ),
        ("d.md", "no input `nobody`"),
    ] {
        let why = bench.explain(name)["why"].as_str().unwrap().to_owned();
        assert!(why.contains(part), "{why}");
        let reason = bench.inbox.join(format!("{name}.fenta-failed.txt"));
        let reason = fs::read_to_string(reason).unwrap();
        assert!(reason.contains(part), "{reason}");
    }
    // A value that is mended is another content.
    bench.drop("c.csv", "greeting\n\"one \"\n");
    bench.until_state("c.md", "done");
    assert!(!bench.inbox.join("c.md.fenta-failed.txt").exists());
    assert!(bench.said().contains(&"onewasps".to_owned()));
}

#[test]
fn a_folder_is_one_run_when_its_mark_is_there() {
    let document = "fenta: workflow/v1
name: notes
inputs: { notes: { type: \"file[]\" } }
nodes:
  text: { type: Input.Text, with: { text: \"${{ len(inputs.notes) }} files\" } }
outputs: { said: \"${{ nodes.text.text }}\" }
";
    let bench = Bench::new(document);
    bench.add(&[
        "--match",
        "*.md",
        "--group-by",
        "folder",
        "--requires",
        "md,done",
    ]);
    for at in 0..3 {
        bench.drop(&format!("x/{at}.md"), &format!("bees {at}"));
    }
    bench.drop("top.md", "ants");
    bench.drop("x/notes.txt", "no note");
    bench.until_state("x/2.md", "ready");
    let why = bench.explain("x/0.md")["why"].as_str().unwrap().to_owned();
    assert!(why.contains("waits for a .done of its group"), "{why}");
    bench.until_state("top.md", "ready");
    let why = bench.explain("top.md")["why"].as_str().unwrap().to_owned();
    assert!(why.contains("below the watched one"), "{why}");
    assert_eq!(bench.explain("x/notes.txt")["rule"], "match");
    assert_eq!(bench.jobs(), 0);
    // As `touch` makes it: with nothing in it.
    bench.drop("x/all.done", "");
    for name in ["x/0.md", "x/1.md", "x/2.md"] {
        bench.until_state(name, "done");
    }
    assert_eq!(bench.said(), ["3 files"]);
    // The same files in another folder are the same.
    for at in 0..3 {
        bench.drop(&format!("y/{at}.md"), &format!("bees {at}"));
    }
    bench.drop("y/all.done", "");
    bench.until_state("y/0.md", "dup");
    assert_eq!(bench.jobs(), 1);
}

#[test]
fn files_are_deleted_after_a_good_run_and_kept_with_a_reason_after_a_bad_one() {
    let bench = Bench::new(NOTES);
    bench.add(&["--match", "*.md", "--after", "delete"]);
    bench.drop("good.md", "bees");
    fs::write(bench.inbox.join("bad.md"), b"\xff\xfe\xff no text").unwrap();
    bench.until("the good one is gone", |states| {
        !states.contains_key("good.md")
            && states.get("bad.md").is_some_and(|state| state == "failed")
    });
    assert_eq!(bench.said(), ["bees"]);
    assert!(!bench.inbox.join("good.md").exists());
    let reason = bench.inbox.join("bad.md.fenta-failed.txt");
    assert!(fs::read_to_string(&reason).unwrap().starts_with("job_"));
    // The same content once more had its run: nobody deletes what was not rendered from.
    bench.drop("again.md", "bees");
    bench.until_state("again.md", "dup");
    assert!(bench.inbox.join("again.md").exists());
    fs::remove_file(bench.inbox.join("bad.md")).unwrap();
    // Failed runs can be begun again as long as the watch is there; then their copies go too.
    assert_eq!(bench.copies().len(), 1);
    bench.fenta(&["watch", "rm", "notes"]);
    assert_eq!(bench.copies(), Vec::<PathBuf>::new());
}

#[test]
fn files_that_are_there_already_may_be_left_alone_and_every_rule_is_named() {
    let bench = Bench::new(NOTES);
    bench.drop("old.md", "bees");
    bench.drop(".fentaignore", "# mine\ndraft-*\n/attic/\n");
    bench.add(&["--match", "*.md", "--initial", "ignore"]);
    bench.until_state("old.md", "ignored");
    for (name, rule) in [
        ("draft-a.md", "fentaignore"),
        ("attic/a.md", "fentaignore"),
        ("clip.md.part", "half-file"),
        ("clip.md.crdownload", "half-file"),
        ("~$clip.md", "system-file"),
        ("Thumbs.db", "system-file"),
        (".DS_Store", "hidden"),
        ("clip.txt", "match"),
    ] {
        bench.drop(name, name);
        assert_eq!(bench.explain(name)["rule"], rule, "{name}");
    }
    bench.drop("new.md", "ants");
    bench.until_state("new.md", "done");
    let old = bench.explain("old.md");
    let why = old["why"].as_str().unwrap();
    assert!(why.contains("initial: ignore"), "{old}");
    assert_eq!(bench.explain("none.md")["rule"], "scan");
    // A download that is done, a file that was changed: now they count.
    fs::rename(
        bench.inbox.join("clip.md.part"),
        bench.inbox.join("clip.md"),
    )
    .unwrap();
    bench.until_state("clip.md", "done");
    bench.drop("old.md", "old bees");
    bench.until_state("old.md", "done");
    assert_eq!(bench.said(), ["ants", "clip.md.part", "old bees"]);
    assert_eq!(bench.jobs(), 3);
}

/// A workflow that takes a while: whoever it tells does not answer at once.
fn slow_notes(fake: &Fake) -> String {
    NOTES.replace(
        "outputs:",
        &format!(
            "  tell: {{ type: Output.Webhook, with: {{ url: \"{}/hook\", data: {{ text: \"${{{{ nodes.text.text }}}}\" }} }} }}\noutputs:",
            fake.url()
        ),
    )
}

#[test]
fn files_that_come_while_a_run_goes_on_wait_or_are_left_out_as_the_rule_says() {
    let one = |rule: &'static str, wanted: &[&str], left_out: &[(&str, &str)]| {
        let fake = Fake::start(receiver::vendor).unwrap();
        fake.plan([Trouble::Silent(Duration::from_secs(12))]);
        let bench = Bench::new(&slow_notes(&fake));
        bench
            .env
            .configure("[providers.webhook]\nhosts = [\"127.0.0.1\"]\n")
            .unwrap();
        bench.add(&["--while-busy", rule]);
        bench.drop("a.md", "a");
        bench.until("the first one goes on", |_| !fake.heard().is_empty());
        for name in ["b.md", "c.md"] {
            bench.drop(name, &name[..1]);
            bench.until(&format!("{rule}: {name} was looked at"), |states| {
                let state = states.get(name).map_or("", String::as_str);
                matches!(state, "queued" | "running" | "ignored" | "done")
            });
        }
        assert_eq!(
            bench.states()["a.md"],
            "running",
            "{rule}: it went on all the time"
        );
        bench.until("nothing goes on", |states| {
            let over = |state: &String| matches!(state.as_str(), "done" | "ignored");
            states.values().all(over)
        });
        assert_eq!(bench.said(), wanted, "{rule}");
        for (name, why) in left_out {
            let found = bench.explain(name);
            assert_eq!(found["rule"], "run", "{found}");
            assert!(found["why"].as_str().unwrap().contains(why), "{found}");
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| one("queue", &["a", "b", "c"], &[]));
        scope.spawn(|| {
            let why = "while_busy: skip";
            one("skip", &["a"], &[("b.md", why), ("c.md", why)]);
        });
        scope.spawn(|| one("latest", &["a", "c"], &[("b.md", "while_busy: latest")]));
    });
}

#[test]
fn folders_nobody_tells_of_are_looked_at() {
    let bench = Bench::new(NOTES);
    bench.add(&["--poll", "300ms"]);
    bench.drop("deep/er/a.md", "bees");
    bench.until_state("deep/er/a.md", "done");
    bench.drop("b.md", "ants");
    bench.until_state("b.md", "done");
    let shown = bench.fenta(&["watch", "show", "notes"]);
    assert!(shown.contains("looks every 0.3s"), "{shown}");
    // A folder that is gone for a while, as a disk that is not plugged in.
    let away = bench.env.work().join("away");
    fs::rename(&bench.inbox, &away).unwrap();
    let begin = Instant::now();
    while !bench
        .fenta(&["watch", "ls"])
        .contains("cannot be looked at")
    {
        assert!(begin.elapsed() < PATIENCE);
    }
    fs::rename(&away, &bench.inbox).unwrap();
    bench.drop("c.md", "wasps");
    bench.until_state("c.md", "done");
    assert_eq!(bench.jobs(), 3, "what was there had its run");
}

#[test]
fn what_is_lost_while_the_daemon_stands_still_is_found_by_a_look() {
    let bench = Bench::new(NOTES);
    bench.add(&["--match", "*.md"]);
    bench.drop("a.md", "bees");
    bench.until_state("a.md", "done");
    let pid = rustix::process::Pid::from_raw(bench.env.daemon_pid().unwrap()).unwrap();
    let signal = |signal| rustix::process::kill_process(pid, signal).unwrap();
    signal(rustix::process::Signal::STOP);
    // More than the kernel keeps for somebody who does not listen (16 384): the queue overflows.
    let noise = bench.inbox.join("noise.part");
    for at in 0..20_000 {
        let next = bench.inbox.join(format!("noise{}.part", at % 2));
        fs::write(&noise, "x").unwrap();
        fs::rename(&noise, next).unwrap();
    }
    fs::create_dir(bench.inbox.join("deep")).unwrap();
    bench.drop("deep/late.md", "ants");
    let begin = Instant::now();
    signal(rustix::process::Signal::CONT);
    bench.until_state("deep/late.md", "done");
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
    // And in a folder the system never told of.
    bench.drop("deep/later.md", "wasps");
    bench.until_state("deep/later.md", "done");
    assert_eq!(bench.said(), ["ants", "bees", "wasps"]);
}

#[test]
fn on_a_terminal_what_is_on_its_way_is_a_table_and_what_is_done_a_line() {
    if !Path::new("/usr/bin/script").exists() {
        println!("skipped: there is no `script` to make a terminal");
        return;
    }
    let bench = Bench::new(NOTES);
    let fenta = fenta_tests::env::program("fenta").unwrap();
    let line = format!(
        "stty cols 90 rows 30; exec {} watch inbox notes.yaml --settle 2s",
        fenta.display()
    );
    let plain = bench.env.command("fenta").unwrap();
    let mut terminal = std::process::Command::new("/usr/bin/script");
    terminal
        .args(["-qefc", &line, "/dev/null"])
        .env_clear()
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .current_dir(bench.env.work())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut terminal = terminal.spawn().unwrap();
    let (mut keys, screen) = (
        terminal.stdin.take().unwrap(),
        terminal.stdout.take().unwrap(),
    );
    bench.drop("a.md", "bees");
    let mut seen = String::new();
    let mut pieces = screen;
    let mut buffer = [0; 4096];
    let mut interrupted = false;
    loop {
        let read = std::io::Read::read(&mut pieces, &mut buffer).unwrap_or(0);
        if read == 0 {
            break;
        }
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if !interrupted && seen.contains("done      a.md") {
            keys.write_all(b"\x03").unwrap();
            interrupted = true;
        }
    }
    assert_eq!(terminal.wait().unwrap().code(), Some(0), "{seen}");
    let table = seen
        .find("settling  a.md")
        .unwrap_or_else(|| panic!("no table: {seen}"));
    let count = seen
        .find("1 settling")
        .unwrap_or_else(|| panic!("no counts: {seen}"));
    let done = seen.find("done      a.md").unwrap();
    assert!(table < done && count < done, "{seen}");
    assert!(seen.contains("runs that were begun go on"), "{seen}");
    let list = bench.fenta(&["watch", "ls"]);
    assert!(list.contains("paused") && list.contains("1 done"), "{list}");
}

#[test]
fn jobs_say_which_watch_began_them_and_lists_what_lasts() {
    let bench = Bench::new(NOTES);
    bench.add(&[]);
    bench.drop("a.md", "bees");
    bench.until_state("a.md", "done");
    let said = bench.env.fenta(&["ps"]).unwrap().expect_code(0).unwrap();
    assert!(said.stdout.contains("watch notes"), "{said:?}");
    assert!(
        said.stderr.contains("watch notes of ") && said.stderr.contains("0 files on the way"),
        "{said:?}"
    );
    let list: Value = serde_json::from_str(&bench.fenta(&["watch", "ls", "--json"])).unwrap();
    assert_eq!(list["durable"], false);
    bench.fenta(&["daemon", "install", "--no-start"]);
    let said = bench
        .env
        .fenta(&["watch", "ls", "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(list["durable"], true);
    assert!(!said.stderr.contains("not durable"), "{said:?}");
}
