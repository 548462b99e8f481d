//! Everything `fenta` takes from its environment, read once and passed down as a value.
//!
//! Neighbours: `app` reads it before anything else; flags of commands win over it. Defaults of places are the same
//! as the daemon's own.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::command_error::CommandError;

/// Whether to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColorWish {
    /// On terminals.
    Auto,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// The environment, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The daemon's state folder.
    pub(crate) state_dir: PathBuf,
    /// The daemon's socket.
    pub(crate) socket: PathBuf,
    /// Where `fentad` may be, in order.
    pub(crate) fentad: Vec<PathBuf>,
    /// Where `fenta-render` may be, in order.
    pub(crate) render: Vec<PathBuf>,
    /// Colour.
    pub(crate) color: ColorWish,
    /// Whether questions are forbidden even on a terminal.
    pub(crate) no_input: bool,
    /// Whether this runs in a build service.
    pub(crate) ci: bool,
    /// Whether that service is GitHub, which understands annotations.
    pub(crate) github: bool,
    /// The folder the command was given in.
    pub(crate) current_dir: PathBuf,
}

impl Settings {
    /// From this process.
    pub(crate) fn from_process() -> Result<Self, CommandError> {
        let current_dir = env::current_dir().map_err(|source| CommandError::Io {
            what: "cannot tell which folder this is".to_owned(),
            source,
        })?;
        let program = env::current_exe().ok();
        Self::from_lookup(&|key| env::var_os(key), program.as_deref(), current_dir)
    }

    fn from_lookup(
        lookup: &dyn Fn(&str) -> Option<OsString>,
        program: Option<&Path>,
        current_dir: PathBuf,
    ) -> Result<Self, CommandError> {
        let text = |key: &str| lookup(key).filter(|value| !value.is_empty());
        let named = |key: &str| text(key).map(|value| current_dir.join(value));
        let state_dir = match named("FENTA_STATE_DIR") {
            Some(dir) => dir,
            None => default_state_dir(&text)?,
        };
        let socket = named("FENTA_SOCKET")
            .or_else(|| {
                absolute(text("XDG_RUNTIME_DIR")).map(|dir| dir.join("fenta").join("fentad.sock"))
            })
            .unwrap_or_else(|| state_dir.join("run").join("fentad.sock"));
        let search = text("PATH").unwrap_or_default();
        let places = |key: &str, name: &str| match named(key) {
            Some(path) => vec![path],
            None => beside_and_on_path(program, &search, name),
        };
        Ok(Self {
            fentad: places("FENTA_FENTAD", "fentad"),
            render: places("FENTA_RENDER", "fenta-render"),
            color: color_wish(&text),
            no_input: text("FENTA_NO_INPUT").is_some_and(|value| is_true(&value)),
            ci: text("CI").is_some_and(|value| is_true(&value)),
            github: text("GITHUB_ACTIONS").is_some_and(|value| is_true(&value)),
            state_dir,
            socket,
            current_dir,
        })
    }
}

