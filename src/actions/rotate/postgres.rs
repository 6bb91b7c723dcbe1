//! `rotate/postgres-password`.

use crate::{
    actions::{
        framework::{Given, answers::positive},
        rotate::{
            craft::{Craft, Prepared},
            delivery,
            former::{self, Candidate, Candidates},
            intending::Intending,
            postgres_server::{Admin, ServerOf},
            scene::{Scene, done, failed, hopeless, not_needed, proven, unproven},
            secret::ValuePolicy,
            terms::{rotation_action, rotation_inputs},
        },
    },
    domain::{
        effect::{Effect, Object, Reversible, Tri, Verb},
        right::Rights,
        rotation::{Credential, CredentialKind, Outcome},
        secret::SecretValue,
    },
    ports::{
        BoxFuture,
        executor::StepContext,
        postgres::{Login, PostgresError, RoleChange, Server},
        vault::Kept,
    },
};
use std::collections::BTreeMap;

/// A role's name is no secret.
const USERNAME: &str = "username";
const PASSWORD: &str = "password";
/// By which a server says that the password is wrong, and not that something else is.
const WRONG_PASSWORD: &str = "28P01";

pub(crate) struct RotatePostgresPassword;

rotation_inputs! {
    /// What `rotate/postgres-password` is told. Its credential has the parts `username` and `password`.
    PostgresInputs {
        /// The server.
        pub(super) server: ServerOf,
        /// Who changes the roles.
        pub(super) admin: Admin,
        /// Two roles with the same rights, of which one at a time has a password: both are good during the overlap. The one that is not in
        /// use gets the new password. The one in use is the one that the password which counts now lets in.
        #[serde(default)]
        pub(super) roles: Vec<String>,
        /// One role. PostgreSQL keeps one password for it, so there is no overlap: new logins with the old password are refused from the
        /// first stage on, until the rotation is through or rolled back. Its password must be known, so that it can be put back.
        #[serde(default)]
        pub(super) role: Option<String>,
        /// The password that counts now, as a secret of the agent, so that the old one can be proven refused, and put back where there is one
        /// role. Needed only where no place can be read: what stands in a Secret or a file is taken from there. It must let in when a
        /// rotation begins, so a value that does not follow rotations serves the first one alone.
        #[serde(default)]
        #[schemars(extend("writeOnly" = true))]
        pub(super) current: Option<String>,
        /// What a new password is made of.
        #[serde(default)]
        pub(super) policy: ValuePolicy,
    }
}

rotation_action!(
    RotatePostgresPassword,
    PostgresInputs,
    "rotate/postgres-password",
    "Replaces the password of a PostgreSQL role, or changes over between two roles; proves that the new one logs in and the old one does not."
);

/// The role in use, the one that gets the new password, and the password that counts now, if it is known.
struct InUse {
    used: String,
    unused: String,
    password: Option<SecretValue>,
    /// Whether nothing but the agent's own file has it.
    was_given_up: bool,
}

impl PostgresInputs {
    fn check(&self) -> Result<(), String> {
        let terms = self.terms();
        terms.check_due()?;
        terms.check(&[USERNAME, PASSWORD])?;
        self.policy.check()?;
        positive(self.server.timeout)?;
        if self.distribute.is_empty() {
            return Err("in `with`, at `distribute`: name at least one place".to_owned());
        }
        match (&self.role, self.roles.as_slice()) {
            (Some(_), []) if self.current.is_none() && !delivery::are_readable(&self.distribute, PASSWORD) => Err(
                "in `with`: one role has one password, which can only be put back where it is known\nhint: name it with `current`, bring it to a Secret or a file too, or use two `roles`"
                    .to_owned(),
            ),
            (Some(_), []) if !self.overlap.is_zero() => Err(
                "in `with`, at `overlap`: one role has one password, so both cannot be good at once\nhint: use two `roles`"
                    .to_owned(),
            ),
            (Some(role), []) => check_role("role", role),
            (None, [_, _]) if !self.distribute.iter().any(|place| place.takes(USERNAME)) => Err(
                "in `with`, at `distribute`: consumers would never learn which of the two roles has the password\nhint: bring the part `username` to a place too, or use one `role`"
                    .to_owned(),
            ),
            (None, [one, two]) if one != two => {
                check_role("roles[0]", one)?;
                check_role("roles[1]", two)
            }
            _ => Err("in `with`: give either `role`, or two different `roles`".to_owned()),
        }
    }

    fn intend(&self, doing: &mut Intending, _: &StepContext, _: &Given<'_>) -> Result<(), String> {
        for role in self.roles.iter().chain(&self.role) {
            let undo = "its former password is put back, or it has none again";
            doing.effect(Effect {
                access_change: Tri::Yes,
                reversible: Reversible::Undo(undo.to_owned()),
                ..Effect::read(
                    Verb::DatabaseWrite,
                    Object::network(&self.server.host, "role", role),
                )
            });
        }
        Ok(())
    }

