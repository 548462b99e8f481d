//! The checks of the renderer: it says its version, finds the fonts and speaks a word. Each is a real job in a real
//! process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fenta_templates::timeline::FontRequest;
use fenta_workflows::action::{Action, ActionFacts, ResolveFontsRequest, SpeakRequest};
use fenta_workflows::worker::{
    Sandbox, SandboxLevel, WorkerEvent, WorkerFailure, WorkerJob, WorkerVersion,
};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Check;
use crate::document::unicode;

/// Far more than any of these jobs needs.
const LIMIT: Duration = Duration::from_secs(20);

/// Every check, or the one that makes the others pointless.
pub(super) async fn checks(programs: &[PathBuf]) -> Vec<Check> {
    const NAME: &str = "fenta-render";
    let Some(program) = programs.iter().find(|path| path.is_file()) else {
        return vec![Check::failed(
            NAME,
            "the renderer's program is neither beside `fenta` nor on PATH",
            "put `fenta-render` beside `fenta`, or name it: export FENTA_RENDER=/path/to/fenta-render",
        )];
    };
    match version(program).await {
        Ok(version) => vec![
            Check::ok(NAME, format!("{}, {}", program.display(), version.tool())),
            sandbox(version.sandbox),
            fonts(program).await,
            speech(program).await,
        ],
        Err(reason) => {
            let found = format!("{} does not run: {reason}", program.display());
            vec![Check::failed(NAME, found, fix_for(&reason))]
        }
    }
}

/// The dynamic linker names the library it misses; anything else is a broken or foreign program.
fn fix_for(reason: &str) -> &'static str {
    if reason.contains(".so.") {
        "sudo apt install libavcodec59 libavformat59 libavfilter8 libswscale6 libswresample4"
    } else {
        "reinstall Fenta, or name another renderer: export FENTA_RENDER=/path/to/fenta-render"
    }
}

async fn version(program: &Path) -> Result<WorkerVersion, String> {
    let output = answer(Command::new(program).arg("--version-json"), b"").await?;
    serde_json::from_str(&output).map_err(|error| format!("it answered {output:?}: {error}"))
}

/// How far the kernel holds a worker back, as the worker itself found out.
fn sandbox(sandbox: Sandbox) -> Check {
    const NAME: &str = "sandbox";
    let files = sandbox.files.map_or_else(
        || "any file of the user's (this kernel has no Landlock)".to_owned(),
        |version| format!("no file but the job's (Landlock {version})"),
    );
    let calls = if sandbox.calls {
        "no network, program or other process (seccomp)"
    } else {
        "the network and other programs (this kernel filters no calls)"
    };
    let told = |level: &str| format!("{level}: a worker reaches {files} and {calls}");
    let fix = "use a kernel from 5.13 on with Landlock (`lsm=landlock,...` at boot) and seccomp, and a container that leaves them on; \
               until then give it only files you trust";
    match sandbox.level() {
        SandboxLevel::Full => Check::ok(NAME, told("full")),
        SandboxLevel::Reduced => Check::warning(NAME, told("reduced"), fix),
        SandboxLevel::None => Check::warning(NAME, told("none"), fix),
    }
}

async fn fonts(program: &Path) -> Check {
    const NAME: &str = "fonts";
    let family = "Inter";
    let request = ResolveFontsRequest {
        fonts: [600, 800]
            .map(|weight| FontRequest {
                family: family.to_owned(),
                weight,
            })
            .to_vec(),
    };
    match job(program, Action::ResolveFonts(request)).await {
        Ok(ActionFacts::Fonts(faces)) => {
            Check::ok(NAME, format!("{family}, {} faces", faces.len()))
        }
        Ok(other) => Check::failed(
            NAME,
            format!("unexpected answer {other:?}"),
            "reinstall Fenta",
        ),
        Err(failure) => explained(NAME, &failure, "sudo apt install fonts-inter"),
    }
}

async fn speech(program: &Path) -> Check {
    const NAME: &str = "speech";
    let request = SpeakRequest {
        text: "Ready to speak.".to_owned(),
        engine: "flite".to_owned(),
        voice: "slt".to_owned(),
        speed_pm: 1000,
    };
    match job(program, Action::Speak(request)).await {
        Ok(ActionFacts::Speech(speech)) => {
            Check::ok(NAME, format!("flite, {} words spoken", speech.words.len()))
        }
        Ok(other) => Check::failed(
            NAME,
            format!("unexpected answer {other:?}"),
            "reinstall Fenta",
        ),
        Err(failure) => explained(NAME, &failure, "sudo apt install libflite1"),
    }
}

/// The worker's own words, and its own advice where it has some.
fn explained(name: &'static str, failure: &WorkerFailure, fix: &str) -> Check {
    let fix = if failure.hint.is_empty() {
        fix
    } else {
        &failure.hint
    };
    Check::failed(name, &failure.message, fix)
}

/// Has one action done in a folder that is thrown away.
async fn job(program: &Path, action: Action) -> Result<ActionFacts, WorkerFailure> {
    let trouble = |message: String| WorkerFailure {
        class: fenta_workflows::worker::FailureClass::Internal,
        message,
        hint: String::new(),
    };
    let folder = tempfile::tempdir().map_err(|error| trouble(error.to_string()))?;
    let job = WorkerJob {
        action,
        blobs: BTreeMap::new(),
        output_dir: unicode(folder.path()).map_err(|error| trouble(error.to_string()))?,
        then: Vec::new(),
        parent: Some(std::process::id()),
    };
    let input = serde_json::to_vec(&job).map_err(|error| trouble(error.to_string()))?;
    let output = answer(&mut Command::new(program), &input)
        .await
        .map_err(trouble)?;
    last_word(&output).map_err(trouble)?
}

