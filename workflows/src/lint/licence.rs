//! Material that may not be used commercially, in a workflow that hands its result on.

use super::Linted;
use crate::diagnostic::{Diagnostic, codes};

/// Node types that hand the result to others.
const PUBLISHING: [&str; 2] = ["Output.Webhook", "Output.Publish"];

/// Parameters of node types whose words choose material for non-commercial use only.
const NON_COMMERCIAL: [(&str, &str, &str); 1] = [("Input.Music", "source", "jamendo")];

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    let nodes = linted.workflow.nodes();
    let mut publishers = nodes
        .iter()
        .filter(|(_, node)| PUBLISHING.contains(&node.kind()));
    let Some((publisher, _)) = publishers.next() else {
        return;
    };
    for (node, name, value) in linted.params() {
        for (word, span) in linted.texts(value) {
            if NON_COMMERCIAL.contains(&(node.kind(), name, word)) {
                found.push(
                    Diagnostic::warning(
                        codes::LICENCE,
                        span,
                        format!("`{word}` is free for non-commercial use only, but `{publisher}` hands the video on"),
                    )
                    .hint("take music composed on this machine or a recording of yours, or make sure that the publication earns nothing"),
                );
            }
        }
    }
}
