//! Who is named for a film, and where everything in it came from: CREDITS.md, the metadata of the file, the report.
//!
//! Shared by `Edit.Timeline`, which knows what is used, and `Output.Render`, which tells it. Not a node type itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fenta_templates::timeline::{Credit, MediaReference, Origin, Provenance, Timeline};

use crate::digest::Digest;
use crate::node::{Params, outputs};
use crate::value::{MediaValue, Value};

/// Characters of the metadata of a file, so that every player shows them.
const MOST_COMMENT: usize = 1500;

/// Where each of the clips came from.
pub(super) type Origins = BTreeMap<Digest, Origin>;

/// Notes where a clip came from.
pub(super) fn note(media: &MediaValue, origins: &mut Origins) {
    if let Some(origin) = &media.origin {
        origins.insert(media.digest, (**origin).clone());
    }
}

/// Where what is seen and heard in a cut came from, each source once, in the order in which they are seen.
pub(super) fn used(timeline: &Timeline, origins: &Origins, params: Params<'_>) -> Vec<Origin> {
    let mut used = Vec::new();
    let mut known = BTreeSet::new();
    for (_, clip) in timeline.picture.clips() {
        if let MediaReference::External(file) = &clip.media
            && known.insert(file.source)
            && let Some(origin) = origins.get(&file.source)
        {
            used.push(origin.clone());
        }
    }
    let spoken = params.get("voice").or(params.get("audio"));
    let spoken = match spoken {
        Some(Value::Voice(_)) => true,
        Some(Value::Audio(mix)) => mix.parts.as_ref().is_some_and(|mix| mix.voice.is_some()),
        _ => false,
    };
    if spoken {
        used.push(Origin {
            provenance: Provenance::AiVoice,
            name: "narration".to_owned(),
            by: String::new(),
            credit: None,
        });
    }
    for name in ["audio", "music"] {
        if let Some(Value::Audio(audio)) = params.get(name)
            && let Some(origin) = &audio.origin
        {
            used.push((**origin).clone());
        }
    }
    used
}

/// Whether somebody is to be named.
pub(super) fn names_somebody(origins: &[Origin]) -> bool {
    origins.iter().any(|origin| origin.credit.is_some())
}

/// The file that lies beside a film.
pub(super) fn markdown(film: &str, origins: &[Origin]) -> String {
    let mut text = format!("# Credits\n\nFor `{}`.\n", plain(film));
    let of = |kinds: &[Provenance]| -> Vec<&Origin> {
        let own = |origin: &&Origin| kinds.contains(&origin.provenance);
        origins.iter().filter(own).collect()
    };
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = write!(text, "\n## {title}\n\n");
            for line in lines {
                let _ = writeln!(text, "- {line}");
            }
        }
    };
    let stock = of(&[Provenance::Stock]);
    part(
        "Footage, pictures and music",
        stock.iter().map(|one| line(one)).collect(),
    );
    let made = Provenance::ALL
        .into_iter()
        .filter(|kind| kind.is_synthetic());
    let made = of(&made.collect::<Vec<_>>());
    part(
        "Made by programs",
        made.iter().map(|one| line(one)).collect(),
    );
    let own = of(&[Provenance::Upload]);
    part(
        "Files of the maker",
        own.iter().map(|one| line(one)).collect(),
    );
    let counts = counts(origins);
    if !counts.is_empty() {
        let counts = counts
            .iter()
            .map(|(kind, count)| format!("{kind}: {count}"));
        part("Provenance", counts.collect());
    }
    text
}

fn line(origin: &Origin) -> String {
    let mut line = format!("{} ({})", plain(&origin.name), origin.provenance);
    if !origin.by.is_empty() {
        let _ = write!(line, ", {}", plain(&origin.by));
    }
    if let Some(credit) = &origin.credit {
        let author = linked(&credit.author, &credit.author_url);
        let provider = linked(&provider(credit), &credit.page_url);
        if !author.is_empty() {
            let _ = write!(line, ": by {author}");
        }
        if !provider.is_empty() {
            let _ = write!(line, " on {provider}");
        }
        if !credit.license.is_empty() {
            let _ = write!(line, ", {}", plain(&credit.license));
        }
        if !credit.id.is_empty() {
            let _ = write!(line, ", no. {}", plain(&credit.id));
        }
    }
    line
}

