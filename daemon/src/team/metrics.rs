//! What the operator of a team server watches: requests, how long they took, and what was made. Text format of Prometheus,
//! on the server's own socket only: the numbers are about everybody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper ends of the classes of a histogram, seconds.
const CLASSES: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 10.0];

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// By method and class of status, `2xx`.
    requests: BTreeMap<(String, String), u64>,
    /// One for each class, and one for what takes longer.
    times: [u64; CLASSES.len() + 1],
    seconds: f64,
    /// By name.
    events: BTreeMap<&'static str, u64>,
}

/// What is true at the moment, told by whoever asks for the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Organisations.
    pub orgs: usize,
    /// Organisations that are at work.
    pub orgs_at_work: usize,
    /// Jobs in work, of all of them.
    pub active_jobs: usize,
}

impl Metrics {
    /// A request was answered.
    pub fn answered(&self, method: &str, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let class = CLASSES
            .iter()
            .position(|end| seconds <= *end)
            .unwrap_or(CLASSES.len());
        let method = match method {
            "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" => method,
            // A method of somebody's own making must not make a series of its own.
            _ => "OTHER",
        };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (method.to_owned(), format!("{}xx", status / 100));
        *counted.requests.entry(key).or_default() += 1;
        counted.times[class] += 1;
        counted.seconds += seconds;
    }

    /// Something happened that is counted by name, for example `jobs_submitted`.
    pub fn count(&self, event: &'static str) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.events.entry(event).or_default() += 1;
    }

    /// All of it as text.
    pub fn text(&self, now: Now) -> String {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "# HELP fenta_http_requests_total Answered requests.\n# TYPE fenta_http_requests_total counter"
        );
        for ((method, class), count) in &counted.requests {
            let _ = writeln!(
                text,
                "fenta_http_requests_total{{method=\"{method}\",status=\"{class}\"}} {count}"
            );
        }
        let _ = writeln!(
            text,
            "# HELP fenta_http_seconds Time until the head of the answer.\n# TYPE fenta_http_seconds histogram"
        );
        let mut sum = 0;
        for (end, count) in CLASSES.iter().zip(&counted.times) {
            sum += count;
            let _ = writeln!(text, "fenta_http_seconds_bucket{{le=\"{end}\"}} {sum}");
        }
        let all: u64 = counted.times.iter().sum();
        let _ = writeln!(text, "fenta_http_seconds_bucket{{le=\"+Inf\"}} {all}");
        let _ = writeln!(
            text,
            "fenta_http_seconds_sum {:.6}\nfenta_http_seconds_count {all}",
            counted.seconds
        );
        for (name, value) in [
            ("organisations", now.orgs),
            ("organisations_at_work", now.orgs_at_work),
            ("active_jobs", now.active_jobs),
        ] {
            let _ = writeln!(text, "# TYPE fenta_{name} gauge\nfenta_{name} {value}");
        }
        for (name, count) in &counted.events {
            let _ = writeln!(
                text,
                "# TYPE fenta_{name}_total counter\nfenta_{name}_total {count}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_fall_into_classes_that_add_up() {
        let metrics = Metrics::default();
        metrics.answered("GET", 200, Duration::from_millis(4));
        metrics.answered("GET", 404, Duration::from_millis(300));
        metrics.answered("BREW", 418, Duration::from_secs(60));
        metrics.count("jobs_submitted");
        let now = Now {
            orgs: 2,
            orgs_at_work: 1,
            active_jobs: 3,
        };
        let text = metrics.text(now);
        for line in [
            "fenta_http_requests_total{method=\"GET\",status=\"2xx\"} 1",
            "fenta_http_requests_total{method=\"OTHER\",status=\"4xx\"} 1",
            "fenta_http_seconds_bucket{le=\"0.005\"} 1",
            "fenta_http_seconds_bucket{le=\"0.5\"} 2",
            "fenta_http_seconds_bucket{le=\"10\"} 2",
            "fenta_http_seconds_bucket{le=\"+Inf\"} 3",
            "fenta_http_seconds_count 3",
            "fenta_active_jobs 3",
            "fenta_jobs_submitted_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
