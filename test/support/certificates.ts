// Makes certificates for tests of TLS: an authority's, and a server's and a client's that it has signed.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

const common = { keyType: 'ec', algorithm: 'sha256' } as const
const nameOf = (value: string) => [{ name: 'commonName', value }]

export async function makeAuthority(name = 'authority'): Promise<Certificate> {
  const { cert, private: key } = await generate(nameOf(name), {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return { cert, key }
}

/** For `localhost` and 127.0.0.1, as server or as client. */
export async function makeCertificate(authority: Certificate, name: string): Promise<Certificate> {
  const { cert, private: key } = await generate(nameOf(name), {
    ...common,
    ca: authority,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { cert, key }
}

/** Paths of a certificate's two files in a directory. */
export async function writeCertificate(
  directory: string,
  { cert, key }: Certificate,
): Promise<{ kafkaTlsCertificate: string; kafkaTlsKey: string }> {
  const paths = {
    kafkaTlsCertificate: join(directory, 'cert.pem'),
    kafkaTlsKey: join(directory, 'key.pem'),
  }
  await writeFile(paths.kafkaTlsKey, key)
  await writeFile(paths.kafkaTlsCertificate, cert)
  return paths
}
