//! Everyone who serves a model and whether they may, for lists rather than for a request.

use std::sync::Arc;

use super::{Inputs, Reason, Rejection, filter, offers, policy};
use crate::{
    catalog::{DataPolicy, Endpoint},
    error::Result,
    plan::EndpointHealth,
    preferences::Preferences,
    providers::Configured,
    slug::ModelSlug,
};

/// What the keys and the preferences of a client allow, whatever is asked.
pub(crate) struct Survey<'a> {
    inputs: Inputs<'a>,
    rules: filter::Rules<'a>,
    needs: filter::Needs,
}

/// An endpoint in a list.
pub(crate) struct Surveyed {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) provider: Option<Arc<Configured>>,
    pub(crate) policy: Option<DataPolicy>,
    pub(crate) health: Option<EndpointHealth>,
    /// Why it may not serve.
    pub(crate) rejected: Option<Rejection>,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(inputs: Inputs<'a>, preferences: &'a Preferences) -> Result<Self> {
        Ok(Self { rules: filter::Rules::new(preferences, inputs.providers)?, needs: filter::Needs::nothing(), inputs })
    }

    /// Everyone who serves the model; an error where nobody does.
    pub(crate) fn endpoints(&self, slug: &ModelSlug) -> Result<Vec<Surveyed>> {
        let offers = offers::of(slug, &self.inputs, &self.rules)?;
        let wanted = filter::Wanted::of(slug, &self.needs, 0, offers.iter().next(), self.inputs.health);
        Ok(offers.iter().map(|endpoint| self.endpoint(endpoint, &wanted)).collect())
    }

    fn endpoint(&self, endpoint: &Arc<Endpoint>, wanted: &filter::Wanted) -> Surveyed {
        let provider = self.inputs.providers.get(&endpoint.provider).cloned();
        let reason = filter::check(endpoint, &self.inputs, &self.rules, &self.needs, wanted).err();
        Surveyed {
            policy: provider.as_ref().and_then(|provider| policy(endpoint, provider)).cloned(),
            health: self.inputs.health.get(endpoint.key()).copied(),
            rejected: reason.map(|reason: Reason| Rejection { model: None, endpoint: Some(Arc::clone(endpoint)), reason }),
            endpoint: Arc::clone(endpoint),
            provider,
        }
    }
}
