//! From jobs to a finished file: segments are drawn, encoded, joined, and the result is measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fenta_render::decode::{Care, FrameReader};
use fenta_render::job::perform_run;
use fenta_render::picture::{Picture, Yuv};
use fenta_render::probe::probe;
use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, TimeRange};
use fenta_templates::timeline::{
    Canvas, Clip, CoverSpec, Effects, ExternalReference, Fill, Generator, Look, MediaKind,
    MediaReference, SegmentShot, SegmentSpec, SegmentTransition, StillFormat, TransitionKind,
};
use fenta_workflows::action::{
    Action, ActionFacts, MuxRequest, RenderSegmentRequest, VideoEncoding,
};
use fenta_workflows::worker::{FailureClass, WorkerEvent, WorkerFailure, WorkerJob};

use crate::bench::Bench;

const CANVAS: Canvas = Canvas {
    width: 180,
    height: 320,
    frame_rate: FrameRate::whole(30),
    background: Color::rgb(20, 30, 40),
};

impl Bench {
    fn render(&mut self, segment: SegmentSpec) -> PathBuf {
        self.try_render(segment, encoding()).unwrap().0
    }

    fn try_render(
        &mut self,
        segment: SegmentSpec,
        encoding: VideoEncoding,
    ) -> Result<(PathBuf, ActionFacts), WorkerFailure> {
        self.perform(Action::RenderSegment(Box::new(RenderSegmentRequest {
            segment,
            fonts: Vec::new(),
            encoding,
        })))
    }

    fn mux(
        &mut self,
        segments: &[PathBuf],
        frames: &[u32],
    ) -> Result<(PathBuf, ActionFacts), WorkerFailure> {
        let segments = segments.iter().map(|path| self.keep(path)).collect();
        self.perform(Action::Mux(MuxRequest {
            canvas: CANVAS,
            segments,
            segment_frames: frames.to_vec(),
            audio: None,
            title: "Two halves: it's a test".to_owned(),
            comment: String::new(),
            container: fenta_workflows::action::Container::default(),
        }))
    }
}

fn encoding() -> VideoEncoding {
    VideoEncoding {
        encoder: "libx264".to_owned(),
        preset: "veryfast".to_owned(),
        crf: 16,
        max_rate_kbps: 12_000,
        gop: 30,
        b_frames: 2,
        threads: 1,
        alpha: false,
        draft: false,
    }
}

fn range(start: i64, frames: i64) -> TimeRange {
    TimeRange::from_units(start, start + frames, CANVAS.frame_rate)
}

fn look(look: Look, color: Color) -> MediaReference {
    MediaReference::Generator(Generator {
        look,
        seed: 11,
        palette: vec![color, Color::rgb(90, 40, 160), Color::rgb(240, 120, 90)],
    })
}

fn clip(media: MediaReference, start: i64, frames: i64) -> Clip {
    Clip {
        name: String::new(),
        media,
        source_range: range(start, frames),
        fill: Fill::Crop,
        motion: None,
        effects: Effects::default(),
    }
}

fn shot(clip: Clip, transition: Option<SegmentTransition>) -> SegmentSpec {
    SegmentSpec {
        canvas: CANVAS,
        frames: clip.source_range.duration.value as u32,
        shot: Some(SegmentShot {
            clip,
            elapsed: 0,
            transition,
        }),
        overlays: Vec::new(),
        captions: None,
    }
}

fn frames(path: &Path) -> Vec<(i64, Picture)> {
    let mut reader = FrameReader::open(path, Care::Whole).unwrap();
    let mut frames = Vec::new();
    while let Some(timed) = reader.next_frame().unwrap() {
        frames.push((timed.micros, Picture::from_frame(&timed.frame).unwrap()));
    }
    frames
}

fn difference(a: &Picture, b: &Picture) -> f64 {
    let (a, b) = (&a.planes[0].data, &b.planes[0].data);
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(a.abs_diff(*b)))
        .sum::<f64>()
        / a.len() as f64
}

/// A white bar on black that stands at column `2 * n` in frame `n`: every frame can be told from its neighbours.
fn moving_bar(bench: &mut Bench) -> MediaReference {
    let mut pictures = Vec::new();
    for frame in 0..60usize {
        let mut picture = Picture::filled(180, 320, Yuv::BLACK);
        for y in 0..320 {
            picture.planes[0].row_mut(y)[2 * frame..2 * frame + 20].fill(235);
        }
        pictures.push(picture);
    }
    let path = bench.folder.path().join("bar.mp4");
    write_film(&path, &pictures);
    let source = bench.keep(&path);
    MediaReference::External(ExternalReference {
        source,
        facts: probe(&path).unwrap(),
    })
}

