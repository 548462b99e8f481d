//! Pictures of a cut: one frame, or many side by side with their times.
//!
//! Shared by `Output.Cover`, `Output.ContactSheet` and `Output.Render` (which makes them for `fenta snapshot`). Not a node
//! type itself. Every picture is drawn by the renderer as a frame of a timeline, a sheet too: its cells are image overlays.

use fenta_templates::color::Color;
use fenta_templates::time::{FrameRate, RationalTime, TimeRange};
use fenta_templates::timeline::{
    Anchor, Canvas, CoverSpec, FontFace, FontRequest, Overlay, OverlayContent, Rect, SegmentSpec,
    StillFormat, TextFit, TextOverlay, Timeline, TrackItem,
};

use crate::action::{
    Action, ActionFacts, ActionResult, PublishItem, PublishRequest, ResolveFontsRequest,
};
use crate::digest::Digest;
use crate::execution::LowerError;
use crate::node::{Halt, Steps, wrong_facts};
use crate::view::{Still, StillKind};

/// JPEG quality of pictures.
pub(super) const QUALITY: u8 = 92;
/// Pictures on a sheet at the most.
pub(super) const MOST_FRAMES: u32 = 64;
/// Columns of a sheet at the most.
pub(super) const MOST_COLUMNS: u32 = 16;
/// Width of a sheet that nobody has told another, pixels.
pub(super) const SHEET_WIDTH: u32 = 1920;
/// Width over height that a sheet comes close to, permille.
const SHEET_SHAPE_PM: u64 = 1600;
/// Smallest letters of a sheet, pixels.
const SMALLEST: u32 = 11;
/// The longest time under a picture in letters, and what a shot's number adds to it.
const TIME_LETTERS: u32 = 8;
const NUMBER_LETTERS: u32 = 5;
/// Behind the pictures of a sheet.
const DARK: Color = Color::rgb(16, 18, 23);
/// Times under the pictures of a sheet.
const LIGHT: Color = Color::rgb(224, 228, 236);
/// The line above them.
const MUTED: Color = Color::rgb(138, 146, 162);
/// The face where the cut has no text of its own.
const FAMILY: &str = "Inter";
const WEIGHT: u16 = 600;

/// The kind of picture a file name asks for.
pub(super) fn format_of(path: &str) -> Result<StillFormat, LowerError> {
    let ending = path
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match ending.as_str() {
        "png" => Ok(StillFormat::Png),
        "jpg" | "jpeg" => Ok(StillFormat::Jpeg),
        _ => Err(LowerError::new(
            format!("`{path}` does not end like a picture"),
            "let it end in .png or .jpg",
        )),
    }
}

/// The picture of a result.
pub(super) fn image_of(result: &ActionResult) -> Result<Digest, Halt> {
    let image = result.outputs.get("image").copied();
    Ok(image.ok_or_else(|| wrong_facts("snapshot"))?)
}

/// The frame that is seen at a time.
pub(super) fn frame_at(timeline: &Timeline, ms: i64) -> Result<i64, LowerError> {
    let rate = timeline.canvas.frame_rate;
    // The frame that is on screen then, not the nearest one.
    let frame = ms * i64::from(rate.num) / (1000 * i64::from(rate.den));
    if (0..timeline.duration.value).contains(&frame) {
        return Ok(frame);
    }
    Err(LowerError::new(
        format!(
            "`at` is {ms} ms, but the video ends at {} ms",
            timeline.duration.to_millis()
        ),
        "give an earlier time",
    ))
}

/// When a frame is shown, milliseconds.
pub(super) fn ms_of(timeline: &Timeline, frame: i64) -> i64 {
    RationalTime::new(frame, timeline.canvas.frame_rate).to_millis()
}

/// A frame as an action.
pub(super) fn snapshot(timeline: &Timeline, frame: i64, format: StillFormat) -> Action {
    let mut cover = timeline.cover(frame, QUALITY);
    cover.format = format;
    Action::Snapshot(Box::new(cover))
}

