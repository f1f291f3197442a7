//! The plans of the archives that were served last.

use std::sync::{Arc, Mutex, PoisonError};

use crate::id::ArchiveId;
use crate::zip::Plan;

/// Archives whose plans are kept.
const PLANS: usize = 8;

/// The plans that are kept, the one used last at the end.
#[derive(Debug, Default)]
pub(crate) struct PlanCache(Mutex<Vec<(ArchiveId, Arc<Plan>)>>);

impl PlanCache {
    /// Returns the plan of an archive, if it is kept.
    pub(crate) fn get(&self, id: ArchiveId) -> Option<Arc<Plan>> {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = plans.iter().position(|(known, _)| *known == id)?;
        let found = plans.remove(index);
        let plan = found.1.clone();
        plans.push(found);
        Some(plan)
    }

    /// Keeps a plan in place of the one that was not used for longest.
    pub(crate) fn put(&self, id: ArchiveId, plan: Arc<Plan>) {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.retain(|(known, _)| *known != id);
        if plans.len() >= PLANS {
            plans.remove(0);
        }
        plans.push((id, plan));
    }
}
