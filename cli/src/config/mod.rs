//! Settings in files: `fenta.toml` of a project and `config.toml` of the user. THE LIST of keys is here.
//!
//! Neighbours: `file` reads and edits TOML, `settings` asks [`Config`] for what the environment does not say. A file
//! that has a key nobody knows is refused, and so is a project that wants to say which programs run.

mod file;
mod keys;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use file::{set, unset};
pub(crate) use keys::{KEYS, Key, find, schema};

use crate::command_error::CommandError;

/// The file of a project.
const PROJECT_FILE: &str = "fenta.toml";

/// Whose settings a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Everybody's in a folder and those below it.
    Project,
    /// The user's everywhere.
    User,
}

/// A value with the place it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// As the environment would say it.
    pub(crate) value: String,
    /// The file.
    pub(crate) file: PathBuf,
}

/// Where the files are, whether they exist or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The nearest `fenta.toml` upwards, when there is one.
    pub(crate) project: Option<PathBuf>,
    /// The user's file; none when there is no home folder.
    pub(crate) user: Option<PathBuf>,
}

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    values: BTreeMap<&'static str, Setting>,
}

impl Places {
    /// For a folder and the user's configuration folder.
    pub(crate) fn of(current_dir: &Path, config_home: Option<PathBuf>) -> Self {
        Self {
            project: current_dir
                .ancestors()
                .map(|folder| folder.join(PROJECT_FILE))
                .find(|file| file.is_file()),
            user: config_home.map(|folder| folder.join("fenta").join("config.toml")),
        }
    }
}

impl Config {
    /// Reads the files; what the project says wins.
    pub(crate) fn read(places: &Places) -> Result<Self, CommandError> {
        let mut config = Self::default();
        for (place, owner) in [
            (&places.user, Owner::User),
            (&places.project, Owner::Project),
        ] {
            let Some(path) = place else { continue };
            let text = match fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(CommandError::Usage {
                        message: format!("cannot read {}: {error}", path.display()),
                        hint: None,
                    });
                }
            };
            for (key, value) in file::read(path, &text, owner)? {
                let file = path.clone();
                config.values.insert(key.name, Setting { value, file });
            }
        }
        Ok(config)
    }

    /// What the files say about a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Setting> {
        self.values.get(key)
    }

    /// What the files say about the key that this variable of the environment sets too.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let key = KEYS.iter().find(|key| key.env == Some(name))?;
        self.get(key.name).map(|setting| setting.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_project_wins_over_the_user() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir_all(dir.path().join("home/fenta")).unwrap();
        fs::write(dir.path().join("fenta.toml"), "[daemon]\njobs = 9\n").unwrap();
        fs::write(dir.path().join("a/fenta.toml"), "daemon.jobs = 2\n").unwrap();
        fs::write(
            dir.path().join("home/fenta/config.toml"),
            "[daemon]\njobs = 4\nlog = \"debug\"\n",
        )
        .unwrap();
        let places = Places::of(&inner, Some(dir.path().join("home")));
        let config = Config::read(&places).unwrap();
        let jobs = config.get("daemon.jobs").unwrap();
        assert_eq!(jobs.value, "2");
        assert_eq!(jobs.file, dir.path().join("a/fenta.toml"));
        assert_eq!(config.variable("FENTA_LOG"), Some("debug"));
        assert_eq!(config.variable("FENTA_JOBS"), Some("2"));
        assert_eq!(config.variable("HOME"), None);
    }

    #[test]
    fn no_files_are_no_settings() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places {
            project: None,
            user: Some(dir.path().join("fenta/config.toml")),
        };
        assert_eq!(Config::read(&places).unwrap(), Config::default());
    }
}
