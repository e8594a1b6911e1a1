//! Who looks at the plan's database.

use color_eyre::eyre::Result;

use super::Composer;
use crate::{
    adapter::cloud_sql::{self, CloudSqlSensor},
    domain::age,
    port::Sensor,
};

impl Composer<'_> {
    /// The plan's primary and replicas.
    pub(super) fn databases(&self) -> Result<Vec<Box<dyn Sensor>>> {
        let mut sensors: Vec<Box<dyn Sensor>> = Vec::new();
        for instance in self.plan.database.iter().flat_map(|database| std::iter::once(&database.primary).chain(&database.replicas)) {
            let config = cloud_sql::Config {
                source: format!("sql/{instance}").parse()?,
                project: self.plan.project.to_string(),
                instance: instance.clone(),
                every: age::DATABASE_EVERY,
                now: self.now(),
            };
            let (sql, monitoring) = (self.google("sqladmin.googleapis.com")?, self.google("monitoring.googleapis.com")?);
            sensors.push(Box::new(CloudSqlSensor::new(config, sql, monitoring)));
        }
        Ok(sensors)
    }
}
