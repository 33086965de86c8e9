//! What llmrouter tells of itself, read by real servers: see tests/.
