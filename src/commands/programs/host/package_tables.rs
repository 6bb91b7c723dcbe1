//! Packages of the distribution, as tables.

use super::{
    does::Does,
    sheet::{Sheet, table, words},
};

pub(super) const APT: Sheet = Sheet {
    flags: &[
        ("autoremove auto-remove remove", Does::Remove),
        (
            "allow-unauthenticated force-yes allow-downgrades allow-insecure-repositories reinstall allow-change-held-packages",
            Does::Alter,
        ),
        ("allow-remove-essential", Does::Remove),
        ("f fix-broken", Does::Alter),
    ],
    dry: words!("s simulate just-print dry-run recon no-act print-uris"),
    dry_verbs: words!(
        "install reinstall remove purge autoremove autopurge upgrade dist-upgrade full-upgrade safe-upgrade build-dep clean autoclean satisfy \
         dselect-upgrade hold markauto"
    ),
    ..Sheet::with_verbs(
        "package",
        table(
            words!(
                "a c o P t config-file default-release host-architecture option build-profiles target-release with-source comment format F w display-format width S sort O"
            ),
            words!(
                "0 1 2 3 4 5 6 7 8 9 V b d f h m q s u v y allow-change-held-packages allow-downgrades allow-insecure-repositories allow-releaseinfo-change \
                 allow-remove-essential allow-unauthenticated arch-only assume-no assume-yes auto-remove autoremove compile diff-only download \
                 download-only dry-run dsc-only fix-broken fix-missing fix-policy force-yes full help ignore-hold ignore-missing indep-only \
                 install-recommends install-suggests just-print list-cleanup n all-versions installed upgradable upgradeable manual-installed no-act no-allow-insecure-repositories \
                 no-download no-install-recommends no-install-suggests no-list-cleanup no-remove no-show-progress no-upgrade only-source \
                 only-upgrade print-uris purge quiet recon reinstall remove show-progress show-upgraded simulate tar-only trivial-only \
                 trust-cdrom upgrade verbose-versions version yes names-only no-strict-pinning update safe-resolver visual-preview without-recommends with-recommends assume_yes"
            ),
            words!("quiet q color"),
        ),
        &[
            (
                "list search show showsrc policy madison depends rdepends changelog check moo pkgnames stats dump unmet dotty \
                 why why-not versions help showpkg dumpavail indextargets info history",
                Does::Look,
            ),
            ("update forget-new", Does::Renew),
            (
                "install satisfy",
                Does::Install("apt-get remove what it installs anew: {}"),
            ),
            (
                "reinstall build-dep upgrade dist-upgrade full-upgrade safe-upgrade dselect-upgrade",
                Does::Install(""),
            ),
            ("hold", Does::Undo("apt-mark unhold {}")),
            ("unhold", Does::Undo("apt-mark hold {}")),
            (
                "download source",
                Does::Undo("remove what it put into this folder"),
            ),
            ("autoclean auto-clean", Does::Renew),
            ("markauto unmarkauto keep fetch", Does::Alter),
            ("edit-sources", Does::Ask),
            (
                "clean remove purge autoremove autopurge auto-remove distclean",
                Does::Remove,
            ),
        ],
    )
};

pub(super) const DNF: Sheet = Sheet {
    dry: words!("assumeno"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!(
                "R c d e x advisory advisories bz bzs comment config cve cves debuglevel destdir disableexcludes disableplugin disablerepo downloaddir \
                 enableplugin enablerepo errorlevel exclude excludepkgs forcearch installroot randomwait releasever repo repofrompath repoid rpmverbosity \
                 sec-severity secseverity setopt qf queryformat whatprovides whatrequires whatrecommends arch f add-repo file from-repo"
            ),
            words!(
                "4 6 C b h i l q r s v y all allowerasing assumeno assumeyes available best bugfix cacheonly color debugsolver deplist downloadonly \
                 enhancement extras help installed latest-limit list location newpackage nobest nodocs nogpgcheck noplugins noautoremove obsoletes provides quiet recent \
                 refresh repoquery requires resolve security skip-broken source updates upgrades userinstalled verbose version showduplicates info nvr disable enable set-enabled set-disabled save dump tree recursive autoremove"
            ),
            words!("color"),
        ),
        &[
            (
                "list ls search se info if check-update check-upgrade repolist repoinfo provides whatprovides repoquery rq updateinfo list-updateinfo deplist help \
                 module+list module+info history history+list history+info history+userinstalled group+list group+info group+summary grouplist groupinfo alias+list \
                 check repolist+all versionlock+list needs-restarting version advisory+list environment+list leaves repoclosure",
                Does::Look,
            ),
            ("makecache clean", Does::Renew),
            ("install in", Does::Install("dnf history undo last")),
            (
                "group+install groupinstall localinstall reinstall upgrade up update upgrade-minimal update-minimal distro-sync distribution-synchronization dsync downgrade builddep builddep",
                Does::Install(""),
            ),
            (
                "mark config-manager history+redo module+enable module+install versionlock copr download alias+add group+mark \
                 module+switch-to offline-upgrade",
                Does::Alter,
            ),
            ("shell", Does::Ask),
            (
                "remove rm erase autoremove history+undo history+rollback group+remove groupremove swap module+remove module+disable module+reset",
                Does::Remove,
            ),
            ("system-upgrade offline", Does::Cut),
        ],
    )
};

