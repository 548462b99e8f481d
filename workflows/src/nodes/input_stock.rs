//! `Input.Stock`: footage and pictures from a stock library.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fenta_templates::timeline::Provenance;
use rust_decimal::Decimal;

use super::ask::{Answer, ask, unfit};
use super::input_motion;
use super::stock_folder;
use crate::action::{FindStockTask, InvokeTask, Invoked};
use crate::cost::{KnownParams, Meter, Quantity, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::digest::value_hash;
use crate::execution::LowerError;
use crate::models::{ModelRef, Role};
use crate::node::{
    Given, Halt, LowerContext, NodeDescriptor, NodeType, ParamSpec, ParamType, Params, PortSpec,
    Steps, Useless, Written, outputs,
};
use crate::value::{PortType, Value};

/// The node type.
pub(super) struct InputStock;

const EXAMPLE: &str = "\
fenta: workflow/v1
nodes:
  script: { type: Script.Transform, with: { text: \"Bees dance on the comb. The dance is a map.\" } }
  footage:
    type: Input.Stock
    for_each: ${{ nodes.script.scenes }}
    with: { query: \"${{ item.text }}\", min_duration: \"${{ duration(item.seconds + 0.5) }}\", provider: [pexels, pixabay] }
outputs:
  attribution: ${{ len(nodes.footage.attribution) }}
";

static DESCRIPTOR: LazyLock<NodeDescriptor> = LazyLock::new(|| NodeDescriptor {
    kind: "Input.Stock",
    version: 1,
    summary: "Footage and pictures from a stock library, found by a search.",
    params: params(),
    ports: vec![
        PortSpec::new("media", PortType::Media.list(), "What was found, measured."),
        PortSpec::new(
            "attribution",
            PortType::Json.list(),
            "For each file: provider, id, author, author_url, page_url, license, file.",
        ),
        PortSpec::new(
            "notes",
            PortType::Text.list(),
            "What is worth knowing: which library had nothing, fewer files than asked for.",
        ),
    ],
    example: EXAMPLE,
});

fn params() -> Vec<ParamSpec> {
    vec![
        ParamSpec::required(
            "query",
            ParamType::many(ParamType::Text { max_chars: 200 }),
            "What to look for; of several texts each is tried until something fits.",
        )
        .filled("write what to look for; scenes cut from a text have no `visual`, but a `text`"),
        ParamSpec::optional(
            "provider",
            ParamType::many(ParamType::OneOf(&["pexels", "pixabay", "local", "motion"])),
            "The libraries to ask, in order, each when the one before has nothing or cannot be asked; the workflow's \
             `providers.stock` by default. `local` is `folder`; `motion`, at the end, takes moving backgrounds where \
             nobody has anything.",
        )
        .filled("name a library, or leave `provider` out"),
        ParamSpec::optional(
            "folder",
            ParamType::SourcePath,
            "The library `local`: clips and pictures of yours. What they show is read from the names of files and folders, \
             and from a text file of the same name beside a clip (bee.mp4, bee.txt).",
        ),
        ParamSpec::with_default(
            "kind",
            ParamType::OneOf(&["video", "image", "any"]),
            Value::Text("video".into()),
            "Clips, pictures, or whichever fits better.",
        ),
        ParamSpec::with_default(
            "orientation",
            ParamType::OneOf(&["portrait", "landscape", "square", "any"]),
            Value::Text("portrait".into()),
            "The shape of the picture.",
        ),
        ParamSpec::with_default(
            "min_duration",
            ParamType::Duration {
                min: 0,
                max: 600_000,
            },
            Value::Int(0),
            "Shortest clip that will do.",
        ),
        ParamSpec::with_default(
            "count",
            ParamType::Int { min: 1, max: 80 },
            Value::Int(1),
            "How many to take.",
        ),
        ParamSpec::with_default(
            "quality",
            ParamType::OneOf(&["sd", "hd", "uhd"]),
            Value::Text("hd".into()),
            "The size of the files: sd up to 960, hd up to 1920, uhd up to 3840 pixels.",
        ),
        ParamSpec::with_default(
            "unique_in_run",
            ParamType::Bool,
            Value::Bool(true),
            "Whether nothing is taken twice in one film, whichever of its nodes and items ask.",
        ),
        ParamSpec::with_default(
            "exclude_used_days",
            ParamType::Int { min: 0, max: 365 },
            Value::Int(30),
            "Nothing that another film used in so many days before; 0 for no such limit. The same document into the same \
             folder is the same film and keeps what it has; with a `schedule`, each day's is another.",
        )
        .unit("days"),
        ParamSpec::with_default(
            "safe",
            ParamType::Bool,
            Value::Bool(true),
            "Whether only results for all ages are taken.",
        ),
    ]
}

impl NodeType for InputStock {
    fn descriptor(&self) -> &'static NodeDescriptor {
        &DESCRIPTOR
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Stock)
    }

    fn check(&self, written: &Written<'_>, found: &mut Diagnostics) {
        let words = written.items("provider");
        let at = |word: &str| {
            let is =
                |value: &Option<Value>| matches!(value, Some(Value::Text(text)) if text == word);
            words.iter().position(|(_, value)| is(value))
        };
        if let Some(place) = at("local")
            && !written.has("folder")
        {
            let message = "`local` is a folder of yours, and none is named";
            found.push(
                Diagnostic::error(codes::MISSING_PARAM, words[place].0, message)
                    .hint("add `folder: ./clips`"),
            );
        }
        if let Some(place) = at("motion").filter(|place| place + 1 < words.len()) {
            let message = "nobody is asked after `motion`, which always has something";
            found.push(
                Diagnostic::error(codes::CONFLICT, words[place].0, message)
                    .hint("let `motion` be the last"),
            );
        }
    }

    fn useless(&self, given: &Given<'_>, found: &mut Vec<Useless>) {
        if given.word("kind", "video") == Some("image") {
            let why = "pictures have no length";
            given.useless(&["min_duration"], Some("kind"), why, found);
        }
        let is_local = |value: &Value| matches!(value, Value::Text(word) if word == LOCAL);
        let local = match given.value("provider") {
            Some(Value::List(words)) => words.iter().any(is_local),
            Some(word) => is_local(word),
            None => given.has("provider"),
        };
        if !local {
            let why = "`provider` does not name `local`";
            given.useless(&["folder"], Some("provider"), why, found);
        }
    }

    fn estimate(&self, known: &KnownParams) -> Vec<Quantity> {
        vec![match known.get("query") {
            Some(Value::List(queries)) => {
                let most = Decimal::from(queries.len().max(1));
                let calls = Spread::between(Decimal::ONE, Decimal::ONE, most);
                Quantity::new(
                    Meter::StockCalls,
                    calls,
                    "one search per text, until one fits",
                )
            }
            _ => Quantity::unknown(Meter::StockCalls, "the search texts are not known yet"),
        }]
    }

    fn lower(
        &self,
        context: &LowerContext<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<BTreeMap<String, Value>, Halt> {
        let params = context.params;
        let mut task = task(params)?;
        let chain = Chain::of(context);
        if chain.libraries.iter().any(|one| one.vendor == LOCAL) {
            let folder = params.optional_text("folder")?.ok_or_else(|| {
                LowerError::new("`local` needs a `folder`", "add `folder: ./clips`")
            })?;
            task.own = stock_folder::clips(folder, steps)?;
        }
        let mut notes = Vec::new();
        if let Some(answer) = chain.ask(&task, &mut notes, steps)? {
            let media = answer.media_values(Provenance::Stock, steps)?;
            let (wanted, found) = (task.count as usize, media.len());
            if found < wanted {
                notes.push(format!("{found} of {wanted} were found"));
            }
            return Ok(stock(media, answer.credits(), notes));
        }
        if !chain.motion {
            return Err(LowerError::new(notes.join("; "), MORE_GENERAL).into());
        }
        notes.push(format!(
            "moving backgrounds take the place of {}",
            listed(&task.queries)
        ));
        let seed = value_hash("motion", &task.queries);
        let seed = u64::from_str_radix(&seed[..15], 16).unwrap_or_default();
        let media = input_motion::in_place_of_footage(task.count, seed);
        Ok(stock(media, Value::List(Vec::new()), notes))
    }
}

fn stock(media: Vec<Value>, credits: Value, notes: Vec<String>) -> BTreeMap<String, Value> {
    let notes = notes.into_iter().map(Value::Text).collect();
    outputs([
        ("media", Value::List(media)),
        ("attribution", credits),
        ("notes", Value::List(notes)),
    ])
}

/// The library that is a folder of the user's; asked about no folder, it has nothing, and can always be asked.
const LOCAL: &str = "local";

/// What helps where nobody has anything.
const MORE_GENERAL: &str = "write something more general behind the first text of `query`, another `orientation` or `kind: any`, or let `motion` be \
     the last of `provider`";

/// Who is asked, one after the other.
struct Chain {
    libraries: Vec<ModelRef>,
    /// Whether moving backgrounds are taken at the end.
    motion: bool,
}

impl Chain {
    fn of(context: &LowerContext<'_>) -> Self {
        let named = context.params.list("provider");
        let words = named.iter().filter_map(|value| match value {
            Value::Text(word) => Some(word.as_str()),
            _ => None,
        });
        let mut motion = false;
        let mut libraries = Vec::new();
        for word in words {
            motion |= word == "motion";
            libraries.extend(word.parse().ok().filter(|_| word != "motion"));
        }
        if named.is_empty() {
            libraries = context.models.to_vec();
        }
        if libraries.is_empty() && !motion {
            libraries = ["pexels", "pixabay"]
                .into_iter()
                .filter_map(|word| word.parse().ok())
                .collect();
        }
        Self { libraries, motion }
    }

    /// The first answer with files, and why others had none.
    fn ask<'a>(
        &self,
        task: &FindStockTask,
        notes: &mut Vec<String>,
        steps: &mut Steps<'a>,
    ) -> Result<Option<Answer<'a>>, Halt> {
        let mut open = self.libraries.as_slice();
        let mut may_end = self.motion;
        while !open.is_empty() {
            let mut models = open.to_vec();
            if may_end && models.iter().all(|model| model.vendor != LOCAL) {
                models.extend(LOCAL.parse::<ModelRef>().ok());
            }
            let task = InvokeTask::FindStock(task.clone());
            let answer = ask(Role::Stock, &models, task, steps)?;
            match answer.invoked {
                Invoked::Media(_) => return Ok(Some(answer)),
                Invoked::NothingFits { by, why } => {
                    notes.extend(Some(why.clone()).filter(|why| !why.is_empty()));
                    let asked = open.iter().position(|one| one.vendor == *by);
                    // Those before it could not be asked.
                    open = asked.map_or(&[], |asked| &open[asked + 1..]);
                    may_end = true;
                }
                _ => return Err(unfit().into()),
            }
        }
        Ok(None)
    }
}

fn listed(queries: &[String]) -> String {
    let quoted: Vec<String> = queries.iter().map(|query| format!("“{query}”")).collect();
    quoted.join(", ")
}

fn task(params: Params<'_>) -> Result<FindStockTask, LowerError> {
    let queries: Vec<String> = params
        .list("query")
        .into_iter()
        .filter_map(|value| match value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        })
        .collect();
    if queries.is_empty() {
        return Err(LowerError::new(
            "there is nothing to look for: `query` is empty",
            "give `query` a text; scenes cut from a text have no `visual`, but a `text`",
        ));
    }
    Ok(FindStockTask {
        queries,
        kind: params.text("kind")?.to_owned(),
        orientation: params.text("orientation")?.to_owned(),
        min_duration_ms: params.int("min_duration")?.unsigned_abs(),
        count: params.u32("count")?,
        quality: params.text("quality")?.to_owned(),
        unique_in_run: params.bool("unique_in_run")?,
        exclude_used_days: params.u32("exclude_used_days")?,
        safe: params.bool("safe")?,
        own: Vec::new(),
        film: String::new(),
        place: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, asked_of, facts, found_media, invoked};
    use super::*;
    use crate::action::{Action, ActionFacts, ActionResult};

    #[test]
    fn searches_are_tried_in_order_at_the_named_libraries() {
        let bench = Bench::new("Input.Stock")
            .with(
                "query",
                Value::List(vec![
                    Value::Text(" bees ".into()),
                    Value::Text(String::new()),
                ]),
            )
            .with("provider", Value::Text("pixabay".into()))
            .with("min_duration", Value::Text("2.5s".into()));
        let request = asked_of(&bench);
        assert_eq!(request.role, Role::Stock);
        assert_eq!(request.models[0].to_string(), "pixabay");
        let InvokeTask::FindStock(task) = &request.task else {
            panic!("{request:?}")
        };
        assert_eq!(task.queries, ["bees"]);
        assert_eq!(task.min_duration_ms, 2500);
        let out = bench.outputs(&[found_media(&["bee.mp4"])]);
        let Value::List(media) = &out["media"] else {
            panic!()
        };
        assert!(matches!(&media[0], Value::Media(clip) if clip.name == "bee.mp4"));
        assert!(matches!(&out["attribution"], Value::List(credits) if credits.len() == 1));
    }

    #[test]
    fn nothing_to_look_for_and_nothing_found_are_errors() {
        let empty = Bench::new("Input.Stock").with("query", Value::List(Vec::new()));
        assert!(empty.fails(&[]).message.contains("`query` is empty"));
        let bench = Bench::new("Input.Stock")
            .with("query", Value::Text("bees".into()))
            .with("provider", Value::Text("pexels".into()));
        let error = bench.fails(&[nothing("pexels")]);
        assert_eq!(error.message, "pexels has nothing");
        assert!(error.hint.contains("motion"), "{error}");
    }

    fn nothing(by: &str) -> ActionResult {
        let why = match by {
            "local" => String::new(),
            by => format!("{by} has nothing"),
        };
        invoked(Invoked::NothingFits { by: by.into(), why })
    }

    fn asks(bench: &Bench, results: &[ActionResult]) -> Vec<String> {
        match bench.asks(results).as_slice() {
            [Action::Invoke(request)] => request.models.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_next_library_is_asked_when_one_has_nothing_and_motion_has_the_rest() {
        let chain = |words: &[&str]| {
            let words = words.iter().map(|word| Value::Text((*word).into()));
            Bench::new("Input.Stock")
                .with("query", Value::Text("bees".into()))
                .with("count", Value::Int(2))
                .with("provider", Value::List(words.collect()))
        };
        let both = chain(&["pexels", "pixabay"]);
        assert_eq!(asks(&both, &[]), ["pexels", "pixabay"]);
        // Who was asked has answered; a folder nobody named ends it where the next cannot be asked.
        assert_eq!(asks(&both, &[nothing("pexels")]), ["pixabay", "local"]);
        let out = both.outputs(&[nothing("pexels"), found_media(&["bee.mp4"])]);
        assert_eq!(
            out["notes"].to_json(),
            serde_json::json!(["pexels has nothing", "1 of 2 were found"])
        );
        let error = both.fails(&[nothing("pexels"), nothing("local")]);
        assert_eq!(error.message, "pexels has nothing");
        let motion = chain(&["pexels", "motion"]);
        assert_eq!(asks(&motion, &[]), ["pexels", "local"]);
        let out = motion.outputs(&[nothing("local")]);
        assert!(matches!(&out["media"], Value::List(media) if media.len() == 2));
        assert_eq!(
            out["notes"].to_json(),
            serde_json::json!(["moving backgrounds take the place of “bees”"])
        );
    }

    #[test]
    fn files_are_measured_like_any_and_say_where_they_came_from() {
        let bench = Bench::new("Input.Stock").with("query", Value::Text("bees".into()));
        let mut answer = found_media(&["bee.mp4"]);
        let ActionFacts::Invoked(given) = &mut answer.facts else {
            panic!()
        };
        let Invoked::Media(files) = &mut **given else {
            panic!()
        };
        let measured = files[0].facts.take().unwrap();
        assert!(
            matches!(bench.asks(&[answer.clone()]).as_slice(), [Action::Probe(probe)] if probe.name == "bee.mp4")
        );
        let out = bench.outputs(&[answer, facts(ActionFacts::Media(measured))]);
        let Value::List(media) = &out["media"] else {
            panic!()
        };
        let Value::Media(clip) = &media[0] else {
            panic!()
        };
        let origin = clip.origin.as_ref().unwrap();
        assert_eq!(origin.provenance, Provenance::Stock);
        assert_eq!(origin.credit.as_ref().unwrap().author, "A");
    }

    #[test]
    fn searches_are_counted_when_the_texts_are_known() {
        let known = |values| InputStock.estimate(&KnownParams::new(values, Vec::new()));
        assert!(known(BTreeMap::new())[0].amount.is_none());
        let texts = Value::List(vec![Value::Text("a".into()), Value::Text("b".into())]);
        let amount = known(BTreeMap::from([("query".to_owned(), texts)]))[0]
            .amount
            .unwrap();
        assert_eq!((amount.low, amount.high), (Decimal::ONE, Decimal::TWO));
    }
}
