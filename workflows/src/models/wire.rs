//! How each model that makes pictures and clips wants to be asked: the names of its parameters, their forms and limits.
//!
//! Models of one vendor differ: one wants seconds as a number, one as a text; one takes `aspect_ratio`, one `ratio`. The
//! dated table `data/parameters.json` says it for the models we know, a file of the user's may say it for others.
//! Neighbours: `table` says what models can do and cost; the daemon's adapters send what [`Form::fill`] makes. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::ModelRef;
use crate::action::InvokeTask;
use crate::digest::Digest;

/// A part of what may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What is seen or happens.
    Prompt,
    /// What is not seen.
    Negative,
    /// Width to height.
    Aspect,
    /// `1K`, `2K` or `4K`.
    Size,
    /// `480p` and the like.
    Resolution,
    /// Length in whole seconds.
    Seconds,
    /// Whether it has sound.
    Audio,
    /// Where its variation comes from.
    Seed,
    /// How much changes, permille.
    Strength,
    /// The first frame.
    First,
    /// The last frame.
    Last,
    /// A picture to go by.
    Reference,
    /// The clip that is changed.
    Source,
    /// A recording to go by.
    Sound,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prompt => "prompt",
            Self::Negative => "`negative`",
            Self::Aspect => "`aspect`",
            Self::Size => "`size`",
            Self::Resolution => "`resolution`",
            Self::Seconds => "`seconds`",
            Self::Audio => "sound",
            Self::Seed => "`seed`",
            Self::Strength => "`strength`",
            Self::First => "first frame",
            Self::Last => "last frame",
            Self::Reference => "picture to go by",
            Self::Source => "clip to change",
            Self::Sound => "recording",
        })
    }
}

/// What is asked for, in our words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// What happens to a clip, where one is changed.
    pub mode: Option<String>,
    given: BTreeMap<Part, Given>,
    files: BTreeMap<Part, Digest>,
}

#[derive(Clone, Debug, PartialEq)]
struct Given {
    value: Json,
    /// Whether it is what is meant where nobody says anything, so that a model that has no such parameter may be asked.
    usual: bool,
}

impl Wish {
    /// What a task asks for; none of tasks that make no pictures.
    pub fn of(task: &InvokeTask) -> Option<Self> {
        let mut wish = Self::default();
        match task {
            InvokeTask::MakeImage(task) => {
                wish.give(Part::Prompt, task.prompt.clone(), false);
                wish.give_text(Part::Negative, &task.negative);
                wish.give(Part::Aspect, task.aspect.clone(), false);
                wish.give(Part::Size, task.size.clone(), task.size == "1K");
                wish.give(Part::Seed, task.seed, true);
                wish.file(Part::Reference, task.reference);
            }
            InvokeTask::MakeVideo(task) => {
                wish.give(Part::Prompt, task.prompt.clone(), false);
                wish.give(Part::Aspect, task.aspect.clone(), false);
                let usual = task.resolution == "720p";
                wish.give(Part::Resolution, task.resolution.clone(), usual);
                if let Some(millis) = task.duration_ms {
                    wish.give(Part::Seconds, millis.div_ceil(1000), false);
                }
                wish.give(Part::Audio, task.audio, !task.audio);
                wish.give(Part::Seed, task.seed, true);
                wish.file(Part::First, task.first);
                wish.file(Part::Last, task.last);
            }
            InvokeTask::EditVideo(task) => {
                wish.mode = Some(task.mode.clone());
                wish.give_text(Part::Prompt, &task.prompt);
                wish.give(Part::Strength, task.strength_pm, task.strength_pm == 600);
                wish.file(Part::Source, Some(task.source));
                wish.file(Part::Reference, task.image);
                wish.file(Part::Sound, task.audio);
            }
            _ => return None,
        }
        Some(wish)
    }

    fn give(&mut self, part: Part, value: impl Into<Json>, usual: bool) {
        let value = value.into();
        self.given.insert(part, Given { value, usual });
    }

    fn give_text(&mut self, part: Part, text: &str) {
        if !text.is_empty() {
            self.give(part, text, false);
        }
    }

