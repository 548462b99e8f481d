//! The worker of Fenta: measures media, draws and encodes spans of the timeline, mixes sound, joins the result.
//!
//! One process does one [`fenta_workflows::worker::WorkerJob`]. This is the one crate that links FFmpeg; calls into
//! it live in the `ffi_*` doors only. It reads exactly the blobs the job names and writes only into the job's output
//! folder; it knows nothing of the daemon's store, of workflows or of the network.
//!
//! The path of a frame: `decode` -> `convert` -> `source` (or `looks`) -> `camera` and `resample` -> `transition` ->
//! `layer` (texts from `text`) -> `encode` -> `mux`.

pub mod animation;
pub mod audio;
pub mod backdrop;
pub mod camera;
pub mod codec;
pub mod compose;
pub mod confine;
pub mod contrast;
pub mod convert;
pub mod cube;
pub mod cutout;
pub mod decode;
pub mod encode;
pub mod enlarge;
pub mod error;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod ffi_blocks;
pub mod ffi_decoder;
pub mod ffi_encoder;
pub mod ffi_error;
pub mod ffi_filter;
pub mod ffi_frame;
pub mod ffi_input;
pub mod ffi_memory;
pub mod ffi_output;
pub mod ffi_packet;
pub mod ffi_simd;
pub mod ffi_version;
pub mod grade;
pub mod hevc;
pub mod job;
pub mod keyframes;
pub mod layer;
pub mod looks;
pub mod matte;
mod measure;
pub mod mux;
pub mod order;
pub mod orientation;
pub mod picture;
pub mod playback;
pub mod pool;
pub mod probe;
pub mod protocol;
pub mod resample;
pub mod sequence;
pub mod snapshot;
pub mod source;
pub mod spans;
pub mod still;
pub mod subject;
pub mod text;
pub mod tone_map;
pub mod transition;
pub mod verify;
pub mod version;
pub mod webp;