pub(super) const SNAP: Sheet = Sheet::with_verbs(
    "snap",
    table(
        words!("c n channel revision cohort name  color unicode  last  section"),
        words!(
            "h a v w all beta candidate classic dangerous devmode edge help jailmode no-wait purge stable enable disable time list reload abs-time verbose version ignore-validation amend ignore-running leave-cohort unaliased e d l r"
        ),
        words!("hold unhold"),
    ),
    &[
        (
            "list find search info services changes change tasks connections interface interfaces known version model warnings whoami logs saved help aliases debug+paths recovery validate get",
            Does::Look,
        ),
        ("install", Does::Install("snap remove {}")),
        ("refresh", Does::Undo("snap revert {}")),
        ("restart", Does::Restart),
        ("start", Does::Start("snap stop {}")),
        ("enable", Does::Undo("snap disable {}")),
        (
            "revert set unset save restore alias unalias prefer switch ack watch wait okay pack download try create-cohort",
            Does::Alter,
        ),
        ("run", Does::Run),
        ("login logout", Does::Ask),
        ("stop disable disconnect reboot abort", Does::Cut),
        ("connect", Does::Grant),
        ("remove forget", Does::Remove),
    ],
);

const MARK: Sheet = Sheet::with_verbs(
    "package",
    table(
        words!("f o c file option config-file"),
        words!("h v q y help version yes"),
        &[],
    ),
    &[
        (
            "showhold showholds showmanual showauto showinstall showremove showpurge ",
            Does::Look,
        ),
        ("hold", Does::Undo("apt-mark unhold {}")),
        ("unhold", Does::Undo("apt-mark hold {}")),
        ("auto", Does::Undo("apt-mark manual {}")),
        ("manual", Does::Undo("apt-mark auto {}")),
    ],
);
pub(super) const ZYPPER: Sheet = Sheet {
    dry: words!("dry-run"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!(
                "R c r p t root config repo plus-repo plus-content type from  priority name category date severity cve bugzilla b issues"
            ),
            words!(
                "0 A C D i s u v q n x y f l d a e g no-refresh non-interactive non-interactive-include-reboot-patches quiet verbose terse xmlout no-gpg-checks gpg-auto-import-keys ignore-unknown \
                 dry-run auto-agree-with-licenses no-recommends recommends force force-resolution no-confirm download-only download-in-advance details installed-only \
                 not-installed-only uninstalled-only all help version clean-deps no-clean-deps allow-vendor-change oldpackage allow-unsigned-rpm match-exact provides requires force-refresh no-color rug-compatible releasever table-style"
            ),
            &[],
        ),
        &[
            (
                "search se info if lr repos ls services lu list-updates lp list-patches ll locks pa packages pt patterns ps wp what-provides pch patch-check \
                 product-info products pd  needs-rebooting help versioncmp licenses targetos system-architecture patch-info pattern-info",
                Does::Look,
            ),
            ("ref refresh refresh-services refs", Does::Renew),
            ("install in", Does::Install("zypper remove {}")),
            (
                "update up patch dup dist-upgrade verify ve install-new-recommends inr source-install si",
                Does::Install(""),
            ),
            (
                "addlock al addrepo ar modifyrepo mr namerepo renamerepo nr clean cc addservice as modifyservice ms download cleanlocks cl",
                Does::Alter,
            ),
            ("shell sh", Does::Ask),
            (
                "remove rm removerepo rr removelock rl removeservice rs purge-kernels",
                Does::Remove,
            ),
        ],
    )
};
pub(super) const APK: Sheet = Sheet {
    dry: words!("s simulate"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!(
                "p t X root repository keys-dir repositories-file wait arch cache-dir cache-max-age progress-fd virtual o output from"
            ),
            words!(
                "a d e f h i l L q r s  u U v V w W P R x I E simulate no-cache update-cache upgrade latest available allow-untrusted quiet verbose force interactive no-progress no-network no-logfile \
                    installed upgradable orphaned origin depends provides all description exact has-origin rdepends size webpage who-owns contents license install-if replaces purge help version force-overwrite force-refresh force-broken-world initdb prune lock usermode recursive stdout"
            ),
            &[],
        ),
        &[
            (
                "info search list policy stats version dot audit verify manifest query",
                Does::Look,
            ),
            ("update", Does::Renew),
            ("add", Does::Install("apk del {}")),
            ("upgrade fix fetch index mkndx", Does::Alter),
            ("del cache", Does::Remove),
        ],
    )
};
const FLATPAK: Sheet = Sheet::with_verbs(
    "package",
    table(
        words!("arch columns branch installation"),
        words!(
            "h v y u user system app runtime all show-ref show-commit noninteractive assumeyes help version verbose reinstall or-update updates d a unused delete-data"
        ),
        &[],
    ),
    &[
        (
            "list info search remotes history ps remote-ls remote-info  documents permissions",
            Does::Look,
        ),
        ("install", Does::Install("flatpak uninstall {}")),
        (
            "update upgrade repair remote-add remote-modify override make-current create-usb mask pin",
            Does::Alter,
        ),
        ("run", Does::Run),
        ("uninstall remove remote-delete", Does::Remove),
        ("kill", Does::Kill),
    ],
);
const BREW: Sheet = Sheet {
    dry: words!("n dry-run"),
    dry_verbs: words!("install upgrade uninstall remove rm cleanup autoremove"),
    ..Sheet::with_verbs(
        "package",
        table(
            words!("file days prune"),
            words!(
                "n f q v d s h cask formula formulae casks json installed versions verbose quiet debug force help version dry-run greedy tree all zap ignore-dependencies pinned build-from-source leaves 1 l r t desc"
            ),
            words!("json"),
        ),
        &[
            (
                "list ls info search outdated deps uses config doctor leaves log cat home desc options services+list services+info commands help missing readall cache prefix",
                Does::Look,
            ),
            ("update", Does::Renew),
            ("install", Does::Install("brew uninstall {}")),
            (
                "upgrade reinstall tap link unlink pin unpin fetch postinstall bundle",
                Does::Alter,
            ),
            ("services+start", Does::Start("brew services stop {}")),
            ("services+restart", Does::Restart),
            ("services+stop services+kill", Does::Cut),
            ("uninstall remove rm autoremove cleanup untap", Does::Remove),
        ],
    )
};
const QUERY: Sheet = Sheet::of(
    "package",
    table(
        words!("f showformat admindir root"),
        words!(
            "l W L s p S c no-pager list show status listfiles search control-list control-show control-path print-avail help version load-avail V n b r a x i v h"
        ),
        &[],
    ),
    Does::Look,
);
const ASKING: Sheet = Sheet::of(
    "package",
    table(
        words!("f p frontend priority "),
        words!("h u a force no-reload default-priority unseen-only terse help version"),
        &[],
    ),
    Does::Alter,
);
const REPOSITORY: Sheet = Sheet {
    flags: &[("r remove", Does::Remove)],
    dry: words!("dry-run l list"),
    beside: words!("y yes debug"),
    ..Sheet::of(
        "repository",
        table(
            words!("P C U S p c  add-repo setopt  ppa cloud uri sourceslist pocket component"),
            words!(
                "r y n l s m u remove yes no-update update list dry-run enable-source debug massive help version enable disable save dump set-enabled set-disabled"
            ),
            &[],
        ),
        Does::Alter,
    )
};
const UPGRADES: Sheet = Sheet {
    dry: words!("dry-run"),
    ..Sheet::of(
        "package",
        table(
            &[],
            words!(
                "d v debug apt-debug verbose dry-run help minimal-upgrade-steps no-minimal-upgrade-steps download-only"
            ),
            &[],
        ),
        Does::Install(""),
    )
};
const NEEDRESTART: Sheet = Sheet {
    dry: words!("b p l k  V"),
    beside: words!("q v n c f m"),
    flags: &[("r u", Does::Alter)],
    ..Sheet::of(
        "service",
        table(
            words!("c f m  r t u"),
            words!("b k l n o p q v w V help version"),
            &[],
        ),
        Does::Alter,
    )
};