    fn file(&mut self, part: Part, file: Option<Digest>) {
        self.files.extend(file.map(|digest| (part, digest)));
    }

    /// The files it goes by.
    pub const fn files(&self) -> &BTreeMap<Part, Digest> {
        &self.files
    }

    /// The same with the address at which a model can read one of its files.
    #[must_use]
    pub fn with_address(mut self, part: Part, address: String) -> Self {
        self.give(part, address, false);
        self
    }

    fn has(&self, part: Part) -> bool {
        self.files.contains_key(&part) || self.given.contains_key(&part)
    }
}

/// Why a model cannot be asked for something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unfit {
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub hint: String,
}

fn unfit(message: String, hint: impl Into<String>) -> Unfit {
    Unfit {
        message,
        hint: hint.into(),
    }
}

/// How a parameter is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    /// As it is.
    #[default]
    Plain,
    /// As a text.
    Text,
    /// As an entry of a list, which other parameters may share.
    List,
}

/// A parameter of a model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    key: String,
    #[serde(default)]
    form: Shape,
    /// Its words for ours, where only these are taken.
    #[serde(default)]
    values: BTreeMap<String, Json>,
    #[serde(default)]
    least: Option<i64>,
    #[serde(default)]
    most: Option<i64>,
    #[serde(default)]
    most_chars: Option<usize>,
    /// What is sent where nothing is said.
    #[serde(default)]
    usual: Option<Json>,
}

/// One way a model is asked: with a text, with a first frame, for a change of a clip.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// What the vendor calls the model in this way.
    pub name: String,
    #[serde(default)]
    modes: BTreeSet<String>,
    #[serde(default)]
    needs: BTreeSet<Part>,
    /// Whether what it makes has sound anyway.
    #[serde(default)]
    sounds: bool,
    fields: BTreeMap<Part, Field>,
    /// What is sent besides.
    #[serde(default)]
    fixed: Map<String, Json>,
}

/// How a model is asked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// The model.
    pub id: ModelRef,
    /// The paths and answers it shares with others.
    pub family: String,
    forms: Vec<Form>,
}

impl Wire {
    /// The way that fits a wish.
    ///
    /// # Errors
    /// When there is none.
    pub fn form(&self, wish: &Wish) -> Result<&Form, Unfit> {
        let mode_fits = |form: &&Form| match &wish.mode {
            Some(mode) => form.modes.contains(mode),
            None => form.modes.is_empty(),
        };
        let forms: Vec<&Form> = self.forms.iter().filter(mode_fits).collect();
        if let Some(mode) = wish.mode.as_ref().filter(|_| forms.is_empty()) {
            return Err(unfit(
                format!("{} does not do `mode: {mode}`", self.id),
                "name another model in `model`",
            ));
        }
        let with_needs = |form: &&&Form| form.needs.iter().all(|part| wish.has(*part));
        let fitting = forms.iter().find(with_needs);
        match (fitting, forms.first()) {
            (Some(form), _) => Ok(form),
            (None, Some(form)) => {
                let needs: Vec<String> = form.needs.iter().map(ToString::to_string).collect();
                Err(unfit(
                    format!("{} needs a {}", self.id, needs.join(" and a ")),
                    "give it one, or name another model",
                ))
            }
            (None, None) => Err(unfit(
                format!("{} makes nothing of this kind", self.id),
                "name another model in `model`",
            )),
        }
    }
}

impl Form {
    /// Whether everything that is asked for can be said in this form. Files need no address for that.
    ///
    /// # Errors
    /// What cannot be said.
    pub fn check(&self, wish: &Wish, model: &ModelRef) -> Result<(), Unfit> {
        let mut whole = wish.clone();
        for part in wish.files.keys() {
            whole = whole.with_address(*part, String::new());
        }
        self.fill(&whole, model).map(|_| ())
    }

