//! Layouts that are wanted, and what must hold for every document.

use super::*;

fn laid(text: &str) -> String {
    let source = SourceFile {
        name: "t.yaml".into(),
        text: text.into(),
    };
    match format(&source) {
        Ok(laid) => laid,
        Err(FormatError::Syntax(found)) => panic!("{text}\n{}", found.render(&source, false)),
        Err(error) => panic!("{text}\n{error}"),
    }
}

#[test]
fn indentation_and_spaces_become_canonical() {
    let ragged = "\u{feff}fenta:   workflow/v1   \r\nnodes:\n    a:\n        type:  Input.Text\n        with: {text:  'x'}\n        needs:\n        - b\n        -   c\n\n\n\n# end\n\n";
    let wanted = "fenta: workflow/v1\nnodes:\n  a:\n    type: Input.Text\n    with: { text: 'x' }\n    needs:\n      - b\n      - c\n\n# end\n";
    assert_eq!(laid(ragged), wanted);
}

#[test]
fn comments_stay_with_their_entries() {
    let ragged = "a:\n    # about b\n    b: 1   # one\n    cc: 2  # two\n    # last of a\n# about d\nd: 3 # three\n";
    let wanted = "a:\n  # about b\n  b: 1   # one\n  cc: 2  # two\n  # last of a\n# about d\nd: 3  # three\n";
    assert_eq!(laid(ragged), wanted);
}

#[test]
fn scalars_of_many_lines_keep_what_they_say() {
    let ragged = "a:\n    b: |\n         one\n           two  \n\n         three\n    c: >-\n      x\n\n    d: plain\n         goes on\n\n         here # note\n    e: \"quoted\n\n      \\tand so on\"\n    f: |2\n        two\n";
    let wanted = "a:\n  b: |\n    one\n      two  \n\n    three\n  c: >-\n    x\n\n  d: plain\n    goes on\n\n    here  # note\n  e: \"quoted\n\n    \\tand so on\"\n  f: |2\n      two\n";
    assert_eq!(laid(ragged), wanted);
}

#[test]
fn lists_of_maps_and_lists_keep_their_shape() {
    let ragged = "s:\n-   a: 1\n    b:\n    - x\n-\n  - 1\n  -   - 2\n- {q: 1,\n r: [1,\n2]}\n";
    let wanted = "s:\n  - a: 1\n    b:\n      - x\n  -\n    - 1\n    - - 2\n  - { q: 1,\n      r: [1,\n        2] }\n";
    assert_eq!(laid(ragged), wanted);
}

#[test]
fn comments_between_the_entries_of_a_collection_stand_with_them() {
    let ragged = "with: {\n     # first\n  text: \"a\",  # one\n # two\n\n  format: txt\n          # end\n  }\nvars: [\n  a,\n  b\n  # two\n  ]\n";
    let wanted = "with: {\n    # first\n    text: \"a\",  # one\n    # two\n    format: txt\n    # end\n  }\nvars: [\n    a,\n    b\n    # two\n  ]\n";
    let once = laid(ragged);
    assert_eq!(laid(&once), once);
    let unindented =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    assert_eq!(unindented(&once), unindented(wanted), "{once}");
    let column = |part: &str| once.lines().find_map(|line| line.find(part));
    assert_eq!(column("# end"), column("format"), "{once}");
}

#[test]
fn rare_scalars_keep_what_they_say() {
    let ragged = "a: |+\n\n\nb:\n    - |+\n\n\n    - >-\n\nc: |\n \t\nd: |-\n   x\n\n\n\ne: 1\n";
    let wanted = "a: |+\n\n\nb:\n  - |+\n\n\n  - >-\n\nc: |\n  \t\nd: |-\n  x\n\ne: 1\n";
    assert_eq!(laid(ragged), wanted);
}