/// The provider as it calls itself.
fn provider(credit: &Credit) -> String {
    let mut letters = credit.provider.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A name that leads to a page, where the page is one that can be shown.
fn linked(name: &str, url: &str) -> String {
    let sound = url.starts_with("https://") || url.starts_with("http://");
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | '<' | '>');
    match sound && !url.contains(odd) && !name.is_empty() {
        true => format!("[{}]({url})", plain(name)),
        false => plain(name),
    }
}

/// A stranger's text in one line, without marks of Markdown.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out = String::new();
    for c in words.join(" ").chars().filter(|c| !c.is_control()) {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// How many sources of each kind there are.
fn counts(origins: &[Origin]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for origin in origins {
        *counts.entry(origin.provenance.as_str()).or_default() += 1;
    }
    counts
}

/// What the metadata of a file says: kinds of sources, and who is named. Names of the maker's own files stay at home.
pub(super) fn comment(origins: &[Origin]) -> String {
    if origins.is_empty() {
        return String::new();
    }
    let counts: Vec<String> = counts(origins)
        .into_iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let mut comment = format!("Provenance: {}.", counts.join(", "));
    let mut named = BTreeSet::new();
    let credits = origins.iter().filter_map(|origin| origin.credit.as_ref());
    let credits: Vec<String> = credits
        .map(|credit| {
            let words: Vec<&str> = credit.author.split_whitespace().collect();
            match provider(credit).as_str() {
                "" => words.join(" "),
                provider => format!("{} ({provider})", words.join(" ")),
            }
        })
        .filter(|credit| named.insert(credit.clone()))
        .collect();
    if !credits.is_empty() {
        let _ = write!(comment, " Credits: {}.", credits.join(", "));
    }
    let mut comment: String = comment.chars().filter(|c| !c.is_control()).collect();
    if let Some((end, _)) = comment.char_indices().nth(MOST_COMMENT) {
        comment.truncate(end);
        comment.push('…');
    }
    comment
}

/// The sources as the report tells them.
pub(super) fn report(origins: &[Origin]) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    let records = origins.iter().map(|origin| {
        let mut fields = outputs([
            ("provenance", text(origin.provenance.as_str())),
            ("name", text(&origin.name)),
        ]);
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                fields.insert(name.to_owned(), text(value));
            }
        };
        add("by", &origin.by);
        if let Some(credit) = &origin.credit {
            add("provider", &credit.provider);
            add("id", &credit.id);
            add("author", &credit.author);
            add("author_url", &credit.author_url);
            add("page_url", &credit.page_url);
            add("license", &credit.license);
        }
        Value::Record(fields)
    });
    Value::List(records.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(author: &str, url: &str) -> Origin {
        Origin {
            provenance: Provenance::Stock,
            name: "pexels-101.mp4".into(),
            by: String::new(),
            credit: Some(Credit {
                provider: "pexels".into(),
                id: "101".into(),
                author: author.into(),
                author_url: url.into(),
                page_url: "https://www.pexels.com/video/101/".into(),
                license: "Pexels License".into(),
            }),
        }
    }

    #[test]
    fn credits_name_who_made_it_with_a_way_there_and_nothing_else_runs_in_them() {
        let origins = [
            stock("Ann Lee", "https://www.pexels.com/@ann"),
            stock(
                "Eve](http://evil.example) <b>x\n# Title",
                "javascript:alert(1)",
            ),
            Origin::upload("IMG_0001.mov"),
        ];
        let text = markdown("bees.mp4", &origins);
        assert!(text.contains(
            "- pexels-101.mp4 (stock): by [Ann Lee](https://www.pexels.com/@ann) on [Pexels](https://www.pexels.com/video/101/), Pexels License, no. 101\n"
        ), "{text}");
        assert!(
            text.contains("by Eve\\](http://evil.example) \\<b\\>x \\# Title on"),
            "{text}"
        );
        assert!(!text.contains("javascript"), "{text}");
        assert!(text.contains("- IMG\\_0001.mov (upload)\n"), "{text}");
        assert!(text.contains("- stock: 2\n- upload: 1\n"), "{text}");
    }

    #[test]
    fn metadata_names_authors_and_kinds_and_no_file_of_the_maker() {
        let origins = [
            stock("Ann Lee", ""),
            stock("Ann Lee", ""),
            Origin::upload("my-street-12.mov"),
        ];
        assert_eq!(
            comment(&origins),
            "Provenance: stock 2, upload 1. Credits: Ann Lee (Pexels)."
        );
        assert_eq!(comment(&[]), "");
        let many: Vec<Origin> = (0..400)
            .map(|n| stock(&format!("Author {n}"), ""))
            .collect();
        assert_eq!(comment(&many).chars().count(), MOST_COMMENT + 1);
    }
}
