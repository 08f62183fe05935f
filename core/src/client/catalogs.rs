//! The catalog of a client as it is now, and how it is brought up to date.
//!
//! Belongs here: fetching a list and swapping the catalog. Does not belong here: what a list says (`catalog`).

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::Client;
use crate::{
    catalog::{Catalog, List, Shape},
    error::{Error, ErrorKind, Result},
};

/// No list is near this size; an answer that is larger is something else.
const MOST_BYTES: usize = 64 << 20;

/// What a client knows of models: a base, what was fetched since, and the caller's own word on top of both.
#[derive(Debug)]
pub(super) struct Catalogs {
    overlays: Vec<List>,
    /// Without the overlays, so that they stay on top of what is fetched.
    base: RwLock<Arc<Catalog>>,
    current: RwLock<Arc<Catalog>>,
}

impl Catalogs {
    pub(super) fn new(base: Arc<Catalog>, overlays: Vec<List>) -> Self {
        let current = overlaid(&base, &overlays);
        Self { overlays, base: RwLock::new(base), current: RwLock::new(current) }
    }

    pub(super) fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn merge(&self, list: &List) {
        let mut base = self.base.write().unwrap_or_else(PoisonError::into_inner);
        let mut merged = (**base).clone();
        merged.merge(list);
        *base = Arc::new(merged);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = overlaid(&base, &self.overlays);
    }
}

/// The catalog with the caller's own word; the same one where there is none.
fn overlaid(base: &Arc<Catalog>, overlays: &[List]) -> Arc<Catalog> {
    if overlays.is_empty() {
        return Arc::clone(base);
    }
    let mut catalog = (**base).clone();
    for list in overlays {
        catalog.merge(list);
    }
    Arc::new(catalog)
}

impl Client {
    /// The models that the client knows now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.catalogs.current()
    }

    /// Fetches a list of models and takes over what it says; calls that begin later see it. The list is one of junto's own
    /// or one that others keep, see [`Shape`]; the shape is recognised where none is given. The caller's overlays stay on
    /// top. A list that cannot be fetched or read is an error, and the catalog stays as it was.
    pub async fn refresh_catalog(&self, url: &str, shape: Option<Shape>) -> Result<()> {
        let fetched = self.fetch(url).await.and_then(|text| List::parse(&text, shape));
        match fetched {
            Ok(list) => {
                self.0.catalogs.merge(&list);
                tracing::info!(models = self.catalog().models().len(), "catalog refreshed");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "catalog not refreshed; the old one stays");
                Err(error)
            }
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
