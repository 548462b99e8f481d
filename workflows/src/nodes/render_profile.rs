//! How a video is encoded: profiles that are built in, that a template brings, or that are written out.
//!
//! Part of `Output.Render`, which renders with them.

use std::borrow::Cow;

use fenta_templates::timeline::{Canvas, Timeline};

use super::render_format::FileKind;
use crate::action::VideoEncoding;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::execution::LowerError;
use crate::node::{ParamSpec, ParamType, Params, Written};
use crate::suggest::nearest;
use crate::value::Value;

/// Profiles that every timeline has.
const BUILT_IN: [&str; 8] = [
    "universal",
    "tiktok",
    "reels",
    "shorts",
    "square",
    "portrait45",
    "landscape",
    "draft",
];

/// Built-in profiles with a shape of their own: name, size, bit rate of the sound in kbit/s (what the platforms'
/// upload pages asked for on 2026-11-22).
const SHAPES: [(&str, (u32, u32), u32); 6] = [
    ("tiktok", (1080, 1920), 192),
    ("reels", (1080, 1920), 128),
    ("shorts", (1080, 1920), 384),
    ("square", (1080, 1080), AUDIO_KBPS),
    ("portrait45", (1080, 1350), AUDIO_KBPS),
    ("landscape", (1920, 1080), AUDIO_KBPS),
];

/// The shorter side of a GIF, unless a profile of one's own says another.
const GIF_SIDE: u32 = 480;

/// Rate factor of the pictures that a GIF is made from.
const GIF_CRF: u8 = 12;

/// The shorter side of a draft; a canvas that is smaller keeps its size.
const DRAFT_SIDE: u32 = 360;

/// Rate factor of a draft.
const DRAFT_CRF: u8 = 30;

/// Bit rate of a draft's sound, kbit/s.
const DRAFT_AUDIO_KBPS: u32 = 96;

/// Highest bit rate of the picture, kbit/s.
const MAX_RATE_KBPS: u32 = 12_000;

/// Bit rate of the sound, kbit/s.
const AUDIO_KBPS: u32 = 192;

/// x264's presets, quickest first.
const PRESETS: &[&str] = &[
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
];

/// The fields of a profile of one's own.
pub(super) fn custom_fields() -> Vec<ParamSpec> {
    let int = |min, max| ParamType::Int { min, max };
    vec![
        ParamSpec::required("width", int(144, 3840), "Width of the picture.").unit("px"),
        ParamSpec::required("height", int(144, 3840), "Height of the picture.").unit("px"),
        ParamSpec::with_default(
            "crf",
            int(0, 51),
            Value::Int(19),
            "Quality: smaller is better and larger; 17 to 28 is usual.",
        ),
        ParamSpec::with_default(
            "preset",
            ParamType::OneOf(PRESETS),
            Value::Text("veryfast".into()),
            "How long the encoder looks for savings.",
        ),
        ParamSpec::with_default(
            "max_rate",
            int(0, 100_000),
            Value::Int(12_000),
            "Highest bit rate of the picture, 0 for none.",
        )
        .unit("kbit/s"),
        ParamSpec::with_default(
            "audio_rate",
            int(32, 512),
            Value::Int(192),
            "Bit rate of the sound.",
        )
        .unit("kbit/s"),
        ParamSpec::optional("fps", int(1, 60), "Frames per second.")
            .later("write `fps` in the template's canvas: cuts stand on its frames"),
    ]
}

/// What a profile means for a timeline.
pub(super) struct Target {
    /// Another size than the timeline's.
    pub(super) size: Option<(u32, u32)>,
    /// Whether the size may be of another shape, which the cut is then laid out for anew.
    reshape: bool,
    /// Quick rather than good: no B-frames.
    draft: bool,
    preset: String,
    crf: u8,
    max_rate_kbps: u32,
    /// Bit rate of the sound, kbit/s.
    pub(super) audio_kbps: u32,
    /// Whether the finished layout is made smaller in the end.
    shrunk: bool,
}

