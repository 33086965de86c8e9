//! The top level of a file. `router_settings` names are read here too, since LiteLLM's Python form is flat.

use super::callbacks::CALLBACK_SETTINGS;
use super::deployment::DEPLOYMENT;
use super::general::GENERAL_SETTINGS;
use super::litellm::LITELLM_SETTINGS;
use super::llmrouter::LLMROUTER_SETTINGS;
use super::router::{ROUTER, ROUTER_SETTINGS};
use super::{Key, Kind, Section, Unknown, now, proxy};

pub const TOP: Section = Section { name: "the top level", tables: &[TABLE, ROUTER], unknown: Unknown::Ignored };

const TABLE: &[Key] = &[
    now("model_list", Kind::ListOf(&Kind::Section(&DEPLOYMENT))),
    now("router_settings", Kind::Section(&ROUTER_SETTINGS)),
    now("litellm_settings", Kind::Section(&LITELLM_SETTINGS)),
    now("general_settings", Kind::Section(&GENERAL_SETTINGS)),
    now("llmrouter_settings", Kind::Section(&LLMROUTER_SETTINGS)),
    // These three are taken out before the check: by the callbacks, by the environment, and where files are read.
    now("callback_settings", Kind::Section(&CALLBACK_SETTINGS)),
    now("environment_variables", Kind::Map),
    now("include", Kind::Texts),
    proxy("agent_list"),
    proxy("agents"),
    proxy("assistant_settings"),
    proxy("classifier_plugin"),
    proxy("credential_list"),
    proxy("default_vertex_config"),
    proxy("files_settings"),
    proxy("finetune_settings"),
    proxy("guardrails"),
    proxy("mcp_servers"),
    proxy("mcp_tools"),
    proxy("pass_through_endpoints"),
    proxy("policies"),
    proxy("policy_attachments"),
    proxy("prompts"),
    proxy("sandbox_tools"),
    proxy("vector_store_registry"),
    proxy("worker_registry"),
];
