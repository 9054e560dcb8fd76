// Tests the leases of a poller that is alone: the contract.
import { leasesContract } from '../test/support/leases-contract.ts'
import { LocalLeases } from './leases.ts'

leasesContract('local', async () => new LocalLeases())
