// Takes pictures of web pages with a headless Chromium.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { withPalette } from './palette-png.ts'

const pictureWithinMs = 60_000

/** The program of this machine; throws a sentence with the command that installs it. */
export function findChromium(): string {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    if (spawnSync(name, ['--version']).status === 0) return name
  }
  throw new Error('there is no Chromium; install it: sudo apt-get install chromium')
}

export interface Picture {
  /** Of the page, a file of this machine. */
  readonly page: string
  /** Of the PNG. */
  readonly path: string
  readonly widthPixels: number
  readonly heightPixels: number
  readonly signal: AbortSignal
}

/** Rejects with what Chromium said when it takes none. */
export async function takePicture(chromium: string, picture: Picture): Promise<void> {
  const { page, path, widthPixels, heightPixels, signal } = picture
  const directory = await mkdtemp(join(tmpdir(), 'millrace-chromium-'))
  const shot = join(directory, 'shot.png')
  try {
    await run(chromium, AbortSignal.any([signal, AbortSignal.timeout(pictureWithinMs)]), [
      '--headless',
      // A container's root has no sandbox; the page is our own and loads nothing.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--hide-scrollbars',
      // Coloured edges of letters would double the size of the file.
      '--disable-lcd-text',
      `--user-data-dir=${join(directory, 'profile')}`,
      `--window-size=${widthPixels},${heightPixels}`,
      `--screenshot=${shot}`,
      pathToFileURL(page).href,
    ])
    await writeFile(path, withPalette(await readFile(shot)))
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

function run(program: string, signal: AbortSignal, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], signal })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0 && said.includes('bytes written to file')) resolve()
      else reject(new Error(`${program} ended with ${code}: ${said.slice(-2000)}`))
    })
  })
}
