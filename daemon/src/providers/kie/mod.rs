//! kie.ai, which workflows also call KAI: pictures, clips and changes of clips, by models of many makers, for credits.
//!
//! Form: docs.kie.ai of 2026-08 ("Market", "Veo3.1 API", "Runway API", "File Upload API", "Common API"). Work is given to
//! it and asked for; files it goes by are uploaded first. A call that failed says so in its body with status 200
//! (`answers`). What models take is in `fenta_workflows::models::wire`.

mod answers;

use std::sync::Arc;

use fenta_workflows::action::{ActionResult, InvokeRequest};
use fenta_workflows::digest::Digest;
use fenta_workflows::models::{ModelRef, Role};
use fenta_workflows::worker::{FailureClass, WorkerFailure};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json, json};

use super::desk::Desk;
use super::generation::{
    Call, Fetched, Kind, Location, Missed, Patience, Work, failure, fetch, made, sent, wires,
};
use super::http::{Answer, Ask, HttpError, Limits, Method, Part, Reach, Url, multipart};
use super::vendor::{KeyStyle, KeyUse, Place, Service, Vendor};
use crate::executors::{Found, Polled, Provider, Remote, SubmitFailure};
use crate::store::Cas;
use answers::{Refusal, State};

/// Where files are uploaded; its documentation names another host for it.
const UPLOADS: &str = "https://kieai.redpandaai.co";

/// The largest file it is sent.
const MOST_UPLOAD: u64 = 100 << 20;

/// See the module.
pub(super) const VENDOR: Vendor = Vendor {
    name: "kie",
    base_url: "https://api.kie.ai",
    place: Place::Hosted,
    key: KeyUse::Needed {
        variable: "KIE_API_KEY",
    },
    sends: KeyStyle::Bearer,
    probe: Some("api/v1/chat/credit"),
    charges: true,
    services: &[
        Service {
            role: Role::Image,
            usual: Some("flux-2-pro"),
            open: |desk| open(desk, Kind::of(Role::Image)),
        },
        Service {
            role: Role::Video,
            usual: Some("veo3_fast"),
            open: |desk| open(desk, Kind::of(Role::Video)),
        },
        Service {
            role: Role::Edit,
            usual: Some("aleph"),
            open: |desk| open(desk, Kind::of(Role::Edit)),
        },
    ],
};

fn open(desk: Desk, kind: Kind) -> Arc<dyn Provider> {
    Arc::new(Kie {
        patience: Patience::begins(&desk),
        desk,
        kind,
    })
}

#[derive(Debug)]
struct Kie {
    desk: Desk,
    kind: Kind,
    patience: Patience,
}

/// The paths of a family, and whether its parameters stand in a part of their own.
struct Paths {
    create: &'static str,
    detail: &'static str,
    nested: bool,
}

/// Older families keep paths of their own.
fn paths(family: &str) -> Paths {
    let flat = |create, detail| Paths {
        create,
        detail,
        nested: false,
    };
    match family {
        "veo" => flat("api/v1/veo/generate", "api/v1/veo/record-info"),
        "runway" => flat("api/v1/runway/generate", "api/v1/runway/record-detail"),
        "aleph" => flat("api/v1/aleph/generate", "api/v1/aleph/record-info"),
        _ => Paths {
            create: "api/v1/jobs/createTask",
            detail: "api/v1/jobs/recordInfo",
            nested: true,
        },
    }
}

impl Kie {
    /// Gives work to it.
    async fn create(&self, request: &InvokeRequest) -> Result<Remote, SubmitFailure> {
        let not_made = SubmitFailure::NotMade;
        let call = Call::of(&self.desk, request).map_err(not_made)?;
        let mut addresses = Vec::new();
        for (part, digest) in call.wish.files() {
            let address = self.upload(*digest).await.map_err(not_made)?;
            addresses.push((*part, address));
        }
        let paths = paths(&call.family);
        let body = body(&call, call.body(addresses).map_err(not_made)?, paths.nested);
        let asked = self.desk.post_json(paths.create, Vec::new(), &body).await;
        let answer = asked.map_err(|error| lost(&error))?;
        let data = answers::data(&self.desk, &answer).map_err(|refusal| match refusal {
            Refusal::No(failure) => SubmitFailure::NotMade(failure),
            Refusal::Lost(failure) => SubmitFailure::Unknown(failure.message),
        })?;
        match data["taskId"].as_str().filter(|id| !id.is_empty()) {
            Some(id) => Ok(Work::remote(id, self.desk.clock.now())),
            None => Err(SubmitFailure::Unknown(
                "kie says yes and gives the work no name".to_owned(),
            )),
        }
    }

