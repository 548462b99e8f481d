//! The table of routes: one entry is a handler and its description, so that what is served and what `/v1/openapi.json`
//! says cannot differ.
//!
//! Neighbours: `mod.rs` holds the entries, `openapi` prints their descriptions, `once` keeps the promise of an
//! Idempotency-Key where an entry says that it makes something.

use axum::Router;
use axum::handler::Handler;
use axum::middleware;
use axum::routing::{self, MethodRouter};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::once;

/// The methods the API has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    /// As OpenAPI writes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

/// The schema of a type, asked for when the description is printed.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What an answer holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// A value.
    Json(SchemaOf),
    /// Server-sent events with such data.
    Events(SchemaOf),
    /// Text of this media type.
    Text(&'static str),
    /// Bytes, in ranges if they are asked for.
    Bytes,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given {
    /// A value.
    Json(SchemaOf),
    /// A value that may be left away.
    MaybeJson(SchemaOf),
    /// Bytes.
    Bytes,
}

/// What an Idempotency-Key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Once {
    /// Nothing: doing it twice is doing it once.
    NoKey,
    /// The answer is kept, and given again.
    Kept,
    /// The handler keeps the promise, in one transaction with what it makes.
    ByHandler,
}

/// The description of a route.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// Its name in generated clients.
    pub(super) id: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
    pub(super) query: Option<SchemaOf>,
    pub(super) given: Option<Given>,
    pub(super) answer: (u16, Content),
    /// What an Idempotency-Key does to it.
    pub(super) once: Once,
}

/// A description that is not complete yet.
pub(super) const fn op(
    method: Method,
    path: &'static str,
    id: &'static str,
    about: &'static str,
) -> Operation {
    Operation {
        method,
        path,
        id,
        about,
        query: None,
        given: None,
        answer: (200, Content::Empty),
        once: Once::NoKey,
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Written out: a query is not an object that is referred to.
fn fields_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

impl Operation {
    /// Its query.
    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(fields_of::<T>);
        self
    }

    /// The JSON it is given.
    pub(super) fn given<T: JsonSchema>(mut self) -> Self {
        self.given = Some(Given::Json(schema_of::<T>));
        self
    }

    /// The JSON it may be given.
    pub(super) fn maybe<T: JsonSchema>(mut self) -> Self {
        self.given = Some(Given::MaybeJson(schema_of::<T>));
        self
    }

    /// Bytes are what it is given.
    pub(super) fn given_bytes(mut self) -> Self {
        self.given = Some(Given::Bytes);
        self
    }

    /// Its good answer, as JSON.
    pub(super) fn says<T: JsonSchema>(self, status: u16) -> Self {
        self.answers(status, Content::Json(schema_of::<T>))
    }

    /// Its good answer, as server-sent events.
    pub(super) fn streams<T: JsonSchema>(self) -> Self {
        self.answers(200, Content::Events(schema_of::<T>))
    }

    /// Its good answer.
    pub(super) fn answers(mut self, status: u16, content: Content) -> Self {
        self.answer = (status, content);
        self
    }

    /// It makes something: under one Idempotency-Key only once.
    pub(super) fn makes(mut self) -> Self {
        self.once = Once::Kept;
        self
    }

    /// The same, and its handler sees to it.
    pub(super) fn keyed(mut self) -> Self {
        self.once = Once::ByHandler;
        self
    }
}

/// Routes with their descriptions.
#[derive(Debug)]
pub(super) struct Routes<S> {
    pub(super) router: Router<S>,
    pub(super) operations: Vec<Operation>,
}

impl<S> Default for Routes<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self {
            router: Router::new(),
            operations: Vec::new(),
        }
    }
}

impl<S> Routes<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// One more.
    pub(super) fn on<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let mut route: MethodRouter<S> = match operation.method {
            Method::Get => routing::get(handler),
            Method::Post => routing::post(handler),
            Method::Put => routing::put(handler),
            Method::Delete => routing::delete(handler),
        };
        if operation.once == Once::Kept {
            // Only what the route has: other methods are answered before any promise.
            route = route.route_layer(middleware::from_fn(once::only));
        }
        self.router = self.router.route(operation.path, route);
        self.operations.push(operation);
        self
    }

    /// All of another table too.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }
}
