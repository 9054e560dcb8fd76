// The scripts by which copies of the workers share pools of concurrency: each is one step in Redis.
import { redisScript } from '../common/redis.ts'

export const heartbeatsKey = 'millrace:workers'
/** There while nobody is taken for dead, with the time since when: Redis was away, or all copies were. */
export const backKey = 'millrace:concurrency:back'

export function poolKey(pool: string): string {
  return pool === '' ? 'millrace:concurrency:unreserved' : `millrace:concurrency:function:${pool}`
}

/**
 * A pool is a hash of copy → `grant need order turn`: what the copy may have at once, what it has use
 * for, since when it has waited for its turn, and since when it has had it (0: it has not).
 *
 * Shares are max-min fair: who needs little gets it, the others get even parts of the rest. What does
 * not divide evenly goes to those who have waited longest; who has used it for a turn goes to the back.
 * So with fewer executions than copies each copy comes to have one. Nobody loses what runs.
 *
 * KEYS: heartbeats, back, pools. ARGV: self, time to live, silence that means that all were away, turn,
 * life of a pool that nobody touches; then for each pool its limit, what the copy holds on to, what it
 * needs, and what it would like. Answers how many copies live and how many of them come before this
 * one; then for each pool what this copy may have, and 1 if another copy needs more than it has.
 */
export const exchangeScript = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local self, ttl = ARGV[1], tonumber(ARGV[2])
local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if newest and now - tonumber(newest) > tonumber(ARGV[3]) then
  redis.call('SET', KEYS[2], now, 'PX', ttl)
end
local back = tonumber(redis.call('GET', KEYS[2]) or 0)
if back == 0 then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ttl) end
redis.call('ZADD', KEYS[1], now, self)
local beats = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local copies, before, heard, ids = #beats / 2, 0, {}, {}
for i = 1, #beats, 2 do
  heard[beats[i]] = tonumber(beats[i + 1])
  table.insert(ids, beats[i])
  if beats[i] < self then before = before + 1 end
end
table.sort(ids)

-- What a copy that has not been heard since Redis was away may be using: see evenShare.
local function blindShare(id, limit)
  for rank, other in ipairs(ids) do
    if other == id then
      return math.floor(limit / copies) + (rank <= limit % copies and 1 or 0)
    end
  end
end

-- The even part of self, nil where it has all that it needs; 1 if one more is its own in its turn;
-- and what nobody needs.
local function share(needy, limit)
  table.sort(needy, function (a, b) return a.need < b.need end)
  local left = limit
  for i, one in ipairs(needy) do
    local part = math.floor(left / (#needy - i + 1))
    if one.need > part then
      local rest = left - part * (#needy - i + 1)
      local waiting = {}
      for j = i, #needy do table.insert(waiting, needy[j]) end
      table.sort(waiting, function (a, b)
        if a.order ~= b.order then return a.order < b.order end
        return a.id < b.id
      end)
      for place, each in ipairs(waiting) do
        if each.id == self then return part, place <= rest and 1 or 0, 0 end
      end
      return nil, 0, 0
    end
    left = left - one.need
  end
  return nil, 0, left
end

local answer = {copies, before}
for i = 3, #KEYS do
  local at = 6 + (i - 3) * 4
  local limit, hold = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local need, wanted = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local order, turn, held, needy, pressed = now, 0, 0, {}, 0
  local flat = redis.call('HGETALL', KEYS[i])
  local known = {}
  for j = 1, #flat, 2 do
    local id = flat[j]
    local a, b, c, d = string.match(flat[j + 1], '^(%d+) (%d+) (%d+) (%d+)$')
    local grant, otherNeed = tonumber(a), tonumber(b)
    known[id] = true
    if id == self then
      order, turn = tonumber(c), tonumber(d)
    elseif not heard[id] then
      redis.call('HDEL', KEYS[i], id)
    else
      if heard[id] < back then grant = math.max(grant, blindShare(id, limit)) end
      held = held + grant
      table.insert(needy, {id = id, need = otherNeed, order = tonumber(c)})
      if otherNeed > grant then pressed = 1 end
    end
  end
  for _, id in ipairs(ids) do
    if id ~= self and not known[id] and heard[id] < back then held = held + blindShare(id, limit) end
  end
  table.insert(needy, {id = self, need = need, order = order})
  local part, extra, spare = share(needy, limit)
  local target = part and part + extra or math.min(math.max(wanted, need), need + spare)
  if extra == 0 then
    turn = 0
  elseif hold > part and turn == 0 then
    turn = now
  elseif turn > 0 and now - turn >= tonumber(ARGV[4]) then
    order, turn = now, 0
  end
  local may = math.max(0, math.min(target, limit - held))
  local grant = math.max(hold, may)
  if grant == 0 and need == 0 then
    redis.call('HDEL', KEYS[i], self)
  else
    redis.call('HSET', KEYS[i], self, string.format('%d %d %d %d', grant, need, order, turn))
    redis.call('PEXPIRE', KEYS[i], ARGV[5])
  end
  table.insert(answer, may)
  table.insert(answer, pressed)
end
return answer
`)

/** KEYS: heartbeats, pools. ARGV: self. */
export const leaveScript = redisScript(`
redis.call('ZREM', KEYS[1], ARGV[1])
for i = 2, #KEYS do redis.call('HDEL', KEYS[i], ARGV[1]) end
`)
