//! What the daemon is told once, at its start, and passes down as values. Nothing below `main.rs` asks the environment.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fenta_client::credentials::Secret;

use crate::cache::CacheBounds;
use crate::executors::{RetryPolicy, WallLimits};
use crate::listen::{self, ListenError};
use crate::providers::{ProviderSettings, key_variables};

/// Idle time after which the daemon leaves, unless told otherwise.
const IDLE_EXIT: Duration = Duration::from_secs(900);

/// The longest path a Unix socket can have: `sun_path` holds 108 bytes with its end.
const SOCKET_PATH_BYTES: usize = 107;

/// Variables a worker may see: where programs, fonts and the user's language are; nothing that could be a secret.
const WORKER_VARIABLES: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "XDG_DATA_HOME",
    "XDG_DATA_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
];

/// Everything the daemon needs to know from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it keeps its state.
    pub state_dir: PathBuf,
    /// Where it listens.
    pub socket: PathBuf,
    /// Where it listens for TCP too, on this machine; nowhere unless somebody asks.
    pub listen: Option<SocketAddr>,
    /// The renderer.
    pub renderer: PathBuf,
    /// Worker processes at a time, over all jobs.
    pub workers: usize,
    /// Leave after this long without work; `None` means never.
    pub idle_exit: Option<Duration>,
    /// The whole environment of workers.
    pub worker_env: Vec<(OsString, OsString)>,
    /// Folders fonts are installed in.
    pub font_dirs: Vec<PathBuf>,
    /// How long actions may take.
    pub limits: WallLimits,
    /// How failed actions are tried again.
    pub retry: RetryPolicy,
    /// How large the cache may become.
    pub cache: CacheBounds,
    /// Where providers are configured, and the keys of the environment.
    pub providers: ProviderSettings,
    /// The only folders in which documents may name files: those of a team server's organisation. Anywhere where there are
    /// none.
    pub confined_to: Vec<PathBuf>,
}

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--socket`.
    pub socket: Option<PathBuf>,
    /// `--jobs`.
    pub jobs: Option<String>,
    /// `--listen`.
    pub listen: Option<String>,
}

/// Why the settings do not work.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nothing says where the user's files are.
    #[error(
        "cannot tell where to keep state: neither FENTA_STATE_DIR nor XDG_STATE_HOME nor HOME is set"
    )]
    NoHome,
    /// A path depends on where the daemon was started.
    #[error("{name} is {}, which is not an absolute path", path.display())]
    Relative {
        /// The setting.
        name: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// The kernel cannot bind it.
    #[error(
        "the socket path {} has {} bytes, the system allows {SOCKET_PATH_BYTES}; set FENTA_SOCKET to a shorter one",
        path.display(),
        path.as_os_str().len()
    )]
    SocketTooLong {
        /// The path.
        path: PathBuf,
    },
    /// Nobody may listen there.
    #[error("{name}: {source}")]
    Listen {
        /// The setting.
        name: &'static str,
        /// Why.
        source: ListenError,
    },
    /// A number is none.
    #[error("{name} is `{value}`, expected {expected}")]
    Number {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
}

/// What a process knows about itself and its machine.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Looks up an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The daemon's own executable.
    pub executable: &'a Path,
    /// Processors.
    pub processors: usize,
}

impl Settings {
    /// Settings from flags first, then variables, then defaults.
    pub fn resolve(flags: Flags, machine: Machine<'_>) -> Result<Self, SettingsError> {
        let path = |name: &str| non_empty((machine.variable)(name)).map(PathBuf::from);
        let home = path("HOME");
        let state_dir = flags
            .state_dir
            .or_else(|| path("FENTA_STATE_DIR"))
            .or_else(|| path("XDG_STATE_HOME").map(|state| state.join("fenta")))
            .or_else(|| home.as_ref().map(|home| home.join(".local/state/fenta")))
            .ok_or(SettingsError::NoHome)?;
        let socket = flags
            .socket
            .or_else(|| path("FENTA_SOCKET"))
            .or_else(|| path("XDG_RUNTIME_DIR").map(|run| run.join("fenta/fentad.sock")))
            .unwrap_or_else(|| state_dir.join("run/fentad.sock"));
        let renderer = path("FENTA_RENDER").unwrap_or_else(|| beside(machine.executable));
        absolute("the state directory", &state_dir)?;
        absolute("the socket", &socket)?;
        absolute("FENTA_RENDER", &renderer)?;
        if socket.as_os_str().len() > SOCKET_PATH_BYTES {
            return Err(SettingsError::SocketTooLong { path: socket });
        }
        Ok(Self {
            workers: workers(flags.jobs, machine)?,
            listen: listen(flags.listen, machine)?,
            idle_exit: idle_exit(machine)?,
            worker_env: worker_env(machine),
            font_dirs: font_dirs(home.as_deref(), path("XDG_DATA_HOME")),
            limits: WallLimits::default(),
            retry: RetryPolicy::default(),
            cache: cache_bounds(machine)?,
            providers: providers(machine, home.as_deref()),
            confined_to: Vec::new(),
            state_dir,
            socket,
            renderer,
        })
    }
}

fn beside(executable: &Path) -> PathBuf {
    executable.with_file_name(format!("fenta-render{}", std::env::consts::EXE_SUFFIX))
}

fn absolute(name: &'static str, path: &Path) -> Result<(), SettingsError> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(SettingsError::Relative {
        name,
        path: path.to_owned(),
    })
}

fn workers(flag: Option<String>, machine: Machine<'_>) -> Result<usize, SettingsError> {
    let variable = || text(machine, "FENTA_JOBS").map(|value| ("FENTA_JOBS", value));
    let Some((name, value)) = flag.map(|value| ("--jobs", value)).or_else(variable) else {
        return Ok(machine.processors.max(1));
    };
    match value.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err(SettingsError::Number {
            name,
            value,
            expected: "a number of workers from 1 to 1024",
        }),
    }
}

fn listen(flag: Option<String>, machine: Machine<'_>) -> Result<Option<SocketAddr>, SettingsError> {
    let variable = || text(machine, "FENTA_LISTEN").map(|value| ("FENTA_LISTEN", value));
    let told = flag.map(|value| ("--listen", value)).or_else(variable);
    told.filter(|(_, value)| value != "off")
        .map(|(name, value)| {
            listen::parse(&value).map_err(|source| SettingsError::Listen { name, source })
        })
        .transpose()
}

fn idle_exit(machine: Machine<'_>) -> Result<Option<Duration>, SettingsError> {
    let name = "FENTA_IDLE_EXIT_SECS";
    let Some(value) = text(machine, name) else {
        return Ok(Some(IDLE_EXIT));
    };
    match value.parse::<u32>() {
        Ok(0) => Ok(None),
        Ok(seconds) => Ok(Some(Duration::from_secs(u64::from(seconds)))),
        Err(_) => Err(SettingsError::Number {
            name,
            value,
            expected: "a number of seconds, 0 for never",
        }),
    }
}

fn cache_bounds(machine: Machine<'_>) -> Result<CacheBounds, SettingsError> {
    let bound = |name: &'static str, usual| match text(machine, name) {
        None => Ok(usual),
        Some(value) => value.parse().map_err(|_| SettingsError::Number {
            name,
            value,
            expected: "a size such as 60%, 500MB or 20GB",
        }),
    };
    let usual = CacheBounds::default();
    let name = "FENTA_CACHE_GRACE_SECS";
    let grace = match text(machine, name) {
        None => usual.grace,
        Some(value) => match value.parse::<u32>() {
            Ok(seconds) => Duration::from_secs(u64::from(seconds)),
            Err(_) => {
                return Err(SettingsError::Number {
                    name,
                    value,
                    expected: "a number of seconds",
                });
            }
        },
    };
    Ok(CacheBounds {
        floor: bound("FENTA_CACHE_FLOOR", usual.floor)?,
        ceiling: bound("FENTA_CACHE_CEILING", usual.ceiling)?,
        min_free: bound("FENTA_CACHE_MIN_FREE", usual.min_free)?,
        grace,
    })
}

fn worker_env(machine: Machine<'_>) -> Vec<(OsString, OsString)> {
    WORKER_VARIABLES
        .iter()
        .filter_map(|name| Some((OsString::from(name), (machine.variable)(name)?)))
        .collect()
}

/// The XDG rules: a relative folder is to be ignored.
fn providers(machine: Machine<'_>, home: Option<&Path>) -> ProviderSettings {
    let folder = non_empty((machine.variable)("XDG_CONFIG_HOME"))
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| home.map(|home| home.join(".config")));
    let key = |name| Some((name, Secret::new(&text(machine, name)?).ok()?));
    ProviderSettings {
        config_file: folder.map(|folder| folder.join("fenta/config.toml")),
        keys: key_variables().filter_map(key).collect(),
    }
}

fn font_dirs(home: Option<&Path>, data_home: Option<PathBuf>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts"]
        .iter()
        .map(PathBuf::from)
        .collect();
    if cfg!(target_os = "macos") {
        folders.extend(["/Library/Fonts", "/System/Library/Fonts"].map(PathBuf::from));
        folders.extend(home.map(|home| home.join("Library/Fonts")));
    }
    let data_home = data_home.or_else(|| home.map(|home| home.join(".local/share")));
    folders.extend(data_home.map(|data| data.join("fonts")));
    folders.extend(home.map(|home| home.join(".fonts")));
    folders
}

fn text(machine: Machine<'_>, name: &str) -> Option<String> {
    non_empty((machine.variable)(name)).map(|value| value.to_string_lossy().into_owned())
}

fn non_empty(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn resolve(flags: Flags, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        Settings::resolve(
            flags,
            Machine {
                variable: &|name| variables.get(name).map(OsString::from),
                executable: Path::new("/opt/fenta/bin/fentad"),
                processors: 6,
            },
        )
    }

    #[test]
    fn defaults_follow_the_home_folder() {
        let settings = resolve(Flags::default(), &[("HOME", "/home/u")]).unwrap();
        assert_eq!(settings.state_dir, Path::new("/home/u/.local/state/fenta"));
        assert_eq!(
            settings.socket,
            Path::new("/home/u/.local/state/fenta/run/fentad.sock")
        );
        assert_eq!(settings.renderer, Path::new("/opt/fenta/bin/fenta-render"));
        assert_eq!(settings.workers, 6);
        assert_eq!(settings.idle_exit, Some(Duration::from_secs(900)));
        assert!(
            settings
                .font_dirs
                .contains(&PathBuf::from("/home/u/.local/share/fonts"))
        );
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_defaults() {
        let variables = [
            ("HOME", "/home/u"),
            ("XDG_STATE_HOME", "/state"),
            ("XDG_RUNTIME_DIR", "/run/user/1"),
            ("FENTA_JOBS", "3"),
            ("FENTA_IDLE_EXIT_SECS", "0"),
        ];
        let settings = resolve(Flags::default(), &variables).unwrap();
        assert_eq!(settings.state_dir, Path::new("/state/fenta"));
        assert_eq!(settings.socket, Path::new("/run/user/1/fenta/fentad.sock"));
        assert_eq!((settings.workers, settings.idle_exit), (3, None));
        let flags = Flags {
            state_dir: Some("/mine".into()),
            socket: Some("/mine/s".into()),
            jobs: Some("5".to_owned()),
            listen: Some("off".to_owned()),
        };
        let settings = resolve(flags, &variables).unwrap();
        assert_eq!(settings.workers, 5);
        assert_eq!(settings.state_dir, Path::new("/mine"));
        assert_eq!(settings.socket, Path::new("/mine/s"));
    }

    #[test]
    fn it_listens_for_tcp_only_when_asked_and_only_here() {
        let home = ("HOME", "/home/u");
        assert_eq!(resolve(Flags::default(), &[home]).unwrap().listen, None);
        let told = [home, ("FENTA_LISTEN", "127.0.0.1:7788")];
        let settings = resolve(Flags::default(), &told).unwrap();
        assert_eq!(settings.listen, Some(([127, 0, 0, 1], 7788).into()));
        let flags = |listen: &str| Flags {
            listen: Some(listen.to_owned()),
            ..Flags::default()
        };
        assert_eq!(resolve(flags("off"), &told).unwrap().listen, None);
        let error = resolve(flags("0.0.0.0:80"), &told).unwrap_err().to_string();
        assert!(
            error.contains("--listen") && error.contains("TLS and accounts"),
            "{error}"
        );
    }

    #[test]
    fn workers_see_no_secret() {
        let settings = resolve(
            Flags::default(),
            &[
                ("HOME", "/home/u"),
                ("FENTA_TOKEN", "s3cret"),
                ("LANG", "C"),
            ],
        )
        .unwrap();
        let names: Vec<&OsString> = settings.worker_env.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["HOME", "LANG"]);
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let home = ("HOME", "/home/u");
        let long = format!("/{}", "s".repeat(107));
        for (variables, wanted) in [
            (vec![], "HOME is set"),
            (vec![home, ("FENTA_JOBS", "0")], "FENTA_JOBS is `0`"),
            (vec![home, ("FENTA_JOBS", "many")], "from 1 to 1024"),
            (vec![home, ("FENTA_IDLE_EXIT_SECS", "-1")], "0 for never"),
            (vec![home, ("FENTA_CACHE_CEILING", "much")], "60%, 500MB"),
            (
                vec![home, ("FENTA_CACHE_GRACE_SECS", "soon")],
                "number of seconds",
            ),
            (vec![home, ("FENTA_STATE_DIR", "rel")], "not an absolute"),
            (vec![home, ("FENTA_SOCKET", &*long)], "108 bytes"),
        ] {
            let error = resolve(Flags::default(), &variables).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }
}