impl Target {
    /// A profile by its name or its numbers.
    pub(super) fn of(profile: &Value, timeline: &Timeline) -> Result<Self, LowerError> {
        match profile {
            Value::Text(name) => Self::named(name, timeline),
            Value::Record(fields) => Self::written(Params::new(fields)),
            other => Err(LowerError::new(
                format!("`profile` is {}", other.noun()),
                "write the name of a profile, or width, height and crf",
            )),
        }
    }

    fn written(own: Params<'_>) -> Result<Self, LowerError> {
        Ok(Self {
            size: Some((even("width", own)?, even("height", own)?)),
            reshape: true,
            draft: false,
            preset: own.text("preset")?.to_owned(),
            crf: own.u32("crf")?.min(51) as u8,
            max_rate_kbps: own.u32("max_rate")?,
            audio_kbps: own.u32("audio_rate")?,
            shrunk: false,
        })
    }

    fn named(name: &str, timeline: &Timeline) -> Result<Self, LowerError> {
        if let Some(own) = timeline.profiles.get(name) {
            return Ok(Self {
                size: Some((own.width, own.height)),
                reshape: false,
                draft: name == "draft",
                preset: own.preset.clone(),
                crf: own.crf,
                max_rate_kbps: if name == "draft" { 0 } else { MAX_RATE_KBPS },
                audio_kbps: if name == "draft" {
                    DRAFT_AUDIO_KBPS
                } else {
                    AUDIO_KBPS
                },
                shrunk: false,
            });
        }
        if let Some((_, size, audio_kbps)) = SHAPES.iter().find(|row| row.0 == name) {
            return Ok(Self {
                size: Some(*size),
                reshape: true,
                audio_kbps: *audio_kbps,
                ..Self::universal()
            });
        }
        match name {
            "universal" => Ok(Self::universal()),
            "draft" => Ok(Self {
                size: Some(timeline.canvas.shrunk_to(DRAFT_SIDE)),
                reshape: false,
                draft: true,
                preset: "ultrafast".to_owned(),
                crf: DRAFT_CRF,
                max_rate_kbps: 0,
                audio_kbps: DRAFT_AUDIO_KBPS,
                shrunk: false,
            }),
            other => {
                let own = timeline.profiles.keys().map(String::as_str);
                let known: Vec<&str> = BUILT_IN.into_iter().chain(own).collect();
                let hint = match nearest(other, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", known.join(", ")),
                };
                Err(LowerError::new(
                    format!(
                        "there is no profile `{other}`, neither built in nor in the template `{}`",
                        timeline.template.name
                    ),
                    hint,
                ))
            }
        }
    }

    fn universal() -> Self {
        Self {
            size: None,
            reshape: false,
            draft: false,
            preset: "veryfast".to_owned(),
            crf: 19,
            max_rate_kbps: MAX_RATE_KBPS,
            audio_kbps: AUDIO_KBPS,
            shrunk: false,
        }
    }

    /// The same picture small and quick: laid out as it will be, then made smaller.
    pub(super) fn drafted(self) -> Self {
        Self {
            draft: true,
            preset: "ultrafast".to_owned(),
            crf: DRAFT_CRF.max(self.crf),
            max_rate_kbps: 0,
            audio_kbps: DRAFT_AUDIO_KBPS.min(self.audio_kbps),
            shrunk: true,
            ..self
        }
    }

    /// As the kind of file wants it: a GIF is small, and made from good pictures.
    pub(super) fn fitted(self, kind: FileKind, timeline: &Timeline) -> Self {
        if !kind.is_gif() {
            return self;
        }
        let (width, height) = self
            .size
            .unwrap_or((timeline.canvas.width, timeline.canvas.height));
        let canvas = Canvas {
            width,
            height,
            ..timeline.canvas
        };
        Self {
            size: Some(canvas.shrunk_to(GIF_SIDE)),
            crf: GIF_CRF,
            max_rate_kbps: 0,
            ..self
        }
    }

