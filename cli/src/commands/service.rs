//! `fenta daemon install` and `uninstall`: the daemon as a service of the user's own, so that it is there after every
//! start of the machine: a systemd user unit on Linux, a launchd agent on macOS.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Context;
use super::daemon::stop_idle;
use crate::command_error::CommandError;
use crate::replace_file::replace_file;

const UNIT: &str = "fentad.service";
const LABEL: &str = "com.fentaweb.fentad";

/// Make the daemon a service of your user: it starts with your session and after crashes.
#[derive(Debug, clap::Args)]
pub(crate) struct InstallArgs {
    /// Only write the service's file and say where; start nothing
    #[arg(long)]
    no_start: bool,
    /// Print the service's file instead
    #[arg(long, conflicts_with = "no_start")]
    print: bool,
}

/// What a service runs.
struct Service {
    program: PathBuf,
    state_dir: PathBuf,
    socket: PathBuf,
    /// Variables of the daemon, from the files of settings and for programs that lie elsewhere.
    env: Vec<(String, String)>,
}

/// The manager of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Systemd,
    Launchd,
}

impl Manager {
    fn of_this_system() -> Self {
        if cfg!(target_os = "macos") {
            Self::Launchd
        } else {
            Self::Systemd
        }
    }

    fn file(self, context: &Context) -> Result<PathBuf, CommandError> {
        let settings = &context.settings;
        let place = match self {
            Self::Systemd => settings
                .config_home
                .as_ref()
                .map(|config| config.join("systemd/user").join(UNIT)),
            Self::Launchd => settings.home.as_ref().map(|home| {
                home.join("Library/LaunchAgents")
                    .join(format!("{LABEL}.plist"))
            }),
        };
        place.ok_or_else(|| {
            CommandError::usage(
                "cannot tell where services are: HOME is not set",
                "set HOME",
            )
        })
    }

    /// A word as it stands in its files.
    fn written(self, word: &str) -> String {
        match self {
            Self::Systemd => quoted(word),
            Self::Launchd => format!("<string>{}</string>", xml(word)),
        }
    }

    fn text(self, service: &Service) -> String {
        match self {
            Self::Systemd => unit(service),
            Self::Launchd => agent(service),
        }
    }
}

impl InstallArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let manager = Manager::of_this_system();
        let service = service(context)?;
        let text = manager.text(&service);
        if self.print {
            return ui.result(text.trim_end());
        }
        let file = manager.file(context)?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|source| CommandError::Io {
                what: format!("cannot make {}", folder.display()),
                source,
            })?;
        }
        replace_file(&file, text.as_bytes())?;
        if self.no_start {
            ui.note(&format!(
                "start it with `{}`",
                commands(manager, &file).join(" && ")
            ));
        } else {
            // A daemon that was started by a command holds the state folder; the service could not start beside it.
            stop_idle(context).await?;
            start(context, manager, &file)?;
        }
        ui.result(&file.display().to_string())
    }
}

/// Whether the daemon of this state folder is a service of this user's, so that it comes back by itself.
pub(super) fn is_installed(context: &Context) -> bool {
    let manager = Manager::of_this_system();
    let text = manager.file(context).map(std::fs::read_to_string);
    let state_dir = manager.written(&context.settings.state_dir.to_string_lossy());
    matches!(text, Ok(Ok(text)) if text.contains(&state_dir))
}

/// Takes the service away; jobs and results stay.
pub(super) async fn uninstall(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let manager = Manager::of_this_system();
    let file = manager.file(context)?;
    if !file.exists() {
        ui.note(&format!("there is no service at {}", file.display()));
        return Ok(());
    }
    let stop: [&[&str]; 1] = match manager {
        Manager::Systemd => [&["systemctl", "--user", "disable", "--now", UNIT]],
        Manager::Launchd => [&["launchctl", "unload", "-w", &file.display().to_string()]],
    };
    if let Err(reason) = run_all(&stop) {
        ui.warn(&format!("the service could not be stopped: {reason}"));
    }
    std::fs::remove_file(&file).map_err(|source| CommandError::Io {
        what: format!("cannot remove {}", file.display()),
        source,
    })?;
    if manager == Manager::Systemd {
        // Without its file the unit is gone at the next look anyway.
        let _ = run_all(&[&["systemctl", "--user", "daemon-reload"]]);
    }
    ui.note(
        "the service is gone; jobs and results stay, and commands start the daemon by themselves",
    );
    Ok(())
}

fn service(context: &Context) -> Result<Service, CommandError> {
    let settings = &context.settings;
    let daemon = context.session.daemon();
    let program = daemon.program().ok_or_else(|| {
        CommandError::usage(
            "cannot find the program `fentad`",
            "put it beside `fenta` or name it with FENTA_FENTAD",
        )
    })?;
    let mut env = settings.daemon_env.clone();
    // A service has nobody to start it again when somebody needs it.
    env.retain(|(name, _)| name != "FENTA_IDLE_EXIT_SECS");
    env.push(("FENTA_IDLE_EXIT_SECS".to_owned(), "0".to_owned()));
    Ok(Service {
        program: program.to_owned(),
        state_dir: settings.state_dir.clone(),
        socket: settings.socket.clone(),
        env,
    })
}

