//! The door to pocketsphinx: the C library is opened at run time, given words with their sounds and a recording, and
//! asked when each word is said.
//!
//! The words are known and stand in one order, so its grammar is one line; between them it may hear silence. Nothing of
//! its dictionary is used: every word comes with the sounds it is made of. Where library or model are not installed, or
//! the recording does not hold the words, there is no answer.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use libloading::{Library, Symbol};

/// Samples per second of what it hears.
pub(super) const RATE: u32 = 16_000;
/// Its frames per second.
pub(super) const FRAMES: u32 = 100;
/// Folders with its model of English.
const MODELS: [&str; 2] = [
    "/usr/share/pocketsphinx/model/en-us",
    "/usr/local/share/pocketsphinx/model/en-us",
];

type Pointer = *mut c_void;

/// The functions used; the libraries are never unloaded.
struct Api {
    err_set_logfp: unsafe extern "C" fn(Pointer),
    ps_args: unsafe extern "C" fn() -> *const c_void,
    cmd_ln_init: unsafe extern "C" fn(Pointer, *const c_void, c_int, *const c_char, ...) -> Pointer,
    cmd_ln_free_r: unsafe extern "C" fn(Pointer) -> c_int,
    ps_init: unsafe extern "C" fn(Pointer) -> Pointer,
    ps_free: unsafe extern "C" fn(Pointer) -> c_int,
    ps_add_word: unsafe extern "C" fn(Pointer, *const c_char, *const c_char, c_int) -> c_int,
    ps_set_jsgf_string: unsafe extern "C" fn(Pointer, *const c_char, *const c_char) -> c_int,
    ps_set_search: unsafe extern "C" fn(Pointer, *const c_char) -> c_int,
    ps_start_utt: unsafe extern "C" fn(Pointer) -> c_int,
    ps_process_raw: unsafe extern "C" fn(Pointer, *const i16, usize, c_int, c_int) -> c_int,
    ps_end_utt: unsafe extern "C" fn(Pointer) -> c_int,
    ps_seg_iter: unsafe extern "C" fn(Pointer) -> Pointer,
    ps_seg_next: unsafe extern "C" fn(Pointer) -> Pointer,
    ps_seg_word: unsafe extern "C" fn(Pointer) -> *const c_char,
    ps_seg_frames: unsafe extern "C" fn(Pointer, *mut c_int, *mut c_int),
}

/// Opens a library for the life of the process.
fn open(name: &str) -> Option<&'static Library> {
    // SAFETY: neither library runs initialisers with effects beyond its own data.
    let library = unsafe { Library::new(name) }.ok()?;
    Some(Box::leak(Box::new(library)))
}

fn symbol<T: Copy + 'static>(library: &'static Library, name: &str) -> Option<T> {
    // SAFETY: every caller states the type that pocketsphinx 5prealpha's headers give the symbol.
    let found: Result<Symbol<'static, T>, _> = unsafe { library.get(name.as_bytes()) };
    found.ok().map(|symbol| *symbol)
}

impl Api {
    fn load() -> Option<Self> {
        let base = open("libsphinxbase.so.3")?;
        let own = open("libpocketsphinx.so.3")?;
        Some(Self {
            err_set_logfp: symbol(base, "err_set_logfp")?,
            ps_args: symbol(own, "ps_args")?,
            cmd_ln_init: symbol(base, "cmd_ln_init")?,
            cmd_ln_free_r: symbol(base, "cmd_ln_free_r")?,
            ps_init: symbol(own, "ps_init")?,
            ps_free: symbol(own, "ps_free")?,
            ps_add_word: symbol(own, "ps_add_word")?,
            ps_set_jsgf_string: symbol(own, "ps_set_jsgf_string")?,
            ps_set_search: symbol(own, "ps_set_search")?,
            ps_start_utt: symbol(own, "ps_start_utt")?,
            ps_process_raw: symbol(own, "ps_process_raw")?,
            ps_end_utt: symbol(own, "ps_end_utt")?,
            ps_seg_iter: symbol(own, "ps_seg_iter")?,
            ps_seg_next: symbol(own, "ps_seg_next")?,
            ps_seg_word: symbol(own, "ps_seg_word")?,
            ps_seg_frames: symbol(own, "ps_seg_frames")?,
        })
    }
}

/// When each word is said: first frame and the frame after its last, in order. A word is its sounds as the model names
/// them (`HH AH L OW`), at least one.
pub(super) fn align(sound: &[i16], words: &[String]) -> Option<Vec<(u32, u32)>> {
    let model = MODELS
        .into_iter()
        .find(|folder| Path::new(folder).is_dir())?;
    let api = Api::load()?;
    let decoder = Decoder::new(&api, model)?;
    decoder.set_words(words)?;
    decoder.hear(sound)?;
    decoder.words(words.len())
}

