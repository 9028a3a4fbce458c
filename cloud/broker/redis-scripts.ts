/**
 * What Redis executes for the broker, each script as one step that nothing else comes between, and the keys it keeps.
 *
 *     P:state      hash    epoch, last (offset), reserved (count of `$` messages), historyBytes, retainedBytes, lostTopics,
 *                          run and durable (of the Redis process that wrote last)
 *     P:h:TOPIC    list    history: offset (a double, little-endian) and payload
 *     P:lost       hash    topic to the highest offset that its history has lost
 *     P:oldest     zset    topic by the offset of its oldest message: what makes room first
 *     P:t:LANE     zset    topic by the offset of its newest message: finds what a wildcard reads
 *     P:lanes      zset    lane by the offset of its newest message
 *     P:r:LANE     hash    topic to its last value: offset and payload
 *     P:rlanes     set     lanes that have last values
 *     P:renewed    zset    topic by the offset of its last value: what makes room first
 *     P:seqs       zset    publisher by its last sequence number
 *     P:heard      zset    publisher by the offset when it was last heard: what makes room first
 *     P:w:WRITER   string  number of the last batch of a process, so that a batch sent again is not executed again
 *
 * A lane is what a channel carries: the first level of a topic, or the first two of a `$` topic. P names the database
 * too, because channels do not belong to one. Keys are made from topics, so this is for one Redis, not for Redis Cluster.
 */

const prelude = `
local p = ARGV[1]
local state = p .. ':state'
local function laneOf(topic)
  if topic:sub(1, 1) == '$' then return topic:match('^[^/]*/?[^/]*') end
  return topic:match('^[^/]*')
end
`;

/**
 * Executes a batch: ARGV is P, writer, number of the batch, historyPerTopic, historyBytes, retainedTopics,
 * retainedBytes, publishers, and the records of encodeRecord (engine-record.ts) one after the other. Answers 1, or
 * 0 when there is no epoch (the data is gone): then nothing was done.
 */
