//! Reading the logs of containers.

use super::lines::Lines;
use crate::{
    actions::framework::World,
    ports::cluster::{ClusterError, Container, LogsOf},
};

/// Bytes that wait between the server and the lines.
const WAITING: usize = 64 * 1024;

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::actions::kubernetes) struct Source {
    pub(in crate::actions::kubernetes) pod: String,
    pub(in crate::actions::kubernetes) container: String,
}

/// What of a container's log is read, and where.
#[derive(Debug, Clone, Copy)]
pub(in crate::actions::kubernetes) struct Wanted<'a> {
    pub(in crate::actions::kubernetes) cluster: &'a str,
    pub(in crate::actions::kubernetes) namespace: &'a str,
    pub(in crate::actions::kubernetes) previous: bool,
    pub(in crate::actions::kubernetes) since_seconds: Option<u32>,
    pub(in crate::actions::kubernetes) tail_lines: Option<u32>,
    pub(in crate::actions::kubernetes) follow: bool,
}

/// Why a log was not read to its end.
#[derive(Debug)]
pub(in crate::actions::kubernetes) enum Fault {
    /// The container has none: it waits for its start, or was never started before.
    Nothing(String),
    /// The server.
    Cluster(ClusterError),
    /// What came could not be kept.
    NotKept(std::io::Error),
}

impl Source {
    /// What stands before each line where there are several.
    pub(in crate::actions::kubernetes) fn prefix(&self) -> String {
        format!("{}/{}: ", self.pod, self.container)
    }

    /// Reads it into these lines, each behind the prefix.
    pub(in crate::actions::kubernetes) async fn read(
        &self,
        wanted: Wanted<'_>,
        prefix: &str,
        lines: &mut Lines,
        world: &World,
    ) -> Result<(), Fault> {
        let (mut near, far) = tokio::io::duplex(WAITING);
        let of = LogsOf {
            container: Container {
                namespace: wanted.namespace,
                pod: &self.pod,
                container: Some(&self.container),
            },
            previous: wanted.previous,
            since_seconds: wanted.since_seconds,
            tail_lines: wanted.tail_lines,
            follow: wanted.follow,
        };
        let reading = async move { world.clusters.logs(wanted.cluster, of, &mut near).await };
        let (read, taken) = tokio::join!(reading, lines.take(prefix, far));
        taken.map_err(Fault::NotKept)?;
        match read {
            Ok(()) => Ok(()),
            Err(ClusterError::Refused { code: 400, message }) => Err(Fault::Nothing(message)),
            Err(ClusterError::NotFound(what)) => Err(Fault::Nothing(format!("{what} is gone"))),
            Err(error) => Err(Fault::Cluster(error)),
        }
    }
}