    /// The parameters of the call, in the vendor's words.
    ///
    /// # Errors
    /// What cannot be said.
    pub fn fill(&self, wish: &Wish, model: &ModelRef) -> Result<Map<String, Json>, Unfit> {
        let mut filled = self.fixed.clone();
        for (part, given) in &wish.given {
            match self.fields.get(part) {
                Some(field) => field.put(*part, &given.value, model, &mut filled)?,
                None if given.usual || self.goes_without(*part, given) => {}
                None => {
                    return Err(unfit(
                        format!("{model} takes no {part}"),
                        "leave it out, or name another model",
                    ));
                }
            }
        }
        let left_out = self.fields.iter().filter(|(part, _)| !wish.has(**part));
        for (_, field) in left_out {
            if let Some(usual) = &field.usual {
                filled.insert(field.key.clone(), usual.clone());
            }
        }
        Ok(filled)
    }

    /// What a model does without being told: a clip has the shape of the picture it goes by, and sound where it always has.
    fn goes_without(&self, part: Part, given: &Given) -> bool {
        match part {
            Part::Aspect => {
                let pictures = [Part::First, Part::Reference, Part::Source];
                pictures.iter().any(|part| self.needs.contains(part))
            }
            Part::Audio => self.sounds && given.value == Json::Bool(true),
            _ => false,
        }
    }
}

impl Field {
    fn put(
        &self,
        part: Part,
        value: &Json,
        model: &ModelRef,
        filled: &mut Map<String, Json>,
    ) -> Result<(), Unfit> {
        let value = self.said(part, value, model)?;
        match self.form {
            Shape::Plain => {
                filled.insert(self.key.clone(), value);
            }
            Shape::Text => {
                filled.insert(self.key.clone(), Json::String(plain(&value)));
            }
            Shape::List => {
                let list = filled
                    .entry(self.key.clone())
                    .or_insert_with(|| Json::Array(Vec::new()));
                if let Json::Array(list) = list {
                    list.push(value);
                }
            }
        }
        Ok(())
    }

    fn said(&self, part: Part, value: &Json, model: &ModelRef) -> Result<Json, Unfit> {
        let text = plain(value);
        if let Some(most) = self.most_chars
            && text.chars().count() > most
        {
            let long = text.chars().count();
            return Err(unfit(
                format!("the prompt has {long} characters; {model} takes {most}"),
                "write a shorter one, or name another model",
            ));
        }
        if !self.values.is_empty() {
            let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
            return self.values.get(&text).cloned().ok_or_else(|| {
                unfit(
                    format!("{model} does not do {part} {text}"),
                    format!("it does {}", known.join(", ")),
                )
            });
        }
        let (Some(least), Some(most)) = (self.least, self.most) else {
            return Ok(value.clone());
        };
        if part == Part::Seed {
            // Any number is as good as another: only that the same gives the same matters.
            let span = u64::try_from(most - least).unwrap_or(0).saturating_add(1);
            let seed = value.as_u64().unwrap_or(0) % span;
            return Ok(Json::from(least + i64::try_from(seed).unwrap_or(0)));
        }
        let number = value.as_i64();
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Json::from(number)),
            None => Err(unfit(
                format!("{model} does not do {part} {text}"),
                format!("it does {least} to {most}"),
            )),
        }
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wires {
    as_of: String,
    models: Vec<Wire>,
}

static BUILTIN: LazyLock<Wires> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/parameters.json"))
        .expect("the table ships with the program, because a test reads all of it")
});

impl Wires {
    /// The table that ships.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// The day the table was made.
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// The table that ships with what a document in the same form says besides, or otherwise.
    ///
    /// # Errors
    /// Where and how the document is wrong.
    pub fn with(text: &str) -> Result<Self, String> {
        let own: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut all = own;
        for wire in &Self::builtin().models {
            if all.get(&wire.id).is_none() {
                all.models.push(wire.clone());
            }
        }
        Ok(all)
    }

    /// How a model is asked.
    pub fn get(&self, model: &ModelRef) -> Option<&Wire> {
        self.models.iter().find(|wire| wire.id == *model)
    }

    /// Whether it says of a model of this vendor how it is asked.
    pub fn knows(&self, vendor: &str) -> bool {
        self.models.iter().any(|wire| wire.id.vendor == vendor)
    }

