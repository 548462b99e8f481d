//! Who may do what: one table of routes, and one question. It is asked before anything is looked up, so an answer never
//! depends on whether a thing is there or whose it is.

use fenta_client::api::auth::Scope;
use fenta_client::api::orgs::Role;

/// Who comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The organisation.
    pub org: String,
    /// The account.
    pub user: String,
    /// What it is there.
    pub role: Role,
    /// What it comes with allows.
    pub scopes: Vec<Scope>,
    /// The token or the login it came with, for the audit log.
    pub by: String,
    /// When that ends.
    pub expires_at: Option<String>,
    /// The device it stands for.
    pub device: Option<String>,
}

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it is how one gets in, or carries its own proof.
    Nothing,
    /// Being somebody: one's own things.
    Self_,
    /// Looking.
    Read,
    /// Making and changing.
    Write,
    /// Managing.
    Admin,
    /// Owning.
    Owner,
    /// Being a device.
    Sync,
    /// It is not there on a team server, for a reason.
    NotHere(&'static str),
}

const FOLDERS: &str =
    "a team server watches no folders; watch on your own machine and run there with --context";
const PROCESS: &str = "a team server is started and stopped by whoever runs it";
const MACHINE: &str = "that is about the daemon of one's own machine; ask it without --context";

/// What a route asks for. `path` begins with `/`.
pub fn need(method: &str, path: &str) -> Need {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let Some((&"v1", rest)) = parts.split_first() else {
        return match parts.as_slice() {
            ["device"] => Need::Nothing,
            _ => Need::Read,
        };
    };
    let reads = matches!(method, "GET" | "HEAD");
    match rest {
        ["health"] | ["files", ..] => Need::Nothing,
        ["auth", "login" | "refresh" | "logout"]
        | ["auth", "device"]
        | ["auth", "device", "token"] => Need::Nothing,
        ["auth", ..] => Need::Self_,
        ["daemon", ..] => Need::NotHere(PROCESS),
        ["watches", ..] => Need::NotHere(FOLDERS),
        ["sync", "status" | "target" | "now" | "verify" | "rebuild"] | ["providers", "detect"] => {
            Need::NotHere(MACHINE)
        }
        ["sync", "devices"] => Need::Admin,
        ["sync", ..] => Need::Sync,
        ["blobs", ..] if !reads => Need::Write,
        ["metrics"] => {
            Need::NotHere("its numbers are for whoever runs it, on the server's own socket")
        }
        ["audit-logs", ..] => Need::Admin,
        ["org"] if !reads => Need::Owner,
        ["members", ..] if !reads => Need::Admin,
        ["projects", ..] if method == "DELETE" => Need::Admin,
        ["cache", ..] | ["providers", ..] if !reads => Need::Admin,
        // It makes nothing and costs nothing.
        ["workflows", "plan" | "validate" | "estimate"] => Need::Read,
        ["workflows", _, "estimate"] => Need::Read,
        _ if reads => Need::Read,
        _ => Need::Write,
    }
}

