//! What begins workflows: schedules and watched folders.

use fenta_client::api::notices::NoticeList;
use fenta_client::api::schedules::{
    Backfill, CreateSchedules, PauseSchedule, Schedule, ScheduleList, ScheduleRun, ScheduleRunList,
    ScheduledTimes,
};
use fenta_client::api::watches::{
    CreateWatch, PauseWatch, Watch, WatchAgain, WatchFileList, WatchList, WatchRunList,
    WatchVerdict,
};

use super::super::routes::Method::{Delete, Get, Post};
use super::super::routes::{Routes, op};
use super::super::{AppState, notices, page, schedules, watches};

/// All of them.
pub(super) fn all() -> Routes<AppState> {
    schedules_routes()
        .and(schedule_runs_routes())
        .and(watches_routes())
        .and(watch_runs_routes())
        .and(notice_routes())
}

fn schedules_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(Get, "/v1/schedules", "listSchedules", "Every schedule.").says::<ScheduleList>(200),
            schedules::list,
        )
        .on(
            op(
                Post,
                "/v1/schedules",
                "createSchedules",
                "Adds the schedules of a document.",
            )
            .given::<CreateSchedules>()
            .says::<ScheduleList>(201)
            .makes(),
            schedules::create,
        )
        .on(
            op(Get, "/v1/schedules/{id}", "getSchedule", "One schedule.").says::<Schedule>(200),
            schedules::show,
        )
        .on(
            op(
                Delete,
                "/v1/schedules/{id}",
                "removeSchedule",
                "Takes it away; its runs stay.",
            )
            .says::<Schedule>(200),
            schedules::remove,
        )
        .on(
            op(
                Get,
                "/v1/schedules/{id}/next",
                "nextTimes",
                "When it is due next.",
            )
            .query::<schedules::NextQuery>()
            .says::<ScheduledTimes>(200),
            schedules::next,
        )
}

fn schedule_runs_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/schedules/{id}/runs",
                "listScheduleRuns",
                "Its runs, the newest first.",
            )
            .query::<page::Page>()
            .says::<ScheduleRunList>(200),
            schedules::runs,
        )
        .on(
            op(
                Post,
                "/v1/schedules/{id}/pause",
                "pauseSchedule",
                "Begins nothing until it is resumed.",
            )
            .maybe::<PauseSchedule>()
            .says::<Schedule>(200),
            schedules::pause,
        )
        .on(
            op(
                Post,
                "/v1/schedules/{id}/resume",
                "resumeSchedule",
                "Begins runs again.",
            )
            .says::<Schedule>(200),
            schedules::resume,
        )
        .on(
            op(
                Post,
                "/v1/schedules/{id}/trigger",
                "triggerSchedule",
                "Begins a run now.",
            )
            .says::<ScheduleRun>(202)
            .makes(),
            schedules::trigger,
        )
        .on(
            op(
                Post,
                "/v1/schedules/{id}/backfill",
                "backfillSchedule",
                "Begins the runs of past days.",
            )
            .given::<Backfill>()
            .says::<ScheduledTimes>(200)
            .makes(),
            schedules::backfill,
        )
}

fn watches_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(Get, "/v1/watches", "listWatches", "Every watched folder.").says::<WatchList>(200),
            watches::list,
        )
        .on(
            op(Post, "/v1/watches", "createWatch", "Watches a folder.")
                .given::<CreateWatch>()
                .says::<Watch>(201)
                .makes(),
            watches::create,
        )
        .on(
            op(Get, "/v1/watches/{id}", "getWatch", "One watched folder.").says::<Watch>(200),
            watches::show,
        )
        .on(
            op(
                Delete,
                "/v1/watches/{id}",
                "removeWatch",
                "Watches it no longer.",
            )
            .says::<Watch>(200),
            watches::remove,
        )
        .on(
            op(
                Get,
                "/v1/watches/{id}/files",
                "listWatchFiles",
                "What is known of its files.",
            )
            .query::<page::Page>()
            .says::<WatchFileList>(200),
            watches::files,
        )
}

fn watch_runs_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/watches/{id}/runs",
                "listWatchRuns",
                "Its runs, the newest first.",
            )
            .query::<page::Page>()
            .says::<WatchRunList>(200),
            watches::runs,
        )
        .on(
            op(
                Post,
                "/v1/watches/{id}/pause",
                "pauseWatch",
                "Begins nothing until it is resumed.",
            )
            .maybe::<PauseWatch>()
            .says::<Watch>(200),
            watches::pause,
        )
        .on(
            op(
                Post,
                "/v1/watches/{id}/resume",
                "resumeWatch",
                "Begins runs again.",
            )
            .says::<Watch>(200),
            watches::resume,
        )
        .on(
            op(
                Post,
                "/v1/watches/{id}/again",
                "runWatchAgain",
                "Begins a run for files that had one.",
            )
            .given::<WatchAgain>()
            .says::<WatchFileList>(200)
            .makes(),
            watches::again,
        )
        .on(
            op(
                Get,
                "/v1/watches/{id}/explain",
                "explainWatch",
                "What its rule says of a path.",
            )
            .query::<watches::ExplainQuery>()
            .says::<WatchVerdict>(200),
            watches::explain,
        )
}

fn notice_routes() -> Routes<AppState> {
    Routes::default().on(
        op(
            Get,
            "/v1/notices",
            "listNotices",
            "What was told of runs, and whether it arrived.",
        )
        .query::<notices::NoticeQuery>()
        .says::<NoticeList>(200),
        notices::list,
    )
}
