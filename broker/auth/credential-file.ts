// Keeps SCRAM credentials in a file of their own, readable by its owner alone, replaced as a whole.
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError, reasonOf, systemCode } from '../../common/errors.ts'
import { scramMechanisms, type ScramCredential, type ScramMechanism } from './scram.ts'

/** User → mechanism → credential. */
export type Credentials = ReadonlyMap<string, ReadonlyMap<ScramMechanism, ScramCredential>>

interface Line {
  readonly user: string
  readonly mechanism: ScramMechanism
  readonly iterations: number
  readonly salt: string
  readonly storedKey: string
  readonly serverKey: string
}

/** Empty where there is no file. Rejects with AppError STORAGE_FAILED, also where it is not what was written. */
export async function readCredentials(file: string): Promise<Credentials> {
  const credentials = new Map<string, Map<ScramMechanism, ScramCredential>>()
  try {
    const text = await readFile(file, 'utf8')
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const { user, mechanism, credential } = parseLine(line)
      const ofUser = credentials.get(user) ?? new Map<ScramMechanism, ScramCredential>()
      credentials.set(user, ofUser.set(mechanism, credential))
    }
    return credentials
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return credentials
    throw failed('read', file, error)
  }
}

/** On the disk when it resolves; a crash leaves the old file or the new. Rejects with AppError STORAGE_FAILED. */
export async function writeCredentials(file: string, credentials: Credentials): Promise<void> {
  const temporary = `${file}.tmp`
  try {
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(linesOf(credentials))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
    const directory = await open(dirname(file), 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    throw failed('write', file, error)
  }
}

function linesOf(credentials: Credentials): string {
  const lines = [...credentials].flatMap(([user, ofUser]) =>
    [...ofUser].map(([mechanism, credential]): Line => ({
      user,
      mechanism,
      iterations: credential.iterations,
      salt: credential.salt.toString('base64'),
      storedKey: credential.storedKey.toString('base64'),
      serverKey: credential.serverKey.toString('base64'),
    })),
  )
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

function parseLine(text: string): {
  user: string
  mechanism: ScramMechanism
  credential: ScramCredential
} {
  const line = JSON.parse(text) as Partial<Record<keyof Line, unknown>>
  const { user, mechanism, iterations } = line
  const isKnown = typeof mechanism === 'string' && Object.hasOwn(scramMechanisms, mechanism)
  if (typeof user !== 'string' || !isKnown || typeof iterations !== 'number') {
    throw new Error('a line of it is no credential')
  }
  return {
    user,
    mechanism: mechanism as ScramMechanism,
    credential: {
      iterations,
      salt: bytesOf(line.salt),
      storedKey: bytesOf(line.storedKey),
      serverKey: bytesOf(line.serverKey),
    },
  }
}

function bytesOf(value: unknown): Buffer {
  if (typeof value !== 'string' || value === '') throw new Error('a line of it is no credential')
  return Buffer.from(value, 'base64')
}

function failed(operation: string, file: string, cause: unknown): AppError {
  return new AppError('STORAGE_FAILED', { operation, file, reason: reasonOf(cause) }, cause)
}