    /// The models of a vendor that do something to a clip.
    pub fn doing(&self, vendor: &str, mode: &str) -> Vec<String> {
        let does = |wire: &&Wire| {
            let mut forms = wire.forms.iter();
            wire.id.vendor == vendor && forms.any(|form| form.modes.contains(mode))
        };
        self.models
            .iter()
            .filter(does)
            .map(|wire| wire.id.to_string())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::{EditVideoTask, MakeImageTask, MakeVideoTask};
    use crate::digest::blob_digest;
    use crate::models::{Models, Role};

    fn video() -> MakeVideoTask {
        MakeVideoTask {
            prompt: "a bee takes off".into(),
            aspect: "9:16".into(),
            duration_ms: None,
            resolution: "720p".into(),
            audio: false,
            first: None,
            last: None,
            seed: 4_294_967_299,
            softening: false,
        }
    }

    fn asked(model: &str, wish: &Wish) -> Result<(String, Json), Unfit> {
        let model: ModelRef = model.parse().unwrap();
        let wire = Wires::builtin().get(&model).unwrap();
        let form = wire.form(wish)?;
        form.check(wish, &model)?;
        let mut wish = wish.clone();
        for part in wish.files.clone().into_keys() {
            wish = wish.with_address(part, format!("https://files/{part:?}"));
        }
        Ok((form.name.clone(), Json::Object(form.fill(&wish, &model)?)))
    }

    fn clip(model: &str, task: MakeVideoTask) -> Result<(String, Json), Unfit> {
        asked(model, &Wish::of(&InvokeTask::MakeVideo(task)).unwrap())
    }

    #[test]
    fn every_model_of_the_table_can_be_asked_and_the_tables_agree() {
        let wires = Wires::builtin();
        assert!(wires.as_of().parse::<jiff::civil::Date>().is_ok());
        let asked = ["kie", "fal"];
        for model in Models::builtin().all() {
            let makes = [Role::Image, Role::Video, Role::Edit];
            let ours = asked.contains(&model.id.vendor.as_str()) && model.retires.is_none();
            if !ours || !model.roles.iter().any(|role| makes.contains(role)) {
                continue;
            }
            let wire = wires.get(&model.id);
            let wire = wire.unwrap_or_else(|| panic!("{} cannot be asked", model.id));
            for form in &wire.forms {
                let Some(seconds) = form.fields.get(&Part::Seconds) else {
                    continue;
                };
                for one in &model.seconds {
                    let said = seconds.said(Part::Seconds, &json!(one), &model.id);
                    assert!(said.is_ok(), "{} {one} s", model.id);
                }
            }
        }
        for wire in &wires.models {
            let known = Models::builtin().all().any(|model| model.id == wire.id);
            assert!(known, "{} has no row in models.json", wire.id);
        }
    }

    #[test]
    fn seconds_and_shapes_are_said_in_each_models_own_words() {
        let eight = |ms| MakeVideoTask {
            duration_ms: Some(ms),
            ..video()
        };
        let (name, veo) = clip("kie:veo3_fast", eight(8000)).unwrap();
        assert_eq!(name, "veo3_fast");
        assert_eq!(
            (&veo["aspectRatio"], &veo["duration"]),
            (&json!("9:16"), &json!(8))
        );
        assert_eq!(veo["generationType"], "TEXT_2_VIDEO");
        let (_, kling) = clip("kie:kling/3.0", eight(7000)).unwrap();
        assert_eq!(
            (&kling["duration"], &kling["mode"]),
            (&json!("7"), &json!("std"))
        );
        let (_, wan) = clip("kie:wan/2-7", video()).unwrap();
        assert_eq!(
            (&wan["ratio"], &wan["duration"], &wan["seed"]),
            (&json!("9:16"), &json!(5), &json!(3))
        );
        let (_, seedance) = clip("kie:bytedance/seedance-2", video()).unwrap();
        assert_eq!(seedance["generate_audio"], false);
        assert!(seedance.get("seed").is_none());
    }

    #[test]
    fn a_first_frame_changes_the_way_a_model_is_asked() {
        let with = MakeVideoTask {
            first: Some(blob_digest(b"a")),
            last: Some(blob_digest(b"b")),
            ..video()
        };
        let (name, wan) = clip("kie:wan/2-7", with.clone()).unwrap();
        assert_eq!(name, "wan/2-7-image-to-video");
        assert_eq!(wan["first_frame_url"], "https://files/First");
        assert!(
            wan.get("ratio").is_none(),
            "it has the shape of the picture"
        );
        let (_, kling) = clip("kie:kling/3.0", with).unwrap();
        assert_eq!(
            kling["image_urls"],
            json!(["https://files/First", "https://files/Last"])
        );
        let needs = clip("kie:hailuo/2-3-image-to-video-standard", video()).unwrap_err();
        assert!(needs.message.contains("needs a first frame"), "{needs}");
    }

    #[test]
    fn what_a_model_cannot_do_is_refused_and_never_dropped() {
        let wrong = |model, task| clip(model, task).unwrap_err().to_string();
        let five = MakeVideoTask {
            duration_ms: Some(5000),
            ..video()
        };
        assert!(wrong("kie:veo3_fast", five).contains("`seconds` 5"));
        let loud = MakeVideoTask {
            audio: true,
            ..video()
        };
        assert!(wrong("kie:wan/2-7", loud.clone()).contains("takes no sound"));
        assert!(clip("kie:veo3_fast", loud).is_ok(), "it always has sound");
        let long = MakeVideoTask {
            prompt: "x".repeat(1801),
            ..video()
        };
        assert!(wrong("kie:runway", long).contains("1801 characters"));
        let picture = InvokeTask::MakeImage(MakeImageTask {
            prompt: "x".into(),
            negative: "rain".into(),
            aspect: "9:16".into(),
            size: "1K".into(),
            variations: 1,
            reference: None,
            seed: 1,
        });
        let refused = asked("kie:z-image", &Wish::of(&picture).unwrap()).unwrap_err();
        assert!(refused.message.contains("`negative`"));
    }

    #[test]
    fn changes_of_clips_find_the_models_that_do_them() {
        let edit = |mode: &str| {
            let task = EditVideoTask {
                mode: mode.into(),
                source: blob_digest(b"clip"),
                prompt: if mode == "upscale" {
                    ""
                } else {
                    "as a drawing"
                }
                .into(),
                image: None,
                audio: None,
                strength_pm: 600,
            };
            Wish::of(&InvokeTask::EditVideo(task)).unwrap()
        };
        let (_, restyled) = asked("kie:aleph", &edit("restyle")).unwrap();
        assert_eq!(restyled["videoUrl"], "https://files/Source");
        let (_, larger) = asked("kie:topaz/video-upscale", &edit("upscale")).unwrap();
        assert_eq!(larger["upscale_factor"], "2");
        assert!(asked("kie:aleph", &edit("upscale")).is_err());
        assert_eq!(
            Wires::builtin().doing("kie", "upscale"),
            ["kie:topaz/video-upscale"]
        );
        assert!(Wires::builtin().doing("kie", "remove_bg").is_empty());
    }

    #[test]
    fn a_document_of_the_users_adds_models_and_wins() {
        let own = r#"{"as_of":"2027-01-01","models":[
            {"id":"kie:new/model","family":"jobs","forms":[{"name":"new/model","fields":{"prompt":{"key":"text"}}}]},
            {"id":"kie:z-image","family":"jobs","forms":[{"name":"z-image-2","fields":{"prompt":{"key":"prompt"}}}]}]}"#;
        let wires = Wires::with(own).unwrap();
        let name = |id: &str| {
            wires.get(&id.parse().unwrap()).unwrap().forms[0]
                .name
                .clone()
        };
        assert_eq!(name("kie:new/model"), "new/model");
        assert_eq!(name("kie:z-image"), "z-image-2");
        assert_eq!(name("kie:kling/3.0"), "kling-3.0/video");
        assert!(
            Wires::with(r#"{"as_of":"x","models":[{"id":"kie:x"}]}"#)
                .unwrap_err()
                .contains("family")
        );
    }
}
