//! `fenta snapshot`: one finished frame of a video, or a sheet of them, without rendering the video.
//!
//! A job like any other that ends at the render: what it builds on is made or found in the cache, then only the frames asked
//! for are drawn. Neighbours: `run::request` reads the document, `Output.Render` makes the picture.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use fenta_client::api::jobs::{Still, StillKind, View};
use fenta_workflows::view::time;
use fenta_workflows::{Workflow, nearest};

use super::run::execute;
use super::run::request::{Request, RequestArgs};
use super::{Context, wait};
use crate::command_error::CommandError;
use crate::document::unicode;
use crate::ui::job_lines;

/// The type of the nodes that render.
const RENDERER: &str = "Output.Render";

/// Make a picture of a finished video without rendering it: one frame with its captions, or a sheet of frames with their
/// times. Its path goes to stdout.
///
/// Everything the picture needs is made as in a run, or found in the cache. `-o` names the picture: a file that ends in .png
/// or .jpg, or a folder.
#[derive(Debug, clap::Args)]
#[command(mut_arg("out", |out| out
    .value_name("PATH")
    .help("The picture file, ending in .png or .jpg, or the folder it goes to; the current one by default")))]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// The frame's time, for example 3.2s
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true, required_unless_present_any = ["contact_sheet", "frames", "columns"])]
    at: Option<u64>,
    /// A sheet of frames with the time under each, instead of one frame
    #[arg(long, conflicts_with = "at")]
    contact_sheet: bool,
    /// Frames on the sheet: a number of evenly spaced ones, or `shots` for one of each shot
    #[arg(
        long,
        value_name = "N|shots",
        default_value = "12",
        requires = "contact_sheet"
    )]
    frames: Frames,
    /// Frames side by side on the sheet; as many as look well by default
    #[arg(long, value_name = "N", requires = "contact_sheet", value_parser = clap::value_parser!(u32).range(1..=16))]
    columns: Option<u32>,
    /// Width of the picture in pixels: a thumbnail, or a larger sheet
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=8192))]
    width: Option<u32>,
    /// The render the picture is of, where the workflow has several
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

/// How many frames a sheet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frames {
    Shots,
    Count(u32),
}

impl FromStr for Frames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("shots", _) => Ok(Self::Shots),
            (_, Ok(count @ 1..=64)) => Ok(Self::Count(count)),
            _ => Err("it must be a number from 1 to 64, or `shots`".to_owned()),
        }
    }
}

impl SnapshotArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut request = self.request.read(context)?;
        let chosen = &request.options;
        if [&chosen.only, &chosen.until, &chosen.from]
            .iter()
            .any(|names| !names.is_empty())
        {
            return Err(CommandError::usage(
                "a snapshot makes what its picture needs, and nothing else",
                "leave out --only, --until and --from; --node names the render",
            ));
        }
        let node = render_of(&request.workflow, self.node.as_deref())?;
        let to = unicode(&self.place(&request, &node, &context.settings.current_dir)?)?;
        request.options.view = View {
            still: Some(Still {
                shows: self.shows(),
                width: self.width,
                to,
            }),
            ..View::default()
        };
        request.options.until = vec![node];
        request.settle(context)?;
        let ids = request.workflow.nodes().keys();
        let width = job_lines::widest(ids.map(|id| id.as_str()));
        let mut job = request.job();
        // Runs of the document compare themselves with its last run, and this is none.
        job.workflow.path = None;
        wait(execute(context, job, width))
    }

    fn shows(&self) -> StillKind {
        match self.at {
            Some(at_ms) => StillKind::Frame { at_ms },
            None => StillKind::Sheet {
                frames: match self.frames {
                    Frames::Shots => None,
                    Frames::Count(count) => Some(count),
                },
                columns: self.columns,
            },
        }
    }

    /// Where the picture goes: the file that `-o` names, or one in the folder it names.
    fn place(
        &self,
        request: &Request,
        node: &str,
        current: &Path,
    ) -> Result<PathBuf, CommandError> {
        let out = request.out_dir.as_deref().map_or(current, Path::new);
        let ending = out.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_deref().and_then(|ending| ending.to_str()) {
            Some("png" | "jpg" | "jpeg") => Ok(out.to_owned()),
            Some(ending) if !out.is_dir() => Err(CommandError::usage(
                format!("a picture cannot end in .{ending}"),
                "let -o end in .png or .jpg, or name a folder",
            )),
            _ => Ok(out.join(self.file_name(&request.workflow, node))),
        }
    }

    /// `daily-short-3.2s.png`; with the render's name where there are several.
    fn file_name(&self, workflow: &Workflow, node: &str) -> String {
        let mut name = workflow.name.clone();
        if renders(workflow).len() > 1 {
            name += &format!("-{node}");
        }
        let what = match self.at {
            Some(ms) => format!("{}s", ms as f64 / 1000.0),
            None => "sheet".to_owned(),
        };
        let plain = |c: char| if c == '/' || c.is_control() { '_' } else { c };
        format!("{name}-{what}.png").chars().map(plain).collect()
    }
}

