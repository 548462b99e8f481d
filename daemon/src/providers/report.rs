//! What is told about providers: the list, whether one works, and which servers run on this machine.
//!
//! Neighbours: `server::providers` answers with it. Nothing here costs money: vendors are asked at their `probe`.

use std::net::SocketAddr;
use std::time::Duration;

use fenta_client::api::providers::{
    FoundServer, ProviderInfo, ProviderKey, ProviderList, ProviderRole, ProviderTest,
};
use futures_util::future::join_all;
use serde::Deserialize;

use super::choice::{Market, base_url};
use super::config::VendorConfig;
use super::http::{Answer, Ask, Http, HttpError, Limits, Reach, Url};
use super::vendor::{KeyUse, Place, Vendor};
use super::{Kind, Office, Providers, VENDORS};

/// A server on this machine answers at once, or is none.
const NEAR: Limits = Limits {
    answer: Duration::from_millis(1500),
    idle: Duration::from_millis(1500),
    total: Duration::from_secs(3),
    bytes: 1 << 20,
};

/// Models of a server that are named.
const MOST_MODELS: usize = 20;

impl Providers {
    /// Every vendor, and whether it can be asked.
    pub fn list(&self) -> ProviderList {
        let Kind::Configured(office) = &*self.kind else {
            return ProviderList {
                items: Vec::new(),
                config_file: None,
                complaint: None,
            };
        };
        let config = office.config.read();
        let keys = office.keys();
        let market = Market {
            config: &config,
            keys: &keys,
            today: office.clock.local_date().to_string(),
        };
        let path = office.config.path();
        ProviderList {
            items: VENDORS.iter().map(|vendor| market.info(vendor)).collect(),
            config_file: path.map(|path| path.to_string_lossy().into_owned()),
            complaint: config.complaint.clone(),
        }
    }

    /// Asks a vendor something that costs nothing; none where there is no such vendor.
    pub async fn test(&self, name: &str) -> Option<ProviderTest> {
        let vendor = VENDORS.iter().copied().find(|vendor| vendor.name == name)?;
        let told = |works, said: String| ProviderTest {
            vendor: name.to_owned(),
            works,
            said,
        };
        let Kind::Configured(office) = &*self.kind else {
            return Some(told(false, "no provider can be configured here".to_owned()));
        };
        Some(match office.test(vendor).await {
            Ok(said) => told(true, said),
            Err(said) => told(false, said),
        })
    }

    /// Servers of the user's that run on this machine at their usual places.
    pub async fn detect(&self) -> Vec<FoundServer> {
        let Kind::Configured(office) = &*self.kind else {
            return Vec::new();
        };
        let config = office.config.read();
        let own = VENDORS.iter().filter(|vendor| vendor.place == Place::Own);
        let asked = own.map(|vendor| {
            let url = base_url(vendor, &VendorConfig::default());
            let configured = config.vendors.contains_key(vendor.name);
            async move {
                let models = look(&office.http, vendor, &url).await?;
                Some(FoundServer {
                    vendor: vendor.name.to_owned(),
                    base_url: url.as_str().trim_end_matches('/').to_owned(),
                    models,
                    configured,
                    line: format!("[providers.{}]", vendor.name),
                })
            }
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

impl Market<'_> {
    fn info(&self, vendor: &'static Vendor) -> ProviderInfo {
        let configured = self.configured(vendor);
        let config = self.config.vendors.get(vendor.name).cloned();
        let config = config.unwrap_or_default();
        let roles = vendor.services.iter().map(|service| ProviderRole {
            role: service.role.to_string(),
            model: config
                .models
                .get(&service.role)
                .cloned()
                .or(service.usual.map(str::to_owned)),
        });
        let key = self.keys.get(vendor.name);
        ProviderInfo {
            vendor: vendor.name.to_owned(),
            roles: roles.collect(),
            own: vendor.place == Place::Own,
            base_url: match vendor.place {
                Place::Here | Place::Named => String::new(),
                Place::Hosted | Place::Own => base_url(vendor, &config)
                    .as_str()
                    .trim_end_matches('/')
                    .to_owned(),
            },
            configured: configured.is_ok() && self.config.complaint.is_none(),
            why: match configured {
                Ok(_) => String::new(),
                Err(passed) if passed.fix.is_empty() => passed.why,
                Err(passed) => format!("{}: {}", passed.why, passed.fix),
            },
            charges: vendor.charges,
            key: ProviderKey {
                needed: matches!(vendor.key, KeyUse::Needed { .. }),
                variable: vendor.key.variable().map(str::to_owned),
                source: match key {
                    Some(Ok((_, source))) => Some(source.to_string()),
                    _ => None,
                },
            },
        }
    }
}

impl Office {
    async fn test(&self, vendor: &'static Vendor) -> Result<String, String> {
        let config = self.config.read();
        if let Some(complaint) = &config.complaint {
            return Err(complaint.clone());
        }
        let keys = self.keys();
        let market = Market {
            config: &config,
            keys: &keys,
            today: self.clock.local_date().to_string(),
        };
        let config = market
            .configured(vendor)
            .map_err(|passed| match passed.fix.as_str() {
                "" => passed.why,
                fix => format!("{}: {fix}", passed.why),
            })?;
        let Some(probe) = vendor.probe else {
            return Ok("configured; this vendor has nothing that can be asked for free".to_owned());
        };
        let desk = self.desk(vendor, &config, String::new());
        let place = desk.url(probe);
        let answer = desk.get(probe, &[]).await.map_err(|error| error.message)?;
        if let Some(code) = said_no(&answer) {
            let said = String::from_utf8_lossy(&answer.body);
            return Err(desk.refused(code, &said).message);
        }
        if answer.is_ok() {
            let models = models(&answer);
            let count = match models.len() {
                0 => String::new(),
                1 => format!(", offers {}", models[0]),
                count => format!(", offers {count} models"),
            };
            return Ok(format!("{} answers{count}", super::http::shown(&place)));
        }
        let said = String::from_utf8_lossy(&answer.body);
        Err(desk.refused(answer.status, &said).message)
    }
}

/// The status in the body of an answer whose own status says yes: some vendors refuse a key like that.
fn said_no(answer: &Answer) -> Option<u16> {
    let json: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let code = json.get("code")?.as_u64()?;
    let code = u16::try_from(code).ok()?;
    (answer.is_ok() && (400..600).contains(&code)).then_some(code)
}

/// The models of a server that answers like one; none where there is none.
async fn look(http: &Http, vendor: &Vendor, url: &Url) -> Option<Vec<String>> {
    // A port that is closed says so at once; asking HTTP of it would load certificates for nothing.
    let port = url.port_or_known_default()?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let open = tokio::net::TcpStream::connect(address);
    tokio::time::timeout(NEAR.answer, open).await.ok()?.ok()?;
    let mut place = url.clone();
    let path = format!("{}/{}", url.path().trim_end_matches('/'), vendor.probe?);
    place.set_path(&path);
    let asked: Result<Answer, HttpError> =
        http.call(Ask::get(place, Reach::Configured, NEAR)).await;
    let answer = asked.ok().filter(Answer::is_ok)?;
    let json: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    json.is_object().then(|| models(&answer))
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
}

/// The models of an answer to `GET /models` of the OpenAI dialect.
fn models(answer: &Answer) -> Vec<String> {
    let listed: Result<Listed, _> = serde_json::from_slice(&answer.body);
    let data = listed.map(|listed| listed.data).unwrap_or_default();
    data.into_iter()
        .map(|model| model.id)
        .take(MOST_MODELS)
        .collect()
}
