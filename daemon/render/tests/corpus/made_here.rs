//! Kinds of files the corpus lacks, made with the `ffmpeg` program.

use std::path::Path;
use std::process::{Command, Stdio};

/// A quarter of a picture for each corner: white, light, dark and black when seen upright.
const PICTURE: &str = "-f lavfi -i testsrc2=s=320x240:r=25:d=2";
const CORNERS: &str =
    "geq=lum='if(lt(Y,H/2),if(lt(X,W/2),235,170),if(lt(X,W/2),100,16))':cb=128:cr=128";
/// The same with the right half transparent.
const HALF: &str = "format=yuva444p,geq=lum='if(lt(Y,H/2),if(lt(X,W/2),235,170),if(lt(X,W/2),100,16))':cb=128:cr=128:a='255*lt(X,W/2)'";
const TONE: &str = "-f lavfi -i sine=440:d=2";

/// Makes the files and returns the names of those that this ffmpeg can make.
pub(crate) fn make(folder: &Path) -> Vec<String> {
    std::fs::create_dir_all(folder).unwrap();
    files()
        .into_iter()
        .filter(|(name, inputs, filter, codec)| {
            let made = Command::new("ffmpeg")
                .args(["-nostdin", "-v", "error", "-y"])
                .args(inputs.split_whitespace())
                .args(["-vf", filter])
                .args(codec.split_whitespace())
                .arg(folder.join(name))
                .stderr(Stdio::null())
                .status();
            let made = made.is_ok_and(|status| status.success());
            if !made {
                eprintln!("skipped: this ffmpeg cannot make {name}");
            }
            made
        })
        .map(|(name, ..)| name.to_owned())
        .collect()
}

/// Name, inputs, filter, output options.
fn files() -> Vec<(&'static str, String, String, &'static str)> {
    let (plain, heard) = (PICTURE.to_owned(), format!("{PICTURE} {TONE}"));
    let corners = |more: &str| format!("{CORNERS}{more}");
    let half = |more: &str| format!("{HALF}{more}");
    vec![
        (
            "interlaced.mpg",
            heard.clone(),
            corners(",fps=50,interlace,format=yuv420p"),
            "-c:v mpeg2video -r 25 -flags +ildct+ilme -top 1 -c:a mp2",
        ),
        (
            "windows.wmv",
            heard.clone(),
            corners(""),
            "-c:v wmv2 -c:a wmav2",
        ),
        (
            "late-picture.mkv",
            format!("{TONE} -itsoffset 0.5 {PICTURE}"),
            corners(""),
            "-map 1 -map 0 -fps_mode passthrough -c:v libx264 -c:a aac",
        ),
        (
            "late-sound.mkv",
            format!("{PICTURE} -itsoffset 0.7 {TONE}"),
            corners(""),
            "-c:v libx264 -c:a aac",
        ),
        (
            "prores4444.mov",
            plain.clone(),
            half(",format=yuva444p10le"),
            "-t 1 -c:v prores_ks -profile:v 4444",
        ),
        (
            "vp8-alpha.webm",
            plain.clone(),
            half(",format=yuva420p"),
            "-t 1 -c:v libvpx -auto-alt-ref 0 -b:v 1M",
        ),
        (
            "alpha.apng",
            plain.clone(),
            half(",format=rgba"),
            "-t 1 -f apng",
        ),
        (
            "alpha.webp",
            plain.clone(),
            half(",format=rgba"),
            "-t 1 -c:v libwebp_anim -lossless 1",
        ),
        (
            "still.avif",
            plain.clone(),
            corners(""),
            "-frames:v 1 -c:v libaom-av1 -still-picture 1 -cpu-used 8",
        ),
        (
            "still-alpha.webp",
            plain.clone(),
            half(",format=rgba"),
            "-frames:v 1 -c:v libwebp",
        ),
        (
            "still.jpg.mp4",
            plain.clone(),
            corners(""),
            "-frames:v 1 -f mjpeg",
        ),
        (
            "twelve-bit.mp4",
            plain.clone(),
            corners(",format=yuv444p12le"),
            "-t 1 -c:v libx265 -x265-params log-level=0",
        ),
        (
            "odd.mp4",
            heard,
            "scale=319:241,format=yuv444p".to_owned(),
            "-c:v libx264 -c:a aac",
        ),
        (
            "anamorphic.mp4",
            plain,
            corners(",setsar=2/1"),
            "-t 1 -c:v libx264",
        ),
    ]
}