fn renders(workflow: &Workflow) -> Vec<&str> {
    let nodes = workflow.nodes().iter();
    nodes
        .filter(|(_, node)| node.kind() == RENDERER)
        .map(|(id, _)| id.as_str())
        .collect()
}

/// The render that is meant.
fn render_of(workflow: &Workflow, wanted: Option<&str>) -> Result<String, CommandError> {
    let renders = renders(workflow);
    let error = |message: String, hint: String| CommandError::NotFound {
        message,
        hint: Some(hint),
    };
    match (wanted, renders.as_slice()) {
        (_, []) => Err(error(
            format!("workflow `{}` renders no video", workflow.name),
            format!("a node of type {RENDERER} does"),
        )),
        (None, [only]) => Ok((*only).to_owned()),
        (None, several) => Err(CommandError::usage(
            format!("the workflow renders {} videos", several.len()),
            format!("add --node with one of {}", several.join(", ")),
        )),
        (Some(node), several) if several.contains(&node) => Ok(node.to_owned()),
        (Some(node), several) => Err(error(
            format!("no node `{node}` renders a video"),
            match nearest(node, several.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("these do: {}", several.join(", ")),
            },
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_a_number_or_the_shots() {
        assert_eq!("shots".parse(), Ok(Frames::Shots));
        assert_eq!("12".parse(), Ok(Frames::Count(12)));
        for wrong in ["0", "65", "all", "-1"] {
            assert!(wrong.parse::<Frames>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_render_is_told_by_name_where_there_are_several() {
        let compiled = |nodes: &str| {
            let head = "fenta: workflow/v1\nnodes:\n  bg: { type: Input.Motion }\n  voice: { type: Voice.TTS, with: { text: Look. } }\n  \
                        cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.bg.media }}\", voice: \"${{ nodes.voice.voice }}\" } }\n";
            let source = fenta_workflows::SourceFile {
                name: "w.yaml".into(),
                text: format!("{head}{nodes}"),
            };
            fenta_workflows::compile(&source).unwrap().0
        };
        let render = |name: &str| {
            format!(
                "  {name}: {{ type: Output.Render, with: {{ timeline: \"${{{{ nodes.cut.timeline }}}}\" }} }}\n"
            )
        };
        let one = compiled(&render("tall"));
        assert_eq!(render_of(&one, None).unwrap(), "tall");
        let two = compiled(&(render("tall") + &render("wide")));
        assert!(
            render_of(&two, None)
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("tall, wide")
        );
        assert_eq!(render_of(&two, Some("wide")).unwrap(), "wide");
        let slip = render_of(&two, Some("wode")).unwrap_err();
        assert_eq!(slip.hint().unwrap(), "did you mean `wide`?");
        assert!(render_of(&compiled(""), None).is_err());
    }
}
