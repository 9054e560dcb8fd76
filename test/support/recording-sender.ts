// Keeps what is sent to queues, topics, buckets and buses, in place of the services.
import type { Message, Sender } from '../../destinations/sender.ts'
import type { Target } from '../../destinations/target.ts'

export interface Sent {
  readonly arn: string
  readonly message: Message
}

export class RecordingSender implements Sender {
  readonly sent: Sent[] = []
  /** Called before a message is kept; what it throws, the sender's user gets. */
  before: (target: Target) => void | Promise<void> = () => undefined

  async send(target: Target, message: Message): Promise<void> {
    await this.before(target)
    this.sent.push({ arn: target.arn, message })
  }

  close(): void {
    this.sent.length = 0
  }
}
