//! What methods of the shell and commands of the server do.

use crate::commands::programs::{manual::Does, names::listed};

const READING: &str = " find findOne count countDocuments estimatedDocumentCount distinct aggregate explain stats dataSize storageSize totalSize totalIndexSize getIndexes getIndexKeys \
    getIndices getCollectionNames getCollectionInfos getCollection getSiblingDB getDB getMongo getName getDBNames getDBs listDatabases listCollections listCommands serverStatus hostInfo serverBuildInfo version currentOp \
    isMaster hello status conf config printReplicationInfo printSecondaryReplicationInfo printSlaveReplicationInfo printShardingStatus getReplicationInfo getProfilingStatus \
    getProfilingLevel getUsers getUser getRoles getRole limit skip sort pretty toArray hasNext next forEach map size itcount batchSize hint maxTimeMS projection readPref printjson \
    print tojson stringify ObjectId ISODate NumberLong NumberInt NumberDecimal Date Timestamp UUID BinData Math round floor ceil getBalancerState isBalancerRunning validate \
    getShardDistribution latencyStats quit exit filter reduce push join keys values entries toString toISOString getTime valueOf includes indexOf length slice concat sleep collation \
    comment readConcern allowDiskUse help getReadPrefMode setReadPref secondaryOk slaveOk setSecondaryOk if for while switch function catch return typeof in of Number String \
    parseInt parseFloat Array Object isArray indexStats indexSizes totalIndexSizes getLogComponents serverCmdLineOpts isCapped getOptions \
    tryNext close isExhausted objsLeftInBatch getShardVersion getShardMap watch getClusterTime startSession abs min max now toFixed padEnd padStart repeat split trim some every fill sum log error \
    getPlanCache list getQueryShapes listSearchIndexes getSearchIndexes ";
const CHANGING: &str = " insert insertOne insertMany update updateOne updateMany replaceOne save findAndModify findOneAndUpdate findOneAndReplace bulkWrite createIndexes createCollection \
    createView renameCollection setProfilingLevel fsyncUnlock convertToCapped reIndex compact add addArb reconfig initiate freeze enableSharding shardCollection \
    startBalancer stopBalancer setBalancerState moveChunk splitAt splitFind hideIndex unhideIndex setLogLevel logout addShard addShardTag addTagRange disableBalancing enableBalancing \
    createSearchIndex updateSearchIndex resetError runReadCommand flushRouterConfig syncFrom auth startTransaction commitTransaction abortTransaction clear setFeatureCompatibilityVersion ";
const DELETING: &str = " drop dropDatabase dropIndex dropIndexes deleteOne deleteMany remove findOneAndDelete dropSearchIndex removeShardTag removeTagRange ";
const CUTTING: &str =
    " fsyncLock killOp shutdownServer stepDown killSessions killAllSessions removeShard ";
const RIGHTS: &str = " createUser dropUser updateUser dropAllUsers grantRolesToUser revokeRolesFromUser createRole dropRole updateRole dropAllRoles grantPrivilegesToRole \
    revokePrivilegesFromRole grantRolesToRole revokeRolesFromRole ";

const READ_COMMANDS: &str = " ping serverStatus replSetGetStatus replSetGetConfig buildInfo buildinfo hostInfo listDatabases listCollections listIndexes dbStats dbstats collStats collstats currentOp \
    isMaster ismaster hello getParameter getCmdLineOpts getLog connectionStatus top count distinct find explain usersInfo rolesInfo balancerStatus connPoolStats getShardMap listShards \
    whatsmyuri features validate dataSize replSetGetRBID listCommands lockInfo isdbgrid shardConnPoolStats atlasVersion availableQueryOptions ";
const CHANGE_COMMANDS: &str = " setParameter logRotate fsync fsyncUnlock compact create createIndexes insert update findAndModify findandmodify setFeatureCompatibilityVersion replSetReconfig resync \
    enableSharding shardCollection moveChunk movePrimary split balancerStart balancerStop profile collMod flushRouterConfig reIndex renameCollection replSetInitiate replSetSyncFrom addShard \
    replSetMaintenance replSetFreeze setDefaultRWConcern aggregate cloneCollectionAsCapped convertToCapped ";
const DELETE_COMMANDS: &str = " delete drop dropDatabase dropIndexes removeShard deleteIndexes ";
const CUT_COMMANDS: &str = " shutdown killOp killSessions killAllSessions killAllSessionsByPattern killCursors replSetStepDown replSetAbortPrimaryCatchUp ";

/// What a method of this name does.
pub(super) fn method(name: &str) -> Does {
    match name {
        "createIndex" | "ensureIndex" => Does::Make("dropIndex it"),
        "changeUserPassword" => Does::Code,
        name if listed(READING, name) => Does::Read,
        name if listed(CHANGING, name) => Does::Change,
        name if listed(DELETING, name) => Does::Delete,
        name if listed(CUTTING, name) => Does::Cut,
        name if listed(RIGHTS, name) => Does::Access,
        _ => Does::Unknown,
    }
}

/// What a command of this name does.
pub(super) fn command(name: &str) -> Does {
    match name {
        name if listed(READ_COMMANDS, name) => Does::Read,
        name if listed(CHANGE_COMMANDS, name) => Does::Change,
        name if listed(DELETE_COMMANDS, name) => Does::Delete,
        name if listed(CUT_COMMANDS, name) => Does::Cut,
        name if listed(RIGHTS, name) => Does::Access,
        _ => Does::Unknown,
    }
}
