//! The list of models that are pulled.

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    protocols::Listed,
};

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

/// The models of a list.
pub(in crate::protocols) fn models(body: &[u8]) -> Result<Vec<Listed>> {
    let tags: Tags = serde_json::from_slice(body).map_err(|error| Error::decode(format!("not a list of models: {error}")))?;
    Ok(tags.models.into_iter().map(|tag| Listed { id: tag.name, created: None, context_length: None }).collect())
}
