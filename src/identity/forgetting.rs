//! What facts say about people: sealed on the way to the log, shown while its subject's key is
//! kept, forgotten for good once that is destroyed.
//!
//! Entry points: [`Identity::reader`] for whoever shows facts, [`Identity::forget_user`],
//! [`Identity::forget_again`] at the start of a node. The subject of a fact is the user on whose
//! stream it stands; `user-unknown` has none.
//! Invariants: nothing personal of a known user enters the outbox unsealed; a key that was
//! destroyed is never made a second time; the log itself says who was forgotten, so that a restored
//! older secrets store forgets them again.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sqlx::sqlite::SqliteConnection;

use super::facts::Fact;
use super::passwords::NOBODYS_HASH;
use super::sealing::{Place, SubjectKey};
use super::store::subjects::Subject;
use super::store::{SecretsError, begin, subjects, users};
use super::{AuthError, Identity, Inner, ManageError};
use crate::events::catalogue::{FORGOTTEN, Personal, UserDisabled, UserForgotten};
use crate::events::{Recorded, Who};
use crate::values::{CommandId, StreamName, UserName};

/// Stands where something is sealed under a key that this secrets store does not have.
pub const UNREADABLE: &str = "unreadable";

/// Shows facts in the clear. It remembers keys: make one for each answer, and let it go.
pub struct Reader<'a> {
    identity: &'a Identity,
    subjects: HashMap<String, Subject>,
}

impl Reader<'_> {
    /// Puts text in the place of what is personal in `payload`, the stored one of `recorded`.
    pub async fn reveal(
        &mut self,
        recorded: &Recorded,
        payload: &mut Value,
    ) -> Result<(), AuthError> {
        let envelope = &recorded.envelope;
        let mut event = envelope.event.clone();
        let event_type = event.name();
        let (Some(subject), Some((field, personal))) =
            (subject(&envelope.stream), event.personal())
        else {
            return Ok(());
        };
        let place = Place {
            subject,
            command_id: &envelope.meta.command_id,
            event_type,
            field,
        };
        let shown = match (self.subject(subject).await?, &*personal) {
            // Also what stands there in the clear, from before anything was sealed.
            (Subject::Forgotten, _) => Some(FORGOTTEN.to_owned()),
            (_, Personal::Plain(text)) => Some(text.clone()),
            (Subject::Key(key), Personal::Sealed { sealed }) => key.open(sealed, &place),
            (Subject::Unknown, Personal::Sealed { .. }) => None,
        };
        if let Some(value) = payload.get_mut(field) {
            *value = shown.unwrap_or_else(|| UNREADABLE.to_owned()).into();
        }
        Ok(())
    }

    async fn subject(&mut self, subject: &str) -> Result<&Subject, AuthError> {
        if !self.subjects.contains_key(subject) {
            let found = subjects::find(self.identity.inner.store.readers(), subject).await?;
            self.subjects.insert(subject.to_owned(), found);
        }
        Ok(self.subjects.get(subject).unwrap_or(&Subject::Unknown))
    }
}

/// Whose key covers the facts of a stream.
fn subject(stream: &StreamName) -> Option<&str> {
    let is_somebodys = stream.category() == "user" && *stream != StreamName::unknown_user();
    is_somebodys.then(|| stream.id())
}

impl Identity {
    /// For showing facts; see [`Reader`].
    pub fn reader(&self) -> Reader<'_> {
        Reader {
            identity: self,
            subjects: HashMap::new(),
        }
    }

    /// Makes what is personal about a user unreadable for good, in every fact of theirs, and lets
    /// them in no more. False when they had been forgotten before.
    pub async fn forget_user(&self, by: &Who, name: &UserName) -> Result<bool, ManageError> {
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let user = users::find(&mut *change, name).await?;
        let user = user.ok_or(ManageError::UnknownUser(name.clone()))?;
        self.end_sessions(&mut change, name, by, "the user was forgotten")
            .await?;
        let now = self.inner.wall.now();
        if !subjects::forget(&mut change, name, NOBODYS_HASH, now).await? {
            return Ok(false);
        }
        if user.disabled_at.is_none() {
            let disabled = UserDisabled { user: name.clone() };
            let fact = Fact::of(name, by, disabled);
            self.inner.tell(&mut change, &fact).await?;
        }
        let forgotten = UserForgotten { user: name.clone() };
        let fact = Fact::of(name, by, forgotten);
        self.inner.tell(&mut change, &fact).await?;
        change.commit().await?;
        self.inner.store.write_through(&mut writer).await;
        drop(writer);
        self.inner.changed();
        self.inner.tickets.forget_user(name.as_str());
        Ok(true)
    }

    /// Forgets users once more of whom the log says that they were forgotten. Gives how many of
    /// them were remembered here: more than none when an older copy of the store was restored.
    pub async fn forget_again(&self, forgotten: &BTreeSet<UserName>) -> Result<usize, AuthError> {
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let now = self.inner.wall.now();
        let mut remembered = 0;
        for name in forgotten {
            if subjects::forget(&mut change, name, NOBODYS_HASH, now).await? {
                remembered += 1;
            }
        }
        change.commit().await?;
        if remembered > 0 {
            tracing::warn!(
                users = remembered,
                "an older secrets store was restored; whom the log says forgotten is forgotten again"
            );
            self.inner.store.write_through(&mut writer).await;
        }
        Ok(remembered)
    }
}

impl Inner {
    /// The fact as it is to be recorded, with what is personal in it sealed.
    pub(super) async fn seal(
        &self,
        db: &mut SqliteConnection,
        fact: &Fact,
        command_id: &CommandId,
    ) -> Result<Fact, SecretsError> {
        let mut fact = fact.clone();
        let event_type = fact.event.name();
        let Some(subject) = subject(&fact.stream) else {
            return Ok(fact);
        };
        let Some((field, personal)) = fact.event.personal() else {
            return Ok(fact);
        };
        let Personal::Plain(text) = &*personal else {
            return Ok(fact);
        };
        let place = Place {
            subject,
            command_id,
            event_type,
            field,
        };
        *personal = match self.key_of(db, subject).await? {
            Some(key) => {
                let sealed = key.seal(text, &place, &*self.randomness);
                let sealed = sealed.ok_or(SecretsError::Sealing)?;
                Personal::Sealed { sealed }
            }
            None => Personal::Plain(FORGOTTEN.to_owned()),
        };
        Ok(fact)
    }

    /// A subject's key, made where there is none yet; `None` of one who was forgotten.
    async fn key_of(
        &self,
        db: &mut SqliteConnection,
        subject: &str,
    ) -> Result<Option<SubjectKey>, SecretsError> {
        match subjects::find(&mut *db, subject).await? {
            Subject::Key(key) => Ok(Some(key)),
            Subject::Forgotten => Ok(None),
            Subject::Unknown => {
                let key = SubjectKey::draw(&*self.randomness);
                subjects::insert(db, subject, &key).await?;
                Ok(Some(key))
            }
        }
    }
}