/// The cut at another width; its own where it is none.
pub(super) fn at_width(timeline: &Timeline, width: Option<u32>) -> Result<Timeline, LowerError> {
    let Some(width) = width.filter(|width| *width != timeline.canvas.width) else {
        return Ok(timeline.clone());
    };
    if !(16..=4096).contains(&width) {
        return Err(LowerError::new(
            format!("a picture cannot be {width} px wide"),
            "give a width from 16 to 4096",
        ));
    }
    let width = width & !1;
    let height = timeline.canvas.height_at(width);
    timeline.scaled(width, height).ok_or_else(|| {
        LowerError::new(
            format!("a picture cannot be {width} x {height} px"),
            "give another width",
        )
    })
}

/// Frames for a sheet: evenly spaced, each in the middle of its part, or the middle of every shot.
pub(super) fn sheet_frames(
    timeline: &Timeline,
    count: Option<u32>,
) -> Result<Vec<i64>, LowerError> {
    let total = timeline.duration.value.max(1);
    if let Some(count) = count {
        if !(1..=MOST_FRAMES).contains(&count) {
            return Err(LowerError::new(
                format!("a sheet cannot have {count} pictures"),
                format!("write a number from 1 to {MOST_FRAMES}"),
            ));
        }
        let count = i64::from(count).min(total);
        return Ok((0..count)
            .map(|place| (2 * place + 1) * total / (2 * count))
            .collect());
    }
    let mut frames = Vec::new();
    let mut start = 0;
    for item in &timeline.picture.children {
        let length = match item {
            TrackItem::Clip(clip) => clip.source_range.duration.value,
            TrackItem::Gap(gap) => gap.duration.value,
            TrackItem::Transition(_) => continue,
        };
        if length > 0 {
            frames.push(start + length / 2);
            start += length;
        }
    }
    if frames.len() > MOST_FRAMES as usize {
        return Err(LowerError::new(
            format!(
                "the cut has {} shots, but a sheet holds {MOST_FRAMES} pictures",
                frames.len()
            ),
            "give a number of frames instead",
        ));
    }
    Ok(frames)
}

/// How a sheet looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct SheetWish {
    /// Pictures side by side; as many as look well when none.
    pub(super) columns: Option<u32>,
    /// Width in pixels; smaller where the pictures are.
    pub(super) width: u32,
    /// How it is written.
    pub(super) format: StillFormat,
    /// Whether the pictures are those of the shots, which are then numbered.
    pub(super) of_shots: bool,
}

/// A sheet of frames with their times.
pub(super) fn sheet(
    timeline: &Timeline,
    frames: &[i64],
    wish: SheetWish,
    steps: &mut Steps<'_>,
) -> Result<Digest, Halt> {
    let grid = Grid::new(&timeline.canvas, frames.len() as u32, wish)?;
    let face = face(timeline, steps)?;
    let small = at_width(timeline, Some(grid.cell.0))?;
    let cells = frames
        .iter()
        .map(|frame| snapshot(&small, *frame, StillFormat::Png));
    let results = steps.run(cells.collect())?;
    let mut overlays = vec![grid.head(timeline, &face)];
    for (place, (frame, result)) in frames.iter().zip(results).enumerate() {
        let number = wish.of_shots.then_some(place + 1);
        let seconds = RationalTime::new(*frame, timeline.canvas.frame_rate).as_seconds();
        overlays.extend(grid.cell(
            place as u32,
            image_of(result)?,
            &label(number, seconds),
            &face,
        ));
    }
    let spec = CoverSpec {
        segment: SegmentSpec {
            canvas: Canvas {
                width: grid.size.0,
                height: grid.size.1,
                background: DARK,
                ..timeline.canvas
            },
            frames: 1,
            shot: None,
            overlays,
            captions: None,
        },
        frame: 0,
        fonts: vec![face],
        quality: QUALITY,
        format: wish.format,
    };
    image_of(steps.run_one(Action::Snapshot(Box::new(spec)))?)
}

/// What stands under a picture: its time in minutes and seconds, cut to hundredths, and its shot's number.
fn label(number: Option<usize>, seconds: f64) -> String {
    let hundredths = (seconds * 100.0).floor() as u64;
    let (minutes, rest) = (hundredths / 6000, hundredths % 6000);
    let time = format!("{minutes}:{:02}.{:02}", rest / 100, rest % 100);
    match number {
        Some(number) => format!("{number}   {time}"),
        None => time,
    }
}

