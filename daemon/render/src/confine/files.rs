//! The door to Landlock: which files this process can still reach, whatever it is made to do.
//!
//! Neighbours: `mod` decides what is granted. Network and signals to other processes are refused here as well where
//! the kernel's version can do it; `calls` refuses them everywhere.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};

use super::Grants;

/// The newest version whose rules this module knows; older kernels take what they understand of it.
const NEWEST: ABI = ABI::V6;

/// Leaves this process what is granted and refuses everything else; the version of the rules in force, or none on a
/// kernel without them.
pub(super) fn allow_only(grants: &Grants) -> Result<Option<u32>, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    rules = add(rules, &grants.read, AccessFs::ReadFile | AccessFs::ReadDir)?;
    rules = add(rules, &grants.run, AccessFs::ReadFile | AccessFs::Execute)?;
    if let Some(folder) = &grants.write {
        rules = add(rules, std::slice::from_ref(folder), own_folder())?;
    }
    let status = rules.restrict_self()?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => None,
        (_, LandlockStatus::Available { effective_abi, .. }) => Some(effective_abi as u32),
        _ => None,
    })
}

/// Plain files of its own, made, read, written, renamed and removed; no devices, sockets or links.
fn own_folder() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
}

/// What does not exist cannot be granted: whoever opens it hears so.
fn add(
    mut rules: RulesetCreated,
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    for path in paths {
        let Ok(place) = PathFd::new(path) else {
            continue;
        };
        rules = rules.add_rule(PathBeneath::new(place, fitting(path, access)))?;
    }
    Ok(rules)
}

/// Rights over folders mean nothing on a file.
fn fitting(path: &Path, access: BitFlags<AccessFs>) -> BitFlags<AccessFs> {
    if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    }
}
