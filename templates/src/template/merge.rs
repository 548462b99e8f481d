//! `extends`: a template is its base with its own values on top.
//!
//! Maps merge deep; a list replaces the base's list, except that lists whose members carry an `id` merge by it: a
//! member with a known id changes that member, a new one is added at the end, and `remove: true` drops it. An item's
//! `time` is replaced as a whole, and a new caption preset starts from what it does by itself.

use super::document::{self, Node};
use super::{ProblemKind, TemplateProblem, builtin};

/// Longest chain of `extends`.
const MAX_CHAIN: usize = 8;

/// A document with everything it extends.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Merged into one tree without `extends`.
    pub(crate) document: Node,
    /// The names of what it extends, nearest first.
    pub(crate) chain: Vec<String>,
    /// What is wrong with the merging. The tree can still be read, so that one pass finds everything.
    pub(crate) problems: Vec<TemplateProblem>,
}

/// Reads a document and everything it extends. Fails only when there is nothing to read on with.
pub(crate) fn resolve(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Resolved, TemplateProblem> {
    let mut problems = Vec::new();
    let problem = |message: String, hint: &str| {
        TemplateProblem::new(ProblemKind::Extends, "extends", message, hint)
    };
    let mut layers = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut current = document::read(text)?;
    loop {
        check_ids(&current, "", &mut problems);
        let base = take_base(&mut current)?;
        layers.push(current);
        let Some(name) = base else { break };
        if seen.contains(&name) {
            seen.push(name);
            return Err(problem(
                format!("goes in a circle: {}", seen.join(" -> ")),
                "a template cannot extend itself",
            ));
        }
        if seen.len() == MAX_CHAIN {
            return Err(problem(
                format!("is a chain of more than {MAX_CHAIN} templates"),
                "copy what you need from the far ones",
            ));
        }
        let known = lookup(&name).or_else(|| builtin(&name).map(str::to_owned));
        let text = match known {
            Some(text) => text,
            None => {
                let problem = unknown(&name);
                // Read on with the one that was probably meant, or with one that has everything.
                let meant = problem.suggestion.as_deref().and_then(builtin);
                problems.push(problem);
                meant
                    .or_else(|| builtin(STAND_IN))
                    .unwrap_or_default()
                    .to_owned()
            }
        };
        current = document::read(&text).map_err(|inner| TemplateProblem {
            path: format!("extends[{name}]"),
            ..inner
        })?;
        seen.push(name);
    }
    let mut merged = Node::Map(Vec::new());
    while let Some(layer) = layers.pop() {
        if layers.is_empty() {
            check_removals(&merged, &layer, "", &mut problems);
        }
        merged = merge(forgetting_presets(merged, &layer), layer);
    }
    Ok(Resolved {
        document: merged,
        chain: seen,
        problems,
    })
}

/// The template that stands in for one that is not there, while the rest is judged.
const STAND_IN: &str = "daily";

/// `remove: true` takes away what is there; of something else the name is probably wrong.
fn check_removals(base: &Node, top: &Node, path: &str, problems: &mut Vec<TemplateProblem>) {
    match (base, top) {
        (_, Node::Map(entries)) => {
            for (key, value) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                let below = base.get(key).unwrap_or(&Node::Null);
                check_removals(below, value, &format!("{path}{dot}{key}"), problems);
            }
        }
        (_, Node::List(members)) => {
            let old: &[Node] = match base {
                Node::List(old) => old,
                _ => &[],
            };
            for (id, member) in members.iter().filter_map(|one| Some((id_of(one)?, one))) {
                let place = format!("{path}[{id}]");
                let below = old.iter().find(|one| id_of(one) == Some(id));
                if below.is_none() && member.get("remove") == Some(&Node::Bool(true)) {
                    let ids = old.iter().filter_map(id_of);
                    problems.push(TemplateProblem::new(
                        ProblemKind::UnknownName,
                        format!("{place}.id"),
                        format!("there is no `{id}` to remove"),
                        super::suggest::hint(id, ids),
                    ));
                }
                check_removals(below.unwrap_or(&Node::Null), member, &place, problems);
            }
        }
        _ => {}
    }
}