    /// The timeline at the size of its file.
    pub(super) fn resized<'t>(
        &self,
        timeline: &'t Timeline,
    ) -> Result<Cow<'t, Timeline>, LowerError> {
        let laid_out = self.laid_out(timeline)?;
        if !self.shrunk {
            return Ok(laid_out);
        }
        let (width, height) = laid_out.canvas.shrunk_to(DRAFT_SIDE);
        Ok(laid_out.scaled(width, height).map_or(laid_out, Cow::Owned))
    }

    fn laid_out<'t>(&self, timeline: &'t Timeline) -> Result<Cow<'t, Timeline>, LowerError> {
        let Some((width, height)) = self.size else {
            return Ok(Cow::Borrowed(timeline));
        };
        let canvas = &timeline.canvas;
        if self.reshape && (canvas.width, canvas.height) != (width, height) {
            return Ok(Cow::Owned(timeline.reshaped(width, height)));
        }
        timeline
            .scaled(width, height)
            .map(Cow::Owned)
            .ok_or_else(|| {
                LowerError::new(
                    format!(
                        "the profile is {width} x {height}, another shape than the {} x {} of the template `{}`",
                        canvas.width, canvas.height, timeline.template.name
                    ),
                    format!(
                        "write `height: {}` beside `width: {width}`, or another canvas in the template",
                        canvas.height_at(width)
                    ),
                )
            })
    }

    /// How the picture is encoded by so many threads.
    pub(super) fn encoding(&self, threads: u8, kind: FileKind) -> VideoEncoding {
        VideoEncoding {
            encoder: kind.video_encoder().to_owned(),
            preset: self.preset.clone(),
            crf: self.crf,
            max_rate_kbps: self.max_rate_kbps,
            gop: 60,
            b_frames: if self.draft { 0 } else { 2 },
            // Its encoder is so quick that a second thread would wait for the first; several drafts run instead.
            threads: if self.draft { 1 } else { threads },
            alpha: kind.alpha,
            draft: self.draft,
        }
    }
}

/// A side of a picture; odd ones cannot be encoded.
fn even(name: &str, own: Params<'_>) -> Result<u32, LowerError> {
    let side = own.u32(name)?;
    if side % 2 == 1 {
        return Err(LowerError::new(
            odd(name, side.into()),
            between(side.into()),
        ));
    }
    Ok(side)
}

fn odd(name: &str, side: i64) -> String {
    format!("`{name}` is {side}, which is odd; video needs even sides")
}

fn between(side: i64) -> String {
    format!("write {} or {}", side - 1, side + 1)
}

