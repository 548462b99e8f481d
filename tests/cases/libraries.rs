//! Libraries of footage and feeds as jobs meet them: nothing twice, nothing asked twice, files that spoil on their way,
//! addresses that lead inside, and who is named.
#![allow(
    clippy::unwrap_used,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::Path;

use fenta_tests::env::{FentaEnv, Said};
use fenta_tests::fakes::{Fake, Trouble, feed, pexels};

const KEY: &str = "px-7f3a9c-library";

struct Bench {
    env: FentaEnv,
    fake: Fake,
}

impl Bench {
    fn new(document: &str) -> Self {
        let fake = Fake::start(pexels::vendor).unwrap();
        let env = FentaEnv::new()
            .unwrap()
            .with_variable("PEXELS_API_KEY", KEY);
        env.configure(&format!(
            "[providers.pexels]\nbase_url = \"{}/v1\"\n[providers.feed]\nhosts = [\"127.0.0.1\"]\n",
            fake.url()
        ))
        .unwrap();
        let bench = Self { env, fake };
        bench.document("w.yaml", document);
        bench
    }

    fn document(&self, name: &str, text: &str) {
        let patient = "retry: { attempts: 3, backoff: 20ms..50ms }, type: Input.";
        let text = text.replace("type: Input.", patient);
        let text = format!("fenta: workflow/v1\n{text}");
        self.env.write(name, &text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.env.fenta(&[&["run"], arguments].concat()).unwrap()
    }

    fn works(&self, arguments: &[&str]) -> Said {
        self.run(arguments).expect_code(0).unwrap()
    }

    /// Searches and files that were asked for.
    fn asked(&self) -> (usize, usize) {
        let heard = self.fake.heard();
        let files = heard.iter().filter(|one| one.path.starts_with("/files/"));
        let files = files.count();
        (heard.len() - files, files)
    }
}

/// One clip for each word, by their ids.
const EACH: &str = "\
inputs: { words: { type: \"string[]\", default: [bees, bees, hive] } }
nodes:
  footage: { type: Input.Stock, for_each: \"${{ inputs.words }}\", with: { query: \"${{ item }}\", quality: sd } }
outputs:
  ids: [\"${{ nodes.footage.attribution[0][0].id }}\", \"${{ nodes.footage.attribution[1][0].id }}\", \"${{ nodes.footage.attribution[2][0].id }}\"]
";

/// One clip.
const ONE: &str = "\
nodes:
  footage: { type: Input.Stock, with: { query: bees, quality: sd } }
outputs: { id: \"${{ nodes.footage.attribution[0].id }}\" }
";

/// What a run says its outputs are: texts stand among what is told to people.
fn results(said: &Said) -> String {
    let lines = said.stderr.lines().filter(|line| {
        let name = line.trim().split(": ").next();
        name.is_some_and(|name| ["id", "ids", "items", "n"].contains(&name))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn ids(said: &Said) -> Vec<String> {
    let told = results(said);
    told.split(|c: char| !c.is_ascii_digit())
        .filter(|word| word.len() == 3)
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_clip_is_taken_twice_in_a_film_and_the_film_keeps_its_own() {
    let bench = Bench::new(EACH);
    let first = ids(&bench.works(&["w.yaml"]));
    let mut different = first.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 3, "{first:?}");
    // Two texts were searched for, one of them twice at once at the most.
    let (searches, files) = bench.asked();
    assert!(
        (2..=3).contains(&searches) && files == 3,
        "{searches} {files}"
    );
    let again = ids(&bench.works(&["w.yaml"]));
    assert_eq!(again, first);
    assert_eq!(bench.asked(), (searches, files), "it is remembered");
    // The same film made anew asks nobody: the search of today and the files are there.
    let anew = ids(&bench.works(&["w.yaml", "--refresh"]));
    assert_eq!(anew, first);
    assert_eq!(bench.asked(), (searches, files));
}

#[test]
fn another_film_takes_other_clips_until_there_are_none_unless_it_does_not_mind() {
    let bench = Bench::new(ONE);
    let first = ids(&bench.works(&["w.yaml"]));
    bench.document("other.yaml", &format!("name: other\n{ONE}"));
    let other = ids(&bench.works(&["other.yaml"]));
    assert_ne!(first, other);
    let all = ONE.replace("quality: sd", "quality: sd, count: 9");
    bench.document("all.yaml", &format!("name: all\n{all}"));
    let rest = bench.works(&["all.yaml"]);
    assert!(rest.stderr.contains("3 of 9 were found"), "{rest:?}");
    bench.document("none.yaml", &format!("name: none\n{ONE}"));
    let none = bench.run(&["none.yaml"]);
    assert!(
        none.code != 0 && none.stderr.contains("used already"),
        "{none:?}"
    );
    let free = ONE.replace("quality: sd", "quality: sd, exclude_used_days: 0");
    bench.document("free.yaml", &format!("name: free\n{free}"));
    assert_eq!(ids(&bench.works(&["free.yaml"])), first);
    let (searches, files) = bench.asked();
    assert_eq!(
        (searches, files),
        (1, 5),
        "one search a day, each file once"
    );
}

#[test]
fn rows_of_a_batch_share_no_clip() {
    let rows = ONE.replace("nodes:", "inputs: { n: { type: string } }\nnodes:");
    let bench = Bench::new(&rows);
    let said = bench.works(&["w.yaml", "--matrix", "n=1,2,3"]);
    let mut taken = ids(&said);
    taken.sort();
    taken.dedup();
    let (_, files) = bench.asked();
    assert_eq!(files, 3, "{said:?}");
}

#[test]
fn a_file_that_spoils_on_its_way_is_fetched_again_and_one_that_is_gone_is_another() {
    for trouble in [
        Trouble::Cut,
        Trouble::Truncated,
        Trouble::Status(503, Some("1"), ""),
        Trouble::Status(429, None, ""),
    ] {
        let bench = Bench::new(ONE);
        bench.fake.plan([Trouble::None, trouble.clone()]);
        assert_eq!(ids(&bench.works(&["w.yaml"])), ["101"], "{trouble:?}");
        assert_eq!(bench.asked(), (1, 2), "{trouble:?}");
    }
    for trouble in [
        Trouble::Status(403, None, ""),
        Trouble::Status(410, None, ""),
        Trouble::Instead("text/html", "<html>Your session has expired</html>"),
        Trouble::Redirect(302, "http://169.254.169.254/latest/meta-data/".to_owned()),
        Trouble::Redirect(302, "file:///etc/passwd".to_owned()),
    ] {
        let bench = Bench::new(ONE);
        bench.fake.plan([Trouble::None, trouble.clone()]);
        assert_ne!(ids(&bench.works(&["w.yaml"])), ["101"], "{trouble:?}");
    }
}

#[test]
fn without_a_key_a_folder_or_moving_backgrounds_take_its_place_where_the_document_says_so() {
    let env = FentaEnv::new().unwrap();
    let document = |provider: &str| {
        format!(
            "fenta: workflow/v1\nnodes:\n  footage: {{ type: Input.Stock, with: {{ query: [bees, water], provider: {provider} }} }}\n\
             outputs: {{ n: \"${{{{ len(nodes.footage.media) }}}}\" }}\n"
        )
    };
    env.write("w.yaml", &document("[pexels, pixabay]")).unwrap();
    let said = env
        .fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(10)
        .unwrap();
    assert!(said.stderr.contains("pexels has no key"), "{said:?}");
    assert!(
        said.stderr.contains("fenta auth provider add pexels"),
        "{said:?}"
    );
    env.write("w.yaml", &document("[pexels, motion]")).unwrap();
    let said = env
        .fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        said.stderr
            .contains("moving backgrounds take the place of “bees”, “water”"),
        "{said:?}"
    );
    let clips = env.work().join("clips");
    std::fs::create_dir(&clips).unwrap();
    for (name, colour) in [("IMG_1.mp4", "blue"), ("city.mp4", "gray")] {
        film(&clips.join(name), colour);
    }
    std::fs::write(clips.join("IMG_1.txt"), "Still water, early").unwrap();
    env.write(
        "w.yaml",
        &document("[pexels, local], folder: ./clips, orientation: landscape"),
    )
    .unwrap();
    let said = env.fenta(&["run", "w.yaml", "--offline"]).unwrap();
    let said = said.expect_code(0).unwrap();
    assert_eq!(results(&said).trim(), "n: 1", "{said:?}");
}

fn film(path: &Path, colour: &str) {
    let light = format!("color={colour}:s=640x360:r=30:d=3");
    let status = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &light])
        .args(["-c:v", "libx264", "-pix_fmt", "yuv420p"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

/// The news of the fake at `path`.
fn news(url: &str, more: &str) -> String {
    format!(
        "nodes:\n  news: {{ type: Input.Feed, with: {{ url: \"{url}\"{more} }} }}\n\
         outputs: {{ items: \"${{{{ json(nodes.news.items) }}}}\" }}\n"
    )
}

#[test]
fn a_feed_is_read_once_a_day_for_a_film_and_its_items_are_news_to_each_film_once() {
    let server = Fake::start(feed::vendor).unwrap();
    let url = format!("{}/rss.xml", server.url());
    let bench = Bench::new(&news(&url, ", max_items: 2, newer_than: 24h"));
    let said = bench.works(&["w.yaml"]);
    let (ferry, trees) = (
        results(&said).find("Harbour opens a quiet night ferry"),
        results(&said).find("City plants ten thousand trees"),
    );
    assert!(ferry.is_some() && ferry < trees, "{said:?}");
    assert!(!results(&said).contains("library"), "{said:?}");
    assert_eq!(results(&bench.works(&["w.yaml"])), results(&said));
    assert_eq!(server.heard().len(), 1, "it is remembered");
    // Another day's film has no old news, and says so or takes them nevertheless.
    let next = bench.run(&["w.yaml", "--date", "2099-01-01"]);
    assert!(
        next.code != 0 && next.stderr.contains("no item that is new"),
        "{next:?}"
    );
    let again = news(&url, ", max_items: 2, newer_than: 24h, nothing_new: repeat");
    bench.document("w.yaml", &again);
    let said = bench.works(&["w.yaml", "--date", "2099-01-02"]);
    assert!(results(&said).contains("Harbour opens"), "{said:?}");
    // What one document had is news to another, and the server is not asked again within minutes.
    bench.document("other.yaml", &format!("name: other\n{}", news(&url, "")));
    let said = bench.works(&["other.yaml"]);
    assert!(
        results(&said).contains("Old library lends tools"),
        "{said:?}"
    );
    assert!(results(&said).contains("Harbour opens"), "{said:?}");
    assert_eq!(server.heard().len(), 1);
    bench.document(
        "all.yaml",
        &format!(
            "name: all\n{}",
            news(&url, ", dedupe: false, match: \"ferry tools\"")
        ),
    );
    let said = bench.works(&["all.yaml"]);
    assert!(
        results(&said).contains("ferry")
            && results(&said).contains("tools")
            && !results(&said).contains("trees"),
        "{said:?}"
    );
}

#[test]
fn a_feed_leads_nowhere_inside_and_what_is_no_feed_is_told() {
    let server = Fake::start(feed::vendor).unwrap();
    for (path, wanted) in [
        ("/away", "may not be called"),
        ("/page.html", "is no feed that can be read"),
        ("/nothing", "status 404"),
    ] {
        let bench = Bench::new(&news(&format!("{}{path}", server.url()), ""));
        let said = bench.run(&["w.yaml"]);
        assert!(
            said.code != 0 && said.stderr.contains(wanted),
            "{path}: {said:?}"
        );
    }
    // A server of this network that nobody trusts by name.
    let inside = server.url().replace("127.0.0.1", "localhost");
    let before = server.heard().len();
    let bench = Bench::new(&news(&format!("{inside}/rss.xml"), ""));
    let said = bench.run(&["w.yaml"]);
    assert!(said.stderr.contains("may not be called"), "{said:?}");
    assert_eq!(server.heard().len(), before);
    let offline = bench.run(&["w.yaml", "--offline"]);
    assert!(offline.stderr.contains("offline"), "{offline:?}");
}

#[test]
fn trouble_with_a_feed_passes_and_a_feed_without_end_is_not_read() {
    let server = Fake::start(feed::vendor).unwrap();
    let url = format!("{}/rss.xml", server.url());
    for trouble in [
        Trouble::Cut,
        Trouble::Truncated,
        Trouble::Status(503, Some("1"), ""),
        Trouble::Status(429, None, ""),
    ] {
        let bench = Bench::new(&news(&url, ""));
        server.plan([trouble.clone()]);
        let said = bench.works(&["w.yaml"]);
        assert!(results(&said).contains("Harbour"), "{trouble:?}: {said:?}");
    }
    let bench = Bench::new(&news(&url, ""));
    server.plan(vec![Trouble::Huge(12 << 20); 3]);
    let said = bench.run(&["w.yaml"]);
    assert!(
        said.code != 0 && said.stderr.contains("are taken"),
        "{said:?}"
    );
}

const NAMED: &str = "\
nodes:
  footage: { type: Input.Stock, with: { query: bees, quality: sd } }
  voice: { type: Voice.TTS, with: { text: \"Bees dance all day.\" } }
  music: { type: Input.Music, with: { source: library, folder: ./music, mood: calm, license: cc-by } }
  cut: { type: Edit.Timeline, with: { template: footage, clips: \"${{ nodes.footage.media }}\", voice: \"${{ nodes.voice.voice }}\", music: \"${{ nodes.music.audio }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\", profile: draft } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: named.mp4, sidecars: [credits] } }
outputs: { sources: \"${{ json(nodes.render.report.sources) }}\", license: \"under ${{ nodes.music.license }}\" }
";

#[test]
fn whoever_made_a_clip_or_the_music_stands_in_the_report_the_metadata_and_beside_the_film() {
    let bench = Bench::new(NAMED);
    let music = bench.env.work().join("music");
    std::fs::create_dir(&music).unwrap();
    for (name, pitch) in [("rain.wav", 220), ("storm.wav", 440)] {
        let sound = format!("sine=frequency={pitch}:duration=4");
        let status = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &sound])
            .arg(music.join(name))
            .status()
            .unwrap();
        assert!(status.success());
    }
    let slip =
        "mood: calm\nlicense: CC BY 4.0\nauthor: Ada of the Rain\nurl: https://ada.example/rain\n";
    std::fs::write(music.join("rain.txt"), slip).unwrap();
    let said = bench.works(&["w.yaml"]);
    let shown = format!("{}{}", said.stdout, said.stderr);
    for wanted in [
        "under cc-by",
        "stock",
        "upload",
        "ai_voice",
        "Author 101",
        "Ada of the Rain",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {said:?}");
    }
    let film = bench.env.work().join("named.mp4");
    let credits = std::fs::read_to_string(bench.env.work().join("named.CREDITS.md")).unwrap();
    assert!(
        credits.contains("[Ada of the Rain](https://ada.example/rain)")
            && credits.contains("Author 101"),
        "{credits}"
    );
    let probed = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format_tags", "-of", "json"])
        .arg(&film)
        .output()
        .unwrap();
    let tags = String::from_utf8(probed.stdout).unwrap();
    for wanted in [
        "stock 1",
        "upload 1",
        "ai_voice 1",
        "Author 101 (Pexels)",
        "Ada of the Rain",
    ] {
        assert!(tags.contains(wanted), "{wanted}: {tags}");
    }
}
