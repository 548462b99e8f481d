//! The worker attacked from inside: what hostile input could do if it took the process over.
//!
//! This program starts itself again, confines that process exactly like the worker does for a job, and tries one thing
//! after another that a worker has no business with. Every try is made without the sandbox as well, where it must
//! work: what would fail anyway proves nothing. It has a `main` of its own because a sandbox holds for a process, not
//! for one test of many.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "system calls without a safe door; a failed step fails the case"
)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fenta_render::confine::{self, Grants};
use fenta_workflows::action::{Action, ProbeRequest};
use fenta_workflows::digest::blob_digest;
use fenta_workflows::worker::{Sandbox, WorkerJob};
use serde::{Deserialize, Serialize};

/// What the attacker knows: more than a worker ever would.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scene {
    /// A folder that stands for all of the user's disk; job and targets lie in it.
    folder: PathBuf,
    port: u16,
    abstract_name: String,
    /// A process of the same user's that is nobody's parent.
    victim: i32,
}

impl Scene {
    fn blob(&self) -> PathBuf {
        self.folder.join("blob")
    }

    fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    fn grants(&self) -> Grants {
        let source = blob_digest(b"given");
        Grants::of(&WorkerJob {
            action: Action::Probe(ProbeRequest {
                source,
                name: String::new(),
            }),
            blobs: BTreeMap::from([(source, self.blob().to_str().unwrap().to_owned())]),
            output_dir: self.out().to_str().unwrap().to_owned(),
            then: Vec::new(),
            parent: None,
        })
    }
}

/// Who must refuse an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    Files,
    Calls,
    /// Work that must go on.
    Nobody,
}

type Attempt = fn(&Scene) -> std::io::Result<()>;

