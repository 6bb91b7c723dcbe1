//! Users and groups. Whoever may come in, and as whom, is access control.

use super::{
    does::Does,
    sheet::{Sheet, table, words},
};

const fn grants(table: crate::commands::flags::Table, dry: &'static [&'static str]) -> Sheet {
    Sheet {
        dry,
        beside: words!("a all q quiet i iso8601 f file s strict R root"),
        ..Sheet::of("user", table, Does::Grant)
    }
}

const USERADD: Sheet = grants(
    table(
        words!(
            "A b c d e f G g k K M Q p P R s S u v V w W Z base-dir comment expiredate gid groups home home-dir inactive key login password prefix root selinux-user \
             shell skel uid add-subuids del-subuids add-subgids del-subgids administrators members conf firstuid lastuid ingroup gecos new-name"
        ),
        words!(
            "a D F h l L m N o r U badname create-home defaults help no-create-home no-log-init no-user-group non-unique system user-group append lock \
             move-home remove unlock force disabled-password disabled-login quiet group remove-home remove-all-files backup version users"
        ),
        &[],
    ),
    &[],
);
const PASSWD: Sheet = grants(
    table(
        words!("i n w x r R repository root inactive mindays warndays maxdays"),
        words!(
            "a d e h k l q S u f delete expire help keep-tokens lock quiet status unlock all stdin version"
        ),
        &[],
    ),
    words!("S status"),
);
const CHAGE: Sheet = grants(
    table(
        words!("d E I m M R W expiredate inactive lastday maxdays mindays root warndays"),
        words!("h i l help iso8601 list"),
        &[],
    ),
    words!("l list"),
);
const VISUDO: Sheet = grants(
    table(
        words!("f file x export"),
        words!("c h I O P q s V check help no-includes owner perms quiet strict version"),
        &[],
    ),
    words!("c check"),
);
const CHECKING: Sheet = grants(
    table(
        words!("R root"),
        words!("q r s h quiet read-only sort help g badname"),
        &[],
    ),
    words!("r read-only"),
);

/// The sheet of a program for users.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "useradd" | "adduser" | "usermod" | "userdel" | "deluser" | "groupadd" | "addgroup"
        | "groupmod" | "groupdel" | "delgroup" | "gpasswd" | "chsh" | "chfn" | "newusers"
        | "groupmems" | "luseradd" | "luserdel" | "lusermod" => &USERADD,
        "passwd" => &PASSWD,
        "chpasswd" | "chgpasswd" | "vipw" | "vigr" | "pwconv" | "pwunconv" | "grpconv"
        | "grpunconv" | "authselect" | "authconfig" | "pam-auth-update" | "realm" | "smbpasswd"
        | "pdbedit" | "htpasswd" | "kadmin" | "kadmin.local" | "ldappasswd" => &ANY,
        "chage" => &CHAGE,
        "visudo" => &VISUDO,
        "pwck" | "grpck" => &CHECKING,
        _ => return None,
    })
}

const ANY: Sheet = grants(
    table(
        words!("c f r p w q"),
        words!("e m s S h g L v V b B n i help version list"),
        &[],
    ),
    &[],
);
