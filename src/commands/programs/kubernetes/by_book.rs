//! Programs around clusters whose handbooks say all, or nearly all.

use super::{etcd, helm, tools};
use crate::commands::{
    found::Found,
    programs::handbook::{Book, Handbook},
    word::Call,
};

macro_rules! book {
    ($name:literal, $own:path) => {
        Book::new($name, include_str!(concat!("books/", $name, ".book")), $own)
    };
}

/// The handbooks, by the names of their programs.
static BOOKS: [Book; 31] = [
    book!("argo", tools::own),
    book!("argocd", tools::own),
    book!("calicoctl", tools::own),
    book!("cilium", tools::own),
    book!("clusterctl", tools::own),
    book!("cmctl", tools::own),
    book!("crossplane", tools::own),
    book!("etcdctl", etcd::own),
    book!("etcdutl", tools::own),
    book!("flux", tools::own),
    book!("helm", helm::own),
    book!("helmfile", tools::own),
    book!("istioctl", tools::own),
    book!("k3d", tools::own),
    book!("k3s", tools::own),
    book!("k9s", tools::own),
    book!("kind", tools::own),
    book!("kops", tools::own),
    book!("kubeadm", tools::own),
    book!("kubeseal", tools::own),
    book!("kustomize", tools::own),
    book!("linkerd", tools::own),
    book!("longhornctl", tools::own),
    book!("microk8s", tools::own),
    book!("minikube", tools::own),
    book!("oc", tools::own),
    book!("stern", tools::own),
    book!("talosctl", tools::own),
    book!("tkn", tools::own),
    book!("velero", tools::own),
    book!("virtctl", tools::own),
];

/// The handbook of this program.
pub(super) fn handbook(program: &str) -> Option<&'static Handbook> {
    book(program).map(Book::handbook)
}

fn book(program: &str) -> Option<&'static Book> {
    let name = match program {
        "rke2" => "k3s",
        "helm3" => "helm",
        "cilium-dbg" => "cilium",
        program if program.starts_with("microk8s.") => "microk8s",
        program => program,
    };
    BOOKS.iter().find(|book| book.name == name)
}

/// Judges a call by its program's handbook.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    match book(call.program) {
        Some(book) if book.name == "microk8s" => tools::microk8s(book.handbook(), call, found),
        Some(book) if book.name == "k3s" => tools::k3s(book.handbook(), call, found),
        Some(book) => book.handbook().judge(call, found, book.own),
        None => found.opaque(format!("`{}` has no handbook", call.program)),
    }
}

#[cfg(test)]
mod tests {
    use super::BOOKS;
    use crate::commands::programs::handbook::assert_understood;

    #[test]
    fn every_line_of_the_manuals_is_understood() {
        assert_understood(&BOOKS);
    }
}
