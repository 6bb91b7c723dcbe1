//! What a verb or a flag does, in the few sorts that operators' programs have.

use crate::commands::found::Found;
use crate::domain::effect::{Effect, Object, Reach, Reversible, Secrets, Tri, Verb, Which};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::programs) enum Does {
    /// Looks.
    Look,
    /// Prints values of secrets.
    Reveal,
    /// Changes; this takes it back. `{}` is the name of the thing.
    Undo(&'static str),
    /// Changes what is made again by itself.
    Renew,
    /// Changes; how it is taken back is not known.
    Alter,
    /// Starts a service; this stops it again.
    Start(&'static str),
    /// Stops and starts a service.
    Restart,
    /// Installs software; this takes it back.
    Install(&'static str),
    /// Sends what the other side may act on.
    Send,
    /// Opens a way in or out.
    Tunnel,
    /// Runs code of this host that the gate does not see.
    Run,
    /// Waits for somebody to type what to do.
    Ask,
    /// Removes.
    Remove,
    /// Stops a service.
    Cut,
    /// Ends a process.
    Kill,
    /// Changes who may do what.
    Grant,
    /// Runs code that another host sends, and that nobody pinned.
    Fetch,
    /// Runs a program that the line names.
    Code,
    /// Looks as long as no more than so many names follow; otherwise it changes.
    Sets(usize, &'static Does),
}

impl Does {
    /// What is done with so many names.
    pub(in crate::commands::programs) fn with(self, names: usize) -> Self {
        match self {
            Self::Sets(most, _) if names <= most => Self::Look,
            Self::Sets(_, does) => *does,
            does => does,
        }
    }
}

/// Puts in what is done to a thing.
pub(in crate::commands::programs) fn act(
    does: Does,
    object: Object,
    reach: Reach,
    found: &mut Found,
) {
    let name = match &object.which {
        Which::Named(name) | Which::Selector(name) => name.clone(),
        Which::All | Which::Unknown => String::new(),
    };
    if let Some(reason) = opaque(does) {
        found.opaque(format!("`{name}`: {reason}"));
    }
    found.effect(Effect {
        reach,
        ..effect(does, object, &name)
    });
}

fn opaque(does: Does) -> Option<&'static str> {
    match does {
        Does::Run => Some("what it runs is not read"),
        Does::Code => Some("it runs a program that the line names"),
        Does::Ask => Some("what is typed into it is not known"),
        Does::Fetch => Some("it runs code that another host sends"),
        _ => None,
    }
}

fn effect(does: Does, object: Object, name: &str) -> Effect {
    let undo = |verb, how: &str, object| Effect::change(verb, object, &how.replace("{}", name));
    let alter = |verb, object| Effect {
        reversible: Reversible::Unknown,
        ..Effect::read(verb, object)
    };
    let renew = |verb, object| Effect {
        reversible: Reversible::Recreated,
        ..Effect::read(verb, object)
    };
    match does {
        Does::Look | Does::Sets(..) => Effect::read(Verb::Read, object),
        Does::Reveal => Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, object)
        },
        Does::Undo(how) => undo(Verb::Update, how, object),
        Does::Start(how) => undo(Verb::ServiceStart, how, object),
        Does::Install("") => alter(Verb::PackageInstall, object),
        Does::Install(how) => undo(Verb::PackageInstall, how, object),
        Does::Renew => renew(Verb::Update, object),
        Does::Restart => renew(Verb::Restart, object),
        Does::Alter => alter(Verb::Update, object),
        Does::Send => alter(Verb::NetworkSend, object),
        Does::Tunnel => alter(Verb::Tunnel, object),
        Does::Run | Does::Ask => alter(Verb::RunCode, object),
        Does::Remove => Effect::destructive(Verb::Delete, object),
        Does::Cut => Effect {
            service_cut: Tri::Yes,
            ..alter(Verb::ServiceStop, object)
        },
        Does::Kill => Effect {
            service_cut: Tri::Yes,
            ..alter(Verb::ProcessKill, object)
        },
        Does::Grant => Effect {
            access_change: Tri::Yes,
            ..alter(Verb::Bind, object)
        },
        Does::Fetch | Does::Code => Effect {
            data_loss: Tri::Unknown,
            service_cut: Tri::Unknown,
            access_change: Tri::Unknown,
            ..alter(Verb::RunCode, object)
        },
    }
}
