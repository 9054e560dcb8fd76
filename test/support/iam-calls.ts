// Calls IAM on the AWS door as its clients do: a form in, XML out.
import { expect } from 'vitest'
import { startControlForTest, type ControlHarness } from './control-harness.ts'

export type Fields = Readonly<Record<string, string>>

interface Answer {
  readonly status: number
  readonly text: string
}

export interface IamCalls {
  readonly harness: ControlHarness
  call(action: string, fields?: Fields): Promise<Answer>
  /** Of what is named; an answer that is no refusal. */
  ofNamed(action: string, fields?: Fields): Promise<string>
  /** The status, code and text of a refusal of the same. */
  refusal(action: string, fields?: Fields): Promise<readonly unknown[]>
}

/** `named` goes with every call but those of `call`. */
export async function startIamForTest(named: Fields): Promise<IamCalls> {
  const harness = await startControlForTest()
  const call = async (Action: string, fields: Fields = {}): Promise<Answer> => {
    const body = new URLSearchParams({ Action, Version: '2010-05-08', ...fields })
    const response = await fetch(harness.url, { method: 'POST', body })
    return { status: response.status, text: await response.text() }
  }
  return {
    harness,
    call,
    ofNamed: async (action, fields = {}) => {
      const { status, text } = await call(action, { ...named, ...fields })
      expect([status, status === 200 ? '' : text]).toEqual([200, ''])
      return text
    },
    refusal: async (action, fields = {}) => {
      const { status, text } = await call(action, { ...named, ...fields })
      const [, code, message] = /<Code>(.*)<\/Code><Message>(.*)<\/Message>/.exec(text) ?? []
      return [status, code, message]
    },
  }
}

/** What stands in each element of that name. */
export function inside(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'g'))].map(
    ([, each = '']) => each,
  )
}