const ATTEMPTS: &[(&str, Guard, Attempt)] = &[
    ("read a file of the job", Guard::Nobody, |s| read(&s.blob())),
    ("write an output", Guard::Nobody, |s| {
        std::fs::write(s.out().join("a"), "x")?;
        std::fs::rename(s.out().join("a"), s.out().join("b"))?;
        std::fs::write(s.out().join("b"), "y")?;
        std::fs::remove_file(s.out().join("b"))
    }),
    ("work in threads", Guard::Nobody, |_| {
        let handles: Vec<_> = (0..4)
            .map(|n| std::thread::Builder::new().spawn(move || n))
            .collect::<Result<_, _>>()?;
        assert_eq!(
            handles.into_iter().map(|h| h.join().unwrap()).sum::<i32>(),
            6
        );
        Ok(())
    }),
    ("open a home file", Guard::Files, |s| {
        read(&s.home().join("secret"))
    }),
    ("list the home folder", Guard::Files, |s| {
        std::fs::read_dir(s.home()).map(drop)
    }),
    ("open a blob of another job", Guard::Files, |s| {
        read(&s.folder.join("other-blob"))
    }),
    ("open the accounts", Guard::Files, |_| {
        read(Path::new("/etc/passwd"))
    }),
    ("read the environment of a process", Guard::Files, |s| {
        read(Path::new(&format!("/proc/{}/environ", s.victim)))
    }),
    ("open a device", Guard::Files, |_| {
        read_some(Path::new("/dev/zero"))
    }),
    ("write outside", Guard::Files, |s| {
        std::fs::write(s.home().join("planted"), "x")
    }),
    ("overwrite a blob", Guard::Files, |s| {
        std::fs::OpenOptions::new()
            .write(true)
            .open(s.blob())
            .map(drop)
    }),
    ("remove a home file", Guard::Files, |s| {
        std::fs::write(s.out().join("bait"), "x").unwrap();
        std::fs::remove_file(s.home().join("removable"))
    }),
    ("move an output away", Guard::Files, |s| {
        std::fs::write(s.out().join("moved"), "x").unwrap();
        std::fs::rename(s.out().join("moved"), s.home().join("moved"))
    }),
    ("link a home file into the outputs", Guard::Calls, |s| {
        std::fs::hard_link(s.home().join("secret"), s.out().join("linked"))
    }),
    ("leave a link to a home file", Guard::Calls, |s| {
        std::os::unix::fs::symlink(s.home().join("secret"), s.out().join("pointer"))
    }),
    ("connect out", Guard::Calls, |s| {
        TcpStream::connect(("127.0.0.1", s.port)).map(drop)
    }),
    ("send a datagram", Guard::Calls, |_| {
        UdpSocket::bind("127.0.0.1:0").map(drop)
    }),
    ("listen", Guard::Calls, |_| {
        TcpListener::bind("127.0.0.1:0").map(drop)
    }),
    ("connect to the daemon's socket", Guard::Calls, |s| {
        UnixStream::connect(s.home().join("socket")).map(drop)
    }),
    ("connect to an abstract socket", Guard::Calls, |s| {
        let address = SocketAddr::from_abstract_name(&s.abstract_name)?;
        UnixStream::connect_addr(&address).map(drop)
    }),
    ("run a shell", Guard::Calls, |_| {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "true"]);
        shell.status().map(drop)
    }),
    ("become a shell", Guard::Calls, |_| {
        // In a copy of this process where it works, since it would never come back.
        // SAFETY: the child does nothing but replace itself or end.
        match unsafe { libc::fork() } {
            -1 => Err(std::io::Error::last_os_error()),
            0 => {
                let path = c"/bin/true";
                // SAFETY: terminated strings and a terminated list.
                unsafe {
                    libc::execv(path.as_ptr(), [path.as_ptr(), std::ptr::null()].as_ptr());
                    libc::_exit(1)
                }
            }
            // SAFETY: a child of its own.
            child => unsafe {
                assert_eq!(libc::waitpid(child, std::ptr::null_mut(), 0), child);
                Ok(())
            },
        }
    }),
    ("trace a process", Guard::Calls, |s| {
        // SAFETY: attaching takes no memory of this process.
        answer(unsafe { libc::ptrace(libc::PTRACE_SEIZE, s.victim, 0, 0) })
    }),
    ("trace its parent", Guard::Calls, |_| {
        // SAFETY: as above.
        answer(unsafe { libc::ptrace(libc::PTRACE_SEIZE, libc::getppid(), 0, 0) })
    }),
    ("read the memory of a process", Guard::Calls, |s| {
        let mut byte = 0u8;
        let local = libc::iovec {
            iov_base: (&raw mut byte).cast(),
            iov_len: 1,
        };
        // SAFETY: one byte of its own; no remote range is given, so nothing is read.
        let read = unsafe {
            libc::process_vm_readv(s.victim, &raw const local, 1, std::ptr::null(), 0, 0)
        };
        answer(read as i64)
    }),
    ("ask for a signal to its parent", Guard::Calls, |_| {
        // SAFETY: signal 0 only asks whether it may be sent.
        answer(i64::from(unsafe { libc::kill(libc::getppid(), 0) }))
    }),
    ("leave its process group", Guard::Calls, |_| {
        // SAFETY: no memory is touched.
        answer(i64::from(unsafe { libc::setpgid(0, 0) }))
    }),
    ("make namespaces", Guard::Calls, |_| {
        // SAFETY: as above.
        answer(i64::from(unsafe { libc::unshare(libc::CLONE_FS) }))
    }),
    ("queue calls in a ring", Guard::Calls, |_| {
        let mut parameters = [0u8; 120];
        call(
            libc::SYS_io_uring_setup,
            1,
            parameters.as_mut_ptr() as usize,
        )
    }),
    ("load a program into the kernel", Guard::Calls, |_| {
        // BPF_PROG_GET_NEXT_ID from number 0 on: "there is none" and "here it is" both mean that it may ask.
        let mut attribute = [0u8; 128];
        // SAFETY: the attribute is larger than the kernel reads.
        let code = unsafe { libc::syscall(libc::SYS_bpf, 11, attribute.as_mut_ptr(), 128) };
        match answer(code) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            other => other,
        }
    }),
    ("keep a key", Guard::Calls, |_| {
        // KEYCTL_GET_KEYRING_ID of the process's own ring, made if there is none.
        // SAFETY: numbers only.
        answer(unsafe { libc::syscall(libc::SYS_keyctl, 0, -2, 1) })
    }),
    ("raise its limits", Guard::Calls, |_| {
        let limit = libc::rlimit {
            rlim_cur: 64,
            rlim_max: 64,
        };
        // SAFETY: the limit is read during the call.
        answer(i64::from(unsafe {
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit)
        }))
    }),
];

fn read(path: &Path) -> std::io::Result<()> {
    std::fs::read(path).map(drop)
}

