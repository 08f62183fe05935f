//! The catalog of a client as it is now, and how it is brought up to date.
//!
//! Belongs here: fetching a list and swapping the catalog. Does not belong here: what a list says (`catalog`).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    TryStreamExt,
    future::{Either, join_all, select},
};
use tokio::sync::OnceCell;

use super::Client;
use crate::{
    catalog::{Catalog, List, Shape},
    error::{Error, ErrorKind, Result},
};

/// No list is near this size; an answer that is larger is something else.
const MOST_BYTES: usize = 64 << 20;

/// How long a list may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The caller's own word on models.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    /// Where it is fetched; `None` where it was given as it is.
    pub(super) url: Option<String>,
    /// How it is written; `None` is recognised.
    pub(super) shape: Option<Shape>,
    /// What it says; `None` while it was not fetched.
    pub(super) list: Option<List>,
}

impl Overlay {
    pub(super) fn of(list: List) -> Self {
        Self { url: None, shape: None, list: Some(list) }
    }

    pub(super) fn at(url: String, shape: Option<Shape>) -> Result<Self> {
        if url.starts_with("http://") || url.starts_with("https://") {
            return Ok(Self { url: Some(url), shape, list: None });
        }
        Err(Error::bad_request("url", format!("url: `{url}` does not begin with http:// or https://")))
    }
}

/// What a client knows of models: a base, what was fetched since, and the caller's own word on top of both.
#[derive(Debug)]
pub(super) struct Catalogs {
    layers: Mutex<Layers>,
    current: RwLock<Arc<Catalog>>,
    /// Done when the overlays that have a URL were asked for.
    opened: OnceCell<()>,
}

#[derive(Debug)]
struct Layers {
    /// Without the overlays, so that they stay on top of what is fetched.
    base: Arc<Catalog>,
    overlays: Vec<Overlay>,
}

impl Layers {
    /// The catalog with the caller's own word; the same one where there is none.
    fn merged(&self) -> Arc<Catalog> {
        let mut catalog = Arc::clone(&self.base);
        for list in self.overlays.iter().filter_map(|overlay| overlay.list.as_ref()) {
            Arc::make_mut(&mut catalog).merge(list);
        }
        catalog
    }
}

impl Catalogs {
    pub(super) fn new(base: Arc<Catalog>, overlays: Vec<Overlay>) -> Self {
        let opened = OnceCell::new_with(overlays.iter().all(|overlay| overlay.url.is_none()).then_some(()));
        let layers = Layers { base, overlays };
        Self { current: RwLock::new(layers.merged()), layers: Mutex::new(layers), opened }
    }

    pub(super) fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn layers(&self) -> MutexGuard<'_, Layers> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over a list: where an overlay comes from there in that one's place, else below all of them.
    fn take(&self, url: &str, list: List) {
        let mut layers = self.layers();
        match layers.overlays.iter_mut().find(|overlay| overlay.url.as_deref() == Some(url)) {
            Some(overlay) => overlay.list = Some(list),
            None => Arc::make_mut(&mut layers.base).merge(&list),
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = layers.merged();
    }

    /// Where overlays come from.
    fn urls(&self) -> Vec<(String, Option<Shape>)> {
        self.layers().overlays.iter().filter_map(|overlay| Some((overlay.url.clone()?, overlay.shape))).collect()
    }
}

impl Client {
    /// The models that the client knows now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.catalogs.current()
    }

    /// Fetches a list of models and takes over what it says; calls that begin later see it. The list is one of junto's own
    /// or one that others keep, see [`Shape`]; the shape is recognised where none is given. A URL that an overlay was given
    /// by renews that overlay; any other list goes below the overlays. A list that cannot be fetched within 10 seconds (or
    /// the client's own shorter timeout), or not read, is an error, and the catalog stays as it was.
    pub async fn refresh_catalog(&self, url: &str, shape: Option<Shape>) -> Result<()> {
        let limits = &self.0.limits;
        let patience = limits.call.or(limits.timeout).map_or(PATIENCE, |limit| limit.min(PATIENCE));
        let fetched = match select(Box::pin(self.fetch(url)), self.0.clock.sleep(patience)).await {
            Either::Left((fetched, _)) => fetched,
            Either::Right(_) => {
                Err(Error::new(ErrorKind::Timeout, format!("the catalog: no list within {} seconds", patience.as_secs_f64())))
            }
        };
        match fetched.and_then(|text| List::parse(&text, shape)) {
            Ok(list) => {
                self.0.catalogs.take(url, list);
                tracing::info!(url, models = self.catalog().models().len(), "catalog refreshed");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(url, %error, "catalog not refreshed; the old one stays");
                Err(error)
            }
        }
    }

    /// Fetches the overlays that were given by their URLs, all at once, when the first call needs them. One that does not
    /// come is left out, with a warning in the log: a call does not fail for it.
    pub(super) async fn open_catalogs(&self) {
        let catalogs = &self.0.catalogs;
        if !catalogs.opened.initialized() {
            let fetch_all = async {
                join_all(catalogs.urls().into_iter().map(async |(url, shape)| _ = self.refresh_catalog(&url, shape).await)).await;
            };
            Box::pin(catalogs.opened.get_or_init(|| fetch_all)).await;
        }
    }

