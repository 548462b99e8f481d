//! Everything `fenta` takes from its environment, read once and passed down as a value.
//!
//! Neighbours: `app` reads it before anything else; flags of commands win over it, and it wins over the files that
//! `config` reads. Defaults of places are the same as the daemon's own.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::command_error::CommandError;
use crate::config::{Config, KEYS, Places};

/// Whether to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ColorWish {
    /// On terminals.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// Variables that the daemon reads for itself; what the files say is passed on to a daemon that is started.
const DAEMON_VARIABLES: [&str; 9] = [
    "FENTA_CACHE_CEILING",
    "FENTA_CACHE_FLOOR",
    "FENTA_CACHE_GRACE_SECS",
    "FENTA_CACHE_MIN_FREE",
    "FENTA_IDLE_EXIT_SECS",
    "FENTA_JOBS",
    "FENTA_LISTEN",
    "FENTA_LOG",
    "FENTA_RENDER",
];

/// The environment, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The daemon's state folder.
    pub(crate) state_dir: PathBuf,
    /// The daemon's socket.
    pub(crate) socket: PathBuf,
    /// Where `fentad` may be, in order.
    pub(crate) fentad: Vec<PathBuf>,
    /// Where `fenta-render` may be, in order.
    pub(crate) render: Vec<PathBuf>,
    /// Who the user is to another server.
    pub(crate) token: Option<String>,
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
    /// The folder of results, where a file says one.
    pub(crate) out_dir: Option<PathBuf>,
    /// What a daemon that is started gets told.
    pub(crate) daemon_env: Vec<(String, String)>,
    /// The user's home.
    pub(crate) home: Option<PathBuf>,
    /// Where the user's files of settings are.
    pub(crate) config_home: Option<PathBuf>,
    /// What the files of settings say.
    pub(crate) config: Config,
    /// Where those files are.
    pub(crate) places: Places,
    /// The variables that say what a file could say.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// Whether a variable that gives a flag its value is set: what holds for every run was not typed for this one.
pub(crate) fn in_environment(variable: &str) -> bool {
    env::var_os(variable).is_some()
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
        let variable = |key: &str| lookup(key).filter(|value| !value.is_empty());
        let places = Places::of(&current_dir, config_home(&variable));
        let config = Config::read(&places)?;
        let text = |key: &str| variable(key).or_else(|| config.variable(key).map(OsString::from));
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
        let programs = |key: &str, name: &str| match named(key) {
            Some(path) => vec![path],
            None => beside_and_on_path(program, &search, name),
        };
        Ok(Self {
            fentad: programs("FENTA_FENTAD", "fentad"),
            render: programs("FENTA_RENDER", "fenta-render"),
            token: variable("FENTA_TOKEN").map(|token| token.to_string_lossy().into_owned()),
            color: color_wish(&variable, config.get("ui.color").map(|found| &*found.value)),
            no_input: text("FENTA_NO_INPUT").is_some_and(|value| is_true(&value)),
            ci: text("CI").is_some_and(|value| is_true(&value)),
            github: text("GITHUB_ACTIONS").is_some_and(|value| is_true(&value)),
            out_dir: config
                .get("output.dir")
                .map(|found| PathBuf::from(&found.value)),
            daemon_env: daemon_env(&variable, &config),
            variables: variables(&variable),
            home: absolute(variable("HOME")),
            config_home: config_home(&variable),
            state_dir,
            socket,
            current_dir,
            config,
            places,
        })
    }
}

fn config_home(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    absolute(variable("XDG_CONFIG_HOME"))
        .or_else(|| absolute(variable("HOME")).map(|home| home.join(".config")))
}

/// What the files say to the daemon, unless the environment, which it inherits, says it already.
fn daemon_env(
    variable: &dyn Fn(&str) -> Option<OsString>,
    config: &Config,
) -> Vec<(String, String)> {
    DAEMON_VARIABLES
        .iter()
        .filter(|name| variable(name).is_none())
        .filter_map(|name| Some(((*name).to_owned(), config.variable(name)?.to_owned())))
        .collect()
}

fn variables(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<(&'static str, String)> {
    KEYS.iter()
        .filter_map(|key| {
            let value = variable(key.env?)?;
            Some((key.env?, value.to_string_lossy().into_owned()))
        })
        .collect()
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

fn color_wish(variable: &dyn Fn(&str) -> Option<OsString>, file: Option<&str>) -> ColorWish {
    if variable("NO_COLOR").is_some() {
        return ColorWish::Never;
    }
    if variable("CLICOLOR_FORCE").is_some_and(|value| is_true(&value)) {
        return ColorWish::Always;
    }
    match file {
        Some("never") => ColorWish::Never,
        Some("always") => ColorWish::Always,
        _ => ColorWish::Auto,
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

    #[test]
    fn files_fill_in_what_the_environment_leaves_open() {
        let dir = tempfile::tempdir().unwrap();
        let file = "[ui]\ncolor = \"always\"\nno_input = true\n[daemon]\njobs = 2\nlog = \"debug\"\n[output]\ndir = \"out\"\n";
        std::fs::write(dir.path().join("fenta.toml"), file).unwrap();
        let found = |pairs: &[(&str, &str)]| {
            let lookup = |key: &str| {
                pairs
                    .iter()
                    .find(|(name, _)| *name == key)
                    .map(|(_, value)| OsString::from(value))
            };
            Settings::from_lookup(&lookup, None, dir.path().to_path_buf()).unwrap()
        };
        let settings = found(&[("HOME", "/h")]);
        assert_eq!(settings.color, ColorWish::Always);
        assert!(settings.no_input);
        assert_eq!(settings.out_dir, Some(dir.path().join("out")));
        let told = [("FENTA_JOBS", "2"), ("FENTA_LOG", "debug")];
        let told: Vec<(String, String)> = told.map(|(a, b)| (a.into(), b.into())).into();
        assert_eq!(settings.daemon_env, told);
        let settings = found(&[
            ("HOME", "/h"),
            ("NO_COLOR", "1"),
            ("FENTA_JOBS", "7"),
            ("FENTA_NO_INPUT", "0"),
        ]);
        assert_eq!(settings.color, ColorWish::Never);
        assert!(!settings.no_input);
        assert_eq!(settings.daemon_env.len(), 1, "{:?}", settings.daemon_env);
        assert!(settings.variables.contains(&("FENTA_JOBS", "7".to_owned())));
    }
}
