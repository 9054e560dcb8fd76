// What each kind of broker that the suite wants is started with, and what its clients are told of it.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { succeed } from '../peers/tool.ts'
import { makeAuthority, makeCertificate } from '../support/certificates.ts'
import type { Scenario } from './suite.ts'

export interface Surroundings {
  readonly brokerArgs: readonly string[]
  /** Lines of `test.conf`. */
  readonly config: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

// The suite was written for Kafka's defaults: a group waits for more members before its first rebalance (two
// consumers of one thread count on it), and records of 1970 outlive the test, since retention looks every five minutes.
const always = [
  '--num-partitions',
  '4',
  '--retention-ms=-1',
  '--group-initial-rebalance-delay',
  '1s',
]

const password = 'secret'

/** The folder gets the files that broker and clients read. */
export async function surround(scenario: Scenario, folder: string): Promise<Surroundings> {
  const found = await makers[scenario](folder)
  return { ...found, brokerArgs: [...always, '--log-level', 'debug', ...found.brokerArgs] }
}

const makers: Record<Scenario, (folder: string) => Surroundings | Promise<Surroundings>> = {
  default: () => ({ brokerArgs: [], config: [], env: {} }),
  noautocreate: () => ({ brokerArgs: ['--no-auto-create-topics'], config: [], env: {} }),
  ssl: withCertificates,
  sasl: withLogin,
}

async function withLogin(folder: string): Promise<Surroundings> {
  const users = join(folder, 'users')
  await writeFile(users, `ann:${password}\n`)
  return {
    brokerArgs: ['--kafka-security', 'sasl_plaintext', '--kafka-users', users],
    config: [
      'security.protocol=sasl_plaintext',
      'sasl.mechanism=SCRAM-SHA-256',
      'sasl.username=ann',
      `sasl.password=${password}`,
    ],
    env: {},
  }
}

/** Certificates in every encoding that librdkafka reads, as the suite's own cluster tool would make them. */
async function withCertificates(folder: string): Promise<Surroundings> {
  const path = (name: string): string => join(folder, name)
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(path(name), text)
    return path(name)
  }
  const convert = async (name: string, args: readonly string[]): Promise<string> => {
    await succeed('openssl', [...args, '-out', path(name)])
    return path(name)
  }
  const authority = await makeAuthority()
  const other = await makeAuthority('other')
  const server = await makeCertificate(authority, 'broker')
  const client = await makeCertificate(authority, 'client')
  const ca = await write('ca.pem', authority.cert)
  const cert = await write('client.pem', client.cert)
  const key = await write('client.key', client.key)
  const bundle = ['-inkey', key, '-in', cert, '-certfile', ca, '-passout', `pass:${password}`]
  return {
    brokerArgs: [
      '--kafka-security=ssl',
      `--kafka-tls-client-authority=${ca}`,
      `--kafka-tls-certificate=${await write('broker.pem', server.cert)}`,
      `--kafka-tls-key=${await write('broker.key', server.key)}`,
    ],
    config: [
      'security.protocol=ssl',
      `ssl.ca.location=${ca}`,
      `ssl.certificate.location=${cert}`,
      `ssl.key.location=${key}`,
      `ssl.key.password=${password}`,
    ],
    env: {
      SSL_password: password,
      SSL_pub_pem: cert,
      SSL_priv_pem: key,
      SSL_all_cas_pem: await write('all.pem', `${authority.cert}\n${other.cert}`),
      SSL_pub_der: await convert('client.der', ['x509', '-in', cert, '-outform', 'der']),
      SSL_priv_der: await convert('client-key.der', ['pkey', '-in', key, '-outform', 'der']),
      SSL_ca_der: await convert('ca.der', ['x509', '-in', ca, '-outform', 'der']),
      SSL_pkcs: await convert('client.p12', ['pkcs12', '-export', ...bundle]),
    },
  }
}
