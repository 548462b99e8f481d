//! Versions of the linked libraries, and where FFmpeg's own log goes.
#![allow(unsafe_code)]

use std::collections::BTreeMap;

use ffmpeg_next::ffi as av;

/// Library name to `major.minor.micro`.
pub fn library_versions() -> BTreeMap<String, String> {
    // SAFETY: the version functions take nothing and return a number.
    let versions = unsafe {
        [
            ("libavutil", av::avutil_version()),
            ("libavcodec", av::avcodec_version()),
            ("libavformat", av::avformat_version()),
            ("libavfilter", av::avfilter_version()),
            ("libswscale", av::swscale_version()),
        ]
    };
    versions
        .into_iter()
        .map(|(name, version)| {
            let dotted = format!("{}.{}.{}", version >> 16, version >> 8 & 255, version & 255);
            (name.to_owned(), dotted)
        })
        .collect()
}

/// Lets FFmpeg write only what ends a job to standard error; everything else is reported as a typed failure.
pub fn quiet_log() {
    // SAFETY: sets a global number; called once, before any other thread exists.
    unsafe { av::av_log_set_level(av::AV_LOG_FATAL) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers() {
        let versions = library_versions();
        assert_eq!(versions.len(), 5);
        for (name, version) in versions {
            let parts: Vec<u32> = version
                .split('.')
                .map(|part| part.parse().unwrap())
                .collect();
            assert!(parts.len() == 3 && parts[0] > 0, "{name} {version}");
        }
    }
}