export const publishScript = `${prelude}
local writer, number = p .. ':w:' .. ARGV[2], tonumber(ARGV[3])
local perTopic, mostHistory = tonumber(ARGV[4]), tonumber(ARGV[5])
local mostRetained, mostRetainedBytes, mostPublishers = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local records = ARGV[9]
local known = redis.call('HMGET', state, 'epoch', 'last', 'reserved', 'historyBytes', 'retainedBytes', 'lostTopics')
if not known[1] then return 0 end
if number <= tonumber(redis.call('GET', writer) or '0') then return 1 end
redis.call('SET', writer, number, 'EX', 86400)
local last, reserved = tonumber(known[2] or 0), tonumber(known[3] or 0)
local historyBytes, retainedBytes = tonumber(known[4] or 0), tonumber(known[5] or 0)
local lostTopics = tonumber(known[6] or 0)
local messageCost, topicCost = 32, 512

local function accept(publisher, seq)
  local before = tonumber(redis.call('ZSCORE', p .. ':seqs', publisher) or '-1')
  redis.call('ZADD', p .. ':heard', last, publisher)
  if seq <= before then return false end
  redis.call('ZADD', p .. ':seqs', seq, publisher)
  if before < 0 and redis.call('ZCARD', p .. ':seqs') > mostPublishers then
    local silent = redis.call('ZPOPMIN', p .. ':heard')[1]
    redis.call('ZREM', p .. ':seqs', silent)
  end
  return true
end

local function forget(topic, lost)
  redis.call('ZREM', p .. ':oldest', topic)
  redis.call('HDEL', p .. ':lost', topic)
  local lane = laneOf(topic)
  redis.call('ZREM', p .. ':t:' .. lane, topic)
  if redis.call('EXISTS', p .. ':t:' .. lane) == 0 then redis.call('ZREM', p .. ':lanes', lane) end
  historyBytes = historyBytes - topicCost - #topic
  if lost > lostTopics then lostTopics = lost end
end

local function dropOldest(topic)
  local key = p .. ':h:' .. topic
  local gone = redis.call('LPOP', key)
  local lost = struct.unpack('<d', gone)
  historyBytes = historyBytes - messageCost - #gone
  local first = redis.call('LINDEX', key, 0)
  if first then
    redis.call('HSET', p .. ':lost', topic, lost)
    redis.call('ZADD', p .. ':oldest', struct.unpack('<d', first), topic)
  else
    forget(topic, lost)
  end
end

local function remember(topic, lane, offset, payload)
  local entry = struct.pack('<d', offset) .. payload
  local length = redis.call('RPUSH', p .. ':h:' .. topic, entry)
  historyBytes = historyBytes + messageCost + #entry
  if length == 1 then
    historyBytes = historyBytes + topicCost + #topic
    redis.call('ZADD', p .. ':oldest', offset, topic)
  end
  redis.call('ZADD', p .. ':t:' .. lane, offset, topic)
  redis.call('ZADD', p .. ':lanes', offset, lane)
  if length > perTopic then dropOldest(topic) end
  while historyBytes > mostHistory do
    local oldest = redis.call('ZRANGE', p .. ':oldest', 0, 0)[1]
    if not oldest then break end
    dropOldest(oldest)
  end
end

local function release(topic, lane)
  local key = p .. ':r:' .. lane
  local size = redis.call('HSTRLEN', key, topic)
  if size == 0 then return end
  redis.call('HDEL', key, topic)
  if redis.call('EXISTS', key) == 0 then redis.call('SREM', p .. ':rlanes', lane) end
  if redis.call('ZREM', p .. ':renewed', topic) == 1 then retainedBytes = retainedBytes - size - #topic end
end

local function retain(topic, lane, offset, payload, isReserved)
  release(topic, lane)
  if payload == '' then return end
  local entry = struct.pack('<d', offset) .. payload
  redis.call('HSET', p .. ':r:' .. lane, topic, entry)
  redis.call('SADD', p .. ':rlanes', lane)
  if isReserved then return end
  redis.call('ZADD', p .. ':renewed', offset, topic)
  retainedBytes = retainedBytes + #entry + #topic
  while retainedBytes > mostRetainedBytes or redis.call('ZCARD', p .. ':renewed') > mostRetained do
    local stale = redis.call('ZRANGE', p .. ':renewed', 0, 0)[1]
    if not stale then break end
    release(stale, laneOf(stale))
  end
end

local at = 1
while at <= #records do
  local flags, topicLength, publisherLength, payloadLength, seq
  flags, topicLength, publisherLength, payloadLength, seq, at = struct.unpack('<BHHI4d', records, at)
  local topic = records:sub(at, at + topicLength - 1)
  at = at + topicLength
  local publisher = records:sub(at, at + publisherLength - 1)
  at = at + publisherLength
  local payload = records:sub(at, at + payloadLength - 1)
  at = at + payloadLength
  if publisherLength == 0 or accept(publisher, seq) then
    local lane = laneOf(topic)
    local isReserved = topic:sub(1, 1) == '$'
    local place, offset
    if isReserved then
      reserved = reserved + 1
      place, offset = -reserved, 0
    else
      last = last + 1
      place, offset = last, last
      remember(topic, lane, offset, payload)
    end
    if flags == 1 then retain(topic, lane, offset, payload, isReserved) end
    redis.call('PUBLISH', p .. ':c:' .. lane, struct.pack('<dH', place, #topic) .. topic .. payload)
  end
end
local function whole(value) return string.format('%.0f', value) end
redis.call('HSET', state, 'last', whole(last), 'reserved', whole(reserved), 'historyBytes', whole(historyBytes),
  'retainedBytes', whole(retainedBytes), 'lostTopics', whole(lostTopics))
return 1
`;

/**
 * Says hello to the data: ARGV is P, run id of this Redis, whether it forgets nothing that it answered (1 or 0), an epoch
 * in case one is needed. One is needed when there is none, or when another Redis process than now wrote last and could
 * have forgotten something. Answers epoch, last offset.
 */
