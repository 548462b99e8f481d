//! The door to libflite: the C library is opened at run time, given tokens, and asked for samples and word times.
//!
//! Nothing else in the crate touches it. The library keeps its voices in global variables, so calls are made one at a
//! time; it is never unloaded, because it hands out pointers to its own data. Tokens are built here one by one (not
//! parsed by the library from a text), each marked with the number of the written word it belongs to.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_float, c_int, c_uint, c_void};
use std::sync::Mutex;

use libloading::{Library, Symbol};

use crate::audio::error::AudioError;

/// Debian's package with the library and its voices.
const PACKAGE: &str = "libflite1";
/// The feature that carries the number of the written word.
const SOURCE: &CStr = c"fenta_source";

/// The library's calls are not made to run side by side.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// One token to be spoken: plain ASCII without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The word.
    pub(crate) name: String,
    /// The punctuation after it; decides where the voice takes a break.
    pub(crate) punctuation: &'static CStr,
    /// Number of the written word.
    pub(crate) source: u32,
}

/// A stretch of an utterance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    /// Seconds.
    pub(crate) start: f32,
    /// Seconds.
    pub(crate) end: f32,
}

/// What the library made of the tokens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Utterance {
    pub(crate) rate: u32,
    pub(crate) samples: Vec<i16>,
    /// Spoken words in order with the number of the written word each belongs to.
    pub(crate) words: Vec<(u32, Stretch)>,
    /// Pauses, the leading and the trailing one included.
    pub(crate) pauses: Vec<Stretch>,
    /// The sounds in order, as the library names them, with the number of the written word each belongs to.
    pub(crate) sounds: Vec<(u32, String)>,
}

/// First two fields of `cst_voice`, unchanged since flite 1.0.
#[repr(C)]
struct Voice {
    name: *const c_char,
    features: *mut c_void,
}

/// `cst_wave`, unchanged since flite 1.0.
#[repr(C)]
struct Wave {
    kind: *const c_char,
    sample_rate: c_int,
    num_samples: c_int,
    num_channels: c_int,
    samples: *const i16,
}

// SAFETY: the signature is the C standard's; every Unix C library has it.
unsafe extern "C" {
    fn srand(seed: c_uint);
}

type Pointer = *mut c_void;
type Register = unsafe extern "C" fn(*const c_char) -> *mut Voice;

/// The functions used, looked up once per synthesis.
struct Api {
    new_utterance: unsafe extern "C" fn() -> Pointer,
    delete_utterance: unsafe extern "C" fn(Pointer),
    utt_relation_create: unsafe extern "C" fn(Pointer, *const c_char) -> Pointer,
    utt_relation: unsafe extern "C" fn(Pointer, *const c_char) -> Pointer,
    relation_append: unsafe extern "C" fn(Pointer, Pointer) -> Pointer,
    relation_head: unsafe extern "C" fn(Pointer) -> Pointer,
    item_next: unsafe extern "C" fn(Pointer) -> Pointer,
    item_set_string: unsafe extern "C" fn(Pointer, *const c_char, *const c_char),
    item_set_int: unsafe extern "C" fn(Pointer, *const c_char, c_int),
    item_feat_string: unsafe extern "C" fn(Pointer, *const c_char) -> *const c_char,
    item_feat_float: unsafe extern "C" fn(Pointer, *const c_char) -> c_float,
    ffeature_float: unsafe extern "C" fn(Pointer, *const c_char) -> c_float,
    ffeature_int: unsafe extern "C" fn(Pointer, *const c_char) -> c_int,
    feat_set_float: unsafe extern "C" fn(Pointer, *const c_char, c_float),
    flite_do_synth: unsafe extern "C" fn(Pointer, *mut Voice, Pointer) -> Pointer,
    utt_synth_tokens: Pointer,
    utt_wave: unsafe extern "C" fn(Pointer) -> *const Wave,
}

fn missing(name: &str, error: &libloading::Error) -> AudioError {
    AudioError::EngineMissing {
        name: name.to_owned(),
        package: PACKAGE,
        detail: error.to_string(),
    }
}

/// Opens a library for the life of the process.
fn open(name: &str) -> Result<&'static Library, AudioError> {
    // SAFETY: libflite and its voices run no initialisers with side effects beyond their own data.
    let library = unsafe { Library::new(name) }.map_err(|error| missing(name, &error))?;
    // Its functions give out pointers to its own data, so it must never be unloaded.
    Ok(Box::leak(Box::new(library)))
}

/// Looks a symbol up and copies it.
fn symbol<T: Copy + 'static>(library: &'static Library, name: &str) -> Result<T, AudioError> {
    // SAFETY: every caller states the type flite's headers give the symbol; the library is never unloaded.
    let found: Result<Symbol<'static, T>, _> = unsafe { library.get(name.as_bytes()) };
    found
        .map(|symbol| *symbol)
        .map_err(|error| missing(name, &error))
}

