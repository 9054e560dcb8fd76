// Looks whether there is something to start, and says what is wrong in Lambda's words.
import { access, constants } from 'node:fs/promises'
import { systemCode } from '../../common/errors.ts'

/** Undefined when `command` can be started. */
export async function entrypointProblem(command: string): Promise<string | undefined> {
  try {
    await access(command, constants.X_OK)
    return undefined
  } catch (error) {
    return systemCode(error) === 'EACCES'
      ? `fork/exec ${command}: permission denied`
      : `Couldn't find valid bootstrap(s): [${command}]`
  }
}