export const openScript = `${prelude}
local known = redis.call('HMGET', state, 'epoch', 'run', 'durable', 'last')
local epoch = known[1]
if not epoch or (known[2] ~= ARGV[2] and known[3] ~= '1') then
  epoch = ARGV[4]
  redis.call('HSET', state, 'epoch', epoch)
  redis.call('PUBLISH', p .. ':control', epoch .. ' ' .. (known[4] or '0'))
end
redis.call('HSET', state, 'run', ARGV[2], 'durable', ARGV[3])
return { epoch, known[4] or '0' }
`;

/**
 * The last values that a filter may select, and the place in the stream at which they hold: ARGV is P, a channel and a
 * text that is published on it, and one of `none`, `topic` TOPIC, `lane` LANE, `lanes` PREFIX (`lanes` with an empty
 * prefix: all but the server's own). Answers epoch, last offset, then topic and value alternately.
 */
export const snapshotScript = `${prelude}
local known = redis.call('HMGET', state, 'epoch', 'last')
local answer = { known[1] or '', known[2] or '0' }
local function add(lane)
  for _, value in ipairs(redis.call('HGETALL', p .. ':r:' .. lane)) do answer[#answer + 1] = value end
end
local kind, name = ARGV[4], ARGV[5]
if kind == 'topic' then
  local value = redis.call('HGET', p .. ':r:' .. laneOf(name), name)
  if value then answer[3], answer[4] = name, value end
elseif kind == 'lane' then
  add(name)
elseif kind == 'lanes' then
  for _, lane in ipairs(redis.call('SMEMBERS', p .. ':rlanes')) do
    if (name == '' and lane:sub(1, 1) ~= '$') or (name ~= '' and lane:sub(1, #name) == name) then add(lane) end
  end
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return answer
`;

/**
 * Topics that had messages since an offset: ARGV is P, the offset, then lanes; an empty one stands for all. Answers
 * epoch, last offset, then topics.
 */
export const changedScript = `${prelude}
local known = redis.call('HMGET', state, 'epoch', 'last')
local answer = { known[1] or '', known[2] or '0' }
local after = '(' .. ARGV[2]
local lanes = {}
for index = 3, #ARGV do lanes[#lanes + 1] = ARGV[index] end
if lanes[1] == '' then lanes = redis.call('ZRANGEBYSCORE', p .. ':lanes', after, '+inf') end
for _, lane in ipairs(lanes) do
  for _, topic in ipairs(redis.call('ZRANGEBYSCORE', p .. ':t:' .. lane, after, '+inf')) do
    answer[#answer + 1] = topic
  end
end
return answer
`;

/**
 * Messages of topics after one offset and up to another: ARGV is P, both offsets, how many at most, topics. Answers
 * epoch, last offset, whether it is all (1 or 0), then topic and entry alternately.
 */
export const readScript = `${prelude}
local known = redis.call('HMGET', state, 'epoch', 'last', 'lostTopics')
local since, upTo, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local answer = { known[1] or '', known[2] or '0', 0 }
if tonumber(known[3] or 0) > since then return answer end
local chunk = 64
for index = 5, #ARGV do
  local topic = ARGV[index]
  if tonumber(redis.call('HGET', p .. ':lost', topic) or '0') > since then return { answer[1], answer[2], 0 } end
  local reached, right = false, -1
  while not reached do
    local entries = redis.call('LRANGE', p .. ':h:' .. topic, right - chunk + 1, right)
    for place = #entries, 1, -1 do
      local offset = struct.unpack('<d', entries[place])
      if offset <= since then reached = true break end
      if offset <= upTo then
        if most == 0 then return { answer[1], answer[2], 0 } end
        most = most - 1
        answer[#answer + 1] = topic
        answer[#answer + 1] = entries[place]
      end
    end
    if #entries < chunk then reached = true end
    right = right - chunk
  end
end
answer[3] = 1
return answer
`;
