// Reads the level of a line in a function's log, whichever runtime wrote it.

const words = 'TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL'
/** Node's text: time, request, level; Python's: the level in brackets; JSON: a member near the start. */
const forms = [
  new RegExp(`^\\S+Z\\t[^\\t]*\\t(${words})\\t`),
  new RegExp(`^\\[(${words})\\]\\t`),
  new RegExp(`^\\{[^\\n]{0,300}?"level":\\s?"(${words})"`, 'i'),
]
/** Lambda's own lines of what went wrong have none. */
const failures = /Task timed out after|Runtime exited|^LOGS_DROPPED|"type":"platform\.logsDropped"/

export type EventLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL'

export function eventLevel(message: string): EventLevel {
  for (const form of forms) {
    const word = form.exec(message)?.[1]?.toUpperCase()
    if (word === 'WARNING') return 'WARN'
    if (word === 'CRITICAL') return 'FATAL'
    if (word !== undefined) return word as EventLevel
  }
  return failures.test(message.slice(0, 200)) ? 'ERROR' : 'INFO'
}
