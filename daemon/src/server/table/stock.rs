//! What is kept and what was used: the cache, providers, usage.

use fenta_client::api::cache::{
    CacheCollected, CacheEntryDetail, CacheList, CachePins, CacheQuery, CacheUsage, CacheVerified,
    CollectCache, PinCache, VerifyCache,
};
use fenta_client::api::providers::{FoundServer, ProviderList, ProviderTest};
use fenta_client::api::usage::{Usage, UsageEvents, UsageQuery};

use super::super::routes::Method::{Get, Post};
use super::super::routes::{Routes, op};
use super::super::{AppState, cache, providers, usage};

/// All of them.
pub(super) fn all() -> Routes<AppState> {
    cache_routes()
        .and(pins_routes())
        .and(providers_routes())
        .and(usage_routes())
}

fn cache_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/cache",
                "getCache",
                "What the cache holds, in sum.",
            )
            .says::<CacheUsage>(200),
            cache::usage,
        )
        .on(
            op(
                Get,
                "/v1/cache/entries",
                "listCacheEntries",
                "Results that are remembered.",
            )
            .query::<CacheQuery>()
            .says::<CacheList>(200),
            cache::entries,
        )
        .on(
            op(
                Get,
                "/v1/cache/entries/{digest}",
                "getCacheEntry",
                "One result with its files.",
            )
            .says::<CacheEntryDetail>(200),
            cache::entry,
        )
        .on(
            op(
                Post,
                "/v1/cache/verify",
                "verifyCache",
                "Reads a part of the cache and compares.",
            )
            .maybe::<VerifyCache>()
            .says::<CacheVerified>(200),
            cache::verify,
        )
}

fn pins_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Post,
                "/v1/cache/gc",
                "collectCache",
                "Clears what is least worth keeping.",
            )
            .maybe::<CollectCache>()
            .says::<CacheCollected>(200),
            cache::collect,
        )
        .on(
            op(Get, "/v1/cache/pins", "listPins", "What is never cleared.").says::<CachePins>(200),
            cache::pins,
        )
        .on(
            op(
                Post,
                "/v1/cache/pin",
                "pinResult",
                "Keeps a result for good.",
            )
            .given::<PinCache>()
            .says::<CachePins>(200),
            cache::pin,
        )
        .on(
            op(
                Post,
                "/v1/cache/unpin",
                "unpinResult",
                "Keeps it for good no longer.",
            )
            .given::<PinCache>()
            .says::<CachePins>(200),
            cache::unpin,
        )
}

fn providers_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/providers",
                "listProviders",
                "Who can be asked from here.",
            )
            .says::<ProviderList>(200),
            providers::list,
        )
        .on(
            op(
                Post,
                "/v1/providers/detect",
                "detectProviders",
                "Looks for servers on this machine.",
            )
            .says::<Vec<FoundServer>>(200),
            providers::detect,
        )
        .on(
            op(
                Post,
                "/v1/providers/{vendor}/test",
                "testProvider",
                "Asks a provider whether it answers.",
            )
            .says::<ProviderTest>(200),
            providers::test,
        )
}

fn usage_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/usage",
                "getUsage",
                "What was used, in exact sums.",
            )
            .query::<UsageQuery>()
            .says::<Usage>(200),
            usage::show,
        )
        .on(
            op(
                Get,
                "/v1/usage/events",
                "listUsageEvents",
                "The ledger, line by line.",
            )
            .query::<UsageQuery>()
            .says::<UsageEvents>(200),
            usage::events,
        )
}