fn write_film(path: &Path, pictures: &[Picture]) {
    use fenta_render::ffi_encoder::{EncoderSetup, VideoEncoder};
    use fenta_render::ffi_frame::Frame;
    use fenta_render::ffi_output::Output;
    use fenta_render::ffi_packet::Packet;
    let mut encoder = VideoEncoder::open(&EncoderSetup {
        encoder: c"libx264",
        width: 180,
        height: 320,
        rate: CANVAS.frame_rate,
        threads: 1,
        pixels: fenta_render::ffi_encoder::Pixels::Yuv420,
        quantiser: None,
        max_rate: 0,
        gop: 12,
        b_frames: 2,
        options: vec![(c"crf", "10".to_owned())],
    })
    .unwrap();
    let mut output = Output::create(path, c"mp4").unwrap();
    let stream = output.add_encoder(&encoder).unwrap();
    output.write_header(&[]).unwrap();
    let mut packet = Packet::empty().unwrap();
    for index in 0..=pictures.len() {
        match pictures.get(index) {
            Some(picture) => {
                let mut frame = Frame::yuv420p(180, 320, false).unwrap();
                picture.write_to(&mut frame).unwrap();
                frame.tag_bt709();
                frame.set_timestamp(index as i64);
                encoder.send(Some(&frame)).unwrap();
            }
            None => encoder.send(None).unwrap(),
        }
        while encoder.receive(&mut packet).unwrap() {
            let (pts, dts) = (packet.pts().unwrap(), packet.dts().unwrap());
            packet.address(stream, pts, dts, 1);
            output.write(&mut packet, stream, (1, 30)).unwrap();
        }
    }
    output.finish().unwrap();
}

/// The column of the bar's left edge.
fn bar_at(picture: &Picture) -> usize {
    let row = picture.planes[0].row(100);
    row.iter().position(|y| *y > 125).unwrap()
}

#[test]
fn a_job_gives_the_same_bytes_every_time() {
    let mut bench = Bench::new();
    let segment = shot(clip(look(Look::Bokeh, Color::BLACK), 40, 20), None);
    let first = bench.render(segment.clone());
    let second = bench.render(segment);
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap());
}

#[test]
fn joined_segments_are_the_uncut_film() {
    let mut bench = Bench::new();
    let gradient = |start, frames| {
        shot(
            clip(look(Look::Gradient, Color::BLACK), start, frames),
            None,
        )
    };
    let whole = bench.render(gradient(0, 41));
    let parts = [
        bench.render(gradient(0, 24)),
        bench.render(gradient(24, 17)),
    ];
    let (film, facts) = bench.mux(&parts, &[24, 17]).unwrap();
    let ActionFacts::Mux(facts) = facts else {
        panic!("{facts:?}");
    };
    assert_eq!((facts.frames, facts.duration_ms), (41, 1366));
    assert_eq!(facts.bytes, fs::metadata(&film).unwrap().len());

    let (joined, uncut) = (frames(&film), frames(&whole));
    assert_eq!(joined.len(), 41);
    for (index, ((at, picture), (_, other))) in joined.iter().zip(&uncut).enumerate() {
        let exact = index as f64 * 1e6 / 30.0;
        assert!((*at as f64 - exact).abs() < 100.0, "frame {index} at {at}");
        assert!(difference(picture, other) < 1.5, "frame {index}");
    }
}

#[test]
fn the_file_is_what_platforms_accept() {
    let mut bench = Bench::new();
    let part = bench.render(shot(clip(look(Look::Waves, Color::BLACK), 0, 12), None));
    let (film, _) = bench.mux(&[part], &[12]).unwrap();
    let bytes = fs::read(&film).unwrap();
    let find = |atom: &[u8]| bytes.windows(4).position(|window| window == atom);
    assert_eq!(&bytes[4..12], b"ftypmp42");
    assert!(find(b"elst").is_none(), "an edit list");
    assert!(
        find(b"moov").unwrap() < find(b"mdat").unwrap(),
        "the index comes late"
    );
    assert!(find(b"Lavf").is_none(), "the muxer signed the file");
    let title = b"Two halves: it's a test";
    assert!(bytes.windows(title.len()).any(|window| window == title));
    let facts = probe(&film).unwrap();
    assert_eq!(
        (facts.kind, facts.width, facts.height),
        (MediaKind::Video, 180, 320)
    );
    assert_eq!(facts.frame_rate, Some(FrameRate::whole(30)));
    assert_eq!(facts.duration.unwrap().to_millis(), 400);
}