/// The sheet of a program for packages.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "apt-cache" | "debsums" | "apt-show-versions" | "apt-config" | "apt-rdepends" => &CACHE,
        "apt-mark" => &MARK,
        "apt-file" => &APT_FILE,
        "dpkg-query" => &QUERY,
        "dpkg-reconfigure" => &ASKING,
        "add-apt-repository" | "apt-add-repository" | "yum-config-manager" => &REPOSITORY,
        "flatpak" => &FLATPAK,
        "brew" => &BREW,
        "unattended-upgrade" | "unattended-upgrades" => &UPGRADES,
        "needrestart" => &NEEDRESTART,
        _ => return None,
    })
}

const CACHE: Sheet = Sheet::of(
    "package",
    table(
        words!("c o   t P a config-file option src-cache pkg-cache with-source"),
        words!(
            "f h i l n q v x F D r s u g e full quiet important installed names-only all-names all-versions recurse no-pre-depends no-depends no-recommends no-suggests no-conflicts no-breaks no-replaces no-enhances generate help version no-all-versions no-generate"
        ),
        &[],
    ),
    Does::Look,
);

const APT_FILE: Sheet = Sheet {
    verbs: &[
        ("search find list show", Does::Look),
        ("update", Does::Renew),
        ("purge", Does::Remove),
    ],
    floor: Does::Remove,
    ..CACHE
};
