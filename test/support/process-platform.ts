// A program that runs one function in processes, says which, and waits to be killed.
import { nodeHandler } from './node-bootstrap.ts'
import { startInvoker, valueOf } from './worker-threads.ts'

const workers = startInvoker()
const handler = `async ({ wait }) => {
  const start = (detached) => child_process.spawn('sleep', ['1000'], { detached, stdio: 'ignore' }).pid
  const pids = [process.pid, start(false), start(true)]
  await sleep(50)
  if (wait) { fs.writeFileSync('pids', JSON.stringify(pids)); await sleep(9e5) }
  return { pids, directory: process.env.TMPDIR }
}`
const folder = await workers.deploy('f', nodeHandler(handler), {
  runtime: 'provided.al2023',
  timeoutSeconds: 900,
  memorySizeMb: 512,
})
const [idle] = (await Promise.all([workers.invoke('f'), workers.invoke('f')])).map(valueOf)
// One runs while its platform is killed, the other is frozen.
void workers.invoke('f', { wait: true })
process.stdout.write(`${JSON.stringify({ idle, folder: folder.directory })}\n`)
