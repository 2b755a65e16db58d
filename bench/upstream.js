/** An introspection endpoint as fast as one can be, for the guards that ask a server: `node upstream.js <now>`. */
import { createServer } from 'node:http';
import { answers, BASIC } from './fixture.js';

const known = new Map(
  [...answers(Number(process.argv[2]))].map(([value, answer]) => [value, JSON.stringify(answer)]),
);
const server = createServer((req, res) => {
  let form = '';
  req.setEncoding('utf8');
  req.on('data', (chunk) => {
    form += chunk;
  });
  req.on('end', () => {
    const body = known.get(new URLSearchParams(form).get('token')) ?? '{"active":false}';
    res.writeHead(req.headers.authorization === BASIC ? 200 : 401, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    });
    res.end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('disconnect', () => process.exit());
