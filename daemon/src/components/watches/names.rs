//! What the name and the place of a file say: whether it may begin a run, and which rule says that it may not.

use std::path::{Path, PathBuf};

use fenta_client::api::watches::{After, WatchRule};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// How the name of the file begins that says which files do not count, in the syntax of `.gitignore`.
pub(super) const IGNORE_FILE: &str = ".fentaignore";

/// What is written beside a file whose run failed.
pub(super) const REASON_ENDING: &str = ".fenta-failed.txt";

/// Endings of files that programs have not finished: downloads, transfers, editors' swap files.
const HALF: [&str; 14] = [
    ".part",
    ".crdownload",
    ".download",
    ".tmp",
    ".temp",
    ".filepart",
    ".aria2",
    ".partial",
    ".opdownload",
    ".!qb",
    ".unfinished",
    ".swp",
    ".swx",
    "~",
];

/// Names systems leave in folders.
const SYSTEM: [&str; 3] = ["thumbs.db", "desktop.ini", "icon\r"];

/// A rule that decides, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) rule: &'static str,
    pub(super) why: String,
}

fn verdict(rule: &'static str, why: impl Into<String>) -> Option<Verdict> {
    let why = why.into();
    Some(Verdict { rule, why })
}

/// The rules of one watch, read for one look.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) root: PathBuf,
    /// Folders below the watched one that hold results, as seen from it.
    results: Vec<(PathBuf, &'static str)>,
    ignore: Gitignore,
    patterns: Vec<String>,
    /// Extensions that count in a group although no pattern asks for them.
    beside: Vec<String>,
    is_grouped: bool,
}

impl Names {
    /// Reads `.fentaignore`; a line in it that is no pattern is told.
    pub(super) fn read(rule: &WatchRule, out_dir: Option<&str>) -> (Self, Option<String>) {
        let root = PathBuf::from(&rule.folder);
        let mut results = Vec::new();
        if let Some(out) = out_dir {
            results.push((PathBuf::from(out), "results of its runs lie there"));
        }
        if let After::Move(to) = &rule.after {
            results.push((PathBuf::from(to), "`after` moves files there"));
        }
        // By what they are, not by how they are written: a link may lead to the folder.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let real_root = real(&root);
        let results = results
            .into_iter()
            .filter_map(|(folder, why)| {
                let below = folder.strip_prefix(&root).map(Path::to_owned);
                let below =
                    below.or_else(|_| real(&folder).strip_prefix(&real_root).map(Path::to_owned));
                let below = below.ok().filter(|below| !below.as_os_str().is_empty())?;
                Some((below, why))
            })
            .collect();
        let mut builder = GitignoreBuilder::new(&root);
        let file = root.join(IGNORE_FILE);
        let mut trouble = match file.exists() {
            true => builder.add(&file),
            false => None,
        };
        let ignore = builder.build().unwrap_or_else(|error| {
            trouble = Some(error);
            Gitignore::empty()
        });
        let mut beside = rule.requires.clone();
        if rule.group_by.is_some() {
            beside.extend(super::sidecar::EXTENSIONS.map(str::to_owned));
        }
        let names = Self {
            root,
            results,
            ignore,
            patterns: rule.matches.clone(),
            beside,
            is_grouped: rule.group_by.is_some(),
        };
        (names, trouble.map(|error| error.to_string()))
    }