/// The face of a sheet's letters: the cut's own, so that nothing has to be looked for.
fn face(timeline: &Timeline, steps: &mut Steps<'_>) -> Result<FontFace, Halt> {
    let own = timeline.captions.as_ref().map(|track| &track.style.font);
    let own = timeline
        .fonts
        .iter()
        .find(|face| own.is_none_or(|own| *own == face.request));
    if let Some(face) = own {
        return Ok(face.clone());
    }
    let result = steps.run_one(Action::ResolveFonts(ResolveFontsRequest {
        fonts: vec![FontRequest {
            family: FAMILY.to_owned(),
            weight: WEIGHT,
        }],
    }))?;
    match &result.facts {
        ActionFacts::Fonts(faces) if !faces.is_empty() => Ok(faces[0].clone()),
        _ => Err(wrong_facts("resolve_fonts").into()),
    }
}

/// Where everything on a sheet lies, in pixels.
struct Grid {
    size: (u32, u32),
    cell: (u32, u32),
    columns: u32,
    margin: u32,
    gap: u32,
    /// Height of the line above, and of the one under each picture.
    line: u32,
    rate: FrameRate,
}

impl Grid {
    fn new(canvas: &Canvas, count: u32, wish: SheetWish) -> Result<Self, LowerError> {
        if !(240..=8192).contains(&wish.width) {
            return Err(LowerError::new(
                format!("a sheet cannot be {} px wide", wish.width),
                "give a width from 240 to 8192",
            ));
        }
        let (margin, gap) = (wish.width / 48, wish.width / 96);
        let line = (wish.width / 44).max(18);
        let room =
            |columns: u32| wish.width.saturating_sub(2 * margin + gap * (columns - 1)) / columns;
        let letters = TIME_LETTERS + if wish.of_shots { NUMBER_LETTERS } else { 0 };
        // Letters of the usual faces are three fifths as wide as they are high.
        let narrowest = (letters * SMALLEST * 3 / 5).min(canvas.width & !1);
        let fits = |columns: &u32| room(*columns).min(canvas.width) >= narrowest;
        let best = (1..=count.min(MOST_COLUMNS))
            .filter(fits)
            .min_by_key(|columns| {
                let rows = count.div_ceil(*columns);
                let shape = u64::from(canvas.width) * u64::from(*columns) * 1000
                    / (u64::from(canvas.height) * u64::from(rows)).max(1);
                // A row that is not full costs a little.
                let empty = u64::from(rows * columns - count) * 150;
                ratio_pm(shape, SHEET_SHAPE_PM) + empty
            });
        let columns = wish.columns.or(best).unwrap_or(1).clamp(1, MOST_COLUMNS);
        if !fits(&columns) {
            return Err(LowerError::new(
                format!(
                    "in {columns} columns on {} px each picture would be {} px wide, and its time needs {narrowest}",
                    wish.width,
                    room(columns).min(canvas.width)
                ),
                "give fewer columns or a greater width",
            ));
        }
        let rows = count.div_ceil(columns).max(1);
        let width = (room(columns) & !1).clamp(16, canvas.width & !1);
        let cell = (width, canvas.height_at(width));
        let even = |side: u32| side.div_ceil(2) * 2;
        let size = (
            even(2 * margin + columns * cell.0 + (columns - 1) * gap),
            even(margin + line + gap + rows * (cell.1 + line + gap) + margin - gap),
        );
        if size.1 > 8192 {
            return Err(LowerError::new(
                format!("the sheet would be {} x {} px", size.0, size.1),
                "give more columns, fewer frames or a smaller width",
            ));
        }
        Ok(Self {
            size,
            cell,
            columns,
            margin,
            gap,
            line,
            rate: canvas.frame_rate,
        })
    }

