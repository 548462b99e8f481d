//! A provider that is paid, on loopback: it counts what it was paid for, and fails as often as it is told to.
//!
//! What it makes follows from the text alone: the same text is the same recording, whenever and however often it is made.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::dice::Dice;

/// What a call costs, millionths of dollars: less than what it may cost at the most.
pub(crate) const PRICE_MICROS: u64 = 7;

/// Samples of a word, and how many of them sound.
const WORD: usize = 12_000;
const SOUND: usize = 10_000;

/// A call that was paid.
#[derive(Clone, Debug)]
struct Paid {
    reference: String,
    text: String,
    /// Times it is still asked about in vain.
    pending: u32,
}

/// The provider. Cheap to clone; its thread ends with the process.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    books: Arc<Mutex<Vec<Paid>>>,
    /// Requests of a hundred that go wrong.
    faults: Arc<AtomicU32>,
    /// Every call is refused for now.
    busy: Arc<AtomicBool>,
    dice: Arc<Mutex<Dice>>,
    pub(crate) address: SocketAddr,
}

enum Answer {
    Says(u16, Vec<u8>),
    /// The connection ends without one.
    Lost,
}

impl Shop {
    /// Opens it.
    pub(crate) fn open(seed: u64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let shop = Self {
            books: Arc::default(),
            faults: Arc::default(),
            busy: Arc::default(),
            dice: Arc::new(Mutex::new(Dice::new(seed))),
            address: listener.local_addr()?,
        };
        let serving = shop.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shop = serving.clone();
                std::thread::spawn(move || shop.serve(stream));
            }
        });
        Ok(shop)
    }

    /// Of a hundred requests so many go wrong from now on.
    pub(crate) fn fail(&self, of_hundred: u32) {
        self.faults.store(of_hundred, Ordering::SeqCst);
    }

    /// Whether every call is refused from now on.
    pub(crate) fn refuse(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    /// How often each text was paid for.
    pub(crate) fn paid(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for paid in self.books().iter() {
            *counts.entry(paid.text.clone()).or_default() += 1;
        }
        counts
    }

    /// The name of the call with our reference, for whoever looks it up by hand.
    pub(crate) fn look_up(&self, reference: &str) -> Option<String> {
        let books = self.books();
        let index = books.iter().position(|paid| paid.reference == reference)?;
        Some(format!("remote-{index}"))
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Vec<Paid>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_wrong(&self) -> bool {
        let limit = self.faults.load(Ordering::SeqCst);
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        dice.below(100) < u64::from(limit)
    }

    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let Some((method, path, body)) = request(&stream) else {
            return;
        };
        let Answer::Says(status, body) = self.answer(&method, &path, &body) else {
            return;
        };
        let head = format!(
            "HTTP/1.1 {status} Answer\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        // Whoever asked may be dead by now; that is what this is about.
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&body);
    }

    fn answer(&self, method: &str, path: &str, body: &str) -> Answer {
        let (what, name) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or_default();
        match (method, what) {
            ("POST", "calls") => self.submit(name, body),
            ("GET", "calls") if self.goes_wrong() => Answer::Says(501, Vec::new()),
            ("GET", "calls") => match self.look_up(name) {
                Some(remote) => Answer::Says(200, remote.into()),
                None => Answer::Says(404, Vec::new()),
            },
            ("GET", _) if self.goes_wrong() => Answer::Says(502, Vec::new()),
            ("GET", "polls") => self.poll(name),
            ("GET", "words") => self
                .text_of(name)
                .map_or(Answer::Lost, |text| Answer::Says(200, text.into())),
            ("GET", "files") => self
                .text_of(name)
                .map_or(Answer::Lost, |text| Answer::Says(200, recording(&text))),
            _ => Answer::Says(400, Vec::new()),
        }
    }

    fn submit(&self, reference: &str, text: &str) -> Answer {
        if self.busy.load(Ordering::SeqCst) {
            return Answer::Says(429, Vec::new());
        }
        if self.goes_wrong() {
            return Answer::Lost;
        }
        let pending = if self.goes_wrong() { 3 } else { 0 };
        let mut books = self.books();
        books.push(Paid {
            reference: reference.to_owned(),
            text: text.to_owned(),
            pending,
        });
        let remote = format!("remote-{}", books.len() - 1);
        drop(books);
        // It is paid from here on, whether the answer arrives or not.
        match self.goes_wrong() {
            true => Answer::Lost,
            false => Answer::Says(200, remote.into()),
        }
    }

    fn poll(&self, remote: &str) -> Answer {
        let mut books = self.books();
        let Some(paid) = index(remote).and_then(|index| books.get_mut(index)) else {
            return Answer::Says(404, Vec::new());
        };
        if paid.pending > 0 {
            paid.pending -= 1;
            return Answer::Says(202, Vec::new());
        }
        Answer::Says(200, remote.into())
    }

    fn text_of(&self, remote: &str) -> Option<String> {
        Some(self.books().get(index(remote)?)?.text.clone())
    }
}

fn index(remote: &str) -> Option<usize> {
    remote.strip_prefix("remote-")?.parse().ok()
}

/// Method, path and body.
fn request(stream: &TcpStream) -> Option<(String, String, String)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, path, String::from_utf8(body).ok()?))
}

/// Where each word is, in samples.
pub(crate) fn word_spans(text: &str) -> Vec<(String, u64, u64)> {
    text.split_whitespace()
        .enumerate()
        .map(|(number, word)| {
            let start = (number * WORD) as u64;
            (word.to_owned(), start, start + SOUND as u64)
        })
        .collect()
}

/// A WAV file of 48 kHz: every word a triangle wave whose pitch follows from its letters.
fn recording(text: &str) -> Vec<u8> {
    let mut samples: Vec<i16> = Vec::new();
    for word in text.split_whitespace() {
        let letters: usize = word.bytes().map(usize::from).sum();
        let period = 100 + letters % 200;
        for at in 0..WORD {
            let phase = (at % period) * 2;
            let height = if phase < period {
                phase
            } else {
                2 * period - phase
            };
            let wave = (height * 12_000 / period) as i16 - 6_000;
            samples.push(if at < SOUND { wave } else { 0 });
        }
    }
    let bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(samples.len() * 2 + 44);
    file.extend(b"RIFF");
    file.extend((bytes + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1_u16, 1].iter().flat_map(|number| number.to_le_bytes()));
    file.extend(
        [48_000_u32, 96_000]
            .iter()
            .flat_map(|number| number.to_le_bytes()),
    );
    file.extend([2_u16, 16].iter().flat_map(|number| number.to_le_bytes()));
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}
