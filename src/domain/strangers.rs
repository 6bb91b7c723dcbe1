//! Accounts in clusters that the configuration keeps for runbooks that are not there: nobody acts as them, and the runbook that was meant
//! acts as another one.

use crate::domain::{likeness::nearest, name::RunbookName};

/// What is told of an account of the cluster for a runbook that is none of these.
pub fn stranger<'a>(
    cluster: &str,
    runbook: &RunbookName,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let hint = nearest(runbook.as_str(), known).map_or_else(
        || "name a runbook, or remove it".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    format!(
        "clusters.{cluster}.accounts: there is no runbook `{runbook}`, so nobody acts as this account\nhint: {hint}"
    )
}

#[cfg(test)]
mod tests {
    use super::stranger;
    use crate::domain::name::RunbookName;

    #[test]
    fn the_runbook_that_was_meant_is_named() {
        let name = RunbookName::new("web-restrat").unwrap();
        let told = stranger("east", &name, ["disk-space", "web-restart"]);
        assert!(told.contains("there is no runbook `web-restrat`"), "{told}");
        assert!(told.contains("did you mean `web-restart`?"), "{told}");
        assert!(stranger("east", &name, []).contains("remove it"));
    }
}
