// Tests what tags switch, and that a switch that is wrong is refused by name.
import { expect, test } from 'vitest'
import { scalingSwitch, shardLimitsSwitch, switchFlaw } from './stream-switches.ts'

test('tags of their own are nobody’s business, and unknown ones of ours are refused', () => {
  expect(switchFlaw({ team: 'pit', 'millrace:shard-limits': 'on' })).toBeUndefined()
  expect(switchFlaw({ 'millrace:shard-limit': 'on' })).toMatch(
    /^There is no tag millrace:shard-limit:/,
  )
  expect(switchFlaw({ 'millrace:toString': 'on' })).toMatch(/^There is no tag/)
})

test('a value that is no value of the switch is refused', () => {
  expect(switchFlaw({ 'millrace:shard-limits': 'yes' })).toBe(
    'The value of tag millrace:shard-limits must be one of on, off, and is yes.',
  )
  for (const value of ['9', '91', '', '5e1', '-50', ' 50']) {
    expect(switchFlaw({ 'millrace:scaling-target': value })).toBe(
      `The value of tag millrace:scaling-target must be a whole number from 10 to 90, and is ${value}.`,
    )
  }
})

test('what is not switched is left to the pace, or off', () => {
  expect(shardLimitsSwitch({})).toBeUndefined()
  expect(shardLimitsSwitch({ 'millrace:shard-limits': 'off' })).toBe(false)
  expect(scalingSwitch({ 'millrace:scaling-min': '2' })).toBeUndefined()
  expect(scalingSwitch({ 'millrace:scaling-target': '70', 'millrace:scaling-max': '8' })).toEqual({
    targetPercent: 70,
    minShards: 1,
    maxShards: 8,
  })
})