impl Api {
    fn load(library: &'static Library) -> Result<Self, AudioError> {
        Ok(Self {
            new_utterance: symbol(library, "new_utterance")?,
            delete_utterance: symbol(library, "delete_utterance")?,
            utt_relation_create: symbol(library, "utt_relation_create")?,
            utt_relation: symbol(library, "utt_relation")?,
            relation_append: symbol(library, "relation_append")?,
            relation_head: symbol(library, "relation_head")?,
            item_next: symbol(library, "item_next")?,
            item_set_string: symbol(library, "item_set_string")?,
            item_set_int: symbol(library, "item_set_int")?,
            item_feat_string: symbol(library, "item_feat_string")?,
            item_feat_float: symbol(library, "item_feat_float")?,
            ffeature_float: symbol(library, "ffeature_float")?,
            ffeature_int: symbol(library, "ffeature_int")?,
            feat_set_float: symbol(library, "feat_set_float")?,
            flite_do_synth: symbol(library, "flite_do_synth")?,
            utt_synth_tokens: symbol(library, "utt_synth_tokens")?,
            utt_wave: symbol(library, "utt_wave")?,
        })
    }
}

/// Speaks tokens with a voice (`slt`, `rms`, ...); `stretch` is the length of sounds against the voice's own.
pub(crate) fn synthesise(
    voice: &str,
    tokens: &[Token],
    stretch: f32,
) -> Result<Utterance, AudioError> {
    let _alone = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let core = open("libflite.so.1")?;
    let api = Api::load(core)?;
    let init: unsafe extern "C" fn() -> c_int = symbol(core, "flite_init")?;
    let voices = open(&format!("libflite_cmu_us_{voice}.so.1"))?;
    let register: Register = symbol(voices, &format!("register_cmu_us_{voice}"))?;
    // SAFETY: `srand` takes any number. The voices draw their breath noise from the C library's generator; the same
    // start gives the same sound whatever was spoken before.
    unsafe { srand(1) };
    // SAFETY: initialising twice is allowed; registering again gives the voice already made.
    let voice = unsafe {
        init();
        register(std::ptr::null())
    };
    if voice.is_null() {
        return Err(failed("the voice cannot be registered"));
    }
    let spoken = Spoken::new(&api, voice, tokens, stretch)?;
    spoken.read()
}

fn failed(detail: &str) -> AudioError {
    AudioError::Engine {
        engine: "flite",
        detail: detail.to_owned(),
    }
}

/// A finished utterance of the library's, freed when dropped.
struct Spoken<'a> {
    api: &'a Api,
    utterance: Pointer,
}

impl<'a> Spoken<'a> {
    fn new(
        api: &'a Api,
        voice: *mut Voice,
        tokens: &[Token],
        stretch: f32,
    ) -> Result<Self, AudioError> {
        // SAFETY: `voice` is a registered voice, whose features live as long as the library; the name is copied.
        unsafe { (api.feat_set_float)((*voice).features, c"duration_stretch".as_ptr(), stretch) };
        // SAFETY: no arguments; the result is checked.
        let utterance = unsafe { (api.new_utterance)() };
        if utterance.is_null() {
            return Err(failed("no memory for an utterance"));
        }
        // SAFETY: the utterance was just made; `Token` is what `utt_synth_tokens` reads.
        let relation = unsafe { (api.utt_relation_create)(utterance, c"Token".as_ptr()) };
        for token in tokens {
            add_token(api, relation, token)?;
        }
        // SAFETY: utterance and voice are valid; on failure the library has freed the utterance itself.
        let utterance = unsafe { (api.flite_do_synth)(utterance, voice, api.utt_synth_tokens) };
        if utterance.is_null() {
            return Err(failed("the text could not be synthesised"));
        }
        Ok(Self { api, utterance })
    }

    fn read(&self) -> Result<Utterance, AudioError> {
        // SAFETY: the utterance is valid and owns the wave, which is only read before it is freed.
        let wave = unsafe { (self.api.utt_wave)(self.utterance).as_ref() }
            .filter(|wave| !wave.samples.is_null() && wave.num_channels == 1)
            .ok_or_else(|| failed("no mono sound came out"))?;
        let count = usize::try_from(wave.num_samples).unwrap_or(0);
        // SAFETY: `samples` holds `num_samples` values of one channel.
        let samples = unsafe { std::slice::from_raw_parts(wave.samples, count) }.to_vec();
        Ok(Utterance {
            rate: u32::try_from(wave.sample_rate).unwrap_or(0).max(1),
            samples,
            words: self.words(),
            pauses: self.pauses(),
            sounds: self.sounds(),
        })
    }

    /// The head of a relation and all its followers.
    fn items(&self, relation: &CStr) -> Vec<Pointer> {
        let mut items = Vec::new();
        // SAFETY: the utterance is valid; a missing relation is null and is not followed.
        unsafe {
            let relation = (self.api.utt_relation)(self.utterance, relation.as_ptr());
            if relation.is_null() {
                return items;
            }
            let mut item = (self.api.relation_head)(relation);
            while !item.is_null() {
                items.push(item);
                item = (self.api.item_next)(item);
            }
        }
        items
    }

