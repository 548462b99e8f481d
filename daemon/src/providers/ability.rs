//! Whether a model can do what a node will ask for, as far as is known of it: shapes, lengths, first frames and the like of
//! models that make pictures and clips, languages of those that speak.
//!
//! Neighbours: the runner passes over who cannot (`Providers::inability`), `fenta_workflows::models` holds the tables. What
//! nobody knows of a model stands in nobody's way: its vendor says it then.

use fenta_workflows::action::InvokeTask;
use fenta_workflows::models::wire::{Wires, Wish};
use fenta_workflows::models::{ModelRef, Models, Role};

use super::{VENDORS, openai, openai_images, sd_server};

/// Why a model cannot do it; none where it can, and where nothing is known of it.
pub(super) fn missing(
    role: Role,
    model: &ModelRef,
    task: &InvokeTask,
    wires: &Wires,
) -> Option<String> {
    tongue(role, model, task).or_else(|| picture(model, task, wires))
}

/// A language it does not speak.
fn tongue(role: Role, model: &ModelRef, task: &InvokeTask) -> Option<String> {
    let language = match task {
        InvokeTask::Speak(task) => task.language.as_str(),
        InvokeTask::Transcribe(task) => task.language.as_deref()?,
        _ => return None,
    };
    // Engines of this machine say it themselves.
    VENDORS.iter().find(|vendor| vendor.name == model.vendor)?;
    // A server at home has the voices it has, whatever its model is called.
    let vendor = ModelRef {
        vendor: model.vendor.clone(),
        model: None,
    };
    let models = Models::builtin();
    let server = || models.find(role, &vendor).filter(|_| model.is_local());
    let known = models.find(role, model).or_else(server)?;
    let spoken = &known.languages;
    let same = |one: &String| primary(one).eq_ignore_ascii_case(primary(language));
    let speaks = spoken.is_empty() || spoken.iter().any(same);
    (!speaks).then(|| format!("{model} knows {}, not `{language}`", spoken.join(", ")))
}

/// The language of a tag, without its script and region.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// What it takes no parameter for, or not this value.
pub(super) fn picture(model: &ModelRef, task: &InvokeTask, wires: &Wires) -> Option<String> {
    let dialect = [openai::VENDOR.name, sd_server::VENDOR.name];
    if let (InvokeTask::MakeImage(task), true) = (task, dialect.contains(&model.vendor.as_str())) {
        let name = model.model.as_deref().unwrap_or_default();
        let cannot = openai_images::cannot(name, task)?;
        return Some(format!("{model} takes no {cannot}"));
    }
    let wish = Wish::of(task)?;
    let Some(wire) = wires.get(model) else {
        let asked = wires.knows(&model.vendor);
        return asked.then(|| format!("how {model} is asked is not known"));
    };
    let form = match wire.form(&wish) {
        Ok(form) => form,
        Err(unfit) => return Some(unfit.message),
    };
    form.check(&wish, model).err().map(|unfit| unfit.message)
}

#[cfg(test)]
mod tests {
    use fenta_workflows::action::{MakeImageTask, MakeVideoTask, SpeakTask};
    use fenta_workflows::digest::blob_digest;

    use super::*;

    fn clip(first: bool, seconds: u64) -> InvokeTask {
        InvokeTask::MakeVideo(MakeVideoTask {
            prompt: "a bee".to_owned(),
            aspect: "9:16".to_owned(),
            duration_ms: Some(seconds * 1000),
            resolution: "720p".to_owned(),
            audio: false,
            first: first.then(|| blob_digest(b"x")),
            last: None,
            seed: 7,
            softening: false,
        })
    }

    fn of(role: Role, model: &str, task: &InvokeTask) -> Option<String> {
        missing(role, &model.parse().unwrap(), task, Wires::builtin())
    }

    #[test]
    fn models_of_clips_need_frames_and_know_lengths() {
        let why = of(
            Role::Video,
            "kie:hailuo/2-3-image-to-video-standard",
            &clip(false, 6),
        );
        assert!(why.unwrap().contains("needs a first frame"));
        let hailuo = "kie:hailuo/2-3-image-to-video-standard";
        assert_eq!(of(Role::Video, hailuo, &clip(true, 6)), None);
        let why = of(Role::Video, "kie:veo3_fast", &clip(false, 5)).unwrap();
        assert!(why.contains("does not do `seconds` 5"), "{why}");
        let why = of(Role::Video, "kie:nobody-knows", &clip(false, 5)).unwrap();
        assert!(why.contains("is not known"), "{why}");
        // Of a vendor nobody has a table of, nothing is known.
        assert_eq!(of(Role::Video, "sandbox:clip", &clip(false, 5)), None);
    }

    #[test]
    fn the_pictures_of_one_dialect_go_by_no_picture() {
        let picture = |reference: bool, aspect: &str| {
            InvokeTask::MakeImage(MakeImageTask {
                prompt: "a bee".to_owned(),
                negative: String::new(),
                aspect: aspect.to_owned(),
                size: "1K".to_owned(),
                variations: 1,
                reference: reference.then(|| blob_digest(b"x")),
                seed: 7,
            })
        };
        let model = "openai:gpt-image-2";
        assert_eq!(of(Role::Image, model, &picture(false, "9:16")), None);
        let why = of(Role::Image, model, &picture(true, "9:16")).unwrap();
        assert!(why.contains("takes no picture to go by"), "{why}");
        let old = of(Role::Image, "openai:gpt-image-1.5", &picture(false, "9:16"));
        assert!(old.unwrap().contains("9:16"));
    }

    #[test]
    fn a_server_speaks_the_languages_it_speaks() {
        let say = |language: &str| {
            InvokeTask::Speak(SpeakTask {
                text: String::new(),
                before: String::new(),
                after: String::new(),
                voice: None,
                language: language.to_owned(),
                speed_pm: 1000,
                instructions: String::new(),
            })
        };
        for model in ["kokoro:af_heart", "kokoro:a-voice-of-mine"] {
            assert_eq!(of(Role::Speech, model, &say("en-GB")), None);
            let why = of(Role::Speech, model, &say("de")).unwrap();
            assert!(why.contains("not `de`"), "{why}");
        }
        assert_eq!(of(Role::Speech, "elevenlabs:x", &say("de")), None);
    }
}
