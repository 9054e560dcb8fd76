// Reads the frames of a stack trace for Faro: Node's lines, and Python's.

export interface Frame {
  readonly filename: string
  readonly function: string
  readonly lineno?: number
  readonly colno?: number
}

export function framesOf(trace: readonly string[]): Frame[] {
  return trace.flatMap((line) => nodeFrame(line) ?? pythonFrame(line) ?? [])
}

/** `    at name (file:line:column)`, or without a name. */
function nodeFrame(line: string): Frame | undefined {
  const [, name, inside, bare] = /^\s*at (?:(.+?) \((.+)\)|(.+))$/.exec(line) ?? []
  const place = inside ?? bare
  if (place === undefined) return undefined
  const [, filename = place, lineno, colno] = /^(?:file:\/\/)?(.+?):(\d+):(\d+)$/.exec(place) ?? []
  return { filename, function: name ?? '?', ...numbers(lineno, colno) }
}

/** `  File "file", line 3, in name`. */
function pythonFrame(line: string): Frame | undefined {
  const [, filename, lineno, name] = /^\s*File "(.+)", line (\d+), in (\S+)/.exec(line) ?? []
  if (filename === undefined) return undefined
  return { filename, function: name ?? '?', ...numbers(lineno, undefined) }
}

function numbers(lineno: string | undefined, colno: string | undefined) {
  return {
    ...(lineno === undefined ? {} : { lineno: Number(lineno) }),
    ...(colno === undefined ? {} : { colno: Number(colno) }),
  }
}
