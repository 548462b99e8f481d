//! Providers: who can be asked from the daemon's machine, whether their keys work, and servers that could be used.

use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Every vendor the daemon knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProviderList {
    /// In the order they are tried where a document names nobody.
    pub items: Vec<ProviderInfo>,
    /// The file that configures them; none where the daemon has no home folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<String>,
    /// What is wrong with that file, so that nothing of it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
}

/// A vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProviderInfo {
    /// Its name in documents, before the colon.
    pub vendor: String,
    /// What it can be asked to be.
    pub roles: Vec<ProviderRole>,
    /// Whether it is a server of the user's.
    pub own: bool,
    /// Where it answers.
    pub base_url: String,
    /// Whether it can be asked.
    pub configured: bool,
    /// Why not, and what would help; empty when it can.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Whether calls may cost money.
    pub charges: bool,
    /// Its key.
    pub key: ProviderKey,
}

/// A role a vendor plays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProviderRole {
    /// The role's name.
    pub role: String,
    /// The model that is meant where only the vendor is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// The key of a vendor; never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProviderKey {
    /// Whether it does not answer without.
    pub needed: bool,
    /// The variable of the daemon's environment that may hold it; none where it takes no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Where one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Whether a vendor answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProviderTest {
    /// The vendor.
    pub vendor: String,
    /// Whether it answered, and took the key where it takes one.
    pub works: bool,
    /// What was found, in one line.
    pub said: String,
}

/// A server on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FoundServer {
    /// Which vendor it is.
    pub vendor: String,
    /// Where it answers.
    pub base_url: String,
    /// The models it offers, as far as it says.
    pub models: Vec<String>,
    /// Whether it is configured already.
    pub configured: bool,
    /// What to write into config.toml to use it.
    pub line: String,
}

impl Client {
    /// Every vendor.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub async fn providers(&self) -> Result<ProviderList, ClientError> {
        self.call(Call::get(&["v1", "providers"])).await
    }

    /// Asks a vendor something that costs nothing, with the key that is configured.
    ///
    /// # Errors
    /// When the daemon cannot be asked, or knows no such vendor.
    pub async fn test_provider(&self, vendor: &str) -> Result<ProviderTest, ClientError> {
        let path = ["v1", "providers", vendor, "test"];
        self.call(Call::post(&path, Repeat::Safe)).await
    }

    /// Looks for servers on this machine's usual ports.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub async fn detect_providers(&self) -> Result<Vec<FoundServer>, ClientError> {
        let path = ["v1", "providers", "detect"];
        self.call(Call::post(&path, Repeat::Safe)).await
    }
}
