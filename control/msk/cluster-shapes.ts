// Writes a cluster as Amazon MSK's API answers it: members of kafka/2018-11-14 (botocore).
import type { KafkaCluster } from '../../common/kafka-clusters.ts'

type Shape = Readonly<Record<string, unknown>>

/** What a cluster has in both versions of the API. */
function details({ servers, isOwn }: KafkaCluster): Shape {
  const { plaintext, tls, saslScram } = servers
  const encrypted = tls !== undefined || saslScram !== undefined
  const nodes = Object.values(servers).map((list: readonly string[]) => list.length)
  return {
    // Required of the shape; a machine of ours has neither subnets nor a type of instance.
    brokerNodeGroupInfo: {
      brokerAZDistribution: 'DEFAULT',
      clientSubnets: [],
      instanceType: 'kafka.local',
    },
    clientAuthentication: {
      sasl: { iam: { enabled: false }, scram: { enabled: saslScram !== undefined } },
      tls: { certificateAuthorityArnList: [], enabled: tls !== undefined },
      unauthenticated: { enabled: plaintext !== undefined || tls !== undefined },
    },
    // Of other clusters nobody knows; the structure is there because clients look into it unasked.
    currentBrokerSoftwareInfo: isOwn ? { kafkaVersion: ownKafkaVersion } : {},
    encryptionInfo: {
      encryptionInTransit: {
        clientBroker: !encrypted ? 'PLAINTEXT' : plaintext === undefined ? 'TLS' : 'TLS_PLAINTEXT',
        inCluster: false,
      },
    },
    enhancedMonitoring: 'DEFAULT',
    numberOfBrokerNodes: Math.max(1, ...nodes),
    storageMode: 'LOCAL',
  }
}

/** The protocol that the broker is held against. */
const ownKafkaVersion = '4.4.0'

function identity({ arn, name }: KafkaCluster): Shape {
  return { clusterArn: arn, clusterName: name, currentVersion: 'K1', state: 'ACTIVE', tags: {} }
}

/** ClusterInfo. */
export function clusterInfo(cluster: KafkaCluster): Shape {
  return { ...identity(cluster), ...details(cluster) }
}

/** Cluster, of the second version. */
export function clusterInfoV2(cluster: KafkaCluster): Shape {
  return { ...identity(cluster), clusterType: 'PROVISIONED', provisioned: details(cluster) }
}

/** GetBootstrapBrokersResponse. */
export function bootstrapBrokers({ servers }: KafkaCluster): Shape {
  const { plaintext, tls, saslScram } = servers
  return {
    ...(plaintext === undefined ? {} : { bootstrapBrokerString: plaintext.join(',') }),
    ...(tls === undefined ? {} : { bootstrapBrokerStringTls: tls.join(',') }),
    ...(saslScram === undefined ? {} : { bootstrapBrokerStringSaslScram: saslScram.join(',') }),
  }
}