    fn own_rights(&self) -> Rights {
        Rights::default()
    }

    fn server(&self) -> Server {
        self.server.server()
    }

    /// The role in use, and the one that gets the new password, as far as is recorded.
    fn recorded(&self, known: &Credential) -> Option<(String, String)> {
        let Some([one, two]) = self.roles.first_chunk() else {
            let role = self.role.clone()?;
            return Some((role.clone(), role));
        };
        let role = known.facts.get(USERNAME)?;
        Some(if role == two {
            (two.clone(), one.clone())
        } else {
            (one.clone(), two.clone())
        })
    }

    /// The same, and the password that counts now, held against what lets in: whoever takes the wrong role for the unused one would shut
    /// the app out.
    async fn in_use(&self, known: &Credential, scene: &Scene<'_>) -> Result<InUse, Outcome> {
        let places = self.distribute.as_slice();
        let current = self.current.as_ref();
        let candidates = Candidates::look(places, current, PASSWORD, known, scene).await?;
        let recorded = self.recorded(known);
        let is_known = recorded.is_some() && self.role.is_none();
        let (used, unused) = match (recorded, self.roles.first_chunk()) {
            (Some(recorded), _) => recorded,
            (None, Some([one, two])) => (one.clone(), two.clone()),
            (None, None) => return Err(failed("no role is named")),
        };
        let mut all = candidates.all;
        // Of two roles, what the app does not use may let in as well, and would be taken for what it uses.
        if self.role.is_some() {
            all.extend(former::given_up(PASSWORD, scene).await);
        }
        if !all.is_empty() {
            return self.let_in([used, unused], all, scene).await;
        }
        if !is_known {
            return Err(failed(
                "which of the roles is in use is not known, because the agent has never rotated them, and no place holds a password\nhint: name its password with `current`",
            ));
        }
        Ok(InUse {
            used,
            unused,
            password: None,
            was_given_up: false,
        })
    }

    /// The first password that lets a role in, the likeliest role first.
    async fn let_in(
        &self,
        [first, second]: [String; 2],
        candidates: Vec<Candidate>,
        scene: &Scene<'_>,
    ) -> Result<InUse, Outcome> {
        let mut turns = vec![(&first, &second), (&second, &first)];
        // Of one role there is but one turn.
        turns.dedup();
        let mut refused = Vec::new();
        for candidate in candidates {
            for (used, unused) in &turns {
                match self.log_in(scene, used, candidate.value.clone()).await {
                    Ok(()) => {
                        return Ok(InUse {
                            used: (*used).clone(),
                            unused: (*unused).clone(),
                            was_given_up: candidate.was_given_up(),
                            password: Some(candidate.value),
                        });
                    }
                    Err(error @ PostgresError::LoginRefused { .. }) => {
                        refused.push(format!("{candidate}: {error}"));
                    }
                    Err(error) => return Err(failed(error.to_string())),
                }
            }
        }
        Err(failed(format!(
            "no password that is known lets anybody in, so none could be put back or be proven refused: {}\nhint: name the one that counts with `current`",
            refused.join("; ")
        )))
    }

    async fn change(
        &self,
        scene: &Scene<'_>,
        role: &str,
        change: RoleChange,
    ) -> Result<(), String> {
        let admin = self.admin.login();
        let server = self.server();
        let postgres = &scene.world.rotations.postgres;
        let changed = postgres.change_role(&server, &admin, role, change).await;
        changed.map_err(|error| format!("changing the role `{role}`: {error}"))
    }

    async fn log_in(
        &self,
        scene: &Scene<'_>,
        role: &str,
        password: SecretValue,
    ) -> Result<(), PostgresError> {
        let login = Login {
            role: role.to_owned(),
            password: Some(password),
        };
        let postgres = &scene.world.rotations.postgres;
        postgres.log_in(&self.server(), &login).await
    }

    /// Logs in with the new password, and not with another one: a server that asks for none lets in everybody.
    async fn tried(&self, kept: &Kept, scene: Scene<'_>) -> Outcome {
        let (Some(role), Some(password)) = (kept.facts.get(USERNAME), kept.new.get(PASSWORD))
        else {
            return hopeless("what was kept of the new password is not whole");
        };
        if let Err(error) = self.log_in(&scene, role, password.clone()).await {
            return failed(error.to_string());
        }
        let wrong = match self.policy.value(&*scene.world.clock) {
            Ok(wrong) => wrong,
            Err(error) => return failed(error),
        };
        match self.log_in(&scene, role, wrong).await {
            Err(PostgresError::LoginRefused { .. }) => {
                proven(format!("role `{role}` logged in with the new password"))
            }
            Ok(()) => failed(format!(
                "the server lets role `{role}` in with any password, so nothing is proven\nhint: look into its pg_hba.conf"
            )),
            Err(error @ (PostgresError::Refused { .. } | PostgresError::Unavailable { .. })) => {
                failed(error.to_string())
            }
        }
    }

