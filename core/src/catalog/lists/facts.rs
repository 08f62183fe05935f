//! Reading JSON of others, where every error names the path of its field.

use serde_json::{Map, Value};

use super::super::{Modalities, Modality, Price, read};
use crate::error::{Error, Result};

/// A value of a list, and where in it.
pub(super) struct Facts<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Facts<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    fn bad(&self, expected: &str) -> Error {
        let found = match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        read::bad(&self.path, &format!("expected {expected}, found {found}"))
    }

    fn at(&self, value: &'a Value, step: &str) -> Self {
        let path = if self.path.is_empty() { step.to_owned() } else { format!("{}.{step}", self.path) };
        Self { value, path }
    }

    /// A field; `None` where it is missing or null.
    pub(super) fn get(&self, field: &str) -> Option<Self> {
        self.value.get(field).filter(|value| !value.is_null()).map(|value| self.at(value, field))
    }

    pub(super) fn object(&self) -> Result<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.bad("an object"))
    }

    /// The fields of an object.
    pub(super) fn fields(&self) -> Result<impl Iterator<Item = (&'a str, Self)>> {
        Ok(self.object()?.iter().map(|(name, value)| (name.as_str(), self.at(value, name))))
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Result<impl Iterator<Item = Self>> {
        let items = self.value.as_array().ok_or_else(|| self.bad("a list"))?;
        Ok(items.iter().enumerate().map(|(at, value)| Self { value, path: format!("{}[{at}]", self.path) }))
    }

    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(super) fn as_text(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.bad("a text"))
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>> {
        self.get(field).map(|text| text.as_text()).transpose()
    }

    /// A text that must be there.
    pub(super) fn needed_text(&self, field: &str) -> Result<&'a str> {
        self.get(field).unwrap_or_else(|| self.at(&Value::Null, field)).as_text()
    }

    pub(super) fn flag(&self, field: &str) -> Result<Option<bool>> {
        self.get(field).map(|flag| flag.value.as_bool().ok_or_else(|| flag.bad("true or false"))).transpose()
    }

    pub(super) fn number(&self, field: &str) -> Result<Option<f64>> {
        self.get(field).map(|number| number.value.as_f64().ok_or_else(|| number.bad("a number"))).transpose()
    }

    /// A number of tokens; lists write some as floats. 0 says that nobody knows.
    pub(super) fn tokens(&self, field: &str) -> Result<Option<u64>> {
        let Some(number) = self.get(field) else { return Ok(None) };
        let tokens = number.value.as_u64().or_else(|| number.value.as_f64().filter(|float| *float >= 0.0).map(|float| float as u64));
        tokens.map(|tokens| (tokens > 0).then_some(tokens)).ok_or_else(|| number.bad("a number of tokens"))
    }

    /// A price, given for this many units, in dollars for one.
    pub(super) fn price(&self, field: &str, units: u32) -> Result<Option<Price>> {
        let Some(price) = self.get(field) else { return Ok(None) };
        let text = match price.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(price.bad("a price")),
        };
        Price::rounded(&text, units).map(Some).map_err(|message| read::bad(&price.path, message))
    }

    /// Kinds of content; a kind that junto does not know is left out.
    pub(super) fn modalities(&self, field: &str) -> Result<Option<Modalities>> {
        let Some(list) = self.get(field) else { return Ok(None) };
        let mut kinds = Modalities::EMPTY;
        for item in list.items()? {
            let name = item.as_text()?;
            if let Some(kind) = Modality::from_name(if name == "pdf" { "file" } else { name }) {
                kinds.insert(kind);
            }
        }
        Ok(Some(kinds))
    }
}