    /// Uploads a file; it is there for three days. It costs nothing, so it may be done again.
    async fn upload(&self, digest: Digest) -> Result<String, WorkerFailure> {
        let file = sent(&self.desk, digest, MOST_UPLOAD).await?;
        let body = multipart(&[
            Part::Text {
                name: "uploadPath",
                text: "fenta",
            },
            Part::Text {
                name: "fileName",
                text: &file.name,
            },
            Part::File {
                name: "file",
                file_name: &file.name,
                content_type: file.content_type,
                bytes: &file.bytes,
            },
        ]);
        let ask = Ask {
            method: Method::POST,
            url: self.upload_url(),
            headers: Vec::new(),
            key: self.desk.auth(),
            body,
            reach: Reach::Configured,
            limits: Limits {
                bytes: 1 << 20,
                ..Limits::WORK
            },
        };
        let answer = self.desk.http.call(ask).await;
        let answer = answer.map_err(|error| error.failure())?;
        self.desk.hear(&answer);
        let data = match answers::data(&self.desk, &answer) {
            Ok(data) => data,
            Err(Refusal::No(failure) | Refusal::Lost(failure)) => return Err(failure),
        };
        let address = ["downloadUrl", "fileUrl"].map(|key| data[key].as_str());
        let address = address.into_iter().flatten().find(|text| !text.is_empty());
        address.map(str::to_owned).ok_or_else(|| {
            failure(
                FailureClass::Server,
                "kie took a file and does not say where it put it".to_owned(),
                "run it again later",
            )
        })
    }

    /// The documented host, or the server the user named in its place.
    fn upload_url(&self) -> Url {
        const PATH: &str = "api/file-stream-upload";
        let documented: Option<Url> = VENDOR.base_url.parse().ok();
        let same = documented.is_some_and(|url| url.origin() == self.desk.base_url.origin());
        match UPLOADS.parse::<Url>() {
            Ok(mut url) if same => {
                url.set_path(PATH);
                url
            }
            _ => self.desk.url(PATH),
        }
    }

    /// What it says about work.
    async fn detail(&self, work: &str) -> Result<Result<Json, Refusal>, WorkerFailure> {
        let model = ModelRef::new(VENDOR.name, self.desk.model.clone());
        let wires = wires(&self.desk)?;
        let family = wires
            .get(&model)
            .map_or("jobs", |wire| wire.family.as_str());
        let query = [("taskId", work)];
        let asked = self.desk.get(paths(family).detail, &query).await;
        let answer: Answer = asked.map_err(|error| error.failure())?;
        Ok(answers::data(&self.desk, &answer))
    }

    async fn ask(&self, remote: &str) -> Result<Polled, WorkerFailure> {
        let work = Work::of(remote);
        let data = match self.detail(work.name).await? {
            Ok(data) => data,
            Err(Refusal::No(failure)) if answers::is_unknown(&failure) => return Ok(Polled::Lost),
            Err(Refusal::No(failure) | Refusal::Lost(failure)) => return Err(failure),
        };
        let cost_micros = answers::cost_micros(&data);
        match answers::state(&data) {
            State::Working => {
                self.patience.check(&self.desk, work)?;
                Ok(Polled::Pending(work.wait(self.desk.clock.now())))
            }
            State::Made(urls) => Ok(Polled::Made {
                location: Location {
                    work: work.name.to_owned(),
                    urls,
                }
                .text(),
                cost_micros,
            }),
            State::Failed { code, message } => Ok(Polled::Refused {
                failure: self.gave_up(&code, &message),
                cost_micros,
            }),
            State::Unreadable(why) => Err(failure(
                FailureClass::Server,
                format!("kie says of {} what cannot be read: {why}", work.name),
                "run it again later: nothing is paid twice",
            )),
        }
    }

    fn gave_up(&self, code: &str, message: &str) -> WorkerFailure {
        let message = self.desk.hidden(message);
        let message: String = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let message: String = message
            .chars()
            .filter(|c| !c.is_control())
            .take(300)
            .collect();
        let code = if code.is_empty() {
            String::new()
        } else {
            format!(" ({code})")
        };
        failure(
            FailureClass::Unsupported,
            format!(
                "{} at kie gave up{code}: {}",
                self.desk.model,
                if message.is_empty() {
                    "it does not say why"
                } else {
                    &message
                }
            ),
            "put the prompt otherwise, or name another model",
        )
    }

