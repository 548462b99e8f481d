//! The files a document names itself, so that whoever can look may say which are not there before anything starts.
//!
//! Neighbours: the CLI looks and shows the diagnostics. Files named by inputs given at run time are not the document's.

use std::collections::BTreeSet;

use super::Workflow;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::node::ParamType;
use crate::nodes::is_template_path;
use crate::value::Value;

impl Workflow {
    /// A diagnostic for every file or folder the document names that is not there. `is_there` is asked with paths as
    /// written; relative ones are relative to the document's folder. Defaults of inputs in `given` do not matter.
    pub fn missing_files(
        &self,
        given: &BTreeSet<&str>,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Diagnostics {
        let mut found = Diagnostics::new();
        for (path, span, what) in self.literal_files(given) {
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

    fn literal_files(&self, given: &BTreeSet<&str>) -> Vec<(String, Span, String)> {
        let mut files = Vec::new();
        for (name, spec) in &self.inputs {
            if let (true, false, Some(Value::Text(path))) = (
                spec.input_type.is_path(),
                given.contains(name.as_str()),
                &spec.default,
            ) {
                files.push((
                    path.clone(),
                    spec.span,
                    format!("the default of input `{name}`"),
                ));
            }
        }
        for (id, node) in &self.nodes {
            for param in &node.node_type.descriptor().params {
                let Some(written) = node.with.get(param.name) else {
                    continue;
                };
                let Some(Value::Text(path)) = written.expr.literal() else {
                    continue;
                };
                let names_template = param.name == "template" && is_template_path(&path);
                if matches!(param.param_type, ParamType::SourcePath) || names_template {
                    let what = format!("`{}` of node `{}`", param.name, id.as_str());
                    files.push((path, written.expr.span, what));
                }
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{SourceFile, compile};

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
        let given = BTreeSet::from(["logo"]);
        assert!(
            !workflow
                .missing_files(&given, &there)
                .render(&source, false)
                .contains("logo.png")
        );
    }
}