/// Refuses odd sides, and warns of a name that is nearly a built-in one: only a template can have it.
pub(super) fn check_profile(written: &Written<'_>, found: &mut Diagnostics) {
    for (name, _, span, value) in written.fields("profile") {
        if let Some(Value::Int(side)) = value
            && matches!(name, "width" | "height")
            && side % 2 != 0
        {
            found.push(
                Diagnostic::error(codes::BAD_VALUE, span, odd(name, side)).hint(between(side)),
            );
        }
    }
    let Some(name) = written.text("profile") else {
        return;
    };
    let near = nearest(name, BUILT_IN).filter(|near| *near != name);
    if let Some(near) = near.filter(|_| !BUILT_IN.contains(&name)) {
        let span = written.span("profile");
        found.push(
            Diagnostic::warning(
                codes::BAD_VALUE,
                span,
                format!("no profile `{name}` is built in; only a template can have one"),
            )
            .suggest(Some(near), span),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::{SourceFile, compile};

    fn mp4() -> FileKind {
        FileKind::named("mp4", "auto", false).unwrap()
    }

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    // spec: T-47
    #[test]
    fn a_template_adds_profiles_to_the_built_in_ones() {
        let mut cut = timeline();
        let own = fenta_templates::timeline::Profile {
            width: 720,
            height: 1280,
            crf: 24,
            preset: "fast".into(),
        };
        cut.profiles.insert("story".into(), own);
        let found = Target::named("story", &cut).unwrap();
        assert_eq!(found.size, Some((720, 1280)));
        assert_eq!((found.encoding(1, mp4()).crf, found.draft), (24, false));
        assert_eq!(Target::named("universal", &cut).unwrap().size, None);
        let draft = |cut: &Timeline| Target::named("draft", cut).unwrap().size;
        assert_eq!(draft(&cut), Some((360, 640)));
        let error = Target::named("stroy", &cut).err().unwrap();
        assert_eq!(error.hint, "did you mean `story`?");
        (cut.canvas.width, cut.canvas.height) = (1920, 1080);
        assert_eq!(draft(&cut), Some((640, 360)), "as the canvas lies");
    }

    fn sized(width: i64, height: i64) -> Result<(u32, u32), LowerError> {
        let fields = [("width", width), ("height", height)];
        let own = ParamType::Fields(custom_fields()).fit(Value::Record(
            fields
                .map(|(name, number)| (name.to_owned(), Value::Int(number)))
                .into(),
        ));
        let cut = timeline();
        let made = Target::of(&own.unwrap(), &cut)?.resized(&cut)?.canvas;
        Ok((made.width, made.height))
    }

    // spec: T-20
    #[test]
    fn sizes_are_even_and_of_the_canvas_shape() {
        assert_eq!(sized(720, 1280), Ok((720, 1280)));
        let odd = sized(145, 301).unwrap_err();
        assert!(
            odd.message.contains("`width` is 145, which is odd"),
            "{odd}"
        );
        assert_eq!(odd.hint, "write 144 or 146");
        assert_eq!(sized(1280, 720), Ok((1280, 720)), "laid out anew");
    }

    // spec: T-20
    #[test]
    fn built_in_shapes_lay_the_cut_out_anew() {
        let cut = timeline();
        for (name, size, _) in SHAPES {
            let target = Target::named(name, &cut).unwrap();
            let canvas = target.resized(&cut).unwrap().canvas;
            assert_eq!((canvas.width, canvas.height), size, "{name}");
        }
        let upright = Target::named("tiktok", &cut).unwrap();
        assert!(upright.resized(&cut).unwrap().overlays == cut.overlays);
        let gif = FileKind::named("gif", "auto", false).unwrap();
        let small = Target::named("square", &cut).unwrap().fitted(gif, &cut);
        assert_eq!((small.size, small.crf), (Some((480, 480)), 12));
    }

    #[test]
    fn a_slip_in_a_built_in_name_is_warned_about() {
        let text = crate::nodes::find("Output.Render")
            .unwrap()
            .descriptor()
            .example
            .replace("profile: draft", "profile: drat");
        let source = SourceFile {
            name: "w.yaml".into(),
            text,
        };
        let (_, warnings) = compile(&source).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(warnings[0].patches[0].replacement, "draft");
    }

    #[test]
    fn a_profile_of_ones_own_has_its_numbers() {
        let own = ParamType::Fields(custom_fields())
            .fit(Value::Record(
                [("width", 720), ("height", 1280), ("crf", 23)]
                    .map(|(name, number)| (name.to_owned(), Value::Int(number)))
                    .into(),
            ))
            .unwrap();
        let target = Target::of(&own, &timeline()).unwrap();
        assert_eq!(target.size, Some((720, 1280)));
        let encoding = target.encoding(2, mp4());
        assert_eq!(
            (encoding.crf, encoding.max_rate_kbps, target.audio_kbps),
            (23, 12_000, 192)
        );
        assert!(Target::of(&Value::Null, &timeline()).is_err());
    }
}