    async fn fetch(&self, url: &str) -> Result<String> {
        let bad = |error: &dyn std::fmt::Display| Error::bad_request("url", format!("url: {error}"));
        let request = http::Request::get(url).header("accept", "application/json").body(Bytes::new()).map_err(|error| bad(&error))?;
        if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
            return Err(bad(&"expected http:// or https://"));
        }
        let failed = |error: crate::transport::TransportError| Error::new(ErrorKind::Transport, format!("the catalog: {error}"));
        let response = self.0.transport.send(request).await.map_err(failed)?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(Error::new(ErrorKind::Upstream, format!("the catalog: status {status}")).with_upstream_status(status));
        }
        let mut text = Vec::new();
        let mut body = response.into_body();
        while let Some(bytes) = body.try_next().await.map_err(failed)? {
            text.extend_from_slice(&bytes);
            if text.len() > MOST_BYTES {
                return Err(Error::decode("the catalog: larger than any list of models"));
            }
        }
        String::from_utf8(text).map_err(|_| Error::decode("the catalog: not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Scripted, ScriptedTransport, TransportErrorKind};

    const LIST: &str = r#"{"openai": {"models": {
        "gpt-4o": {"cost": {"input": 9, "output": 9}, "limit": {"context": 128000, "output": 16384}},
        "gpt-99": {"cost": {"input": 1, "output": 2}, "limit": {"context": 1000000, "output": 0}}}}}"#;

    fn prompt_price(client: &Client, slug: &str) -> String {
        let catalog = client.catalog();
        let pricing = catalog.get(slug).and_then(|model| model.endpoints[0].pricing.clone());
        pricing.map_or_else(|| "unknown".to_owned(), |pricing| pricing.prompt.to_string())
    }

    fn client(answers: impl IntoIterator<Item = Scripted>) -> Client {
        let transport = answers.into_iter().fold(ScriptedTransport::new(), ScriptedTransport::then);
        let own = r#"{"models": [{"slug": "openai/gpt-4o", "endpoints": [
            {"provider": "openai", "upstream": "gpt-4o", "price": {"prompt": 2, "completion": 8}}]}]}"#;
        Client::builder().env(false).transport(Arc::new(transport)).catalog_overlay(own).build().expect("a client")
    }

    #[tokio::test]
    async fn an_overlay_by_url_is_fetched_once_and_renewed_in_its_place() {
        let price = |prompt: u32| {
            format!(
                r#"{{"models": [{{"slug": "openai/gpt-4o", "endpoints": [
                    {{"provider": "openai", "upstream": "gpt-4o", "price": {{"prompt": {prompt}, "completion": 8}}}}]}}]}}"#
            )
        };
        let url = "https://models.test/ours.json";
        let answers = [Scripted::response(200, price(3)), Scripted::response(200, LIST), Scripted::response(200, price(4))];
        let transport = answers.into_iter().fold(ScriptedTransport::new(), ScriptedTransport::then);
        let builder = Client::builder().env(false).transport(Arc::new(transport)).catalog_overlay_url(url);
        let client = builder.build().expect("a client");
        for _ in 0..2 {
            client.models(crate::types::ModelQuery::default()).await.expect("a list");
            assert_eq!(prompt_price(&client, "openai/gpt-4o"), "0.000003");
        }
        client.refresh_catalog("https://models.test/api.json", None).await.expect("refreshed");
        assert_eq!(prompt_price(&client, "openai/gpt-4o"), "0.000003", "it stays on top");
        client.refresh_catalog(url, None).await.expect("refreshed");
        assert_eq!(prompt_price(&client, "openai/gpt-4o"), "0.000004");
    }

    #[tokio::test]
    async fn a_refresh_is_seen_and_the_overlay_stays_on_top() {
        let client = client([Scripted::response(200, LIST)]);
        let before = client.catalog();
        client.refresh_catalog("https://models.test/api.json", None).await.expect("refreshed");
        assert_eq!(prompt_price(&client, "openai/gpt-99"), "0.000001");
        assert_eq!(prompt_price(&client, "openai/gpt-4o"), "0.000002");
        assert!(before.get("openai/gpt-99").is_none(), "a call under way keeps what it began with");
    }

    #[tokio::test]
    async fn a_broken_download_keeps_the_old_catalog_and_says_so() {
        let client = client([
            Scripted::response(503, "busy"),
            Scripted::response(200, &LIST[..60]),
            Scripted::response(200, r#"{"openai": {"models": {"gpt-99": {"cost": {"input": "dear"}}}}}"#),
            Scripted::error(TransportErrorKind::Connect, "refused"),
        ]);
        let before = client.catalog();
        let url = "https://models.test/api.json";
        let mut said = Vec::new();
        for _ in 0..4 {
            said.push(client.refresh_catalog(url, Some(Shape::ModelsDev)).await.expect_err("broken"));
        }
        assert_eq!((said[0].kind(), said[0].upstream_status()), (ErrorKind::Upstream, Some(503)));
        assert!(said[1].message().contains("EOF"), "{}", said[1]);
        assert!(said[2].message().starts_with("catalog.openai.models.gpt-99.cost.input: "), "{}", said[2]);
        assert_eq!(said[3].kind(), ErrorKind::Transport);
        assert!(Arc::ptr_eq(&before, &client.catalog()));
        let error = client.refresh_catalog("ftp://models.test", None).await.expect_err("no such scheme");
        assert_eq!(error.param(), Some("url"));
    }
}