/// Whether somebody may, by what they are and by what they come with. The error says what it takes.
pub fn may(caller: &Caller, need: Need) -> Result<(), String> {
    let has = |scope: Scope| caller.scopes.contains(&scope);
    let (role, scope, fits) = match need {
        Need::Nothing => return Ok(()),
        Need::NotHere(why) => return Err(why.to_owned()),
        Need::Sync if caller.device.is_some() && has(Scope::Sync) => return Ok(()),
        Need::Sync => return Err("only the credential of a device may do this".to_owned()),
        Need::Self_ => {
            let person = has(Scope::Read) || has(Scope::Write) || has(Scope::Admin);
            (Role::Viewer, Scope::Read, person)
        }
        Need::Read => (
            Role::Viewer,
            Scope::Read,
            has(Scope::Read) || has(Scope::Write) || has(Scope::Admin),
        ),
        Need::Write => (
            Role::Editor,
            Scope::Write,
            has(Scope::Write) || has(Scope::Admin),
        ),
        Need::Admin => (Role::Admin, Scope::Admin, has(Scope::Admin)),
        Need::Owner => (Role::Owner, Scope::Admin, has(Scope::Admin)),
    };
    if caller.role < role {
        return Err(format!(
            "this takes the role {}; you are {} here",
            role.as_str(),
            caller.role.as_str()
        ));
    }
    if !fits {
        return Err(format!(
            "the token does not have the scope {}",
            scope.as_str()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, scopes: &[Scope]) -> Caller {
        Caller {
            org: "org_1".to_owned(),
            user: "user_1".to_owned(),
            role,
            scopes: scopes.to_vec(),
            by: "tok_1".to_owned(),
            expires_at: None,
            device: None,
        }
    }

    #[test]
    fn routes_ask_for_what_they_do() {
        for (method, path, wanted) in [
            ("POST", "/v1/auth/login", Need::Nothing),
            ("GET", "/v1/files/org_1/x", Need::Nothing),
            ("GET", "/v1/auth/me", Need::Self_),
            ("POST", "/v1/auth/device/approve", Need::Self_),
            ("GET", "/v1/jobs", Need::Read),
            ("POST", "/v1/jobs", Need::Write),
            ("POST", "/v1/jobs/job_1/cancel", Need::Write),
            ("DELETE", "/v1/schedules/sch_1", Need::Write),
            ("POST", "/v1/workflows/plan", Need::Read),
            ("POST", "/v1/workflows/wf_1/run", Need::Write),
            ("GET", "/v1/members", Need::Read),
            ("PATCH", "/v1/members/user_1", Need::Admin),
            ("GET", "/v1/audit-logs", Need::Admin),
            ("DELETE", "/v1/org", Need::Owner),
            ("POST", "/v1/sync/records", Need::Sync),
            ("POST", "/v1/cache/gc", Need::Admin),
            ("PUT", "/v1/blobs/x:1", Need::Write),
            ("GET", "/v1/unheard-of", Need::Read),
            ("BREW", "/v1/unheard-of", Need::Write),
            ("GET", "/", Need::Read),
        ] {
            assert_eq!(need(method, path), wanted, "{method} {path}");
        }
        for path in [
            "/v1/daemon/stop",
            "/v1/watches",
            "/v1/watches/w/files",
            "/v1/metrics",
            "/v1/sync/now",
        ] {
            assert!(matches!(need("POST", path), Need::NotHere(_)), "{path}");
        }
    }

    #[test]
    fn slashes_make_no_other_route() {
        assert!(matches!(need("POST", "/v1//daemon/stop"), Need::NotHere(_)));
        assert_eq!(need("GET", "/v1/audit-logs/"), Need::Admin);
        assert_eq!(need("DELETE", "//v1/org"), Need::Owner);
    }

    #[test]
    fn roles_and_scopes_both_have_to_allow_it() {
        let all = [Scope::Read, Scope::Write, Scope::Admin];
        let steps = [Need::Read, Need::Write, Need::Admin, Need::Owner];
        for (rank, role) in Role::ALL.into_iter().enumerate() {
            for (step, need) in steps.into_iter().enumerate() {
                let allowed = may(&caller(role, &all), need).is_ok();
                assert_eq!(allowed, step <= rank, "{role:?} {need:?}");
            }
            assert!(may(&caller(role, &all), Need::Sync).is_err());
            assert!(may(&caller(role, &[Scope::Sync]), Need::Read).is_err());
        }
        let owner = |scopes: &[Scope]| caller(Role::Owner, scopes);
        assert!(may(&owner(&[Scope::Read]), Need::Write).is_err());
        assert!(may(&owner(&[Scope::Write]), Need::Read).is_ok());
        assert!(may(&owner(&[Scope::Write]), Need::Admin).is_err());
        let mut device = owner(&[Scope::Sync]);
        device.device = Some("dev_1".to_owned());
        assert!(may(&device, Need::Sync).is_ok());
        assert!(may(&device, Need::Self_).is_err());
    }
}