#[test]
fn wrong_frame_counts_are_noticed() {
    let mut bench = Bench::new();
    let part = bench.render(shot(clip(look(Look::Solid, Color::BLACK), 0, 6), None));
    for claimed in [5, 7] {
        let failure = bench
            .mux(std::slice::from_ref(&part), &[claimed])
            .unwrap_err();
        assert_eq!(failure.class, FailureClass::Internal, "{}", failure.message);
    }
    assert!(
        bench.mux(&[part], &[6, 6]).is_err(),
        "lengths and segments differ in number"
    );
}

#[test]
fn a_run_gives_each_segment_the_bytes_it_has_alone() {
    let mut bench = Bench::new();
    let segments: Vec<SegmentSpec> = [Look::Waves, Look::Solid, Look::Bokeh]
        .into_iter()
        .enumerate()
        .map(|(index, look_of)| {
            let clip = clip(look(look_of, Color::rgb(20, 90, 160)), 0, 20 + index as i64);
            shot(clip, None)
        })
        .collect();
    let alone: Vec<Vec<u8>> = segments
        .iter()
        .map(|segment| fs::read(bench.render(segment.clone())).unwrap())
        .collect();
    let out = bench.folder.path().join("run");
    for index in 0..segments.len() {
        fs::create_dir_all(out.join(index.to_string())).unwrap();
    }
    let mut actions: Vec<Action> = segments
        .into_iter()
        .map(|segment| {
            Action::RenderSegment(Box::new(RenderSegmentRequest {
                segment,
                fonts: Vec::new(),
                encoding: encoding(),
            }))
        })
        .collect();
    let job = WorkerJob {
        action: actions.remove(0),
        then: actions,
        blobs: BTreeMap::new(),
        output_dir: out.to_str().unwrap().to_owned(),
        parent: None,
    };
    let mut frames = Vec::new();
    perform_run(&job, &mut |event| {
        if let WorkerEvent::Done {
            facts: ActionFacts::Segment(facts),
            ..
        } = event
        {
            frames.push(facts.frames);
        }
    })
    .unwrap();
    assert_eq!(frames, [20, 21, 22]);
    for (index, alone) in alone.iter().enumerate() {
        let together = fs::read(out.join(index.to_string()).join("segment.bin")).unwrap();
        assert!(together == *alone, "segment {index}");
    }
    let wrong = WorkerJob {
        then: vec![Action::ReadText(fenta_workflows::action::ReadTextRequest {
            path: "/x".into(),
        })],
        ..job
    };
    let failure = perform_run(&wrong, &mut |_| ()).unwrap_err();
    assert!(failure.message.contains("`read_text` cannot be part"));
}

#[test]
fn segments_of_other_parameters_are_not_joined() {
    let mut bench = Bench::new();
    let solid = || shot(clip(look(Look::Solid, Color::BLACK), 0, 6), None);
    let one = bench.render(solid());
    let other = VideoEncoding {
        b_frames: 0,
        preset: "medium".to_owned(),
        ..encoding()
    };
    let (two, _) = bench.try_render(solid(), other).unwrap();
    let failure = bench.mux(&[one, two], &[6, 6]).unwrap_err();
    assert!(
        failure.message.contains("different parameters"),
        "{}",
        failure.message
    );
}

#[test]
fn every_output_frame_shows_its_source_frame() {
    let mut bench = Bench::new();
    let bar = moving_bar(&mut bench);
    for start in [0, 7, 35] {
        let path = bench.render(shot(clip(bar.clone(), start, 10), None));
        for (index, (_, picture)) in frames(&path).iter().enumerate() {
            let expected = 2 * (start as usize + index);
            assert!(
                bar_at(picture).abs_diff(expected) <= 1,
                "start {start}, frame {index}"
            );
        }
    }
}