    /// The line above the pictures.
    fn head(&self, timeline: &Timeline, face: &FontFace) -> Overlay {
        let canvas = &timeline.canvas;
        let text = format!(
            "{}    {} x {}    {} fps",
            label(None, timeline.duration.as_seconds()),
            canvas.width,
            canvas.height,
            (canvas.frame_rate.as_f64() * 100.0).round() / 100.0
        );
        let rect = Rect {
            x: self.margin as i32,
            y: (self.margin * 3 / 4) as i32,
            w: self.size.0 - 2 * self.margin,
            h: self.line,
        };
        self.text(&text, rect, (Anchor::Left, MUTED), face)
    }

    /// A picture and its line.
    fn cell(&self, place: u32, image: Digest, label: &str, face: &FontFace) -> [Overlay; 2] {
        let (column, row) = (place % self.columns, place / self.columns);
        let x = self.margin + column * (self.cell.0 + self.gap);
        let y = self.margin + self.line + self.gap + row * (self.cell.1 + self.line + self.gap);
        let rect = Rect {
            x: x as i32,
            y: y as i32,
            w: self.cell.0,
            h: self.cell.1,
        };
        let under = Rect {
            y: rect.y + self.cell.1 as i32 + (self.gap / 4) as i32,
            h: self.line,
            ..rect
        };
        [
            self.overlay(OverlayContent::Image(image), rect, Anchor::Center),
            self.text(label, under, (Anchor::Center, LIGHT), face),
        ]
    }

    fn text(
        &self,
        text: &str,
        rect: Rect,
        (anchor, color): (Anchor, Color),
        face: &FontFace,
    ) -> Overlay {
        let content = OverlayContent::Text(TextOverlay {
            text: text.to_owned(),
            font: face.request.clone(),
            size: (self.line * 3 / 5).clamp(SMALLEST, 200) as u16,
            color,
            max_lines: 1,
            fit: TextFit::Shrink,
            align: None,
            background: None,
            padding: 0,
            radius: 0,
            outline: None,
            shadow: None,
        });
        self.overlay(content, rect, anchor)
    }

    fn overlay(&self, content: OverlayContent, rect: Rect, anchor: Anchor) -> Overlay {
        Overlay {
            id: String::new(),
            range: TimeRange::from_units(0, 1, self.rate),
            content,
            rect,
            anchor,
            opacity_pm: 1000,
            enter: None,
            exit: None,
            keyframes: Vec::new(),
        }
    }
}

/// How far two shapes are apart: 0 for the same, 1000 where one is twice as wide.
fn ratio_pm(a: u64, b: u64) -> u64 {
    let (less, more) = (a.min(b).max(1), a.max(b));
    more * 1000 / less - 1000
}

