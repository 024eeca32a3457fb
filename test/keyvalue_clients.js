// Connects to the key-value example with two client libraries of Node.js, in all the ways that differ in
// what they send first, and says nothing unless something is wrong.
//
//     NODE_PATH=<a folder after "npm install ioredis redis">/node_modules node keyvalue_clients.js PORT

const assert = require('assert');
const Redis = require('ioredis');
const { createClient } = require('redis');

const port = Number(process.argv[2]);

function complain(what) {
  console.error(what);
  process.exitCode = 1;
}

async function withIoredis(options) {
  const client = new Redis({ port, retryStrategy: null, ...options });
  client.on('error', complain);
  assert.equal(await client.set('a', 'x'), 'OK');
  assert.equal(await client.get('a'), 'x');
  assert.equal(await client.get('none'), null);
  assert.deepEqual(await client.mget('a', 'none'), ['x', null]);
  assert.equal(await client.incr('counter'), ++counter);
  await assert.rejects(client.incr('a'), /not an integer/);
  await client.quit();
}

async function withNodeRedis(options) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, ...options });
  client.on('error', complain);
  await client.connect();
  assert.equal(await client.set('a', 'x'), 'OK');
  assert.equal(await client.get('a'), 'x');
  assert.equal(await client.get('none'), null);
  assert.deepEqual(await client.mGet(['a', 'none']), ['x', null]);
  assert.equal(await client.incr('counter'), ++counter);
  await assert.rejects(client.incr('a'), /not an integer/);
  assert.equal((await client.configGet('save')).save, '');
  await client.close();
}

let counter = 0;
const user = { username: 'default', password: 'any' };

async function main() {
  process.on('warning', complain);
  await withIoredis({});
  await withIoredis({ connectionName: 'me', db: 0 });
  await withIoredis(user);
  for (const RESP of [2, 3]) {
    await withNodeRedis({ RESP });
    await withNodeRedis({ RESP, name: 'me', database: 0, ...user });
  }
}

main().catch((e) => {
  complain(e);
  process.exit(1);
});
