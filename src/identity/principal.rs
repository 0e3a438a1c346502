//! Who is calling, once that has been proved.

use std::collections::BTreeSet;

use super::permissions::{Permission, Role};
use crate::events::Who;

/// A caller whose identity was proved by a session or an API key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// `user:{user}` for a session, `key:{key id}` for an API key; stands in every event.
    pub id: String,
    /// The person behind it: the user's name.
    pub user: String,
    pub roles: BTreeSet<Role>,
    /// What the roles allow; for a key no more than its scopes.
    pub permissions: BTreeSet<Permission>,
}

impl Principal {
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// As it stands in events.
    pub fn who(&self) -> Who {
        Who {
            principal: self.id.clone(),
            human: Some(self.user.clone()),
            roles: self
                .roles
                .iter()
                .map(|role| role.name().to_owned())
                .collect(),
        }
    }
}
