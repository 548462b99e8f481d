//! The sound of a finished film, heard in the film's own file: every source has a tone of its own, so the music's ducking and
//! fades, the sound of the clips and the effects are measured one by one, beside the picture they belong to.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use fenta_tests::env::FentaEnv;
use fenta_tests::tones::Tone;
use fenta_tests::{loudness, media};

const FRAME: f64 = 1.0 / 30.0;
/// Beats of the music: 120 a minute, the first after a quarter of a second.
const BEAT: (f64, f64) = (0.25, 0.5);
/// The tone under the music's beats, of the effect, and of each clip.
const MUSIC_HZ: f64 = 10_000.0;
const TICK_HZ: f64 = 9_000.0;
const CLIP_HZ: [f64; 3] = [11_000.0, 12_000.0, 13_000.0];
/// Seconds by which the effect begins before its cut.
const LEAD: f64 = 0.1;
/// Length of the blend over the second cut, seconds.
const BLEND: f64 = 0.4;

const TEMPLATE: &str = r##"fenta: template/v1
name: heard
canvas: { width: 360, height: 640, fps: 30, background: "#000000" }
safe_zone: none
placeholders:
  clips: { type: "media[]" }
  voice: { type: voice }
  captions: { type: captions }
  music: { type: audio }
  tick: { type: audio }
rules:
  shot: { min: 1.5s, target: 4s, max: 12s }
  cut_on: [beat, sentence]
  snap: 500ms
  coverage: one_clip_per_sentence
  lead_in: 3s
  tail: 3s
transitions:
  use:
    - { type: fade, duration: 400ms, at: scene, every: 2 }
tracks:
  - { id: v, kind: video, source: "${{ clips }}" }
  - { id: subs, kind: subtitles, source: "${{ captions }}", style: { preset: karaoke, font: "Inter:800", size: 30, max_chars: 20, outline: { width: 2 }, position: { anchor: center, y: 560 } } }
  - { id: vo, kind: audio, role: voice, source: "${{ voice }}" }
  - { id: bed, kind: audio, role: music, source: "${{ music }}", gain: -10, fade: { in: 800ms, out: 1200ms } }
  - { id: tick, kind: audio, role: sfx, source: "${{ tick }}", at: cut, lead: 100ms, gain: -8 }
audio: { clips: keep, clips_gain: -12, ducking: { depth: -12, lookahead: 80ms, attack: 120ms, hold: 250ms, release: 450ms, bridge: 600ms } }
"##;

const WORKFLOW: &str = r##"fenta: workflow/v1
name: heard
nodes:
  footage: { type: Input.Upload, with: { path: clips, order: name } }
  voice:
    type: Voice.TTS
    with:
      voice: slt
      gap: 1.8s
      text: >-
        Honey never spoils in a jar that is closed with wax.
        Old jars from the tombs were still good to eat today.
        Bees take the water out of it with their small wings.
  words:  { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }
  music:  { type: Input.Music, with: { file: music.wav } }
  cut:    { type: Edit.Timeline, with: { template: ./heard.yaml, clips: "${{ nodes.footage.media }}", voice: "${{ nodes.voice.voice }}", captions: "${{ nodes.words.captions }}", music: "${{ nodes.music.audio }}", fill: { tick: tick.wav } } }
  render: { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}" } }
  file:   { type: Output.Download, with: { file: "${{ nodes.render.video }}", to: heard.mp4, sidecars: [words] } }
outputs: { video: "${{ nodes.file.path }}" }
"##;

fn make(path: &Path, arguments: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success(), "{}", path.display());
}