fn default_state_dir(text: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, CommandError> {
    absolute(text("XDG_STATE_HOME"))
        .or_else(|| absolute(text("HOME")).map(|home| home.join(".local").join("state")))
        .map(|dir| dir.join("fenta"))
        .ok_or_else(|| CommandError::Usage {
            message: "cannot tell where to keep state: HOME is not set".to_owned(),
            hint: Some("set HOME, or name a folder with FENTA_STATE_DIR".to_owned()),
        })
}

/// The XDG rules: relative values are to be ignored.
fn absolute(value: Option<OsString>) -> Option<PathBuf> {
    value.map(PathBuf::from).filter(|path| path.is_absolute())
}

fn beside_and_on_path(program: Option<&Path>, search: &OsString, name: &str) -> Vec<PathBuf> {
    let beside = program.and_then(Path::parent).map(Path::to_path_buf);
    let on_path = env::split_paths(search).filter(|dir| dir.is_absolute());
    beside
        .into_iter()
        .chain(on_path)
        .map(|dir| dir.join(name))
        .collect()
}

fn color_wish(text: &dyn Fn(&str) -> Option<OsString>) -> ColorWish {
    if text("NO_COLOR").is_some() {
        ColorWish::Never
    } else if text("CLICOLOR_FORCE").is_some_and(|value| is_true(&value)) {
        ColorWish::Always
    } else {
        ColorWish::Auto
    }
}

fn is_true(value: &OsString) -> bool {
    !matches!(
        value.to_string_lossy().to_lowercase().as_str(),
        "0" | "false" | "no" | "off"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings, CommandError> {
        let lookup = |key: &str| {
            pairs
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| OsString::from(value))
        };
        let program = Path::new("/opt/fenta/bin/fenta");
        Settings::from_lookup(&lookup, Some(program), PathBuf::from("/here"))
    }

    #[test]
    fn defaults_follow_xdg() {
        let found = settings(&[
            ("HOME", "/home/me"),
            ("PATH", "/usr/bin:relative:/bin"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
        ])
        .unwrap();
        assert_eq!(found.state_dir, Path::new("/home/me/.local/state/fenta"));
        assert_eq!(found.socket, Path::new("/run/user/7/fenta/fentad.sock"));
        let fentad = ["/opt/fenta/bin/fentad", "/usr/bin/fentad", "/bin/fentad"];
        assert_eq!(found.fentad, fentad.map(PathBuf::from));
        assert_eq!(found.color, ColorWish::Auto);
        assert!(!found.no_input && !found.ci);
    }

    #[test]
    fn without_a_runtime_folder_the_socket_is_with_the_state() {
        let found = settings(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]).unwrap();
        assert_eq!(found.socket, Path::new("/s/fenta/run/fentad.sock"));
    }

    #[test]
    fn named_places_win_and_relative_ones_belong_to_the_current_folder() {
        let found = settings(&[
            ("HOME", "/h"),
            ("FENTA_STATE_DIR", "state"),
            ("FENTA_SOCKET", "/s.sock"),
            ("FENTA_FENTAD", "/x/fentad"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
        ])
        .unwrap();
        assert_eq!(found.state_dir, Path::new("/here/state"));
        assert_eq!(found.socket, Path::new("/s.sock"));
        assert_eq!(found.fentad, [PathBuf::from("/x/fentad")]);
    }

    #[test]
    fn relative_xdg_values_and_empty_ones_are_ignored() {
        let found = settings(&[
            ("HOME", "/h"),
            ("XDG_STATE_HOME", "rel"),
            ("XDG_RUNTIME_DIR", ""),
            ("NO_COLOR", ""),
        ])
        .unwrap();
        assert_eq!(found.state_dir, Path::new("/h/.local/state/fenta"));
        assert_eq!(found.color, ColorWish::Auto);
    }

    #[test]
    fn without_a_home_the_error_says_what_to_set() {
        let error = settings(&[]).unwrap_err();
        assert!(error.hint().unwrap().contains("FENTA_STATE_DIR"));
    }

    #[test]
    fn switches_are_read_as_people_write_them() {
        let on = settings(&[("HOME", "/h"), ("CI", "true"), ("FENTA_NO_INPUT", "1")]).unwrap();
        assert!(on.ci && on.no_input);
        let off = settings(&[("HOME", "/h"), ("CI", "False"), ("FENTA_NO_INPUT", "0")]).unwrap();
        assert!(!off.ci && !off.no_input);
        let forced = settings(&[("HOME", "/h"), ("CLICOLOR_FORCE", "1")]).unwrap();
        assert_eq!(forced.color, ColorWish::Always);
        let both = settings(&[("HOME", "/h"), ("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).unwrap();
        assert_eq!(both.color, ColorWish::Never);
    }
}