/// A layer that names another caption preset starts from what that preset does by itself: the base without what the old caption preset said, where `top` names a new one. Without this a template that only
/// writes `preset: phrase` would contradict the highlight it inherits.
fn forgetting_presets(mut base: Node, top: &Node) -> Node {
    let Some(Node::List(tracks)) = top.get("tracks") else {
        return base;
    };
    for track in tracks {
        let (Some(wanted), Some(id)) = (track.get("style"), id_of(track)) else {
            continue;
        };
        let old = list_mut(&mut base, "tracks")
            .and_then(|tracks| tracks.iter_mut().find(|old| id_of(old) == Some(id)))
            .and_then(|track| map_mut(track, "style"));
        if let Some(style) = old {
            if let Some(Node::Text(preset)) = wanted.get("preset") {
                forget_preset(style, preset);
            }
            forget_highlight(style, wanted);
        }
    }
    base
}

/// Where nothing is highlighted any more, the look of the highlight goes with it, unless emphasised words have it.
fn forget_highlight(style: &mut Vec<(String, Node)>, wanted: &Node) {
    let says = |node: Option<&Node>, words: &[&str]| matches!(node, Some(Node::Text(word)) if words.contains(&word.as_str()));
    let mode = wanted.get("highlight").and_then(|look| look.get("mode"));
    let off = says(mode, &["none"])
        || says(wanted.get("preset"), &["phrase", "clean", "one_word"])
        || says(wanted.get("preset"), &["typewriter"]) && mode.is_none();
    if !off {
        return;
    }
    let words_of = |style: &Node| {
        style
            .get("emphasis")
            .and_then(|one| one.get("words"))
            .cloned()
    };
    let words = words_of(wanted).or_else(|| words_of(&Node::Map(style.clone())));
    let emphasised = match &words {
        Some(Node::List(words)) => !words.is_empty(),
        Some(word) => !says(Some(word), &["none"]),
        None => false,
    };
    for (key, value) in style {
        if let (Node::Map(look), "highlight") = (value, key.as_str()) {
            look.retain(|(part, _)| emphasised && part == "color");
        }
    }
}

fn forget_preset(style: &mut Vec<(String, Node)>, wanted: &str) {
    let same = style
        .iter()
        .any(|(key, value)| key == "preset" && *value == Node::Text(wanted.to_owned()));
    if same {
        return;
    }
    let replaced = |key: &str| {
        matches!(
            (key, wanted),
            ("outline", "clean") | ("words_per_caption", "one_word")
        )
    };
    style.retain_mut(|(key, value)| {
        // The highlight's colour belongs to the theme, not to the preset.
        if let (Node::Map(highlight), "highlight") = (value, key.as_str()) {
            highlight.retain(|(part, _)| part == "color");
        }
        !replaced(key)
    });
}

fn list_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Vec<Node>> {
    match node {
        Node::Map(entries) => entries.iter_mut().find_map(|(name, value)| match value {
            Node::List(list) if name == key => Some(list),
            _ => None,
        }),
        _ => None,
    }
}

fn map_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Vec<(String, Node)>> {
    match node {
        Node::Map(entries) => entries.iter_mut().find_map(|(name, value)| match value {
            Node::Map(map) if name == key => Some(map),
            _ => None,
        }),
        _ => None,
    }
}

/// Takes `extends` out of a document.
fn take_base(document: &mut Node) -> Result<Option<String>, TemplateProblem> {
    let Node::Map(entries) = document else {
        return Err(TemplateProblem::new(
            ProblemKind::WrongType,
            "",
            format!("the template is {}, not a map", document.kind()),
            "start with `fenta: template/v1`",
        ));
    };
    let Some(at) = entries.iter().position(|(key, _)| key == "extends") else {
        return Ok(None);
    };
    match entries.remove(at).1 {
        Node::Null => Ok(None),
        Node::Text(name) => Ok(Some(name)),
        other => Err(TemplateProblem::new(
            ProblemKind::WrongType,
            "extends",
            format!("is {}, not the name of a template", other.kind()),
            "",
        )),
    }
}

fn unknown(name: &str) -> TemplateProblem {
    let names = super::builtin_names().iter().copied();
    TemplateProblem {
        suggestion: super::suggest::nearest_of(name, names.clone()).map(str::to_owned),
        ..TemplateProblem::new(
            ProblemKind::Extends,
            "extends",
            format!("there is no template named `{name}`"),
            super::suggest::hint(name, names),
        )
    }
}