fn make_sources(work: &Path) {
    std::fs::create_dir(work.join("clips")).unwrap();
    for (number, (color, hz)) in ["red", "lime", "blue"].iter().zip(CLIP_HZ).enumerate() {
        let picture = format!("color={color}:s=360x640:r=30:d=12");
        let sound = format!("sine=f={hz}:r=48000:d=12");
        let arguments = [
            &["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound][..],
            &["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt"],
            &["yuv420p", "-c:a", "aac", "-b:a", "192k"],
        ];
        make(
            &work.join(format!("clips/{}.mp4", number + 1)),
            &arguments.concat(),
        );
    }
    let (first, beat) = BEAT;
    let music = format!(
        "aevalsrc=0.5*sin(2*PI*60*t)*exp(-30*mod(t+{}\\,{beat}))+0.1*sin(2*PI*{MUSIC_HZ}*t):s=48000:d=40",
        beat - first
    );
    make(&work.join("music.wav"), &["-f", "lavfi", "-i", &music]);
    let tick = format!("sine=f={TICK_HZ}:r=48000:d=0.15");
    make(&work.join("tick.wav"), &["-f", "lavfi", "-i", &tick]);
}

/// A finished film, as far as it is listened to.
struct Film {
    path: PathBuf,
    seconds: f64,
    /// First and last moment of the words of every sentence, seconds.
    spoken: Vec<(f64, f64)>,
    /// The frames in which the picture leaves one clip, and in which it has reached the next.
    cuts: Vec<(usize, usize)>,
    sound: Vec<f32>,
}

fn make_film(env: &FentaEnv) -> Film {
    make_sources(&env.work());
    env.write("heard.yaml", TEMPLATE).unwrap();
    env.write("film.yaml", WORKFLOW).unwrap();
    env.fenta(&["run", "film.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let path = env.work().join("heard.mp4");
    let lumas = lumas(&path);
    Film {
        seconds: lumas.len() as f64 * FRAME,
        spoken: spoken(&path.with_extension("words.json")),
        cuts: cuts(&lumas),
        sound: media::samples(&path).unwrap(),
        path,
    }
}

/// The light of every frame in its upper half, away from captions.
fn lumas(film: &Path) -> Vec<f64> {
    let (width, height) = (18, 32);
    let all = media::luma_frames(film, width, height).unwrap();
    let size = (width * height) as usize;
    let frames = all.chunks_exact(size).map(|frame| {
        let upper = &frame[..size / 2];
        upper.iter().map(|luma| f64::from(*luma)).sum::<f64>() / upper.len() as f64
    });
    frames.collect()
}

/// The clips have one light each, so every stretch of equal frames is one of them.
fn cuts(lumas: &[f64]) -> Vec<(usize, usize)> {
    let mut cuts = Vec::new();
    let mut at = 1;
    while at < lumas.len() {
        if (lumas[at] - lumas[at - 1]).abs() > 1.0 {
            let left = at;
            while at + 1 < lumas.len() && (lumas[at + 1] - lumas[at]).abs() > 1.0 {
                at += 1;
            }
            cuts.push((left, at));
        }
        at += 1;
    }
    cuts
}

/// Words with a pause of half a second or more between them belong to two sentences.
fn spoken(words: &Path) -> Vec<(f64, f64)> {
    let file: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(words).unwrap()).unwrap();
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for word in file["words"].as_array().unwrap() {
        let seconds = |key: &str| word[key].as_f64().unwrap() / 1000.0;
        let (start, end) = (seconds("start_ms"), seconds("end_ms"));
        match spans.last_mut() {
            Some(last) if start - last.1 < 0.5 => last.1 = end,
            _ => spans.push((start, end)),
        }
    }
    spans
}

/// The music: full before anybody speaks, 12 dB down while somebody does, at the moments that the template names.
fn check_ducking(film: &Film, music: &Tone) {
    let full = music.over(1.2, film.spoken[0].0 - 0.3);
    for (from, to) in &film.spoken {
        let down = music.over(from + 0.2, *to);
        assert!(
            (full - down - 12.0).abs() < 0.5,
            "{full:.1} dB falls to {down:.1} dB"
        );
        // In the middle of a fall of 120 ms that begins 80 ms before the word, and of a rise of 450 ms, 250 ms after it.
        let half = full - 6.0;
        let fell = music.crosses((from - 0.4, from + 0.4), half, false);
        let rose = music.crosses((*to, to + 1.2), half, true);
        let (fell, rose) = (fell.unwrap() - from, rose.unwrap() - to);
        println!(
            "music at half depth {fell:+.3} s from the first word, {rose:+.3} s from the end of the last"
        );
        assert!((fell - -0.02).abs() < FRAME, "{fell}");
        assert!((rose - 0.475).abs() < 2.0 * FRAME, "{rose}");
    }
    let pauses = film.spoken.windows(2);
    for pause in pauses {
        let back = music.over(pause[0].1 + 0.8, pause[1].0 - 0.2);
        assert!((back - full).abs() < 0.5, "{back:.1} of {full:.1} dB");
    }
}

/// The music comes and goes with the shape and the length that the template names.
fn check_fades(film: &Film, music: &Tone) {
    let full = music.over(1.2, film.spoken[0].0 - 0.3);
    let end = film.seconds;
    // A raised cosine is at a half in its middle, and at 14.6 % after a quarter.
    for (at, share) in [
        (0.4, 0.5_f64),
        (0.2, 0.146_4),
        (end - 0.6, 0.5),
        (end - 0.3, 0.146_4),
    ] {
        let (heard, wanted) = (music.at(at) - full, 20.0 * share.log10());
        assert!(
            (heard - wanted).abs() < 1.0,
            "{heard:.1} dB at {at:.2} s, not {wanted:.1}"
        );
    }
    assert!(music.at(end - 0.03) < full - 30.0);
}

/// Cuts stand on beats, and an effect is heard at each of them, always as loud.
fn check_beats_and_effects(film: &Film, tick: &Tone) {
    let loudest = tick.over(0.0, film.seconds).max(
        film.cuts
            .iter()
            .map(|(frame, _)| tick.at(*frame as f64 * FRAME - LEAD + 0.075))
            .fold(-120.0, f64::max),
    );
    let ticks = tick.begins(loudest - 6.0, 0.3);
    assert_eq!(ticks.len(), film.cuts.len(), "{ticks:?}");
    for ((frame, _), begun) in film.cuts.iter().zip(ticks) {
        let cut = *frame as f64 * FRAME;
        let (first, beat) = BEAT;
        let beats = ((cut - first) / beat).round();
        let off = cut - (first + beats * beat);
        println!(
            "cut at {cut:.3} s, {off:+.3} s from its beat; effect {:+.3} s",
            begun - cut
        );
        assert!(
            off.abs() <= FRAME,
            "the cut at {cut:.3} s is {off:.3} s from a beat"
        );
        assert!((begun - (cut - LEAD)).abs() < 0.005, "{begun} for {cut}");
        let level = tick.at(begun + 0.075);
        assert!((level - loudest).abs() < 0.5, "{level} of {loudest}");
    }
}

/// Each clip is heard while it is seen and makes room for speech; over a blend two of them keep their power.
fn check_clips(film: &Film, clips: &[Tone], music: &Tone) {
    let [(hard, hard_to), (blend, blend_to)] = film.cuts[..] else {
        panic!("two cuts, not {:?}", film.cuts)
    };
    assert_eq!(hard, hard_to, "the first cut is a hard one");
    let blended = (blend_to - blend + 1) as f64 * FRAME;
    assert!(
        (blended - BLEND).abs() < 2.5 * FRAME,
        "a blend of {blended} s"
    );
    let full = clips[0].over(1.2, film.spoken[0].0 - 0.3);
    let cut = hard as f64 * FRAME;
    for (tone, sounds) in [(&clips[0], false), (&clips[1], true)] {
        let crossed = tone
            .crosses((cut - 0.2, cut + 0.2), full - 15.0, sounds)
            .unwrap();
        assert!((crossed - cut).abs() < FRAME, "{crossed} for {cut}");
    }
    let middle = blend as f64 * FRAME + BLEND / 2.0;
    // Somebody may speak already; clips make room as the music does.
    let room = music.over(1.2, film.spoken[0].0 - 0.3) - music.at(middle);
    let both = [clips[1].at(middle), clips[2].at(middle)];
    let one_alone = clips[2].over(film.seconds - 1.5, film.seconds - 0.5);
    for level in both {
        let under = one_alone - level - room;
        assert!(
            (2.0..4.0).contains(&under),
            "{under:.1} dB under the whole in the middle of the blend: {both:?}"
        );
    }
    for ((from, to), clip) in film.spoken.iter().zip(clips) {
        let down = clip.over(from + 0.2, *to);
        assert!(
            (full - down - 12.0).abs() < 1.0,
            "{full:.1} dB falls to {down:.1} dB"
        );
    }
    for (number, clip) in clips.iter().enumerate() {
        let span = match number {
            0 => (cut + 0.2, film.seconds),
            1 => (0.2, cut - 0.2),
            _ => (0.2, middle - BLEND),
        };
        assert!(
            clip.over(span.0, span.1) < full - 40.0,
            "clip {number} is heard where it is not seen"
        );
    }
}

#[test]
fn every_part_of_the_sound_is_heard_when_and_as_loud_as_the_template_says() {
    let env = FentaEnv::new().unwrap();
    let film = make_film(&env);
    assert_eq!(film.spoken.len(), 3, "three sentences: {:?}", film.spoken);
    let music = Tone::heard(&film.sound, MUSIC_HZ);
    let tick = Tone::heard(&film.sound, TICK_HZ);
    let clips = CLIP_HZ.map(|hz| Tone::heard(&film.sound, hz));
    check_ducking(&film, &music);
    check_fades(&film, &music);
    check_beats_and_effects(&film, &tick);
    check_clips(&film, &clips, &music);
    let heard = loudness::measure(&film.path).unwrap();
    println!("{heard:?}");
    assert!((heard.integrated + 14.0).abs() <= 0.3, "{heard:?}");
    assert!(heard.true_peak <= -1.0, "{heard:?}");
}
