/**
 * The scripts that run in Redis. Each does a bounded amount of work, and first compares the
 * registry's life: one that was emptied since the caller looked answers `UNSURE`, never with too
 * little.
 *
 * All keys begin with the prefix of the swarm, which is also the hash tag:
 *
 *     born           the id of the registry, and of its life, and when that began
 *     seq            the number of the last bucket; none is used twice
 *     p:<bucket>     HASH: "o" is its owner's token, "00" to "31" are peers; lapses unless renewed
 *     B              ZSET of buckets by number
 *     n:<name>       STRING of announcements, each after its length; empty when there are too many, then
 *     N:<name>       HASH from publisher to its announcements, and
 *     O:<name>       ZSET of its publishers
 *     f:<key>        SET of ordinals of peers that hold that content under that name, and were reached
 *     u:<key>        the same of those that were not
 *     c:<id>         SET of the numbers of names that a content has
 *     C:<id>         SET of name and publisher, of names with too many announcements
 *     v:<publisher>  SET of the numbers of names that a publisher announced
 *     names          ZSET of all names
 *     b:<token>      STRING: what a bootstrap holds; lapses unless renewed
 *     bs             SET of the tokens of bootstraps
 *
 * An ordinal is 100 times a bucket's number and the slot in it.
 */
import { createHash } from "node:crypto";
import { FIND } from "./find_script.ts";
import { HEAD } from "./lua_parts.ts";
import { PUBLISH, SCRUB } from "./publish_script.ts";

/**
 * Some sources of one key. ARGV: life, key, "f" or "u", cursor, how many at least. Answers with the
 * next cursor, "0" at the end, and the records.
 */
const SOURCES = `${HEAD}
local reply = call('SSCAN', P .. ARGV[3] .. ':' .. ARGV[2], ARGV[4], 'COUNT', ARGV[5])
local records = {}
for _, o in ipairs(reply[2]) do
  local record = call('HGET', P .. 'p:' .. sub(o, 1, -3), sub(o, -2))
  if record then records[#records + 1] = record end
end
return { reply[1], records }
`;

/** A part of all names. ARGV: life, first name after "[", how many. */
const NAMES = `${HEAD}
return call('ZRANGE', P .. 'names', ARGV[2], '+', 'BYLEX', 'LIMIT', 0, ARGV[3])
`;

/** The numbers of some names of a publisher's. ARGV: life, publisher, how many. */
const PUBLISHED = `${HEAD}
return call('SRANDMEMBER', P .. 'v:' .. ARGV[2], ARGV[3])
`;

/** Peers. ARGV: life, first bucket, how many buckets. Answers with a bucket and its fields in turns. */
const PEERS = `${HEAD}
local found = {}
local buckets = call('ZRANGE', P .. 'B', ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, bucket in ipairs(buckets) do
  local fields = call('HGETALL', P .. 'p:' .. bucket)
  if #fields == 0 then call('ZREM', P .. 'B', bucket) end
  found[#found + 1] = bucket
  found[#found + 1] = fields
end
return found
`;

/** Numbers for buckets. ARGV: life, the highest number of one's own, how many. Answers with the last. */
const NUMBER = `${HEAD}
local key = P .. 'seq'
if tonumber(call('GET', key) or '0') < tonumber(ARGV[2]) then call('SET', key, ARGV[2]) end
return call('INCRBY', key, ARGV[3])
`;

/** Renews buckets. ARGV: life, token, time to live in ms, their numbers. Answers how many are one's own. */
const RENEW = `${HEAD}
local own = 0
for n = 4, #ARGV do
  local key = P .. 'p:' .. ARGV[n]
  if call('HGET', key, 'o') == ARGV[2] then
    call('PEXPIRE', key, ARGV[3])
    own = own + 1
  end
end
return own
`;

/** Tells what a bootstrap holds, and hears of the others. ARGV: life, token, time to live in ms, text. */
const TELL = `${HEAD}
call('SET', P .. 'b:' .. ARGV[2], ARGV[4], 'PX', ARGV[3])
call('SADD', P .. 'bs', ARGV[2])
local told = {}
local tokens = call('SRANDMEMBER', P .. 'bs', 256)
for _, token in ipairs(tokens) do
  local text = call('GET', P .. 'b:' .. token)
  if not text then
    call('SREM', P .. 'bs', token)
  elseif token ~= ARGV[2] then
    told[#told + 1] = text
  end
end
return told
`;

/** A bootstrap leaves. ARGV: life, token. */
const LEAVE = `${HEAD}
call('UNLINK', P .. 'b:' .. ARGV[2])
call('SREM', P .. 'bs', ARGV[2])
return 1
`;

/**
 * The life of the registry; begins one if there is none. Writes a key, so that a registry that takes
 * no writes says so. ARGV: an id for a new one, a random text, token.
 */
const LIFE = `
local P = KEYS[1]
local born = redis.call('GET', P .. 'born')
if not born then
  born = ARGV[1] .. '.' .. ARGV[2] .. '.' .. redis.call('TIME')[1]
  redis.call('SET', P .. 'born', born)
end
redis.call('SET', P .. 'w:' .. ARGV[3], '1', 'PX', 5000)
return born
`;

/** A script, and the hash by which Redis knows it. */
export interface Script {
  source: string;
  sha1: string;
}

function script(source: string): Script {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

export const SCRIPTS = {
  publish: script(PUBLISH),
  find: script(FIND),
  names: script(NAMES),
  sources: script(SOURCES),
  published: script(PUBLISHED),
  peers: script(PEERS),
  number: script(NUMBER),
  renew: script(RENEW),
  tell: script(TELL),
  leave: script(LEAVE),
  scrub: script(SCRUB),
  life: script(LIFE),
};