    fn words(&self) -> Vec<(u32, Stretch)> {
        let path = |path: &CStr, word: Pointer| {
            // SAFETY: `word` is an item of this utterance; an absent path gives 0.
            unsafe { (self.api.ffeature_float)(word, path.as_ptr()) }
        };
        self.items(c"Word")
            .into_iter()
            .map(|word| {
                // SAFETY: as above; every token was given the feature.
                let source = unsafe {
                    (self.api.ffeature_int)(word, c"R:Token.parent.fenta_source".as_ptr())
                };
                let start = path(c"R:SylStructure.daughter1.daughter1.R:Segment.p.end", word);
                let end = path(c"R:SylStructure.daughtern.daughtern.R:Segment.end", word);
                (u32::try_from(source).unwrap_or(0), Stretch { start, end })
            })
            // A word without sounds (a lone sign) has no times.
            .filter(|(_, stretch)| stretch.end > stretch.start)
            .collect()
    }

    fn sounds(&self) -> Vec<(u32, String)> {
        let source = c"R:SylStructure.parent.parent.R:Token.parent.fenta_source";
        let mut sounds = Vec::new();
        for segment in self.items(c"Segment") {
            // SAFETY: `segment` is an item of this utterance; its name is a C string that lives as long. A pause belongs
            // to no word, and is left out by its name.
            let (name, source) = unsafe {
                let name = (self.api.item_feat_string)(segment, c"name".as_ptr());
                if name.is_null() || CStr::from_ptr(name) == c"pau" {
                    continue;
                }
                (
                    CStr::from_ptr(name).to_string_lossy().into_owned(),
                    (self.api.ffeature_int)(segment, source.as_ptr()),
                )
            };
            sounds.push((u32::try_from(source).unwrap_or(0), name));
        }
        sounds
    }

    fn pauses(&self) -> Vec<Stretch> {
        let mut start = 0.0;
        let mut pauses = Vec::new();
        for segment in self.items(c"Segment") {
            // SAFETY: `segment` is an item of this utterance; its name is a C string that lives as long.
            let (end, is_pause) = unsafe {
                let name = (self.api.item_feat_string)(segment, c"name".as_ptr());
                (
                    (self.api.item_feat_float)(segment, c"end".as_ptr()),
                    !name.is_null() && CStr::from_ptr(name) == c"pau",
                )
            };
            if is_pause {
                pauses.push(Stretch { start, end });
            }
            start = end;
        }
        pauses
    }
}

fn add_token(api: &Api, relation: Pointer, token: &Token) -> Result<(), AudioError> {
    let name = CString::new(token.name.as_str()).map_err(|_| failed("a word holds a zero byte"))?;
    // SAFETY: the relation belongs to a live utterance; all strings are copied by the library.
    unsafe {
        let item = (api.relation_append)(relation, std::ptr::null_mut());
        (api.item_set_string)(item, c"name".as_ptr(), name.as_ptr());
        (api.item_set_string)(item, c"whitespace".as_ptr(), c" ".as_ptr());
        (api.item_set_string)(item, c"prepunctuation".as_ptr(), c"".as_ptr());
        (api.item_set_string)(item, c"punc".as_ptr(), token.punctuation.as_ptr());
        (api.item_set_int)(item, SOURCE.as_ptr(), token.source as c_int);
    }
    Ok(())
}

impl Drop for Spoken<'_> {
    fn drop(&mut self) {
        // SAFETY: the utterance is valid and freed once.
        unsafe { (self.api.delete_utterance)(self.utterance) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(words: &[&str]) -> Vec<Token> {
        words
            .iter()
            .enumerate()
            .map(|(source, name)| Token {
                name: (*name).to_owned(),
                punctuation: c"",
                source: source as u32,
            })
            .collect()
    }

    #[test]
    fn numbers_become_words_of_their_token() {
        let spoken = synthesise("slt", &tokens(&["costs", "25", "dollars"]), 1.0).unwrap();
        assert_eq!(spoken.rate, 16_000);
        let sources: Vec<u32> = spoken.words.iter().map(|word| word.0).collect();
        assert_eq!(sources, [0, 1, 1, 2]);
        assert!(
            spoken
                .words
                .is_sorted_by(|a, b| a.1.end <= b.1.start + 1e-4)
        );
        assert_eq!(spoken.pauses.len(), 2);
    }

    #[test]
    fn the_stretch_is_set_anew_each_time() {
        let words = tokens(&["hello", "there"]);
        let plain = synthesise("slt", &words, 1.0).unwrap();
        let slow = synthesise("slt", &words, 1.5).unwrap();
        assert!(slow.samples.len() as f32 / plain.samples.len() as f32 > 1.4);
        assert!(synthesise("slt", &words, 1.0).unwrap() == plain);
    }

    #[test]
    fn a_voice_that_is_not_installed_names_the_package() {
        let error = synthesise("nobody", &tokens(&["hello"]), 1.0).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("libflite_cmu_us_nobody.so.1"), "{text}");
    }
}