#[test]
fn unknown_forms_are_named_with_their_line() {
    for (text, line) in [("a: 1\n? b\n: c\n", 2), ("--- a\n", 1)] {
        let source = SourceFile {
            name: "t.yaml".into(),
            text: text.into(),
        };
        let refused = format(&source);
        assert!(
            matches!(refused, Err(FormatError::Unsupported { line: at, .. }) if at == line),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    let source = SourceFile {
        name: "t.yaml".into(),
        text: "a: [1\nb: 2\n".into(),
    };
    assert!(matches!(format(&source), Err(FormatError::Syntax(found)) if found.has_errors()));
}

/// Every document of a folder below the crate's.
fn documents(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The layout, checked: it says the same, it keeps its comments, and laying it out again changes nothing.
fn checked(name: &str, text: &str) -> Option<String> {
    let source = |text: &str| SourceFile {
        name: name.into(),
        text: text.into(),
    };
    let once = match format(&source(text)) {
        Ok(once) => once,
        Err(FormatError::Syntax(_)) => return None,
        Err(error) => panic!("{name}: {error}\n{text}"),
    };
    assert!(
        same(&tree(text).unwrap(), &tree(&once).unwrap()),
        "{name} says something else:\n{once}"
    );
    assert_eq!(
        Ok(once.clone()),
        format(&source(&once)),
        "{name} is not settled:\n{once}"
    );
    Some(once)
}

#[test]
fn every_document_of_the_suite_can_be_laid_out() {
    let laid = documents("../tests/suite")
        .iter()
        .filter(|(name, text)| checked(name, text).is_some())
        .count();
    assert!(laid > 30, "{laid}");
}

#[test]
fn what_ships_is_laid_out_like_this_already() {
    let shipped = documents("library")
        .into_iter()
        .chain(documents("../templates/library"));
    for (name, text) in shipped {
        assert_eq!(checked(&name, &text).as_deref(), Some(&*text), "{name}");
    }
}

/// A document that a careless hand might write.
mod careless {
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    pub(super) enum Tree {
        Scalar(&'static str),
        List(Vec<Tree>),
        Map(Vec<Tree>),
    }

    const SCALARS: &[&str] = &[
        "word",
        "two words",
        "3",
        "true",
        "http://a.b/c#d",
        "a#b",
        "-5",
        "${{ inputs.a }}",
        "'it''s: [so], # no comment'",
        "\"tab\\t \\\"q\\\" {x}\"",
        "\"${{ join(nodes.a.items, ', ') }}\"",
        "''",
        "~",
    ];

    pub(super) fn tree() -> impl Strategy<Value = Tree> {
        prop::sample::select(SCALARS)
            .prop_map(Tree::Scalar)
            .prop_recursive(4, 24, 4, |inner| {
                prop_oneof![
                    prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
                    prop::collection::vec(inner, 0..4).prop_map(Tree::Map),
                ]
            })
    }

    /// Writes trees with every freedom that YAML gives.
    pub(super) struct Hand {
        pub(super) whims: Vec<u8>,
        pub(super) at: usize,
        pub(super) text: String,
        pub(super) comments: Vec<String>,
    }

    impl Hand {
        fn whim(&mut self, below: usize) -> usize {
            self.at += 1;
            self.whims[self.at % self.whims.len()] as usize % below
        }

        fn spaces(&mut self, least: usize) -> String {
            " ".repeat(least + self.whim(3))
        }

        fn comment(&mut self) {
            let text = format!("#{} note {}", self.spaces(0), self.comments.len());
            self.text.push_str(&text);
            self.comments.push(text);
        }

        fn end_line(&mut self) {
            if self.whim(4) == 0 {
                let gap = self.spaces(1);
                self.text.push_str(&gap);
                self.comment();
            }
            let blank = self.spaces(0);
            self.text.push_str(&blank);
            self.text.push('\n');
        }

        fn between(&mut self, indent: usize) {
            for _ in 0..self.whim(4).saturating_sub(1) {
                let blank = self.spaces(0);
                self.text.push_str(&blank);
                self.text.push('\n');
            }
            if self.whim(4) == 0 {
                let ragged = if self.whim(5) == 0 { 1 } else { 0 };
                self.text.push_str(&" ".repeat(indent + ragged));
                self.comment();
                self.text.push('\n');
            }
        }

        /// A collection in block style whose entries begin in this column; the first may follow a dash.
        pub(super) fn block(&mut self, tree: &Tree, column: usize, mut follows: bool) {
            let (entries, is_map) = match tree {
                Tree::Map(entries) => (entries, true),
                Tree::List(entries) => (entries, false),
                Tree::Scalar(_) => unreachable!("only collections are written as blocks"),
            };
            for (at, entry) in entries.iter().enumerate() {
                if !std::mem::take(&mut follows) {
                    self.between(column);
                    self.text.push_str(&" ".repeat(column));
                }
                if is_map {
                    let key = [format!("k{at}"), format!("'k {at}'"), format!("k:{at}")];
                    let which = self.whim(3);
                    self.text.push_str(&key[which]);
                    self.text.push(':');
                } else {
                    self.text.push('-');
                }
                self.value(entry, column, is_map);
            }
        }

        fn value(&mut self, tree: &Tree, column: usize, after_key: bool) {
            let gap = self.spaces(1);
            match tree {
                Tree::Scalar(text) => {
                    self.text.push_str(&gap);
                    self.scalar(text, column);
                }
                Tree::List(entries) | Tree::Map(entries)
                    if entries.is_empty() || self.whim(3) == 0 =>
                {
                    self.text.push_str(&gap);
                    let many_lines = self.whim(2) == 0;
                    self.flow(tree, many_lines.then_some(column + 3));
                    self.end_line();
                }
                Tree::List(_) | Tree::Map(_) => {
                    let list_below_key = after_key && matches!(tree, Tree::List(_));
                    if !after_key && self.whim(2) == 0 {
                        self.text.push_str(&gap);
                        return self.block(tree, column + 1 + gap.len(), true);
                    }
                    let deeper = self.whim(4);
                    self.end_line();
                    let least = usize::from(!list_below_key);
                    self.block(tree, column + deeper.max(least), false);
                }
            }
        }

        fn scalar(&mut self, text: &str, column: usize) {
            let indent = " ".repeat(column + 1 + self.whim(4));
            let plain = text.starts_with(|c: char| c.is_ascii_alphabetic());
            match self.whim(6) {
                0 => {
                    let header = ["|", ">", "|-", ">+"][self.whim(4)];
                    self.text.push_str(header);
                    self.end_line();
                    for line in [text, "  more", "", "# no comment"] {
                        self.text.push_str(&format!("{indent}{line}\n"));
                    }
                }
                1 if plain && !text.contains('#') => {
                    self.text
                        .push_str(&format!("{text}\n\n{indent}goes on\n{indent}here"));
                    self.end_line();
                }
                2 => {
                    self.text
                        .push_str(&format!("\"a  \n{indent}b\\\n {indent}\\ c\n\n{indent}d\""));
                    self.end_line();
                }
                _ => {
                    self.text.push_str(text);
                    self.end_line();
                }
            }
        }

        /// A collection in flow style, over several lines that begin in a column or in one line.
        fn flow(&mut self, tree: &Tree, lines: Option<usize>) {
            let (entries, is_map) = match tree {
                Tree::Scalar(text) => {
                    let text = if text.contains("{{") && !text.starts_with('"') {
                        "x"
                    } else {
                        text
                    };
                    return self.text.push_str(text);
                }
                Tree::Map(entries) => (entries, true),
                Tree::List(entries) => (entries, false),
            };
            self.text.push(if is_map { '{' } else { '[' });
            for (at, entry) in entries.iter().enumerate() {
                if at > 0 {
                    self.text.push(',');
                }
                self.flow_gap(lines);
                if is_map {
                    self.text.push_str(&format!("k{at}:"));
                    let gap = self.spaces(1);
                    self.text.push_str(&gap);
                }
                self.flow(entry, lines);
            }
            self.flow_gap(lines);
            self.text.push(if is_map { '}' } else { ']' });
        }

        fn flow_gap(&mut self, lines: Option<usize>) {
            let gap = self.spaces(0);
            self.text.push_str(&gap);
            if let Some(column) = lines
                && self.whim(2) == 0
            {
                self.text.push(' ');
                self.end_line();
                for _ in 0..self.whim(4).saturating_sub(1) {
                    let ragged = self.whim(5);
                    self.text.push_str(&" ".repeat(column + ragged));
                    self.comment();
                    self.text.push('\n');
                }
                self.text.push_str(&" ".repeat(column));
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn layouts_keep_meaning_and_comments_and_are_settled(
        entries in proptest::collection::vec(careless::tree(), 1..5),
        whims in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 64..200),
    ) {
        let mut hand = careless::Hand { whims, at: 0, text: String::new(), comments: Vec::new() };
        hand.block(&careless::Tree::Map(entries), 0, false);
        let once = checked("careless", &hand.text);
        let Some(once) = once else {
            panic!("the hand wrote what cannot be read:\n{}\n{:?}", hand.text, tree(&hand.text));
        };
        let mut rest = once.as_str();
        for comment in &hand.comments {
            let at = rest.find(comment.as_str());
            proptest::prop_assert!(at.is_some(), "{comment} is lost in\n{once}");
            rest = &rest[at.unwrap_or(0) + comment.len()..];
        }
        for line in once.lines() {
            proptest::prop_assert!(!line.ends_with('\t'), "{line:?}");
        }
    }
}

#[test]
fn a_carriage_return_alone_ends_a_line() {
    for (text, wanted) in [
        ("{\r}", "{}\n"),
        ("a: [\r]\r", "a: []\n"),
        ("a: [1\r, 2]\rb: 1 # c\r", "a: [1\n  , 2]\nb: 1 # c\n"),
    ] {
        let source = SourceFile {
            name: "mac.yaml".into(),
            text: text.into(),
        };
        let laid = format(&source);
        if let Ok(laid) = &laid {
            let again = SourceFile {
                text: laid.clone(),
                ..source
            };
            assert_eq!(format(&again).as_ref(), Ok(laid), "{text:?} settles");
        }
        assert!(laid.is_ok(), "{text:?} {wanted:?}: {laid:?}");
    }
}