    async fn discarded(&self, kept: &Kept, scene: Scene<'_>) -> Outcome {
        let Some(role) = kept.facts.get(USERNAME) else {
            return not_needed("no role was changed");
        };
        let (change, note) = match (&self.role, kept.old.get(PASSWORD)) {
            (None, _) => (RoleChange::NoPassword, "has no password again"),
            (Some(_), Some(old)) => (
                RoleChange::Password(old.clone()),
                "has its former password again",
            ),
            (Some(_), None) => return hopeless("the former password is not known to the agent"),
        };
        match self.change(&scene, role, change).await {
            Ok(()) => done(format!("role `{role}` {note}")),
            Err(error) => failed(error),
        }
    }

    async fn refused(&self, kept: &Kept, scene: Scene<'_>) -> Outcome {
        let (Some(role), Some(old)) = (kept.former.get(USERNAME), kept.old.get(PASSWORD)) else {
            return unproven(
                "the old password was not tried: the agent does not know it (hint: name it with `current`)",
            );
        };
        match self.log_in(&scene, role, old.clone()).await {
            Err(PostgresError::LoginRefused { code, .. }) if code == WRONG_PASSWORD => proven(
                format!("role `{role}` was refused with the old password ({code})"),
            ),
            Ok(()) => failed(format!("role `{role}` still logs in with the old password")),
            Err(error) => failed(format!(
                "whether the old password is refused could not be found out: {error}"
            )),
        }
    }
}

/// Some programs cut or fold other names.
fn check_role(field: &str, role: &str) -> Result<(), String> {
    if role.is_empty() || role.len() > 63 || role.contains('\0') {
        return Err(format!(
            "in `with`, at `{field}`: `{role}` is not the name of a role: it has 1 to 63 bytes"
        ));
    }
    Ok(())
}

impl Craft for PostgresInputs {
    fn kind(&self) -> CredentialKind {
        CredentialKind::PostgresPassword
    }
    fn main(&self) -> &'static str {
        PASSWORD
    }
    fn place(&self) -> String {
        let roles: Vec<&str> = self
            .roles
            .iter()
            .chain(&self.role)
            .map(String::as_str)
            .collect();
        let (host, port) = (&self.server.host, self.server.port);
        format!("role {} at {host}:{port}", roles.join(" or "))
    }
    fn half_way(&self) -> &'static str {
        if self.role.is_some() {
            "the server may refuse the password that is in use"
        } else {
            "its places may hold the one or the other, and both are good"
        }
    }
    fn prepare<'a>(&'a self, known: &'a Credential, scene: Scene<'a>) -> BoxFuture<'a, Prepared> {
        Box::pin(async move {
            let found = self.in_use(known, &scene).await?;
            let password = self.policy.value(&*scene.world.clock).map_err(failed)?;
            let old = found.password.map(|old| (PASSWORD.to_owned(), old));
            let mut former: BTreeMap<_, _> = [(USERNAME.to_owned(), found.used)].into();
            if found.was_given_up {
                former::mark_given_up(&mut former);
            }
            Ok(Kept {
                rotation: scene.rotation,
                new: [(PASSWORD.to_owned(), password)].into(),
                old: old.into_iter().collect(),
                facts: [(USERNAME.to_owned(), found.unused)].into(),
                former,
                expires_at: None,
            })
        })
    }
    fn issue<'a>(&'a self, kept: &'a mut Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let (Some(role), Some(password)) = (kept.facts.get(USERNAME), kept.new.get(PASSWORD))
            else {
                return failed("no role was chosen");
            };
            let change = RoleChange::Password(password.clone());
            match self.change(&scene, role, change).await {
                Ok(()) => done(format!("role `{role}` has a new password")),
                Err(error) => failed(error),
            }
        })
    }
    fn discard<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.discarded(kept, scene))
    }
    /// One role has one password: consumers that take the former one up must find it good again.
    fn withdraw<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.role {
                Some(_) => self.discarded(kept, scene).await,
                None => not_needed(""),
            }
        })
    }
    fn test<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.tried(kept, scene))
    }
    fn revoke<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(role) = kept.former.get(USERNAME).filter(|_| self.role.is_none()) else {
                return not_needed("the role has the new password alone");
            };
            match self.change(&scene, role, RoleChange::NoPassword).await {
                Ok(()) => done(format!(
                    "role `{role}` has no password any more; sessions that are open go on"
                )),
                Err(error) => failed(error),
            }
        })
    }
    fn refuse<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(self.refused(kept, scene))
    }
}