fn start(context: &Context, manager: Manager, file: &Path) -> Result<(), CommandError> {
    let ui = &context.ui;
    let commands = commands(manager, file);
    let split: Vec<Vec<&str>> = commands
        .iter()
        .map(|line| line.split(' ').collect())
        .collect();
    let split: Vec<&[&str]> = split.iter().map(Vec::as_slice).collect();
    match run_all(&split) {
        Ok(()) => ui.note("the daemon is a service now: it starts with your session"),
        Err(reason) => {
            ui.warn(&format!(
                "the service is written, but could not be started: {reason}"
            ));
            ui.note(&format!("start it with `{}`", commands.join(" && ")));
        }
    }
    if manager == Manager::Systemd {
        ui.note("`loginctl enable-linger` keeps it running while you are not logged in");
    }
    Ok(())
}

fn commands(manager: Manager, file: &Path) -> Vec<String> {
    match manager {
        Manager::Systemd => vec![
            "systemctl --user daemon-reload".to_owned(),
            format!("systemctl --user enable --now {UNIT}"),
        ],
        Manager::Launchd => vec![format!("launchctl load -w {}", file.display())],
    }
}

/// Runs commands one after the other; the first that fails ends it.
fn run_all(commands: &[&[&str]]) -> Result<(), String> {
    for command in commands {
        let Some((program, arguments)) = command.split_first() else {
            continue;
        };
        let output = Command::new(program)
            .args(arguments)
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}", command.join(" "), said.trim()));
        }
    }
    Ok(())
}

/// A systemd user unit (systemd.unit(5), systemd.service(5)).
fn unit(service: &Service) -> String {
    let env: String = service
        .env
        .iter()
        .map(|(name, value)| format!("Environment={}\n", quoted(&format!("{name}={value}"))))
        .collect();
    format!(
        "[Unit]\n\
         Description=Fenta: renders jobs, watches folders, keeps schedules\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={} --state-dir {} --socket {}\n\
         {env}\
         Restart=on-failure\n\
         RestartSec=2\n\
         KillMode=mixed\n\
         TimeoutStopSec=15\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        quoted(&service.program.to_string_lossy()),
        quoted(&service.state_dir.to_string_lossy()),
        quoted(&service.socket.to_string_lossy()),
    )
}

/// A word of a unit: in quotes, with its specifiers, variables and escapes taken literally (systemd.syntax(7)).
fn quoted(word: &str) -> String {
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    format!("\"{escaped}\"")
}

/// A launchd agent (launchd.plist(5)).
fn agent(service: &Service) -> String {
    let string = |text: &str| format!("<string>{}</string>", xml(text));
    let arguments: String = [
        service.program.to_string_lossy().as_ref(),
        "--state-dir",
        &service.state_dir.to_string_lossy(),
        "--socket",
        &service.socket.to_string_lossy(),
    ]
    .iter()
    .map(|text| format!("    {}\n", string(text)))
    .collect();
    let env: String = service
        .env
        .iter()
        .map(|(name, value)| format!("    <key>{}</key>{}\n", xml(name), string(value)))
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n  <key>Label</key>{}\n  <key>ProgramArguments</key>\n  <array>\n{arguments}  </array>\n  \
         <key>EnvironmentVariables</key>\n  <dict>\n{env}  </dict>\n  <key>RunAtLoad</key><true/>\n  \
         <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n</dict>\n</plist>\n",
        string(LABEL)
    )
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            program: "/opt/my \"fenta\"/fentad".into(),
            state_dir: "/home/u/100% $HOME".into(),
            socket: "/run/user/1/fenta/fentad.sock".into(),
            env: vec![("FENTA_IDLE_EXIT_SECS".into(), "0".into())],
        }
    }

    #[test]
    fn units_quote_what_they_are_given() {
        let unit = unit(&service());
        let start = "ExecStart=\"/opt/my \\\"fenta\\\"/fentad\" --state-dir \"/home/u/100%% $$HOME\" \
                     --socket \"/run/user/1/fenta/fentad.sock\"\nEnvironment=\"FENTA_IDLE_EXIT_SECS=0\"\n";
        assert!(unit.contains(start), "{unit}");
    }

    #[test]
    fn systemd_accepts_the_unit() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("fen tad");
        std::os::unix::fs::symlink("/bin/true", &program).unwrap();
        let service = Service {
            program,
            ..service()
        };
        let file = folder.path().join(UNIT);
        std::fs::write(&file, unit(&service)).unwrap();
        let verify = Command::new("systemd-analyze")
            .args(["--user", "--man=no", "verify"])
            .arg(&file)
            .env("XDG_RUNTIME_DIR", folder.path())
            .output();
        match verify {
            Ok(output) => assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            ),
            Err(_) => eprintln!("systemd-analyze is not here: the unit was not verified"),
        }
    }

    #[test]
    fn agents_escape_what_they_are_given() {
        let agent = agent(&Service {
            state_dir: "/a & b".into(),
            ..service()
        });
        assert!(agent.contains("<string>/a &amp; b</string>"), "{agent}");
        assert!(
            agent.contains("<key>FENTA_IDLE_EXIT_SECS</key><string>0</string>"),
            "{agent}"
        );
    }
}
