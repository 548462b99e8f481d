//! The specifications and the tests, held against each other: every numbered rule of `docs/specs` is carried by a test
//! that names it, and no test names a rule that does not exist.
//!
//! A test names rules in a comment directly above its `#[test]`, `// spec: W-3, W-4`; a document of the suite in a
//! comment of its own, `# spec: W-3`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A letter, a dash and digits.
fn is_number(text: &str) -> bool {
    text.split_once('-').is_some_and(|(letter, digits)| {
        letter.len() == 1
            && letter.bytes().all(|byte| byte.is_ascii_uppercase())
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The number a paragraph or a list item begins with, `**W-3**`.
fn defined(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches("- ").strip_prefix("**")?;
    let (number, _) = rest.split_once("**")?;
    is_number(number).then_some(number)
}

/// Every rule with the page it stands on.
fn rules() -> BTreeMap<String, PathBuf> {
    let mut rules = BTreeMap::new();
    for path in files_below(&root().join("docs/specs"), ".md") {
        let text = std::fs::read_to_string(&path).unwrap();
        for number in text.lines().filter_map(defined) {
            let twice = rules.insert(number.to_owned(), path.clone());
            assert!(twice.is_none(), "{number} stands twice");
        }
    }
    rules
}

/// The numbers behind `spec: ` in a comment.
fn named(line: &str, comment: &str) -> Vec<String> {
    let Some(list) = line.trim().strip_prefix(comment) else {
        return Vec::new();
    };
    let numbers: Vec<String> = list.split(',').map(|one| one.trim().to_owned()).collect();
    assert!(
        numbers.iter().all(|one| is_number(one)),
        "not numbers: {line}"
    );
    numbers
}

/// Every number a test names, with the places.
fn carried() -> BTreeMap<String, BTreeSet<String>> {
    let mut carried: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |numbers: Vec<String>, place: &str| {
        for number in numbers {
            carried.entry(number).or_default().insert(place.to_owned());
        }
    };
    for path in files_below(&root().join("tests/suite"), ".yaml") {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            add(named(line, "# spec: "), &path.display().to_string());
        }
    }
    for path in files_below(&root(), ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let numbers = named(line, "// spec: ");
            let place = format!("{}:{}", path.display(), at + 1);
            let below = lines[at + 1..].iter().map(|line| line.trim());
            let test = below.clone().find(|line| !line.starts_with("//"));
            let is_test = test.is_some_and(|line| {
                line.starts_with("#[test") || line.starts_with("#[tokio::test")
            });
            assert!(
                numbers.is_empty() || is_test,
                "{place}: no test stands below"
            );
            add(numbers, &place);
        }
    }
    carried
}

#[test]
fn every_rule_is_carried_by_a_test_and_every_number_is_a_rule() {
    let (rules, carried) = (rules(), carried());
    assert!(rules.len() >= 60, "only {} rules", rules.len());
    let open: Vec<&String> = rules
        .keys()
        .filter(|number| !carried.contains_key(*number))
        .collect();
    assert!(open.is_empty(), "no test carries {open:?}");
    let unknown: Vec<_> = carried
        .iter()
        .filter(|(number, _)| !rules.contains_key(*number))
        .collect();
    assert!(unknown.is_empty(), "no page has {unknown:?}");
    println!(
        "{} rules, carried {} times",
        rules.len(),
        carried.values().map(BTreeSet::len).sum::<usize>()
    );
}

#[test]
fn numbers_follow_each_other() {
    let mut by_letter: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for number in rules().keys() {
        let (letter, digits) = number.split_once('-').unwrap();
        by_letter
            .entry(letter.to_owned())
            .or_default()
            .push(digits.parse().unwrap());
    }
    for (letter, mut numbers) in by_letter {
        numbers.sort_unstable();
        let expected: Vec<usize> = (1..=numbers.len()).collect();
        assert_eq!(numbers, expected, "{letter}");
    }
}

/// What obliges has a number, so that a test can carry it.
#[test]
fn nothing_obliges_without_a_number() {
    for path in files_below(&root().join("docs/specs"), ".md") {
        let text = std::fs::read_to_string(&path).unwrap();
        for paragraph in text.split("\n\n") {
            let obliges = paragraph.contains("MUST") && !paragraph.contains("RFC 2119");
            let numbered = paragraph.lines().any(|line| defined(line).is_some());
            assert!(!obliges || numbered, "{}: {paragraph}", path.display());
        }
    }
}
