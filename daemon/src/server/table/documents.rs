//! Workflows and templates that live here, and questions about documents.

use fenta_client::api::jobs::{Job, PageQuery};
use fenta_client::api::plan::{Plan, PlanRequest};
use fenta_client::api::workflows::{
    Document, DocumentList, Estimate, RunWorkflow, ValidateDocument, Validation, WriteDocument,
};

use super::super::routes::Method::{Delete, Get, Post, Put};
use super::super::routes::{Routes, op};
use super::super::{AppState, templates, workflows};

/// All of them.
pub(super) fn all() -> Routes<AppState> {
    questions_routes()
        .and(workflows_routes())
        .and(runs_routes())
        .and(templates_routes())
}

fn questions_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Post,
                "/v1/workflows/plan",
                "planJob",
                "What a job would do. Nothing is made.",
            )
            .given::<PlanRequest>()
            .says::<Plan>(200),
            workflows::plan,
        )
        .on(
            op(
                Post,
                "/v1/workflows/validate",
                "validateWorkflow",
                "Everything that is wrong with a document.",
            )
            .given::<ValidateDocument>()
            .says::<Validation>(200),
            workflows::validate,
        )
        .on(
            op(
                Get,
                "/v1/workflows",
                "listWorkflows",
                "Workflows that live here, the newest first.",
            )
            .query::<PageQuery>()
            .says::<DocumentList>(200),
            workflows::list,
        )
        .on(
            op(
                Post,
                "/v1/workflows",
                "createWorkflow",
                "Keeps a workflow here.",
            )
            .given::<WriteDocument>()
            .says::<Document>(201)
            .makes(),
            workflows::create,
        )
}

fn workflows_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/workflows/{id}",
                "getWorkflow",
                "One workflow with its text.",
            )
            .says::<Document>(200),
            workflows::show,
        )
        .on(
            op(
                Put,
                "/v1/workflows/{id}",
                "replaceWorkflow",
                "Writes it anew.",
            )
            .given::<WriteDocument>()
            .says::<Document>(200),
            workflows::replace,
        )
        .on(
            op(
                Delete,
                "/v1/workflows/{id}",
                "removeWorkflow",
                "Takes it away; its jobs stay.",
            )
            .says::<Document>(200),
            workflows::remove,
        )
        .on(
            op(
                Post,
                "/v1/workflows/{id}/run",
                "runWorkflow",
                "Submits a job of it.",
            )
            .maybe::<RunWorkflow>()
            .says::<Job>(202)
            .keyed(),
            workflows::run,
        )
}

fn runs_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Post,
                "/v1/workflows/{id}/plan",
                "planWorkflow",
                "What running it would do.",
            )
            .maybe::<RunWorkflow>()
            .says::<Plan>(200),
            workflows::plan_of,
        )
        .on(
            op(
                Post,
                "/v1/workflows/{id}/estimate",
                "estimateWorkflow",
                "What running it would cost.",
            )
            .maybe::<RunWorkflow>()
            .says::<Estimate>(200),
            workflows::estimate,
        )
}

fn templates_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/templates",
                "listTemplates",
                "Templates: yours, and those that ship.",
            )
            .query::<PageQuery>()
            .says::<DocumentList>(200),
            templates::list,
        )
        .on(
            op(
                Post,
                "/v1/templates",
                "createTemplate",
                "Keeps a template here.",
            )
            .given::<WriteDocument>()
            .says::<Document>(201)
            .makes(),
            templates::create,
        )
        .on(
            op(
                Get,
                "/v1/templates/{id}",
                "getTemplate",
                "One template with its text.",
            )
            .says::<Document>(200),
            templates::show,
        )
        .on(
            op(
                Put,
                "/v1/templates/{id}",
                "replaceTemplate",
                "Writes it anew.",
            )
            .given::<WriteDocument>()
            .says::<Document>(200),
            templates::replace,
        )
        .on(
            op(
                Delete,
                "/v1/templates/{id}",
                "removeTemplate",
                "Takes it away.",
            )
            .says::<Document>(200),
            templates::remove,
        )
}
