// Tests where code ends up: by digest, once, and removed when nobody needs it.
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire, findPackageJSON } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryObjects } from '../../test/support/memory-objects.ts'
import { zipOf } from '../../test/support/zip-file.ts'
import { CodeStore } from './code-store.ts'

const noObjects = new MemoryObjects()

async function store(): Promise<{ dataDir: string; codeStore: CodeStore }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-code-'))
  onTestFinished(() => rm(dataDir, { recursive: true }))
  return { dataDir, codeStore: new CodeStore(dataDir, noObjects) }
}

function storeOf(codeStore: CodeStore, S3Key: string) {
  const input = { S3Bucket: 'packages', S3Key }
  return codeStore.withDownload(input, (downloaded) => codeStore.store(input, downloaded))
}

async function zipIn(codeStore: CodeStore, hex: string): Promise<Buffer | undefined> {
  const zip = await codeStore.zipOf(hex)
  const content = zip === undefined ? undefined : await buffer(zip.content)
  expect(content?.length).toBe(zip?.sizeBytes)
  return content
}

test('a package is unpacked once, under its digest, and described as AWS does', async () => {
  const { dataDir, codeStore } = await store()
  const zip = await zipOf({ name: 'index.js', content: 'code' })
  const digest = createHash('sha256').update(zip)
  const directory = join(dataDir, 'functions', digest.copy().digest('hex'))
  const sha256 = digest.digest('base64')
  const [first, second] = [
    await codeStore.store({ ZipFile: zip }),
    await codeStore.store({ ZipFile: zip }),
  ]
  expect(first).toEqual({ kind: 'zip', directory, sha256, sizeBytes: zip.length })
  expect(second).toEqual(first)
  expect(await readFile(join(directory, 'index.js'), 'utf8')).toBe('code')
  const names = await readdir(join(dataDir, 'functions'))
  const hex = basename(directory)
  expect(names.toSorted()).toEqual([hex, `${hex}.zip`, 'package.json'])
  expect(await zipIn(codeStore, hex)).toEqual(zip)
  expect(await codeStore.zipOf('0'.repeat(64))).toBeUndefined()
  // A package from before zips were kept gets its own back with the next one.
  await rm(`${directory}.zip`)
  await codeStore.store({ ZipFile: zip })
  expect(await zipIn(codeStore, hex)).toEqual(zip)
  if (!('kind' in first)) throw new Error('refused')
  await codeStore.remove(first)
  expect(await readdir(join(dataDir, 'functions'))).toEqual(['package.json'])
})

test('code below a package of type module keeps its own type', async () => {
  const { dataDir, codeStore } = await store()
  await writeFile(join(dataDir, 'package.json'), '{"type":"module"}')
  await codeStore.store({ ZipFile: await zipOf({ name: 'index.js', content: 'exports.a = 1' }) })
  const names = await readdir(join(dataDir, 'functions'))
  const directory = names.find((name) => name.length === 64)
  const file = join(dataDir, 'functions', directory ?? '', 'index.js')
  expect(createRequire(import.meta.url)(file)).toEqual({ a: 1 })
  expect(findPackageJSON('.', pathToFileURL(file))).toBe(join(dataDir, 'functions/package.json'))
})

test('a refused package leaves nothing behind', async () => {
  const { dataDir, codeStore } = await store()
  const zip = await zipOf({ name: 'a', content: '1' }, { name: 'link', mode: 0o120777 })
  expect(await codeStore.store({ ZipFile: zip })).toMatchObject({
    code: 'InvalidParameterValueException',
  })
  expect(await readdir(join(dataDir, 'functions'))).toEqual([])
})

test('a zip over 50 MB is refused before it is looked at', async () => {
  const { codeStore } = await store()
  expect(await codeStore.store({ ZipFile: new Uint8Array(52_428_801) })).toMatchObject({
    code: 'RequestTooLargeException',
    message: 'Zipped size must be at most 52428800 bytes',
  })
})

test('hot-reload takes an absolute directory that exists, and nothing else', async () => {
  const { dataDir, codeStore } = await store()
  const hotReload = (S3Key: string): Promise<unknown> =>
    codeStore.store({ S3Bucket: 'hot-reload', S3Key })
  expect(await hotReload(dataDir)).toEqual({ kind: 'hot-reload', directory: dataDir })
  expect(await hotReload(`${dataDir}/`)).toEqual({ kind: 'hot-reload', directory: dataDir })
  await writeFile(join(dataDir, 'file'), '')
  for (const wrong of [join(dataDir, 'none'), join(dataDir, 'file'), `${dataDir}\0`]) {
    expect(await hotReload(wrong)).toMatchObject({
      message: `With bucket hot-reload, S3Key must be a directory: ${wrong} is none.`,
    })
  }
  expect(await hotReload('relative')).toMatchObject({
    message: 'With bucket hot-reload, S3Key must be the absolute path of a local directory.',
  })
})

test('the sweep removes unused packages and unfinished ones, and touches nothing else', async () => {
  const { dataDir, codeStore } = await store()
  const kept = await codeStore.store({ ZipFile: await zipOf({ name: 'kept' }) })
  await codeStore.store({ ZipFile: await zipOf({ name: 'unused' }) })
  const root = join(dataDir, 'functions')
  await mkdir(join(root, '.unpacking-1'))
  await mkdir(join(root, 'somebody-elses'))
  await writeFile(join(root, 'tyres.json'), '')
  await writeFile(join(root, '.writing-1'), '')
  expect(await readdir(root)).toHaveLength(9)
  if (!('kind' in kept)) throw new Error('refused')
  await codeStore.sweep([kept])
  const names = await readdir(root)
  expect(names.toSorted()).toEqual([
    basename(kept.directory),
    `${basename(kept.directory)}.zip`,
    'package.json',
    'somebody-elses',
    'tyres.json',
  ])
})

test('code of a bucket is unpacked as if it had come with the request', async () => {
  const { dataDir } = await store()
  const objects = new MemoryObjects()
  const codeStore = new CodeStore(dataDir, objects)
  const zip = await zipOf({ name: 'index.js', content: 'code' })
  objects.put('packages/tyres.zip', zip)
  const code = await storeOf(codeStore, 'tyres.zip')
  expect(code).toEqual(await codeStore.store({ ZipFile: zip }))
  if (!('kind' in code)) throw new Error(code.message)
  expect(await readFile(join(code.directory, 'index.js'), 'utf8')).toBe('code')
  expect(await zipIn(codeStore, basename(code.directory))).toEqual(zip)
  const names = await readdir(join(dataDir, 'functions'))
  expect(names.filter((name) => name.startsWith('.'))).toEqual([])
})

test('a bucket that has no such code, or too much of it, refuses and leaves nothing', async () => {
  const { dataDir } = await store()
  const objects = new MemoryObjects()
  const codeStore = new CodeStore(dataDir, objects)
  const refused = async (S3Key: string): Promise<string> => {
    const code = await storeOf(codeStore, S3Key)
    expect(await readdir(join(dataDir, 'functions'))).toEqual([])
    return 'message' in code ? code.message : 'taken'
  }
  expect(await refused('gone.zip')).toBe(
    'Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.',
  )
  objects.tooLarge.add('packages/big.zip')
  expect(await refused('big.zip')).toBe('Unzipped size must be smaller than 262144000 bytes')
  objects.put('packages/text.zip', Buffer.from('text'))
  expect(await refused('text.zip')).toMatch(/^Could not unzip uploaded file/)
})
