//! Files that two nodes would write: the later one would take the earlier one's place, and both would call it theirs.
//!
//! Only paths written out are judged; paths from expressions are known when the nodes are prepared.

use std::collections::HashMap;

use super::read::RawWorkflow;
use super::read_nodes::RawNode;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::node::ParamType;
use crate::value::Value;

/// Every node whose file another node before it writes too.
pub(super) fn check(raw: &RawWorkflow, found: &mut Diagnostics) {
    let mut taken: HashMap<String, (&str, Span)> = HashMap::new();
    for (id, node) in &raw.nodes {
        let Some((path, span)) = target(node) else {
            continue;
        };
        match taken.get(&path) {
            Some((other, place)) => found.push(
                Diagnostic::error(
                    codes::SAME_TARGET,
                    span,
                    format!("`{id}` and `{other}` both write `{path}`"),
                )
                .label(*place, format!("`{other}` writes it here"))
                .hint("give each result a name of its own"),
            ),
            None => {
                taken.insert(path, (id.as_str(), span));
            }
        }
    }
}

/// The file a node surely writes, in one spelling.
fn target(node: &RawNode) -> Option<(String, Span)> {
    // Of two nodes with conditions perhaps only one runs.
    if node.condition.is_some() {
        return None;
    }
    let params = &node.node_type?.descriptor().params;
    let spec = params
        .iter()
        .find(|spec| matches!(spec.param_type, ParamType::ResultPath))?;
    let numbered = node
        .with
        .get("overwrite")
        .and_then(|one| one.expr.literal());
    if numbered == Some(Value::Text("suffix".to_owned())) {
        return None;
    }
    let written = node.with.get(spec.name)?;
    match written.expr.literal()? {
        Value::Text(path) if !path.ends_with('/') => Some((plain(&path), written.expr.span)),
        _ => None,
    }
}

/// The path without steps that lead nowhere: `./a//b` is `a/b`.
fn plain(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let steps: Vec<&str> = path
        .split('/')
        .filter(|step| !step.is_empty() && *step != ".")
        .collect();
    format!("{root}{}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_path_are_one() {
        for path in ["a/b.srt", "./a/b.srt", "a//b.srt", "a/./b.srt"] {
            assert_eq!(plain(path), "a/b.srt");
        }
        assert_eq!(plain("/a/b"), "/a/b");
    }
}
