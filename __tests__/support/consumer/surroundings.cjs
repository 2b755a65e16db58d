// What a process has besides our package, and what our package could change in it.
const events = require('node:events');
const http = require('node:http');
const https = require('node:https');
const dns = require('node:dns');

/** The first look at one of these, even at its descriptor, loads Node's `fetch`, and with it the dispatcher that the app has. */
const FETCH =
  /^(?:fetch|FormData|Headers|Request|Response|MessageEvent|WebSocket|CloseEvent|EventSource|ErrorEvent)$/;

const globals = () => Reflect.ownKeys(globalThis);
exports.globals = globals;
exports.globalsBeforeFetch = () => globals().filter((key) => typeof key === 'symbol' || !FETCH.test(key));

/** The members of an object, none of which is read here: the getters of some load something. */
function* membersOf(name, object) {
  for (const key of Reflect.ownKeys(object)) {
    yield [`${name}.${String(key)}`, Object.values(Object.getOwnPropertyDescriptor(object, key))];
  }
}

function* all(names) {
  for (const key of names) {
    const member = Object.getOwnPropertyDescriptor(globalThis, key);
    yield [`globalThis.${String(key)}`, Object.values(member)];
    const { value } = member;
    if (typeof value !== 'function' && key !== 'Math' && key !== 'JSON' && key !== 'Reflect') continue;
    yield* membersOf(String(key), value);
    if (value.prototype) yield* membersOf(`${String(key)}.prototype`, value.prototype);
  }
  for (const [name, module] of Object.entries({ http, https, dns, events })) yield* membersOf(name, module);
  yield* membersOf('http.Server.prototype', http.Server.prototype);
  yield* membersOf('http.IncomingMessage.prototype', http.IncomingMessage.prototype);
  yield* membersOf('http.ServerResponse.prototype', http.ServerResponse.prototype);
  for (const agent of ['http', 'https']) {
    const { options, maxSockets, keepAlive } = { http, https }[agent].globalAgent;
    yield [`${agent}.globalAgent`, [JSON.stringify(options), maxSockets, keepAlive]];
  }
  yield ['dns order', [dns.getDefaultResultOrder()]];
  for (const [name, value] of Object.entries(process.env)) yield [`env ${name}`, [value]];
  for (const name of process.eventNames()) yield [`process on ${String(name)}`, process.rawListeners(name)];
  yield ['listeners of a process', [process.getMaxListeners()]];
  const timers = process
    .getActiveResourcesInfo()
    .filter((kind) => kind === 'Timeout' || kind === 'Immediate');
  yield ['timers that keep the process alive', [timers.length]];
}

/** Node defines some of its members at their first use: that is no change of ours. */
exports.touch = (names) => {
  for (const key of names) {
    try {
      void globalThis[key];
    } catch {}
  }
};

exports.surroundings = (names = globals()) => new Map(all(names));

/** The names of what is not as it was. */
exports.changes = (before, after) =>
  [...new Set([...before.keys(), ...after.keys()])].filter((name) => {
    const [a, b] = [before.get(name), after.get(name)];
    return !a || !b || a.length !== b.length || a.some((value, i) => !Object.is(value, b[i]));
  });

exports.warnings = [];
exports.watchWarnings = async () => {
  // What Node has to say of its own experiments comes late.
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.on('warning', ({ name, message }) => exports.warnings.push(`${name}: ${message}`));
};
