// Tests that a subscription's topics are read, and that what is none is not taken for one.
import { expect, test } from 'vitest'
import { subscriptionTo } from '../../test/support/subscription.ts'
import { topicsOfSubscription } from './consumer-protocol.ts'

test('the topics of a subscription are read, whatever comes after them', () => {
  expect(topicsOfSubscription(subscriptionTo('a', 'wörds'))).toEqual(['a', 'wörds'])
  expect(topicsOfSubscription(subscriptionTo())).toEqual([])
  const ofLaterVersion = Buffer.concat([subscriptionTo('a'), Buffer.alloc(20, 7)])
  expect(topicsOfSubscription(ofLaterVersion)).toEqual(['a'])
})

test('a subscription that is cut at any byte is not one', () => {
  const whole = subscriptionTo('first', 'second')
  // Its last four bytes are the user data's length.
  for (let end = 0; end < whole.length - 4; end++) {
    expect(topicsOfSubscription(whole.subarray(0, end))).toBe(undefined)
  }
  const negative = Buffer.from([0, 0, 0, 0, 0, 1, 0xff, 0xff])
  expect(topicsOfSubscription(negative)).toBe(undefined)
})