fn read_some(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.read_exact(&mut [0; 4])
}

fn answer(code: i64) -> std::io::Result<()> {
    if code < 0 {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn call(number: libc::c_long, first: usize, second: usize) -> std::io::Result<()> {
    // SAFETY: every caller gives memory that is large enough.
    answer(unsafe { libc::syscall(number, first, second) })
}

/// The process that is attacked from: confines itself if asked, tries everything, and says how each ended.
fn inside(scene: &Scene, confined: bool) {
    let sandbox = if confined {
        confine::begin().unwrap();
        confine::lock_in(&scene.grants())
    } else {
        Sandbox::default()
    };
    let outcomes: Vec<Option<i32>> = ATTEMPTS
        .iter()
        .map(|(_, _, attempt)| {
            let error = attempt(scene).err()?;
            Some(error.raw_os_error().unwrap_or(-1))
        })
        .collect();
    println!("{}", serde_json::to_string(&(sandbox, outcomes)).unwrap());
}

fn send_inside(scene: &Scene, how: &str) -> (Sandbox, Vec<Option<i32>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([how, &serde_json::to_string(scene).unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{how}: {status}, it said {said:?}");
    serde_json::from_str(&said).unwrap()
}

/// The disk and the neighbours of a worker.
fn set(folder: &Path, victim: i32) -> (Scene, impl Sized + use<>) {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let scene = Scene {
        folder: folder.to_owned(),
        port: tcp.local_addr().unwrap().port(),
        abstract_name: format!("fenta-attack-{}", std::process::id()),
        victim,
    };
    for made in [scene.out(), scene.home()] {
        std::fs::create_dir(made).unwrap();
    }
    for (path, text) in [
        (scene.blob(), "given"),
        (scene.folder.join("other-blob"), "not given"),
        (scene.home().join("secret"), "secret"),
        (scene.home().join("removable"), ""),
    ] {
        std::fs::write(path, text).unwrap();
    }
    let local = UnixListener::bind(scene.home().join("socket")).unwrap();
    let address = SocketAddr::from_abstract_name(&scene.abstract_name).unwrap();
    let hidden = UnixListener::bind_addr(&address).unwrap();
    (scene, (tcp, local, hidden))
}

fn outside() {
    let mut victim = Command::new("sleep").arg("600").spawn().unwrap();
    let number = i32::try_from(victim.id()).unwrap();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (free, held) = {
        // Abstract names are one for both: one scene after the other.
        let run = |folder: &tempfile::TempDir, how| {
            let (scene, _neighbours) = set(&folder.path().canonicalize().unwrap(), number);
            send_inside(&scene, how)
        };
        (run(&folders[0], "free"), run(&folders[1], "held"))
    };
    victim.kill().unwrap();
    victim.wait().unwrap();
    let sandbox = held.0;
    println!("sandbox: {sandbox:?}, level {:?}", sandbox.level());
    let mut wrong = Vec::new();
    for ((name, guard, _), (free, held)) in ATTEMPTS.iter().zip(free.1.iter().zip(&held.1)) {
        let on_duty = match guard {
            Guard::Files => sandbox.files.is_some(),
            Guard::Calls => sandbox.calls,
            Guard::Nobody => false,
        };
        println!("{name}: free {free:?}, confined {held:?}");
        let refused = matches!(held, Some(libc::EPERM | libc::EACCES));
        // Without the sandbox this machine may refuse it as well; then the try shows nothing and is only told.
        let proves = free.is_none();
        if *guard == Guard::Nobody && held.is_some() {
            wrong.push(format!("{name} must still work, but: errno {held:?}"));
        } else if on_duty && !refused {
            wrong.push(format!("{name} was not refused: errno {held:?}"));
        } else if on_duty && !proves {
            println!("    (not possible here without the sandbox either)");
        }
    }
    let proved = free.1.iter().filter(|outcome| outcome.is_none()).count();
    assert!(
        proved * 10 >= ATTEMPTS.len() * 8,
        "most attempts must work without the sandbox"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    std::io::stdout().flush().unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [how @ ("free" | "held"), scene] => {
            inside(&serde_json::from_str(scene).unwrap(), how == "held");
        }
        // A filter that names no test of this file, or a request for the list of them.
        [first, ..]
            if first == "--list" || !(first.starts_with('-') || "attack".contains(first)) => {}
        _ => outside(),
    }
}
