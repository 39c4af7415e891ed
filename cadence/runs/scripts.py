"""What Redis does in one step for runs, in Lua; each answers with a number or a list."""

# What `OPEN`, `FLUSH` and `RENEW` answer instead of an id: another process has the run; nothing is
# known of it.
TAKEN = -1
MISSING = -2
# What `BEGIN` answers when another run has the conversation.
BUSY = -3

# Only who holds a key may free it: a late one must not free its successor's.
RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end return 1"

# KEYS: run, runs of the node, nodes. ARGV: token, seconds to live, member, node, then the record.
OPEN = """
local writer = redis.call('hget', KEYS[1], 'writer')
if writer and writer ~= ARGV[1] then return -1 end
redis.call('hset', KEYS[1], 'writer', ARGV[1], 'state', 'running', unpack(ARGV, 5))
redis.call('expire', KEYS[1], ARGV[2])
redis.call('sadd', KEYS[2], ARGV[3])
redis.call('sadd', KEYS[3], ARGV[4])
return 0
"""

# KEYS: run, events; for the final event also: runs of the node, lock, two slots.
# ARGV: token, id of the first event, seconds to live, usage or '', member (or '' when the final
# event is not among these), run id, then name and data of each event.
# The final event frees what the run held, so that whoever sees it may go on at once.
FLUSH = """
local writer = redis.call('hget', KEYS[1], 'writer')
if not writer then return -2 end
if writer ~= ARGV[1] then return -1 end
local newest = redis.call('xrevrange', KEYS[2], '+', '-', 'COUNT', 1)
local last = 0
if newest[1] then last = tonumber(string.match(newest[1][1], '^%d+')) end
local was, id = last, tonumber(ARGV[2])
for place = 7, #ARGV, 2 do
  if id > last then
    redis.call('xadd', KEYS[2], string.format('%d-0', id),
      'name', ARGV[place], 'data', ARGV[place + 1])
    last = id
  end
  id = id + 1
end
if ARGV[4] ~= '' then redis.call('hset', KEYS[1], 'usage', ARGV[4]) end
if was == 0 then redis.call('expire', KEYS[2], ARGV[3]) end
if ARGV[5] ~= '' then
  redis.call('hset', KEYS[1], 'state', 'ended')
  redis.call('expire', KEYS[1], ARGV[3])
  redis.call('expire', KEYS[2], ARGV[3])
  redis.call('srem', KEYS[3], ARGV[5])
  if redis.call('get', KEYS[4]) == ARGV[6] then redis.call('del', KEYS[4]) end
  redis.call('zrem', KEYS[5], ARGV[6])
  redis.call('zrem', KEYS[6], ARGV[6])
end
return last
"""

# KEYS: run, runs of the node, lock. ARGV: token, member, run id, seconds of the lock, seconds to
# live. Answers 1 when somebody has ordered the run to be cancelled, else 0.
RENEW = """
local known = redis.call('hmget', KEYS[1], 'writer', 'state', 'cancel')
if not known[1] then return -2 end
if known[1] ~= ARGV[1] then return -1 end
if known[2] ~= 'running' then return 0 end
redis.call('sadd', KEYS[2], ARGV[2])
redis.call('expire', KEYS[1], ARGV[5])
local holder = redis.call('get', KEYS[3])
if holder == ARGV[3] then
  redis.call('expire', KEYS[3], ARGV[4])
elseif not holder then
  redis.call('set', KEYS[3], ARGV[3], 'EX', ARGV[4])
end
if known[3] then return 1 end
return 0
"""

# KEYS: run, events, runs of the node, lock. ARGV: token, member, run id, seconds to live.
# The token stays, with nothing else, so that no late flush makes the run again.
FORGET = """
redis.call('srem', KEYS[3], ARGV[2])
if redis.call('get', KEYS[4]) == ARGV[3] then redis.call('del', KEYS[4]) end
local writer = redis.call('hget', KEYS[1], 'writer')
if writer and writer ~= ARGV[1] then return -1 end
redis.call('del', KEYS[1], KEYS[2])
redis.call('hset', KEYS[1], 'writer', 'forgotten', 'state', 'ended')
redis.call('expire', KEYS[1], ARGV[4])
return 0
"""

# KEYS: run. ARGV: token. From here on its former process can write nothing more.
TAKE = """
if redis.call('hget', KEYS[1], 'state') ~= 'running' then return {} end
redis.call('hset', KEYS[1], 'writer', ARGV[1])
return redis.call('hgetall', KEYS[1])
"""

# KEYS: run. Answers 1 when the run is under way, else 0.
ORDER = """
if redis.call('hget', KEYS[1], 'state') ~= 'running' then return 0 end
redis.call('hset', KEYS[1], 'cancel', '1')
return 1
"""

# KEYS: slots of the person, slots of the organization. ARGV: member, seconds to live, the two
# limits. Answers 0, or which of the two is full. Redis's own time, since the nodes' may differ.
TAKE_SLOTS = """
local time = redis.call('time')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
for place = 1, 2 do
  redis.call('zremrangebyscore', KEYS[place], '-inf', now)
  local held = redis.call('zscore', KEYS[place], ARGV[1])
  if not held and redis.call('zcard', KEYS[place]) >= tonumber(ARGV[2 + place]) then
    return place
  end
end
for place = 1, 2 do
  redis.call('zadd', KEYS[place], now + tonumber(ARGV[2]), ARGV[1])
  redis.call('expire', KEYS[place], ARGV[2])
end
return 0
"""

# KEYS: run, runs of the node, nodes, lock, then the two slots of each place.
# ARGV: token, seconds to live, member, node, run id, seconds of the lock, seconds of the slots, how
# many places, then the member and the two limits of each place, then the record.
# Takes everything as `OPEN`, `TAKE_SLOTS` and the lock do, or nothing. Answers 0, which of all the
# slots is full, or that the conversation is busy. A driver that lost an answer may ask again.
BEGIN = """
local time = redis.call('time')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local places = tonumber(ARGV[8])
for slot = 1, 2 * places do
  local key, about = KEYS[4 + slot], 9 + 3 * math.floor((slot - 1) / 2)
  redis.call('zremrangebyscore', key, '-inf', now)
  local held = redis.call('zscore', key, ARGV[about])
  local limit = tonumber(ARGV[about + 1 + (slot - 1) % 2])
  if not held and redis.call('zcard', key) >= limit then return slot end
end
local holder = redis.call('get', KEYS[4])
if holder and holder ~= ARGV[5] then return -3 end
for slot = 1, 2 * places do
  redis.call('zadd', KEYS[4 + slot], now + tonumber(ARGV[7]),
    ARGV[9 + 3 * math.floor((slot - 1) / 2)])
  redis.call('expire', KEYS[4 + slot], ARGV[7])
end
redis.call('set', KEYS[4], ARGV[5], 'EX', ARGV[6])
redis.call('hset', KEYS[1], 'writer', ARGV[1], 'state', 'running', unpack(ARGV, 9 + 3 * places))
redis.call('expire', KEYS[1], ARGV[2])
redis.call('sadd', KEYS[2], ARGV[3])
redis.call('sadd', KEYS[3], ARGV[4])
return 0
"""

# KEYS: slots of the person, slots of the organization. ARGV: member, seconds to live.
RENEW_SLOT = """
local time = redis.call('time')
for place = 1, 2 do
  redis.call('zadd', KEYS[place], tonumber(time[1]) + tonumber(ARGV[2]), ARGV[1])
  redis.call('expire', KEYS[place], ARGV[2])
end
return 0
"""
