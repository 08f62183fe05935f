//! From our request to chat completions JSON.

use crate::{
    error::{Error, Result},
    protocols::{Call, Encoded},
};

pub(super) fn encode(_: &Call<'_>) -> Result<Encoded> {
    Err(Error::unsupported("protocol", "OpenaiChat does not encode yet"))
}
