//! What a vendor is: where it answers, what it can be asked to be, and what its key is called.
//!
//! A vendor is a constant in a file of its own; [`super::VENDORS`] lists them.

use std::sync::Arc;

use fenta_workflows::models::Role;

use super::desk::Desk;
use crate::executors::Provider;

/// A vendor.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// Its name, as documents write it before the colon.
    pub name: &'static str,
    /// Where it answers: its documented address, or the usual one of a server on this machine.
    pub base_url: &'static str,
    /// Whose computer it is.
    pub place: Place,
    /// Its key.
    pub key: KeyUse,
    /// How its key is sent.
    pub sends: KeyStyle,
    /// A path below its address that answers a GET for nothing, and says no to a wrong key; none where there is none.
    pub probe: Option<&'static str>,
    /// Whether a call may cost money. One that costs nothing is made again when its answer was lost.
    pub charges: bool,
    /// What it can be asked to be.
    pub services: &'static [Service],
}

/// Whose computer a vendor's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The vendor's.
    Hosted,
    /// The user's: it counts only where config.toml names it.
    Own,
    /// This one: what it does is done by the program itself, and always can be. It has no address.
    Here,
    /// Whichever a document names: there is no address to configure.
    Named,
}

/// Whether a vendor takes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// It does not answer without.
    Needed {
        /// The variable of the daemon's environment that holds it.
        variable: &'static str,
    },
    /// It answers without, and takes one where its owner asks for one.
    Welcome {
        /// The variable of the daemon's environment that holds it.
        variable: &'static str,
    },
    /// It takes none.
    None,
}

/// How a key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStyle {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization:` with this word before it, for example `Key `.
    Word(&'static str),
    /// In this header, as it is.
    Header(&'static str),
    /// In this parameter of the query, where a vendor takes it nowhere else.
    Query(&'static str),
}

impl KeyUse {
    /// The variable that holds the key.
    pub const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Needed { variable } | Self::Welcome { variable } => Some(variable),
            Self::None => None,
        }
    }
}

/// A role a vendor can play.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The role.
    pub role: Role,
    /// The model that is meant where only the vendor is named; none where one must be named.
    pub usual: Option<&'static str>,
    /// The adapter.
    pub open: fn(Desk) -> Arc<dyn Provider>,
}

impl Vendor {
    /// What it does in a role.
    pub fn service(&self, role: Role) -> Option<&Service> {
        self.services.iter().find(|service| service.role == role)
    }
}