#[test]
fn the_last_frame_holds_when_the_source_ends() {
    let mut bench = Bench::new();
    let bar = moving_bar(&mut bench);
    let path = bench.render(shot(clip(bar.clone(), 55, 12), None));
    let places: Vec<usize> = frames(&path)
        .iter()
        .map(|(_, picture)| bar_at(picture))
        .collect();
    assert_eq!(places.len(), 12);
    assert!(places[0].abs_diff(110) <= 1 && places[4].abs_diff(118) <= 1);
    assert!(
        places[4..].iter().all(|at| at.abs_diff(118) <= 1),
        "{places:?}"
    );
    let beyond = bench.render(shot(clip(bar, 5000, 3), None));
    assert!(
        frames(&beyond)
            .iter()
            .all(|(_, picture)| bar_at(picture).abs_diff(118) <= 1)
    );
}

#[test]
fn a_fade_goes_from_the_old_shot_to_the_new_one() {
    let mut bench = Bench::new();
    let white = clip(look(Look::Solid, Color::WHITE), 0, 20);
    let black = clip(look(Look::Solid, Color::BLACK), 0, 20);
    let fade = SegmentTransition {
        kind: TransitionKind::Fade,
        frames: 20,
        offset: 10,
        from: white,
        from_elapsed: 0,
    };
    let path = bench.render(shot(black, Some(fade)));
    let luma: Vec<u8> = frames(&path)
        .iter()
        .map(|(_, picture)| picture.planes[0].data[5000])
        .collect();
    // Half of the blend is over: from the middle down to black, which stays.
    assert!(luma[0].abs_diff(120) <= 3, "{luma:?}");
    assert!(luma[..10].is_sorted_by(|a, b| a > b), "{luma:?}");
    assert!(luma[10..].iter().all(|y| *y <= 17), "{luma:?}");
}

#[test]
fn a_gap_shows_the_background() {
    let mut bench = Bench::new();
    let mut segment = shot(clip(look(Look::Solid, Color::WHITE), 0, 3), None);
    segment.shot = None;
    let path = bench.render(segment);
    let Yuv(expected) = Yuv::from(CANVAS.background);
    let (_, picture) = &frames(&path)[1];
    assert!(picture.planes[0].data[777].abs_diff(expected[0]) <= 1);
}

#[test]
fn a_cover_is_a_jpeg_of_the_frame() {
    let mut bench = Bench::new();
    let bar = moving_bar(&mut bench);
    let cover = |frame, quality| {
        Action::Snapshot(Box::new(CoverSpec {
            segment: shot(clip(bar.clone(), 10, 20), None),
            frame,
            fonts: Vec::new(),
            quality,
            format: StillFormat::Jpeg,
        }))
    };
    let (path, _) = bench.perform(cover(15, 90)).unwrap();
    let facts = probe(&path).unwrap();
    assert_eq!(
        (facts.kind, facts.width, facts.height),
        (MediaKind::Image, 180, 320)
    );
    let mut reader = FrameReader::open(&path, Care::Whole).unwrap();
    let shown = Picture::from_frame(&reader.next_frame().unwrap().unwrap().frame).unwrap();
    assert!(bar_at(&shown).abs_diff(50) <= 1, "frame 25 of the film");
    assert!(bench.perform(cover(20, 90)).is_err(), "beyond the segment");
    assert!(bench.perform(cover(0, 0)).is_err(), "no such quality");
}

#[test]
fn what_cannot_be_encoded_is_refused_by_name() {
    let mut bench = Bench::new();
    let solid = || shot(clip(look(Look::Solid, Color::BLACK), 0, 2), None);
    let with = |change: fn(&mut VideoEncoding)| {
        let mut encoding = encoding();
        change(&mut encoding);
        encoding
    };
    for (encoding, word) in [
        (with(|e| e.encoder = "h264_nvenc".to_owned()), "h264_nvenc"),
        (with(|e| e.preset = "x:crf=0".to_owned()), "x:crf=0"),
        (with(|e| e.crf = 60), "60"),
    ] {
        let failure = bench.try_render(solid(), encoding).unwrap_err();
        assert_eq!(failure.class, FailureClass::Unsupported);
        assert!(failure.message.contains(word), "{}", failure.message);
    }
    let mut odd = solid();
    odd.canvas.width = 181;
    let failure = bench.try_render(odd, encoding()).unwrap_err();
    assert_eq!(failure.class, FailureClass::Limit, "{}", failure.message);
}

#[test]
fn a_missing_blob_is_our_own_mistake() {
    let mut bench = Bench::new();
    let bar = moving_bar(&mut bench);
    bench.blobs.clear();
    let failure = bench
        .try_render(shot(clip(bar, 0, 2), None), encoding())
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::Internal);
}