/// A decoder with its settings, both freed when dropped.
struct Decoder<'a> {
    api: &'a Api,
    settings: Pointer,
    decoder: Pointer,
}

impl<'a> Decoder<'a> {
    fn new(api: &'a Api, model: &str) -> Option<Self> {
        // SAFETY: null means that nothing is logged. A log file of its own, were it /dev/null, could not be opened here.
        unsafe { (api.err_set_logfp)(std::ptr::null_mut()) };
        let acoustic = CString::new(format!("{model}/en-us")).ok()?;
        // A dictionary is wanted; ours has no word of its own, so the one that is always there will do.
        let dictionary = CString::new(format!("{model}/cmudict-en-us.dict")).ok()?;
        // SAFETY: names and values are C strings that live through the call, which copies them; the list ends with null.
        let settings = unsafe {
            (api.cmd_ln_init)(
                std::ptr::null_mut(),
                (api.ps_args)(),
                1,
                c"-hmm".as_ptr(),
                acoustic.as_ptr(),
                c"-dict".as_ptr(),
                dictionary.as_ptr(),
                c"-bestpath".as_ptr(),
                c"no".as_ptr(),
                c"-beam".as_ptr(),
                c"1e-80".as_ptr(),
                c"-pbeam".as_ptr(),
                c"1e-80".as_ptr(),
                c"-wbeam".as_ptr(),
                c"1e-60".as_ptr(),
                c"-remove_silence".as_ptr(),
                c"no".as_ptr(),
                std::ptr::null::<c_char>(),
            )
        };
        if settings.is_null() {
            return None;
        }
        // SAFETY: the settings are valid; the decoder keeps a reference of its own.
        let decoder = unsafe { (api.ps_init)(settings) };
        let made = Self {
            api,
            settings,
            decoder,
        };
        (!decoder.is_null()).then_some(made)
    }

    /// Makes the words known and lets it expect them in this order and no other.
    fn set_words(&self, words: &[String]) -> Option<()> {
        let mut grammar = "#JSGF V1.0; grammar g; public <s> =".to_owned();
        for (at, sounds) in words.iter().enumerate() {
            let name = CString::new(format!("fenta{at}")).ok()?;
            let sounds = CString::new(sounds.as_str()).ok()?;
            // SAFETY: the decoder is valid and copies both strings. No search is set yet that had to be told.
            let id =
                unsafe { (self.api.ps_add_word)(self.decoder, name.as_ptr(), sounds.as_ptr(), 0) };
            if id < 0 {
                return None;
            }
            grammar.push_str(&format!(" fenta{at}"));
        }
        grammar.push(';');
        let grammar = CString::new(grammar).ok()?;
        // SAFETY: the decoder is valid and copies the strings.
        let ready = unsafe {
            (self.api.ps_set_jsgf_string)(self.decoder, c"g".as_ptr(), grammar.as_ptr()) == 0
                && (self.api.ps_set_search)(self.decoder, c"g".as_ptr()) == 0
        };
        ready.then_some(())
    }

    fn hear(&self, sound: &[i16]) -> Option<()> {
        // SAFETY: the decoder is valid and reads `sound` during the call only.
        let heard = unsafe {
            (self.api.ps_start_utt)(self.decoder) == 0
                && (self.api.ps_process_raw)(self.decoder, sound.as_ptr(), sound.len(), 0, 1) >= 0
                && (self.api.ps_end_utt)(self.decoder) == 0
        };
        heard.then_some(())
    }

    /// The frames of every word; none where it did not get to the last.
    fn words(&self, count: usize) -> Option<Vec<(u32, u32)>> {
        let mut found = Vec::with_capacity(count);
        // SAFETY: the decoder has ended its utterance.
        let mut segment = unsafe { (self.api.ps_seg_iter)(self.decoder) };
        while !segment.is_null() {
            let (mut first, mut last): (c_int, c_int) = (0, 0);
            // SAFETY: the segment is valid; its word is a C string that lives as long as the decoder. The last call frees
            // the segment where there is no next one.
            let name = unsafe {
                let name = (self.api.ps_seg_word)(segment);
                (self.api.ps_seg_frames)(segment, &raw mut first, &raw mut last);
                let name = (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes().to_vec());
                segment = (self.api.ps_seg_next)(segment);
                name
            };
            if name == Some(format!("fenta{}", found.len()).into_bytes()) {
                let from = u32::try_from(first).unwrap_or(0);
                found.push((from, u32::try_from(last + 1).unwrap_or(from).max(from)));
            }
        }
        (found.len() == count).then_some(found)
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: each is freed once; the decoder gives back its own reference to the settings.
        unsafe {
            if !self.decoder.is_null() {
                (self.api.ps_free)(self.decoder);
            }
            (self.api.cmd_ln_free_r)(self.settings);
        }
    }
}