/// Ids are unique within one list of one document; otherwise merging would quietly mix two members.
fn check_ids(node: &Node, path: &str, problems: &mut Vec<TemplateProblem>) {
    match node {
        Node::Map(entries) => {
            for (key, value) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                check_ids(value, &format!("{path}{dot}{key}"), problems);
            }
        }
        Node::List(list) => {
            for (at, member) in list.iter().enumerate() {
                let id = id_of(member).unwrap_or_default();
                if !id.is_empty() && list[..at].iter().any(|before| id_of(before) == Some(id)) {
                    problems.push(TemplateProblem::new(
                        ProblemKind::Conflict,
                        path,
                        format!("has two members with the id `{id}`"),
                        "give each its own",
                    ));
                }
                check_ids(member, &format!("{path}[{id}]"), problems);
            }
        }
        _ => {}
    }
}

/// `top` over `base`.
pub(crate) fn merge(base: Node, top: Node) -> Node {
    match (base, top) {
        (Node::Map(mut base), Node::Map(top)) => {
            for (key, value) in top {
                match base.iter_mut().find(|(name, _)| *name == key) {
                    // Ways of saying when exclude each other, so a new one takes the place of the old; and what is no
                    // move or blend any more keeps nothing of the one it was.
                    Some((_, old)) if key == "time" || is_off(&value) => {
                        *old = merge(Node::Null, value);
                    }
                    Some((_, old)) => *old = merge(std::mem::replace(old, Node::Null), value),
                    None => base.push((key, merge(Node::Null, value))),
                }
            }
            Node::Map(base)
        }
        (Node::List(base), Node::List(top)) if has_ids(&base) && has_ids(&top) => {
            merge_by_id(base, top)
        }
        // A list over nothing still obeys `remove`.
        (_, Node::List(top)) if has_ids(&top) => merge_by_id(Vec::new(), top),
        (_, Node::Map(top)) => merge(Node::Map(Vec::new()), Node::Map(top)),
        (_, top) => top,
    }
}

/// A move or a blend that is switched off.
fn is_off(node: &Node) -> bool {
    matches!(node.get("type"), Some(Node::Text(kind)) if kind == "none" || kind == "cut")
}

fn id_of(node: &Node) -> Option<&str> {
    match node.get("id") {
        Some(Node::Text(id)) => Some(id),
        _ => None,
    }
}

fn has_ids(list: &[Node]) -> bool {
    !list.is_empty() && list.iter().all(|member| id_of(member).is_some())
}

