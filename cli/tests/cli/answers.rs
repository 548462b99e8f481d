//! What the scripted daemon answers.

pub(crate) const META: &str = r#"{"version":"VERSION","api":{"min":1,"max":1},"state":"ready","pid":1,"started_at":"2026-01-01T00:00:00Z","jobs_running":0,"tool":"t","state_dir":"/s"}"#;

pub(crate) const JOB: &str = r#"{"id":"job_0193","workflow":"tiny","state":"queued","created_at":"2026-01-01T00:00:00Z","last_seq":1}"#;

pub(crate) const EVENTS_DONE: &str = r#"id: 1
data: {"seq":1,"job":"job_0193","at":"2026-01-01T00:00:00.000Z","type":"job_started","resumed":false}

id: 2
data: {"seq":2,"job":"job_0193","at":"2026-01-01T00:00:01.000Z","type":"node_finished","node":"music","ran":0,"cached":4,"wall_ms":0,"saved_ms":4000,"reasons":[]}

id: 3
data: {"seq":3,"job":"job_0193","at":"2026-01-01T00:00:11.000Z","type":"node_finished","node":"text","ran":3,"cached":11,"wall_ms":9840,"saved_ms":31000,"reasons":[{"reason":"param","key":"topic","old":"\"ants\"","new":"\"bees\""}]}

id: 4
data: {"seq":4,"job":"job_0193","at":"2026-01-01T00:00:12.000Z","type":"job_completed","outputs":{"loudness":-14.0,"files":["/out/a.mp4","/out/a.srt"]}}

"#;

pub(crate) const EVENTS_UP_TO_DATE: &str = r#"id: 1
data: {"seq":1,"job":"job_0193","at":"2026-01-01T00:00:00.000Z","type":"job_started","resumed":false}

id: 2
data: {"seq":2,"job":"job_0193","at":"2026-01-01T00:00:00.100Z","type":"node_finished","node":"text","ran":0,"cached":37,"wall_ms":0,"saved_ms":41200,"reasons":[]}

id: 3
data: {"seq":3,"job":"job_0193","at":"2026-01-01T00:00:00.200Z","type":"job_completed","outputs":{"video":"/out/a.mp4"}}

"#;

pub(crate) const EVENTS_FAILED: &str = r#"id: 1
data: {"seq":1,"job":"job_0193","at":"2026-01-01T00:00:00.000Z","type":"job_started","resumed":false}

id: 2
data: {"seq":2,"job":"job_0193","at":"2026-01-01T00:00:01.000Z","type":"node_failed","node":"text","class":"resource","message":"no voice engine","hint":"sudo apt install libflite1"}

id: 3
data: {"seq":3,"job":"job_0193","at":"2026-01-01T00:00:01.000Z","type":"job_failed","node":"text","message":"no voice engine","hint":"sudo apt install libflite1"}

"#;
