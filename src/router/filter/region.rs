//! `allowed_model_region`: only deployments of that `region_name`.

use crate::error::{Error, ErrorKind};

use super::Sieve;

pub fn filter(region: &str, sieve: &mut Sieve<'_>) -> Result<(), Error> {
    let any = !sieve.left.is_empty();
    sieve.drop(|member| {
        let config = &member.deployment().config;
        let own = config.settings.text("region_name").or_else(|| config.info.text("region_name"));
        (own != Some(region)).then(|| match own {
            Some(own) => format!("its region is {own}, not {region}"),
            None => format!("it names no region, and only {region} is allowed"),
        })
    });
    if any && sieve.left.is_empty() {
        let message = format!("no deployment is in the region \"{}\"", region.escape_debug());
        return Err(Error::new(ErrorKind::NoDeploymentAvailable, message));
    }
    Ok(())
}
