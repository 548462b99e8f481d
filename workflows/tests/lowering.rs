//! Whole workflows, lowered with a stand-in for the daemon: what is asked for, in which order, and what an edit
//! changes. Actions are answered with plausible facts; no file is touched.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use fenta_templates::time::{FrameRate, RationalTime};
use fenta_templates::timeline::{ColorTransfer, FontFace, MediaFacts, MediaKind, Rect};
use fenta_workflows::action::{
    Action, ActionFacts, ActionResult, BeatFacts, CaptionBox, CollectedFile, InvokeTask, Invoked,
    InvokedMedia, LayOutCaptionsRequest, MixFacts, MuxFacts, MuxRequest, PictureFacts,
    PublishedFile, SegmentFacts, SpeechFacts, SpokenWord, VerifyFacts,
};
use fenta_workflows::digest::{Digest, blob_digest};
use fenta_workflows::job_event::OutputValue;
use fenta_workflows::rerun_reason::RerunReason;
use fenta_workflows::value::{Scene, Script, Value};
use fenta_workflows::{
    JobFacts, LowerError, Lowered, NodeId, NodeKey, PathBases, Scope, SourceFile, Workflow,
    compile, library, rerun_reasons,
};

/// Everything one job did.
struct Job {
    actions: BTreeMap<String, Vec<Action>>,
    keys: BTreeMap<String, NodeKey>,
    outputs: BTreeMap<String, OutputValue>,
    nodes: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Job {
    /// Digests of a node's actions of one kind.
    fn digests(&self, node: &str, kind: &str) -> Vec<String> {
        self.actions[node]
            .iter()
            .filter(|action| action.kind() == kind)
            .map(|action| action.digest("test").to_string())
            .collect()
    }
}

fn workflow(text: &str) -> Workflow {
    let source = SourceFile {
        name: "test.yaml".into(),
        text: text.into(),
    };
    match compile(&source) {
        Ok((workflow, _)) => workflow,
        Err(found) => panic!("{}", found.render(&source, false)),
    }
}

fn scope(workflow: &Workflow, params: &[(&str, &str)]) -> Scope {
    let params = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let bases = PathBases {
        workflow_dir: "/w".into(),
        caller_dir: "/caller".into(),
    };
    Scope {
        inputs: workflow
            .bind(&params, &bases)
            .expect("the test gives inputs that fit"),
        nodes: BTreeMap::new(),
        job: JobFacts {
            id: "job_1".into(),
            date: "2026-11-22".into(),
            workflow_dir: "/w".into(),
            out_dir: "/caller".into(),
            encoder_threads: 1,
            view: fenta_workflows::view::View::default(),
        },
        item: None,
    }
}

fn run(workflow: &Workflow, mut scope: Scope) -> Result<Job, LowerError> {
    let mut job = Job {
        actions: BTreeMap::new(),
        keys: BTreeMap::new(),
        outputs: BTreeMap::new(),
        nodes: BTreeMap::new(),
    };
    for node in workflow.order() {
        let prepared = workflow.prepare(node, &scope)?;
        job.keys.insert(node.to_string(), prepared.key().clone());
        let mut actions: Vec<Action> = Vec::new();
        let outputs = loop {
            let results: Vec<ActionResult> = actions.iter().map(answer).collect();
            match prepared.lower(&results)? {
                Lowered::Actions(more) => {
                    assert!(!more.is_empty(), "{node} asks for nothing and is not done");
                    actions.extend(more);
                }
                Lowered::Outputs(outputs) => break outputs,
            }
        };
        job.actions.insert(node.to_string(), actions);
        scope.nodes.insert(node.to_string(), outputs);
    }
    job.outputs = workflow.outputs(&scope)?;
    job.nodes = scope.nodes;
    Ok(job)
}

thread_local! {
    /// What each joined file was made from, for those who read it back.
    static MUXED: RefCell<BTreeMap<Digest, MuxRequest>> = const { RefCell::new(BTreeMap::new()) };
}

fn read_back(file: Digest) -> VerifyFacts {
    let request = MUXED.with_borrow(|muxed| muxed[&file].clone());
    VerifyFacts {
        frames: request.segment_frames.iter().map(|f| u64::from(*f)).sum(),
        width: request.canvas.width,
        height: request.canvas.height,
        video_codec: Some("h264".into()),
        audio_codec: request.audio.map(|_| "aac".into()),
        av_offset_micros: 0,
    }
}

fn blob(action: &Action) -> Digest {
    blob_digest(action.digest("test").as_str().as_bytes())
}

fn answer(action: &Action) -> ActionResult {
    let made = |name: &str| BTreeMap::from([(name.to_owned(), blob(action))]);
    let (outputs, facts) = match action {
        Action::Collect(request) => {
            let one = request.max_items == 1;
            let names: &[&str] = if one {
                &["logo.png"]
            } else {
                &["a.mp4", "b.png", "c.mp4"]
            };
            let files = names
                .iter()
                .map(|name| CollectedFile {
                    name: (*name).into(),
                    path: (*name).into(),
                    digest: blob_digest(name.as_bytes()),
                })
                .collect();
            (BTreeMap::new(), ActionFacts::Collected(files))
        }
        Action::FindBeats(_) => {
            let beat = BeatFacts {
                first_us: 0,
                beat_us: 500_000,
                strength_pm: 4000,
                length_us: 30_000_000,
            };
            (BTreeMap::new(), ActionFacts::Beats(beat))
        }
        Action::ReadText(request) => {
            let text = match request.path.as_str() {
                "/w/t/mine.yaml" => "fenta: template/v1\nname: mine\nextends: ./base.yaml\n",
                "/w/t/base.yaml" => "fenta: template/v1\nname: base\nextends: quiet\n",
                _ => "Read.",
            };
            (BTreeMap::new(), ActionFacts::Text(text.to_owned()))
        }
        Action::ResolveFonts(request) => {
            let faces = request.fonts.iter().map(|font| FontFace {
                request: font.clone(),
                file: blob_digest(font.family.as_bytes()),
                index: 0,
            });
            (BTreeMap::new(), ActionFacts::Fonts(faces.collect()))
        }
        Action::Probe(request) => {
            let image = request.name.ends_with(".png");
            (BTreeMap::new(), ActionFacts::Media(media(image)))
        }
        Action::Speak(request) => (made("audio"), ActionFacts::Speech(speech(&request.text))),
        Action::TakeSpeech(request) => {
            let pieces = request.pieces.iter();
            let texts: Vec<&str> = pieces.map(|piece| piece.text.as_str()).collect();
            (made("audio"), ActionFacts::Speech(speech(&texts.join(" "))))
        }
        Action::ExtractSpeech(_) => (made("audio"), ActionFacts::Speech(speech(""))),
        Action::AlignWords(request) => {
            (BTreeMap::new(), ActionFacts::Speech(speech(&request.text)))
        }
        Action::FindSubject(_) => (
            BTreeMap::new(),
            ActionFacts::Subject(fenta_templates::timeline::SubjectPath::default()),
        ),
        Action::ComposeMusic(_) => (made("audio"), ActionFacts::None),
        Action::RenderSegment(request) => (
            made("video"),
            ActionFacts::Segment(SegmentFacts {
                frames: request.segment.frames,
                bytes: 1000,
                view: None,
            }),
        ),
        Action::Mix(request) => (
            made("audio"),
            ActionFacts::Mix(MixFacts {
                samples: request.plan.duration.value as u64,
                integrated_clufs: -1402,
                true_peak_cdb: -120,
                silent: Vec::new(),
            }),
        ),
        Action::Mux(request) => {
            MUXED.with_borrow_mut(|muxed| muxed.insert(blob(action), request.clone()));
            let frames = request.segment_frames.iter().map(|f| u64::from(*f)).sum();
            (
                made("video"),
                ActionFacts::Mux(MuxFacts {
                    frames,
                    duration_ms: frames * 1000 / 30,
                    bytes: 5000,
                }),
            )
        }
        Action::Verify(request) => (
            BTreeMap::new(),
            ActionFacts::Verify(read_back(request.file)),
        ),
        Action::Snapshot(_) => (made("image"), ActionFacts::Picture(PictureFacts::default())),
        Action::LayOutCaptions(request) => (BTreeMap::new(), boxes(request)),
        Action::Write(_) => (made("file"), ActionFacts::None),
        Action::Publish(request) => {
            let files = request.items.iter().map(|item| PublishedFile {
                path: item.to.clone(),
                digest: item.source,
                written: true,
            });
            (BTreeMap::new(), ActionFacts::Published(files.collect()))
        }
        Action::Invoke(request) => told(&request.task),
    };
    ActionResult { outputs, facts }
}

/// Every word in a box of its own.
fn boxes(request: &LayOutCaptionsRequest) -> ActionFacts {
    let cues = request.captions.cues.iter().enumerate();
    let boxes = cues.flat_map(|(cue, one)| {
        (0..one.words.len()).map(move |word| CaptionBox {
            cue: cue as u32,
            word: word as u32,
            rect: Rect {
                x: 100 * word as i32,
                y: 1000,
                w: 90,
                h: 80,
            },
            rtl: false,
        })
    });
    ActionFacts::CaptionBoxes(boxes.collect())
}

/// What a provider would say.
fn told(task: &InvokeTask) -> (BTreeMap<String, Digest>, ActionFacts) {
    let scene = |id: &str, text: &str, visual: &str| Scene {
        visual: vec![visual.to_owned()],
        ..Scene::new(id, text)
    };
    let mut blobs = BTreeMap::new();
    let invoked = match task {
        InvokeTask::WriteScript(task) => Invoked::Scripts(vec![Script {
            title: "Bees".into(),
            language: task.language.clone(),
            scenes: vec![
                scene("a", "Bees can dance well.", "bees on comb"),
                scene("b", "The dance is a map.", "old map"),
            ],
        }]),
        InvokeTask::RewriteScript(task) => Invoked::Scripts(vec![Script {
            language: task.language.clone(),
            ..task.script.clone()
        }]),
        InvokeTask::TranslateCaptions(task) => Invoked::Captions(task.captions.clone()),
        InvokeTask::FindStock(task) => {
            let name = format!("{}.mp4", task.queries[0]);
            blobs.insert("clip".to_owned(), blob_digest(name.as_bytes()));
            Invoked::Media(vec![InvokedMedia {
                output: "clip".into(),
                name,
                facts: Some(media(false)),
                credit: None,
            }])
        }
        InvokeTask::CallWebhook(_) => Invoked::Status(204),
        other => panic!("no provider answers to {other:?} in this test"),
    };
    (blobs, ActionFacts::Invoked(Box::new(invoked)))
}

fn media(image: bool) -> MediaFacts {
    MediaFacts {
        kind: if image {
            MediaKind::Image
        } else {
            MediaKind::Video
        },
        container: "x".into(),
        video_codec: Some("h264".into()),
        width: 1920,
        height: 1080,
        rotation: 0,
        mirrored: false,
        frame_rate: (!image).then(|| FrameRate::whole(30)),
        duration: (!image).then(|| RationalTime::millis(12_000)),
        interlaced: false,
        transfer: ColorTransfer::Sdr,
        alpha: false,
        audio_codec: None,
        audio_channels: 0,
        audio_rate: 0,
        audio_start: None,
        warnings: Vec::new(),
    }
}

/// A third of a second per word; longer words take a little longer.
fn speech(text: &str) -> SpeechFacts {
    let mut at = 2000;
    let words: Vec<SpokenWord> = text
        .split_whitespace()
        .map(|word| {
            let start = at;
            at += 12_000 + 800 * word.len() as u64;
            SpokenWord {
                text: word.into(),
                start,
                end: at - 1000,
            }
        })
        .collect();
    SpeechFacts {
        sample_rate: 48_000,
        samples: at + 2000,
        words,
        rung: Default::default(),
    }
}

fn daily(params: &[(&str, &str)]) -> Job {
    let workflow = workflow(library::find("daily-short").expect("it ships"));
    let scope = scope(&workflow, params);
    run(&workflow, scope).unwrap_or_else(|error| panic!("{error}: {}", error.hint))
}

#[test]
fn the_daily_short_lowers_to_the_end() {
    let job = daily(&[]);
    let kinds =
        |node: &str| -> BTreeSet<&str> { job.actions[node].iter().map(Action::kind).collect() };
    assert_eq!(kinds("voice"), BTreeSet::from(["speak"]));
    assert_eq!(kinds("music"), BTreeSet::from(["compose_music"]));
    assert_eq!(
        kinds("cut"),
        BTreeSet::from(["collect", "probe", "resolve_fonts"])
    );
    assert_eq!(
        kinds("render"),
        BTreeSet::from([
            "lay_out_captions",
            "mix",
            "mux",
            "render_segment",
            "verify",
            "write"
        ])
    );
    assert_eq!(
        job.outputs["video"],
        OutputValue::Text("/caller/out/daily-short.mp4".into())
    );
    let published: Vec<String> = match job.actions["save"].as_slice() {
        [Action::Publish(request)] => request.items.iter().map(|i| i.to.clone()).collect(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        published,
        [
            "/caller/out/daily-short.mp4",
            "/caller/out/daily-short.srt",
            "/caller/out/daily-short.jpg"
        ]
    );
    let Action::Collect(logo) = &job.actions["cut"][0] else {
        panic!("the logo is collected first")
    };
    assert_eq!(logo.path, "/w/assets/logo.png");
    match &job.nodes["render"]["report"] {
        Value::Record(report) => assert_eq!(report["lufs"], Value::Float(-14.02)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_footage_short_lowers_to_the_end() {
    let workflow = workflow(library::find("footage-short").unwrap());
    let scope = scope(&workflow, &[("clips", "holiday")]);
    let job = run(&workflow, scope).unwrap_or_else(|error| panic!("{error}: {}", error.hint));
    let Action::Collect(clips) = &job.actions["footage"][0] else {
        panic!("the folder is collected first")
    };
    assert_eq!(clips.path, "/caller/holiday");
    assert!(job.digests("render", "render_segment").len() > 4);
}

#[test]
fn the_same_job_asks_for_the_same_actions() {
    let (one, two) = (daily(&[]), daily(&[]));
    assert_eq!(one.actions, two.actions);
    for (node, key) in &one.keys {
        assert!(
            rerun_reasons(Some(key), &two.keys[node]).is_empty(),
            "{node}"
        );
    }
}

#[test]
fn one_changed_word_changes_one_recording_and_few_segments() {
    let text = library::find("daily-short").unwrap();
    let edited = text.replace("Its blood is blue", "Its blood looks blue");
    assert_ne!(text, edited);
    let before = daily(&[]);
    let changed = workflow(&edited);
    let after = run(&changed, scope(&changed, &[])).unwrap();

    let new = |node: &str, kind: &str| {
        let known: BTreeSet<String> = before.digests(node, kind).into_iter().collect();
        let now = after.digests(node, kind);
        let new = now.iter().filter(|digest| !known.contains(*digest)).count();
        (new, now.len())
    };
    assert_eq!(new("voice", "speak").0, 1);
    let (segments, all) = new("render", "render_segment");
    assert!(
        segments >= 1 && segments * 3 < all,
        "{segments} of {all} segments are new"
    );
    assert_eq!(new("music", "compose_music").0, 0);

    let reasons = rerun_reasons(Some(&before.keys["voice"]), &after.keys["voice"]);
    assert!(
        matches!(reasons.as_slice(), [RerunReason::Param { key, .. }] if key == "text"),
        "{reasons:?}"
    );
    let reasons = rerun_reasons(Some(&before.keys["captions"]), &after.keys["captions"]);
    let texts: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1);
    assert!(
        texts[0].starts_with("input voice changed at scenes[") && texts[0].ends_with("from voice"),
        "{texts:?}"
    );
}

// spec: W-56
#[test]
fn the_date_is_part_of_a_key_only_where_it_is_used() {
    let workflow = workflow(
        "fenta: workflow/v1\nnodes:\n  a: { type: Input.Text, with: { text: x } }\n  \
         b: { type: Input.Text, with: { text: \"${{ job.date }} ${{ nodes.a.text }}\" } }\n\
         outputs: { b: \"${{ nodes.b.text }}\" }\n",
    );
    let mut tomorrow = scope(&workflow, &[]);
    tomorrow.job.date = "2026-11-23".into();
    tomorrow.job.id = "job_2".into();
    tomorrow.job.out_dir = "/else".into();
    let one = run(&workflow, scope(&workflow, &[])).unwrap();
    let two = run(&workflow, tomorrow).unwrap();
    assert_eq!(one.keys["a"], two.keys["a"]);
    assert_ne!(one.keys["b"], two.keys["b"]);
    assert_eq!(one.outputs["b"], OutputValue::Text("2026-11-22 x".into()));
}

#[test]
fn a_draft_is_smaller_and_keeps_its_length() {
    let text = library::find("daily-short").unwrap();
    let draft = workflow(&text.replace("      # profile: draft", "      profile: draft"));
    let job = run(&draft, scope(&draft, &[])).unwrap();
    let (mut frames, full) = (0, daily(&[]));
    for action in &job.actions["render"] {
        if let Action::RenderSegment(request) = action {
            assert_eq!(request.segment.canvas.width, 360);
            assert_eq!(request.encoding.preset, "ultrafast");
            frames += i64::from(request.segment.frames);
        }
    }
    let Value::Timeline(timeline) = &full.nodes["cut"]["timeline"] else {
        panic!("the cut is a timeline")
    };
    assert_eq!(frames, timeline.duration.value);
}

#[test]
fn covers_have_no_captions_and_lie_in_the_video() {
    let job = daily(&[]);
    let [Action::Snapshot(cover)] = job.actions["cover"].as_slice() else {
        panic!("one snapshot is taken")
    };
    assert!(cover.segment.captions.is_none());
    assert!(cover.frame < cover.segment.frames);
    assert!(
        !cover.segment.overlays.is_empty(),
        "the title should be on the cover"
    );
}

// spec: W-40
#[test]
fn failures_name_the_parameter_and_the_value() {
    let check = |with: &str, part: &str| {
        let workflow = workflow(&format!(
            "fenta: workflow/v1\ninputs:\n  n: {{ type: int, default: 999 }}\n  t: {{ type: text, default: '' }}\nnodes:\n  \
             a: {{ type: Input.Motion, with: {with} }}\noutputs: {{ n: \"${{{{ len(nodes.a.media) }}}}\" }}\n"
        ));
        let error = match run(&workflow, scope(&workflow, &[])) {
            Err(error) => error,
            Ok(_) => panic!("{with} is accepted"),
        };
        assert!(error.message.contains(part), "{error}");
    };
    check(
        "{ count: \"${{ inputs.n }}\" }",
        "parameter `count`: 999 is out of range",
    );
    check("{ palette: \"${{ inputs.t }}\" }", "parameter `palette`");
    check(
        "{ count: \"${{ 1 / (inputs.n - 999) }}\" }",
        "parameter `count`",
    );
    check(
        "{ count: \"${{ len(truncate('a', 1 - inputs.n)) }}\" }",
        "`truncate` takes a whole number from 0 as `length`, not -998",
    );
}

// spec: W-28
#[test]
fn values_are_never_read_for_expressions_again() {
    let workflow = workflow(
        "fenta: workflow/v1\ninputs: { t: text }\nnodes:\n  a: { type: Input.Text, with: { text: \"${{ inputs.t }} ok\" } }\n\
         outputs: { a: \"${{ nodes.a.text }}\" }\n",
    );
    let scope = scope(&workflow, &[("t", "${{ job.id }}")]);
    let prepared = workflow.prepare(&NodeId::new("a"), &scope).unwrap();
    assert_eq!(
        prepared.params()["text"],
        Value::Text("${{ job.id }} ok".into())
    );
}

#[test]
fn a_template_of_ones_own_is_read_and_its_mistakes_are_told() {
    let workflow = workflow(
        "fenta: workflow/v1\nnodes:\n  m: { type: Input.Motion }\n  cut: { type: Edit.Timeline, with: { template: \
         ./mine.yaml, clips: \"${{ nodes.m.media }}\" } }\noutputs: { s: \"${{ nodes.cut.seconds }}\" }\n",
    );
    let error = match run(&workflow, scope(&workflow, &[])) {
        Err(error) => error,
        Ok(_) => panic!("a text that is no template is accepted"),
    };
    assert!(
        error.message.contains("the template ./mine.yaml"),
        "{error}"
    );
}

#[test]
fn templates_of_ones_own_may_build_on_each_other() {
    let workflow = workflow(
        "fenta: workflow/v1\nnodes:\n  m: { type: Input.Motion }\n  v: { type: Voice.TTS, with: { text: Bees dance \
         every day. } }\n  cut: { type: Edit.Timeline, with: { template: t/mine.yaml, clips: \"${{ nodes.m.media }}\", \
         voice: \"${{ nodes.v.voice }}\" } }\noutputs: { s: \"${{ nodes.cut.seconds }}\" }\n",
    );
    let job = match run(&workflow, scope(&workflow, &[])) {
        Ok(job) => job,
        Err(error) => panic!("{error}"),
    };
    let read: Vec<&str> = job.actions["cut"]
        .iter()
        .filter_map(|action| match action {
            Action::ReadText(request) => Some(request.path.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(read, ["/w/t/mine.yaml", "/w/t/base.yaml"]);
    assert!(
        matches!(&job.nodes["cut"]["timeline"], Value::Timeline(cut) if cut.template.name == "mine")
    );
}

// spec: W-23
#[test]
fn inputs_are_checked_all_at_once() {
    let workflow = workflow(library::find("daily-short").unwrap());
    let params = BTreeMap::from([
        ("mod".to_owned(), "calm".to_owned()),
        ("palette".to_owned(), "sunst".to_owned()),
        ("accent".to_owned(), "red".to_owned()),
    ]);
    let bases = PathBases {
        workflow_dir: "/w".into(),
        caller_dir: "/c".into(),
    };
    let errors: Vec<String> = workflow
        .bind(&params, &bases)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].contains("`mood`"), "{errors:?}");
    assert!(
        errors.iter().any(|error| error.contains("`sunset`")),
        "{errors:?}"
    );
}

#[test]
fn a_mix_leads_a_cut_with_its_own_rules() {
    let job = run_text(
        "fenta: workflow/v1\nnodes:\n  \
         motion: { type: Input.Motion }\n  \
         voice: { type: Voice.TTS, with: { text: Bees can dance well. The dance is a map. } }\n  \
         bed: { type: Input.Music, with: { min_duration: \"${{ duration(nodes.voice.seconds + 2) }}\" } }\n  \
         mix: { type: Audio.Mix, with: { voice: \"${{ nodes.voice.audio }}\", words: \"${{ nodes.voice.words }}\", music: \"${{ nodes.bed.audio }}\", ducking: accessible, loudness: -16 } }\n  \
         captions: { type: Subtitle.Auto, with: { audio: \"${{ nodes.mix.audio }}\" } }\n  \
         cut: { type: Edit.Timeline, with: { template: quiet, clips: \"${{ nodes.motion.media }}\", audio: \"${{ nodes.mix.audio }}\", captions: \"${{ nodes.captions.captions }}\" } }\n  \
         render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\", name: bees } }\n  \
         save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: out/, sidecars: [srt, vtt, ass, words, json], overwrite: suffix } }\n\
         outputs: { lufs: \"${{ nodes.mix.loudness.lufs }}\", path: \"${{ nodes.save.path }}\" }\n",
    );
    let mix = |node: &str| {
        job.actions[node]
            .iter()
            .find_map(|action| match action {
                Action::Mix(request) => Some(request.plan.clone()),
                _ => None,
            })
            .expect("the node mixes")
    };
    let (alone, cut) = (mix("mix"), mix("render"));
    for plan in [&alone, &cut] {
        assert_eq!(plan.ducking.depth_mb, -2000);
        assert_eq!(plan.loudness.integrated_clufs, -1600);
        assert_eq!(plan.voice.len(), 2);
    }
    assert!(
        cut.duration.value > alone.duration.value,
        "a cut has a tail"
    );
    let Some(Action::Publish(publish)) = job.actions["save"].last() else {
        panic!("the node publishes")
    };
    let names: Vec<&str> = publish
        .items
        .iter()
        .map(|item| item.to.rsplit('/').next().unwrap_or_default())
        .collect();
    assert_eq!(
        names,
        [
            "bees.mp4",
            "bees.srt",
            "bees.vtt",
            "bees.ass",
            "bees.words.json",
            "bees.json"
        ]
    );
    let written = |ending: &str| {
        job.actions["render"]
            .iter()
            .find_map(|action| match action {
                Action::Write(request) if request.name.ends_with(ending) => {
                    Some(request.text.clone())
                }
                _ => None,
            })
            .expect("the node writes it")
    };
    let words = written(".words.json");
    for part in [
        "\"text\": \"Bees\"",
        "\"boxes\": [",
        "\"lit_until_frame\": ",
    ] {
        assert!(words.contains(part), "{words}");
    }
    assert!(written(".ass").contains("\nDialogue: 0,0:00:00."));
    assert_eq!(job.outputs["lufs"], OutputValue::Number(-14.02));
}

#[test]
fn a_model_writes_a_library_is_searched_and_an_address_is_told() {
    let job = run_text(
        "fenta: workflow/v1\nproviders: { llm: [\"ollama:qwen3:8b\"] }\nnodes:\n  \
         script: { type: Script.Generate, with: { brief: Bees, duration: 20s } }\n  \
         german: { type: Script.Transform, with: { script: \"${{ nodes.script.script }}\", mode: translate, language: de } }\n  \
         clip: { type: Input.Stock, with: { query: \"${{ nodes.script.scenes[1].visual }}\", provider: pexels, min_duration: \"${{ duration(nodes.script.scenes[1].seconds + 0.5) }}\" } }\n  \
         voice: { type: Voice.TTS, with: { script: \"${{ nodes.german.script }}\" } }\n  \
         cut: { type: Edit.Timeline, with: { template: footage, clips: \"${{ nodes.clip.media }}\", audio: \"${{ nodes.voice.audio }}\" } }\n  \
         tell: { type: Output.Webhook, with: { url: \"https://example.org/h\", data: { seconds: \"${{ nodes.cut.seconds }}\" } } }\n\
         outputs: { status: \"${{ nodes.tell.status }}\" }\n",
    );
    let asked = |node: &str| match job.actions[node].as_slice() {
        [Action::Invoke(request)] => (**request).clone(),
        other => panic!("{node}: {other:?}"),
    };
    assert_eq!(asked("script").models[0].to_string(), "ollama:qwen3:8b");
    let InvokeTask::FindStock(search) = asked("clip").task else {
        panic!("stock is searched")
    };
    assert_eq!(search.queries, ["old map"]);
    assert_eq!(search.min_duration_ms, 2300);
    // German is spoken by the other engine.
    assert!(
        job.actions["voice"].iter().all(
            |action| matches!(action, Action::Speak(request) if request.engine == "espeak-ng")
        )
    );
    assert_eq!(job.outputs["status"], OutputValue::Whole(204));
}

#[test]
fn the_models_a_document_names_are_part_of_a_nodes_key() {
    let key = |providers: &str| {
        let text = format!(
            "fenta: workflow/v1\n{providers}nodes:\n  s: {{ type: Script.Generate, with: {{ brief: Bees }} }}\n\
             outputs: {{ t: \"${{{{ nodes.s.title }}}}\" }}\n"
        );
        let workflow = workflow(&text);
        let scope = scope(&workflow, &[]);
        let node = workflow.order()[0].clone();
        workflow
            .prepare(&node, &scope)
            .expect("it is ready")
            .key()
            .clone()
    };
    let (one, two) = (
        key("providers: { llm: ollama }\n"),
        key("providers: { llm: \"ollama:qwen3:8b\" }\n"),
    );
    let reasons: Vec<String> = rerun_reasons(Some(&one), &two)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        reasons,
        ["param providers [\"ollama\"] -> [\"ollama:qwen3:8b\"]"]
    );
    assert!(!key("").params.contains_key("providers"));
}

fn run_text(text: &str) -> Job {
    let workflow = workflow(text);
    let scope = scope(&workflow, &[]);
    run(&workflow, scope).unwrap_or_else(|error| panic!("{error} ({})", error.hint))
}
