//! Answering by newer rows, where older ones refuse what another host may have made since.

use super::Call;
use super::error::{ApiError, Code};
use super::resolve::Resolver;
use crate::ErrorKind;

/// Does some work by the rows that a call meets; where those are older than the call and refuse it, by newer ones.
pub(super) fn resolved<T>(
    call: &Call<'_>,
    work: impl Fn(&Resolver<'_>) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let engine = call.api.store.engine()?;
    let began = engine.call_begins();
    let resolver = Resolver::new(call.api, call.caller, call.request)?;
    let refused = match work(&resolver) {
        Err(ApiError::Fault(fault)) => fault,
        done => return done,
    };
    let kind = match refused.code {
        Code::InvalidSign => ErrorKind::Denied,
        Code::NotFound | Code::EntityNotExist => ErrorKind::NotFound,
        _ => return Err(refused.into()),
    };
    let Some(newer) = engine.newer_rows(began, Some(&resolver.tx), kind)? else { return Err(refused.into()) };
    let again = Resolver::over(engine.clone(), newer.clone(), call.caller, call.request);
    match again.map_err(ApiError::from).and_then(|resolver| work(&resolver)) {
        Ok(done) => {
            engine.found_by(&newer);
            Ok(done)
        }
        Err(ApiError::Error(_)) if kind == ErrorKind::Denied => Err(refused.into()),
        failed => failed,
    }
}
