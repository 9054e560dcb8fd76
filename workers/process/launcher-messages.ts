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

/** `pipe`: make it; `start`: start a process that writes into it. */
export type LauncherRequest =
  | { readonly id: number; readonly type: 'pipe'; readonly path: string }
  | { readonly id: number; readonly type: 'start'; readonly plan: LaunchPlan }

export type LauncherReply =
  | { readonly id: number; readonly type: 'done'; readonly pid: number }
  | { readonly id: number; readonly type: 'failed'; readonly reason: string }
  | ({ readonly id: number; readonly type: 'ended' } & ProcessEnd)

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}