/// What the last event says.
fn last_word(output: &str) -> Result<Result<ActionFacts, WorkerFailure>, String> {
    let line = output.trim_end().lines().next_back().unwrap_or_default();
    match serde_json::from_str(line) {
        Ok(WorkerEvent::Done { facts, .. }) => Ok(Ok(facts)),
        Ok(WorkerEvent::Failed(failure)) => Ok(Err(failure)),
        Ok(WorkerEvent::Progress { .. } | WorkerEvent::Beat) => {
            Err("it stopped in the middle".to_owned())
        }
        Err(error) => Err(format!("it answered {line:?}: {error}")),
    }
}

/// What a process writes to stdout when it gets `input`.
async fn answer(command: &mut Command, input: &[u8]) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let work = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A process that does not read its input says why on its way out.
            let _ = stdin.write_all(input).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(LIMIT, work)
        .await
        .map_err(|_| format!("no answer within {} s", LIMIT.as_secs()))?
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.trim().is_empty() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.trim_end().lines().next_back().unwrap_or("nothing");
        return Err(format!("{}, it said {last:?}", output.status));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::Verdict;
    use super::*;

    fn program(dir: &Path, body: &str) -> PathBuf {
        let path = dir.join("fenta-render");
        // Written by a process of its own: a program that another test starts meanwhile would inherit the open file, and
        // the kernel runs no file that is open for writing.
        let mut copy = std::process::Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&path)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        write!(copy.stdin.take().unwrap(), "#!/bin/sh\n{body}\n").unwrap();
        assert!(copy.wait().unwrap().success());
        path
    }

    #[test]
    fn the_last_event_counts() {
        let failed = r#"{"event":"failed","class":"resource","message":"m","hint":"h"}"#;
        let output = format!("{{\"event\":\"progress\",\"done\":1,\"total\":2}}\n{failed}\n");
        let failure = last_word(&output).unwrap().unwrap_err();
        assert_eq!(failure.hint, "h");
        assert!(last_word("").is_err());
        assert!(last_word("Segmentation fault").is_err());
    }

    #[test]
    fn the_level_of_the_sandbox_is_told_as_it_is() {
        let of = |files, calls| sandbox(Sandbox { files, calls });
        assert_eq!(of(Some(6), true).verdict, Verdict::Ok);
        assert!(of(Some(6), true).found.starts_with("full:"));
        for (files, calls, level) in [
            (None, true, "reduced:"),
            (Some(1), false, "reduced:"),
            (None, false, "none:"),
        ] {
            let check = of(files, calls);
            assert_eq!(check.verdict, Verdict::Warning, "{level}");
            assert!(check.found.starts_with(level), "{}", check.found);
            assert!(check.fix.is_some());
        }
    }

    #[test]
    fn the_workers_advice_wins() {
        let failure = |hint: &str| WorkerFailure {
            class: fenta_workflows::worker::FailureClass::Input,
            message: "m".into(),
            hint: hint.into(),
        };
        let fix = |hint: &str| explained("fonts", &failure(hint), "apt").fix;
        assert_eq!(fix("its own").as_deref(), Some("its own"));
        assert_eq!(fix("").as_deref(), Some("apt"));
    }

    #[tokio::test]
    async fn a_program_that_cannot_run_is_one_failed_check() {
        let dir = tempfile::tempdir().unwrap();
        let path = program(
            dir.path(),
            "echo 'libavcodec.so.59: not found' >&2; exit 127",
        );
        let found = checks(&[path]).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].verdict, Verdict::Failed);
        assert!(
            found[0].found.contains("libavcodec.so.59"),
            "{}",
            found[0].found
        );
        assert!(
            found[0]
                .fix
                .as_deref()
                .is_some_and(|fix| fix.contains("libavcodec59"))
        );
        let silent = checks(&[program(dir.path(), "exit 0")]).await;
        assert!(
            silent[0]
                .fix
                .as_deref()
                .is_some_and(|fix| fix.contains("reinstall"))
        );
        assert_eq!(checks(&[]).await[0].verdict, Verdict::Failed);
    }

    #[tokio::test]
    async fn a_working_program_is_asked_for_fonts_and_speech() {
        let dir = tempfile::tempdir().unwrap();
        let body = r#"[ "$1" = --version-json ] && { echo '{"renderer":"7","libraries":{},"sandbox":{"files":6,"calls":true}}'; exit; }
job=$(cat)
case "$job" in
*resolve_fonts*) echo '{"event":"done","outputs":{},"facts":{"kind":"fonts","value":[]}}' ;;
*) echo '{"event":"failed","class":"resource","message":"no libflite.so.1","hint":""}' ;;
esac"#;
        let found = checks(&[program(dir.path(), body)]).await;
        let verdicts: Vec<_> = found.iter().map(|check| check.verdict).collect();
        assert_eq!(
            verdicts,
            [Verdict::Ok, Verdict::Ok, Verdict::Ok, Verdict::Failed]
        );
        assert!(
            found[0].found.contains("fenta-render 7"),
            "{}",
            found[0].found
        );
        assert_eq!(found[3].fix.as_deref(), Some("sudo apt install libflite1"));
    }
}