/// Makes a picture of a cut and puts it where it was asked for; its path.
pub(super) fn view(
    timeline: &Timeline,
    still: &Still,
    steps: &mut Steps<'_>,
) -> Result<String, Halt> {
    let format = format_of(&still.to)?;
    let source = match still.shows {
        StillKind::Frame { at_ms } => {
            let frame = frame_at(timeline, i64::try_from(at_ms).unwrap_or(i64::MAX / 100_000))?;
            let sized = at_width(timeline, still.width)?;
            image_of(steps.run_one(snapshot(&sized, frame, format))?)?
        }
        StillKind::Sheet { frames, columns } => {
            let wish = SheetWish {
                columns,
                width: still.width.unwrap_or(SHEET_WIDTH),
                format,
                of_shots: frames.is_none(),
            };
            let frames = sheet_frames(timeline, frames)?;
            sheet(timeline, &frames, wish, steps)?
        }
    };
    let item = PublishItem {
        source,
        to: still.to.clone(),
    };
    let result = steps.run_one(Action::Publish(PublishRequest {
        items: vec![item],
        overwrite: crate::action::Overwrite::Replace,
    }))?;
    match &result.facts {
        ActionFacts::Published(files) if files.len() == 1 => Ok(files[0].path.clone()),
        _ => Err(wrong_facts("publish").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline {
        let golden = include_str!("../../../templates/tests/golden/footage.json");
        serde_json::from_str(golden).unwrap()
    }

    fn wish(columns: Option<u32>) -> SheetWish {
        SheetWish {
            columns,
            width: SHEET_WIDTH,
            format: StillFormat::Png,
            of_shots: false,
        }
    }

    #[test]
    fn frames_stand_in_the_middle_of_their_parts() {
        let mut cut = timeline();
        cut.duration.value = 100;
        assert_eq!(sheet_frames(&cut, Some(4)).unwrap(), [12, 37, 62, 87]);
        assert_eq!(sheet_frames(&cut, Some(1)).unwrap(), [50]);
        cut.duration.value = 2;
        assert_eq!(sheet_frames(&cut, Some(9)).unwrap(), [0, 1]);
        assert!(sheet_frames(&cut, Some(65)).is_err());
        let shots = sheet_frames(&timeline(), None).unwrap();
        assert!(shots.len() > 1 && shots.is_sorted());
    }

    #[test]
    fn a_time_means_the_frame_on_screen_then() {
        let cut = timeline();
        assert_eq!(frame_at(&cut, 0).unwrap(), 0);
        assert_eq!(
            frame_at(&cut, 99).unwrap(),
            2,
            "the fourth begins at 100 ms"
        );
        assert_eq!(frame_at(&cut, 100).unwrap(), 3);
        let end = cut.duration.to_millis();
        assert_eq!(frame_at(&cut, end - 1).unwrap(), cut.duration.value - 1);
        assert!(
            frame_at(&cut, end + 40)
                .unwrap_err()
                .message
                .contains("ends at")
        );
    }

    #[test]
    fn sheets_are_wide_and_pictures_lie_apart_inside_them() {
        let cut = timeline();
        for (count, columns) in [(12, 6), (1, 1), (5, 5), (24, 8)] {
            let grid = Grid::new(&cut.canvas, count, wish(None)).unwrap();
            assert_eq!(grid.columns, columns, "{count} upright pictures");
            assert!(
                grid.size.0 <= SHEET_WIDTH
                    && grid.size.0.is_multiple_of(2)
                    && grid.size.1.is_multiple_of(2)
            );
        }
        let own = Grid::new(&cut.canvas, 5, wish(Some(2))).unwrap();
        assert_eq!(own.columns, 2);
        let face = cut.fonts[0].clone();
        let digest = crate::digest::blob_digest(b"x");
        let rects: Vec<Rect> = (0..5)
            .flat_map(|place| own.cell(place, digest, "0:01.00", &face))
            .map(|overlay| overlay.rect)
            .collect();
        for (index, a) in rects.iter().enumerate() {
            assert!(a.x >= 0 && a.y >= 0);
            assert!(a.x as u32 + a.w <= own.size.0 && a.y as u32 + a.h <= own.size.1);
            for b in &rects[index + 1..] {
                let apart = a.x + a.w as i32 <= b.x
                    || b.x + b.w as i32 <= a.x
                    || a.y + a.h as i32 <= b.y
                    || b.y + b.h as i32 <= a.y;
                assert!(apart, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn pictures_too_narrow_for_their_times_are_refused_or_never_chosen() {
        let cut = timeline();
        let grid = |columns, width, of_shots| {
            let wish = SheetWish {
                width,
                of_shots,
                ..wish(columns)
            };
            Grid::new(&cut.canvas, 40, wish)
        };
        let narrow = grid(Some(16), 480, false).err().unwrap();
        assert!(
            narrow.message.contains("in 16 columns on 480 px"),
            "{narrow}"
        );
        assert!(grid(Some(16), 1920, true).is_ok());
        for width in [240, 480, 1000] {
            let own = grid(None, width, true).unwrap();
            assert!(own.cell.0 >= 80, "{} px at {width}", own.cell.0);
        }
    }

    #[test]
    fn times_are_told_as_people_read_them() {
        assert_eq!(label(None, 3.2), "0:03.20");
        assert_eq!(label(Some(4), 75.009), "4   1:15.00");
    }

    #[test]
    fn the_name_of_the_file_says_its_kind() {
        assert_eq!(format_of("/a/b.PNG").unwrap(), StillFormat::Png);
        assert_eq!(format_of("a.jpeg").unwrap(), StillFormat::Jpeg);
        assert!(format_of("/a.gif").is_err());
    }
}
