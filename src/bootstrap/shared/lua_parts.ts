/** The beginnings of the scripts that run in Redis, whose keys `scripts.ts` describes. */

/** Names of what all scripts use, and the look at the life. */
export const HEAD = `
local P = KEYS[1]
local sub, byte, call = string.sub, string.byte, redis.call
if call('GET', P .. 'born') ~= ARGV[1] then return redis.error_reply('UNSURE') end
`;

/** Reads lists of announcements. */
export const LISTS = `
local function nameOf(E) return sub(E, byte(E, 87) == 1 and 166 or 152) end
local function keyOf(E) return sub(redis.sha1hex(sub(E, 2, 65) .. nameOf(E)), 1, 16) end
local function timeOf(E) return (struct.unpack('>I7', E, 66)) end
local function each(list)
  local at, size = 1, #list
  return function()
    if at + 1 >= size then return end
    local length = byte(list, at) * 256 + byte(list, at + 1)
    local from = at + 2
    at = from + length
    return sub(list, from, at - 1), from - 2
  end
end
local function pack(E) return struct.pack('>I2', #E) .. E end
local function has(list, test)
  for one in each(list) do if test(one) then return true end end
  return false
end
`;

/** Takes announcements out of lists, and away with their last source. */
export const DROP = `
local function without(list, E)
  local key, name = sub(E, 2, 65), nameOf(E)
  for one, at in each(list) do
    if sub(one, 2, 65) == key and nameOf(one) == name then
      return sub(list, 1, at - 1) .. sub(list, at + 2 + #one)
    end
  end
  return list
end
local function drop(h, e, E)
  if call('EXISTS', P .. 'f:' .. e, P .. 'u:' .. e) > 0 then return end
  local id, publisher, name = sub(E, 2, 33), sub(E, 34, 65), nameOf(E)
  local ofId = function(one) return sub(one, 2, 33) == id end
  local ofPublisher = function(one) return sub(one, 34, 65) == publisher end
  local key = P .. 'n:' .. h
  local list = call('GET', key)
  if not list then return end
  if list ~= '' then
    list = without(list, E)
    if list == '' then call('UNLINK', key) else call('SET', key, list) end
    if not has(list, function(one) return nameOf(one) == name end) then
      call('ZREM', P .. 'names', name)
    end
    if not has(list, ofId) then call('SREM', P .. 'c:' .. id, h) end
    if not has(list, ofPublisher) then call('SREM', P .. 'v:' .. publisher, h) end
    return
  end
  local mine = without(call('HGET', P .. 'N:' .. h, publisher) or '', E)
  if mine ~= '' then
    call('HSET', P .. 'N:' .. h, publisher, mine)
  else
    call('HDEL', P .. 'N:' .. h, publisher)
    call('ZREM', P .. 'O:' .. h, publisher)
    call('SREM', P .. 'v:' .. publisher, h)
  end
  if not has(mine, ofId) then call('SREM', P .. 'C:' .. id, h .. ':' .. publisher) end
  if call('HLEN', P .. 'N:' .. h) == 0 then
    call('UNLINK', key)
    call('ZREM', P .. 'names', name)
  end
end
`;