fn merge_by_id(mut base: Vec<Node>, top: Vec<Node>) -> Node {
    for member in top {
        let at = base.iter().position(|old| id_of(old) == id_of(&member));
        let removed = member.get("remove") == Some(&Node::Bool(true));
        match (at, removed) {
            (Some(at), true) => {
                base.remove(at);
            }
            (Some(at), false) => {
                let old = std::mem::replace(&mut base[at], Node::Null);
                base[at] = merge(old, member);
            }
            (None, true) => {}
            (None, false) => base.push(merge(Node::Null, member)),
        }
    }
    Node::List(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        document::read(text).unwrap()
    }

    #[test]
    fn maps_merge_deep_and_lists_replace() {
        let merged = merge(
            tree("a: {x: 1, y: 2}\nb: [1, 2]\nc: keep"),
            tree("a: {y: 3, z: 4}\nb: [9]\nd: new"),
        );
        assert_eq!(
            merged,
            tree("a: {x: 1, y: 3, z: 4}\nb: [9]\nc: keep\nd: new")
        );
        assert_eq!(
            merge(
                tree("exit: {type: fade, duration: 1s}"),
                tree("exit: {type: none}")
            ),
            tree("exit: {type: none}")
        );
        assert_eq!(
            merge(tree("time: {from: 1s, to: 3s}"), tree("time: {last: 2s}")),
            tree("time: {last: 2s}")
        );
    }

    // spec: T-8
    #[test]
    fn lists_with_ids_merge_by_id_at_every_depth() {
        let base = tree("[{id: a, v: 1}, {id: b, items: [{id: p, v: 1}, {id: q}]}]");
        let top =
            tree("[{id: b, items: [{id: p, v: 2}, {id: q, remove: true}, {id: r}]}, {id: c}]");
        assert_eq!(
            merge(base, top),
            tree("[{id: a, v: 1}, {id: b, items: [{id: p, v: 2}, {id: r}]}, {id: c}]")
        );
    }

    #[test]
    fn merging_nothing_changes_nothing() {
        let doc = tree("a: {x: [1, {id: k}]}\nt: [{id: a, v: [1]}]");
        assert_eq!(merge(doc.clone(), Node::Map(Vec::new())), doc);
        assert_eq!(merge(Node::Map(Vec::new()), doc.clone()), doc);
    }

    // spec: T-10
    #[test]
    fn a_new_preset_forgets_what_the_old_one_said() {
        let base = "tracks: [{id: s, style: {preset: pop, size: 9, outline: {width: 6}, words_per_caption: [1, 3], \
                    highlight: {mode: box, scale: 1.1, color: red}}}]";
        let over = |style: &str| {
            let top = tree(&format!("tracks: [{{id: s, style: {{{style}}}}}]"));
            let merged = merge(forgetting_presets(tree(base), &top), top);
            let Some(Node::List(tracks)) = merged.get("tracks") else {
                panic!("{merged:?}")
            };
            tracks[0].get("style").unwrap().clone()
        };
        assert_eq!(
            over("preset: phrase"),
            tree(
                "{preset: phrase, size: 9, outline: {width: 6}, words_per_caption: [1, 3], highlight: {}}"
            )
        );
        let emphatic = over("preset: phrase, emphasis: {words: [now]}");
        assert_eq!(emphatic.get("highlight"), tree("a: {color: red}").get("a"));
        let box_ = over("preset: box");
        assert_eq!(box_.get("highlight"), tree("a: {color: red}").get("a"));
        let off = over("highlight: {mode: none}");
        assert_eq!(off.get("highlight"), tree("a: {mode: none}").get("a"));
        let clean = over("preset: clean");
        assert_eq!(clean.get("outline"), None);
        assert_eq!(over("preset: one_word").get("words_per_caption"), None);
        assert_eq!(
            over("preset: pop").get("highlight"),
            tree("a: {mode: box, scale: 1.1, color: red}").get("a")
        );
        assert_eq!(
            over("size: 7").get("highlight"),
            tree("a: {mode: box, scale: 1.1, color: red}").get("a")
        );
    }

    #[test]
    fn chains_resolve_nearest_on_top() {
        let lookup = |name: &str| match name {
            "mid" => Some("extends: low\nv: mid\nm: 1".to_owned()),
            "low" => Some("v: low\nm: 0\nl: 1".to_owned()),
            _ => None,
        };
        let resolved = resolve("extends: mid\nv: top", &lookup).unwrap();
        assert_eq!(resolved.document, tree("v: top\nm: 1\nl: 1"));
        assert_eq!(resolved.chain, ["mid", "low"]);
        assert!(resolved.problems.is_empty());
    }

    // spec: T-9
    #[test]
    fn bad_chains_are_named() {
        let lookup = |name: &str| match name {
            "a" => Some("extends: b".to_owned()),
            "b" => Some("extends: a".to_owned()),
            "broken" => Some("x: [".to_owned()),
            long => long
                .strip_prefix('n')
                .and_then(|n| n.parse::<u32>().ok())
                .map(|n| format!("extends: n{}", n + 1)),
        };
        let message = |text: &str| match resolve(text, &lookup) {
            Ok(resolved) => resolved.problems[0].to_string(),
            Err(problem) => problem.to_string(),
        };
        assert!(message("extends: a").contains("a -> b -> a"));
        assert!(message("extends: n1").contains("more than 8"));
        assert!(message("extends: broken").contains("extends[broken]"));
        assert!(message("extends: [a]").contains("is a list"));
        assert!(message("extends: dayly").contains("did you mean `daily`"));
        assert!(message("- 1").contains("not a map"));
        assert_eq!(
            message("tracks: [{id: a, items: [{id: x}, {id: x}]}]"),
            "tracks[a].items: has two members with the id `x`; give each its own"
        );
    }

    #[test]
    fn what_is_removed_must_be_there() {
        let lookup =
            |_: &str| Some("tracks: [{id: a, items: [{id: logo}, {id: title}]}]".to_owned());
        let told = |text: &str| {
            let resolved = resolve(text, &lookup).unwrap();
            let problems = resolved.problems.iter();
            problems.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(
            told("extends: x\ntracks: [{id: a, items: [{id: logo, remove: true}]}]").is_empty()
        );
        assert_eq!(
            told(
                "extends: x\ntracks: [{id: a, items: [{id: lgo, remove: true}]}, {id: b, remove: true}]"
            ),
            [
                "tracks[a].items[lgo].id: there is no `lgo` to remove; did you mean `logo`?",
                "tracks[b].id: there is no `b` to remove; known here: a",
            ]
        );
    }
}