    /// Which rule says that a file or folder does not count; its folders were asked about before.
    pub(super) fn refuses(&self, path: &Path, is_folder: bool) -> Option<Verdict> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return verdict(
                "not-text",
                "its name is not UTF-8, which no document can name",
            );
        };
        let low = name.to_lowercase();
        if name.starts_with('.') {
            return verdict("hidden", "its name begins with a dot");
        }
        if low.ends_with(REASON_ENDING) {
            return verdict("reason-file", "it says why a run failed");
        }
        if let Some(ending) = HALF.iter().find(|ending| low.ends_with(*ending)) {
            let why = format!("`*{ending}` is how unfinished files are called");
            return verdict("half-file", why);
        }
        if low.starts_with("~$") || SYSTEM.contains(&low.as_str()) {
            return verdict("system-file", "programs leave such files beside others");
        }
        if let Some((_, why)) = self
            .results
            .iter()
            .find(|(folder, _)| path.starts_with(folder))
        {
            return verdict("results", *why);
        }
        if let ignore::Match::Ignore(glob) = self.ignore.matched(path, is_folder) {
            let why = format!("`{}` in {IGNORE_FILE}", glob.original());
            return verdict("fentaignore", why);
        }
        if is_folder || self.is_wanted(name) {
            return None;
        }
        let why = format!("its name fits none of `{}`", self.patterns.join("`, `"));
        verdict("match", why)
    }

    /// The same, with all the folders on the way to it.
    pub(super) fn refuses_anywhere(&self, path: &Path) -> Option<Verdict> {
        let folders: Vec<&Path> = path.ancestors().skip(1).collect();
        folders
            .into_iter()
            .rev()
            .filter(|folder| !folder.as_os_str().is_empty())
            .find_map(|folder| {
                let found = self.refuses(folder, true)?;
                let why = format!("its folder {}: {}", folder.display(), found.why);
                verdict(found.rule, why)
            })
            .or_else(|| self.refuses(path, false))
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.fits(name)
            || self.is_grouped
                && super::groups::extension(name).is_some_and(|end| self.beside.contains(&end))
    }

    /// Whether a pattern of the watch asks for it.
    pub(super) fn fits(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.patterns.iter().any(|pattern| {
            let pattern: Vec<char> = pattern.chars().collect();
            fits(&pattern, &name)
        })
    }
}

/// `*` stands for any characters, `?` for one. Linear in memory, at worst quadratic in time.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some('?') => {
                at += 1;
                from += 1;
            }
            Some(letter) if *letter == name[from] => {
                at += 1;
                from += 1;
            }
            _ => match &mut star {
                Some((place, taken)) => {
                    *taken += 1;
                    (at, from) = (*place + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::watches::testing::rule;

    #[test]
    fn patterns_are_about_whole_names() {
        let long = "*a".repeat(40);
        for (pattern, name, wanted) in [
            ("*", "a.md", true),
            ("*.md", "a.md", true),
            ("*.md", "a.md.txt", false),
            ("a?c*", "abcd", true),
            ("a?c", "ac", false),
            ("*b*c", "abbbc", true),
            ("-*", "-rf", true),
            ("?.md", "🐝.md", true),
            (long.as_str(), &"ab".repeat(30), false),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(
                fits(&chars(pattern), &chars(name)),
                wanted,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn each_rule_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(IGNORE_FILE), "draft-*\n/old/\n").unwrap();
        let mut rule = rule(folder.path());
        rule.matches = vec!["*.mp4".into()];
        rule.after = After::Move(format!("{}/done", rule.folder));
        let out = format!("{}/out", rule.folder);
        let (names, trouble) = Names::read(&rule, Some(&out));
        assert_eq!(trouble, None);
        for (path, wanted) in [
            ("a.mp4", None),
            ("deep/er/a.mp4", None),
            (".a.mp4", Some("hidden")),
            ("a.mp4.part", Some("half-file")),
            ("a.mp4.crdownload", Some("half-file")),
            ("a.mp4~", Some("half-file")),
            ("~$a.mp4", Some("system-file")),
            ("a.mp4.fenta-failed.txt", Some("reason-file")),
            ("done/a.mp4", Some("results")),
            ("out/a.mp4", Some("results")),
            ("draft-a.mp4", Some("fentaignore")),
            ("old/a.mp4", Some("fentaignore")),
            ("x/.git/a.mp4", Some("hidden")),
            ("a.srt", Some("match")),
        ] {
            let found = names.refuses_anywhere(Path::new(path));
            assert_eq!(
                found.as_ref().map(|one| one.rule),
                wanted,
                "{path}: {found:?}"
            );
        }
    }
}
