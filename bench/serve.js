/** The process of one variant: `node serve.js <module> <port> <now>`. Tells its parent the load, and what it used. */
import { createServer } from 'node:http';

const [, , module, port, now] = process.argv;
const { name, start } = await import(module);
const tokens = Number(new URL(module).searchParams.get('tokens') ?? 0);
const { handler, load, once } = await start({ port: Number(port), now: Number(now), tokens });
const server = createServer(handler);
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => process.send({ name, load, once }));

process.on('message', ({ ask }) => {
  if (ask === 'cpu') process.send({ cpu: process.cpuUsage() });
});
process.on('disconnect', () => process.exit());
