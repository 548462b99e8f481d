//! `GET /v1/metrics`: counts and times in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::AppState;
use super::activity::{Answers, CLASSES_MS};
use super::problem::ApiError;

const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn show(State(state): State<AppState>) -> Result<impl IntoResponse, ApiError> {
    let status = *state.runner.status().borrow();
    let mut text = String::new();
    answers(&mut text, state.activity.answers());
    gauge(
        &mut text,
        "fenta_http_requests_in_progress",
        "Requests that are being answered.",
        state.activity.in_progress() as u64,
    );
    gauge(
        &mut text,
        "fenta_jobs_active",
        "Jobs in work.",
        status.active as u64,
    );
    head(&mut text, "fenta_jobs", "gauge", "Jobs by state.");
    for (name, count) in state.store.count_jobs().await? {
        let _ = writeln!(text, "fenta_jobs{{state=\"{name}\"}} {count}");
    }
    gauge(&mut text, "fenta_up", "1 while the daemon answers.", 1);
    Ok(([(header::CONTENT_TYPE, KIND)], text))
}

fn answers(text: &mut String, answers: &Answers) {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let name = "fenta_http_answers_total";
    head(
        text,
        name,
        "counter",
        "Answers by the class of their status.",
    );
    for (class, count) in answers.by_status.iter().enumerate().skip(1) {
        let _ = writeln!(text, "{name}{{class=\"{class}xx\"}} {}", of(count));
    }
    let name = "fenta_http_answer_seconds";
    head(text, name, "histogram", "Times until an answer began.");
    let mut sum = 0;
    for (class, count) in answers.by_time.iter().enumerate() {
        sum += of(count);
        // Written in milliseconds there, in seconds here.
        let end = CLASSES_MS.get(class).map_or_else(
            || "+Inf".to_owned(),
            |millis| format!("{}.{:03}", millis / 1000, millis % 1000),
        );
        let _ = writeln!(text, "{name}_bucket{{le=\"{end}\"}} {sum}");
    }
    let micros = of(&answers.micros);
    let _ = writeln!(
        text,
        "{name}_sum {}.{:06}",
        micros / 1_000_000,
        micros % 1_000_000
    );
    let _ = writeln!(text, "{name}_count {sum}");
}

fn gauge(text: &mut String, name: &str, about: &str, value: u64) {
    head(text, name, "gauge", about);
    let _ = writeln!(text, "{name} {value}");
}

fn head(text: &mut String, name: &str, kind: &str, about: &str) {
    let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::Activity;

    #[test]
    fn times_are_counted_up_to_each_end() {
        let activity = Activity::default();
        for (status, millis) in [(200, 1), (200, 3), (404, 70), (503, 20_000)] {
            activity.answered(status, Duration::from_millis(millis));
        }
        let mut text = String::new();
        answers(&mut text, activity.answers());
        for line in [
            "fenta_http_answers_total{class=\"2xx\"} 2",
            "fenta_http_answers_total{class=\"5xx\"} 1",
            "fenta_http_answer_seconds_bucket{le=\"0.001\"} 1",
            "fenta_http_answer_seconds_bucket{le=\"0.005\"} 2",
            "fenta_http_answer_seconds_bucket{le=\"0.100\"} 3",
            "fenta_http_answer_seconds_bucket{le=\"10.000\"} 3",
            "fenta_http_answer_seconds_bucket{le=\"+Inf\"} 4",
            "fenta_http_answer_seconds_sum 20.074000",
            "fenta_http_answer_seconds_count 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
