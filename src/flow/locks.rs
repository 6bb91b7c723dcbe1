//! Locks that runbooks share: taken after the gate, not held while waiting for people.

use crate::domain::{id::RunId, name::LockName};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Who holds a lock, and until when at the latest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The run.
    pub owner: RunId,
    /// The run's deadline; past it the lock no longer counts.
    pub expires: Timestamp,
}

/// All locks of this agent.
#[derive(Debug, Default)]
pub struct Locks {
    held: Mutex<BTreeMap<LockName, Held>>,
    released: Notify,
}

impl Locks {
    /// Takes all of them, or none and says which one is held by whom.
    ///
    /// # Errors
    /// The first lock that another run holds.
    pub fn take(
        &self,
        names: &[LockName],
        owner: RunId,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), (LockName, Held)> {
        let mut held = self.lock();
        for name in names {
            match held.get(name) {
                Some(other) if other.owner != owner && other.expires > now => {
                    return Err((name.clone(), other.clone()));
                }
                Some(_) | None => {}
            }
        }
        for name in names {
            held.insert(name.clone(), Held { owner, expires });
        }
        Ok(())
    }

    /// Gives back whatever this run holds.
    pub fn release(&self, owner: RunId) {
        let mut held = self.lock();
        let before = held.len();
        held.retain(|_, holder| holder.owner != owner);
        if held.len() != before {
            self.released.notify_waiters();
        }
    }

    /// Ends when some lock was given back since it was first polled.
    pub async fn released(&self) {
        self.released.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LockName, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Locks;
    use crate::domain::{id::RunId, name::LockName};
    use jiff::Timestamp;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_lock_has_one_owner_until_given_back_or_expired() {
        let locks = Locks::default();
        let names = [LockName::new("db").unwrap()];
        let (one, two) = (RunId::new(at(1), [1; 10]), RunId::new(at(1), [2; 10]));
        assert!(locks.take(&names, one, at(100), at(1)).is_ok());
        assert!(
            locks.take(&names, one, at(100), at(1)).is_ok(),
            "the owner may take it again"
        );
        assert_eq!(
            locks.take(&names, two, at(100), at(1)).unwrap_err().1.owner,
            one
        );
        assert!(
            locks.take(&names, two, at(200), at(101)).is_ok(),
            "an expired lock does not count"
        );
        locks.release(two);
        assert!(locks.take(&names, one, at(300), at(102)).is_ok());
    }

    #[test]
    fn taking_several_takes_all_or_none() {
        let locks = Locks::default();
        let (a, b) = (LockName::new("a").unwrap(), LockName::new("b").unwrap());
        let (one, two) = (RunId::new(at(1), [1; 10]), RunId::new(at(1), [2; 10]));
        locks
            .take(std::slice::from_ref(&b), one, at(100), at(1))
            .unwrap();
        assert!(locks.take(&[a.clone(), b], two, at(100), at(1)).is_err());
        assert!(
            locks.take(&[a], one, at(100), at(1)).is_ok(),
            "nothing of a refused wish is held"
        );
    }
}
