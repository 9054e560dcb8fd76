// Says why bytes are not what their schema says; never leaves this folder, where it becomes a value.

/** Its text ends a sentence about the record: "… cannot be read: <text>". */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}
