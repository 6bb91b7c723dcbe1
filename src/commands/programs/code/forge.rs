//! gh: what its manual does not say is in `gh api`.

use crate::commands::{
    found::{Found, object},
    programs::manual::{Does, Form},
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Reach, Reversible, Verb};

/// Says what a call of gh would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let api = call
        .arguments
        .iter()
        .position(|word| word.known() == Some("api"));
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    match api {
        Some(place) if program.form(call.arguments).path.is_empty() => {
            self::api(call, place, found);
        }
        _ => other(&program.form(call.arguments), call, found),
    }
}

/// Everything else. Behind two dashes stand flags for git.
fn other(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let clones = matches!(form.path.as_slice(), ["repo" | "gist", "clone"]);
    if clones && form.parsed.before_dashes.is_some() {
        return form.effects_of(Does::Unknown, call, found);
    }
    form.effects(call, found);
}

/// `gh api`: a request to the forge. Fields make it a `POST`, unless it says otherwise.
fn api(call: &Call<'_>, place: usize, found: &mut Found) {
    let Some(program) = super::MANUAL.program("gh-api") else {
        return;
    };
    let rest: Vec<Word> = [
        &call.arguments[..place],
        call.arguments.get(place + 1..).unwrap_or_default(),
    ]
    .concat();
    let form = program.form(&rest);
    form.effects(call, found);
    let fields = form.parsed.has(&["f", "F", "field", "raw-field", "input"]);
    let method = form.parsed.value(&["X", "method"]);
    if method.is_some_and(|method| method.known().is_none()) {
        return form.effects_of(Does::Unknown, call, found);
    }
    let method = method.map(Word::text);
    let method = method.unwrap_or(if fields { "POST" } else { "GET" });
    let address = form.parsed.words.first().map_or("", Word::text);
    if matches!(address, "graphql" | "/graphql") {
        return graphql(&form, call, found);
    }
    if !matches!(method, "GET" | "HEAD" | "get" | "head") {
        sent(method, address, call, found);
    }
}

fn sent(method: &str, address: &str, call: &Call<'_>, found: &mut Found) {
    let object = object(&call.setting.place, "forge", address);
    let settings = [
        "collaborators",
        "keys",
        "protection",
        "members",
        "permissions",
        "hooks",
        "secrets",
        "teams",
        "memberships",
        "visibility",
    ];
    let grave =
        method.eq_ignore_ascii_case("delete") || settings.iter().any(|part| address.contains(part));
    found.effect(if grave {
        Effect::destructive(Verb::Delete, object)
    } else {
        Effect {
            reversible: Reversible::Unknown,
            reach: Reach::Unknown,
            ..Effect::read(Verb::NetworkSend, object)
        }
    });
    found.opaque(format!(
        "`gh api` sends {method} to {address}: what that does is not known"
    ));
}

/// A query reads; a mutation does whatever its name says.
fn graphql(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let fields = form.parsed.values(&["f", "F", "field", "raw-field"]);
    let query = fields
        .filter_map(Word::known)
        .find_map(|field| field.strip_prefix("query="));
    let reads = query.is_some_and(|query| {
        let text = query.trim_start();
        (text.starts_with("query") || text.starts_with('{')) && !text.contains("mutation")
    });
    if !reads {
        found.effect(Effect::opaque(object(
            &call.setting.place,
            "forge",
            "graphql",
        )));
        found.opaque("`gh api graphql`: what the mutation does is not known");
    }
}
