//! Paths that leave the document's folder: the workflow works on this machine and on no other.

use super::Linted;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::node::ParamType;
use crate::nodes::is_template_path;
use crate::value::Value;

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    for (node, name, value) in linted.params() {
        let spec = node.node_type.descriptor().param(name);
        let is_file = spec.is_some_and(|spec| matches!(spec.param_type, ParamType::SourcePath));
        let is_target = name == "to" && node.kind() == "Output.Download";
        for (text, span) in linted.texts(value) {
            if is_file || is_target || (name == "template" && is_template_path(text)) {
                tell(text, span, found);
            }
        }
    }
    for spec in linted.workflow.inputs().values() {
        if let (true, Some(Value::Text(text))) = (spec.input_type.is_path(), &spec.default) {
            tell(text, spec.span, found);
        }
    }
}

fn tell(path: &str, span: Span, found: &mut Vec<Diagnostic>) {
    let Some((what, hint)) = leaves(path) else {
        return;
    };
    found.push(
        Diagnostic::warning(codes::PATH, span, format!("the path `{path}` {what}")).hint(hint),
    );
}

/// How a path leaves the folder, and what to write.
fn leaves(path: &str) -> Option<(&'static str, &'static str)> {
    let elsewhere = "put the file beside the document, or make the path an input";
    if path.starts_with('~') || path.contains("$HOME") || path.contains("%USERPROFILE%") {
        return Some((
            "names a home folder, which only a shell knows",
            "write a path relative to the document, or make it an input and give it with -p",
        ));
    }
    let drive = path.as_bytes().get(1) == Some(&b':')
        && path.starts_with(|c: char| c.is_ascii_alphabetic());
    if path.starts_with('/') || path.starts_with("\\\\") || drive {
        return Some(("is absolute: it exists on this machine only", elsewhere));
    }
    let mut depth = 0_i32;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return Some(("leaves the document's folder", elsewhere));
        }
    }
    path.contains('\\').then_some((
        "has backslashes, which are part of a name here",
        "write `/` between folders",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_are_fine() {
        for path in ["./a.mp4", "a/../b.mp4", "broll/**/*.{mp4,mov}", "out/"] {
            assert_eq!(leaves(path), None, "{path}");
        }
        for path in [
            "/etc/x",
            "~/x",
            "$HOME/x",
            "../x",
            "a/../../x",
            "C:/x",
            "\\\\nas\\x",
            "a\\b",
        ] {
            assert!(leaves(path).is_some(), "{path}");
        }
    }
}
