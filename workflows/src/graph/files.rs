//! The files a document names itself, so that whoever can look may say which are not there before anything starts.
//!
//! Neighbours: the CLI looks and shows the diagnostics. Files named by inputs given at run time are not the document's.

use std::collections::{BTreeMap, BTreeSet};

use fenta_templates::template::Template;
use indexmap::IndexMap;

use super::{ParamExpr, Workflow, read};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::execution::SourceFile;
use crate::input::InputSpec;
use crate::node::{NodeType, ParamType, Written};
use crate::nodes::{check_template, is_template_path};
use crate::value::Value;

/// The same as [`Workflow::missing_files`] for a document that is not valid: so that all that is wrong with it is told in
/// one pass. Nothing for one that cannot be read.
pub fn missing_files(source: &SourceFile, is_there: &dyn Fn(&str) -> bool) -> Diagnostics {
    let mut ignored = Diagnostics::new();
    let raw = crate::syntax::load(&source.text, &mut ignored)
        .and_then(|tree| read::read(&tree, source, &mut ignored));
    let Some(raw) = raw else {
        return Diagnostics::new();
    };
    let mut files = Files::default();
    files.of_inputs(&raw.inputs, &BTreeSet::new());
    for (id, node) in &raw.nodes {
        if let Some(node_type) = node.node_type {
            files.of_node(id, node_type, &node.with);
        }
    }
    files.missing(is_there)
}

impl Workflow {
    /// A diagnostic for every file or folder the document names that is not there. `is_there` is asked with paths as
    /// written; relative ones are relative to the document's folder. Defaults of inputs in `given` do not matter.
    pub fn missing_files(
        &self,
        given: &BTreeSet<&str>,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Diagnostics {
        let mut files = Files::default();
        files.of_inputs(&self.inputs, given);
        for (id, node) in &self.nodes {
            files.of_node(id.as_str(), node.node_type, &node.with);
        }
        files.missing(is_there)
    }

    /// The templates of the user's own that the document names, each once, as written.
    pub fn own_templates(&self) -> BTreeSet<String> {
        let of_node =
            |node: &super::NodeInstance| match node.with.get("template")?.expr.literal()? {
                Value::Text(path) if is_template_path(&path) => Some(path),
                _ => None,
            };
        self.nodes
            .values()
            .filter(|node| node.node_type.descriptor().kind == "Edit.Timeline")
            .filter_map(of_node)
            .collect()
    }
}

impl Workflow {
    /// What nodes give to templates of the user's own against what those take; `templates` by the paths as written.
    pub fn check_templates(&self, templates: &BTreeMap<String, Template>) -> Diagnostics {
        let mut found = Diagnostics::new();
        for node in self.nodes.values() {
            let Some(named) = node.with.get("template") else {
                continue;
            };
            let template = match named.expr.literal() {
                Some(Value::Text(path)) => templates.get(&path),
                _ => None,
            };
            if let Some(template) = template {
                let written = Written::new(named.expr.span, &node.with);
                check_template(template, &written, &mut found);
            }
        }
        found.sort();
        found
    }
}

/// Paths that are written out, each with its place and what names it.
#[derive(Default)]
struct Files(Vec<(String, Span, String)>);

impl Files {
    fn of_inputs(&mut self, inputs: &IndexMap<String, InputSpec>, given: &BTreeSet<&str>) {
        for (name, spec) in inputs {
            if let (true, false, Some(Value::Text(path))) = (
                spec.input_type.is_path(),
                given.contains(name.as_str()),
                &spec.default,
            ) {
                let what = format!("the default of input `{name}`");
                self.0.push((path.clone(), spec.span, what));
            }
        }
    }

    fn of_node(&mut self, id: &str, node_type: &dyn NodeType, with: &IndexMap<String, ParamExpr>) {
        for param in &node_type.descriptor().params {
            let Some(written) = with.get(param.name) else {
                continue;
            };
            let Some(Value::Text(path)) = written.expr.literal() else {
                continue;
            };
            let names_template = param.name == "template" && is_template_path(&path);
            if matches!(param.param_type, ParamType::SourcePath) || names_template {
                let what = format!("`{}` of node `{id}`", param.name);
                self.0.push((path, written.expr.span, what));
            }
        }
    }

    fn missing(self, is_there: &dyn Fn(&str) -> bool) -> Diagnostics {
        let mut found = Diagnostics::new();
        for (path, span, what) in self.0 {
            if !is_there(&path) {
                found.push(
                    Diagnostic::error(
                        codes::MISSING_FILE,
                        span,
                        format!("there is no file or folder `{path}`"),
                    )
                    .at(what)
                    .hint("put it there or correct the path; relative paths begin at the document's folder"),
                );
            }
        }
        found.sort();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::compile;

    const DOCUMENT: &str = "\
fenta: workflow/v1
inputs:
  logo: { type: image, default: ./logo.png }
nodes:
  bed: { type: Input.Music, with: { file: ./none.mp3 } }
  voice: { type: Voice.TTS, with: { text: \"Bees dance all day.\" } }
  clips: { type: Input.Upload, with: { path: ./there } }
  cut:
    type: Edit.Timeline
    with: { template: ./mine.yaml, clips: \"${{ nodes.clips.media }}\", music: \"${{ nodes.bed.audio }}\", voice: \"${{ nodes.voice.voice }}\", fill: { logo: \"${{ inputs.logo }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\" } }
  file: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: x.mp4 } }
";

    // spec: W-25
    #[test]
    fn every_missing_file_is_named_with_its_place() {
        let source = SourceFile {
            name: "files.yaml".into(),
            text: DOCUMENT.into(),
        };
        let (workflow, _) = compile(&source)
            .map_err(|found| found.render(&source, false))
            .unwrap();
        let own: Vec<String> = workflow.own_templates().into_iter().collect();
        assert_eq!(own, ["./mine.yaml"]);
        let there = |path: &str| path == "./there";
        let text = workflow
            .missing_files(&BTreeSet::new(), &there)
            .render(&source, false);
        for part in [
            "./logo.png",
            "files.yaml:5:43",
            "./none.mp3",
            "./mine.yaml",
            "node `cut`",
        ] {
            assert!(text.contains(part), "`{part}` is not in\n{text}");
        }
        assert!(!text.contains("`./there`"), "{text}");
        let broken = SourceFile {
            text: DOCUMENT
                .replace("mood", "moood")
                .replace("{ text: \"B", "{ txt: \"B"),
            ..source.clone()
        };
        assert!(compile(&broken).is_err());
        let all = missing_files(&broken, &there);
        assert_eq!(all.len(), 3, "also where something else is wrong: {all}");
        let given = BTreeSet::from(["logo"]);
        assert!(
            !workflow
                .missing_files(&given, &there)
                .render(&source, false)
                .contains("logo.png")
        );
    }
}
