// Makes a directory as a killed process leaves it: with files, and a socket at which nobody listens.
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

export async function leaveDirectory(directory: string): Promise<void> {
  await mkdir(join(directory, '0', 'deep'), { recursive: true })
  await writeFile(join(directory, '0', 'deep', 'file'), 'x')
  const server = createServer()
  await once(server.listen(join(directory, 'made')), 'listening')
  // The end of the server removes the name that it was made under.
  await rename(join(directory, 'made'), join(directory, 'alive'))
  await once(server.close(), 'close')
}
