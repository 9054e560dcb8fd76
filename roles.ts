// The roles this program can be, and which parts each of them starts, in which order.
import type { Started } from './common/lifecycle.ts'
import type { RoleName } from './common/settings.ts'
import { Platform, type PlatformSettings } from './platform.ts'

type ServerRole = Exclude<RoleName, 'producer'>

/** Starts one role or all. When a part does not start, those before it are stopped again. */
export async function startRoles(role: ServerRole, settings: PlatformSettings): Promise<Started> {
  const platform = new Platform(settings)
  try {
    await platform.openMetrics()
    await starters[role](platform)
    platform.started()
    return { doors: platform.doors(), stop: () => platform.stop() }
  } catch (error) {
    await platform.stop()
    throw error
  }
}

const starters: Record<ServerRole, (platform: Platform) => Promise<void>> = {
  broker: (platform) => platform.startBroker(),
  workers: async (platform) => {
    await platform.openRegistry('workers')
    await platform.startWorkers({ door: true })
  },
  poller: async (platform) => {
    await platform.openRegistry('poller')
    await platform.loadAccess()
    await platform.useRemoteWorkers()
    await platform.startPoller()
  },
  control: async (platform) => {
    await platform.openRegistry('control')
    await platform.loadAccess()
    await platform.useRemoteWorkers()
    await platform.startControl()
    await platform.deployTemplate()
  },
  all: async (platform) => {
    await Promise.all([platform.startBrokerThread(), platform.openRegistry('both')])
    await platform.startWorkers({ door: false })
    await platform.startControl()
    await platform.startPoller()
    await platform.deployTemplate()
  },
}
