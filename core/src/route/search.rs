//! The one search of a call, where the vendor does not search itself: each engine in turn, until one has found
//! something.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Attempts, Running, Schedule,
    classify::{Cause, cause},
    exchange::{read_all, read_error},
    retry_after,
};
use crate::{
    auth::{self, Io, Scope},
    catalog::Endpoint,
    client::Shared,
    error::{Error, ErrorKind, Result},
    search::{self, Found, SearchEngine, SearchQuery, Way, allows_empty},
    types::{ChatRequest, ServerToolUse, Usage},
};

/// Searches for what the request asks. `alone` where no endpoint that searches itself is left: only then is it worth
/// waiting for an engine that is down for now. Every try is noted.
pub(super) async fn search(
    shared: &Shared,
    request: &ChatRequest,
    alone: bool,
    deadline: Instant,
    attempts: &mut Attempts,
) -> Result<Arc<Searched>> {
    let engines: Vec<_> = shared.engines.iter().filter(|engine| engine.serves(request)).collect();
    let mut retries_left = if alone { shared.limits.max_retries } else { 0 };
    let (mut at, mut schedule) = (0, Schedule::new());
    loop {
        let Some(engine) = engines.get(at) else {
            return Err(Error::new(ErrorKind::NoEndpoint, "no search engine is configured for this request"));
        };
        let error = match attempt(shared, engine, request, deadline, attempts).await {
            Ok(found) => return Ok(Arc::new(Searched { engine: Arc::clone(engine), found: Arc::new(found) })),
            Err(error) => error,
        };
        let passes = cause(&error) == Cause::Transient || error.kind() == ErrorKind::RateLimited;
        if at + 1 < engines.len() {
            at += 1;
        } else if passes && retries_left > 0 {
            let delay = schedule.next(shared.clock.random()).max(error.retry_after().unwrap_or_default());
            if shared.clock.now() + delay >= deadline {
                return Err(error);
            }
            shared.clock.sleep(delay).await;
            retries_left -= 1;
        } else if allows_empty(request.web_plugin()).unwrap_or(engine.allow_empty) {
            let found = Found { price: Some(crate::catalog::Price::default()), ..Found::default() };
            return Ok(Arc::new(Searched { engine: Arc::clone(engine), found: Arc::new(found) }));
        } else {
            return Err(error);
        }
    }
}

/// What an engine found.
#[derive(Debug)]
pub(super) struct Searched {
    pub(super) engine: Arc<SearchEngine>,
    pub(super) found: Arc<Found>,
}

impl Searched {
    /// The request with what was found in front of its question.
    pub(super) fn request(&self, mut request: ChatRequest, now: Duration) -> ChatRequest {
        if !self.found.results.is_empty() {
            let prompt = request.web_plugin().and_then(|plugin| plugin.search_prompt.clone());
            let prompt = prompt.or_else(|| self.engine.search_prompt.clone());
            search::put_in_front(&mut request, &self.found.results, prompt.as_deref(), now);
        }
        request.plugins.retain(|plugin| plugin.id != "web");
        request.web_search_options = None;
        request
    }
}

async fn attempt(
    shared: &Shared,
    engine: &SearchEngine,
    request: &ChatRequest,
    deadline: Instant,
    attempts: &mut Attempts,
) -> Result<Found> {
    let clock = &shared.clock;
    let mut running = Running::new(clock.now());
    let until = deadline.min(running.started + engine.timeout);
    let query = SearchQuery::of(request, engine.max_results);
    let most = query.max_results as usize;
    let answer = if query.text.is_empty() {
        Err(Error::bad_request("messages", "messages: a web search needs a user message with text to search for"))
    } else {
        let work = std::pin::pin!(ask(shared, engine, query, &mut running));
        match futures_util::future::select(work, clock.sleep_until(until)).await {
            futures_util::future::Either::Left((answer, _)) => answer,
            futures_util::future::Either::Right(_) => {
                let message = format!("no search results within {:.3} seconds", engine.timeout.as_secs_f64());
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    };
    let allows_empty = allows_empty(request.web_plugin()).unwrap_or(engine.allow_empty);
    let answer = answer.and_then(|mut found| {
        found.results.retain(|result| !result.url.is_empty());
        found.results.truncate(most);
        found.price = found.price.or(engine.price);
        if found.results.is_empty() && !allows_empty {
            let message = "the search found nothing, and the model is not asked without results; `allow_empty` would";
            return Err(Error::new(ErrorKind::Upstream, message).with_upstream_code("search_empty"));
        }
        Ok(found)
    });
    let answer = answer.map_err(|error| {
        let error = error.with_provider(&*engine.name);
        match &engine.way {
            Way::Http { keys, .. } => error.scrubbed(|text| keys.scrub(text)),
            Way::Source(_) => error,
        }
    });
    let endpoint = Endpoint::unknown("", Arc::clone(&engine.name), "search");
    let usage = answer.as_ref().ok().map(|found| Usage {
        cost: found.price.map(|price| crate::catalog::Price::dollars(price.times(found.searches))),
        server_tool_use_details: Some(ServerToolUse::searches(found.searches)),
        ..Usage::default()
    });
    let now = clock.now();
    tracing::debug!(engine = &*engine.name, results = answer.as_ref().map_or(0, |found| found.results.len()), "searched");
    attempts.push(&endpoint, running, now, answer.as_ref().map(|_| usage.as_ref()));
    answer
}

async fn ask(shared: &Shared, engine: &SearchEngine, query: SearchQuery, running: &mut Running) -> Result<Found> {
    let (row, base_url, provider, keys) = match &engine.way {
        Way::Http { row, base_url, provider, keys } => (row, base_url, provider, keys),
        Way::Source(source) => {
            running.sent = true;
            let results = source.search(query).await?;
            return Ok(Found { results, searches: 1, price: None });
        }
    };
    let mut request = row.encode(base_url, &query)?;
    let io = Io { transport: Arc::clone(&shared.transport), clock: shared.clock.clone() };
    let key = keys.get(keys.first(), &io).await?;
    auth::apply(&mut request, provider, key.as_deref(), Scope { region: "", now: shared.clock.unix() })?;
    running.sent = true;
    let response = shared.transport.send(request).await?;
    let (head, body) = response.into_parts();
    running.status = Some(head.status.as_u16());
    if !head.status.is_success() {
        let error = search::error(head.status.as_u16(), &read_error(body).await);
        let after = retry_after::parse(&head.headers, shared.clock.unix());
        return Err(match after {
            Some(after) => error.with_retry_after(after),
            None => error,
        });
    }
    row.decode(&read_all(body).await?).map_err(|error| error.with_upstream_status(head.status.as_u16()))
}
