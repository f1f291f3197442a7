//! `/v2/share_link/get_share_token`: how a visitor comes to a share token.

use serde_json::{Value, json};

use super::Call;
use super::error::{ApiError, Fault};
use super::resolve::share_epoch;
use super::response;
use crate::ErrorKind;
use crate::catalog::share;
use crate::id::ShareId;
use crate::store::url::whole_seconds;
use crate::time::Time;
use crate::token::{Claims, Purpose};

/// How many seconds a share token lives, if nothing is said and at most.
const LIFE: u64 = 7200;

impl Call<'_> {
    /// Answers `share_link/get_share_token`, for anybody who knows the password.
    pub(super) fn get_share_token(&self) -> Result<Value, ApiError> {
        let text = self.fields.required("share_id")?;
        let password = self.fields.any_text("share_pwd")?.filter(|password| !password.is_empty());
        let life = self.fields.number("expire_sec", 1..=LIFE)?.unwrap_or(LIFE);
        let absent = || ApiError::from(Fault::absent("there is no such share"));
        let id: ShareId = text.parse().map_err(|_| absent())?;
        let entered = self.api.store.visit_from(id, password, self.request.client);
        let visit = entered.map_err(|error| match (error.kind(), error.retry_after()) {
            (_, Some(wait)) => {
                Fault::too_many(error.to_string()).with("retry_after", whole_seconds(wait)).into()
            }
            (kind, None) => match kind {
                ErrorKind::NotFound => absent(),
                ErrorKind::Denied => Fault::permission("share_pwd is missing or wrong").into(),
                _ => error.into(),
            },
        })?;
        if visit.info().purchase {
            return Err(Fault::permission("this share is to be paid for, which PDS has no call for").into());
        }
        let engine = self.api.store.engine()?;
        let tx = engine.reader()?;
        let record = share::record(&tx, id)?;
        let now = u64::try_from(self.now.unix()).unwrap_or(0);
        let expires = now.saturating_add(life);
        let claims = Claims::new(Purpose::Share, id.0, share_epoch(&tx, &record)?, expires);
        let token = engine.ring(&tx)?.1.sign(&claims)?;
        let expires = Time::from_unix(i64::try_from(expires).unwrap_or(i64::MAX));
        Ok(json!({
            "share_token": token,
            "expires_in": life,
            "expire_time": response::time(expires),
        }))
    }
}