    /// Fetches what was made. Addresses end; then it is asked for new ones, and never for another result.
    async fn fetch(&self, location: &Location) -> Result<Vec<Fetched>, WorkerFailure> {
        let mut fetched = Vec::new();
        // Clips come with pictures of themselves at some models; what was asked for is the first.
        let wanted = match self.kind {
            Kind::Picture => location.urls.len(),
            Kind::Clip => 1,
        };
        for (place, url) in location.urls.iter().enumerate().take(wanted) {
            let found = match fetch(&self.desk, url, self.kind).await {
                Ok(found) => found,
                Err(Missed::Failed(failure)) => return Err(failure),
                Err(Missed::Expired(why)) => self.anew(location, place, url, why).await?,
            };
            fetched.push(found);
        }
        Ok(fetched)
    }

    /// One result whose address has ended: where it lies today, or a fresh address for the old one.
    async fn anew(
        &self,
        location: &Location,
        place: usize,
        old: &str,
        why: String,
    ) -> Result<Fetched, WorkerFailure> {
        let today = match self.detail(&location.work).await? {
            Ok(data) => match answers::state(&data) {
                State::Made(urls) => urls.into_iter().nth(place),
                _ => None,
            },
            Err(_) => None,
        };
        let fresh = match today.filter(|url| url != old) {
            Some(url) => Some(url),
            None => self.fresh_address(old).await?,
        };
        let gone = |why: &str| {
            failure(
                FailureClass::Unsupported,
                format!(
                    "kie does not keep the result of {} any more: {why}",
                    location.work
                ),
                "it was paid; say `fenta job resolve` what became of it, or change the prompt to have another made",
            )
        };
        let Some(url) = fresh else {
            return Err(gone(&why));
        };
        match fetch(&self.desk, &url, self.kind).await {
            Ok(found) => Ok(found),
            Err(Missed::Failed(failure)) => Err(failure),
            Err(Missed::Expired(why)) => Err(gone(&why)),
        }
    }

    /// An address that is good for twenty minutes.
    async fn fresh_address(&self, old: &str) -> Result<Option<String>, WorkerFailure> {
        let body = json!({ "url": old });
        let asked = self
            .desk
            .post_json("api/v1/common/download-url", Vec::new(), &body);
        let answer = asked.await.map_err(|error| error.failure())?;
        Ok(match answers::data(&self.desk, &answer) {
            Ok(Json::String(url)) => Some(url),
            Ok(data) => data["url"].as_str().map(str::to_owned),
            Err(_) => None,
        })
    }
}

fn lost(error: &HttpError) -> SubmitFailure {
    if error.may_have_worked() {
        SubmitFailure::Unknown(error.message.clone())
    } else {
        SubmitFailure::NotMade(error.failure())
    }
}

fn body(call: &Call, parameters: Map<String, Json>, nested: bool) -> Json {
    if nested {
        return json!({ "model": call.form.name, "input": parameters });
    }
    let mut body = Json::Object(parameters);
    if call.family == "veo" {
        body["model"] = json!(call.form.name);
    }
    body
}

impl Provider for Kie {
    fn vendor(&self) -> &str {
        VENDOR.name
    }

    fn submit<'a>(
        &'a self,
        _reference: &'a str,
        request: &'a InvokeRequest,
    ) -> BoxFuture<'a, Result<Remote, SubmitFailure>> {
        Box::pin(self.create(request))
    }

    fn find<'a>(&'a self, _reference: &'a str) -> BoxFuture<'a, Result<Found, WorkerFailure>> {
        // It has no list of what it was given.
        Box::pin(std::future::ready(Ok(Found::CannotTell)))
    }

    fn poll<'a>(&'a self, remote: &'a str) -> BoxFuture<'a, Result<Polled, WorkerFailure>> {
        Box::pin(self.ask(remote))
    }

    fn download<'a>(
        &'a self,
        location: &'a str,
        _cas: &'a Cas,
    ) -> BoxFuture<'a, Result<ActionResult, WorkerFailure>> {
        Box::pin(async move {
            let location = Location::of(location)?;
            let fetched = self.fetch(&location).await?;
            Ok(made(&self.desk, &location.work, fetched))
        })
    }
}
