//! The encoders a segment can be made with: how the words of an encoding become each one's own options.
//!
//! Quality and effort are asked for on x264's scale; the others get what looks alike. Every encoder is told to put key
//! frames at fixed places only, so that segments join without knowing each other, and to write nothing that differs
//! between runs. Neighbours: `encode` feeds what is set up here.

use std::ffi::CStr;

use fenta_templates::timeline::Canvas;
use fenta_workflows::action::VideoEncoding;

use crate::error::RenderError;
use crate::ffi_encoder::{EncoderSetup, Pixels};

/// x264's presets, quickest first.
const PRESETS: [&str; 9] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
];

/// SVT-AV1's presets beside x264's.
const SVT_PRESETS: [u8; 9] = [12, 11, 10, 9, 8, 7, 5, 4, 3];

/// libvpx's effort (`cpu-used`) beside x264's presets.
const VPX_EFFORTS: [u8; 9] = [8, 7, 6, 5, 4, 3, 2, 1, 0];

/// All encoders that are offered.
const ENCODERS: &str = "use one of libx264, libx265, libsvtav1, libvpx-vp9, prores_ks, png";

/// How segments of an encoding are written.
pub struct SegmentCodec {
    /// The encoder's settings.
    pub setup: EncoderSetup<'static>,
    /// The container of a segment. NUT keeps exact times; Matroska also keeps an alpha layer and what AV1 and VP9 need.
    pub muxer: &'static CStr,
}

/// The settings for a canvas.
///
/// # Errors
/// Unknown encoders and presets, rate factors out of range, transparency where the encoder has none.
pub fn segment_codec(
    canvas: &Canvas,
    encoding: &VideoEncoding,
) -> Result<SegmentCodec, RenderError> {
    let Some(effort) = PRESETS.iter().position(|name| *name == encoding.preset) else {
        return Err(bad_settings(encoding));
    };
    if encoding.crf > 51 || encoding.gop == 0 {
        return Err(bad_settings(encoding));
    }
    let alpha = encoding.alpha;
    let may_be_clear = matches!(
        encoding.encoder.as_str(),
        "libvpx-vp9" | "prores_ks" | "png"
    );
    if alpha && !may_be_clear {
        return Err(RenderError::unsupported(
            format!("`{}` has no transparency", encoding.encoder),
            "use libvpx-vp9, prores_ks or png",
        ));
    }
    let (encoder, muxer, pixels, options) = parts(encoding, effort)?;
    let reorders = matches!(encoding.encoder.as_str(), "libx264" | "libx265");
    Ok(SegmentCodec {
        setup: EncoderSetup {
            encoder,
            width: canvas.width,
            height: canvas.height,
            rate: canvas.frame_rate,
            threads: encoding.threads,
            pixels,
            quantiser: None,
            max_rate: max_rate(encoding),
            gop: encoding.gop,
            b_frames: if reorders { encoding.b_frames } else { 0 },
            options,
        },
        muxer,
    })
}

/// Encoder, container of a segment, form of the pictures and the encoder's own options.
type Parts = (&'static CStr, &'static CStr, Pixels, Options);

fn parts(encoding: &VideoEncoding, effort: usize) -> Result<Parts, RenderError> {
    let alpha = encoding.alpha;
    Ok(match encoding.encoder.as_str() {
        "libx264" => (c"libx264", c"nut", Pixels::Yuv420, x264(encoding)),
        "libx265" => (c"libx265", c"matroska", Pixels::Yuv420, x265(encoding)),
        "libsvtav1" => (
            c"libsvtav1",
            c"matroska",
            Pixels::Yuv420,
            svt(encoding, effort),
        ),
        "libvpx-vp9" => (
            c"libvpx-vp9",
            c"matroska",
            if alpha {
                Pixels::Yuva420
            } else {
                Pixels::Yuv420
            },
            vpx(encoding, effort),
        ),
        "prores_ks" => (
            c"prores_ks",
            c"matroska",
            if alpha {
                Pixels::Yuva444Ten
            } else {
                Pixels::Yuv422Ten
            },
            prores(alpha),
        ),
        "png" => (
            c"png",
            c"nut",
            if alpha { Pixels::Rgba } else { Pixels::Rgb },
            Vec::new(),
        ),
        other => {
            return Err(RenderError::unsupported(
                format!("the encoder `{other}` is not built into this renderer"),
                ENCODERS,
            ));
        }
    })
}

fn bad_settings(encoding: &VideoEncoding) -> RenderError {
    RenderError::unsupported(
        format!(
            "there is no preset `{}` with crf {} and a key frame every {} frames",
            encoding.preset, encoding.crf, encoding.gop
        ),
        "use a preset from ultrafast to veryslow, crf 0-51 and a distance of at least 1",
    )
}

