use crate::{
    error::{Error, Result},
    protocols::{Call, Encoded},
};

pub(super) fn encode(_: &Call<'_>) -> Result<Encoded> {
    Err(Error::unsupported("protocol", "OpenaiResponses does not encode yet"))
}
