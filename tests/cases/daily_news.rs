//! The seed's own example: a feed, a language model and a library become the day's short, with everybody named; and the
//! same document without any of them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use fenta_tests::env::FentaEnv;
use fenta_tests::fakes::{Fake, feed, openai_chat, pexels};
use fenta_tests::house::workspace_root;

/// The workflow as `fenta init` copies it.
fn document() -> String {
    let path = workspace_root().join("workflows/library/daily-news.yaml");
    path.to_string_lossy().into_owned()
}

fn metadata(film: &Path) -> String {
    let said = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format_tags", "-of", "json"])
        .arg(film)
        .output()
        .unwrap();
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn a_feed_a_model_and_a_library_become_the_short_of_the_day() {
    let (news, model, library) = (
        Fake::start(feed::vendor).unwrap(),
        Fake::start(openai_chat::vendor).unwrap(),
        Fake::start(pexels::vendor).unwrap(),
    );
    let env = FentaEnv::new()
        .unwrap()
        .with_variable("OPENROUTER_API_KEY", "or-7f3a9c-daily")
        .with_variable("PEXELS_API_KEY", "px-7f3a9c-daily");
    env.configure(&format!(
        "[providers.openrouter]\nbase_url = \"{}/v1\"\n[providers.pexels]\nbase_url = \"{}/v1\"\n\
         [providers.feed]\nhosts = [\"127.0.0.1\"]\n",
        model.url(),
        library.url()
    ))
    .unwrap();
    let document = document();
    let address = format!("feed={}/rss.xml", news.url());
    let run = [
        "run",
        &document,
        "-p",
        &address,
        "-p",
        "channel=HARBOUR NEWS",
    ];
    let said = env.fenta(&run).unwrap().expect_code(0).unwrap();
    let film = said.paths().into_iter().next().unwrap();
    println!("{}", film.display());
    keep(&film, "daily-news");
    // The model saw the news as data and nobody's key.
    let asked = model.heard()[0].everything();
    assert!(
        asked.contains("night ferry") && !asked.contains("px-7f3a9c"),
        "{asked}"
    );
    // One search per text that was new, a clip per scene, none twice.
    let files: Vec<String> = library
        .heard()
        .into_iter()
        .filter(|one| one.path.starts_with("/files/"))
        .map(|one| one.path)
        .collect();
    let different: BTreeSet<&String> = files.iter().collect();
    assert_eq!((files.len(), different.len()), (3, 3), "{files:?}");
    let stem = film.to_string_lossy().replace(".mp4", "");
    let credits = std::fs::read_to_string(format!("{stem}.CREDITS.md")).unwrap();
    for wanted in [
        "[Author 101](https://www.pexels.com/@author101)",
        "Pexels License",
        "ai\\_voice",
    ] {
        assert!(
            credits.contains(wanted) || credits.contains(&wanted.replace('\\', "")),
            "{credits}"
        );
    }
    let tags = metadata(&film);
    assert!(
        tags.contains("stock 3") && tags.contains("Author 101 (Pexels)"),
        "{tags}"
    );
    // Again: nobody is asked, nothing is made.
    let heard = (
        news.heard().len(),
        model.heard().len(),
        library.heard().len(),
    );
    let again = env.fenta(&run).unwrap().expect_code(0).unwrap();
    assert_eq!(again.stdout, said.stdout);
    let still = (
        news.heard().len(),
        model.heard().len(),
        library.heard().len(),
    );
    assert_eq!(still, heard);
}

#[test]
fn without_keys_the_items_are_read_over_moving_backgrounds_and_that_is_said() {
    let news = Fake::start(feed::vendor).unwrap();
    let env = FentaEnv::new().unwrap();
    env.configure("[providers.feed]\nhosts = [\"127.0.0.1\"]\n")
        .unwrap();
    let document = document();
    let address = format!("feed={}/rss.xml", news.url());
    let said = env.fenta(&["run", &document, "-p", &address]).unwrap();
    let said = said.expect_code(0).unwrap();
    let film = said.paths().into_iter().next().unwrap();
    assert!(
        said.stderr.contains("moving backgrounds take the place"),
        "{said:?}"
    );
    assert!(
        said.stderr.contains("no language model wrote this"),
        "{said:?}"
    );
    let tags = metadata(&film);
    assert!(
        tags.contains("ai_voice 1") && !tags.contains("stock"),
        "{tags}"
    );
    keep(&film, "daily-news-keyless");
}

/// Keeps a film to be looked at, where somebody wants to look.
fn keep(film: &Path, name: &str) {
    let folder = workspace_root().join("target/looked-at");
    if folder.is_dir() {
        std::fs::copy(film, folder.join(format!("{name}.mp4"))).unwrap();
    }
}
