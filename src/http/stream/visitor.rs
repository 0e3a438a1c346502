//! Who a client is, how that was proved, and whether it still holds.

use std::collections::BTreeSet;

use actix_web::HttpRequest;

use super::frames::{Close, CloseStatus};
use crate::http::Services;
use crate::http::auth;
use crate::http::problem::Problem;
use crate::identity::{AuthError, Permission, Principal};

/// Where refusals on the stream are noted to have happened.
const PLACE: &str = "GET /ws/v1";

/// See the module.
pub struct Visitor {
    /// Of the browser that asked for the upgrade; the ticket says who it is, and this how long.
    session: Option<String>,
    principal: Option<Principal>,
}

impl Visitor {
    /// Whoever asks for the upgrade; a key among the headers has to be good.
    pub async fn of(http: &HttpRequest, services: &Services) -> Result<Self, Problem> {
        let Some((id, secret)) = auth::key(http)? else {
            return Ok(Self {
                session: auth::cookie(http),
                principal: None,
            });
        };
        let peer = auth::peer(http);
        Ok(Self {
            session: None,
            principal: Some(services.identity.api_key(&id, &secret, peer).await?),
        })
    }

    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// Takes a ticket in exchange for whom it was made out to.
    pub async fn redeem(&mut self, services: &Services, ticket: &str) -> Result<Principal, Close> {
        let principal = services.identity.redeem(ticket).map_err(|error| {
            refused(
                &error,
                "the ticket is not valid: it is good once, for 30 s; get a new one from \
                 POST /api/v1/stream-tickets",
            )
        })?;
        self.principal = Some(principal.clone());
        Ok(principal)
    }

    /// What the client may see by now; `None` while nobody is known.
    pub async fn recheck(
        &mut self,
        services: &Services,
    ) -> Result<Option<BTreeSet<Permission>>, Close> {
        let Some(principal) = &self.principal else {
            return Ok(None);
        };
        match standing(services, principal, self.session.as_deref()).await {
            Ok(principal) => {
                let permissions = principal.permissions.clone();
                self.principal = Some(principal);
                Ok(Some(permissions))
            }
            Err(AuthError::BadCredentials) => Err(Close::unauthenticated(
                "the session or key that opened this connection has ended",
            )),
            // The store is away: nobody is let in, and nobody thrown out.
            Err(error) => {
                tracing::warn!(%error, "a stream client could not be checked again");
                Ok(None)
            }
        }
    }

    /// Notes for the record that the client was refused.
    pub async fn denied(&self, services: &Services, permission: Permission) {
        if let Some(principal) = &self.principal {
            services.identity.denied(principal, permission, PLACE).await;
        }
    }
}

async fn standing(
    services: &Services,
    principal: &Principal,
    session: Option<&str>,
) -> Result<Principal, AuthError> {
    if let Some(token) = session
        && !services.identity.session_stands(token).await?
    {
        return Err(AuthError::BadCredentials);
    }
    services.identity.standing(principal).await
}

fn refused(error: &AuthError, bad: &str) -> Close {
    match error {
        AuthError::BadCredentials => Close::unauthenticated(bad),
        other => Close::new(CloseStatus::TryAgainLater, "unavailable", other.to_string()),
    }
}
