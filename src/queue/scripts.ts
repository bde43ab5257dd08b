/**
 * The steps on the lists that must not be half done, as Redis scripts (EVAL, https://redis.io/docs/latest/develop/programmability/eval-intro/).
 *
 * Every script but `claim` begins by looking at the owner key: an instance that was replaced (FENCED) or that works
 * on a Redis which was emptied (WIPED) changes nothing. KEYS are always owner, queue, in flight, parked, monitor,
 * status, control.
 */

// Under `maxmemory` Redis refuses a script's first write if it could need memory, so a full Redis could not even be
// drained. After any other write in the script, here PERSIST, it no longer refuses.
const DRAIN_WHEN_FULL = `redis.call('persist', KEYS[1])`

const OWNED = `
local owner = redis.call('get', KEYS[1])
if not owner then return redis.error_reply('WIPED the owner key is gone') end
if owner ~= ARGV[1] then return redis.error_reply('FENCED the list belongs to ' .. owner) end
`

const PUT_BACK = `
local entry = redis.call('lpop', KEYS[3])
while entry do
  redis.call('rpush', KEYS[2], entry)
  entry = redis.call('lpop', KEYS[3])
end
`

// PCALL: whatever is wrong with a list that anybody may write to must not end the claim.
const ORDERS = `
local orders = {}
for i = 1, 100 do
  local order = redis.pcall('lpop', KEYS[7])
  if type(order) ~= 'string' then break end
  orders[i] = order
end
`

/**
 * ARGV: owner, its installation, seconds. Makes the caller the owner and puts what was in flight back, oldest first;
 * refused as TAKEN while another installation is at work, which its status shows. Says a status at once, so that two
 * that start together do not both find none.
 */
export const CLAIM = `
${DRAIN_WHEN_FULL}
local holder = string.match(redis.call('get', KEYS[1]) or '', '^(.*) ')
if holder and holder ~= ARGV[2] and redis.call('get', KEYS[6]) then return redis.error_reply('TAKEN ' .. holder) end
redis.call('set', KEYS[1], ARGV[1])
redis.call('set', KEYS[6], 'disconnected', 'NX', 'EX', ARGV[3])
${PUT_BACK}
return 1
`

/** ARGV: owner, entries in order. Returns the length of the queue. A full Redis refuses the first, and so all. */
export const PUSH = `
${OWNED}
for i = 2, #ARGV do redis.call('lpush', KEYS[2], ARGV[i]) end
return redis.call('llen', KEYS[2])
`

/**
 * ARGV: owner, bound of the monitor, how many to take, how many bytes, entries that are settled. Removes the settled
 * ones, shows them to the monitor, our own pulse aside, moves the oldest of the queue in flight. The entry that reaches
 * the bound of bytes is the last one: a single one may be longer than the bound. Returns what was on the control list,
 * and the entries.
 */
export const TURN = `
${OWNED}
${DRAIN_WHEN_FULL}
for i = 5, #ARGV do
  redis.call('lrem', KEYS[3], -1, ARGV[i])
  local isPulse = string.find(ARGV[i], '^{"topic": ?"[^"]*/bridge/health"')
  if #ARGV - i < tonumber(ARGV[2]) and not isPulse then redis.call('lpush', KEYS[5], ARGV[i]) end
end
if #ARGV > 4 then redis.call('ltrim', KEYS[5], 0, ARGV[2] - 1) end
${ORDERS}
local taken, bytes = {}, tonumber(ARGV[4])
for i = 1, tonumber(ARGV[3]) do
  local entry = bytes > 0 and redis.call('rpoplpush', KEYS[2], KEYS[3])
  if not entry then break end
  taken[i], bytes = entry, bytes - #entry
end
return {orders, taken}
`

/** ARGV: owner, bound of the parked list, the entry, its parked form. Returns 0 when the parked list is full. */
export const PARK = `
${OWNED}
${DRAIN_WHEN_FULL}
if redis.call('llen', KEYS[4]) >= tonumber(ARGV[2]) then return 0 end
redis.call('lrem', KEYS[3], -1, ARGV[3])
redis.call('lpush', KEYS[4], ARGV[4])
return 1
`

/** ARGV: owner, status, seconds. Says the status for so long, in a full Redis too. */
export const SAY_STATUS = `
${OWNED}
${DRAIN_WHEN_FULL}
redis.call('set', KEYS[6], ARGV[2], 'EX', ARGV[3])
return 1
`

/** ARGV: owner. Puts back what is in flight, oldest first. */
export const GIVE_BACK = `
${OWNED}
${DRAIN_WHEN_FULL}
${PUT_BACK}
return 1
`

/** ARGV: owner, entries. Removes them from the queue. */
export const REMOVE = `
${OWNED}
${DRAIN_WHEN_FULL}
for i = 2, #ARGV do redis.call('lrem', KEYS[2], -1, ARGV[i]) end
return 1
`
