//! Notices over a real store, with a clock that moves when it is told to and nobody at the address.

use fenta_client::api::notices::NoticeState;

use super::*;
use crate::clock::testing::ManualClock;

struct Bench {
    _folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    notices: Notices,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let store = Store::open(&folder.path().join("db"), false, clock.clone()).unwrap();
        let activity = Activity::default();
        let notices = Notices::new(store, Providers::fixed(Vec::new()), clock.clone(), activity);
        Self {
            _folder: folder,
            clock,
            notices,
        }
    }

    async fn tell(&self, wishes: &Wishes, what: NotifyOn, subject: &str) {
        let news = News {
            of: ("schedule", "sch_1", "daily"),
            what,
            subject,
            event: "run.failed",
            job: None,
            reason: "no voice",
            more: json!({ "due_at": "2026-11-22T07:00:00Z" }),
        };
        self.notices.tell(wishes, news).await.unwrap();
    }

    async fn list(&self) -> Vec<Notice> {
        self.notices.list("sch_1", 100).await.unwrap()
    }
}

fn hook() -> Wishes {
    Wishes {
        webhook: Some("https://example.org/h".to_owned()),
        ..Wishes::default()
    }
}

#[tokio::test]
async fn what_is_told_twice_is_told_once_and_what_nobody_wants_is_not() {
    let bench = Bench::new();
    bench.tell(&hook(), NotifyOn::Failed, "run_1").await;
    bench.tell(&hook(), NotifyOn::Failed, "run_1").await;
    bench.tell(&hook(), NotifyOn::Completed, "run_2").await;
    bench
        .tell(&Wishes::default(), NotifyOn::Failed, "run_3")
        .await;
    let all = bench.list().await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].event, "schedule.run.failed");
    let due = bench.notices.store.due_notices(9).await.unwrap();
    assert_eq!(due[0].new.title, "schedule daily: a run failed");
    assert_eq!(due[0].new.data["schedule"]["name"], "daily");
    assert_eq!(due[0].new.data["reason"], "no voice");
    assert_eq!(due[0].new.data["due_at"], "2026-11-22T07:00:00Z");
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_tried_eight_times_within_a_day() {
    let bench = Bench::new();
    bench.tell(&hook(), NotifyOn::Failed, "run_1").await;
    let begin = bench.clock.now();
    for tries in 1..=7 {
        let pause = bench.notices.tell_due().await.unwrap();
        let one = bench.list().await.remove(0);
        assert_eq!((one.state, one.tries), (NoticeState::Waiting, tries));
        assert!(!one.detail.is_empty(), "{one:?}");
        assert!(bench.notices.standing.stands());
        assert!(pause > Duration::ZERO);
        let next: jiff::Timestamp = one.next_at.unwrap().parse().unwrap();
        let left = next.duration_since(bench.clock.now()).as_millis();
        bench.clock.advance(i64::try_from(left).unwrap() - 1);
        bench.notices.tell_due().await.unwrap();
        assert_eq!(bench.list().await[0].tries, tries, "not before its time");
        bench.clock.advance(1);
    }
    bench.notices.tell_due().await.unwrap();
    let one = bench.list().await.remove(0);
    assert_eq!((one.state, one.tries), (NoticeState::GivenUp, 8));
    assert_eq!(one.next_at, None);
    assert!(!bench.notices.standing.stands());
    let day = bench.clock.now().duration_since(begin);
    assert!(day < SignedDuration::from_hours(24), "{day}");
}

#[tokio::test]
async fn wishes_that_cannot_be_met_are_told() {
    let bench = Bench::new();
    assert_eq!(bench.notices.complaint(&hook()).await, None);
    let signed = Wishes {
        secret_ref: Some("my".to_owned()),
        ..hook()
    };
    let (message, _) = bench.notices.complaint(&signed).await.unwrap();
    assert!(!message.is_empty());
    let open = Wishes {
        webhook: Some("http://example.org".to_owned()),
        ..Wishes::default()
    };
    let (message, _) = bench.notices.complaint(&open).await.unwrap();
    assert!(message.contains("in the open"), "{message}");
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let long = "é".repeat(LONGEST_TEXT + 1);
    assert_eq!(short(&long).chars().count(), LONGEST_TEXT + 1);
    assert_eq!(short("short"), "short");
    assert_eq!(
        line(&json!({ "reason": "no voice", "job": "job_1" })),
        "no voice\njob_1"
    );
}
