//! aws, gcloud, az and their kin: storage, secrets, machines.

mod aws;
mod aws_files;
mod az;
mod by_book;
mod gcloud;
mod generic;
mod line;
mod secrets;
mod verbs;

use super::Grammar;

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "aws" => Some(aws::aws),
        "gcloud" => Some(gcloud::gcloud),
        "az" => Some(az::az),
        _ if by_book::is_known(program) => Some(by_book::judge),
        _ if generic::is_known(program) => Some(generic::judge),
        _ => None,
    }
}
