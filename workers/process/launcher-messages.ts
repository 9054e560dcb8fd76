// What platform and launcher say to each other.

export interface LaunchPlan {
  readonly command: string
  readonly args: readonly string[]
  /** Its working directory. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** A named pipe for what it writes to standard output and standard error. */
  readonly pipePath: string
}

/** Who is found with `name=value` in the environment that it was started with. */
export interface StartedWith {
  readonly name: string
  readonly value: string
}

/**
 * `pipe`: make it; `start`: start a process that writes into it. The others read all of /proc, which takes milliseconds
 * that the platform has not: `end` kills who was started with a variable; `memory` looks at the members of sessions.
 */
export type LauncherRequest =
  | { readonly id: number; readonly type: 'pipe'; readonly path: string }
  | { readonly id: number; readonly type: 'start'; readonly plan: LaunchPlan }
  | { readonly id: number; readonly type: 'end'; readonly startedWith: StartedWith }
  | { readonly id: number; readonly type: 'memory'; readonly leaders: readonly number[] }

export type LauncherReply =
  | { readonly id: number; readonly type: 'started'; readonly pid: number }
  | { readonly id: number; readonly type: 'made' }
  | { readonly id: number; readonly type: 'killed'; readonly processes: number }
  | ({ readonly id: number; readonly type: 'held' } & SessionsMemory)
  | { readonly id: number; readonly type: 'failed'; readonly reason: string }
  | ({ readonly id: number; readonly type: 'ended' } & ProcessEnd)

/** What sessions hold beyond what the kernel says of their leaders, by leader, and how long it took to find out. */
export interface SessionsMemory {
  readonly moreBytes: readonly (readonly [leader: number, bytes: number])[]
  readonly tookMs: number
}

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}
