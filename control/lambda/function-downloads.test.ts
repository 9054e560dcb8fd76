// Tests that code which takes its time to come out of a bucket keeps nobody else waiting.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MemoryObjects } from '../../test/support/memory-objects.ts'
import { openTemplateStage } from '../../test/support/template-stage.ts'
import { zipOf } from '../../test/support/zip-file.ts'
import { LambdaApiError } from './api-errors.ts'

const role = 'arn:aws:iam::000000000000:role/any'
const common = { Runtime: 'nodejs24.x', Handler: 'index.handler', Role: role }
const Code = { S3Bucket: 'packages', S3Key: 'slow.zip' }

async function open() {
  const objects = new MemoryObjects()
  const ZipFile = await zipOf({ name: 'index.js', content: 'slow' })
  objects.put('packages/slow.zip', Buffer.from(ZipFile))
  const { promise, resolve } = Promise.withResolvers<void>()
  objects.gate = promise
  const stage = await openTemplateStage(objects)
  return { stage, functions: stage.functions, ZipFile, arrive: resolve }
}

test('functions are changed while the code of others is on its way', async () => {
  const { stage, functions, ZipFile, arrive } = await open()
  const slow = functions.create({ ...common, FunctionName: 'slow', Code })
  const quick = await functions.create({ ...common, FunctionName: 'quick', Code: { ZipFile } })
  expect(quick).toMatchObject({ name: 'quick' })
  const moved = functions.updateCode('quick', Code)
  expect(await functions.updateConfiguration('quick', { Timeout: 7 })).toMatchObject({
    timeoutSeconds: 7,
  })
  arrive()
  expect(await slow).toMatchObject({ name: 'slow' })
  // What was changed meanwhile stays so.
  expect(await moved).toMatchObject({ timeoutSeconds: 7 })
  const names = await readdir(join(stage.dir, 'functions'))
  expect(names.filter((name) => name.startsWith('.'))).toEqual([])
  await stage.close()
})

test('stopping waits for code on its way and what becomes of it', async () => {
  const { stage, functions, arrive } = await open()
  const slow = functions.create({ ...common, FunctionName: 'slow', Code })
  const stopped = functions.stop()
  arrive()
  await stopped
  expect(stage.registry.function('slow')).toBeDefined()
  await slow
  await stage.close()
})

test('a name that was taken while the code was on its way is refused', async () => {
  const { stage, functions, ZipFile, arrive } = await open()
  const slow = functions.create({ ...common, FunctionName: 'f', Code })
  await functions.create({ ...common, FunctionName: 'f', Code: { ZipFile } })
  arrive()
  const refused = await slow
  expect(refused).toBeInstanceOf(LambdaApiError)
  expect(refused).toMatchObject({ code: 'ResourceConflictException' })
  await stage.close()
})
