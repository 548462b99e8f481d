//! The system's keyring, through the crate `keyring` (the Secret Service of a desktop, spoken in Rust): the one door to it.
//!
//! A keyring hangs where nobody sits who could unlock it. So it is asked by one thread of its own, which may be given up;
//! while that thread is stuck nobody waits for it a second time. Nothing is linked for it, and without a session bus it
//! says so at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ::keyring::{Entry, Error};

use super::Secret;

/// How long the keyring may take; nobody waits for a window that nobody sees.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the keys are filed under; the vendor is the user's name there.
const SERVICE: &str = "fenta";

/// A question, to be asked on the thread of the keyring.
type Question = Box<dyn FnOnce() + Send>;

/// The thread of the keyring, where it was needed: the keyring is the system's, so there is one for the whole process.
static THREAD: Mutex<Option<Sender<Question>>> = Mutex::new(None);

/// Whether somebody gave up waiting for the question that is asked now.
static STUCK: AtomicBool = AtomicBool::new(false);

/// Puts a key into the keyring and looks whether it is there.
pub(super) fn write(vendor: &str, key: &Secret) -> Result<(), String> {
    let (name, wanted) = (vendor.to_owned(), key.clone());
    asked(PATIENCE, move || {
        let entry = entry(&name)?;
        entry
            .set_password(wanted.expose())
            .map_err(|error| said(&error))?;
        match found(&entry)? == wanted {
            true => Ok(()),
            false => Err("it gives another key back".to_owned()),
        }
    })
}

/// The key of a vendor.
pub(super) fn read(vendor: &str) -> Result<Secret, String> {
    let name = vendor.to_owned();
    asked(PATIENCE, move || found(&entry(&name)?))
}

/// Takes the key of a vendor out.
pub(super) fn forget(vendor: &str) -> Result<(), String> {
    let name = vendor.to_owned();
    asked(PATIENCE, move || match entry(&name)?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(said(&error)),
    })
}

fn entry(vendor: &str) -> Result<Entry, String> {
    Entry::new(SERVICE, vendor).map_err(|error| match (error, Entry::store_status()) {
        (Error::NoDefaultStore, Err(why)) => format!("there is none here: {}", said(why)),
        (error, _) => said(&error),
    })
}

fn found(entry: &Entry) -> Result<Secret, String> {
    let key = entry.get_password().map_err(|error| said(&error))?;
    Secret::new(&key).map_err(|_| "it has no such key".to_owned())
}

/// What is wrong, without anything of a key: some errors carry what was found.
fn said(error: &Error) -> String {
    match error {
        Error::NoEntry => "it has no such key".to_owned(),
        Error::NoStorageAccess(why) => format!("it is locked: {why}"),
        Error::PlatformFailure(why) => why.to_string(),
        Error::NoDefaultStore => "there is none here".to_owned(),
        Error::Ambiguous(_) => "it has several keys under this name".to_owned(),
        _ => "it holds something else under this name".to_owned(),
    }
}

/// Asks on the thread of the keyring, and waits so long for the answer and no longer.
fn asked<T: Send + 'static>(
    patience: Duration,
    question: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    if STUCK.load(Ordering::Acquire) {
        return Err("it still does not answer".to_owned());
    }
    let (reply, answer) = mpsc::channel();
    let question: Question = Box::new(move || {
        // Nobody may be waiting any more.
        let _ = reply.send(question());
    });
    put(question)?;
    match answer.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            STUCK.store(true, Ordering::Release);
            Err(format!("it did not answer within {} s", patience.as_secs()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("it ended while it was asked".to_owned()),
    }
}

/// Gives a question to the thread; to a new one where there is none any more.
fn put(question: Question) -> Result<(), String> {
    let mut thread = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    let returned = match thread.take() {
        Some(sender) => match sender.send(question) {
            Ok(()) => {
                *thread = Some(sender);
                return Ok(());
            }
            Err(mpsc::SendError(question)) => question,
        },
        None => question,
    };
    let sender = started()?;
    let sent = sender.send(returned);
    *thread = Some(sender);
    sent.map_err(|_| "it cannot be asked".to_owned())
}

fn started() -> Result<Sender<Question>, String> {
    let (sender, questions) = mpsc::channel::<Question>();
    let thread = thread::Builder::new().name("keyring".to_owned());
    let begun = thread.spawn(move || {
        for question in questions {
            // Who asked hears of it by the reply that never comes; the next one finds the thread as it was.
            let _ = catch_unwind(AssertUnwindSafe(question));
            STUCK.store(false, Ordering::Release);
        }
    });
    match begun {
        Ok(_) => Ok(sender),
        Err(error) => Err(format!("it cannot be asked: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_keyring_that_hangs_is_waited_for_once_and_asked_again_when_it_is_back() {
        let (go_on, wait) = mpsc::channel::<()>();
        let short = Duration::from_millis(50);
        let hung = asked(short, move || {
            let _ = wait.recv();
            Ok(())
        });
        assert_eq!(hung, Err("it did not answer within 0 s".to_owned()));
        let begun = Instant::now();
        let again = asked(Duration::from_secs(60), || Ok(1));
        assert_eq!(again, Err("it still does not answer".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(30));
        go_on.send(()).unwrap();
        while STUCK.load(Ordering::Acquire) {
            thread::yield_now();
        }
        assert_eq!(asked(Duration::from_secs(60), || Ok(2)), Ok(2));
        // A question that panics takes nothing with it.
        let lost: Result<(), String> = asked(Duration::from_secs(60), || panic!("on purpose"));
        assert!(lost.is_err());
        assert_eq!(asked(Duration::from_secs(60), || Ok(3)), Ok(3));
    }

    #[test]
    fn no_error_shows_what_was_found() {
        let all = [
            Error::BadEncoding(b"sk-1".to_vec()),
            Error::BadDataFormat(b"sk-1".to_vec(), "sk-1".into()),
            Error::NoEntry,
            Error::NoDefaultStore,
        ];
        for error in all {
            assert!(!said(&error).contains("sk-1"), "{error:?}");
        }
    }
}