/// Only the x26x encoders combine a rate factor with a highest rate.
fn max_rate(encoding: &VideoEncoding) -> i64 {
    match encoding.encoder.as_str() {
        "libx264" | "libx265" => i64::from(encoding.max_rate_kbps) * 1000,
        _ => 0,
    }
}

type Options = Vec<(&'static CStr, String)>;

fn x264(encoding: &VideoEncoding) -> Options {
    vec![
        (c"preset", encoding.preset.clone()),
        (c"crf", encoding.crf.to_string()),
        (c"profile", "high".to_owned()),
        // Key frames at fixed places only: segments must join without knowing each other.
        (c"x264-params", "scenecut=0:open-gop=0".to_owned()),
    ]
}

fn x265(encoding: &VideoEncoding) -> Options {
    let parameters = format!(
        "scenecut=0:open-gop=0:keyint={gop}:min-keyint={gop}:bframes={b}:pools={threads}:frame-threads=1:\
         info=0:log-level=none",
        gop = encoding.gop,
        b = encoding.b_frames,
        threads = encoding.threads.max(1),
    );
    vec![
        (c"preset", encoding.preset.clone()),
        // x265 keeps the look of x264 at a rate factor about three higher.
        (c"crf", (encoding.crf + 3).min(51).to_string()),
        (c"x265-params", parameters),
    ]
}

/// x264's rate factor on the scale of 0-63 that AV1 and VP9 have: 19 becomes 29.
fn wide_factor(crf: u8) -> u8 {
    (crf + 10).min(63)
}

fn svt(encoding: &VideoEncoding, effort: usize) -> Options {
    vec![
        (c"preset", SVT_PRESETS[effort].to_string()),
        (c"crf", wide_factor(encoding.crf).to_string()),
        (
            c"svtav1-params",
            format!("lp={}:scd=0", encoding.threads.max(1)),
        ),
    ]
}

fn vpx(encoding: &VideoEncoding, effort: usize) -> Options {
    let mut options = vec![
        (c"deadline", "good".to_owned()),
        (c"cpu-used", VPX_EFFORTS[effort].to_string()),
        (c"crf", wide_factor(encoding.crf).to_string()),
    ];
    if encoding.alpha {
        // Hidden frames of picture and alpha would not fall together.
        options.push((c"auto-alt-ref", "0".to_owned()));
    }
    options
}

fn prores(alpha: bool) -> Options {
    let mut options = vec![
        (c"profile", if alpha { "4" } else { "3" }.to_owned()),
        (c"vendor", "apl0".to_owned()),
    ];
    if alpha {
        options.push((c"alpha_bits", "16".to_owned()));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_templates::color::Color;
    use fenta_templates::time::FrameRate;

    fn encoding(encoder: &str) -> VideoEncoding {
        VideoEncoding {
            encoder: encoder.to_owned(),
            preset: "veryfast".to_owned(),
            crf: 19,
            max_rate_kbps: 12_000,
            gop: 60,
            b_frames: 2,
            threads: 2,
            alpha: false,
            draft: false,
        }
    }

    const CANVAS: Canvas = Canvas {
        width: 320,
        height: 240,
        frame_rate: FrameRate::whole(30),
        background: Color::BLACK,
    };

    fn refusal(encoding: &VideoEncoding) -> String {
        segment_codec(&CANVAS, encoding).err().unwrap().to_string()
    }

    #[test]
    fn unknown_words_are_refused() {
        assert!(refusal(&encoding("libx266")).contains("`libx266`"));
        let slow = VideoEncoding {
            preset: "placebo".into(),
            ..encoding("libx264")
        };
        assert!(refusal(&slow).contains("`placebo`"));
        let clear = VideoEncoding {
            alpha: true,
            ..encoding("libx264")
        };
        assert_eq!(refusal(&clear), "`libx264` has no transparency");
    }

    #[test]
    fn quality_is_asked_for_on_one_scale() {
        let option = |encoder, name: &CStr| {
            let codec = segment_codec(&CANVAS, &encoding(encoder)).unwrap();
            let found = codec.setup.options.into_iter().find(|(n, _)| *n == name);
            found.unwrap().1
        };
        assert_eq!(option("libx264", c"crf"), "19");
        assert_eq!(option("libx265", c"crf"), "22");
        assert_eq!(option("libsvtav1", c"crf"), "29");
        assert_eq!(option("libvpx-vp9", c"cpu-used"), "6");
    }
}
